/**
 * The leaves of graphs (arguments and constants) and the identity that `grad` wraps its arguments in: for whoever
 * builds graphs.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { DType } from '../kernels/spec.js'
import { type NdArray, ndarray } from './ndarray.js'
import { bind, leading, movement, primitive } from './primitive.js'
import { type Aval, checkExtents, checkNumbers, describe, fail, refuse, sizeOf } from './shape.js'
import { isTensor, type Primitive, type Tensor } from './tensor.js'

/** An argument of a traced function; its value is given when the graph is interpreted or run. */
const inputPrimitive: Primitive<{ readonly aval: Aval; readonly name: string }> = primitive({
  name: 'input',
  shape: (_, { aval }) => E.map(() => aval)(checkExtents('input', aval.shape)),
  reference: (_, { name }) => {
    throw new Error(`the input '${name}' was not bound to a value; pass it among the bindings`)
  }
})

export const input = (aval: Aval, name = 'input'): Tensor => {
  if (typeof aval !== 'object' || aval === null)
    return fail('input', 'a dtype and a shape', describe(aval), "pass { dtype: 'f32', shape: [2, 3] }")
  checkNumbers('input', 'a shape', aval.shape)
  return bind(inputPrimitive, [], { aval, name })
}

/** A value known when the graph is built. */
export const constantPrimitive: Primitive<{ readonly value: NdArray }> = primitive({
  name: 'constant',
  shape: (_, { value }) =>
    value.data.length === sizeOf(value.shape)
      ? E.map(() => ({ shape: value.shape, dtype: value.dtype }))(checkExtents('constant', value.shape))
      : refuse(
          'constant',
          `${sizeOf(value.shape)} values for the shape [${value.shape.join(',')}]`,
          `${value.data.length}`,
          'give a shape that holds them all'
        ),
  reference: (_, { value }) => value.data
})

/** A constant of an array. */
export const constant = (value: NdArray): Tensor => bind(constantPrimitive, [], { value })

/** The dtypes that there are. */
export const DTYPES: readonly DType[] = ['f32', 'i32', 'u32']

const LIMITS: Readonly<Record<'i32' | 'u32', readonly [number, number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1]
}

/** Whether a dtype holds a number: whole ones within the integers; for f32 all but finite ones beyond its largest. */
export const holds = (dtype: DType, value: number): boolean => {
  if (dtype === 'f32') return Number.isFinite(Math.fround(value)) || !Number.isFinite(value)
  const [low, high] = LIMITS[dtype]
  return Number.isInteger(value) && value >= low && value <= high
}

const KINDS: Readonly<Record<DType, readonly string[]>> = {
  f32: ['Float16Array', 'Float32Array', 'Float64Array'],
  i32: ['Int8Array', 'Int16Array', 'Int32Array'],
  u32: ['Uint8Array', 'Uint8ClampedArray', 'Uint16Array', 'Uint32Array']
}

/**
 * The dtype that a typed array's numbers have as a tensor; undefined for what is none, or holds other than numbers
 * (BigInt64Array, DataView).
 */
export const dtypeOf = (values: ArrayBufferView): DType | undefined => {
  const name = Object.prototype.toString.call(values).slice('[object '.length, -1)
  return DTYPES.find(dtype => KINDS[dtype].includes(name))
}

/** A tensor, or a number to be made one of the same dtype as the other operand. */
export type TensorLike = Tensor | number

/** A number becomes a tensor of the dtype, if that holds it. `name` is the operation that asks. */
export const asTensor = (name: string, value: TensorLike, dtype: DType = 'f32'): Tensor => {
  if (isTensor(value)) return value
  if (typeof value !== 'number')
    return fail(name, 'tensors or numbers', describe(value), 'make a tensor of it: tensor([1, 2])')
  return holds(dtype, value)
    ? constant(ndarray([value], [], dtype))
    : fail(
        name,
        `a number that ${dtype} holds, as the other operand is`,
        String(value),
        "convert that one: convert(x, 'f32')"
      )
}

/**
 * The identity, as a node of its own. `grad` wraps its arguments in aliases: the fresh identity is what the cotangent
 * is pulled back to, which makes nested derivatives safe. Never merged while graphs are built; `compile` removes
 * aliases after all differentiation.
 */
const aliasPrimitive: Primitive = primitive({
  name: 'alias',
  shape: ([x]) => E.right({ shape: (x as Aval).shape, dtype: (x as Aval).dtype }),
  ...movement(view => view),
  vjp: g => [g],
  batch: leading
})

export const alias = (x: Tensor): Tensor => bind(aliasPrimitive, [x], {})
