/**
 * From a graph to a program: calls of shaders over slots. Movement costs nothing where strides can say it: an operand is a slot and a view
 * of it. Only what a shader needs dense, and what strides cannot say, is copied.
 */
import type { Call, Data, DType, Program, Slot } from '../kernels/spec.js'
import { type Body, computeText, constantText, copyText, fuse, loadText, separate } from './fuse.js'
import { type Graph, topological } from './graph.js'
import type { ReduceKernel, RegionsKernel, ShaderKernel, ViewKernel } from './kernel.js'
import { denseView, isDense, type NdArray, reshapeView, type View } from './ndarray.js'
import { show, sizeOf } from './shape.js'
import type { Tensor } from './tensor.js'

/** Where a tensor is: the elements of a slot that a view reads. */
interface Operand {
  readonly slot: number
  readonly view: View
}

/** How many elements of its slot an operand is: those that a broadcast repeats count once. */
const elementsOf = ({ view: { shape, strides } }: Operand): number => sizeOf(shape.filter((_, axis) => strides[axis] !== 0))

/** Invocations of a workgroup, in all shaders. */
const WORKGROUP = 64
/** Axes that `map_strided` takes, after those that can be have been merged. */
const MOST_AXES = 8
/** Kept and reduced axes that `reduce` takes. */
const MOST_REDUCE_AXES = 4

/** Merges neighbouring axes that every view walks as one, and drops axes of extent 1. Innermost first. */
export const mergeAxes = (
  shape: readonly number[],
  strides: readonly (readonly number[])[]
): { extents: number[]; strides: number[][] } => {
  const extents: number[] = []
  const merged: number[][] = strides.map(() => [])
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis] as number
    if (extent === 1) continue
    const last = extents.length - 1
    const joins = last >= 0 && strides.every((s, k) => s[axis] === (merged[k]?.[last] as number) * (extents[last] as number))
    if (joins) extents[last] = (extents[last] as number) * extent
    else {
      extents.push(extent)
      strides.forEach((s, k) => {
        merged[k]?.push(s[axis] as number)
      })
    }
  }
  return { extents, strides: merged }
}

const padded = (values: readonly number[], length: number): number[] => [
  ...values,
  ...Array<number>(length - values.length).fill(0)
]
const toFour = (values: readonly number[]): number[] => padded(values, Math.ceil(values.length / 4) * 4)

/** Large maps give an invocation several elements, in a loop: a launch costs more than a turn. */
const mapWorkgroups = (count: number): number => Math.ceil(count / (count > 64 * WORKGROUP ? 4 * WORKGROUP : WORKGROUP))

/** A program under construction. */
class Builder {
  readonly slots: Slot[] = []
  readonly calls: Call[] = []
  readonly constants: { slot: number; data: Data }[] = []
  private readonly copies = new Map<Tensor, Operand>()

  slot(dtype: DType, shape: readonly number[]): number {
    return this.slots.push({ dtype, shape }) - 1
  }

  dtypeOf({ slot }: Operand): DType {
    return (this.slots[slot] as Slot).dtype
  }

  /** One value of `out` from one of each input, at the same index of their views. `compute` is WGSL: see `computeText`. */
  map(compute: string, out: Operand, inputs: readonly Operand[], label: string, flops = 0): void {
    const operands = [out, ...inputs]
    const { extents, strides } = mergeAxes(
      out.view.shape,
      operands.map(({ view }) => view.strides)
    )
    if (extents.length > MOST_AXES) return this.mapSplit(compute, operands, label, flops)
    const count = sizeOf(out.view.shape)
    const offsets = operands.map(({ view }) => view.offset)
    const flat = extents.length <= 1
    this.calls.push({
      shader: flat ? 'map' : 'map_strided',
      ...(flat ? {} : { constants: { RANK: extents.length } }),
      op: loadText(
        compute,
        inputs.map(input => this.dtypeOf(input))
      ),
      compute,
      params: flat
        ? [count, 0, 0, 0, ...operands.flatMap((_, k) => [offsets[k] as number, strides[k]?.[0] ?? 0, 0, 0])]
        : [
            ...[count, 0, 0, 0],
            ...padded(extents, MOST_AXES),
            ...operands.flatMap((_, k) => [...padded(strides[k] as number[], MOST_AXES), offsets[k] as number, 0, 0, 0])
          ],
      reads: inputs.map(({ slot }) => slot),
      covers: inputs.map(elementsOf),
      write: out.slot,
      workgroups: [mapWorkgroups(count), 1, 1],
      label,
      flops
    })
  }

  /** One call for each index of the outermost axis: more axes than the shader takes. */
  private mapSplit(compute: string, operands: readonly Operand[], label: string, flops: number): void {
    const axis = (operands[0] as Operand).view.shape.findIndex(extent => extent > 1)
    const part = ({ slot, view }: Operand, i: number): Operand => ({
      slot,
      view: {
        shape: view.shape.map((extent, k) => (k === axis ? 1 : extent)),
        strides: view.strides,
        offset: view.offset + i * (view.strides[axis] as number)
      }
    })
    const extent = (operands[0] as Operand).view.shape[axis] as number
    for (let i = 0; i < extent; i++) {
      const [out, ...inputs] = operands.map(operand => part(operand, i))
      this.map(compute, out as Operand, inputs, label, flops / extent)
    }
  }

  copy(source: Operand, label: string): Operand {
    const dtype = this.dtypeOf(source)
    const target = { slot: this.slot(dtype, source.view.shape), view: denseView(source.view.shape) }
    this.map(copyText(dtype), target, [source], `copy of ${label}`)
    return target
  }

  /** The tensor as dense rows, copied at most once. */
  dense(node: Tensor, operand: Operand): Operand {
    if (isDense(operand.view)) return operand
    const made = this.copies.get(node) ?? this.copy(operand, show(node))
    this.copies.set(node, made)
    return made
  }
}

/** Where the inputs of a body are. */
type Place = (node: Tensor) => Operand

/** `view` with its axes in another order. */
const permuted = (view: View, order: readonly number[]): View => ({
  shape: order.map(axis => view.shape[axis] as number),
  strides: order.map(axis => view.strides[axis] as number),
  offset: view.offset
})

const reduceCall = (
  builder: Builder,
  kernel: ReduceKernel,
  node: Tensor,
  body: Body,
  slot: number,
  place: Place,
  label: string
): void => {
  const [x] = node.inputs as readonly [Tensor]
  const axes = node.attributes['axes'] as readonly number[]
  const kept = x.shape.map((_, axis) => axis).filter(axis => !axes.includes(axis))
  const order = [...kept, ...axes]
  const outputs = sizeOf(node.shape)
  const count = sizeOf(x.shape) / outputs
  const fold = [
    `fn identity() -> Value { return Value(${kernel.identity}); }`,
    `fn combine(a: Value, b: Value) -> Value { return ${kernel.combine}; }`
  ].join('\n')
  const emit = (
    text: string,
    sources: readonly Operand[],
    shape: readonly number[],
    keptAxes: readonly number[],
    foldAxes: readonly number[]
  ): boolean => {
    const part = (list: readonly number[]) =>
      mergeAxes(
        list.map(axis => shape[axis] as number),
        sources.map(({ view }) => list.map(axis => view.strides[axis] as number))
      )
    const [outer, inner] = [part(keptAxes), part(foldAxes)]
    if (Math.max(outer.extents.length, inner.extents.length) > MOST_REDUCE_AXES) return false
    // Lanes that share one result: one where there is little to add, else a workgroup with a tree of fixed shape.
    const lanes = count <= 16 ? 1 : WORKGROUP
    const four = (list: readonly number[] = []) => padded(list, MOST_REDUCE_AXES)
    builder.calls.push({
      shader: 'reduce',
      op: `${loadText(
        text,
        sources.map(source => builder.dtypeOf(source))
      )}\n${fold}`,
      compute: text,
      fold,
      constants: { LANES: lanes, KEPT: outer.extents.length, REDUCED: inner.extents.length },
      params: [
        ...[outputs, count, 0, 0],
        ...[...four(outer.extents), ...four(inner.extents)],
        ...Array<number>(12).fill(0), // the result walks by one
        ...sources.flatMap(({ view }, k) => [...four(outer.strides[k]), ...four(inner.strides[k]), view.offset, 0, 0, 0])
      ],
      reads: sources.map(source => source.slot),
      covers: sources.map(elementsOf),
      write: slot,
      workgroups: [Math.ceil((outputs * lanes) / WORKGROUP), 1, 1],
      label,
      flops: sizeOf(x.shape) * body.steps.length
    })
    return true
  }
  const sources = body.inputs.map(place)
  if (emit(computeText(body, node.dtype), sources, x.shape, kept, axes)) return
  // Too many separate axes: what is folded is computed first, with the folded axes last, and then each side merges to one.
  const shape = order.map(axis => x.shape[axis] as number)
  const dense = { slot: builder.slot(x.dtype, shape), view: denseView(shape) }
  builder.map(
    computeText(body, x.dtype),
    dense,
    sources.map(source => ({ slot: source.slot, view: permuted(source.view, order) })),
    label
  )
  emit(
    copyText(x.dtype),
    [dense],
    shape,
    kept.map((_, i) => i),
    axes.map((_, i) => kept.length + i)
  )
}

const shaderCall = (
  builder: Builder,
  kernel: ShaderKernel,
  node: Tensor,
  slot: number,
  operands: readonly Operand[],
  label: string
): void => {
  const matrices = kernel.strided ? operands.map((operand, i) => asMatrices(builder, node.inputs[i] as Tensor, operand)) : []
  const placed = kernel.strided ? matrices : operands.map((operand, i) => builder.dense(node.inputs[i] as Tensor, operand))
  const invocations = kernel.invocations?.(node.inputs, node.attributes, node) ?? sizeOf(node.shape)
  const op = kernel.op?.(node.inputs, node.attributes, node)
  builder.calls.push({
    shader: kernel.shader,
    ...(op === undefined ? {} : { op }),
    ...(kernel.constants ? { constants: kernel.constants(node.inputs, node.attributes, node) } : {}),
    params: [
      ...toFour(placed.map(({ view }) => view.offset)),
      ...matrices.flatMap(({ view }) => toFour(view.strides)),
      ...toFour(kernel.params(node.inputs, node.attributes, node))
    ],
    reads: placed.map(operand => operand.slot),
    covers: placed.map(elementsOf),
    write: slot,
    workgroups: [Math.ceil(invocations / WORKGROUP), 1, 1],
    label,
    flops: node.primitive.flops?.(node.inputs, node.attributes, node) ?? 0
  })
}

/** An operand of rank 3: [batch, rows, columns] with any strides. */
const asMatrices = (builder: Builder, node: Tensor, operand: Operand): Operand => {
  const shape = [sizeOf(node.shape.slice(0, -2)), ...node.shape.slice(-2)]
  const view = reshapeView(operand.view, shape)
  if (view) return { slot: operand.slot, view }
  const dense = builder.dense(node, operand)
  return { slot: dense.slot, view: { ...denseView(shape), offset: dense.view.offset } }
}

const regionCalls = (
  builder: Builder,
  kernel: RegionsKernel,
  node: Tensor,
  slot: number,
  operands: readonly Operand[],
  label: string
): void => {
  const { fill, parts } = kernel.regions(node.inputs, node.attributes, node)
  if (fill) builder.map(constantText(node.dtype, `${node.dtype}(0)`), { slot, view: denseView(node.shape) }, [], label)
  parts.forEach((view, i) => {
    builder.map(copyText(node.dtype), { slot, view }, [operands[i] as Operand], label)
  })
}

const constantData = ({ dtype, data }: NdArray): Data =>
  dtype === 'f32' ? new Float32Array(data) : dtype === 'i32' ? new Int32Array(data) : new Uint32Array(data)

export interface LowerOptions {
  /** One kernel for groups of pointwise nodes and for folds with what they fold (default), or a kernel for each node. */
  readonly fused?: boolean
}

/** `mul` or, of a fused group, `mul+add+sum`. */
const nameOf = ({ primitive }: Tensor, body: Body | undefined): string =>
  body?.steps.map(step => step.primitive.name).join('+') ?? primitive.name

/**
 * The program of a graph: inputs are the graph's inputs in order (used or not), outputs are dense slots of their own, also where two outputs
 * are one node or an output is an input.
 */
export const lower = (graph: Graph, { fused = true }: LowerOptions = {}): Program => {
  const builder = new Builder()
  const places = new Map<Tensor, Operand>()
  const inputs = graph.inputs.map(node => {
    const slot = builder.slot(node.dtype, node.shape)
    places.set(node, { slot, view: denseView(node.shape) })
    return slot
  })
  const order = topological(graph.outputs)
  const bodies = fused ? fuse(order, graph.outputs) : separate(order)
  order.forEach((node, i) => {
    if (places.has(node)) return
    const { kernel, name } = node.primitive
    const body = bodies.get(node)
    if (kernel?.kind === 'map' && !body) return // part of its consumer's kernel
    const label = `${nameOf(node, fused ? body : undefined)} ${show(node)} (node ${i + 1} of ${order.length})`
    if (name === 'constant') {
      const slot = builder.slot(node.dtype, node.shape)
      builder.constants.push({ slot, data: constantData(node.attributes['value'] as NdArray) })
      places.set(node, { slot, view: denseView(node.shape) })
      return
    }
    if (!kernel)
      throw new Error(`a graph requires its inputs to be listed, but got the unlisted input ${label}; pass it as an argument`)
    const operands = node.inputs.map(input => places.get(input) as Operand)
    if (kernel.kind === 'view') return void places.set(node, viewed(builder, kernel, node, operands[0] as Operand))
    const slot = builder.slot(node.dtype, node.shape)
    const out = { slot, view: denseView(node.shape) }
    places.set(node, out)
    const place = (input: Tensor) => places.get(input) as Operand
    if (kernel.kind === 'map') {
      const { inputs: sources, steps } = body as Body
      builder.map(
        computeText({ inputs: sources, steps }, node.dtype),
        out,
        sources.map(place),
        label,
        steps.length * sizeOf(node.shape)
      )
    } else if (kernel.kind === 'regions') regionCalls(builder, kernel, node, slot, operands, label)
    else if (kernel.kind === 'reduce') reduceCall(builder, kernel, node, body as Body, slot, place, label)
    else shaderCall(builder, kernel, node, slot, operands, label)
  })
  const taken = new Set([...inputs, ...builder.constants.map(({ slot }) => slot)])
  const outputs = graph.outputs.map(node => {
    const operand = places.get(node) as Operand
    const whole =
      isDense(operand.view) &&
      operand.view.offset === 0 &&
      sizeOf((builder.slots[operand.slot] as Slot).shape) === sizeOf(node.shape)
    const slot = whole && !taken.has(operand.slot) ? operand.slot : builder.copy(operand, show(node)).slot
    taken.add(slot)
    return slot
  })
  return { slots: builder.slots, calls: builder.calls, inputs, outputs, constants: builder.constants }
}

const viewed = (builder: Builder, kernel: ViewKernel, node: Tensor, operand: Operand): Operand => {
  const [input] = node.inputs as readonly [Tensor]
  const view = kernel.view(operand.view, node.attributes, node)
  if (view) return { slot: operand.slot, view }
  const dense = builder.dense(input, operand)
  return {
    slot: dense.slot,
    view: kernel.view({ ...denseView(input.shape), offset: dense.view.offset }, node.attributes, node) as View
  }
}

/** The calls whose results `instrument` checks, in order: each one that completes a slot of f32. */
export const checkedCalls = ({ calls, slots }: Program): readonly Call[] => {
  const completes = new Map(calls.map(call => [call.write, call]))
  return calls.filter(call => completes.get(call.write) === call && (slots[call.write] as Slot).dtype === 'f32')
}

/**
 * The program that finds out where a number first ceases to be finite: after each call that completes a slot of f32, a check of it. Its only output
 * is u32[1]: the index among `checkedCalls` of the first call with a result that is not finite, or 2^32 - 1.
 */
export const instrument = (program: Program): Program => {
  const flag = program.slots.length
  const slots: Slot[] = [...program.slots, { dtype: 'u32', shape: [1] }]
  const base = { label: 'check for finite numbers', flops: 0, workgroups: [1, 1, 1] as const }
  const start: Call = {
    ...base,
    shader: 'map',
    op: loadText(constantText('u32', '4294967295u'), []),
    params: [1, 0, 0, 0, 0, 0, 0, 0],
    reads: [],
    write: flag
  }
  const places = new Map(checkedCalls(program).map((call, index) => [call, index]))
  const calls = program.calls.flatMap(call => {
    const index = places.get(call)
    if (index === undefined) return [call]
    const size = sizeOf((slots[call.write] as Slot).shape)
    const check: Call = {
      ...base,
      shader: 'check_finite',
      params: [size, index, 0, 0],
      reads: [call.write],
      write: flag,
      workgroups: [mapWorkgroups(size), 1, 1]
    }
    return [call, check]
  })
  return { ...program, slots, calls: [start, ...calls], outputs: [flag] }
}
