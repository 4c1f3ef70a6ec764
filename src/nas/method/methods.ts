/**
 * The methods: what each moves alpha by, and whether it regularises the weights. A method is a block of `METHODS`; the
 * step that they share is in `bilevel.ts`, the options that they read in `config.ts`.
 */
import * as $ from '../../autodiff/ops/index.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { pack, type Statistics, type TensorTable, unpack, type Weights } from '../space/layers.js'
import { type Batch, type BatchLoss, passOf } from './harmony.js'
import { hypergradient, type ProductKind } from './hypergradient.js'
import { type SgdStepOptions, sgdStep } from './optim.js'

/** What a gradient in alpha is made from. */
export interface Scene {
  /** Where weights lie in their vector. */
  readonly table: TensorTable
  readonly training: BatchLoss
  readonly validation: BatchLoss
  readonly train: Batch
  readonly valid: Batch
  readonly rate: Tensor
}

/** What the step of alpha is told besides the state. */
export interface ArchitectureOptions extends SgdStepOptions {
  /**
   * How the mixed second derivative of `darts2` and `idarts` is had: exactly, or by the papers' difference quotient.
   */
  readonly hypergradient: ProductKind
  /** K of `idarts`. */
  readonly neumann: number
  /**
   * Of what the validation Λ is logged: after an unrolled step the official code takes its last pass, that of the
   * training batch at w - R v. See docs/method.md, "Quirks of the official code".
   */
  readonly alignment: 'validation' | 'last-pass'
}

/** What the validation batch says, and how alpha is to move. */
export interface ArchitecturePass {
  readonly loss: Tensor
  readonly logits: Tensor
  /** The gradient in each cell's mixture. */
  readonly gradient: readonly Tensor[]
  /** The gradients of cells whose agreement is logged. */
  readonly observed: readonly Tensor[]
  /** Statistics of the passes that the official code lets move the running ones, in its order. */
  readonly moments: readonly Statistics[]
}

/** From weights and momentum, vectors, and the cells' mixtures. */
export type Architecture = (
  scene: Scene,
  options: ArchitectureOptions
) => (at: { readonly weights: Tensor; readonly momentum: Tensor }, mixtures: readonly Tensor[]) => ArchitecturePass

/** dL_val/dp at the weights as they are. */
const firstOrder: Architecture =
  ({ table, validation, valid }) =>
  ({ weights }, mixtures) => {
    const { loss, logits, moments, cellGradients } = passOf(validation)(unpack(table, weights), mixtures, valid)
    return { loss, logits, gradient: cellGradients, observed: cellGradients, moments: [moments] }
  }

/**
 * The hypergradient with the validation loss at some weights, and second derivatives of the training loss at others.
 */
const implicit = (
  { training, validation, train, valid, rate }: Scene,
  { hypergradient: product, alignment }: ArchitectureOptions,
  terms: number,
  weights: { readonly base: Weights; readonly reached: Weights },
  mixtures: readonly Tensor[]
): ArchitecturePass => {
  const found = hypergradient(
    (w: Weights, ps: readonly Tensor[]) => training(w, ps, train),
    (w: Weights, ps: readonly Tensor[]) => validation(w, ps, valid),
    { rate, terms, product }
  )(weights, mixtures)
  const last = found.mixed.passes.at(-1)
  return {
    loss: found.validation.value,
    logits: found.validation.aux.logits,
    gradient: found.gradient,
    observed: alignment === 'last-pass' && last ? last.gradient : found.validation.gradient,
    moments: found.mixed.passes.map(({ aux }) => aux.moments)
  }
}

/**
 * DARTS' second order: the validation loss one plain step of SGD ahead, on a copy of the network whose statistics
 * nobody keeps.
 */
const secondOrder: Architecture = (scene, options) => (at, mixtures) => {
  const { table, training, train, rate } = scene
  const base = unpack(table, at.weights)
  const pass = passOf(training)(base, mixtures, train)
  const ahead = sgdStep(options, rate, pack(table, pass.weightGradient), at.momentum, at.weights).values
  const found = implicit(scene, options, 0, { base, reached: unpack(table, ahead) }, mixtures)
  return { ...found, moments: [pass.moments, ...found.moments] }
}

/** iDARTS: the implicit function theorem at the weights that the inner steps have reached. */
const neumann: Architecture = (scene, options) => (at, mixtures) => {
  const reached = unpack(scene.table, at.weights)
  return implicit(scene, options, options.neumann, { base: reached, reached }, mixtures)
}

/** A method of search: how alpha is moved, and what the weights are trained on. */
export interface Method {
  readonly help: string
  readonly architecture: Architecture
  /** Alpha stays as it started. */
  readonly fixedAlpha?: true
  /** The weights are trained on L - lambda Λ. */
  readonly regularised?: true
  /** A step trains the weights on several batches before alpha moves. */
  readonly innerSteps?: true
}

const methods = <K extends string>(table: Readonly<Record<K, Method>>): Readonly<Record<K, Method>> => table

/** To add a method is to add a block. */
export const METHODS = methods({
  'lambda-darts': {
    help: 'first order, and weights that keep the cells in harmony',
    architecture: firstOrder,
    regularised: true
  },
  darts: {
    help: 'first order, without the regulariser and its passes',
    architecture: firstOrder
  },
  darts2: {
    help: 'second order: the validation loss one step of the weights ahead',
    architecture: secondOrder
  },
  idarts: {
    help: 'T steps of the weights, then the implicit hypergradient with K terms of a Neumann series',
    architecture: neumann,
    innerSteps: true
  },
  'fixed-alpha': {
    help: 'only the weights are trained, for a selection by perturbation',
    architecture: firstOrder,
    fixedAlpha: true
  }
})
/** The name of a method. */
export type MethodName = keyof typeof METHODS

/** Batch `n` of several that lie one after another in one. */
export const partOf = ({ images, labels }: Batch, n: number, parts: number): Batch => {
  if (parts === 1) return { images, labels }
  const size = (images.shape[0] as number) / parts
  const range = [n * size, (n + 1) * size] as const
  return { images: $.slice(images, [range]), labels: $.slice(labels, [range]) }
}
