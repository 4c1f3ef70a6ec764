/**
 * From a graph to a program: calls of shaders over slots. Movement costs nothing where strides can say it: an operand
 * is a slot and a view of it. Only what a shader needs dense, and what strides cannot say, is copied.
 */
import type { Data, Program, Slot } from '../../kernels/spec.js'
import { fuse } from '../fusion/fuse.js'
import { type Access, type Body, type Placement, type Root, resultOf } from '../fusion/roots.js'
import { type Graph, topological } from '../graph.js'
import type { RegionsKernel, ShaderKernel } from '../kernel.js'
import { denseView, isDense, type NdArray, reshapeView } from '../ndarray.js'
import { show, sizeOf } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { computeText } from '../wgsl.js'
import { Builder, elementsOf, type Operand, type Place, regionOf, toFour, WORKGROUP } from './builder.js'
import { foldCall, foldHomes } from './folds.js'
import { gatherParts } from './parts.js'
import { joinSiblings } from './siblings.js'

const shaderCall = (
  builder: Builder,
  kernel: ShaderKernel,
  node: Tensor,
  out: Operand,
  operands: readonly Operand[],
  dense: (operand: Operand, label: string) => Operand,
  label: string,
  hook: Body | undefined
): void => {
  const named = (i: number) => show(node.inputs[i] as Tensor)
  const matrices = kernel.strided
    ? operands.map((operand, i) => asMatrices(operand, (one: Operand) => dense(one, named(i))))
    : []
  const placed = kernel.strided ? matrices : operands.map((operand, i) => dense(operand, named(i)))
  const invocations = kernel.invocations?.(node.inputs, node.attributes, node) ?? sizeOf(node.shape)
  const op = kernel.op?.(node.inputs, node.attributes, node)
  builder.calls.push({
    shader: kernel.shader,
    ...(op === undefined ? {} : { op }),
    ...(hook ? { hook: computeText(hook, 'f32') } : {}),
    ...(kernel.constants ? { constants: kernel.constants(node.inputs, node.attributes, node) } : {}),
    params: [
      ...toFour([...placed.map(({ view }) => view.offset), ...(kernel.placed ? [out.view.offset] : [])]),
      ...matrices.flatMap(({ view }) => toFour(view.strides)),
      ...toFour(kernel.params(node.inputs, node.attributes, node))
    ],
    reads: placed.map(operand => operand.slot),
    covers: placed.map(elementsOf),
    write: out.slot,
    stores: [regionOf(out.view)],
    workgroups: [Math.ceil(invocations / WORKGROUP), 1, 1],
    label,
    flops: node.primitive.flops?.(node.inputs, node.attributes, node) ?? 0
  })
}

/** An operand of rank 3: [batch, rows, columns] with any strides. */
const asMatrices = (operand: Operand, dense: (operand: Operand) => Operand): Operand => {
  const { shape: all } = operand.view
  const shape = [sizeOf(all.slice(0, -2)), ...all.slice(-2)]
  const view = reshapeView(operand.view, shape)
  if (view) return { slot: operand.slot, view }
  const made = dense(operand)
  return { slot: made.slot, view: { ...denseView(shape), offset: made.view.offset } }
}

const constantData = ({ dtype, data }: NdArray): Data =>
  dtype === 'f32' ? new Float32Array(data) : dtype === 'i32' ? new Int32Array(data) : new Uint32Array(data)

/** A launch is 25 microseconds at 8 GB/s. */
const LAUNCH = 200_000

/** How a graph becomes a program: what is fused, and for which adapter. */
export interface LowerOptions {
  /** Kernels for groups of nodes (default), or one for each node. */
  readonly fused?: boolean
  /**
   * Storage buffers that a kernel may have, the result included: what every adapter has, unless it is known to have
   * more.
   */
  readonly storageBuffers?: number
  /** What a launch costs, in bytes of memory traffic: by default as much as on a software adapter. */
  readonly launch?: number
}

/** `mul+add+sum` of what a root computes. */
const nameOf = (root: Root): string => {
  const stepsOf = ({ steps }: Body) => steps.map(({ node }) => node.primitive.name)
  if (root.kind === 'map') return stepsOf(root.body).join('+') || 'copy'
  if (root.kind === 'shader' && root.hook) return [...stepsOf(root.hook), root.node.primitive.name].join('+')
  if (root.kind !== 'fold') return root.node.primitive.name
  return [
    ...stepsOf(root.body),
    ...root.folds.flatMap(({ fold, finish }) => [fold.primitive.name, ...(finish ? stepsOf(finish.body) : [])])
  ].join('+')
}

/** Whether parts of a tensor are zero. */
const fills = (node: Tensor): boolean => {
  const { kernel } = node.primitive
  return kernel?.kind === 'regions' && (kernel as RegionsKernel).regions(node.inputs, node.attributes, node).fill
}

/** A stored tensor: its elements lie in order in a slot, from an offset on. */
interface Home {
  readonly slot: number
  readonly offset: number
}

/**
 * Where tensors of a graph are stored. Slots are made as they are first asked for; parts lie in the slot of their
 * whole.
 */
const homesOf = (builder: Builder, inputs: readonly Tensor[], placements: ReadonlyMap<Tensor, Placement>) => {
  const homes = new Map<Tensor, Home>()
  const settle = (node: Tensor, home: Home): Home => {
    homes.set(node, home)
    return home
  }
  const slots = inputs.map(node => settle(node, { slot: builder.slot(node.dtype, node.shape), offset: 0 }).slot)
  const homeOf = (node: Tensor): Home => {
    const known = homes.get(node)
    if (known) return known
    const placement = placements.get(node)
    if (placement) {
      const whole = homeOf(placement.within)
      return settle(node, { slot: whole.slot, offset: whole.offset + placement.offset })
    }
    if (!node.primitive.kernel && node.primitive.name !== 'constant')
      throw new Error(
        `a graph requires its inputs to be listed, but got the unlisted input ${show(node)}; pass it as an argument`
      )
    const home = settle(node, { slot: builder.slot(node.dtype, node.shape), offset: 0 })
    // What no part covers is zero, and that is written before the parts are.
    if (fills(node)) builder.zeros({ slot: home.slot, view: denseView(node.shape) }, `zeros ${show(node)}`)
    return home
  }
  const place: Place = ({ node, view }) => {
    const { slot, offset } = homeOf(node)
    return { slot, view: { ...view, offset: view.offset + offset } }
  }
  const out = (node: Tensor): Operand => place({ node, view: denseView(node.shape) })
  return { homes, slots, homeOf, place, out }
}
type Homes = ReturnType<typeof homesOf>

/** Makes operands dense rows, each copied at most once. */
const copier = (builder: Builder): ((operand: Operand, label: string) => Operand) => {
  const copies = new Map<string, Operand>()
  return (operand, label) => {
    if (isDense(operand.view)) return operand
    const { shape, strides, offset } = operand.view
    const key = [operand.slot, offset, shape.join(), strides.join()].join(' ')
    const made = copies.get(key) ?? builder.copy(operand, label)
    copies.set(key, made)
    return made
  }
}

const regionsCalls = (
  builder: Builder,
  { node, parts }: Extract<Root, { readonly kind: 'regions' }>,
  { homeOf, place }: Homes,
  label: string,
  storageBuffers: number
): void => {
  const { slot, offset } = homeOf(node)
  const { calls, alone } = gatherParts(
    parts.map(({ body, region }) => ({
      body,
      from: body.inputs.map(place),
      to: { slot, view: { ...region, offset: region.offset + offset } }
    })),
    node.dtype,
    { storageBuffers, label }
  )
  for (const { body, to } of alone) builder.body(body, node.dtype, to, place, label)
  builder.calls.push(...calls)
}

/** The calls of roots, in their order. */
const callsOf = (
  builder: Builder,
  placements: ReadonlyMap<Tensor, Placement>,
  homes: Homes,
  storageBuffers: number
) => {
  const { homeOf, place, out } = homes
  const dense = copier(builder)
  return (root: Root, label: string): void => {
    switch (root.kind) {
      case 'constant':
        builder.constants.push({
          slot: homeOf(root.node).slot,
          data: constantData(root.node.attributes['value'] as NdArray)
        })
        break
      case 'map': {
        const { node, body } = root
        const { slot, view } = out(node)
        // A copy is made in the shape of what is copied.
        builder.body(body, node.dtype, { slot, view: { ...denseView(body.shape), offset: view.offset } }, place, label)
        break
      }
      case 'fold':
        foldCall(
          builder,
          root.body,
          root.folds,
          foldHomes(builder, root.folds, homes.homes, placements, out),
          place,
          label
        )
        break
      case 'regions':
        regionsCalls(builder, root, homes, label, storageBuffers)
        break
      case 'shader': {
        const { node, operands, hook } = root
        const kernel = node.primitive.kernel as ShaderKernel
        shaderCall(builder, kernel, node, out(node), operands.map(place), dense, label, hook)
      }
    }
  }
}

/** A slot of its own for each output: the one that it was stored in, if it is all of that, else a copy. */
const outputsOf = (
  builder: Builder,
  { slots, place }: Homes,
  outputs: readonly Tensor[],
  results: readonly Access[]
) => {
  const taken = new Set([...slots, ...builder.constants.map(({ slot }) => slot)])
  return outputs.map((node, i) => {
    const operand = place(results[i] as Access)
    const whole =
      isDense(operand.view) &&
      operand.view.offset === 0 &&
      sizeOf((builder.slots[operand.slot] as Slot).shape) === sizeOf(node.shape)
    const slot = whole && !taken.has(operand.slot) ? operand.slot : builder.copy(operand, show(node)).slot
    taken.add(slot)
    return slot
  })
}

/** A kernel, or several that write one tensor: what it computes, and its calls among those of the program. */
export interface LoweredKernel {
  readonly root: Root
  /** `mul+add f32[2,3] (node 7 of 9)` */
  readonly label: string
  readonly from: number
  readonly to: number
}

/** A program, and what it was made of. */
export interface Lowered {
  readonly program: Program
  /** The graph that was lowered, in which siblings are one operation, and what stands in it for a node of the given one. */
  readonly graph: Graph
  readonly now: (node: Tensor) => Tensor
  readonly kernels: readonly LoweredKernel[]
}

/**
 * The program of a graph, and the kernels that its nodes became: inputs are the graph's inputs in order (used or not), outputs are dense slots of their own,
 * also where two outputs are one node or an output is an input.
 */
export const lowering = (
  given: Graph,
  { fused = true, storageBuffers = 8, launch = LAUNCH }: LowerOptions = {}
): Lowered => {
  const { graph, now } = fused ? joinSiblings(given) : { graph: given, now: (node: Tensor) => node }
  const builder = new Builder()
  const order = topological(graph.outputs)
  const {
    roots,
    placements,
    outputs: results
  } = fuse(order, graph.outputs, { inputs: storageBuffers - 1, fused, launch })
  const number = new Map(order.map((node, i) => [node, i + 1]))
  const homes = homesOf(builder, graph.inputs, placements)
  const emit = callsOf(builder, placements, homes, storageBuffers)
  const kernels = roots.map((root): LoweredKernel => {
    const node = resultOf(root)
    const from = builder.calls.length
    const label = `${nameOf(root)} ${show(node)} (node ${number.get(node)} of ${order.length})`
    emit(root, label)
    return { root, label, from, to: builder.calls.length }
  })
  const outputs = outputsOf(builder, homes, graph.outputs, results)
  const { slots, calls, constants } = builder
  return { program: { slots, calls, inputs: homes.slots, outputs, constants }, graph, now, kernels }
}

/** The program of a graph. */
export const lower = (graph: Graph, options: LowerOptions = {}): Program => lowering(graph, options).program
