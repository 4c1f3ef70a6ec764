/**
 * Fusion: which nodes get a kernel of their own, and what that kernel computes. Pointwise nodes are computed where they are read, also through
 * views, wherever that costs less than to store them; a fold takes in what it folds, and the pointwise nodes that finish its results; parts of a
 * concatenation are written in place. Nothing that is taken in is written or read.
 *
 * Limits split, they never fail: inputs, so that a kernel stays within the storage buffers of the adapter, and steps, since the time to compile a
 * kernel grows faster than its length.
 */
import { numberOf } from '../graph.js'
import type { RegionsKernel, ShaderKernel, ViewKernel } from '../kernel.js'
import { denseView, isDense, reshapeView, type View } from '../ndarray.js'
import { type Shape, sizeOf } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { isOpaque } from '../wgsl.js'
import { finishes } from './finish.js'
import { joinFolds } from './join.js'
import {
  type Access,
  type Body,
  type FuseOptions,
  type Fusion,
  isSmall,
  kindOf,
  MOST_STEPS,
  OWN,
  type Placement,
  placeIn,
  type Root,
  type Source,
  sameAccess,
  sameNumber
} from './roots.js'

/** The operand that passes through a function of its kernel, if it is that operand only. */
const hooked = (node: Tensor): Tensor | undefined => {
  const { hook } = node.primitive.kernel as ShaderKernel
  const operand = hook === undefined ? undefined : node.inputs[hook]
  return node.inputs.filter(input => input === operand).length === 1 ? operand : undefined
}

const viewOf = (node: Tensor, view: View): View | undefined =>
  (node.primitive.kernel as ViewKernel).view(view, node.attributes, node)

/**
 * What things cost besides launches, in bytes of memory traffic, from the measured costs of a software adapter: an operand much smaller than the
 * space is one load for a row of four, and a step about half of that.
 */
const COST = { element: 4, repeated: 0.6, step: 0.3 } as const
const readCost = (size: number, space: number): number => space * (isSmall(size, space) ? COST.repeated : COST.element)

/** A kernel that needs a node's value: one that can compute it, at each of `space` indices, or one that must read it. */
interface Use {
  readonly space: number
  readonly computes: boolean
  /** It computes in a hook, which takes little (`isHook`). */
  readonly hook?: boolean
}

/** Steps of a hook: an element is loaded several times. Those few cost nothing beside a convolution, measured with a ReLU. */
const MOST_HOOK = 2
/** Whether a heavy kernel may compute a body where it loads: cheap, of one dense tensor, and nothing that has to be hidden from the compiler. */
const isHook = (body: Body): boolean =>
  body.steps.length <= MOST_HOOK &&
  body.numbers.length === 0 &&
  body.inputs.length === 1 &&
  body.inputs.every(({ node, view }) => node.dtype === 'f32' && isDense(view)) &&
  !isOpaque(body)

/** Views on the way from a node to where it is read, from the inside out; equal chains are one object. */
interface Chain {
  readonly id: number
  readonly views: readonly Tensor[]
}

/** Of a body over its limits, the step to store: one that is itself within them and takes in the most, small tensors first. */
const divide = ({ shape, steps, inputs }: Body, root: Tensor | undefined, mostInputs: number): Tensor | undefined => {
  const beneath: { readonly inputs: ReadonlySet<number>; readonly steps: ReadonlySet<number> }[] = []
  steps.forEach(({ operands }, i) => {
    const below = operands.flatMap(({ kind, index }) => (kind === 'step' ? [beneath[index] as (typeof beneath)[number]] : []))
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

/** What each node of a graph in order becomes. */
export const fuse = (
  order: readonly Tensor[],
  outputs: readonly Tensor[],
  { inputs: mostInputs, fused, launch }: FuseOptions
): Fusion => {
  const number = new Map(order.map((node, i) => [node, i]))
  const idOf = (node: Tensor): number => number.get(node) as number
  /** Nodes with a buffer: all but views, and pointwise nodes that are computed where they are read. */
  const stored = new Set<Tensor>()

  /** Where a node's elements are: in itself, or in what it is a view of. A view that strides cannot say is stored: a copy. */
  const resolved = new Map<Tensor, Access>()
  const access = (node: Tensor): Access => resolved.get(node) as Access
  for (const node of order) {
    const kind = kindOf(node)
    const below = kind === 'view' ? access(node.inputs[0] as Tensor) : undefined
    const view = below && viewOf(node, below.view)
    if (below ? !view : kind !== 'map' || !fused) stored.add(node)
    resolved.set(node, below && view ? { node: below.node, view } : { node, view: denseView(node.shape) })
  }

  const { finished, finishing } = finishes(fused ? order : [], outputs)
  for (const node of finished.keys()) stored.add(node)

  const chains = new Map<number, Chain>()
  const none: Chain = { id: 0, views: [] }
  const longer = (view: Tensor, chain: Chain): Chain => {
    const key = chain.id * order.length + idOf(view)
    const known = chains.get(key) ?? { id: chains.size + 1, views: [view, ...chain.views] }
    chains.set(key, known)
    return known
  }

  /** Bodies of stored nodes, as they were found last. */
  const found = new Map<Tensor, Body>()
  /** What computes `value` at each index of its shape, `root` itself included. Stores what stands in the way of a limit, or of a view. */
  const expand = (value: Tensor, root?: Tensor): Body => {
    const before = found.get(value)
    if (before?.steps.every(({ node }) => node === root || !stored.has(node))) return before
    for (;;) {
      const inputs: Access[] = []
      const numbers: Body['numbers'][number][] = []
      const steps: Body['steps'][number][] = []
      const known = new Map<number, Source>()
      let obstacle: Tensor | undefined
      /** The value of `node` read through `chain`; `around` is the pointwise node to store if that cannot be said. */
      const visit = (node: Tensor, chain: Chain, around: Tensor | undefined): Source | undefined => {
        const constant = numberOf(node)
        if (constant !== undefined) {
          const { dtype } = node
          return { kind: 'number', index: placeIn(numbers, { value: constant, dtype }, sameNumber) }
        }
        if (kindOf(node) === 'view' && !stored.has(node)) return visit(node.inputs[0] as Tensor, longer(node, chain), around)
        const key = chain.id * order.length + idOf(node)
        const same = known.get(key)
        if (same) return same
        let source: Source
        if (stored.has(node) && node !== root) {
          const view = chain.views.reduce<View | undefined>((below, one) => below && viewOf(one, below), denseView(node.shape))
          if (!view) {
            obstacle = around
            return undefined
          }
          source = { kind: 'input', index: placeIn(inputs, { node, view }, sameAccess) }
        } else {
          const operands: Source[] = []
          for (const input of node.inputs) {
            const operand = visit(input, chain, chain === none ? around : node)
            if (!operand) return undefined
            operands.push(operand)
          }
          source = { kind: 'step', index: steps.push({ node, operands }) - 1 }
        }
        known.set(key, source)
        return source
      }
      const result = visit(value, none, undefined)
      if (!result) {
        stored.add(obstacle as Tensor)
        continue
      }
      const body = { shape: value.shape, inputs, numbers, steps, result }
      const victim = inputs.length > mostInputs || steps.length > MOST_STEPS ? divide(body, root, mostInputs) : undefined
      if (!victim) return body
      stored.add(victim)
    }
  }

  // Who needs each node, consumers first, through views to what is stored or computed.
  const uses = new Map<Tensor, Use[]>(order.map(node => [node, []]))
  const usesOf = (node: Tensor): Use[] => uses.get(node) as Use[]
  for (const output of outputs) usesOf(output).push({ space: sizeOf(output.shape), computes: false })
  for (const node of order.toReversed()) {
    const kind = kindOf(node)
    if (kind === 'view' && !stored.has(node))
      usesOf(node.inputs[0] as Tensor).push(
        ...usesOf(node).map(({ space, computes, hook }) => ({ space, computes: computes && !hook }))
      )
    else
      for (const input of kind === 'regions' ? node.inputs : new Set(node.inputs)) {
        const hook = kind === 'shader' && fused && hooked(node) === input
        usesOf(input).push({
          space: sizeOf(kind === 'map' ? node.shape : input.shape),
          computes: kind !== 'shader' || hook,
          hook
        })
      }
  }

  // Forward: which pointwise nodes it is cheaper to store than to compute where they are read.
  /** At most so many inputs and steps, where no view stands between maps that are computed where they are read. */
  const bounds = new Map<Tensor, { readonly inputs: number; readonly steps: number }>()
  const boundOf = (node: Tensor) => {
    const bound = { inputs: 0, steps: 1 }
    for (const input of node.inputs) {
      if (numberOf(input) !== undefined) continue
      const source = access(input).node
      const below = stored.has(source) ? { inputs: 1, steps: 0 } : source === input ? bounds.get(input) : undefined
      if (!below) return undefined
      bound.inputs += below.inputs
      bound.steps += below.steps
    }
    return bound.inputs > mostInputs || bound.steps > MOST_STEPS ? undefined : bound
  }
  for (const node of order) {
    if (kindOf(node) !== 'map' || stored.has(node) || finishing.has(node)) continue
    const [size, readers] = [sizeOf(node.shape), usesOf(node)]
    const bound = boundOf(node)
    if (bound) bounds.set(node, bound)
    // Whatever it computes: what is read once, index by index, is not worth a launch. That is most of them.
    const [only, ...others] = readers
    if (bound && only?.computes && !only.hook && only.space === size && others.length === 0) continue
    const body = expand(node, node)
    const { inputs, steps } = body
    const compute = (space: number): number =>
      inputs.reduce((total, one) => total + readCost(sizeOf(one.node.shape), space), steps.length * COST.step * space)
    const again = readers.reduce((total, { space }) => total + compute(space), 0)
    const once = readers.reduce((total, { space }) => total + readCost(size, space), launch + compute(size) + COST.element * size)
    const cannot = ({ computes, hook }: Use): boolean => !computes || (hook === true && !isHook(body))
    if (readers.some(cannot) || again > once) {
      stored.add(node)
      found.set(node, body)
    }
  }

  // Backward from the outputs: the kernels of what is needed, and parts in place where their own kernels can write them there.
  const placements = new Map<Tensor, Placement>()
  const results = outputs.map(access)
  const needed = new Set<Tensor>()
  const need = (accesses: readonly Access[]): void => {
    for (const { node } of accesses) needed.add(node)
  }
  need(results)
  const roots: Root[] = []
  const bodied = (value: Tensor, root?: Tensor): Body => {
    const body = expand(value, root)
    need(body.inputs)
    return body
  }
  /** Where a part's elements are in order, if its own kernel may write them into the whole. */
  const placeable = (part: Tensor, region: View): Tensor | undefined => {
    const { node: source, view } = access(part)
    const writes =
      finished.has(source) || kindOf(source) === 'reduce' || (source.primitive.kernel as ShaderKernel)?.placed === true
    const whole = isDense(view) && view.offset === 0 && sizeOf(source.shape) === sizeOf(part.shape)
    return fused && writes && whole && isDense(region) && usesOf(source).length === 1 ? source : undefined
  }
  const regionsRoot = (node: Tensor): Root => {
    const { parts } = (node.primitive.kernel as RegionsKernel).regions(node.inputs, node.attributes, node)
    const copied = parts.flatMap((region, i) => {
      const part = node.inputs[i] as Tensor
      const source = placeable(part, region)
      if (!source) return [{ body: bodied(part), region }]
      placements.set(source, { within: node, offset: region.offset })
      needed.add(source)
      return []
    })
    return { kind: 'regions', node, parts: copied }
  }
  /** A fold with what finishes it, or only the latter where both are too much for a kernel. */
  const finishedFold = (node: Tensor, fold: Tensor): Root => {
    const after = bodied(node, node)
    const own = after.inputs.findIndex(one => one.node === fold)
    const before = expand(fold.inputs[0] as Tensor)
    const axes = fold.attributes['axes'] as readonly number[]
    const inputs = [...before.inputs]
    const tails = after.inputs.map(({ node: source, view }, k) => {
      const seen = k === own ? undefined : reshapeView(view, fold.shape)
      return seen ? inputs.push({ node: source, view: alongResults(seen, before.shape, axes) }) - 1 : OWN
    })
    const says = own >= 0 && tails.filter(tail => tail === OWN).length === 1 && inputs.length <= mostInputs
    if (!says) return { kind: 'map', node, body: after }
    need(before.inputs)
    needed.delete(fold)
    const body = { ...before, inputs }
    return { kind: 'fold', body, folds: [{ node, fold, value: body.result, finish: { body: after, tails } }] }
  }
  for (const node of order.toReversed()) {
    if (!needed.has(node)) continue
    const kind = kindOf(node)
    const fold = finished.get(node)
    if (node.primitive.name === 'constant') roots.push({ kind: 'constant', node })
    else if (kind === 'reduce') {
      const body = bodied(node.inputs[0] as Tensor)
      roots.push({ kind: 'fold', body, folds: [{ node, fold: node, value: body.result }] })
    } else if (fold) roots.push(finishedFold(node, fold))
    else if (kind === 'map') roots.push({ kind: 'map', node, body: bodied(node, node) })
    else if (kind === 'view') roots.push({ kind: 'map', node, body: bodied(node.inputs[0] as Tensor) })
    else if (kind === 'regions') roots.push(regionsRoot(node))
    else if (kind === 'shader') {
      const operand = hooked(node)
      const hook = operand && expand(operand)
      const computed = hook !== undefined && hook.steps.length > 0
      const operands = node.inputs.map(input => (computed && input === operand ? (hook.inputs[0] as Access) : access(input)))
      need(operands)
      roots.push({ kind: 'shader', node, operands, ...(computed ? { hook } : {}) })
    }
  }
  const inOrder = roots.reverse()
  return { roots: fused ? joinFolds(inOrder, placements, mostInputs) : inOrder, placements, outputs: results }
}

/** A view of a fold's results as one of its operands' space: the same along the axes that are folded. */
const alongResults = ({ strides, offset }: View, shape: Shape, axes: readonly number[]): View => {
  const kept = shape.map((_, axis) => axis).filter(axis => !axes.includes(axis))
  return { shape, strides: shape.map((_, axis) => (axes.includes(axis) ? 0 : (strides[kept.indexOf(axis)] as number))), offset }
}
