/** The leaves (arguments and constants) and the identities that matter to differentiation. */
import * as E from 'fp-ts/lib/Either.js'
import type { DType } from '../../kernels/spec.js'
import { type NdArray, ndarray } from '../ndarray.js'
import { bind, movement, primitive } from '../primitive.js'
import { type Aval, checkExtents, fail, refuse, type Shape, sizeOf } from '../shape.js'
import { isTensor, type Primitive, type Tensor } from '../tensor.js'

/** An argument of a traced function; its value is given when the graph is interpreted or run. */
const inputPrimitive: Primitive<{ readonly aval: Aval; readonly name: string }> = primitive({
  name: 'input',
  shape: (_, { aval }) => E.map(() => aval)(checkExtents('input', aval.shape)),
  reference: (_, { name }) => {
    throw new Error(`the input '${name}' was not bound to a value; pass it among the bindings`)
  }
})

export const input = (aval: Aval, name = 'input'): Tensor => bind(inputPrimitive, [], { aval, name })

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

/**
 * A constant tensor.
 * @example tensor([[1, 2], [3, 4]])            // f32[2,2]
 * @example tensor(new Int32Array([3, 1]), [2], 'i32')
 */
export const tensor = (values: Numbers | ArrayLike<number>, shape?: Shape, dtype: DType = 'f32'): Tensor => {
  if (typeof values === 'number' || Array.isArray(values)) {
    const nested = flatten(values as Numbers)
    return bind(constantPrimitive, [], { value: ndarray(nested.flat, shape ?? nested.shape, dtype) })
  }
  return bind(constantPrimitive, [], { value: ndarray(values as ArrayLike<number>, shape, dtype) })
}

/** A tensor, or a number to be made one of the same dtype as the other operand. */
export type TensorLike = Tensor | number

export const asTensor = (value: TensorLike, dtype: DType = 'f32'): Tensor => (isTensor(value) ? value : tensor(value, [], dtype))

const identity = movement(view => view)

/**
 * The identity, as a node of its own. `grad` wraps its arguments in aliases: the fresh identity is what the cotangent is pulled back to,
 * which makes nested derivatives safe. Never merged while graphs are built; `compile` removes aliases after all differentiation.
 */
const aliasPrimitive: Primitive = primitive({
  name: 'alias',
  shape: ([x]) => E.right({ shape: (x as Aval).shape, dtype: (x as Aval).dtype }),
  ...identity,
  vjp: g => [g]
})

export const alias = (x: Tensor): Tensor => bind(aliasPrimitive, [x], {})

/** The identity with derivative zero, at every level of differentiation. */
const stopGradientPrimitive: Primitive = primitive({
  name: 'stop_gradient',
  shape: ([x]) => E.right({ shape: (x as Aval).shape, dtype: (x as Aval).dtype }),
  ...identity,
  vjp: 'zero'
})

/**
 * `x`, seen as a constant by every derivative.
 * @example grad(x => mul(x, stopGradient(x)))(x) // x, not 2 x
 */
export const stopGradient = (x: Tensor): Tensor => bind(stopGradientPrimitive, [x], {})
