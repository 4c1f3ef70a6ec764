/** A graph on its way to a device: as it was built, after the passes, and as kernels. */
import { computedBy } from '../../autodiff/fusion/roots.js'
import { type Graph, topological } from '../../autodiff/graph.js'
import { input } from '../../autodiff/leaves.js'
import { type Lowered, lowering } from '../../autodiff/lowering/lower.js'
import { optimise } from '../../autodiff/passes.js'
import { sizeOf } from '../../autodiff/shape.js'
import { isTensor, type Tensor } from '../../autodiff/tensor.js'
import { leaves, leavesOf, rebuild, type Tree } from '../../autodiff/tree.js'
import { isAval } from '../../engine/index.js'
import type { GraphGroup } from '../../pictures/graph.js'
import type { Subject } from './subject.js'

export const STAGES = ['built', 'passed', 'fused'] as const
export type Stage = (typeof STAGES)[number]

/** A function as a graph, with the names of its results. */
export interface Traced extends Graph {
  readonly names: { readonly [path: string]: Tensor }
}

/** The graph of a subject on inputs that bear the names of its arguments. */
export const traced = ({ args, f }: Subject): Traced => {
  const inputs = leavesOf(args, isAval).map(({ path, value: { shape, dtype } }) => input({ shape, dtype }, path))
  const result = f(rebuild(args, isAval, inputs) as { readonly [name: string]: Tree })
  const found = leavesOf(result, isTensor)
  return {
    inputs,
    outputs: leaves(result),
    names: Object.fromEntries(found.filter(({ path }) => path !== '').map(({ path, value }) => [path, value]))
  }
}

/** What there is of each kind, to be compared. */
export interface StageCounts {
  readonly stage: Stage
  readonly nodes: number
  readonly kernels: number
  readonly dispatches: number
  /** Of all that is stored: what kernels write. */
  readonly bytes: number
}

const BYTES = 4

/** Each node with a kernel of its own, views for nothing. */
const unfused = (stage: Stage, { outputs }: Graph): StageCounts => {
  const nodes = topological(outputs)
  const own = nodes.filter(({ primitive: { kernel } }) => kernel && kernel.kind !== 'view')
  const bytes = own.reduce((sum, { shape }) => sum + BYTES * sizeOf(shape), 0)
  return { stage, nodes: nodes.length, kernels: own.length, dispatches: own.length, bytes }
}

const isKernel = ({ root }: Lowered['kernels'][number]): boolean => root.kind !== 'constant'

/** Counts of a graph as it was built, passed and fused. */
export const countsOf = (built: Graph, passed: Graph, { graph, kernels, program }: Lowered): readonly StageCounts[] => [
  unfused('built', built),
  unfused('passed', passed),
  {
    stage: 'fused',
    nodes: topological(graph.outputs).length,
    kernels: kernels.filter(isKernel).length,
    dispatches: program.calls.length,
    bytes: [...new Set(program.calls.map(({ write }) => write))].reduce(
      (sum, slot) => sum + BYTES * sizeOf(program.slots[slot]?.shape ?? []),
      0
    )
  }
]

export interface Stages {
  readonly built: Traced
  readonly passed: Graph
  readonly fused: Lowered
}

/** All three stages of a subject. */
export const stagesOf = (subject: Subject): Stages => {
  const built = traced(subject)
  const passed = optimise({ inputs: built.inputs, outputs: built.outputs })
  return { built, passed, fused: lowering(passed) }
}

/** Operations of a frame's name that are written out. */
const MOST_NAMES = 4

/** `mul+add+sum` of a label, and how many more. */
const nameOf = (label: string): string => {
  const names = (label.split(' ')[0] as string).split('+')
  return names.length <= MOST_NAMES
    ? names.join(' + ')
    : `${names.slice(0, MOST_NAMES).join(' + ')} and ${names.length - MOST_NAMES} more`
}

/**
 * The kernels of a lowered graph as frames: each node in the one that stores it, else in the first that computes it.
 * `ms`: milliseconds of each kernel, by which frames are shaded, the slowest darkest.
 */
export const framesOf = ({ kernels }: Lowered, ms?: readonly number[]): readonly GraphGroup[] => {
  const stored = new Map(
    kernels.flatMap(({ root }, i) =>
      (root.kind === 'fold' ? root.folds.map(({ node }) => node) : [root.node]).map(node => [node, i] as const)
    )
  )
  const computed = kernels.flatMap(({ root }, i) => computedBy(root).map(node => [node, i] as const))
  const homes = [...new Map([...computed.toReversed(), ...stored])]
  const most = Math.max(...(ms ?? [1]))
  return kernels.flatMap((kernel, i) => {
    const nodes = homes.flatMap(([node, home]) => (home === i ? [node] : []))
    if (!isKernel(kernel) || nodes.length === 0) return []
    const calls = kernel.to - kernel.from
    const time = ms?.[i]
    const told = [
      nameOf(kernel.label),
      ...(calls > 1 ? [`${calls} dispatches`] : []),
      ...(time === undefined ? [] : [`${time.toPrecision(2)} ms`])
    ]
    return [{ label: told.join(' · '), nodes, ...(time === undefined ? {} : { shade: time / most }) }]
  })
}
