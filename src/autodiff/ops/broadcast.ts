/** Reshape, and the pair broadcast and sum: each is the other's transpose, hence one file. */
import * as E from 'fp-ts/lib/Either.js'
import { foldReference, keptShape } from '../folding.js'
import { reshapeView, type View } from '../ndarray.js'
import { axesFurther, bind, movement, primitive } from '../primitive.js'
import {
  type Aval,
  axesOf,
  checkExtents,
  checkNumbers,
  checkOptions,
  named,
  refuse,
  type Shape,
  sameShape,
  show,
  sizeOf
} from '../shape.js'
import { type Primitive, requireTensor, type Tensor } from '../tensor.js'

const reshapePrimitive: Primitive<{ readonly shape: Shape }> = primitive({
  name: 'reshape',
  shape: ([x], { shape }) =>
    sizeOf((x as Aval).shape) === sizeOf(shape)
      ? E.map(() => ({ shape, dtype: (x as Aval).dtype }))(checkExtents('reshape', shape))
      : refuse(
          'reshape',
          `a shape of ${sizeOf((x as Aval).shape)} elements for ${show(x as Aval)}`,
          `[${shape.join(',')}]`,
          'choose extents with the same product'
        ),
  ...movement((view, { shape }: { readonly shape: Shape }) => reshapeView(view, shape)),
  vjp: (g, [x]) => [reshape(g, (x as Tensor).shape)],
  batch: ([x], { shape }, _, { size }) => reshape(x as Tensor, [size, ...shape])
})

/**
 * The same elements, row-major, in another shape; one extent may be -1 and is computed.
 * @example $.reshape(x, [2, -1]) // f32[2,6]
 */
export const reshape = (x: Tensor, shape: Shape): Tensor => {
  requireTensor('reshape', x)
  const known = checkNumbers('reshape', 'a shape', shape).reduce(
    (product, extent) => (extent === -1 ? product : product * extent),
    1
  )
  const filled = shape.map(extent => (extent === -1 ? sizeOf(x.shape) / known : extent))
  return sameShape(x.shape, filled) ? x : bind(reshapePrimitive, [x], { shape: filled })
}

const broadcastPrimitive: Primitive<{ readonly shape: Shape }> = primitive({
  name: 'broadcast',
  shape: ([x], { shape }) => {
    const { shape: from, dtype } = x as Aval
    const offset = shape.length - from.length
    return offset >= 0 && from.every((extent, axis) => extent === 1 || extent === shape[axis + offset])
      ? E.map(() => ({ shape, dtype }))(checkExtents('broadcast', shape))
      : refuse(
          'broadcast',
          `a shape that ${show(x as Aval)} stretches to (extents equal or 1, aligned at the last axis)`,
          `[${shape.join(',')}]`,
          'reshape the tensor so that its axes line up'
        )
  },
  ...movement((view: View, { shape }: { readonly shape: Shape }): View => {
    const offset = shape.length - view.shape.length
    const strides = shape.map((extent, axis) =>
      axis < offset || view.shape[axis - offset] !== extent ? 0 : (view.strides[axis - offset] as number)
    )
    return { shape, strides, offset: view.offset }
  }),
  vjp: (g, [x], { shape }) => {
    const from = (x as Tensor).shape
    const offset = shape.length - from.length
    const stretched = shape
      .map((_, axis) => axis)
      .filter(axis => axis < offset || (from[axis - offset] === 1 && shape[axis] !== 1))
    return [reshape(sum(g, stretched), from)]
  },
  batch: ([x], { shape }, out, { size }) => {
    const { shape: from } = out.inputs[0] as Tensor
    const ones = Array(shape.length - from.length).fill(1)
    return broadcastTo(reshape(x as Tensor, [size, ...ones, ...from]), [size, ...shape])
  }
})

/** `x` repeated to `shape` (NumPy's rule). @example $.broadcastTo(weights.b, [4, 2]) // f32[4,2] */
export const broadcastTo = (x: Tensor, shape: Shape): Tensor =>
  named('broadcastTo', () =>
    sameShape(requireTensor('broadcastTo', x).shape, checkNumbers('broadcastTo', 'a shape', shape))
      ? x
      : bind(broadcastPrimitive, [x], { shape })
  )

const sumPrimitive: Primitive<{ readonly axes: readonly number[] }> = primitive({
  name: 'sum',
  shape: ([x], { axes }) =>
    E.right({ shape: (x as Aval).shape.filter((_, axis) => !axes.includes(axis)), dtype: (x as Aval).dtype }),
  reference: foldReference(0, (a, b) => a + b),
  kernel: { kind: 'reduce', identity: '0', combine: 'a + b' },
  vjp: (g, [x], { axes }) => [broadcastTo(reshape(g, keptShape((x as Tensor).shape, axes)), (x as Tensor).shape)],
  batch: axesFurther,
  flops: ([x]) => sizeOf((x as Aval).shape)
})

/** Options of reductions: `keepDims` leaves the reduced axes with extent 1. */
export interface ReduceOptions {
  readonly keepDims?: boolean
}

/**
 * The sum over `axes` (all by default). On the device partial sums are added in a fixed order.
 * @example $.sum(images, [0, 2, 3]) // f32[16]
 */
export const sum = (x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor => {
  const { keepDims = false } = checkOptions('sum', options, ['keepDims'])
  const list = axesOf('sum', axes, requireTensor('sum', x).shape.length)
  const reduced = list.length ? bind(sumPrimitive, [x], { axes: list }) : x
  return keepDims ? reshape(reduced, keptShape(x.shape, list)) : reduced
}
