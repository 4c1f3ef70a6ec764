/**
 * Sums of products, so that many sums are few. The derivative of a batch norm sums its cotangent g times the same
 * x - mean again and again, each time with other factors: for the variance, the scale, and whatever weighs the result.
 *
 *   sum(c x)                            c sum(x)                        where c repeats along what is summed
 *   sum over all axes of (c x)          sum over the rest of (c sum over some of (x))
 *                                       where another sum over those axes reads x, or a factor of it, too
 *
 * What comes of it is the same up to rounding, and not finite where it was not; which of NaN and infinity it is, is not
 * kept. (For c infinite, sum(c x) is NaN where x has both signs or a 0, and c sum(x) need not be.)
 */
import { type Graph, topological } from './graph.js'
import { broadcastTo, div, mul, neg, reshape, sum } from './ops/index.js'
import { interning, rewrite } from './rewrite.js'
import { type Shape, sizeOf } from './shape.js'
import type { Tensor } from './tensor.js'

const axesOf = (node: Tensor): readonly number[] => node.attributes['axes'] as readonly number[]
const isSum = (node: Tensor): boolean => node.primitive.name === 'sum' && node.dtype === 'f32'

/** What `wide` repeats along `axes`, without them; undefined where it does not. */
const repeated = (wide: Tensor, axes: readonly number[]): Tensor | undefined => {
  if (wide.primitive.name !== 'broadcast') return undefined
  const [narrow] = wide.inputs as readonly [Tensor]
  const missing = wide.shape.length - narrow.shape.length
  if (!axes.every(axis => axis < missing || narrow.shape[axis - missing] === 1)) return undefined
  const kept = narrow.shape.filter((_, axis) => !axes.includes(axis + missing))
  return broadcastTo(reshape(narrow, kept), without(wide.shape, axes))
}
const without = (shape: Shape, axes: readonly number[]): Shape => shape.filter((_, axis) => !axes.includes(axis))

/** A sum over axes along which its operand only repeats is a product. */
export const sumOfBroadcast = (node: Tensor): Tensor => {
  const [wide] = node.inputs as readonly [Tensor]
  const narrow = isSum(node) ? repeated(wide, axesOf(node)) : undefined
  return narrow ? mul(narrow, sizeOf(wide.shape) / sizeOf(node.shape)) : node
}

/** Products of more factors are left as they are: what is squared again and again would have very many. */
const MOST_FACTORS = 8

/** A node as a product: what repeats along `axes`, as functions of a result without them, and what does not. */
interface Product {
  readonly outside: readonly ((result: Tensor) => Tensor)[]
  readonly inside: readonly Tensor[]
}

const productOf = (node: Tensor, axes: readonly number[]): Product => {
  const outside: ((result: Tensor) => Tensor)[] = []
  const inside: Tensor[] = []
  const visit = (factor: Tensor): void => {
    const [x, y] = factor.inputs as readonly [Tensor, Tensor]
    const narrow = repeated(factor, axes)
    const divisor = factor.primitive.name === 'div' ? repeated(y, axes) : undefined
    if (narrow) outside.push(result => mul(result, narrow))
    else if (inside.length + outside.length >= MOST_FACTORS) inside.push(factor)
    else if (factor.primitive.name === 'mul') for (const one of [x, y]) visit(one)
    else if (factor.primitive.name === 'neg') {
      outside.push(neg)
      visit(x)
    } else if (divisor) {
      outside.push(result => div(result, divisor))
      visit(x)
    } else inside.push(factor)
  }
  visit(node)
  return { outside, inside }
}

/** The sum over `axes` of a product, its factors outside. */
const summed = (value: Tensor, axes: readonly number[]): Tensor | undefined => {
  const { outside, inside } = productOf(value, axes)
  if (outside.length === 0 || inside.length === 0) return undefined
  const inner = sum(
    inside.reduce((product, factor) => mul(product, factor)),
    axes
  )
  return outside.reduce((result, factor) => factor(result), inner)
}

/** Factors that repeat along what is summed stand outside. */
const factored = (graph: Graph): Graph => {
  const intern = interning()
  return rewrite(graph, node => intern((isSum(node) ? summed(node.inputs[0] as Tensor, axesOf(node)) : undefined) ?? node))
}

/** By sum, over which of its axes another sum is taken that reads what it reads: the most of them. */
const sharedAxes = ({ outputs }: Graph): ReadonlyMap<Tensor, readonly number[]> => {
  const sums = topological(outputs).filter(isSum)
  const readers = new Map<Tensor, Tensor[]>()
  const factorsOf = (node: Tensor): ReadonlySet<Tensor> => new Set(productOf(node.inputs[0] as Tensor, axesOf(node)).inside)
  const factors = new Map(sums.map(node => [node, factorsOf(node)]))
  for (const node of sums)
    for (const factor of factors.get(node) as ReadonlySet<Tensor>) readers.set(factor, [...(readers.get(factor) ?? []), node])
  return new Map(
    sums.flatMap(node => {
      const others = [...(factors.get(node) as ReadonlySet<Tensor>)]
        .flatMap(factor => readers.get(factor) as Tensor[])
        .map(axesOf)
        .filter(axes => axes.length < axesOf(node).length && axes.every(axis => axesOf(node).includes(axis)))
      const [most] = others.toSorted((a, b) => b.length - a.length)
      return most ? [[node, most] as const] : []
    })
  )
}

/** Sums over more axes than another sum of what they read go by way of it. */
const staged = (graph: Graph): Graph => {
  const shared = sharedAxes(graph)
  const intern = interning()
  return rewrite(graph, (node, before) => {
    const axes = shared.get(before)
    if (!axes) return intern(node)
    const [value] = node.inputs as readonly [Tensor]
    const left = value.shape.map((_, axis) => axis).filter(axis => !axes.includes(axis))
    const rest = axesOf(node).flatMap(axis => (axes.includes(axis) ? [] : [left.indexOf(axis)]))
    return intern(sum(summed(value, axes) ?? sum(value, axes), rest))
  })
}

/** The graph with sums of products as few sums. */
export const fewerSums = (graph: Graph): Graph => staged(factored(graph))
