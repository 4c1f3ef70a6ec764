/**
 * One-hot rows, and two pairs of a take and its transpose, scatter-add: at indices that all columns share, and along an
 * axis at indices of each element's own. What is scattered is found through the order that sorts the indices, and added
 * in that of the indices: no float atomics.
 *
 * An index out of range is loud: the device cannot throw, so its result is NaN (a one-hot row of NaN, a taken row of
 * NaN, and a NaN column in scatter-add), and the check for finite numbers that follows every step names the node.
 */
import * as E from 'fp-ts/lib/Either.js'
import { allocate, type NdArray } from '../ndarray.js'
import { axisFurther, bind, leading, primitive } from '../primitive.js'
import {
  type Aval,
  around,
  axisOf,
  broadcastShapes,
  describe,
  fail,
  named,
  refuse,
  type Shape,
  show,
  sizeOf
} from '../shape.js'
import { isTensor, type Primitive, requireTensor, type Tensor } from '../tensor.js'
import { argsort } from './argsort.js'
import { broadcastTo, reshape } from './broadcast.js'
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
export const oneHot = (indices: Tensor, classes: number): Tensor =>
  named('oneHot', () => bind(oneHotPrimitive, [indices], { classes }))

/**
 * Calls `visit` for each element of [outer, count, inner]: its place, and the place of its index by the walk of the
 * indices.
 */
const eachIndexed = (
  [outer, count, inner]: readonly [number, number, number],
  walk: Walk,
  visit: (at: number, index: number, row: number, column: number) => void
): void => {
  for (let o = 0, at = 0; o < outer; o++)
    for (let k = 0; k < count; k++)
      for (let n = 0; n < inner; n++, at++) visit(at, o * walk[0] + k * walk[1] + n * walk[2], o, n)
}

/**
 * Strides of the indices along [outer, count, inner]: all columns share them, or each element of a result has its own.
 */
type Walk = readonly [number, number, number]
const SHARED: Walk = [0, 1, 0]
const ownOf = ([, count, inner]: readonly [number, number, number]): Walk => [count * inner, inner, 1]

/** Rows of [outer, extent, inner] at indices. */
const taken = (x: NdArray, { data }: NdArray, axis: number, count: number, walk: Walk, out: Aval): NdArray['data'] => {
  const [outer, extent, inner] = around(x.shape, axis)
  const result = allocate('f32', sizeOf(out.shape))
  eachIndexed([outer, count, inner], walk, (at, place, o, n) => {
    const index = data[place] as number
    result[at] = index < 0 || index >= extent ? Number.NaN : (x.data[(o * extent + index) * inner + n] as number)
  })
  return result
}

/** The transpose: rows of [outer, count, inner] added into those of the result. */
const scattered = (
  x: NdArray,
  { data }: NdArray,
  axis: number,
  count: number,
  walk: Walk,
  out: Aval
): NdArray['data'] => {
  const [outer, extent, inner] = around(out.shape, axis)
  const result = allocate('f32', sizeOf(out.shape))
  eachIndexed([outer, count, inner], walk, (at, place, o, n) => {
    const index = data[place] as number
    const add = (e: number, value: number) => {
      const to = (o * extent + e) * inner + n
      result[to] = (result[to] as number) + value
    }
    if (index < 0 || index >= extent) for (let e = 0; e < extent; e++) add(e, Number.NaN)
    else add(index, x.data[at] as number)
  })
  return result
}

/**
 * The uniform of both shaders: elements, the extent that is indexed, what lies within an index, the indices, and their
 * walk.
 */
const indexedParams = (out: Aval, indexed: Shape, axis: number, count: number, walk: Walk): readonly number[] => {
  const [, extent, inner] = around(indexed, axis)
  return [sizeOf(out.shape), extent, inner, count, ...walk, 0]
}

const takePrimitive: Primitive<{ readonly axis: number }> = primitive({
  name: 'take',
  shape: ([x, indices], { axis }) =>
    isIndex(indices as Aval) && (x as Aval).dtype === 'f32'
      ? E.right({
          shape: [
            ...(x as Aval).shape.slice(0, axis),
            ...(indices as Aval).shape,
            ...(x as Aval).shape.slice(axis + 1)
          ],
          dtype: 'f32' as const
        })
      : refuse(
          'take',
          'an f32 tensor and i32 indices',
          `${show(x as Aval)} and ${show(indices as Aval)}`,
          'convert one of them'
        ),
  reference: ([x, indices], { axis }, out) =>
    taken(x as NdArray, indices as NdArray, axis, sizeOf((indices as NdArray).shape), SHARED, out),
  kernel: {
    kind: 'shader',
    shader: 'take',
    params: ([x, indices], attributes, out) =>
      indexedParams(out, (x as Aval).shape, attributes['axis'] as number, sizeOf((indices as Aval).shape), SHARED)
  },
  vjp: (g, [x, indices], { axis }) => [
    scatterAdd(g, indices as Tensor, axis, (x as Tensor).shape[axis] as number),
    null
  ],
  batch: ([x, indices], { axis }, out, { shared: [table, places] }) => {
    if (places) return take(x as Tensor, places, axis + 1)
    if (table) return moveAxis(take(table, indices as Tensor, axis), axis, 0)
    const [source] = out.inputs as readonly [Tensor]
    const own = forEach(indices as Tensor, source.shape, axis)
    return reshape(takeAlong(x as Tensor, own, axis + 1), [own.shape[0] as number, ...out.shape])
  }
})

/**
 * Indices of each example [n, ...] as those of its own for a tensor of this shape, along its axis: a row of them, 1 on
 * the other axes.
 */
const forEach = (indices: Tensor, shape: Shape, axis: number): Tensor =>
  reshape(indices, [indices.shape[0] as number, ...shape.map((_, i) => (i === axis ? -1 : 1))])

/**
 * Rows of `x` along `axis` at `indices`; their axes take the axis' place.
 * @example $.take(x, labels) // f32[4,3]
 */
export const take = (x: Tensor, indices: Tensor, axis = 0): Tensor =>
  bind(takePrimitive, [x, indices], { axis: axisOf('take', axis, requireTensor('take', x).shape.length) })

interface ScatterAttributes {
  readonly [key: string]: unknown
  readonly axis: number
  readonly extent: number
}

const isExtent = (extent: number): boolean => Number.isInteger(extent) && extent > 0

/** Its third input is the order that sorts the indices: each element of the result finds its own by bisection. */
const scatterAddPrimitive: Primitive<ScatterAttributes> = primitive({
  name: 'scatter_add',
  shape: ([x, indices, order], { axis, extent }) => {
    const { shape } = x as Aval
    const { shape: rows } = indices as Aval
    return isIndex(indices as Aval) &&
      (x as Aval).dtype === 'f32' &&
      isExtent(extent) &&
      shape.slice(axis, axis + rows.length).join() === rows.join() &&
      sizeOf((order as Aval).shape) === sizeOf(rows)
      ? E.right({ shape: [...shape.slice(0, axis), extent, ...shape.slice(axis + rows.length)], dtype: 'f32' as const })
      : refuse(
          'scatter_add',
          `an f32 tensor whose axes from ${axis} on are those of the i32 indices, and a positive extent`,
          `${show(x as Aval)} and ${show(indices as Aval)} into ${describe(extent)}`,
          'reshape one of them'
        )
  },
  reference: ([x, indices], { axis }, out) =>
    scattered(x as NdArray, indices as NdArray, axis, sizeOf((indices as NdArray).shape), SHARED, out),
  kernel: {
    kind: 'shader',
    shader: 'scatter_add',
    params: ([, indices], attributes, out) =>
      indexedParams(out, out.shape, attributes['axis'] as number, sizeOf((indices as Aval).shape), SHARED)
  },
  vjp: (g, [, indices], { axis }) => [take(g, indices as Tensor, axis), null, null],
  batch: (inputs, attributes, out, { size, shared: [, ...shared] }) => {
    const { axis } = attributes
    const [x, indices, order] = inputs as readonly [Tensor, Tensor, Tensor]
    if (shared.every(isTensor)) return bind(out.primitive, [x, ...shared], { ...attributes, axis: axis + 1 })
    const rows = reshape(x, [size, ...out.shape.with(axis, -1)])
    const own = [indices, order].map(one => broadcastTo(forEach(one, out.shape, axis), rows.shape))
    return bind(scatterAddAlongPrimitive, [rows, ...own], { ...attributes, axis: axis + 1 })
  }
})

/**
 * The transpose of `take`: rows of `x` added into `extent` rows along the result's `axis`, in the order of the indices.
 * @example $.scatterAdd(x, labels, 0, 2) // f32[2,3]
 */
export const scatterAdd = (x: Tensor, indices: Tensor, axis: number, extent: number): Tensor =>
  named('scatterAdd', () => {
    const rank = Math.max(
      1,
      requireTensor('scatter_add', x).shape.length - requireTensor('scatter_add', indices).shape.length + 1
    )
    const order = argsort(reshape(indices, [-1]))
    return bind(scatterAddPrimitive, [x, indices, order], { axis: axisOf('scatter_add', axis, rank), extent })
  })

/** Whether two shapes are equal but for the extent of an axis. */
const agreeBut = (x: Shape, y: Shape, axis: number): boolean =>
  x.length === y.length && x.every((extent, i) => i === axis || extent === y[i])

const takeAlongPrimitive: Primitive<{ readonly axis: number }> = primitive({
  name: 'take_along',
  shape: ([x, indices], { axis }) =>
    isIndex(indices as Aval) &&
    (x as Aval).dtype === 'f32' &&
    agreeBut((x as Aval).shape, (indices as Aval).shape, axis)
      ? E.right({ shape: (indices as Aval).shape, dtype: 'f32' as const })
      : refuse(
          'takeAlong',
          `an f32 tensor and i32 indices that agree on every axis but ${axis}`,
          `${show(x as Aval)} and ${show(indices as Aval)}`,
          'convert or reshape one of them'
        ),
  reference: ([x, indices], { axis }, out) => {
    const sizes = around(out.shape, axis)
    return taken(x as NdArray, indices as NdArray, axis, sizes[1], ownOf(sizes), out)
  },
  kernel: {
    kind: 'shader',
    shader: 'take',
    params: ([x], attributes, out) => {
      const axis = attributes['axis'] as number
      const sizes = around(out.shape, axis)
      return indexedParams(out, (x as Aval).shape, axis, sizes[1], ownOf(sizes))
    }
  },
  vjp: (g, [x, indices], { axis }) => [
    scatterAddAlong(g, indices as Tensor, axis, (x as Tensor).shape[axis] as number),
    null
  ],
  batch: axisFurther
})

/** Two tensors stretched to one shape on every axis but one. */
const stretched = (name: string, x: Tensor, indices: Tensor, axis: number): readonly [Tensor, Tensor] => {
  if (requireTensor(name, x).shape.length !== requireTensor(name, indices).shape.length)
    fail(name, 'a tensor and indices of equally many axes', `${show(x)} and ${show(indices)}`, 'reshape one of them')
  const common = broadcastShapes(name, [x.shape.with(axis, 1), indices.shape.with(axis, 1)])
  const to = (one: Tensor): Tensor => broadcastTo(one, common.with(axis, one.shape[axis] as number))
  return [to(x), to(indices)]
}

/**
 * Elements of `x` along `axis`, each at an index of its own (`numpy.take_along_axis`, `torch.gather`): the result has
 * the shape of the i32 indices. Other axes broadcast. An index out of range gives NaN.
 * @example $.takeAlong(x, $.reshape(labels, [-1, 1]), 1) // f32[4,1]
 */
export const takeAlong = (x: Tensor, indices: Tensor, axis = -1): Tensor => {
  const found = axisOf('takeAlong', axis, requireTensor('takeAlong', x).shape.length)
  return bind(takeAlongPrimitive, stretched('takeAlong', x, indices, found), { axis: found })
}

const scatterAddAlongPrimitive: Primitive<ScatterAttributes> = primitive({
  name: 'scatter_add_along',
  shape: ([x, indices, order], { axis, extent }) =>
    isIndex(indices as Aval) &&
    (x as Aval).dtype === 'f32' &&
    isExtent(extent) &&
    [indices, order].every(one => (one as Aval).shape.join() === (x as Aval).shape.join())
      ? E.right({ shape: (x as Aval).shape.with(axis, extent), dtype: 'f32' as const })
      : refuse(
          'scatterAddAlong',
          'an f32 tensor and i32 indices of one shape, and a positive extent',
          `${show(x as Aval)} and ${show(indices as Aval)} into ${describe(extent)}`,
          'convert or reshape one of them'
        ),
  reference: ([x, indices], { axis }, out) => {
    const sizes = around((x as NdArray).shape, axis)
    return scattered(x as NdArray, indices as NdArray, axis, sizes[1], ownOf(sizes), out)
  },
  kernel: {
    kind: 'shader',
    shader: 'scatter_add',
    params: ([x], attributes, out) => {
      const axis = attributes['axis'] as number
      const sizes = around((x as Aval).shape, axis)
      return indexedParams(out, out.shape, axis, sizes[1], ownOf(sizes))
    }
  },
  vjp: (g, [, indices], { axis }) => [takeAlong(g, indices as Tensor, axis), null, null],
  batch: axisFurther
})

/**
 * The transpose of `takeAlong`: each element of `x` is added to the one at its own index along `axis` of a result of
 * `extent` (`torch.scatter_add` into zeros), in the order of the indices. Other axes broadcast. An index out of range
 * makes its column NaN.
 * @example $.scatterAddAlong($.tensor([1, 1, 1]), $.tensor(new Int32Array([0, 2, 0])), 0, 3) // [2, 0, 1]
 */
export const scatterAddAlong = (x: Tensor, indices: Tensor, axis: number, extent: number): Tensor => {
  const found = axisOf('scatterAddAlong', axis, requireTensor('scatterAddAlong', x).shape.length)
  const [values, places] = stretched('scatterAddAlong', x, indices, found)
  return bind(scatterAddAlongPrimitive, [values, places, argsort(places, found)], { axis: found, extent })
}
