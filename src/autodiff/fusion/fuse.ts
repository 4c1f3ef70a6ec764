/**
 * Fusion: which nodes get a kernel of their own, and what that kernel computes. Pointwise nodes are computed where they
 * are read, also through views, wherever that costs less than to store them; a fold takes in what it folds, and the
 * pointwise nodes that finish its results; parts of a concatenation are written in place. Nothing that is taken in is
 * written or read.
 *
 * Limits split, they never fail: inputs, so that a kernel stays within the storage buffers of the adapter, and steps,
 * since the time to compile a kernel grows faster than its length.
 */
import type { RegionsKernel, ShaderKernel } from '../kernel.js'
import { isDense, reshapeView, type View } from '../ndarray.js'
import { type Shape, sizeOf } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { accesses, hooked } from './access.js'
import { storeWorthwhile, type Uses, usesIn } from './costs.js'
import { type Expand, expander } from './expand.js'
import { finishes } from './finish.js'
import { joinFolds } from './join.js'
import {
  type Access,
  type Body,
  type FuseOptions,
  type Fusion,
  kindOf,
  OWN,
  type Placement,
  type Root
} from './roots.js'

/** A view of a fold's results as one of its operands' space: the same along the axes that are folded. */
const alongResults = ({ strides, offset }: View, shape: Shape, axes: readonly number[]): View => {
  const kept = shape.map((_, axis) => axis).filter(axis => !axes.includes(axis))
  return {
    shape,
    strides: shape.map((_, axis) => (axes.includes(axis) ? 0 : (strides[kept.indexOf(axis)] as number))),
    offset
  }
}

/** A fold of `before` with what finishes it, `after`; or only the latter where both are too much for a kernel. */
const finishedFold = (node: Tensor, fold: Tensor, after: Body, before: Body, mostInputs: number): Root => {
  const own = after.inputs.findIndex(one => one.node === fold)
  const axes = fold.attributes['axes'] as readonly number[]
  const inputs = [...before.inputs]
  const tails = after.inputs.map(({ node: source, view }, k) => {
    const seen = k === own ? undefined : reshapeView(view, fold.shape)
    return seen ? inputs.push({ node: source, view: alongResults(seen, before.shape, axes) }) - 1 : OWN
  })
  const says = own >= 0 && tails.filter(tail => tail === OWN).length === 1 && inputs.length <= mostInputs
  if (!says) return { kind: 'map', node, body: after }
  const body = { ...before, inputs }
  return { kind: 'fold', body, folds: [{ node, fold, value: body.result, finish: { body: after, tails } }] }
}

/** What is known of a graph when its kernels are made. */
interface Decided {
  readonly access: (node: Tensor) => Access
  readonly usesOf: Uses
  readonly expand: Expand
  /** By the last of the nodes that finish a fold, the fold. */
  readonly finished: ReadonlyMap<Tensor, Tensor>
}

/** Where a part's elements are in order, if its own kernel may write them into the whole. */
const placeable = (part: Tensor, region: View, { access, usesOf, finished }: Decided): Tensor | undefined => {
  const { node: source, view } = access(part)
  const writes =
    finished.has(source) || kindOf(source) === 'reduce' || (source.primitive.kernel as ShaderKernel)?.placed === true
  const whole = isDense(view) && view.offset === 0 && sizeOf(source.shape) === sizeOf(part.shape)
  return writes && whole && isDense(region) && usesOf(source).length === 1 ? source : undefined
}

/** A kernel of its own, with what its hook computes where it loads. */
const shaderRoot = (node: Tensor, { access, expand }: Decided): Extract<Root, { readonly kind: 'shader' }> => {
  const operand = hooked(node)
  const hook = operand && expand(operand)
  const computed = hook !== undefined && hook.steps.length > 0
  const operands = node.inputs.map(input =>
    computed && input === operand ? (hook.inputs[0] as Access) : access(input)
  )
  return { kind: 'shader', node, operands, ...(computed ? { hook } : {}) }
}

/**
 * Backward from the outputs: the kernels of what is needed, and parts in place where their own kernels can write them
 * there.
 */
const kernelsOf = (
  order: readonly Tensor[],
  results: readonly Access[],
  decided: Decided,
  { fused, inputs: mostInputs }: FuseOptions
): { readonly roots: Root[]; readonly placements: ReadonlyMap<Tensor, Placement> } => {
  const { expand, finished } = decided
  const placements = new Map<Tensor, Placement>()
  const needed = new Set<Tensor>(results.map(({ node }) => node))
  const need = (list: readonly Access[]): void => {
    for (const { node } of list) needed.add(node)
  }
  const bodied = (value: Tensor, root?: Tensor): Body => {
    const body = expand(value, root)
    need(body.inputs)
    return body
  }
  const regionsRoot = (node: Tensor): Root => {
    const { parts } = (node.primitive.kernel as RegionsKernel).regions(node.inputs, node.attributes, node)
    const copied = parts.flatMap((region, i) => {
      const part = node.inputs[i] as Tensor
      const source = fused ? placeable(part, region, decided) : undefined
      if (!source) return [{ body: bodied(part), region }]
      placements.set(source, { within: node, offset: region.offset })
      needed.add(source)
      return []
    })
    return { kind: 'regions', node, parts: copied }
  }
  const foldRoot = (node: Tensor, fold: Tensor): Root => {
    const after = bodied(node, node)
    const before = expand(fold.inputs[0] as Tensor)
    const root = finishedFold(node, fold, after, before, mostInputs)
    if (root.kind !== 'fold') return root
    need(before.inputs)
    needed.delete(fold)
    return root
  }
  const rootOf = (node: Tensor): Root | undefined => {
    const [kind, fold, operand] = [kindOf(node), finished.get(node), node.inputs[0] as Tensor]
    if (node.primitive.name === 'constant') return { kind: 'constant', node }
    if (kind === 'reduce') {
      const body = bodied(operand)
      return { kind: 'fold', body, folds: [{ node, fold: node, value: body.result }] }
    }
    if (fold) return foldRoot(node, fold)
    if (kind === 'map') return { kind, node, body: bodied(node, node) }
    if (kind === 'view') return { kind: 'map', node, body: bodied(operand) }
    if (kind === 'regions') return regionsRoot(node)
    if (kind !== 'shader') return undefined
    const root = shaderRoot(node, decided)
    need(root.operands)
    return root
  }
  const roots = order.toReversed().flatMap(node => (needed.has(node) ? (rootOf(node) ?? []) : []))
  return { roots: roots.reverse(), placements }
}

/** What each node of a graph in order becomes. */
export const fuse = (order: readonly Tensor[], outputs: readonly Tensor[], options: FuseOptions): Fusion => {
  const { inputs: mostInputs, fused } = options
  const { access, stored: always } = accesses(order, fused)
  const { finished, finishing } = finishes(fused ? order : [], outputs)
  /** Nodes with a buffer: all but views, and pointwise nodes that are computed where they are read. */
  const stored = new Set([...always, ...finished.keys()])
  const { expand, remember } = expander(order, stored, mostInputs)
  const usesOf = usesIn(order, outputs, stored, fused)
  storeWorthwhile(order, finishing, stored, { access, usesOf, expand, remember }, options)
  const results = outputs.map(access)
  const { roots, placements } = kernelsOf(order, results, { access, usesOf, expand, finished }, options)
  return { roots: fused ? joinFolds(roots, placements, mostInputs) : roots, placements, outputs: results }
}
