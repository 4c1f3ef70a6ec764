/**
 * Arrays of the reference backend: dense, row-major; f32 is held as float64. And views: how a shape reads an array by
 * strides.
 */
import type { DType } from '../kernels/spec.js'
import { type Aval, denseStrides, type Shape, sameShape, sizeOf } from './shape.js'

/** An array of the reference: float64 where the dtype is f32, row-major. */
export interface NdArray extends Aval {
  readonly data: Float64Array | Int32Array | Uint32Array
}

export const allocate = (dtype: DType, length: number): NdArray['data'] =>
  dtype === 'f32' ? new Float64Array(length) : dtype === 'i32' ? new Int32Array(length) : new Uint32Array(length)

/** Element `index` of shape `shape` lies at `offset + sum index[k] * strides[k]`. A stride of 0 repeats. */
export interface View {
  readonly shape: Shape
  readonly strides: readonly number[]
  readonly offset: number
}

export const denseView = (shape: Shape): View => ({ shape, strides: denseStrides(shape), offset: 0 })

/** Dense up to axes of extent 1, whose stride does not matter; the offset may be anything. */
export const isDense = (view: View): boolean => {
  let expected = 1
  for (let axis = view.shape.length - 1; axis >= 0; axis--) {
    const extent = view.shape[axis] as number
    if (extent !== 1 && view.strides[axis] !== expected) return false
    expected *= extent
  }
  return true
}

/** The same elements in a new shape, without a copy; `undefined` where the strides do not allow it. */
export const reshapeView = (view: View, shape: Shape): View | undefined => {
  if (sameShape(view.shape, shape)) return view
  // Both shapes are cut into groups of axes with equal products; inside a group the old axes must be dense among
  // themselves.
  const strides = new Array<number>(shape.length).fill(0)
  let from = view.shape.length - 1
  let to = shape.length - 1
  while (to >= 0 || from >= 0) {
    let have = from >= 0 ? (view.shape[from] as number) : 1
    let want = to >= 0 ? (shape[to] as number) : 1
    const firstFrom = from--
    const firstTo = to--
    while (have !== want) {
      if (have < want) have *= view.shape[from--] as number
      else want *= shape[to--] as number
    }
    const old = Array.from({ length: firstFrom - from }, (_, i) => firstFrom - i).filter(
      axis => axis >= 0 && view.shape[axis] !== 1
    )
    let expected = old.length ? (view.strides[old[0] as number] as number) : 0
    const inner = expected
    for (const axis of old) {
      if (view.strides[axis] !== expected) return undefined
      expected *= view.shape[axis] as number
      if (inner === 0) expected = 0
    }
    let stride = inner
    for (let axis = firstTo; axis > to; axis--) {
      if (axis < 0) break
      strides[axis] = stride
      stride *= shape[axis] as number
    }
  }
  return { shape, strides, offset: view.offset }
}

/** Calls `visit(position)` for every element of a view in row-major order. */
export const walk = (view: View, visit: (position: number) => void): void => {
  const rank = view.shape.length
  if (rank === 0) return visit(view.offset)
  const inner = view.shape[rank - 1] as number
  const stride = view.strides[rank - 1] as number
  const index = new Array<number>(rank - 1).fill(0)
  let base = view.offset
  for (;;) {
    for (let i = 0, position = base; i < inner; i++, position += stride) visit(position)
    let axis = rank - 2
    for (; axis >= 0; axis--) {
      base += view.strides[axis] as number
      index[axis] = (index[axis] as number) + 1
      if ((index[axis] as number) < (view.shape[axis] as number)) break
      base -= (view.shape[axis] as number) * (view.strides[axis] as number)
      index[axis] = 0
    }
    if (axis < 0) return
  }
}

/** The elements that a view reads, dense. */
export const readView = (source: NdArray, view: View): NdArray['data'] => {
  const out = allocate(source.dtype, sizeOf(view.shape))
  let i = 0
  walk(view, position => {
    out[i++] = source.data[position] as number
  })
  return out
}

/** Writes dense elements to where a view says. */
export const writeView = (target: NdArray['data'], view: View, source: NdArray['data']): void => {
  let i = 0
  walk(view, position => {
    target[position] = source[i++] as number
  })
}

/** An array from nested or flat numbers. `ndarray([1, 2, 3, 4], [2, 2])`. */
export const ndarray = (values: ArrayLike<number>, shape: Shape = [values.length], dtype: DType = 'f32'): NdArray => {
  const data = allocate(dtype, values.length)
  data.set(values)
  return { data, shape, dtype }
}

/** A number in four digits: `0.8553`. */
const digits = (value: number): string => (Object.is(value, -0) ? '-0' : String(Number(value.toPrecision(4))))

/** Entries of a list that are written out, the first and last half of them where there are more. */
const MOST_ENTRIES = 6

/**
 * The numbers of an array as nested lists, in four digits; long axes are shortened in their middle:
 * `[1, 2, 3, ..., 98, 99, 100]`.
 */
export const valuesText = ({ data, shape }: NdArray, most = MOST_ENTRIES): string => {
  const half = Math.ceil(most / 2)
  const strides = denseStrides(shape)
  const written = (axis: number, offset: number): string => {
    const extent = shape[axis]
    if (extent === undefined) return digits(data[offset] as number)
    const entry = (i: number): string => written(axis + 1, offset + i * (strides[axis] as number))
    const entries = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => entry(from + i))
    const all =
      extent <= most ? entries(0, extent) : [...entries(0, half), '...', ...entries(extent - (most - half), extent)]
    return `[${all.join(', ')}]`
  }
  return written(0, 0)
}
