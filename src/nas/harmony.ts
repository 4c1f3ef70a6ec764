/**
 * Harmony of the cells (Λ-DARTS, Movahedi et al., ICLR 2023, arXiv 2210.07998): the cells of a network share alpha, yet each has its own
 * dL/dp; their mean pairwise cosine Λ is raised by training the weights on L - lambda Λ.
 */

import { grad, valueAuxAndGrad, vjp } from '../autodiff/grad.js'
import { crossEntropy, meanPairwiseCosine, norm, softmax } from '../autodiff/nn.js'
import * as $ from '../autodiff/ops/index.js'
import type { Tensor } from '../autodiff/tensor.js'
import { mapTree } from '../autodiff/tree.js'
import type { Statistics, Weights } from './layers.js'
import type { Supernet } from './supernet.js'

/** Images f32[B,C,H,W] and their classes i32[B]. */
export interface Batch {
  readonly [key: string]: Tensor
  readonly images: Tensor
  readonly labels: Tensor
}

/** Each cell's own copy of p = softmax(alpha): equal values, separate variables. */
export const mixturesOf = (net: Supernet, alpha: Tensor): readonly Tensor[] => net.cells.map(() => softmax(alpha))

/** What a pass computes on the way: logits, and the statistics of its batch norms. */
interface PassAux {
  readonly [key: string]: Tensor | { readonly [name: string]: { readonly mean: Tensor; readonly variance: Tensor } }
  readonly logits: Tensor
  readonly moments: Statistics
}

/** Training-mode loss of a batch, its logits and statistics. */
export const lossOf =
  (net: Supernet) =>
  (weights: Weights, mixtures: readonly Tensor[], { images, labels }: Batch): readonly [Tensor, PassAux] => {
    const { y, moments } = net.logits({ weights }, mixtures, images)
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

export const passOf =
  (net: Supernet) =>
  (weights: Weights, mixtures: readonly Tensor[], batch: Batch): Pass => {
    const { value, aux, gradient } = valueAuxAndGrad((w: Weights, ps: readonly Tensor[]) => lossOf(net)(w, ps, batch), {
      argnums: [0, 1]
    })(weights, mixtures)
    return { loss: value, logits: aux.logits, moments: aux.moments, weightGradient: gradient[0], cellGradients: gradient[1] }
  }

/** dL/dalpha from the cells' gradients: the transpose of the softmax's Jacobian, applied to their sum. */
export const alphaGradientOf = (alpha: Tensor, cellGradients: readonly Tensor[]): Tensor => {
  const [, pullback] = vjp((a: Tensor) => softmax(a), alpha)
  return pullback(cellGradients.reduce((a, b) => $.add(a, b)))[0]
}

/** The direction d_l = dΛ/dg_l of each cell, and the norm of all together. */
export const directionOf = (
  cellGradients: readonly Tensor[]
): { readonly direction: readonly Tensor[]; readonly size: Tensor } => {
  const direction = grad((gs: readonly Tensor[]) => meanPairwiseCosine(gs))(cellGradients)
  return { direction, size: norm($.concat(direction.map(d => $.reshape(d, [-1])))) }
}

/** An estimate of -dΛ/dw, by name. */
export interface Regulariser {
  readonly gradient: Weights
  /** The step of the difference quotient (0 for the exact derivative), and what its two passes saw. */
  readonly epsilon: Tensor
  readonly passes: readonly Pass[]
}

/** -dΛ/dw by differentiating twice. Λ is a tensor like any other, so this is grad of grad. */
export const exactRegulariser =
  (net: Supernet) =>
  (weights: Weights, mixtures: readonly Tensor[], batch: Batch): Regulariser => {
    const dissonance = (w: Weights): Tensor => {
      const cellGradients = grad((ps: readonly Tensor[]) => lossOf(net)(w, ps, batch)[0])(mixtures)
      return $.neg(meanPairwiseCosine(cellGradients))
    }
    // The classifier's bias shifts no cell's gradient on some networks: its derivative is then zero, and meant to be.
    return { gradient: grad(dissonance, { unreached: 'zero' })(weights), epsilon: $.tensor(0), passes: [] }
  }

/**
 * The paper's difference quotient: epsilon = epsilon0 / |d|, F and B the weight gradients with all cells' mixtures moved by -epsilon d and
 * +epsilon d, and (F - B) / (2 epsilon). On a network with kinks it is not the derivative: see docs/method.md. Where d = 0 it is 0.
 */
export const differenceRegulariser =
  (net: Supernet, epsilon0: number) =>
  (weights: Weights, mixtures: readonly Tensor[], batch: Batch, cellGradients: readonly Tensor[]): Regulariser => {
    const { direction, size } = directionOf(cellGradients)
    const moves = $.greater(size, 0)
    const epsilon = $.where(moves, $.div(epsilon0, $.where(moves, size, 1)), 0)
    const moved = (sign: number) => mixtures.map((p, l) => $.add(p, $.mul($.mul(epsilon, sign), direction[l] as Tensor)))
    const [forward, backward] = [passOf(net)(weights, moved(-1), batch), passOf(net)(weights, moved(1), batch)]
    const scale = $.where(moves, $.div(1, $.mul($.where(moves, epsilon, 1), 2)), 0)
    const gradient = mapTree(forward.weightGradient, (leaf, i) =>
      $.mul(scale, $.sub(leaf, Object.values(backward.weightGradient)[i] as Tensor))
    )
    return { gradient, epsilon, passes: [forward, backward] }
  }
