/**
 * What pointwise operations have in common: their shape rule, operands brought together, and functions of one and of
 * two made from a record.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { DType } from '../kernels/spec.js'
import { asTensor, type TensorLike } from './leaves.js'
import { broadcastTo } from './ops/broadcast.js'
import { bind, primitive } from './primitive.js'
import { type Aval, broadcastShapes, expectDtype, named, refuse, show } from './shape.js'
import { isTensor, type Primitive, type Tensor } from './tensor.js'

type Shaped = Primitive['shape']

/** Equal shapes and dtypes in, the same out (or `dtype`). */
export const alike =
  (name: string, allowed: DType | 'any' | 'signed' = 'any', dtype?: DType): Shaped =>
  inputs => {
    const [x, ...rest] = inputs as readonly [Aval, ...Aval[]]
    if (rest.some(y => y.dtype !== x.dtype || y.shape.join() !== x.shape.join()))
      return refuse(
        name,
        'operands of one dtype and shape',
        inputs.map(show).join(', '),
        'convert or broadcast one of them'
      )
    return E.map(() => ({ shape: x.shape, dtype: dtype ?? x.dtype }))(expectDtype(name, inputs, allowed))
  }

/** Operands brought to one shape; a number takes the other operand's dtype. */
export const together = (name: string, values: readonly TensorLike[]): Tensor[] => {
  const dtype = values.find(isTensor)?.dtype ?? 'f32'
  const tensors = values.map(value => asTensor(name, value, dtype))
  const shape = broadcastShapes(
    name,
    tensors.map(x => x.shape)
  )
  return tensors.map(x => broadcastTo(x, shape))
}

/** A function of one tensor or number. `name` is the function's, where the primitive has another. */
export const unary = (record: Primitive, name = record.name) => {
  const defined = primitive(record)
  return (x: TensorLike): Tensor => named(name, () => bind(defined, [asTensor(name, x)], {}))
}

/** A function of two that broadcast. */
export const binary = (record: Primitive, name = record.name) => {
  const defined = primitive(record)
  return (x: TensorLike, y: TensorLike): Tensor => named(name, () => bind(defined, together(name, [x, y]), {}))
}
