/** Means and spreads that keep their digits: what variances and normalisations are made of. */
import { stopGradient } from './ops/core.js'
import { customVjp } from './ops/custom.js'
import { square } from './ops/functions.js'
import { slice } from './ops/movement.js'
import { add, mul, sub } from './ops/pointwise.js'
import { mean } from './ops/reduce.js'
import type { Tensor } from './tensor.js'

/**
 * The mean over `axes`, which keep their place, added up from the first value along them, a constant to every
 * derivative: values that are all equal have themselves as their mean, to the last bit, and what is small beside the
 * mean keeps its digits.
 */
export const centreOf = (x: Tensor, axes: readonly number[]): Tensor => {
  const specs = x.shape.map((_, axis) => (axes.includes(axis) ? [0, 1] : []))
  const first = stopGradient(slice(x, specs))
  return add(first, mean(sub(x, first), axes, { keepDims: true }))
}

/**
 * The mean squared distance from the mean, over `axes`, which keep their place. Its derivative is 2 (x - mean) / N:
 * what x does to the mean adds nothing, since distances from a mean add up to 0, and is not computed.
 */
export const spreadOf = (x: Tensor, axes: readonly number[]): Tensor => {
  const count = axes.reduce((product, axis) => product * (x.shape[axis] as number), 1)
  const centred = (y: Tensor) => sub(y, centreOf(y, axes))
  return customVjp(
    y => mean(square(centred(y)), axes, { keepDims: true }),
    (g, [y]) => [mul(mul(g, 2 / count), centred(y as Tensor))]
  )(x)
}
