/** What reductions have in common: their axes last, what they leave, their reference. */
import { allocate, denseView, type NdArray, readView, type View } from './ndarray.js'
import { type Aval, denseStrides, type Shape, sizeOf } from './shape.js'

/** The view of `x` with the axes `axes` moved to the end: what a fold runs over. */
export const reducedLast = (shape: Shape, axes: readonly number[]): { kept: number[]; view: View } => {
  const kept = shape.map((_, axis) => axis).filter(axis => !axes.includes(axis))
  const order = [...kept, ...axes]
  const strides = denseStrides(shape)
  return {
    kept,
    view: {
      shape: order.map(axis => shape[axis] as number),
      strides: order.map(axis => strides[axis] as number),
      offset: 0
    }
  }
}

/** The reference of a fold: `f` over the axes `axes`, in row-major order, from `start`. */
export const foldReference =
  (start: number, f: (accumulated: number, value: number) => number) =>
  ([x]: readonly NdArray[], { axes }: { readonly axes: readonly number[] }, out: Aval): NdArray['data'] => {
    const source = x as NdArray
    const rows = readView(source, axes.length ? reducedLast(source.shape, axes).view : denseView(source.shape))
    const result = allocate(out.dtype, sizeOf(out.shape))
    const count = rows.length / result.length
    // Sums of integers wrap around before float64 loses their last digit.
    const kept =
      out.dtype === 'f32' ? (x: number) => x : out.dtype === 'i32' ? (x: number) => x | 0 : (x: number) => x >>> 0
    for (let o = 0, i = 0; o < result.length; o++) {
      let accumulated = start
      for (let r = 0; r < count; r++) accumulated = kept(f(accumulated, rows[i++] as number))
      result[o] = accumulated
    }
    return result
  }

/** `shape` with extent 1 on the axes `axes`. */
export const keptShape = (shape: Shape, axes: readonly number[]): Shape =>
  shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
