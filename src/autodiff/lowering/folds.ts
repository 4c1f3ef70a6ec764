/** Folds as calls of `reduce`, and where their results lie. */
import { movedFold } from '../fusion/join.js'
import { type Access, type Body, type Fold, OWN } from '../fusion/roots.js'
import type { ReduceKernel } from '../kernel.js'
import { denseView, type View } from '../ndarray.js'
import { sizeOf } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { computeText, foldTexts, parameterNumbers } from '../wgsl.js'
import {
  type Builder,
  elementsOf,
  mergeAxes,
  type Operand,
  type Place,
  padded,
  regionOf,
  vec4sOf,
  WORKGROUP,
  wordsOf
} from './builder.js'

/** Kept and reduced axes that `reduce` takes. */
const MOST_REDUCE_AXES = 4

/** `view` with its axes in another order. */
const permuted = (view: View, order: readonly number[]): View => ({
  shape: order.map(axis => view.shape[axis] as number),
  strides: order.map(axis => view.strides[axis] as number),
  offset: view.offset
})

/** Folds as one call: what they compute, of which operands, along which axes of a common shape. */
interface FoldCall {
  readonly text: string
  readonly numbers: ReturnType<typeof parameterNumbers>
  readonly sources: readonly Operand[]
  readonly shape: readonly number[]
  readonly kept: readonly number[]
  readonly axes: readonly number[]
  readonly folds: readonly Fold[]
  /** Steps of what is folded, for the count of operations. */
  readonly steps: number
}

/** Emits the call, if its axes merge to as many as `reduce` takes. */
const emitted = (
  builder: Builder,
  outs: readonly Operand[],
  label: string,
  { text, numbers, sources, shape, kept, axes, folds, steps }: FoldCall
): boolean => {
  const [{ fold: node }] = folds as readonly [Fold]
  const part = (list: readonly number[]) =>
    mergeAxes(
      list.map(axis => shape[axis] as number),
      sources.map(({ view }) => list.map(axis => view.strides[axis] as number))
    )
  const [outer, inner] = [part(kept), part(axes)]
  if (Math.max(outer.extents.length, inner.extents.length) > MOST_REDUCE_AXES) return false
  const texts = foldTexts(node.primitive.kernel as ReduceKernel, folds, numbers.length)
  const outputs = sizeOf(node.shape)
  const count = sizeOf(shape) / outputs
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
    stores: outs.map(({ view }) => regionOf(view)),
    workgroups: [Math.ceil((outputs * lanes) / WORKGROUP), 1, 1],
    label,
    flops: sizeOf(shape) * (steps + folds.length)
  })
  return true
}

/**
 * What is folded computed first, with the folded axes last: then each side merges to one axis. The folds of those
 * values are what is left.
 */
const computedFirst = (builder: Builder, body: Body, call: FoldCall, label: string): FoldCall => {
  const { folds, kept, axes, numbers, sources } = call
  const [{ fold: node }] = folds as readonly [Fold]
  const order = [...kept, ...axes]
  const shape = order.map(axis => body.shape[axis] as number)
  const inputs = sources.map(({ slot, view }) => ({ slot, view: permuted(view, order) }))
  const dense = folds.map(({ value }) => {
    const target = { slot: builder.slot(node.dtype, shape), view: denseView(shape) }
    builder.map(computeText({ ...body, result: value }, node.dtype), numbers, target, inputs, label)
    return target
  })
  const tails = [...new Set(folds.flatMap(({ finish }) => finish?.tails ?? []))].filter(tail => tail !== OWN)
  const joined = folds.map((fold, i) => ({
    ...movedFold(fold, ({ kind, index }) => ({ kind, index: dense.length + tails.indexOf(index) })),
    value: { kind: 'input' as const, index: i }
  }))
  const values = folds.map(() => ({ node: node.inputs[0] as Tensor, view: denseView(shape) }))
  const loaded: Body = { ...body, inputs: [...values, ...tails.map(k => body.inputs[k] as Access)], steps: [] }
  const results = joined.map(({ value }) => value)
  return {
    ...call,
    text: computeText(loaded, node.dtype, results, true),
    sources: [...dense, ...tails.map(k => inputs[k] as Operand)],
    shape,
    kept: kept.map((_, i) => i),
    axes: axes.map((_, i) => kept.length + i),
    folds: joined
  }
}

/** Folds of one body, each into its place among `outs`, all of them in one slot. */
export const foldCall = (
  builder: Builder,
  body: Body,
  folds: readonly Fold[],
  outs: readonly Operand[],
  place: Place,
  label: string
): void => {
  const [{ fold: node }] = folds as readonly [Fold]
  const axes = node.attributes['axes'] as readonly number[]
  const values = folds.map(({ value }) => value)
  const call: FoldCall = {
    text: computeText(body, node.dtype, values, true),
    numbers: parameterNumbers(body),
    sources: body.inputs.map(place),
    shape: body.shape,
    kept: body.shape.map((_, axis) => axis).filter(axis => !axes.includes(axis)),
    axes,
    folds,
    steps: body.steps.length
  }
  if (!emitted(builder, outs, label, call)) emitted(builder, outs, label, computedFirst(builder, body, call, label))
}

/**
 * The results of folds side by side share a slot, one after another from multiples of four, unless they lie in a whole.
 */
export const foldHomes = (
  builder: Builder,
  folds: readonly Fold[],
  homes: Map<Tensor, { readonly slot: number; readonly offset: number }>,
  placements: ReadonlyMap<Tensor, unknown>,
  out: (node: Tensor) => Operand
): readonly Operand[] => {
  const [{ node }] = folds as readonly [Fold]
  if (folds.length > 1 && !placements.has(node)) {
    const each = Math.ceil(sizeOf(node.shape) / 4) * 4
    const slot = builder.slot(node.dtype, [folds.length, each], each > sizeOf(node.shape))
    folds.forEach(({ node: one }, j) => {
      homes.set(one, { slot, offset: j * each })
    })
  }
  return folds.map(({ node: one }) => out(one))
}
