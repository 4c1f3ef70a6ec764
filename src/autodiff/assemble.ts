/**
 * A tensor put together from parts that nowhere meet: what sums of padded tensors become. Passes make it; nobody writes
 * it.
 */
import * as E from 'fp-ts/lib/Either.js'
import { slice } from './ops/movement.js'
import { cutOf, type Part, placedView, range } from './parts.js'
import { assembly, bind, primitive } from './primitive.js'
import { type Aval, type Shape, sizeOf } from './shape.js'
import type { Primitive, Tensor } from './tensor.js'

type AssembleAttributes = { readonly parts: readonly Part[]; readonly shape: Shape }

const assemblePrimitive: Primitive<AssembleAttributes> = primitive({
  name: 'assemble',
  shape: ([first], { shape }) => E.right({ shape, dtype: (first as Aval).dtype }),
  ...assembly((inputs, { parts }: AssembleAttributes, out) => ({
    fill: inputs.reduce((total, { shape }) => total + sizeOf(shape), 0) < sizeOf(out.shape),
    parts: inputs.map((input, i) => placedView(input, parts[i] as Part, out))
  })),
  vjp: (g, inputs, { parts }) => inputs.map((input, i) => slice(g, cutOf(input.shape, parts[i] as Part))),
  batch: (inputs, { parts, shape }, out, { size }) =>
    bind(out.primitive, inputs, {
      parts: parts.map(({ before, interior }) => ({ before: [0, ...before], interior: [0, ...interior] })),
      shape: [size, ...shape]
    })
})

const isDisjoint = (x: Shape, a: Part, y: Shape, b: Part): boolean =>
  x.some((extent, axis) => {
    const one = range(extent, a.before[axis] as number, a.interior[axis] as number)
    const other = range(y[axis] as number, b.before[axis] as number, b.interior[axis] as number)
    return (
      one.stop < other.start ||
      other.stop < one.start ||
      (one.step === other.step && (one.start - other.start) % one.step !== 0)
    )
  })

const partsOf = ({ primitive: { name }, attributes }: Tensor): readonly Part[] | undefined => {
  if (name === 'assemble') return attributes['parts'] as readonly Part[]
  const { before, interior } = attributes as Readonly<Record<keyof Part, readonly number[]>>
  return name === 'pad' ? [{ before, interior }] : undefined
}

/**
 * x + y where both are zero but for parts that nowhere meet: one tensor with the parts of both. Undefined where they
 * are not such.
 */
export const sumOfParts = (x: Tensor, y: Tensor): Tensor | undefined => {
  const [a, b] = [partsOf(x), partsOf(y)]
  if (!a || !b) return undefined
  const disjoint = a.every((one, i) =>
    b.every((other, j) => isDisjoint((x.inputs[i] as Tensor).shape, one, (y.inputs[j] as Tensor).shape, other))
  )
  return disjoint
    ? bind(assemblePrimitive, [...x.inputs, ...y.inputs], { parts: [...a, ...b], shape: x.shape })
    : undefined
}
