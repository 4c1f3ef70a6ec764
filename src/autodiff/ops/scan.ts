/**
 * Along an axis, each element of the result made of all up to it: cumulative sums, and scans by any associative
 * function.
 */
import * as E from 'fp-ts/lib/Either.js'
import { allocate, type NdArray } from '../ndarray.js'
import { axisFurther, bind, primitive } from '../primitive.js'
import { type Aval, around, axisOf, checkFunction, checkOptions, fail, named, show, sizeOf } from '../shape.js'
import { type Primitive, requireDtype, requireTensor, type Tensor } from '../tensor.js'
import { broadcastTo, reshape } from './broadcast.js'
import { tensor } from './core.js'
import { concat, pad, sliceAlong } from './movement.js'
import { add, maximum, minimum, mul, where } from './pointwise.js'
import { flip } from './rearrange.js'

interface ScanAttributes {
  readonly [key: string]: unknown
  readonly axis: number
  readonly reverse: boolean
}

/** Elements of an axis that one invocation adds up, one after another. */
const BLOCK = 64

const cumsumPrimitive: Primitive<ScanAttributes> = primitive({
  name: 'cumsum',
  shape: ([x]) => E.right({ shape: (x as Aval).shape, dtype: (x as Aval).dtype }),
  reference: ([x], { axis, reverse }, out) => {
    const { data } = x as NdArray
    const [outer, extent, inner] = around(out.shape, axis)
    const result = allocate(out.dtype, sizeOf(out.shape))
    for (let o = 0; o < outer; o++)
      for (let k = 0; k < extent; k++)
        for (let n = 0; n < inner; n++) {
          const at = (o * extent + (reverse ? extent - 1 - k : k)) * inner + n
          const before = k === 0 ? 0 : (result[reverse ? at + inner : at - inner] as number)
          result[at] = before + (data[at] as number)
        }
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'cumsum',
    op: (_, __, out) => `alias Value = ${out.dtype};`,
    params: (_, { axis, reverse }, out) => {
      const [outer, extent, inner] = around(out.shape, axis as number)
      return [outer * inner, extent, inner, reverse ? 1 : 0]
    },
    invocations: (_, { axis }, out) => sizeOf(out.shape) / (out.shape[axis as number] as number)
  },
  // Each element goes into all sums from its own on.
  vjp: (g, _, { axis, reverse }) => [bind(cumsumPrimitive, [g], { axis, reverse: !reverse })],
  batch: axisFurther,
  flops: ([x]) => sizeOf((x as Aval).shape)
})

/** Zeros before and after an axis. */
const padded = (x: Tensor, axis: number, before: number, after: number): Tensor =>
  pad(
    x,
    x.shape.map((_, i) => (i === axis ? before : 0)),
    x.shape.map((_, i) => (i === axis ? after : 0))
  )

/** All but the last sum, behind a zero; reversed, all but the first before one. */
const shifted = (sums: Tensor, axis: number, reverse: boolean): Tensor => {
  if (sums.shape[axis] === 1) return where(tensor(0, [], 'u32'), sums, 0)
  return reverse ? padded(sliceAlong(sums, axis, [1]), axis, 0, 1) : padded(sliceAlong(sums, axis, [0, -1]), axis, 1, 0)
}

/** In blocks, to each of which the sum of the blocks before it is added: no chain of additions is long. */
const sums = (x: Tensor, axis: number, reverse: boolean): Tensor => {
  const extent = x.shape[axis] as number
  if (extent <= BLOCK) return bind(cumsumPrimitive, [x], { axis, reverse })
  const count = Math.ceil(extent / BLOCK)
  const whole = padded(x, axis, 0, count * BLOCK - extent)
  const blocks = reshape(whole, [...x.shape.slice(0, axis), count, BLOCK, ...x.shape.slice(axis + 1)])
  const within = bind(cumsumPrimitive, [blocks], { axis: axis + 1, reverse })
  const totals = sliceAlong(within, axis + 1, reverse ? [0, 1] : [BLOCK - 1, BLOCK])
  const before = shifted(sums(totals, axis, reverse), axis, reverse)
  return sliceAlong(reshape(add(within, broadcastTo(before, within.shape)), whole.shape), axis, [0, extent])
}

/** `exclusive`: each sum without its own element. `reverse`: from the last element on. */
export interface ScanOptions {
  readonly reverse?: boolean
  readonly exclusive?: boolean
}

/**
 * Cumulative sums along `axis` (`numpy.cumsum`), of any dtype; on the device in blocks, in a fixed order.
 * @example $.cumsum($.tensor([1, 2, 3])) // [1, 3, 6]
 * @example $.cumsum($.tensor([1, 2, 3]), 0, { reverse: true, exclusive: true }) // [5, 3, 0]
 */
export const cumsum = (x: Tensor, axis = -1, options: ScanOptions = {}): Tensor => {
  const { reverse = false, exclusive = false } = checkOptions('cumsum', options, ['reverse', 'exclusive'])
  const found = axisOf('cumsum', axis, requireTensor('cumsum', x).shape.length)
  const inclusive = sums(x, found, reverse)
  return exclusive ? shifted(inclusive, found, reverse) : inclusive
}

/**
 * The scan of an associative elementwise function along an axis (`jax.lax.associative_scan`): element i is f(...f(f(x0,
 * x1), x2)..., xi). It is made by doubling, in about log2(extent) applications of `f` to nearly the whole tensor, each
 * of which has its derivative.
 * @example $.associativeScan($.maximum, $.tensor([1, 3, 2]), 0) // [1, 3, 3]
 */
export const associativeScan = (
  f: (before: Tensor, after: Tensor) => Tensor,
  x: Tensor,
  axis = -1,
  options: Pick<ScanOptions, 'reverse'> = {}
): Tensor => {
  checkFunction('associativeScan', f)
  const { reverse = false } = checkOptions('associativeScan', options, ['reverse'])
  const found = axisOf('associativeScan', axis, requireTensor('associativeScan', x).shape.length)
  if (reverse) return flip(associativeScan(f, flip(x, found), found), found)
  const extent = x.shape[found] as number
  let scanned = x
  for (let step = 1; step < extent; step *= 2) {
    const [before, after] = [sliceAlong(scanned, found, [0, extent - step]), sliceAlong(scanned, found, [step])]
    const joined = requireTensor('associativeScan', f(before, after))
    if (show(joined) !== show(before))
      return fail(
        'associativeScan',
        `a function whose result is ${show(before)} as its arguments are`,
        show(joined),
        'mend it'
      )
    scanned = concat([sliceAlong(scanned, found, [0, step]), joined], found)
  }
  return scanned
}

/** Cumulative products along `axis` (`numpy.cumprod`); its derivative is right at zeros too. */
export const cumprod = (x: Tensor, axis = -1): Tensor => named('cumprod', () => associativeScan(mul, x, axis))

/**
 * Running maxima along `axis` (`jax.lax.cummax`); NaN from the first one on. A tie's cotangent is halved, as that of
 * `maximum`.
 */
export const cummax = (x: Tensor, axis = -1): Tensor =>
  named('cummax', () => associativeScan(maximum, requireDtype('cummax', x, 'f32'), axis))

/** Running minima along `axis`. */
export const cummin = (x: Tensor, axis = -1): Tensor =>
  named('cummin', () => associativeScan(minimum, requireDtype('cummin', x, 'f32'), axis))
