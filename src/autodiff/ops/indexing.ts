/**
 * One-hot rows, and take with its transpose scatter-add. Scatter is written as a loop over the indices, in a fixed order: no float atomics.
 *
 * An index out of range is loud: the device cannot throw, so its result is NaN (a one-hot row of NaN, a taken row of NaN, and a NaN column
 * in scatter-add), and the check for finite numbers that follows every step names the node.
 */
import * as E from 'fp-ts/lib/Either.js'
import { allocate, type NdArray } from '../ndarray.js'
import { bind, primitive } from '../primitive.js'
import { type Aval, axisOf, describe, refuse, type Shape, show, sizeOf } from '../shape.js'
import { type Primitive, requireTensor, type Tensor } from '../tensor.js'

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
  vjp: 'zero'
})

/** Rows of zeros with a one at each index: i32[...] -> f32[..., classes]. An index out of range gives a row of NaN. */
export const oneHot = (indices: Tensor, classes: number): Tensor => bind(oneHotPrimitive, [indices], { classes })

/** Extents before, on and after an axis. */
const around = (shape: Shape, axis: number): [number, number, number] => [
  sizeOf(shape.slice(0, axis)),
  shape[axis] as number,
  sizeOf(shape.slice(axis + 1))
]

const takePrimitive: Primitive<{ readonly axis: number }> = primitive({
  name: 'take',
  shape: ([x, indices], { axis }) =>
    isIndex(indices as Aval) && (x as Aval).dtype === 'f32'
      ? E.right({
          shape: [...(x as Aval).shape.slice(0, axis), ...(indices as Aval).shape, ...(x as Aval).shape.slice(axis + 1)],
          dtype: 'f32' as const
        })
      : refuse('take', 'an f32 tensor and i32 indices', `${show(x as Aval)} and ${show(indices as Aval)}`, 'convert one of them'),
  reference: ([x, indices], { axis }, out) => {
    const [outer, extent, inner] = around((x as NdArray).shape, axis)
    const { data } = indices as NdArray
    const result = allocate('f32', sizeOf(out.shape))
    for (let o = 0, i = 0; o < outer; o++)
      for (let k = 0; k < data.length; k++)
        for (let n = 0; n < inner; n++, i++) {
          const index = data[k] as number
          result[i] =
            index < 0 || index >= extent ? Number.NaN : ((x as NdArray).data[(o * extent + index) * inner + n] as number)
        }
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'take',
    params: ([x, indices], attributes, out) => {
      const [, extent, inner] = around((x as Aval).shape, attributes['axis'] as number)
      return [sizeOf(out.shape), extent, inner, sizeOf((indices as Aval).shape)]
    }
  },
  vjp: (g, [x, indices], { axis }) => [scatterAdd(g, indices as Tensor, axis, (x as Tensor).shape[axis] as number), null]
})

/**
 * Rows of `x` along `axis` at `indices`; their axes take the axis' place.
 * @example $.take(x, labels) // f32[4,3]
 */
export const take = (x: Tensor, indices: Tensor, axis = 0): Tensor =>
  bind(takePrimitive, [x, indices], { axis: axisOf('take', axis, requireTensor('take', x).shape.length) })

const scatterAddPrimitive: Primitive<{ readonly axis: number; readonly extent: number }> = primitive({
  name: 'scatter_add',
  shape: ([x, indices], { axis, extent }) => {
    const { shape } = x as Aval
    const rank = (indices as Aval).shape.length
    return isIndex(indices as Aval) &&
      (x as Aval).dtype === 'f32' &&
      Number.isInteger(extent) &&
      extent > 0 &&
      shape.slice(axis, axis + rank).join() === (indices as Aval).shape.join()
      ? E.right({ shape: [...shape.slice(0, axis), extent, ...shape.slice(axis + rank)], dtype: 'f32' as const })
      : refuse(
          'scatter_add',
          `an f32 tensor whose axes from ${axis} on are those of the i32 indices, and a positive extent`,
          `${show(x as Aval)} and ${show(indices as Aval)} into ${describe(extent)}`,
          'reshape one of them'
        )
  },
  reference: ([x, indices], { axis, extent }, out) => {
    const [outer, , inner] = around(out.shape, axis)
    const { data } = indices as NdArray
    const result = allocate('f32', sizeOf(out.shape))
    for (let o = 0, i = 0; o < outer; o++)
      for (let k = 0; k < data.length; k++)
        for (let n = 0; n < inner; n++, i++) {
          const index = data[k] as number
          const value = (x as NdArray).data[i] as number
          if (index < 0 || index >= extent) for (let e = 0; e < extent; e++) result[(o * extent + e) * inner + n] = Number.NaN
          else result[(o * extent + index) * inner + n] = (result[(o * extent + index) * inner + n] as number) + value
        }
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'scatter_add',
    params: ([, indices], attributes, out) => {
      const [, extent, inner] = around(out.shape, attributes['axis'] as number)
      return [sizeOf(out.shape), extent, inner, sizeOf((indices as Aval).shape)]
    }
  },
  vjp: (g, [, indices], { axis }) => [take(g, indices as Tensor, axis), null]
})

/** The transpose of `take`: rows of `x` added into `extent` rows along the result's `axis`, in the order of the indices. */
export const scatterAdd = (x: Tensor, indices: Tensor, axis: number, extent: number): Tensor => {
  const rank = Math.max(1, requireTensor('scatter_add', x).shape.length - requireTensor('scatter_add', indices).shape.length + 1)
  return bind(scatterAddPrimitive, [x, indices], { axis: axisOf('scatter_add', axis, rank), extent })
}
