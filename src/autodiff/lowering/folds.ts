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
      stores: outs.map(({ view }) => regionOf(view)),
      workgroups: [Math.ceil((outputs * lanes) / WORKGROUP), 1, 1],
      label,
      flops: sizeOf(body.shape) * (body.steps.length + folds.length)
    })
    return true
  }
  const sources = body.inputs.map(place)
  const values = folds.map(({ value }) => value)
  if (emit(computeText(body, node.dtype, values, true), sources, body.shape, kept, axes)) return
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
      joined.map(({ value }) => value),
      true
    ),
    [...dense, ...tails.map(k => inputs[k] as Operand)],
    shape,
    kept.map((_, i) => i),
    axes.map((_, i) => kept.length + i),
    joined
  )
}

/** The results of folds side by side share a slot, one after another from multiples of four, unless they lie in a whole. */
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
