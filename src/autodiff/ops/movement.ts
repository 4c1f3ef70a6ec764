/**
 * Movement: transpose, strided slice and padding (each other's transpose), concatenation. Strides say the first two:
 * they cost nothing.
 */
import * as E from 'fp-ts/lib/Either.js'
import { denseView, type View } from '../ndarray.js'
import { cutOf, placedView } from '../parts.js'
import { assembly, axisFurther, bind, movement, primitive } from '../primitive.js'
import {
  type Aval,
  axisOf,
  checkExtents,
  checkNumbers,
  describe,
  fail,
  named,
  refuse,
  type Shape,
  show
} from '../shape.js'
import { type Primitive, requireTensor, type Tensor } from '../tensor.js'

const transposePrimitive: Primitive<{ readonly permutation: readonly number[] }> = primitive({
  name: 'transpose',
  shape: ([x], { permutation }) => {
    const { shape, dtype } = x as Aval
    return permutation.length === shape.length && shape.every((_, axis) => permutation.includes(axis))
      ? E.right({ shape: permutation.map(axis => shape[axis] as number), dtype })
      : refuse(
          'transpose',
          `a permutation of the ${shape.length} axes of ${show(x as Aval)}`,
          `[${permutation.join(',')}]`,
          'name each axis once'
        )
  },
  ...movement((view, { permutation }: { readonly permutation: readonly number[] }) => ({
    shape: permutation.map(axis => view.shape[axis] as number),
    strides: permutation.map(axis => view.strides[axis] as number),
    offset: view.offset
  })),
  vjp: (g, _, { permutation }) => [
    transpose(
      g,
      permutation.map((_axis, i) => permutation.indexOf(i))
    )
  ],
  batch: ([x], { permutation }) => transpose(x as Tensor, [0, ...permutation.map(axis => axis + 1)])
})

/**
 * Axes in another order; reversed by default.
 * @example $.transpose(images, [0, 2, 3, 1]) // f32[2,8,8,16]
 */
export const transpose = (x: Tensor, permutation?: readonly number[]): Tensor => {
  const rank = requireTensor('transpose', x).shape.length
  const given = permutation ?? x.shape.map((_, axis) => rank - 1 - axis)
  const axes = checkNumbers('transpose', 'a list of axes', given).map(axis => axisOf('transpose', axis, rank))
  return axes.every((axis, i) => axis === i) && axes.length === rank
    ? x
    : bind(transposePrimitive, [x], { permutation: axes })
}

/**
 * An axis put in another place, the others in their order.
 * @example $.moveAxis(x, -1, 0) // f32[2,3,5] -> f32[5,2,3]
 */
export const moveAxis = (x: Tensor, from: number, to: number): Tensor => {
  const rank = requireTensor('moveAxis', x).shape.length
  const [taken, place] = [axisOf('moveAxis', from, rank), axisOf('moveAxis', to, rank)]
  return transpose(x, [...x.shape.keys()].filter(axis => axis !== taken).toSpliced(place, 0, taken))
}

interface SliceAttributes {
  readonly [key: string]: unknown
  readonly start: readonly number[]
  readonly stop: readonly number[]
  readonly step: readonly number[]
}

const slicePrimitive: Primitive<SliceAttributes> = primitive({
  name: 'slice',
  shape: ([x], { start, stop, step }) => {
    const { shape, dtype } = x as Aval
    const valid = shape.every((extent, axis) => {
      const [from, to, by] = [start[axis] as number, stop[axis] as number, step[axis] as number]
      return [from, to, by].every(Number.isInteger) && from >= 0 && from < to && to <= extent && by >= 1
    })
    return valid && start.length === shape.length
      ? E.right({
          shape: shape.map((_, axis) =>
            Math.ceil(((stop[axis] as number) - (start[axis] as number)) / (step[axis] as number))
          ),
          dtype
        })
      : refuse(
          'slice',
          `0 <= start < stop <= extent and step >= 1 on every axis of ${show(x as Aval)}`,
          `[${start}] to [${stop}] by [${step}]`,
          'keep the slice inside the tensor and not empty'
        )
  },
  ...movement((view: View, { start, step }: SliceAttributes, out) => ({
    shape: out.shape,
    strides: view.strides.map((stride, axis) => stride * (step[axis] as number)),
    offset: view.strides.reduce((offset, stride, axis) => offset + stride * (start[axis] as number), view.offset)
  })),
  vjp: (g, [x], { start, step }) => {
    const { shape } = x as Tensor
    const after = shape.map(
      (extent, axis) => extent - (start[axis] as number) - ((g.shape[axis] as number) - 1) * (step[axis] as number) - 1
    )
    return [
      pad(
        g,
        start,
        after,
        step.map(by => by - 1)
      )
    ]
  },
  batch: (inputs, { start, stop, step }, out, { size }) =>
    bind(out.primitive, inputs, { start: [0, ...start], stop: [size, ...stop], step: [1, ...step] })
})

/**
 * `[start, stop, step]` of an axis; `null` or a missing entry means the default: from 0, to the end, by 1. Negative
 * bounds count from the end.
 */
export type SliceSpec = readonly (number | null | undefined)[]

/**
 * A strided slice; axes without a spec are kept whole.
 * @example $.slice(images, [[], [], [1], [0, null, 2]]) // f32[2,16,7,4]
 */
export const slice = (x: Tensor, specs: readonly SliceSpec[]): Tensor => {
  const { length } = requireTensor('slice', x).shape
  if (!Array.isArray(specs) || !specs.every(Array.isArray))
    fail(
      'slice',
      'a list of specs [start, stop, step]',
      describe(specs),
      'write slice(x, [[0, 2], [], [null, null, 2]])'
    )
  if (specs.length > length)
    fail('slice', `at most ${length} specs for ${show(x)}`, String(specs.length), 'drop the last ones')
  const bound = (value: number | null | undefined, otherwise: number, extent: number) =>
    value === null || value === undefined ? otherwise : value < 0 ? value + extent : Math.min(value, extent)
  return bind(slicePrimitive, [x], {
    start: x.shape.map((extent, axis) => bound(specs[axis]?.[0], 0, extent)),
    stop: x.shape.map((extent, axis) => bound(specs[axis]?.[1], extent, extent)),
    step: x.shape.map((_, axis) => specs[axis]?.[2] ?? 1)
  })
}

/**
 * A slice of one axis, the others whole (`jax.lax.slice_in_dim`).
 * @example $.sliceAlong(x, 1, [0, -1]) // x[:, :-1]
 */
export const sliceAlong = (x: Tensor, axis: number, spec: SliceSpec): Tensor =>
  named('sliceAlong', () => {
    const found = axisOf('sliceAlong', axis, requireTensor('sliceAlong', x).shape.length)
    return slice(
      x,
      x.shape.map((_, i) => (i === found ? spec : []))
    )
  })

interface PadAttributes {
  readonly [key: string]: unknown
  readonly before: readonly number[]
  readonly after: readonly number[]
  readonly interior: readonly number[]
}

const padPrimitive: Primitive<PadAttributes> = primitive({
  name: 'pad',
  shape: ([x], { before, after, interior }) => {
    const { shape, dtype } = x as Aval
    const counts = [before, after, interior]
    return counts.every(list => list.length === shape.length && list.every(n => Number.isInteger(n) && n >= 0))
      ? E.map((padded: Shape) => ({ shape: padded, dtype }))(
          checkExtents(
            'pad',
            shape.map(
              (extent, axis) =>
                (before[axis] as number) + extent + (extent - 1) * (interior[axis] as number) + (after[axis] as number)
            )
          )
        )
      : refuse(
          'pad',
          `${shape.length} counts >= 0 before, after and between the elements of each axis`,
          counts.map(list => `[${list}]`).join(' '),
          'use slice to take elements away'
        )
  },
  ...assembly(([x], attributes: PadAttributes, out) => ({
    fill: true,
    parts: [placedView(x as Aval, attributes, out)]
  })),
  vjp: (g, [x], attributes) => [slice(g, cutOf((x as Tensor).shape, attributes))],
  batch: (inputs, { before, after, interior }, out) =>
    bind(out.primitive, inputs, { before: [0, ...before], after: [0, ...after], interior: [0, ...interior] })
})

/**
 * Zeros before, after and (`interior`) between the elements of each axis.
 * @example $.pad(images, [0, 0, 1, 1], [0, 0, 1, 1]) // f32[2,16,10,10]
 */
export const pad = (
  x: Tensor,
  before: readonly number[],
  after: readonly number[],
  interior: readonly number[] = requireTensor('pad', x).shape.map(() => 0)
): Tensor => {
  const lists = [before, after, interior].map(list => checkNumbers('pad', 'counts for each axis', list))
  requireTensor('pad', x)
  return lists.every(list => list.length === x.shape.length && list.every(n => n === 0))
    ? x
    : bind(padPrimitive, [x], { before, after, interior })
}

const concatPrimitive: Primitive<{ readonly axis: number }> = primitive({
  name: 'concat',
  shape: (inputs, { axis }) => {
    const [first] = inputs as readonly [Aval, ...Aval[]]
    const fits = inputs.every(
      ({ shape, dtype }) =>
        dtype === first.dtype &&
        shape.length === first.shape.length &&
        shape.every((extent, i) => i === axis || extent === first.shape[i])
    )
    const total = inputs.reduce((extent, { shape }) => extent + (shape[axis] as number), 0)
    return fits
      ? E.right({ shape: first.shape.map((extent, i) => (i === axis ? total : extent)), dtype: first.dtype })
      : refuse(
          'concat',
          `tensors that agree on every axis but ${axis}`,
          inputs.map(show).join(', '),
          'reshape or pad them first'
        )
  },
  ...assembly((inputs, { axis }: { readonly axis: number }, out) => {
    const { strides } = denseView(out.shape)
    let start = 0
    const parts = inputs.map(({ shape }) => {
      const part = { shape, strides, offset: start * (strides[axis] as number) }
      start += shape[axis] as number
      return part
    })
    return { fill: false, parts }
  }),
  vjp: (g, inputs, { axis }) => {
    let start = 0
    return inputs.map(({ shape }) => {
      const from = start
      start += shape[axis] as number
      return slice(
        g,
        shape.map((_, i) => (i === axis ? [from, start] : []))
      )
    })
  },
  batch: axisFurther
})

/** Tensors one after another along `axis`. @example $.concat([x, v], 1) // f32[4,6] */
export const concat = (tensors: readonly Tensor[], axis = 0): Tensor => {
  if (!Array.isArray(tensors)) return fail('concat', 'a list of tensors', describe(tensors), 'write concat([x, y])')
  const [first] = tensors
  if (!first) return fail('concat', 'at least one tensor', 'none', 'pass a list that is not empty')
  const found = axisOf('concat', axis, requireTensor('concat', first).shape.length)
  return tensors.length === 1 ? first : bind(concatPrimitive, tensors, { axis: found })
}
