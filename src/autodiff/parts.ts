/** Parts of a whole: where they lie, as padding and sums of padded tensors say it. */

import type { View } from './ndarray.js'
import type { Aval } from './shape.js'
import { denseStrides, type Shape } from './shape.js'

/** Where a part lies in a whole: its first element, and the zeros between its elements, along each axis. */
export interface Part {
  readonly before: readonly number[]
  readonly interior: readonly number[]
}

/** The view of the whole that a part is written to. */
export const placedView = ({ shape: inner }: Aval, { before, interior }: Part, out: Aval): View => {
  const strides = denseStrides(out.shape)
  return {
    shape: inner,
    strides: strides.map((stride, axis) => stride * ((interior[axis] as number) + 1)),
    offset: strides.reduce((offset, stride, axis) => offset + stride * (before[axis] as number), 0)
  }
}

/** The indices of a part along an axis: from `start` to `stop`, `step` apart. */
export const range = (extent: number, before: number, interior: number) => ({
  start: before,
  stop: before + (extent - 1) * (interior + 1),
  step: interior + 1
})

/** The slice of the whole where a part of this shape lies. */
export const cutOf = (shape: Shape, { before, interior }: Part): (readonly [number, number, number])[] =>
  shape.map((extent, axis) => {
    const { start, stop, step } = range(extent, before[axis] as number, interior[axis] as number)
    return [start, stop + 1, step]
  })
