/** What a kernel computes: a value by the pointwise nodes and views beneath it, down to what is stored. */
import { numberOf } from '../graph.js'
import { denseView, type View } from '../ndarray.js'
import { sizeOf } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { viewOf } from './access.js'
import {
  type Access,
  type Body,
  isSmall,
  kindOf,
  MOST_STEPS,
  placeIn,
  type Source,
  sameAccess,
  sameNumber
} from './roots.js'

/** Views on the way from a node to where it is read, from the inside out; equal chains are one object. */
interface Chain {
  readonly id: number
  readonly views: readonly Tensor[]
}
const NONE: Chain = { id: 0, views: [] }

/** Chains of a graph, and a number for each node at the end of one. */
const chainsOf = (order: readonly Tensor[]) => {
  const number = new Map(order.map((node, i) => [node, i]))
  const chains = new Map<number, Chain>()
  const keyOf = (node: Tensor, chain: Chain): number => chain.id * order.length + (number.get(node) as number)
  const longer = (view: Tensor, chain: Chain): Chain => {
    const key = keyOf(view, chain)
    const known = chains.get(key) ?? { id: chains.size + 1, views: [view, ...chain.views] }
    chains.set(key, known)
    return known
  }
  return { keyOf, longer }
}

/**
 * Of a body over its limits, the step to store: one that is itself within them and takes in the most, small tensors
 * first.
 */
const divide = ({ shape, steps, inputs }: Body, root: Tensor | undefined, mostInputs: number): Tensor | undefined => {
  const beneath: { readonly inputs: ReadonlySet<number>; readonly steps: ReadonlySet<number> }[] = []
  steps.forEach(({ operands }, i) => {
    const below = operands.flatMap(({ kind, index }) =>
      kind === 'step' ? [beneath[index] as (typeof beneath)[number]] : []
    )
    beneath.push({
      inputs: new Set([
        ...operands.flatMap(({ kind, index }) => (kind === 'input' ? [index] : [])),
        ...below.flatMap(one => [...one.inputs])
      ]),
      steps: new Set([i, ...below.flatMap(one => [...one.steps])])
    })
  })
  const crowded = inputs.length > mostInputs
  const score = (i: number): number => {
    const { inputs: below, steps: within } = beneath[i] as (typeof beneath)[number]
    const { node } = steps[i] as Body['steps'][number]
    if (node === root || below.size > mostInputs || within.size > MOST_STEPS) return 0
    const gain = crowded ? below.size - 1 : within.size - 1
    return gain * (isSmall(sizeOf(node.shape), sizeOf(shape)) ? 1000 : 1)
  }
  const best = steps.reduce((found, _, i) => (score(i) > score(found) ? i : found), 0)
  return score(best) > 0 ? steps[best]?.node : undefined
}

/**
 * What computes `value` from what is stored, `root` itself not taken as stored; or the pointwise node to store, since
 * it reads through a view that strides cannot say.
 */
const attempt = (
  value: Tensor,
  root: Tensor | undefined,
  stored: ReadonlySet<Tensor>,
  { keyOf, longer }: ReturnType<typeof chainsOf>
): { readonly body: Body } | { readonly obstacle: Tensor } => {
  const inputs: Access[] = []
  const numbers: Body['numbers'][number][] = []
  const steps: Body['steps'][number][] = []
  const known = new Map<number, Source>()
  let obstacle: Tensor | undefined
  const input = (node: Tensor, chain: Chain): Source | undefined => {
    const view = chain.views.reduce<View | undefined>(
      (below, one) => below && viewOf(one, below),
      denseView(node.shape)
    )
    return view && { kind: 'input', index: placeIn(inputs, { node, view }, sameAccess) }
  }
  /** The value of `node` read through `chain`; `around` is the pointwise node to store if that cannot be said. */
  const visit = (node: Tensor, chain: Chain, around: Tensor | undefined): Source | undefined => {
    const constant = numberOf(node)
    if (constant !== undefined)
      return { kind: 'number', index: placeIn(numbers, { value: constant, dtype: node.dtype }, sameNumber) }
    if (kindOf(node) === 'view' && !stored.has(node))
      return visit(node.inputs[0] as Tensor, longer(node, chain), around)
    const key = keyOf(node, chain)
    const same = known.get(key)
    if (same) return same
    const source = stored.has(node) && node !== root ? input(node, chain) : step(node, chain, around)
    if (source) known.set(key, source)
    else obstacle ??= around
    return source
  }
  const step = (node: Tensor, chain: Chain, around: Tensor | undefined): Source | undefined => {
    const operands: Source[] = []
    for (const one of node.inputs) {
      const operand = visit(one, chain, chain === NONE ? around : node)
      if (!operand) return undefined
      operands.push(operand)
    }
    return { kind: 'step', index: steps.push({ node, operands }) - 1 }
  }
  const result = visit(value, NONE, undefined)
  return result ? { body: { shape: value.shape, inputs, numbers, steps, result } } : { obstacle: obstacle as Tensor }
}

/** A value as a body: what computes it at each index of its shape, `root` itself included. */
export type Expand = (value: Tensor, root?: Tensor) => Body

/**
 * Bodies of a graph's values. They store what stands in the way of a limit, or of a view; `remember` keeps one for the
 * next time.
 */
export const expander = (
  order: readonly Tensor[],
  stored: Set<Tensor>,
  mostInputs: number
): { readonly expand: Expand; readonly remember: (node: Tensor, body: Body) => void } => {
  const chains = chainsOf(order)
  /** Bodies of stored nodes, as they were found last. */
  const found = new Map<Tensor, Body>()
  const expand: Expand = (value, root) => {
    const before = found.get(value)
    if (before?.steps.every(({ node }) => node === root || !stored.has(node))) return before
    for (;;) {
      const tried = attempt(value, root, stored, chains)
      if ('obstacle' in tried) {
        stored.add(tried.obstacle)
        continue
      }
      const { body } = tried
      const within = body.inputs.length <= mostInputs && body.steps.length <= MOST_STEPS
      const victim = within ? undefined : divide(body, root, mostInputs)
      if (!victim) return body
      stored.add(victim)
    }
  }
  return { expand, remember: (node, body) => void found.set(node, body) }
}
