/** Which pointwise nodes it is cheaper to store than to compute where they are read. */
import { numberOf } from '../graph.js'
import { isDense } from '../ndarray.js'
import { sizeOf } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { isOpaque } from '../wgsl.js'
import { hooked } from './access.js'
import type { Expand } from './expand.js'
import { type Access, type Body, type FuseOptions, isSmall, kindOf, MOST_STEPS } from './roots.js'

/**
 * What things cost besides launches, in bytes of memory traffic, from the measured costs of a software adapter: an
 * operand much smaller than the space is one load for a row of four, and a step about half of that.
 */
const COST = { element: 4, repeated: 0.6, step: 0.3 } as const
const readCost = (size: number, space: number): number => space * (isSmall(size, space) ? COST.repeated : COST.element)

/**
 * A kernel that needs a node's value: one that can compute it, at each of `space` indices, or one that must read it.
 */
export interface Use {
  readonly space: number
  readonly computes: boolean
  /** It computes in a hook, which takes little (`isHook`). */
  readonly hook?: boolean
}
export type Uses = (node: Tensor) => readonly Use[]

/** Who needs each node, consumers first, through views to what is stored or computed. */
export const usesIn = (
  order: readonly Tensor[],
  outputs: readonly Tensor[],
  stored: ReadonlySet<Tensor>,
  fused: boolean
): Uses => {
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
  return usesOf
}

/**
 * Steps of a hook: an element is loaded several times. Those few cost nothing beside a convolution, measured with a
 * ReLU.
 */
const MOST_HOOK = 2
/**
 * Whether a heavy kernel may compute a body where it loads: cheap, of one dense tensor, and nothing that has to be
 * hidden from the compiler.
 */
const isHook = (body: Body): boolean =>
  body.steps.length <= MOST_HOOK &&
  body.numbers.length === 0 &&
  body.inputs.length === 1 &&
  body.inputs.every(({ node, view }) => node.dtype === 'f32' && isDense(view)) &&
  !isOpaque(body)

/** Inputs and steps of a body, at most. */
interface Bound {
  readonly inputs: number
  readonly steps: number
}

/**
 * The bound of a pointwise node by those of its operands, where no view stands between maps that are computed where
 * they are read.
 */
const boundOf = (
  node: Tensor,
  bounds: ReadonlyMap<Tensor, Bound>,
  access: (node: Tensor) => Access,
  stored: ReadonlySet<Tensor>
): Bound => {
  const none: Bound = { inputs: Number.POSITIVE_INFINITY, steps: 0 }
  return node.inputs.reduce<Bound>(
    (bound, input) => {
      if (numberOf(input) !== undefined) return bound
      const source = access(input).node
      const below = stored.has(source) ? { inputs: 1, steps: 0 } : source === input ? (bounds.get(input) ?? none) : none
      return { inputs: bound.inputs + below.inputs, steps: bound.steps + below.steps }
    },
    { inputs: 0, steps: 1 }
  )
}

/** Whether storing a node costs less than computing it for all who read it, or one of them must read it. */
const isWorth = (node: Tensor, body: Body, readers: readonly Use[], launch: number): boolean => {
  const { inputs, steps } = body
  const size = sizeOf(node.shape)
  const compute = (space: number): number =>
    inputs.reduce((total, one) => total + readCost(sizeOf(one.node.shape), space), steps.length * COST.step * space)
  const again = readers.reduce((total, { space }) => total + compute(space), 0)
  const once = readers.reduce(
    (total, { space }) => total + readCost(size, space),
    launch + compute(size) + COST.element * size
  )
  const cannot = ({ computes, hook }: Use): boolean => !computes || (hook === true && !isHook(body))
  return readers.some(cannot) || again > once
}

/** Stores the pointwise nodes that are worth it, operands first, but for those that finish a fold. */
export const storeWorthwhile = (
  order: readonly Tensor[],
  finishing: ReadonlySet<Tensor>,
  stored: Set<Tensor>,
  {
    access,
    usesOf,
    expand,
    remember
  }: {
    readonly access: (node: Tensor) => Access
    readonly usesOf: Uses
    readonly expand: Expand
    readonly remember: (node: Tensor, body: Body) => void
  },
  { inputs: mostInputs, launch }: FuseOptions
): void => {
  const bounds = new Map<Tensor, Bound>()
  for (const node of order) {
    if (kindOf(node) !== 'map' || stored.has(node) || finishing.has(node)) continue
    const readers = usesOf(node)
    const bound = boundOf(node, bounds, access, stored)
    const within = bound.inputs <= mostInputs && bound.steps <= MOST_STEPS
    if (within) bounds.set(node, bound)
    // Whatever it computes: what is read once, index by index, is not worth a launch. That is most of them.
    const [only, ...others] = readers
    if (within && only?.computes && !only.hook && only.space === sizeOf(node.shape) && others.length === 0) continue
    const body = expand(node, node)
    if (!isWorth(node, body, readers, launch)) continue
    stored.add(node)
    remember(node, body)
  }
}
