/**
 * Axes put in, taken out and exchanged; tensors repeated and stacked; parts of matrices. Composites, which cost what
 * their parts do.
 */
import { axesOf, axisOf, checkNumbers, describe, fail, show } from '../shape.js'
import { requireTensor, type Tensor } from '../tensor.js'
import { broadcastTo, reshape, sum } from './broadcast.js'
import { arange, eye } from './create.js'
import { concat, transpose } from './movement.js'
import { add, equal, lessEqual, mul, where } from './pointwise.js'
import { diagonal } from './rearrange.js'

/** An axis of extent 1 put in at `axis`. @example $.expandDims(x, 0) // f32[1,4,3] */
export const expandDims = (x: Tensor, axis: number): Tensor => {
  const found = axisOf('expandDims', axis, requireTensor('expandDims', x).shape.length + 1)
  return reshape(x, [...x.shape.slice(0, found), 1, ...x.shape.slice(found)])
}

/**
 * Without the axes `axes`, whose extents are 1; by default without all that are.
 * @example $.squeeze($.ones([1, 3]), 0) // f32[3]
 */
export const squeeze = (x: Tensor, axes?: number | readonly number[]): Tensor => {
  const found = axesOf('squeeze', axes, requireTensor('squeeze', x).shape.length)
  const wide = axes === undefined ? undefined : found.find(axis => x.shape[axis] !== 1)
  if (wide !== undefined) fail('squeeze', 'axes of extent 1', `axis ${wide} of ${show(x)}`, 'reshape it instead')
  return reshape(
    x,
    x.shape.filter((extent, axis) => extent !== 1 || !found.includes(axis))
  )
}

/** Two axes exchanged. @example $.swapAxes(x, 1, -1) */
export const swapAxes = (x: Tensor, one: number, other: number): Tensor => {
  const rank = requireTensor('swapAxes', x).shape.length
  const [a, b] = [axisOf('swapAxes', one, rank), axisOf('swapAxes', other, rank)]
  return transpose(
    x,
    x.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis))
  )
}

/** Tensors of one shape along a new axis. @example $.stack([x, v]) // f32[2,4,3] */
export const stack = (tensors: readonly Tensor[], axis = 0): Tensor => {
  if (!Array.isArray(tensors) || tensors.length === 0)
    return fail('stack', 'a list of at least one tensor', describe(tensors), 'write stack([x, y])')
  const [first, ...rest] = tensors.map(x => requireTensor('stack', x)) as [Tensor, ...Tensor[]]
  const other = rest.find(x => x.shape.join() !== first.shape.join() || x.dtype !== first.dtype)
  if (other)
    fail('stack', `tensors of one shape and dtype, ${show(first)}`, show(other), 'reshape, pad or convert it first')
  const found = axisOf('stack', axis, first.shape.length + 1)
  return concat(
    [first, ...rest].map(x => expandDims(x, found)),
    found
  )
}

const counts = (name: string, list: readonly number[]): readonly number[] =>
  list.every(count => Number.isInteger(count) && count > 0)
    ? list
    : fail(name, 'counts that are whole numbers above 0', describe(list), 'leave empty tensors out')

/** Each element along an axis `count` times. @example $.repeat($.tensor([1, 2]), 2) // [1, 1, 2, 2] */
export const repeat = (x: Tensor, count: number, axis = -1): Tensor => {
  const found = axisOf('repeat', axis, requireTensor('repeat', x).shape.length)
  counts('repeat', [count])
  const before = x.shape.slice(0, found + 1)
  const after = x.shape.slice(found + 1)
  const wide = broadcastTo(expandDims(x, found + 1), [...before, count, ...after])
  return reshape(wide, [...x.shape.slice(0, found), (x.shape[found] as number) * count, ...after])
}

/**
 * The whole tensor `times` times along each axis, from the last one on.
 * @example $.tile($.tensor([1, 2]), [2]) // [1, 2, 1, 2]
 */
export const tile = (x: Tensor, times: readonly number[]): Tensor => {
  const list = counts('tile', checkNumbers('tile', 'a list of counts', times))
  const rank = Math.max(list.length, requireTensor('tile', x).shape.length)
  const shape = [...Array<number>(rank - x.shape.length).fill(1), ...x.shape]
  const each = [...Array<number>(rank - list.length).fill(1), ...list]
  const wide = broadcastTo(
    reshape(
      x,
      shape.flatMap(extent => [1, extent])
    ),
    shape.flatMap((extent, axis) => [each[axis] as number, extent])
  )
  return reshape(
    wide,
    shape.map((extent, axis) => extent * (each[axis] as number))
  )
}

/** The sum of the products of all elements. @example $.dot(x, v) // f32[] */
export const dot = (x: Tensor, y: Tensor): Tensor => {
  if (requireTensor('dot', x).shape.join() !== requireTensor('dot', y).shape.join() || x.dtype !== y.dtype)
    return fail(
      'dot',
      'two tensors of one shape and dtype',
      `${show(x)} and ${show(y)}`,
      'use matmul or einsum for others'
    )
  return sum(mul(x, y))
}

/**
 * The products of all elements of x with all of y, as a matrix.
 * @example $.outer($.ones([3]), $.ones([4])) // f32[3,4]
 */
export const outer = (x: Tensor, y: Tensor): Tensor => {
  if (requireTensor('outer', x).dtype !== requireTensor('outer', y).dtype)
    return fail('outer', 'tensors of one dtype', `${show(x)} and ${show(y)}`, 'convert one of them')
  return mul(reshape(x, [-1, 1]), reshape(y, [1, -1]))
}

/** Where column - row is at least `offset`, as a condition on the last two axes. */
const aboveDiagonal = (name: string, x: Tensor, offset: number): Tensor => {
  const [rows, columns] = requireTensor(name, x).shape.slice(-2)
  if (columns === undefined) return fail(name, 'a tensor with at least two axes', show(x), 'reshape it to a matrix')
  if (!Number.isInteger(offset)) fail(name, 'an offset as a whole number', describe(offset), 'round it')
  const down = reshape(arange(0, rows, 1, 'i32'), [-1, 1])
  return lessEqual(add(down, offset), arange(0, columns, 1, 'i32'))
}

/** Matrices with zeros below the diagonal that is `offset` above the main one. @example $.triu(x) */
export const triu = (x: Tensor, offset = 0): Tensor => where(aboveDiagonal('triu', x, offset), x, 0)

/** Matrices with zeros above the diagonal that is `offset` above the main one. @example $.tril(x, -1) */
export const tril = (x: Tensor, offset = 0): Tensor =>
  where(aboveDiagonal('tril', x, Number.isInteger(offset) ? offset + 1 : offset), 0, x)

/**
 * A vector as the diagonal of a matrix; of a matrix, its diagonal as a vector.
 * @example $.diag($.tensor([1, 2])) // [[1, 0], [0, 2]]
 */
export const diag = (x: Tensor): Tensor => {
  const rank = requireTensor('diag', x).shape.length
  if (rank === 2) return diagonal(x)
  if (rank !== 1) return fail('diag', 'a vector or a matrix', show(x), 'use diagonal for tensors with more axes')
  return where(equal(eye(x.shape[0] as number), 1), x, 0)
}

/** The sum along the diagonal of each matrix, over the last two axes. @example $.trace($.eye(3)) // 3 */
export const trace = (x: Tensor): Tensor =>
  requireTensor('trace', x).shape.length < 2
    ? fail('trace', 'a tensor with at least two axes', show(x), 'reshape it to a matrix')
    : sum(diagonal(x), -1)
