/** What batching rules are made of: the batch, axis 0 of an operand, taken into another axis and out of it again. */

import { reshape } from './ops/broadcast.js'
import { transpose } from './ops/movement.js'
import { bind } from './primitive.js'
import type { Primitive, Tensor } from './tensor.js'

const count = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

/**
 * The batch taken into an axis of the examples, before what each of the axis' `groups` parts holds: [n, .., g * c, ..]
 * becomes [.., g * n * c, ..].
 */
export const intoAxis = (x: Tensor, axis: number, groups = 1): Tensor => {
  const [size, ...shape] = x.shape as readonly [number, ...number[]]
  const [before, extent, after] = [shape.slice(0, axis), shape[axis] as number, shape.slice(axis + 1)]
  const outer = [...before, ...(groups === 1 ? [] : [groups])]
  const parts = reshape(x, [size, ...outer, extent / groups, ...after])
  const order = [...count(1, outer.length + 1), 0, ...count(outer.length + 1, parts.shape.length)]
  return reshape(transpose(parts, order), [...before, size * extent, ...after])
}

/** The batch of `size` examples taken out of an axis again: [.., g * n * c, ..] becomes [n, .., g * c, ..]. */
export const outOfAxis = (y: Tensor, size: number, axis: number, groups = 1): Tensor => {
  const [before, extent, after] = [y.shape.slice(0, axis), (y.shape[axis] as number) / size, y.shape.slice(axis + 1)]
  const outer = [...before, ...(groups === 1 ? [] : [groups])]
  const parts = reshape(y, [...outer, size, extent / groups, ...after])
  const order = [outer.length, ...count(0, outer.length), ...count(outer.length + 1, parts.shape.length)]
  return reshape(transpose(parts, order), [size, ...before, extent, ...after])
}

/** The rule of an operation whose operands' axis 0 is a batch already: the examples follow each other there. */
export const intoFirst: NonNullable<Primitive['batch']> = (inputs, attributes, out, { size }) =>
  outOfAxis(
    bind(
      out.primitive,
      inputs.map(x => intoAxis(x, 0)),
      attributes
    ),
    size,
    0
  )
