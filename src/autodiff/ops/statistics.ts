/**
 * Composites of reductions: the smallest and where it is, products, conditions, spreads, and the logarithm of a sum of
 * exponentials.
 */
import { keptShape } from '../folding.js'
import { spreadOf } from '../moments.js'
import { axesOf, checkOptions, describe, fail, named, sizeOf } from '../shape.js'
import { requireDtype, requireTensor, type Tensor } from '../tensor.js'
import { type ReduceOptions, reshape, sum } from './broadcast.js'
import { stopGradient } from './core.js'
import { customVjp } from './custom.js'
import { concat, slice, transpose } from './movement.js'
import {
  add,
  equal,
  exp,
  greater,
  isFinite,
  less,
  log,
  maximum,
  minimum,
  mul,
  neg,
  notEqual,
  or,
  sqrt,
  sub,
  where
} from './pointwise.js'
import { argmax, max } from './reduce.js'

/** One axis or several, negative from the end. */
export type ReducedAxes = number | readonly number[]

/** A reduction's axes, and its result with or without them. `reduced` has them with extent 1. */
const dropped = (x: Tensor, axes: readonly number[], keepDims: boolean, reduced: Tensor): Tensor =>
  keepDims
    ? reduced
    : reshape(
        reduced,
        x.shape.filter((_, axis) => !axes.includes(axis))
      )

/**
 * The minimum over `axes` (all by default); NaN if there is one; a tie's cotangent goes to its first element. See
 * `max`.
 */
export const min = (x: Tensor, axes?: ReducedAxes, options: ReduceOptions = {}): Tensor =>
  neg(
    max(
      neg(requireDtype('min', x, 'f32')),
      axesOf('min', axes, x.shape.length),
      checkOptions('min', options, ['keepDims'])
    )
  )

/** Where the minimum over `axis` is: the first one of a tie, the first NaN if there is any. i32, without cotangent. */
export const argmin = (x: Tensor, axis = -1): Tensor =>
  named('argmin', () => argmax(neg(requireDtype('argmin', x, 'f32')), axis))

/**
 * The product over `axes` (all by default), by halves; its derivative is right at zeros too.
 * @example $.prod($.tensor([2, 3, 4])) // 24
 */
export const prod = (x: Tensor, axes?: ReducedAxes, options: ReduceOptions = {}): Tensor => {
  const { keepDims = false } = checkOptions('prod', options, ['keepDims'])
  const found = axesOf('prod', axes, requireTensor('prod', x).shape.length)
  const kept = [...x.shape.keys()].filter(axis => !found.includes(axis))
  const shape = kept.map(axis => x.shape[axis] as number)
  const count = sizeOf(x.shape) / sizeOf(shape)
  const part = (rows: Tensor, from: number, to: number) => slice(rows, [...shape.map(() => []), [from, to]])
  let rows = reshape(transpose(x, [...kept, ...found]), [...shape, count])
  for (let left = count; left > 1; left = Math.ceil(left / 2)) {
    const half = Math.floor(left / 2)
    const halves = mul(part(rows, 0, half), part(rows, half, 2 * half))
    rows = left % 2 === 0 ? halves : concat([halves, part(rows, left - 1, left)], shape.length)
  }
  return dropped(x, found, keepDims, reshape(rows, keptShape(x.shape, found)))
}

/** 1 where any condition along `axes` (all by default) is not 0. @example $.any($.greater(x, 0), 1) */
export const any = (condition: Tensor, axes?: ReducedAxes, options: ReduceOptions = {}): Tensor => {
  const holds = notEqual(requireDtype('any', condition, 'u32'), 0)
  return greater(sum(holds, axesOf('any', axes, condition.shape.length), checkOptions('any', options, ['keepDims'])), 0)
}

/** 1 where all conditions along `axes` (all by default) are not 0. @example $.all($.isFinite(x)) */
export const all = (condition: Tensor, axes?: ReducedAxes, options: ReduceOptions = {}): Tensor => {
  const fails = equal(requireDtype('all', condition, 'u32'), 0)
  return equal(sum(fails, axesOf('all', axes, condition.shape.length), checkOptions('all', options, ['keepDims'])), 0)
}

/**
 * Options of spreads: `correction` is taken from the count that the squares are divided by, 1 for a sample's unbiased
 * variance.
 */
export interface VarianceOptions extends ReduceOptions {
  readonly correction?: number
}

const spread = (name: string, x: Tensor, axes: ReducedAxes | undefined, options: VarianceOptions): Tensor => {
  const { keepDims = false, correction = 0 } = checkOptions(name, options, ['keepDims', 'correction'])
  const found = axesOf(name, axes, requireDtype(name, x, 'f32').shape.length)
  const count = found.reduce((product, axis) => product * (x.shape[axis] as number), 1)
  if (!(correction < count))
    fail(
      name,
      `a correction below the ${count} values that a variance is made of`,
      describe(correction),
      'use more values'
    )
  const biased = spreadOf(x, found)
  return dropped(x, found, keepDims, correction === 0 ? biased : mul(biased, count / (count - correction)))
}

/**
 * The mean squared distance from the mean over `axes` (all by default), in two passes: mean((x - mean)^2) keeps its
 * digits where E[x^2] - mean^2 loses them. Biased as `numpy.var`; `{ correction: 1 }` is `torch.var`.
 * @example $.variance(x, 0, { correction: 1 })
 */
export const variance = (x: Tensor, axes?: ReducedAxes, options: VarianceOptions = {}): Tensor =>
  spread('variance', x, axes, options)

/**
 * The root of the variance. Its gradient is NaN where all values are equal. See `variance`.
 * @example $.std(x, -1, { keepDims: true })
 */
export const std = (x: Tensor, axes?: ReducedAxes, options: VarianceOptions = {}): Tensor =>
  sqrt(spread('std', x, axes, options))

/**
 * log(sum of e^x) over `axes` (all by default), without overflow; minus infinity where all x are.
 * @example $.logSumExp(x, -1) // f32[4]
 */
export const logSumExp = (x: Tensor, axes?: ReducedAxes, options: ReduceOptions = {}): Tensor => {
  const { keepDims = false } = checkOptions('logSumExp', options, ['keepDims'])
  const found = axesOf('logSumExp', axes, requireDtype('logSumExp', x, 'f32').shape.length)
  const top = stopGradient(max(x, found, { keepDims: true }))
  // e^(x - top) of infinities is NaN: they are taken as they are.
  const shift = where(isFinite(top), top, 0)
  return dropped(x, found, keepDims, add(log(sum(exp(sub(x, shift)), found, { keepDims: true })), shift))
}

/**
 * x within bounds. Its derivative is 1 from bound to bound, both included, where `minimum` of `maximum` has a half.
 * @example $.clamp(x, 0, 6)
 */
export const clamp = (x: Tensor, least: number, most: number): Tensor =>
  named('clamp', () => {
    requireDtype('clamp', x, 'f32')
    if (!(least <= most))
      fail('clamp', 'bounds of which the first is not above the second', `${least} and ${most}`, 'swap them')
    return customVjp(
      y => minimum(maximum(y as Tensor, least), most),
      (g, [y]) => [where(or(less(y as Tensor, least), greater(y as Tensor, most)), 0, g)]
    )(x)
  })
