/** Definition of primitives, and construction of nodes. */
import type { MapKernel, RegionsKernel, ViewKernel } from './kernel.js'
import { allocate, denseView, type NdArray, readView, writeView } from './ndarray.js'
import { nodeOf } from './node.js'
import { type Aval, orThrow, sizeOf } from './shape.js'
import { type Attributes, type Primitive, requireTensor, type Tensor } from './tensor.js'

/** Every primitive by name, filled as the files of `ops/` define them: tests go over all of them. */
export const registry: Map<string, Primitive> = new Map()

/** Defines a primitive. The record says everything about it; see `ops/` for some forty examples. */
export const primitive = <A extends Attributes>(record: Primitive<A>): Primitive<A> => {
  if (registry.has(record.name))
    throw new Error(`a primitive named '${record.name}' exists already; give the new one another name`)
  registry.set(record.name, record)
  return record
}

/** A node: the shape rule is asked first, and its refusal is thrown as a `ShapeError`. */
export const bind = <A extends Attributes>(of: Primitive<A>, inputs: readonly Tensor[], attributes: A): Tensor => {
  for (const input of inputs) requireTensor(of.name, input)
  const { shape, dtype } = orThrow(of.shape(inputs, attributes))
  return nodeOf(of, inputs, attributes, shape, dtype)
}

/** A batching rule to which it is one whether examples share an input. */
type Batching<A extends Attributes = Attributes> = (inputs: readonly Tensor[], attributes: A, out: Tensor) => Tensor

/** The batching rule of whatever treats leading axes alike, so that one more of them is nothing new. */
export const leading: Batching = (inputs, attributes, out) => bind(out.primitive, inputs, attributes)

/** The batching rule of an operation along some axes: they are one further. */
export const axesFurther: Batching<{ readonly axes: readonly number[] }> = (inputs, { axes }, out) =>
  bind(out.primitive, inputs, { axes: axes.map(axis => axis + 1) })

/** The batching rule of an operation along one axis: it is one further. */
export const axisFurther: Batching<{ readonly axis: number }> = (inputs, attributes, out) =>
  bind(out.primitive, inputs, { ...attributes, axis: attributes.axis + 1 })

/**
 * Reference, kernel and batching rule of a pointwise primitive: `f` on numbers, the same in WGSL over a, b, c.
 * `ofIntegers` is `f` where float64 does not hold the integers that come out, which wrap around.
 */
export const pointwise = (
  f: (a: number, b: number, c: number) => number,
  expression: string,
  ofIntegers = f
): Pick<Primitive, 'reference' | 'batch'> & { readonly kernel: MapKernel } => ({
  reference: ([a, b, c], _, out) => {
    const result = allocate(out.dtype, sizeOf(out.shape))
    const [da, db, dc] = [a?.data, b?.data, c?.data]
    const of = out.dtype === 'f32' ? f : ofIntegers
    for (let i = 0; i < result.length; i++) result[i] = of(da?.[i] as number, db?.[i] as number, dc?.[i] as number)
    return result
  },
  kernel: { kind: 'map', expression: () => expression },
  batch: leading
})

/** Reference and kernel of a movement that strides can say. On the reference every input is dense. */
export const movement = <A extends Attributes>(
  view: (input: ReturnType<typeof denseView>, attributes: A, out: Aval) => ReturnType<ViewKernel['view']>
): {
  reference(inputs: readonly NdArray[], attributes: A, out: Aval): NdArray['data']
  readonly kernel: ViewKernel
} => ({
  reference: ([x], attributes, out) => {
    const source = x as NdArray
    return readView(source, view(denseView(source.shape), attributes, out) as ReturnType<typeof denseView>)
  },
  kernel: { kind: 'view', view: view as ViewKernel['view'] }
})

/** Reference and kernel of a result that is put together from whole inputs. */
export const assembly = <A extends Attributes>(
  regions: (inputs: readonly Aval[], attributes: A, out: Aval) => ReturnType<RegionsKernel['regions']>
): {
  reference(inputs: readonly NdArray[], attributes: A, out: Aval): NdArray['data']
  readonly kernel: RegionsKernel
} => ({
  reference: (inputs, attributes, out) => {
    const result = allocate(out.dtype, sizeOf(out.shape))
    regions(inputs, attributes, out).parts.forEach((part, i) => {
      writeView(result, part, (inputs[i] as NdArray).data)
    })
    return result
  },
  kernel: { kind: 'regions', regions: regions as RegionsKernel['regions'] }
})
