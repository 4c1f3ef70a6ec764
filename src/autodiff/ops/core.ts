/** Constants of numbers, and the identity that stops a derivative. */
import * as E from 'fp-ts/lib/Either.js'
import type { DType } from '../../kernels/spec.js'
import { constant, DTYPES, dtypeOf, holds } from '../leaves.js'
import { ndarray } from '../ndarray.js'
import { bind, leading, movement, primitive } from '../primitive.js'
import { type Aval, checkNumbers, describe, fail, MOST_AXES, named, type Shape } from '../shape.js'
import type { Primitive, Tensor } from '../tensor.js'

export type { TensorLike } from '../leaves.js'

/** Numbers nested to any depth, of one tensor. */
export type Numbers = number | readonly Numbers[]

const flatten = (values: Numbers, depth = 0): { shape: Shape; flat: number[] } => {
  if (typeof values === 'number') return { shape: [], flat: [values] }
  if (!Array.isArray(values) || depth === MOST_AXES)
    return fail(
      'tensor',
      `numbers, or lists of them that are nested at most ${MOST_AXES} deep`,
      describe(values),
      'put tensors together with concat'
    )
  const parts = values.map(one => flatten(one, depth + 1))
  const first = parts[0]?.shape ?? []
  if (parts.some(part => part.shape.join() !== first.join()))
    fail(
      'tensor',
      'nested lists of equal lengths',
      `rows of shapes ${parts.map(part => `[${part.shape.join(',')}]`).join(', ')}`,
      'make the rows equally long'
    )
  return { shape: [values.length, ...first], flat: parts.flatMap(part => part.flat) }
}

/** Numbers on their way to a tensor, all of which the dtype holds: none is cut or wrapped around without a word. */
const held = <N extends ArrayLike<number>>(values: N, dtype: DType): N => {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (typeof value !== 'number' || !holds(dtype, value))
      fail('tensor', `numbers that ${dtype} holds`, describe(value), `choose another dtype, or round it`)
  }
  return values
}

/** Arrays of numbers. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array

/**
 * A constant tensor of numbers: one, lists of them to any depth, or a typed array with the shape of what it holds.
 * Without a dtype, typed arrays of integers are i32 or u32 as they have a sign or not, all else is f32. Refused:
 * numbers that the dtype does not hold (0.5 or -1 as u32, 1e39 as f32), lists of unequal lengths, a shape of another
 * size, arrays of BigInt.
 * @example $.tensor([[1, 2], [3, 4]]) // f32[2,2]
 * @example $.tensor(new Int32Array([3, 1])) // i32[2]
 * @example $.tensor([3, 1], [2, 1], 'u32') // u32[2,1]
 */
export const tensor = (values: Numbers | TypedArray, shape?: Shape, dtype?: DType): Tensor =>
  named('tensor', () => {
    if (dtype !== undefined && !DTYPES.includes(dtype))
      fail('tensor', 'a dtype f32, i32 or u32', describe(dtype), 'name one of these')
    if (shape !== undefined) checkNumbers('tensor', 'a shape', shape)
    if (!isTyped(values)) {
      const { flat, shape: own } = flatten(values)
      return constant(ndarray(held(flat, dtype ?? 'f32'), shape ?? own, dtype ?? 'f32'))
    }
    const kind =
      dtypeOf(values) ??
      fail('tensor', 'an array of numbers', describe(values), 'make one of it: Float64Array.from(values, Number)')
    return constant(ndarray(held(values, dtype ?? kind), shape ?? [values.length], dtype ?? kind))
  })

const isTyped = (values: Numbers | TypedArray): values is TypedArray => ArrayBuffer.isView(values)

/** The identity with derivative zero, at every level of differentiation. */
const stopGradientPrimitive: Primitive = primitive({
  name: 'stop_gradient',
  shape: ([x]) => E.right({ shape: (x as Aval).shape, dtype: (x as Aval).dtype }),
  ...movement(view => view),
  vjp: 'zero',
  batch: leading
})

/**
 * `x`, seen as a constant by every derivative.
 * @example grad(x => $.mul(x, $.stopGradient(x)))($.tensor(3)) // 3
 */
export const stopGradient = (x: Tensor): Tensor => named('stopGradient', () => bind(stopGradientPrimitive, [x], {}))
