/** Solutions of the exercises of chapter 8. */
import { $, leaves, mapTree, type Tensor, zipTrees } from 'lambda-darts/autodiff'
import type { Weights } from '../exercises/08.js'

export const normalised = (x: Tensor): Tensor => {
  const centred = $.sub(x, $.mean(x, 0, { keepDims: true }))
  return $.div(centred, $.sqrt($.add($.mean($.square(centred), 0, { keepDims: true }), 1e-5)))
}

export const nesterov = (w: Weights, g: Weights, b: Weights, rate: number) => {
  const sums = zipTrees(b, [g], (b, g) => $.add($.mul(b, 0.9), g as Tensor))
  const weights = zipTrees(w, [g, sums], (w, g, b) =>
    $.sub(w, $.mul($.add(g as Tensor, $.mul(b as Tensor, 0.9)), rate))
  )
  return { weights, sums }
}

export const drift = (momentum: number, steps: number): number => (1 - momentum) ** steps

export const clipped = (g: Weights, limit: number): Weights => {
  const squares = leaves(g).map(x => $.sum($.square(x)))
  const norm = $.sqrt(squares.reduce((a, b) => $.add(a, b)))
  const factor = $.where($.greater(norm, limit), $.div(limit, norm), 1)
  return mapTree(g, x => $.mul(x, factor))
}
