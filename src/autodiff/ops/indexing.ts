/**
 * One-hot rows, and take with its transpose scatter-add. Scatter is written as a loop over the indices, in a fixed order: no float atomics.
 *
 * An index out of range is loud: the device cannot throw, so its result is NaN (a one-hot row of NaN, a taken row of NaN, and a NaN column
 * in scatter-add), and the check for finite numbers that follows every step names the node.
 */
import * as E from 'fp-ts/lib/Either.js'
import { allocate, type NdArray } from '../ndarray.js'
import { bind, leading, primitive } from '../primitive.js'
import { type Aval, axisOf, describe, refuse, type Shape, show, sizeOf } from '../shape.js'
import { type Primitive, requireTensor, type Tensor } from '../tensor.js'
import { moveAxis } from './movement.js'

const isIndex = ({ dtype }: Aval): boolean => dtype === 'i32'

const oneHotPrimitive: Primitive<{ readonly classes: number }> = primitive({
  name: 'one_hot',
  shape: ([indices], { classes }) =>
    isIndex(indices as Aval) && Number.isInteger(classes) && classes > 0
      ? E.right({ shape: [...(indices as Aval).shape, classes], dtype: 'f32' as const })
      : refuse(
          'one_hot',
          'i32 indices and a positive number of classes',
          `${show(indices as Aval)} and ${describe(classes)}`,
          "convert the indices: convert(x, 'i32')"
        ),
  reference: ([indices], { classes }, out) => {
    const result = allocate('f32', sizeOf(out.shape))
    ;(indices as NdArray).data.forEach((index, row) => {
      if (index < 0 || index >= classes) result.fill(Number.NaN, row * classes, (row + 1) * classes)
      else result[row * classes + index] = 1
    })
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'one_hot',
    params: (_, attributes, out) => [sizeOf(out.shape), attributes['classes'] as number]
  },
  vjp: 'zero',
  batch: leading
})

/** Rows of zeros with a one at each index: i32[...] -> f32[..., classes]. An index out of range gives a row of NaN. */
export const oneHot = (indices: Tensor, classes: number): Tensor => bind(oneHotPrimitive, [indices], { classes })

/** Extents before, on and after an axis. */
const around = (shape: Shape, axis: number): [number, number, number] => [
  sizeOf(shape.slice(0, axis)),
  shape[axis] as number,
  sizeOf(shape.slice(axis + 1))
]

/** The first `batch` axes of the tensor and of its indices are the same: each of their places has its own indices. */
type Indexed = { readonly axis: number; readonly batch: number }

const shareBatch = (x: Aval, indices: Aval, { axis, batch }: Indexed): boolean =>
  batch <= axis && x.shape.slice(0, batch).join() === indices.shape.slice(0, batch).join()

/** The indices of each place of a batch, and the outer rows that share them. */
const indicesOf = (indices: Aval, outer: number, batch: number): { count: number; sharing: number } => ({
  count: sizeOf(indices.shape.slice(batch)),
  sharing: outer / sizeOf(indices.shape.slice(0, batch))
})

/** The uniform of both shaders. `x` is what has the axis. */
const params = (x: Aval, indices: Aval, attributes: Readonly<Record<string, unknown>>, out: Aval): number[] => {
  const { axis, batch } = attributes as Indexed
  const [outer, extent, inner] = around(x.shape, axis)
  const { count, sharing } = indicesOf(indices, outer, batch)
  return [sizeOf(out.shape), extent, inner, count, sharing]
}

const takePrimitive: Primitive<Indexed> = primitive({
  name: 'take',
  shape: ([x, indices], attributes) => {
    const [source, places] = [x as Aval, indices as Aval]
    const { axis, batch } = attributes
    return isIndex(places) && source.dtype === 'f32' && shareBatch(source, places, attributes)
      ? E.right({
          shape: [...source.shape.slice(0, axis), ...places.shape.slice(batch), ...source.shape.slice(axis + 1)],
          dtype: 'f32' as const
        })
      : refuse('take', 'an f32 tensor and i32 indices', `${show(source)} and ${show(places)}`, 'convert one of them')
  },
  reference: ([x, indices], { axis, batch }, out) => {
    const [outer, extent, inner] = around((x as NdArray).shape, axis)
    const { data } = indices as NdArray
    const { count, sharing } = indicesOf(indices as NdArray, outer, batch)
    const result = allocate('f32', sizeOf(out.shape))
    for (let o = 0, i = 0; o < outer; o++)
      for (let k = 0; k < count; k++)
        for (let n = 0; n < inner; n++, i++) {
          const index = data[Math.floor(o / sharing) * count + k] as number
          result[i] =
            index < 0 || index >= extent ? Number.NaN : ((x as NdArray).data[(o * extent + index) * inner + n] as number)
        }
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'take',
    params: ([x, indices], attributes, out) => params(x as Aval, indices as Aval, attributes, out)
  },
  vjp: (g, [x, indices], { axis, batch }) => [
    bind(scatterAddPrimitive, [g, indices as Tensor], { axis, batch, extent: (x as Tensor).shape[axis] as number }),
    null
  ],
  // A batch of indices into one tensor is more indices; where both have a batch, it is one more axis that they share.
  batch: ([x, indices], { axis, batch }, out, { shared: [table, places] }) => {
    if (places && batch === 0) return bind(out.primitive, [x as Tensor, places], { axis: axis + 1, batch })
    if (table && batch === 0) return moveAxis(bind(out.primitive, [table, indices as Tensor], { axis, batch }), axis, 0)
    return bind(out.primitive, [x as Tensor, indices as Tensor], { axis: axis + 1, batch: batch + 1 })
  }
})

/** Rows of `x` along `axis` at `indices`; their axes take the axis' place. @example take(table, ids) // f32[100,8], i32[4] -> f32[4,8] */
export const take = (x: Tensor, indices: Tensor, axis = 0): Tensor =>
  bind(takePrimitive, [x, indices], { axis: axisOf('take', axis, requireTensor('take', x).shape.length), batch: 0 })

const scatterAddPrimitive: Primitive<Indexed & { readonly extent: number }> = primitive({
  name: 'scatter_add',
  shape: ([x, indices], attributes) => {
    const { axis, extent, batch } = attributes
    const { shape } = x as Aval
    const rank = (indices as Aval).shape.length - batch
    return isIndex(indices as Aval) &&
      (x as Aval).dtype === 'f32' &&
      Number.isInteger(extent) &&
      extent > 0 &&
      shareBatch(x as Aval, indices as Aval, attributes) &&
      shape.slice(axis, axis + rank).join() === (indices as Aval).shape.slice(batch).join()
      ? E.right({ shape: [...shape.slice(0, axis), extent, ...shape.slice(axis + rank)], dtype: 'f32' as const })
      : refuse(
          'scatter_add',
          `an f32 tensor whose axes from ${axis} on are those of the i32 indices, and a positive extent`,
          `${show(x as Aval)} and ${show(indices as Aval)} into ${describe(extent)}`,
          'reshape one of them'
        )
  },
  reference: ([x, indices], { axis, extent, batch }, out) => {
    const [outer, , inner] = around(out.shape, axis)
    const { data } = indices as NdArray
    const { count, sharing } = indicesOf(indices as NdArray, outer, batch)
    const result = allocate('f32', sizeOf(out.shape))
    for (let o = 0, i = 0; o < outer; o++)
      for (let k = 0; k < count; k++)
        for (let n = 0; n < inner; n++, i++) {
          const index = data[Math.floor(o / sharing) * count + k] as number
          const value = (x as NdArray).data[i] as number
          if (index < 0 || index >= extent) for (let e = 0; e < extent; e++) result[(o * extent + e) * inner + n] = Number.NaN
          else result[(o * extent + index) * inner + n] = (result[(o * extent + index) * inner + n] as number) + value
        }
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'scatter_add',
    params: ([, indices], attributes, out) => params(out, indices as Aval, attributes, out)
  },
  vjp: (g, [, indices], { axis, batch }) => [bind(takePrimitive, [g, indices as Tensor], { axis, batch }), null],
  batch: ([x, indices], { axis, extent, batch }, out, { shared: [, places] }) =>
    places && batch === 0
      ? bind(out.primitive, [x as Tensor, places], { axis: axis + 1, extent, batch })
      : bind(out.primitive, [x as Tensor, indices as Tensor], { axis: axis + 1, extent, batch: batch + 1 })
})

/** The transpose of `take`: rows of `x` added into `extent` rows along the result's `axis`, in the order of the indices. */
export const scatterAdd = (x: Tensor, indices: Tensor, axis: number, extent: number): Tensor => {
  const rank = Math.max(1, requireTensor('scatter_add', x).shape.length - requireTensor('scatter_add', indices).shape.length + 1)
  return bind(scatterAddPrimitive, [x, indices], { axis: axisOf('scatter_add', axis, rank), extent, batch: 0 })
}
