/**
 * From a graph to a program: calls of shaders over slots. Movement costs nothing where strides can say it: an operand is a slot and a view
 * of it. Only what a shader needs dense, and what strides cannot say, is copied.
 */
import type { Call, Data, DType, Program, Slot } from '../kernels/spec.js'
import { fuse } from './fusion/fuse.js'
import { movedFold } from './fusion/join.js'
import { type Access, type Body, type Fold, OWN, type Root } from './fusion/roots.js'
import { type Graph, topological } from './graph.js'
import type { ReduceKernel, RegionsKernel, ShaderKernel } from './kernel.js'
import { denseView, isDense, type NdArray, reshapeView, type View } from './ndarray.js'
import { show, sizeOf } from './shape.js'
import type { Tensor } from './tensor.js'
import { computeText, constantText, copyText, foldTexts, parameterNumbers } from './wgsl.js'

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

/** The vec4s that numbers take in a uniform; at least one, since an array there cannot be empty. */
const vec4sOf = (numbers: readonly number[]): number => Math.max(1, Math.ceil(numbers.length / 4))
/** The bits of numbers as words. */
const wordsOf = (numbers: readonly number[]): number[] =>
  padded([...new Uint32Array(Float32Array.from(numbers).buffer)], 4 * vec4sOf(numbers))

/** A program under construction. */
class Builder {
  readonly slots: Slot[] = []
  readonly calls: Call[] = []
  readonly constants: { slot: number; data: Data }[] = []

  slot(dtype: DType, shape: readonly number[]): number {
    return this.slots.push({ dtype, shape }) - 1
  }

  dtypeOf({ slot }: Operand): DType {
    return (this.slots[slot] as Slot).dtype
  }

  /** One value of `out` from one of each input, at the same index of their views. `compute` is WGSL: see `computeText`. */
  map(compute: string, numbers: readonly number[], out: Operand, inputs: readonly Operand[], label: string, flops = 0): void {
    const operands = [out, ...inputs]
    const { extents, strides } = mergeAxes(
      out.view.shape,
      operands.map(({ view }) => view.strides)
    )
    if (extents.length > MOST_AXES) return this.mapSplit(compute, numbers, operands, label, flops)
    const count = sizeOf(out.view.shape)
    const offsets = operands.map(({ view }) => view.offset)
    const flat = extents.length <= 1
    const places = flat
      ? operands.flatMap((_, k) => [offsets[k] as number, strides[k]?.[0] ?? 0, 0, 0])
      : [
          ...padded(extents, MOST_AXES),
          ...operands.flatMap((_, k) => [...padded(strides[k] as number[], MOST_AXES), offsets[k] as number, 0, 0, 0])
        ]
    this.calls.push({
      shader: flat ? 'map' : 'map_strided',
      ...(flat ? {} : { constants: { RANK: extents.length } }),
      computes: { text: compute, inputs: inputs.length, numbers: vec4sOf(numbers) },
      params: [count, 0, 0, 0, ...places, ...wordsOf(numbers)],
      reads: inputs.map(({ slot }) => slot),
      covers: inputs.map(elementsOf),
      write: out.slot,
      workgroups: [mapWorkgroups(count), 1, 1],
      label,
      flops
    })
  }

  /** One call for each index of the outermost axis: more axes than the shader takes. */
  private mapSplit(
    compute: string,
    numbers: readonly number[],
    operands: readonly Operand[],
    label: string,
    flops: number
  ): void {
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
      this.map(compute, numbers, out as Operand, inputs, label, flops / extent)
    }
  }

  /** What a body computes, into `out`, whose view has the body's shape. */
  body(body: Body, dtype: DType, out: Operand, place: Place, label: string): void {
    const flops = body.steps.length * sizeOf(body.shape)
    this.map(computeText(body, dtype), parameterNumbers(body), out, body.inputs.map(place), label, flops)
  }

  copy(source: Operand, label: string): Operand {
    const dtype = this.dtypeOf(source)
    const target = { slot: this.slot(dtype, source.view.shape), view: denseView(source.view.shape) }
    this.map(copyText(dtype), [], target, [source], `copy of ${label}`)
    return target
  }
}

/** Where an access reads. */
type Place = (access: Access) => Operand

/** `view` with its axes in another order. */
const permuted = (view: View, order: readonly number[]): View => ({
  shape: order.map(axis => view.shape[axis] as number),
  strides: order.map(axis => view.strides[axis] as number),
  offset: view.offset
})

/** Folds of one body, each into its place among `outs`, all of them in one slot. */
const foldCall = (
  builder: Builder,
  body: Body,
  folds: readonly Fold[],
  outs: readonly Operand[],
  place: Place,
  label: string
): void => {
  const [{ fold: node }] = folds as readonly [Fold]
  const axes = node.attributes['axes'] as readonly number[]
  const kept = body.shape.map((_, axis) => axis).filter(axis => !axes.includes(axis))
  const outputs = sizeOf(node.shape)
  const count = sizeOf(body.shape) / outputs
  const numbers = parameterNumbers(body)
  const emit = (
    text: string,
    sources: readonly Operand[],
    shape: readonly number[],
    keptAxes: readonly number[],
    foldAxes: readonly number[],
    joined = folds
  ): boolean => {
    const texts = foldTexts(node.primitive.kernel as ReduceKernel, joined, numbers.length)
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
    const all = [...numbers, ...texts.numbers]
    builder.calls.push({
      shader: 'reduce',
      computes: {
        text,
        inputs: sources.length,
        numbers: vec4sOf(all),
        fold: texts.fold,
        finish: texts.finish,
        tails: texts.tails.map(k => ({ k, place: k }))
      },
      constants: { KEPT: outer.extents.length, REDUCED: inner.extents.length, RESULTS: folds.length },
      params: [
        ...[outputs, count, lanes, 0],
        ...[...four(outer.extents), ...four(inner.extents)],
        ...[...four(outs.map(({ view }) => view.offset)), ...Array<number>(8).fill(0)],
        ...sources.flatMap(({ view }, k) => [...four(outer.strides[k]), ...four(inner.strides[k]), view.offset, 0, 0, 0]),
        ...wordsOf(all)
      ],
      reads: sources.map(source => source.slot),
      covers: sources.map(elementsOf),
      write: (outs[0] as Operand).slot,
      workgroups: [Math.ceil((outputs * lanes) / WORKGROUP), 1, 1],
      label,
      flops: sizeOf(body.shape) * (body.steps.length + folds.length)
    })
    return true
  }
  const sources = body.inputs.map(place)
  const values = folds.map(({ value }) => value)
  if (emit(computeText(body, node.dtype, values), sources, body.shape, kept, axes)) return
  // Too many separate axes: what is folded is computed first, with the folded axes last, and then each side merges to one.
  const order = [...kept, ...axes]
  const shape = order.map(axis => body.shape[axis] as number)
  const inputs = sources.map(({ slot, view }) => ({ slot, view: permuted(view, order) }))
  const dense = values.map(value => {
    const target = { slot: builder.slot(node.dtype, shape), view: denseView(shape) }
    builder.map(computeText({ ...body, result: value }, node.dtype), numbers, target, inputs, label)
    return target
  })
  const tails = [...new Set(folds.flatMap(({ finish }) => finish?.tails ?? []))].filter(tail => tail !== OWN)
  const joined = folds.map((fold, i) => ({
    ...movedFold(fold, ({ kind, index }) => ({ kind, index: dense.length + tails.indexOf(index) })),
    value: { kind: 'input' as const, index: i }
  }))
  emit(
    computeText(
      {
        ...body,
        inputs: [
          ...values.map(() => ({ node: node.inputs[0] as Tensor, view: denseView(shape) })),
          ...tails.map(k => body.inputs[k] as Access)
        ],
        steps: []
      },
      node.dtype,
      joined.map(({ value }) => value)
    ),
    [...dense, ...tails.map(k => inputs[k] as Operand)],
    shape,
    kept.map((_, i) => i),
    axes.map((_, i) => kept.length + i),
    joined
  )
}

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
  const matrices = kernel.strided ? operands.map((operand, i) => asMatrices(operand, (one: Operand) => dense(one, named(i)))) : []
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

export interface LowerOptions {
  /** Kernels for groups of nodes (default), or one for each node. */
  readonly fused?: boolean
  /** Storage buffers that a kernel may have, the result included: what every adapter has, unless it is known to have more. */
  readonly storageBuffers?: number
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

/**
 * The program of a graph: inputs are the graph's inputs in order (used or not), outputs are dense slots of their own, also where two outputs
 * are one node or an output is an input.
 */
export const lower = (graph: Graph, { fused = true, storageBuffers = 8 }: LowerOptions = {}): Program => {
  const builder = new Builder()
  const order = topological(graph.outputs)
  const { roots, placements, outputs: results } = fuse(order, graph.outputs, { inputs: storageBuffers - 1, fused })
  const number = new Map(order.map((node, i) => [node, i + 1]))
  const labelOf = (root: Root, node: Tensor): string =>
    `${nameOf(root)} ${show(node)} (node ${number.get(node)} of ${order.length})`

  /** Where stored tensors begin; their elements lie in order. */
  const homes = new Map<Tensor, { readonly slot: number; readonly offset: number }>()
  const inputs = graph.inputs.map(node => {
    const slot = builder.slot(node.dtype, node.shape)
    homes.set(node, { slot, offset: 0 })
    return slot
  })
  const settle = (node: Tensor, slot: number, offset = 0) => {
    const home = { slot, offset }
    homes.set(node, home)
    return home
  }
  const homeOf = (node: Tensor): { readonly slot: number; readonly offset: number } => {
    const known = homes.get(node)
    if (known) return known
    const placement = placements.get(node)
    if (placement) {
      const whole = homeOf(placement.within)
      return settle(node, whole.slot, whole.offset + placement.offset)
    }
    if (!node.primitive.kernel && node.primitive.name !== 'constant')
      throw new Error(
        `a graph requires its inputs to be listed, but got the unlisted input ${show(node)}; pass it as an argument`
      )
    const home = settle(node, builder.slot(node.dtype, node.shape))
    // What no part covers is zero, and that is written before the parts are.
    if (fills(node)) {
      const out = { slot: home.slot, view: denseView(node.shape) }
      builder.map(constantText(node.dtype, `${node.dtype}(0)`), [], out, [], `zeros ${show(node)}`)
    }
    return home
  }
  const place: Place = ({ node, view }) => {
    const { slot, offset } = homeOf(node)
    return { slot, view: { ...view, offset: view.offset + offset } }
  }
  const out = (node: Tensor): Operand => place({ node, view: denseView(node.shape) })
  const copies = new Map<string, Operand>()
  /** The operand as dense rows, copied at most once. */
  const dense = (operand: Operand, label: string): Operand => {
    if (isDense(operand.view)) return operand
    const { shape, strides, offset } = operand.view
    const key = [operand.slot, offset, shape.join(), strides.join()].join(' ')
    const made = copies.get(key) ?? builder.copy(operand, label)
    copies.set(key, made)
    return made
  }

  for (const root of roots) {
    switch (root.kind) {
      case 'constant':
        builder.constants.push({ slot: homeOf(root.node).slot, data: constantData(root.node.attributes['value'] as NdArray) })
        break
      case 'map': {
        const { node, body } = root
        const { slot, view } = out(node)
        // A copy is made in the shape of what is copied.
        builder.body(
          body,
          node.dtype,
          { slot, view: { ...denseView(body.shape), offset: view.offset } },
          place,
          labelOf(root, node)
        )
        break
      }
      case 'fold': {
        const [{ node }] = root.folds as readonly [Fold]
        foldCall(
          builder,
          root.body,
          root.folds,
          foldHomes(builder, root.folds, homes, placements, out),
          place,
          labelOf(root, node)
        )
        break
      }
      case 'regions': {
        const { slot, offset } = homeOf(root.node)
        for (const { body, region } of root.parts)
          builder.body(
            body,
            root.node.dtype,
            { slot, view: { ...region, offset: region.offset + offset } },
            place,
            labelOf(root, root.node)
          )
        break
      }
      case 'shader': {
        const { node, operands, hook } = root
        shaderCall(
          builder,
          node.primitive.kernel as ShaderKernel,
          node,
          out(node),
          operands.map(place),
          dense,
          labelOf(root, node),
          hook
        )
      }
    }
  }
  const taken = new Set([...inputs, ...builder.constants.map(({ slot }) => slot)])
  const outputs = graph.outputs.map((node, i) => {
    const operand = place(results[i] as Access)
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

/** Whether parts of a tensor are zero. */
const fills = (node: Tensor): boolean => {
  const { kernel } = node.primitive
  return kernel?.kind === 'regions' && (kernel as RegionsKernel).regions(node.inputs, node.attributes, node).fill
}

/** The results of folds side by side share a slot, one after another from multiples of four, unless they lie in a whole. */
const foldHomes = (
  builder: Builder,
  folds: readonly Fold[],
  homes: Map<Tensor, { readonly slot: number; readonly offset: number }>,
  placements: ReadonlyMap<Tensor, unknown>,
  out: (node: Tensor) => Operand
): readonly Operand[] => {
  const [{ node }] = folds as readonly [Fold]
  if (folds.length > 1 && !placements.has(node)) {
    const each = Math.ceil(sizeOf(node.shape) / 4) * 4
    const slot = builder.slot(node.dtype, [folds.length, each])
    folds.forEach(({ node: one }, j) => {
      homes.set(one, { slot, offset: j * each })
    })
  }
  return folds.map(({ node: one }) => out(one))
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
    computes: { text: constantText('u32', '4294967295u'), inputs: 0, numbers: vec4sOf([]) },
    params: [1, 0, 0, 0, 0, 0, 0, 0, ...wordsOf([])],
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
