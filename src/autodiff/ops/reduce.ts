/** Reductions that choose: the maximum, its place, and the composite mean. The sum stands in `broadcast.ts`. */

import * as E from 'fp-ts/lib/Either.js'
import { foldReference, keptShape, reducedLast } from '../folding.js'
import { allocate, type NdArray } from '../ndarray.js'
import { axesFurther, bind, leading, primitive } from '../primitive.js'
import { type Aval, axesOf, axisOf, checkOptions, expectDtype, named, sizeOf } from '../shape.js'
import { type Primitive, requireTensor, type Tensor } from '../tensor.js'
import { broadcastTo, type ReduceOptions, reshape, sum } from './broadcast.js'
import { oneHot } from './indexing.js'
import { transpose } from './movement.js'
import { div, equal, where } from './pointwise.js'

const argmaxPrimitive: Primitive = primitive({
  name: 'argmax',
  shape: ([x]) =>
    E.map(() => ({ shape: (x as Aval).shape.slice(0, -1), dtype: 'i32' as const }))(
      expectDtype('argmax', [x as Aval], 'f32')
    ),
  reference: ([x], _, out) => {
    const { data, shape } = x as NdArray
    const extent = shape[shape.length - 1] as number
    const result = allocate('i32', sizeOf(out.shape))
    for (let row = 0; row < result.length; row++) {
      let best = 0
      for (let i = 1; i < extent; i++) {
        const [value, top] = [data[row * extent + i] as number, data[row * extent + best] as number]
        if (value > top || (Number.isNaN(value) && !Number.isNaN(top))) best = i
      }
      result[row] = best
    }
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'argmax',
    params: ([x], _, out) => [sizeOf(out.shape), (x as Aval).shape.at(-1) as number]
  },
  vjp: 'zero',
  batch: leading
})

/** Where the maximum over `axis` is: the first one of a tie, the first NaN if there is any. i32, without cotangent. */
export const argmax = (x: Tensor, axis = -1): Tensor => {
  const found = axisOf('argmax', axis, requireTensor('argmax', x).shape.length)
  const last = [...x.shape.keys()].filter(i => i !== found)
  return bind(argmaxPrimitive, [transpose(x, [...last, found])], {})
}

const maxPrimitive: Primitive<{ readonly axes: readonly number[] }> = primitive({
  name: 'reduce_max',
  shape: ([x], { axes }) =>
    E.map(() => ({ shape: (x as Aval).shape.filter((_, axis) => !axes.includes(axis)), dtype: 'f32' as const }))(
      expectDtype('reduce_max', [x as Aval], 'f32')
    ),
  reference: foldReference(Number.NEGATIVE_INFINITY, (a, b) =>
    Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : a >= b ? a : b
  ),
  kernel: { kind: 'reduce', identity: 'negative_infinity()', combine: 'larger(a, b)' },
  // The mask of the first maximum, by index: the reduced axes go last and become one, then back.
  vjp: (g, [input], { axes }) => {
    const x = input as Tensor
    const { kept } = reducedLast(x.shape, axes)
    const order = [...kept, ...axes]
    const rows = reshape(transpose(x, order), [...kept.map(axis => x.shape[axis] as number), -1])
    const hot = reshape(
      oneHot(argmax(rows), rows.shape.at(-1) as number),
      order.map(axis => x.shape[axis] as number)
    )
    const mask = equal(
      transpose(
        hot,
        order.map((_, i) => order.indexOf(i))
      ),
      1
    )
    return [where(mask, broadcastTo(reshape(g, keptShape(x.shape, axes)), x.shape), 0)]
  },
  batch: axesFurther
})

/**
 * The maximum over `axes` (all by default); NaN if there is one; a tie's cotangent goes to its first element in
 * row-major order.
 */
export const max = (x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor =>
  named('max', () => {
    const { keepDims = false } = checkOptions('max', options, ['keepDims'])
    const list = axesOf('max', axes, requireTensor('max', x).shape.length)
    const reduced = list.length ? bind(maxPrimitive, [x], { axes: list }) : x
    return keepDims ? reshape(reduced, keptShape(x.shape, list)) : reduced
  })

/** The mean over `axes` (all by default). */
export const mean = (x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor =>
  named('mean', () => {
    const total = sum(x, axes, options)
    return div(total, sizeOf(x.shape) / sizeOf(total.shape))
  })
