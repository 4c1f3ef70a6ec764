/** Matrix products, batched. */
import * as E from 'fp-ts/lib/Either.js'
import { intoAxis, outOfAxis } from '../batching.js'
import { allocate, type NdArray } from '../ndarray.js'
import { bind, leading, primitive } from '../primitive.js'
import { type Aval, broadcastShapes, fail, refuse, show, sizeOf } from '../shape.js'
import { type Primitive, requireTensor, type Tensor } from '../tensor.js'
import { broadcastTo, reshape } from './broadcast.js'
import { transpose } from './movement.js'

const matmulPrimitive: Primitive = primitive({
  name: 'matmul',
  shape: ([x, y]) => {
    const [a, b] = [x as Aval, y as Aval]
    const [rows, inner] = a.shape.slice(-2) as [number, number]
    const [depth, columns] = b.shape.slice(-2) as [number, number]
    const fits =
      a.dtype === 'f32' &&
      b.dtype === 'f32' &&
      inner === depth &&
      a.shape.slice(0, -2).join() === b.shape.slice(0, -2).join()
    return fits
      ? E.right({ shape: [...a.shape.slice(0, -2), rows, columns], dtype: 'f32' as const })
      : refuse(
          'matmul',
          'f32[..., m, k] and f32[..., k, n]',
          `${show(a)} and ${show(b)}`,
          'transpose or reshape one of them so that the inner extents agree'
        )
  },
  reference: ([x, y], _, out) => {
    const [a, b] = [x as NdArray, y as NdArray]
    const [rows, inner] = a.shape.slice(-2) as [number, number]
    const columns = b.shape.at(-1) as number
    const result = allocate('f32', sizeOf(out.shape))
    for (let row = 0; row < result.length / columns; row++) {
      const batch = Math.floor(row / rows)
      for (let k = 0; k < inner; k++) {
        const value = a.data[row * inner + k] as number
        for (let column = 0; column < columns; column++)
          result[row * columns + column] =
            (result[row * columns + column] as number) +
            value * (b.data[(batch * inner + k) * columns + column] as number)
      }
    }
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'matmul',
    strided: true,
    placed: true,
    params: ([x], _, out) => [
      sizeOf(out.shape),
      out.shape.at(-2) as number,
      out.shape.at(-1) as number,
      (x as Aval).shape.at(-1) as number
    ]
  },
  vjp: (g, [x, y]) => [matmul(g, swapLast(y as Tensor)), matmul(swapLast(x as Tensor), g)],
  // A matrix that all examples share multiplies them in one product, as more rows of the one or more columns of the
  // other.
  batch: (inputs, attributes, out, { size, shared: [left, right] }) => {
    const [rows, columns] = [out.shape.length - 2, out.shape.length - 1]
    if (right) return outOfAxis(matmul(intoAxis(inputs[0] as Tensor, rows), right), size, rows)
    if (left) return outOfAxis(matmul(left, intoAxis(inputs[1] as Tensor, columns)), size, columns)
    return leading(inputs, attributes, out)
  },
  flops: ([x], _, out) => 2 * sizeOf(out.shape) * ((x as Aval).shape.at(-1) as number)
})

/** The last two axes exchanged: the transpose of each matrix. */
const swapLast = (x: Tensor): Tensor => {
  const rank = x.shape.length
  return transpose(x, [...Array(rank - 2).keys(), rank - 1, rank - 2])
}

/**
 * Matrix product over the last two axes; leading axes broadcast; a vector is a row on the left, a column on the right.
 * @example $.matmul(x, w) // f32[4,2]
 */
export const matmul = (x: Tensor, y: Tensor): Tensor => {
  if ([x, y].map(one => requireTensor('matmul', one)).some(one => one.shape.length === 0))
    return fail('matmul', 'tensors with at least one axis', `${show(x)} and ${show(y)}`, 'use mul for a scalar')
  if (y.shape.length === 1) {
    const product = matmul(x, reshape(y, [-1, 1]))
    return reshape(product, product.shape.slice(0, -1))
  }
  if (x.shape.length === 1) {
    const product = matmul(reshape(x, [1, -1]), y)
    return reshape(product, [...product.shape.slice(0, -2), product.shape.at(-1) as number])
  }
  const batch = broadcastShapes('matmul', [x.shape.slice(0, -2), y.shape.slice(0, -2)])
  return bind(
    matmulPrimitive,
    [broadcastTo(x, [...batch, ...x.shape.slice(-2)]), broadcastTo(y, [...batch, ...y.shape.slice(-2)])],
    {}
  )
}
