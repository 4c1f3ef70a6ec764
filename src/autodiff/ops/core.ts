/** The leaves (arguments and constants) and the identities that matter to differentiation. */
import * as E from 'fp-ts/lib/Either.js'
import type { DType } from '../../kernels/spec.js'
import { type NdArray, ndarray } from '../ndarray.js'
import { bind, leading, movement, primitive } from '../primitive.js'
import { type Aval, checkExtents, checkNumbers, describe, fail, refuse, type Shape, sizeOf } from '../shape.js'
import { isTensor, type Primitive, type Tensor } from '../tensor.js'

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

/** Numbers nested to any depth, or flat with a shape. */
export type Numbers = number | readonly Numbers[]

const flatten = (values: Numbers): { shape: Shape; flat: number[] } => {
  if (typeof values === 'number') return { shape: [], flat: [values] }
  if (!Array.isArray(values))
    fail('tensor', 'numbers, or lists of them to any depth', describe(values), 'put tensors together with concat')
  const parts = values.map(flatten)
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

/** Numbers on their way to a tensor, all of which the dtype holds: none is cut or wrapped around without a word. */
const held = <N extends ArrayLike<number>>(values: N, dtype: DType): N => {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (typeof value !== 'number' || !holds(dtype, value))
      fail('tensor', `numbers that ${dtype} holds`, describe(value), `choose another dtype, or round it`)
  }
  return values
}

/**
 * A constant tensor. Numbers that the dtype does not hold (0.5 or -1 as u32, 1e39 as f32) are refused.
 * @example tensor([[1, 2], [3, 4]])            // f32[2,2]
 * @example tensor(new Int32Array([3, 1]), [2], 'i32')
 */
export const tensor = (values: Numbers | ArrayLike<number>, shape?: Shape, dtype: DType = 'f32'): Tensor => {
  if (!['f32', 'i32', 'u32'].includes(dtype)) fail('tensor', 'a dtype f32, i32 or u32', describe(dtype), 'name one of these')
  if (shape !== undefined) checkNumbers('tensor', 'a shape', shape)
  const { flat, shape: own } = ArrayBuffer.isView(values)
    ? { flat: values as unknown as ArrayLike<number>, shape: [(values as unknown as ArrayLike<number>).length] }
    : flatten(values as Numbers)
  return bind(constantPrimitive, [], { value: ndarray(held(flat, dtype), shape ?? own, dtype) })
}

/** A tensor, or a number to be made one of the same dtype as the other operand. */
export type TensorLike = Tensor | number

/** A number becomes a tensor of the dtype, if that holds it. `name` is the operation that asks. */
export const asTensor = (name: string, value: TensorLike, dtype: DType = 'f32'): Tensor => {
  if (isTensor(value)) return value
  if (typeof value !== 'number') return fail(name, 'tensors or numbers', describe(value), 'make a tensor of it: tensor([1, 2])')
  return holds(dtype, value)
    ? tensor(value, [], dtype)
    : fail(name, `a number that ${dtype} holds, as the other operand is`, String(value), "convert that one: convert(x, 'f32')")
}

const identity = movement(view => view)

/**
 * The identity, as a node of its own. `grad` wraps its arguments in aliases: the fresh identity is what the cotangent is pulled back to,
 * which makes nested derivatives safe. Never merged while graphs are built; `compile` removes aliases after all differentiation.
 */
const aliasPrimitive: Primitive = primitive({
  name: 'alias',
  shape: ([x]) => E.right({ shape: (x as Aval).shape, dtype: (x as Aval).dtype }),
  ...identity,
  batch: leading,
  vjp: g => [g]
})

export const alias = (x: Tensor): Tensor => bind(aliasPrimitive, [x], {})

/** The identity with derivative zero, at every level of differentiation. */
const stopGradientPrimitive: Primitive = primitive({
  name: 'stop_gradient',
  shape: ([x]) => E.right({ shape: (x as Aval).shape, dtype: (x as Aval).dtype }),
  ...identity,
  batch: leading,
  vjp: 'zero'
})

/**
 * `x`, seen as a constant by every derivative.
 * @example grad(x => mul(x, stopGradient(x)))(x) // x, not 2 x
 */
export const stopGradient = (x: Tensor): Tensor => bind(stopGradientPrimitive, [x], {})
