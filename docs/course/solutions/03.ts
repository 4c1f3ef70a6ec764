/** Solutions of the exercises of chapter 3. */
import { $, type Tensor } from 'lambda-darts'

/** dy = exp x / (1 + exp x) dx: the sigmoid, which stays a number where exp x does not. */
export const softplusRule = (g: Tensor, x: Tensor): Tensor => $.mul(g, $.sigmoid(x))

/** A permutation's transpose is its inverse: one place back, the first one last. */
export const rotationRule = (g: Tensor): Tensor => {
  const n = g.shape[0] as number
  return $.concat([$.sliceAlong(g, 0, [1, n]), $.sliceAlong(g, 0, [0, 1])], 0)
}

/** dY[i][j] = da[i] b[j] + a[i] db[j]: sums over the axis that the other one runs along. */
export const outerRule = (g: Tensor, a: Tensor, b: Tensor): readonly [Tensor, Tensor] => [
  $.sum($.mul(g, b), 1),
  $.sum($.mul(g, $.reshape(a, [-1, 1])), 0)
]

/** dy = <x, dx> / y. Where the length is 0, a harmless 1 is put in its place before it is divided by. */
export const lengthRule = (g: Tensor, x: Tensor): Tensor => {
  const squared = $.sum($.square(x))
  const isZero = $.equal(squared, 0)
  const length = $.sqrt($.where(isZero, 1, squared))
  return $.where($.broadcastTo(isZero, x.shape), 0, $.mul(g, $.div(x, length)))
}
