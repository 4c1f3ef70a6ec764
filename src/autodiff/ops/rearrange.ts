/**
 * Elements in another order: flip, which strides cannot say, and what is made of slices: roll, diagonals, differences.
 */
import * as E from 'fp-ts/lib/Either.js'
import { allocate, type NdArray } from '../ndarray.js'
import { axisFurther, bind, primitive } from '../primitive.js'
import {
  type Aval,
  around,
  axesOf,
  axisOf,
  checkNumbers,
  checkOptions,
  describe,
  fail,
  named,
  show,
  sizeOf
} from '../shape.js'
import { type Primitive, requireTensor, type Tensor } from '../tensor.js'
import { reshape } from './broadcast.js'
import { concat, sliceAlong, transpose } from './movement.js'
import { sub } from './pointwise.js'

const flipPrimitive: Primitive<{ readonly axis: number }> = primitive({
  name: 'flip',
  shape: ([x]) => E.right({ shape: (x as Aval).shape, dtype: (x as Aval).dtype }),
  reference: ([x], { axis }, out) => {
    const { data, shape } = x as NdArray
    const [outer, extent, inner] = around(shape, axis)
    const result = allocate(out.dtype, sizeOf(out.shape))
    for (let o = 0, at = 0; o < outer; o++)
      for (let k = extent - 1; k >= 0; k--)
        for (let n = 0; n < inner; n++, at++) result[at] = data[(o * extent + k) * inner + n] as number
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'flip',
    params: (_, attributes, out) => [sizeOf(out.shape), ...around(out.shape, attributes['axis'] as number).slice(1)]
  },
  vjp: (g, _, { axis }) => [flip(g, axis)],
  batch: axisFurther
})

/**
 * From the last to the first along `axes` (all by default), as `numpy.flip`.
 * @example $.flip($.tensor([1, 2, 3])) // [3, 2, 1]
 */
export const flip = (x: Tensor, axes?: number | readonly number[]): Tensor =>
  axesOf('flip', axes, requireTensor('flip', x).shape.length).reduce(
    (turned, axis) => (x.shape[axis] === 1 ? turned : bind(flipPrimitive, [turned], { axis })),
    x
  )

const whole = (name: string, what: string, value: number, least = Number.MIN_SAFE_INTEGER): number =>
  Number.isInteger(value) && value >= least
    ? value
    : fail(name, `${what} as a whole number${least > 0 ? ` of at least ${least}` : ''}`, describe(value), 'round it')

/**
 * Elements moved on by `shift` along an axis; those that leave at its end come in at its beginning (`numpy.roll`).
 * @example $.roll($.tensor([1, 2, 3]), 1) // [3, 1, 2]
 */
export const roll = (x: Tensor, shift: number, axis = -1): Tensor => {
  const found = axisOf('roll', axis, requireTensor('roll', x).shape.length)
  const extent = x.shape[found] as number
  const by = ((whole('roll', 'a shift', shift) % extent) + extent) % extent
  return by === 0 ? x : concat([sliceAlong(x, found, [extent - by]), sliceAlong(x, found, [0, extent - by])], found)
}

/** The diagonal `offset` above the main one (below it if negative), and the axes of the matrices. */
export interface DiagonalOptions {
  readonly offset?: number
  readonly axes?: readonly [number, number]
}

/**
 * The diagonals of matrices, as the last axis (`numpy.diagonal`); by default of the last two axes.
 * @example $.diagonal($.tensor([[1, 2], [3, 4]])) // [1, 4]
 */
export const diagonal = (x: Tensor, options: DiagonalOptions = {}): Tensor => {
  const { offset = 0, axes = [-2, -1] } = checkOptions('diagonal', options, ['offset', 'axes'])
  const [row, column, ...more] = checkNumbers('diagonal', 'two axes', axes)
  if (row === undefined || column === undefined || more.length > 0)
    return fail('diagonal', 'two axes', describe(axes), 'name the rows and the columns')
  const rank = requireTensor('diagonal', x).shape.length
  const [first, second] = [axisOf('diagonal', row, rank), axisOf('diagonal', column, rank)]
  if (first === second)
    return fail('diagonal', 'two different axes', `${row} and ${column}`, 'name the rows and the columns')
  const others = [...x.shape.keys()].filter(axis => axis !== first && axis !== second)
  const matrices = transpose(x, [...others, first, second])
  const [rows, columns] = matrices.shape.slice(-2) as [number, number]
  const shift = whole('diagonal', 'an offset', offset)
  const length = Math.min(rows + Math.min(shift, 0), columns - Math.max(shift, 0))
  if (length < 1)
    return fail(
      'diagonal',
      `an offset from ${1 - rows} to ${columns - 1} for ${show(x)}`,
      String(offset),
      'choose one within'
    )
  // Row-major, the next of a diagonal lies a row and a column further on.
  const start = shift >= 0 ? shift : -shift * columns
  const flat = reshape(matrices, [...matrices.shape.slice(0, -2), rows * columns])
  return sliceAlong(flat, -1, [start, start + (length - 1) * (columns + 1) + 1, columns + 1])
}

/** Differences of neighbours along `axis`, `order` times over (`numpy.diff`). */
export const diff = (x: Tensor, axis = -1, order = 1): Tensor =>
  named('diff', () => {
    const found = axisOf('diff', axis, requireTensor('diff', x).shape.length)
    const extent = x.shape[found] as number
    if (whole('diff', 'an order', order, 1) >= extent)
      return fail(
        'diff',
        `an order below the extent ${extent} of axis ${axis}`,
        String(order),
        'take fewer differences'
      )
    const first = sub(sliceAlong(x, found, [1]), sliceAlong(x, found, [0, -1]))
    return order === 1 ? first : diff(first, found, order - 1)
  })
