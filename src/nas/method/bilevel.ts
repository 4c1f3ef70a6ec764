/**
 * The search step of the official loops as one pure function: State x Batches -> State. Compiled once, folded over batches; rate, lambda and
 * key are inputs, so nothing is compiled again between steps.
 */
import { updateRunning } from '../../autodiff/nn.js'
import * as $ from '../../autodiff/ops/index.js'
import { type AdamOptions, type AdamState, adam, clipFactor, globalNorm } from '../../autodiff/optim.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { leaves, zipTrees } from '../../autodiff/tree.js'
import { type Needs, pack, packStatistics, statisticsTable, type Table, tableOf, unpack, type Weights } from '../space/layers.js'
import { noiseOf, type Supernet } from '../space/supernet.js'
import {
  type Alpha,
  alphaGradientOf,
  type Batch,
  differenceRegulariser,
  directionOf,
  exactRegulariser,
  harmonyOf,
  lossOf,
  type Mixing,
  mixturesOf,
  pairCosines,
  passOf,
  type RegulariserName,
  randomDirectionOf
} from './harmony.js'
import { type ArchitectureOptions, METHODS, type Method, type MethodName, partOf } from './methods.js'
import { sgdStep } from './optim.js'

/** All that a search carries from step to step. Weights, momentum and running statistics are one vector each: see `tablesOf`. */
export interface State {
  readonly weights: Tensor
  readonly momentum: Tensor
  readonly alpha: Alpha
  /** alpha's gradient as the last architecture step left it; only the faithful clip looks at it. */
  readonly alphaGradient: Alpha
  readonly adam: AdamState<Alpha>
  readonly running: Tensor
}

/** What lies where in the vectors of a state. */
export const tablesOf = (net: Pick<Needs, 'parameters' | 'norms'>): { readonly weights: Table; readonly statistics: Table } => ({
  weights: tableOf(net.parameters),
  statistics: statisticsTable(net.norms)
})

/** What changes from step to step besides the batches: f32 scalars, and the key u32[2] of the step's noise. */
export interface Rates {
  readonly [key: string]: Tensor
  readonly rate: Tensor
  readonly lambda: Tensor
  readonly key: Tensor
}

/** A training and a validation batch. */
export interface Batches {
  readonly [key: string]: Batch
  readonly train: Batch
  readonly valid: Batch
}

export interface StepOptions extends ArchitectureOptions {
  readonly method: MethodName
  /** Whether the weights are trained on L - lambda Λ; else the regulariser's passes are not even built. */
  readonly regularised: boolean
  /** How dΛ/dw is had: the paper's difference quotient, or the derivative that it estimates. */
  readonly derivative: 'fd' | 'exact'
  /** Which harmony: `corr`, or `signcorr`; of normal cells alone, or of reduction cells as well. */
  readonly regulariser: RegulariserName
  readonly regulariseReduce: boolean
  readonly epsilon0: number
  /** `random` is a control: mixtures are moved as far as harmony would have them, in a direction that means nothing. */
  readonly direction: 'harmony' | 'random'
  /** T: training batches, one after another in `train`, that a step of `idarts` trains the weights on before alpha moves. */
  readonly innerSteps: number
  readonly clip: number
  /** The order: the official loop of S1 to S5 moves alpha, then the weights at the new alpha; that of NAS-Bench-201 the other way round. */
  readonly architectureFirst: boolean
  /** Quirk 2: each pass draws noise of its own (`fresh`), so that F - B measures noise; or one draw serves T, F and B (`replayed`). */
  readonly noise: 'fresh' | 'replayed'
  readonly adam: AdamOptions
  /** Quirk 4 of the official code: the clip's norm includes alpha's gradient, last validation's plus this training pass'. */
  readonly clipIncludesAlpha: boolean
  /** Quirk 3: running statistics are updated by every pass (T, F, B and validation, in the order of the step), not by the training pass alone. */
  readonly statisticsFromAllPasses: boolean
}

/** The numbers of a step that are logged, in the order of their vector. */
export const METRICS = [
  'trainLoss',
  'validLoss',
  'trainCorrect',
  'validCorrect',
  'lambdaTrain',
  'lambdaValid',
  'signTrain',
  'signValid',
  'gradientNorm',
  'regulariserNorm',
  'epsilon',
  'clip',
  'finite'
] as const
export type Metric = (typeof METRICS)[number]

/** How many rows have their largest logit at the label. */
const correct = (logits: Tensor, labels: Tensor): Tensor => $.sum($.convert($.equal($.argmax(logits), labels), 'f32'))

/** 1 if every element is finite, else 0. */
export const finite = (x: Tensor): Tensor => $.sub(1, $.max($.convert($.not($.isFinite(x)), 'f32')))

/** Keys of a step: four draws of noise, and a random direction. */
const KEYS = 5

/** Training batches that a step takes, one after another in `train`. */
export const stepBatches = ({ method, innerSteps }: Pick<StepOptions, 'method' | 'innerSteps'>): number =>
  (METHODS[method] as Method).innerSteps ? innerSteps : 1

/** Weights and momentum, vectors. */
type Vectors = Pick<State, 'weights' | 'momentum'>

/** The noise of the passes of a step: replayed from one draw in those on the training batch, or fresh in each. */
const lossesOf = (net: Supernet, { noise }: StepOptions, key: Tensor, { train, valid }: Batches) => {
  if (net.noises.length === 0) {
    const loss = lossOf(net)
    return { validation: loss, training: loss, forward: loss, backward: loss }
  }
  const keys = $.split(key, KEYS)
  const lossWith = (i: number, { images }: Batch) => lossOf(net, noiseOf(net, keys[i] as Tensor, images.shape[0] as number))
  const training = lossWith(1, train)
  return {
    validation: lossWith(0, valid),
    training,
    forward: noise === 'fresh' ? lossWith(2, train) : training,
    backward: noise === 'fresh' ? lossWith(3, train) : training
  }
}

/** What a step gives: the state after it, the numbers of `METRICS`, and the cosines of the cells' gradients on the training batch. */
export interface StepResult {
  readonly state: State
  readonly metrics: Tensor
  readonly cosines: Readonly<Record<string, Tensor>>
}

/** One step, with the metrics of `METRICS`. `mixing`: how alpha becomes the mixtures of the cells, softmax unless a selection has decided edges. */
export const stepOf =
  (net: Supernet, options: StepOptions, mixing: Mixing = alpha => mixturesOf(net, alpha)) =>
  (state: State, batches: Batches, rates: Rates): StepResult => {
    const tables = tablesOf(net)
    const method: Method = METHODS[options.method]
    const parts = stepBatches(options)
    const trains = Array.from({ length: parts }, (_, n) => partOf(batches.train, n, parts))
    const last = trains.at(-1) as Batch
    const losses = lossesOf(net, options, rates.key, { train: last, valid: batches.valid })

    /** The gradient in alpha at some weights, and Adam on alpha. */
    const architecture = (at: Vectors) => {
      const scene = { ...losses, table: tables.weights, train: last, valid: batches.valid, rate: rates.rate }
      const pass = method.architecture(scene, options)(at, mixing(state.alpha))
      const alphaGradient = alphaGradientOf(mixing, state.alpha, pass.gradient)
      const next = method.fixedAlpha
        ? { weights: state.alpha, state: state.adam }
        : adam(options.adam).update(alphaGradient, state.adam, state.alpha)
      return { pass, alphaGradient, ...next }
    }

    /** The estimate of -dΛ/dw that the options name. */
    const regularise = (weights: Weights, mixtures: readonly Tensor[], train: Batch, cellGradients: readonly Tensor[]) => {
      const harmony = harmonyOf(net, options)
      const direction =
        options.direction === 'random'
          ? randomDirectionOf(harmony, $.split(rates.key, KEYS)[KEYS - 1] as Tensor, cellGradients)
          : directionOf(harmony, cellGradients)
      return options.derivative === 'exact'
        ? exactRegulariser(losses.training)(weights, mixtures, train, direction)
        : differenceRegulariser(losses, options.epsilon0)(weights, mixtures, train, direction)
    }

    /** The training pass on a batch and the regulariser at some alpha, clip and SGD on the weights. */
    const weightStep = (at: Vectors, alpha: Alpha, train: Batch) => {
      const weights = unpack(tables.weights, at.weights)
      const mixtures = mixing(alpha)
      const pass = passOf(losses.training)(weights, mixtures, train)
      const regulariser = options.regularised ? regularise(weights, mixtures, train, pass.cellGradients) : undefined
      const plain = pack(tables.weights, pass.weightGradient)
      const push = regulariser ? pack(tables.weights, regulariser.gradient) : undefined
      const gradient = push ? $.add(plain, $.mul(rates.lambda, push)) : plain
      const stale = zipTrees(state.alphaGradient, [alphaGradientOf(mixing, alpha, pass.cellGradients)], (before, now) =>
        $.add(before, now as Tensor)
      )
      const gradientNorm = globalNorm(options.clipIncludesAlpha ? [gradient, ...leaves(stale)] : [gradient])
      const clip = clipFactor(gradientNorm, options.clip)
      const { values, buffer } = sgdStep(options, rates.rate, $.mul(gradient, clip), at.momentum, at.weights)
      return { pass, regulariser, push, gradientNorm, clip, weights: values, momentum: buffer }
    }

    /** A step on each training batch in turn. */
    const weightSteps = (
      at: Vectors,
      alpha: Alpha,
      [train, ...left]: readonly Batch[]
    ): readonly ReturnType<typeof weightStep>[] => {
      if (!train) return []
      const step = weightStep(at, alpha, train)
      return [step, ...weightSteps(step, alpha, left)]
    }

    // The order of the protocol: each half sees what the half before it has made.
    const first = options.architectureFirst ? architecture(state) : undefined
    const steps = weightSteps(state, first ? first.weights : state.alpha, trains)
    const trained = steps.at(-1) as (typeof steps)[number]
    const searched = first ?? architecture(trained)
    const meanOf = (of: (step: (typeof steps)[number]) => Tensor): Tensor =>
      $.div(
        steps.map(of).reduce((a, b) => $.add(a, b)),
        steps.length
      )

    const inTraining = steps.flatMap(({ pass, regulariser }) => [
      pass.moments,
      ...(options.statisticsFromAllPasses ? (regulariser?.passes ?? []).map(({ moments }) => moments) : [])
    ])
    const ofValidation = options.statisticsFromAllPasses ? searched.pass.moments : []
    const passes = first ? [...ofValidation, ...inTraining] : [...inTraining, ...ofValidation]
    const running = passes.reduce(
      (before, moments) => updateRunning(before, packStatistics(tables.statistics, moments)),
      state.running
    )

    const agreement = {
      corr: harmonyOf(net, { ...options, regulariser: 'corr' }),
      signcorr: harmonyOf(net, { ...options, regulariser: 'signcorr' })
    }
    const metrics: Readonly<Record<Metric, Tensor>> = {
      trainLoss: meanOf(({ pass }) => pass.loss),
      validLoss: searched.pass.loss,
      trainCorrect: $.div(
        steps.map(({ pass }, n) => correct(pass.logits, (trains[n] as Batch).labels)).reduce((a, b) => $.add(a, b)),
        parts
      ),
      validCorrect: correct(searched.pass.logits, batches.valid.labels),
      lambdaTrain: meanOf(({ pass }) => agreement.corr(pass.cellGradients)),
      lambdaValid: agreement.corr(searched.pass.observed),
      signTrain: meanOf(({ pass }) => agreement.signcorr(pass.cellGradients)),
      signValid: agreement.signcorr(searched.pass.observed),
      gradientNorm: trained.gradientNorm,
      regulariserNorm: trained.push ? globalNorm([trained.push]) : $.tensor(0),
      epsilon: trained.regulariser?.epsilon ?? $.tensor(0),
      clip: trained.clip,
      finite: finite(
        $.concat(
          [trained.pass.loss, searched.pass.loss, trained.gradientNorm, globalNorm(leaves(searched.alphaGradient))].map(x =>
            $.reshape(x, [1])
          )
        )
      )
    }
    return {
      state: {
        weights: trained.weights,
        momentum: trained.momentum,
        alpha: searched.weights,
        alphaGradient: searched.alphaGradient,
        adam: searched.state,
        running
      },
      metrics: $.concat(METRICS.map(name => $.reshape(metrics[name], [1]))),
      cosines: pairCosines(net, trained.pass.cellGradients)
    }
  }
