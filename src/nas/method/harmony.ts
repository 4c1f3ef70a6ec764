/**
 * Harmony of the cells (Λ-DARTS, Movahedi et al., ICLR 2023, arXiv 2210.07998): the cells of a network share alpha, yet
 * each has its own dL/dp; their mean pairwise cosine Λ is raised by training the weights on L - lambda Λ.
 */
import { grad, valueAuxAndGrad, vjp } from '../../autodiff/grad.js'
import {
  crossEntropy,
  meanPairwiseCosine,
  meanPairwiseSignCosine,
  norm,
  softmax,
  unlessZero
} from '../../autodiff/nn.js'
import * as $ from '../../autodiff/ops/index.js'
import { dot } from '../../autodiff/ops/index.js'
import { fail } from '../../autodiff/shape.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { mapTree } from '../../autodiff/tree.js'
import type { Statistics, Weights } from '../space/layers.js'
import type { SearchedCell, Supernet } from '../space/supernet.js'
import { centralDifference, flat } from './hypergradient.js'

/** Images f32[B,C,H,W] and their classes i32[B]. */
export interface Batch {
  readonly [key: string]: Tensor
  readonly images: Tensor
  readonly labels: Tensor
}

/** Architecture parameters f32[edges, operations], one matrix for each kind of cell. */
export type Alpha = Readonly<Record<string, Tensor>>

/** p = softmax(alpha) of each cell; a pass gives each its own copy: equal values, separate variables. */
export const mixturesOf = ({ cells }: Supernet, alpha: Alpha): readonly Tensor[] => {
  const mixtures = mapTree(alpha, leaf => softmax(leaf))
  return cells.map(({ type }) => mixtures[type] as Tensor)
}

/** What a pass computes on the way: logits, and the statistics of its batch norms. */
export interface PassAux {
  readonly [key: string]: Tensor | { readonly [name: string]: { readonly mean: Tensor; readonly variance: Tensor } }
  readonly logits: Tensor
  readonly moments: Statistics
}

/** The loss of a batch, and what is computed on the way. */
export type BatchLoss = (weights: Weights, mixtures: readonly Tensor[], batch: Batch) => readonly [Tensor, PassAux]

/**
 * Training-mode loss of a batch, its logits and statistics; `noise` for networks that have sites of it (see `noiseOf`).
 */
export const lossOf =
  (net: Supernet, noise: Weights = {}): BatchLoss =>
  (weights, mixtures, { images, labels }) => {
    const { y, moments } = net.logits({ weights, noise }, mixtures, images)
    return [crossEntropy(y, labels), { logits: y, moments }]
  }

/** A forward and backward pass: loss, dL/dw and dL/dp of each cell, all from one backward pass. */
export interface Pass {
  readonly loss: Tensor
  readonly logits: Tensor
  readonly moments: Statistics
  readonly weightGradient: Weights
  readonly cellGradients: readonly Tensor[]
}

/** One pass of a loss: its value, and the gradients in the weights and in the mixture of each cell. */
export const passOf =
  (loss: BatchLoss) =>
  (weights: Weights, mixtures: readonly Tensor[], batch: Batch): Pass => {
    // Weights before an edge of nothing but noise or none reach no result: their gradient is zero, and meant to be.
    const { value, aux, gradient } = valueAuxAndGrad((w: Weights, ps: readonly Tensor[]) => loss(w, ps, batch), {
      argnums: [0, 1],
      unreached: 'zero'
    })(weights, mixtures)
    return {
      loss: value,
      logits: aux.logits,
      moments: aux.moments,
      weightGradient: gradient[0],
      cellGradients: gradient[1]
    }
  }

/** How alpha becomes the mixture of each cell. */
export type Mixing = (alpha: Alpha) => readonly Tensor[]

/**
 * dL/dalpha from the gradients in the cells' mixtures: the transpose of the mixing's Jacobian, applied to all of them.
 */
export const alphaGradientOf = (mixing: Mixing, alpha: Alpha, cellGradients: readonly Tensor[]): Alpha => {
  const [, pullback] = vjp((a: Alpha) => mixing(a), alpha)
  return pullback(cellGradients, { unreached: 'zero' })[0]
}

/**
 * How the agreement of cells is measured: `corr`, the mean pairwise cosine Λ, or `signcorr`, that of signs weighted by
 * sizes.
 */
export const REGULARISERS = { corr: meanPairwiseCosine, signcorr: meanPairwiseSignCosine } as const
/** The name of a measure of harmony: `corr` is Λ, `signcorr` its variant by absolute values. */
export type RegulariserName = keyof typeof REGULARISERS

/** A measure of how far the gradients of a network's cells agree: a scalar. */
export type Harmony = (cellGradients: readonly Tensor[]) => Tensor

/**
 * The places of the regularised cells, a list for each kind: cells that share an alpha. The official code leaves
 * reduction cells out.
 */
export const regularisedCells = (
  cells: readonly SearchedCell[],
  regulariseReduce: boolean
): readonly (readonly number[])[] =>
  [...new Set(cells.filter(({ reduction }) => regulariseReduce || !reduction).map(({ type }) => type))].map(type =>
    cells.flatMap((cell, l) => (cell.type === type ? [l] : []))
  )

/**
 * The harmony of a network's cells: the mean over pairs of cells that share an alpha, added over the kinds of cells
 * that are regularised. Each kind needs two cells or more.
 */
export const harmonyOf = (
  { cells }: Supernet,
  { regulariser, regulariseReduce }: { readonly regulariser: RegulariserName; readonly regulariseReduce: boolean }
): Harmony => {
  const groups = regularisedCells(cells, regulariseReduce)
  groups.forEach(group => {
    if (group.length < 2)
      fail(
        'harmony',
        'at least two cells of each kind that is regularised',
        `${group.length} of the kind '${cells[group[0] as number]?.type}' among ${cells.length}`,
        'use more layers'
      )
  })
  return gradients =>
    groups.map(group => REGULARISERS[regulariser](group.map(l => gradients[l] as Tensor))).reduce((a, b) => $.add(a, b))
}

/**
 * The cosines of all pairs of cells that share an alpha, f32[M,M] for each kind of cell; 0 for a cell without a
 * gradient.
 */
export const pairCosines = (
  { cells }: Supernet,
  cellGradients: readonly Tensor[]
): Readonly<Record<string, Tensor>> => {
  const kinds = [...new Set(cells.map(({ type }) => type))]
  return Object.fromEntries(
    kinds.map(kind => {
      const rows = $.concat(cellGradients.filter((_, l) => cells[l]?.type === kind).map(g => $.reshape(g, [1, -1])))
      const sizes = norm(rows, 1, { keepDims: true })
      const units = unlessZero(sizes, size => $.div(rows, size))
      return [kind, $.matmul(units, $.transpose(units))]
    })
  )
}

/** A direction for each cell's gradient (zero for cells that are not regularised), and the norm of all together. */
export interface Direction {
  readonly direction: readonly Tensor[]
  readonly size: Tensor
}

/** The direction d_l = dΛ/dg_l of each cell. */
export const directionOf = (harmony: Harmony, cellGradients: readonly Tensor[]): Direction => {
  const direction = grad((gs: readonly Tensor[]) => harmony(gs), { unreached: 'zero' })(cellGradients)
  return { direction, size: norm(flat(direction)) }
}

/**
 * The control that tells harmony from noise: a random direction from a key u32[2], as long as that of harmony, for the
 * cells that harmony moves.
 */
export const randomDirectionOf = (harmony: Harmony, key: Tensor, cellGradients: readonly Tensor[]): Direction => {
  const { direction, size } = directionOf(harmony, cellGradients)
  const keys = $.split(key, direction.length)
  const drawn = direction.map((d, l) => {
    const moves = $.notEqual($.max($.abs(d)), 0)
    return $.where(moves, $.randomNormal(keys[l] as Tensor, d.shape), 0)
  })
  const scale = unlessZero(norm(flat(drawn)), length => $.div(size, length))
  return { direction: drawn.map(d => $.mul(d, scale)), size }
}

/** An estimate of -dΛ/dw, by name. */
export interface Regulariser {
  readonly gradient: Weights
  /** The step of the difference quotient (0 for the exact derivative), and what its two passes saw. */
  readonly epsilon: Tensor
  readonly passes: readonly Pass[]
  /** The mixtures that those passes were at. */
  readonly points: readonly (readonly Tensor[])[]
}

/**
 * -d/dw of the cells' gradients along a direction that is held fixed: with d_l = dΛ/dg_l it is -dΛ/dw, by the chain
 * rule. A gradient is a tensor like any other, so this is grad of grad.
 */
export const exactRegulariser =
  (loss: BatchLoss) =>
  (weights: Weights, mixtures: readonly Tensor[], batch: Batch, { direction }: Direction): Regulariser => {
    const along = direction.map($.stopGradient)
    const dissonance = (w: Weights): Tensor => {
      const gradients = grad((ps: readonly Tensor[]) => loss(w, ps, batch)[0], { unreached: 'zero' })(mixtures)
      return $.neg(dot(flat(gradients), flat(along)))
    }
    // The classifier's bias shifts no cell's gradient on some networks: its derivative is then zero, and meant to be.
    return { gradient: grad(dissonance, { unreached: 'zero' })(weights), epsilon: $.tensor(0), passes: [], points: [] }
  }

/**
 * The paper's difference quotient: epsilon = epsilon0 / |d|, F and B the weight gradients with all cells' mixtures
 * moved by -epsilon d and +epsilon d, and (F - B) / (2 epsilon). On a network with kinks it is not the derivative: see
 * docs/method.md. Where d = 0 it is 0. `losses`: that of F and that of B, which differ only where each pass draws noise
 * of its own.
 */
export const differenceRegulariser =
  (losses: { readonly forward: BatchLoss; readonly backward: BatchLoss }, epsilon0: Tensor | number) =>
  (weights: Weights, mixtures: readonly Tensor[], batch: Batch, { direction, size }: Direction): Regulariser => {
    const away = direction.map($.neg)
    const { quotient, epsilon, points, results } = centralDifference(
      [
        (ps: readonly Tensor[]) => passOf(losses.forward)(weights, ps, batch),
        (ps: readonly Tensor[]) => passOf(losses.backward)(weights, ps, batch)
      ],
      ({ weightGradient }) => weightGradient,
      mixtures,
      away,
      epsilon0,
      size
    )
    return { gradient: quotient, epsilon, passes: results, points }
  }
