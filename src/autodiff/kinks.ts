/**
 * Where a graph is not smooth. A piecewise primitive makes choices (which side of zero, which of two, which pixel of a
 * window); between two points at which all choices are equal the function is as smooth as its other parts, and a
 * difference quotient approaches the derivative. Where some differ, each contributes a jump of the gradient.
 */

import { keptShape } from './folding.js'
import { topological } from './graph.js'
import { broadcastTo, reshape, sum } from './ops/broadcast.js'
import { tensor } from './ops/core.js'
import { round } from './ops/functions.js'
import { add, convert, div, equal, greater, greaterEqual, notEqual, sub } from './ops/pointwise.js'
import { fail, show, sizeOf } from './shape.js'
import type { Tensor } from './tensor.js'

/** Of what gives a place, a condition or a whole number: that is what was chosen. */
const itself = (node: Tensor): Tensor => node

/** The choices of each piecewise primitive, as a tensor. */
const CHOICES: Readonly<Record<string, (node: Tensor) => Tensor>> = {
  relu: ({ inputs: [x] }) => greater(x as Tensor, tensor(0)),
  abs: ({ inputs: [x] }) => greater(x as Tensor, tensor(0)),
  max: ({ inputs: [x, y] }) => greaterEqual(x as Tensor, y as Tensor),
  min: ({ inputs: [x, y] }) => greaterEqual(y as Tensor, x as Tensor),
  window_argmax: itself,
  sort_blocks: itself,
  merge_runs: itself
}
/** How often y goes into x, of a remainder: (x - out) / y. */
const times = (node: Tensor): Tensor => {
  const [x, y] = node.inputs as readonly [Tensor, Tensor]
  return round(div(sub(x, node), y))
}
/**
 * What chooses too, but is in networks where it makes no kink, as the maximum that a softmax is shifted by and the
 * comparison that keeps 0 from a logarithm, or has no derivative to make one of: asked for by `all`.
 */
const OTHERS: typeof CHOICES = {
  reduce_max: node => equal(node.inputs[0] as Tensor, spread(node)),
  argmax: itself,
  sign: itself,
  floor: itself,
  ceil: itself,
  round: itself,
  trunc: itself,
  rem: times,
  equal: itself,
  not_equal: itself,
  less: itself,
  less_equal: itself,
  greater: itself,
  greater_equal: itself,
  is_finite: itself
}

/** The primitives whose choices are known. */
export const choosing: ReadonlySet<string> = new Set([...Object.keys(CHOICES), ...Object.keys(OTHERS)])

/** A reduced tensor at each place of what it was reduced from. */
const spread = (node: Tensor): Tensor => {
  const { shape } = node.inputs[0] as Tensor
  return broadcastTo(reshape(node, keptShape(shape, node.attributes['axes'] as readonly number[])), shape)
}

/** A node that chooses between alternatives, and what it chose. */
export interface Choice {
  /** The primitive that chooses: `relu`, `window_argmax`, ... */
  readonly primitive: string
  readonly choice: Tensor
}

/** The nodes between the value of a function with a derivative of its own and its arguments, or what it closes over. */
const insideOf = ({ primitive, inputs: [value, ...given] }: Tensor): readonly Tensor[] => {
  if (primitive.name !== 'custom_vjp') return []
  const isEntry = (node: Tensor): boolean =>
    given.includes(node) || node.inputs.some(input => given.includes(input) && isAlias(node))
  return topological([value as Tensor], isEntry).filter(node => !isEntry(node))
}
const isAlias = ({ primitive }: Tensor): boolean => primitive.name === 'alias'

/**
 * All choices on the way to the outputs, in the order of the graph: equal functions list theirs in equal order. What
 * lies before the nodes `from` is not looked at, nor what lies inside a function with a derivative of its own
 * (`customVjp`): that one says where it is smooth. `all`: also maxima over axes, comparisons and roundings.
 */
export const choicesOf = (
  outputs: readonly Tensor[],
  from: readonly Tensor[] = [],
  { all = false }: { readonly all?: boolean } = {}
): readonly Choice[] => {
  const ends = new Set(from)
  const order = topological(outputs, node => ends.has(node))
  const inside = new Set(order.flatMap(insideOf))
  return order.flatMap(node => {
    if (ends.has(node) || inside.has(node)) return []
    const choose = CHOICES[node.primitive.name] ?? (all ? OTHERS[node.primitive.name] : undefined)
    // What sorts integers, as indices, chooses nothing that a step moves.
    return choose && node.inputs[0]?.dtype === 'f32' ? [{ primitive: node.primitive.name, choice: choose(node) }] : []
  })
}

/** A value of a function, and where it was taken: the function's graph lies between the two. */
export interface Taken {
  readonly outputs: readonly Tensor[]
  /** The function's arguments. Default: nothing, so that all that the outputs depend on is the function. */
  readonly from?: readonly Tensor[]
}

/** How many choices there are, and how many of them differ: an f32 scalar, exact below 2^24. */
export interface Flips {
  readonly total: number
  readonly flipped: Tensor
}

/**
 * How many choices differ between two values of one function, by primitive.
 * @example flipsBetween({ outputs: [$.relu(x)] }, { outputs: [$.relu($.add(x, 0.1))] })
 */
export const flipsBetween = (before: Taken, after: Taken): Readonly<Record<string, Flips>> => {
  const [first, second] = [choicesOf(before.outputs, before.from), choicesOf(after.outputs, after.from)]
  const text = (choices: readonly Choice[]): string =>
    choices.map(({ primitive, choice }) => `${primitive} ${show(choice)}`).join(', ')
  if (text(first) !== text(second))
    fail(
      'flipsBetween',
      'two values of one function',
      'functions that choose differently',
      'call one function at two points'
    )
  const flips: Record<string, Flips> = {}
  first.forEach(({ primitive, choice }, i) => {
    const { total, flipped } = flips[primitive] ?? { total: 0, flipped: tensor(0) }
    const differ = sum(convert(notEqual(choice, (second[i] as Choice).choice), 'f32'))
    flips[primitive] = { total: total + sizeOf(choice.shape), flipped: add(flipped, differ) }
  })
  return flips
}
