/**
 * What a difference quotient and the derivative that it stands for have in common on a network: angle, size, and how
 * many kinks lie between the two passes of the quotient. For the regulariser's gradient in the weights, and for the
 * second-order part of DARTS' hypergradient.
 */

import { choicesOf, flipsBetween, type Taken } from '../../autodiff/kinks.js'
import { cosine } from '../../autodiff/nn.js'
import * as $ from '../../autodiff/ops/index.js'
import { clipFactor, globalNorm } from '../../autodiff/optim.js'
import { sizeOf } from '../../autodiff/shape.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { leaves } from '../../autodiff/tree.js'
import { tablesOf } from '../method/bilevel.js'
import {
  type Alpha,
  alphaGradientOf,
  type Batch,
  type BatchLoss,
  type Direction,
  differenceRegulariser,
  directionOf,
  exactRegulariser,
  type Harmony,
  mixturesOf,
  pairCosines,
  passOf
} from '../method/harmony.js'
import { flat, type Loss, unrolled } from '../method/hypergradient.js'
import type { SgdStepOptions } from '../method/optim.js'
import { pack, unpack, type Weights } from '../space/layers.js'
import type { Supernet } from '../space/supernet.js'

/** Where a network is looked at: weights and momentum as vectors, alpha. */
export interface Point {
  readonly weights: Tensor
  readonly momentum: Tensor
  readonly alpha: Alpha
}

/** How a quotient compares with what it estimates. */
export const COMPARISON = ['norm', 'cosine', 'error', 'largestError', 'reluFlips', 'poolFlips'] as const
export type Comparison = Readonly<Record<(typeof COMPARISON)[number], number>>

const scalars = (values: readonly Tensor[]): Tensor => $.concat(values.map(value => $.reshape(value, [1])))
const largest = (x: Tensor): Tensor => $.max($.abs(x))
const flipped = (flips: ReturnType<typeof flipsBetween>, primitive: string): Tensor =>
  flips[primitive]?.flipped ?? $.tensor(0)

/** The numbers of `COMPARISON`: errors relative to the exact value, in the Euclidean norm and of the largest entry. */
const compare = (estimate: Tensor, exact: Tensor, before: Taken, after: Taken): readonly Tensor[] => {
  const flips = flipsBetween(before, after)
  const error = $.sub(estimate, exact)
  return [
    globalNorm([estimate]),
    cosine(estimate, exact),
    $.div(globalNorm([error]), globalNorm([exact])),
    $.div(largest(error), largest(exact)),
    flipped(flips, 'relu'),
    flipped(flips, 'window_argmax')
  ]
}

/** How many choices of a primitive lie between mixtures and loss. */
const choiceCount = (loss: Tensor, mixtures: readonly Tensor[], wanted: string): Tensor =>
  $.tensor(
    choicesOf([loss], mixtures).reduce(
      (sum, { primitive, choice }) => sum + (primitive === wanted ? sizeOf(choice.shape) : 0),
      0
    )
  )

/** The regulariser on a batch: what does not depend on epsilon. Vectors are in the order of the network's table. */
export const regulariserReference =
  (net: Supernet, loss: BatchLoss, harmony: Harmony) => (point: Point, batch: Batch) => {
    const { weights: table } = tablesOf(net)
    const weights = unpack(table, point.weights)
    const mixtures = mixturesOf(net, point.alpha)
    const pass = passOf(loss)(weights, mixtures, batch)
    const gradient = pack(table, pass.weightGradient)
    const along = directionOf(harmony, pass.cellGradients)
    const exact = pack(table, exactRegulariser(loss)(weights, mixtures, batch, along).gradient)
    return {
      gradient,
      exact,
      cosines: pairCosines(net, pass.cellGradients),
      norms: scalars(pass.cellGradients.map(g => globalNorm([g]))),
      facts: scalars([
        pass.loss,
        harmony(pass.cellGradients),
        globalNorm([gradient]),
        globalNorm([exact]),
        along.size,
        choiceCount(pass.loss, mixtures, 'relu'),
        choiceCount(pass.loss, mixtures, 'window_argmax')
      ])
    }
  }
/** What `facts` of `regulariserReference` are. */
export const REGULARISER_FACTS = [
  'loss',
  'harmony',
  'gradientNorm',
  'exactNorm',
  'directionNorm',
  'relus',
  'pools'
] as const

/** The numbers of a regulariser's quotient, in the order of their vector. */
export const REGULARISER_ROW = [...COMPARISON, 'epsilon', 'share', 'clip', 'exactClip'] as const

/**
 * The quotient at one epsilon0 beside the exact derivative: `share` is |lambda r| / |dL/dw|, `clip` the factor by which
 * the sum is clipped, `exactClip` that with the exact derivative in its place.
 */
export const regulariserQuotient =
  (net: Supernet, loss: BatchLoss, along: (cellGradients: readonly Tensor[]) => Direction, limit: number) =>
  (
    point: Point,
    batch: Batch,
    reference: { readonly gradient: Tensor; readonly exact: Tensor },
    epsilon0: Tensor,
    lambda: Tensor
  ) => {
    const { weights: table } = tablesOf(net)
    const weights = unpack(table, point.weights)
    const mixtures = mixturesOf(net, point.alpha)
    const { cellGradients } = passOf(loss)(weights, mixtures, batch)
    const regulariser = differenceRegulariser({ forward: loss, backward: loss }, epsilon0)(
      weights,
      mixtures,
      batch,
      along(cellGradients)
    )
    const [forward, backward] = regulariser.points.map(
      (from): Taken => ({ outputs: [loss(weights, from, batch)[0]], from })
    ) as [Taken, Taken]
    const estimate = pack(table, regulariser.gradient)
    const clipWith = (r: Tensor): Tensor => clipFactor(globalNorm([$.add(reference.gradient, $.mul(lambda, r))]), limit)
    return scalars([
      ...compare(estimate, reference.exact, forward, backward),
      regulariser.epsilon,
      $.div($.mul(lambda, globalNorm([estimate])), globalNorm([reference.gradient])),
      clipWith(estimate),
      clipWith(reference.exact)
    ])
  }

/** A batch for each of the two losses. */
interface Split {
  readonly train: Batch
  readonly valid: Batch
}

const hyperLosses = (losses: { readonly train: BatchLoss; readonly valid: BatchLoss }, { train, valid }: Split) => {
  type L = Loss<Weights, readonly Tensor[], readonly []>
  const on =
    (loss: BatchLoss, batch: Batch): L =>
    (weights, mixtures) => [loss(weights, mixtures, batch)[0], []]
  return { train: on(losses.train, train), valid: on(losses.valid, valid) }
}

/** DARTS' hypergradient in alpha, exact: the whole, and its first-order part at the weights ahead. */
export const hypergradientReference =
  (net: Supernet, losses: { readonly train: BatchLoss; readonly valid: BatchLoss }, options: SgdStepOptions) =>
  (point: Point, split: Split, rate: Tensor) => {
    const { weights: table } = tablesOf(net)
    const { train, valid } = hyperLosses(losses, split)
    const mixing = (alpha: Alpha) => mixturesOf(net, alpha)
    const mixtures = mixing(point.alpha)
    const { gradient, validation } = unrolled(train, valid, { ...options, rate, product: 'exact' })(
      unpack(table, point.weights),
      unpack(table, point.momentum),
      mixtures
    )
    const [exact, first] = [gradient, validation.gradient].map(cells =>
      flat(alphaGradientOf(mixing, point.alpha, cells))
    ) as [Tensor, Tensor]
    return {
      exact,
      first,
      facts: scalars([validation.value, globalNorm([exact]), globalNorm([first]), cosine(exact, first)])
    }
  }
/**
 * What `facts` of `hypergradientReference` are: loss at the weights ahead; norms of the whole and of its first-order
 * part, their cosine.
 */
export const HYPERGRADIENT_FACTS = ['loss', 'exactNorm', 'firstNorm', 'cosine'] as const

/**
 * The numbers of a hypergradient's quotient: those of the whole, the step R, and the error relative to the second-order
 * part alone.
 */
export const HYPERGRADIENT_ROW = [...COMPARISON, 'epsilon', 'partError'] as const

/** The hypergradient with the mixed product by a quotient, at one length of the step, beside the exact one. */
export const hypergradientQuotient =
  (net: Supernet, losses: { readonly train: BatchLoss; readonly valid: BatchLoss }, options: SgdStepOptions) =>
  (
    point: Point,
    split: Split,
    reference: { readonly exact: Tensor; readonly first: Tensor },
    length: Tensor,
    rate: Tensor
  ) => {
    const { weights: table } = tablesOf(net)
    const { train, valid } = hyperLosses(losses, split)
    const mixing = (alpha: Alpha) => mixturesOf(net, alpha)
    const mixtures = mixing(point.alpha)
    const { gradient, mixed } = unrolled(train, valid, { ...options, rate, product: 'fd', length })(
      unpack(table, point.weights),
      unpack(table, point.momentum),
      mixtures
    )
    const estimate = flat(alphaGradientOf(mixing, point.alpha, gradient))
    const [plus, minus] = mixed.points.map(
      (weights): Taken => ({ outputs: [train(weights, mixtures)[0]], from: [...leaves(weights), ...mixtures] })
    ) as [Taken, Taken]
    const error = $.sub(estimate, reference.exact)
    return scalars([
      ...compare(estimate, reference.exact, plus, minus),
      mixed.epsilon,
      $.div(globalNorm([error]), globalNorm([$.sub(reference.exact, reference.first)]))
    ])
  }
