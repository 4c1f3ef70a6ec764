/**
 * Sorted values, at the places that `argsort` finds: away from ties their derivative is that of a permutation, exact to
 * every order.
 */
import { axisOf, checkOptions, describe, fail, named, show } from '../shape.js'
import { requireDtype, type Tensor } from '../tensor.js'
import { argsort, type SortOptions } from './argsort.js'
import { reshape } from './broadcast.js'
import { takeAlong } from './indexing.js'
import { sliceAlong } from './movement.js'
import { add, lessEqual, mul, where } from './pointwise.js'

/**
 * Sorted along `axis` (`numpy.sort`), NaN last; `{ descending: true }` puts the largest first, and NaN before it. f32.
 * @example $.sort($.tensor([3, 1, 2])) // [1, 2, 3]
 */
export const sort = (x: Tensor, axis = -1, options: SortOptions = {}): Tensor =>
  named('sort', () => takeAlong(requireDtype('sort', x, 'f32'), argsort(x, axis, options), axis))

/**
 * The `k` largest along `axis`, the largest first, and their places in i32 (`jax.lax.top_k`, `torch.topk`); of equal
 * ones the first, and NaN before all.
 * @example $.topK($.tensor([3, 1, 2]), 2) // [[3, 2], [0, 2]]
 */
export const topK = (x: Tensor, k: number, axis = -1): readonly [values: Tensor, indices: Tensor] => {
  const found = axisOf('topK', axis, requireDtype('topK', x, 'f32').shape.length)
  const extent = x.shape[found] as number
  if (!Number.isInteger(k) || k < 1 || k > extent)
    return fail(
      'topK',
      `a whole number from 1 to ${extent} for axis ${axis} of ${show(x)}`,
      describe(k),
      'ask for fewer'
    )
  const indices = sliceAlong(argsort(x, found, { descending: true }), found, [0, k])
  return [takeAlong(x, indices, found), indices]
}

/** Options of `quantile` and `median`: `keepDims` leaves the axis with extent 1. */
export interface QuantileOptions {
  readonly keepDims?: boolean
}

/**
 * The quantile `q`, from 0 to 1, along `axis`, linear between neighbours (`numpy.quantile`); NaN if there is one.
 * @example $.quantile($.tensor([1, 2, 3, 4]), 0.5) // 2.5
 */
export const quantile = (x: Tensor, q: number, axis = -1, options: QuantileOptions = {}): Tensor => {
  const { keepDims = false } = checkOptions('quantile', options, ['keepDims'])
  const found = axisOf('quantile', axis, requireDtype('quantile', x, 'f32').shape.length)
  if (!(typeof q === 'number' && q >= 0 && q <= 1))
    return fail('quantile', 'a number from 0 to 1', describe(q), 'divide percents by 100')
  const last = (x.shape[found] as number) - 1
  const sorted = sort(x, found)
  const at = (place: number): Tensor => sliceAlong(sorted, found, [place, place + 1])
  const [low, part] = [Math.floor(q * last), q * last - Math.floor(q * last)]
  const between = part === 0 ? at(low) : add(mul(at(low), 1 - part), mul(at(low + 1), part))
  // NaN stand last.
  const value = where(lessEqual(at(last), Number.POSITIVE_INFINITY), between, at(last))
  return keepDims ? value : reshape(value, x.shape.toSpliced(found, 1))
}

/**
 * The median along `axis` (`numpy.median`): the mean of the two in the middle, where there are two; NaN if there is
 * one.
 */
export const median = (x: Tensor, axis = -1, options: QuantileOptions = {}): Tensor =>
  named('median', () => quantile(x, 0.5, axis, options))
