/** Tensors of numbers that follow a rule. */
import type { DType } from '../../kernels/spec.js'
import { asTensor, DTYPES } from '../leaves.js'
import { checkNumbers, describe, fail, named, type Shape } from '../shape.js'
import { requireTensor, type Tensor } from '../tensor.js'
import { broadcastTo, reshape } from './broadcast.js'
import { tensor } from './core.js'
import { convert, equal } from './pointwise.js'

const countOf = (name: string, what: string, value: number): number =>
  Number.isInteger(value) && value > 0
    ? value
    : fail(name, `${what} as a whole number above 0`, describe(value), 'round it')

const finite = (name: string, ...values: readonly number[]): void =>
  values.forEach(value => {
    if (!Number.isFinite(value)) fail(name, 'finite numbers', describe(value), 'choose another')
  })

const checkDtype = (name: string, dtype: DType): DType =>
  DTYPES.includes(dtype) ? dtype : fail(name, 'a dtype f32, i32 or u32', describe(dtype), 'name one of these')

/** One number everywhere: it is stored once. @example $.full([2, 3], 0.5) */
export const full = (shape: Shape, value: number, dtype: DType = 'f32'): Tensor =>
  named('full', () =>
    broadcastTo(asTensor('full', value, checkDtype('full', dtype)), checkNumbers('full', 'a shape', shape))
  )

/** Zeros. @example $.zeros([2, 3]) */
export const zeros = (shape: Shape, dtype: DType = 'f32'): Tensor => named('zeros', () => full(shape, 0, dtype))

/** Ones. @example $.ones([2, 3], 'i32') */
export const ones = (shape: Shape, dtype: DType = 'f32'): Tensor => named('ones', () => full(shape, 1, dtype))

/** Zeros of the shape and dtype of x. */
export const zerosLike = (x: Tensor): Tensor => full(requireTensor('zerosLike', x).shape, 0, x.dtype)

/** Ones of the shape and dtype of x. */
export const onesLike = (x: Tensor): Tensor => full(requireTensor('onesLike', x).shape, 1, x.dtype)

/**
 * Numbers from `start` on, `step` apart, before `stop`; of one number, from 0 up to it. f32 if no dtype is given.
 * @example $.arange(4)                       // [0, 1, 2, 3]
 * @example $.arange(2, 8, 3, 'i32')          // [2, 5]
 */
export const arange = (start: number, stop?: number, step = 1, dtype: DType = 'f32'): Tensor => {
  const [from, to] = stop === undefined ? [0, start] : [start, stop]
  finite('arange', from, to, step)
  const count = Math.ceil((to - from) / step)
  if (!(count > 0))
    fail('arange', 'at least one number on the way', `${from} to ${to} by ${step}`, 'leave empty tensors out')
  return tensor(
    Array.from({ length: count }, (_, i) => from + i * step),
    [count],
    dtype
  )
}

/**
 * `count` numbers evenly from `start` to `stop`, both included.
 * @example $.linspace(0, 1, 5) // [0, 0.25, 0.5, 0.75, 1]
 */
export const linspace = (start: number, stop: number, count: number): Tensor => {
  finite('linspace', start, stop)
  const last = countOf('linspace', 'a count', count) - 1
  return tensor(
    Array.from({ length: count }, (_, i) =>
      i === last && last > 0 ? stop : start + ((stop - start) * i) / Math.max(last, 1)
    )
  )
}

/** Ones on the diagonal of a matrix, else zeros. @example $.eye(3) */
export const eye = (rows: number, columns = rows): Tensor => {
  const down = arange(0, countOf('eye', 'rows', rows), 1, 'i32')
  const across = arange(0, countOf('eye', 'columns', columns), 1, 'i32')
  return convert(equal(reshape(down, [-1, 1]), across), 'f32')
}
