/**
 * Images and signals at another size: pooling by windows of one axis, bins that cover an axis, interpolation. Each
 * takes rows at indices that are known when the graph is built and adds or chooses among them, so that a value that is
 * not finite stays within its window.
 */
import { checkNumbers, checkOptions, describe, fail, show } from '../shape.js'
import { requireDtype, requireTensor, type Tensor } from '../tensor.js'
import { reshape, sum } from './broadcast.js'
import { tensor } from './core.js'
import { take } from './indexing.js'
import { add, mul, where } from './pointwise.js'
import { max, mean } from './reduce.js'
import type { PoolOptions } from './window.js'

/** Stretches of an axis, one for each result. */
interface Window {
  readonly start: number
  readonly stop: number
}

const widthOf = ({ start, stop }: Window): number => stop - start

/** Rows of each window, as an axis behind that of the windows; one that is short has its last row again. */
const windowed = (
  x: Tensor,
  axis: number,
  windows: readonly Window[]
): { readonly rows: Tensor; readonly width: number } => {
  const width = Math.max(...windows.map(widthOf))
  const indices = windows.flatMap(({ start, stop }) =>
    Array.from({ length: width }, (_, i) => Math.min(start + i, stop - 1))
  )
  return { rows: take(x, tensor(indices, [windows.length, width], 'i32'), axis), width }
}

/** Numbers along `axis`, to be multiplied with a tensor that has so many axes behind it. */
const column = (values: readonly number[], behind: number, dtype: 'f32' | 'u32' = 'f32'): Tensor =>
  tensor(values, [values.length, ...Array<number>(behind).fill(1)], dtype)

const averages = (x: Tensor, axis: number, windows: readonly Window[]): Tensor => {
  const { rows, width } = windowed(x, axis, windows)
  const behind = x.shape.length - axis - 1
  const own = windows.flatMap(window => Array.from({ length: width }, (_, i) => Number(i < widthOf(window))))
  const mask = reshape(column(own, 0, 'u32'), [windows.length, width, ...Array<number>(behind).fill(1)])
  const total = sum(where(mask, rows, 0), axis + 1)
  return mul(
    total,
    column(
      windows.map(window => 1 / widthOf(window)),
      behind
    )
  )
}

/** The windows of a pool over an axis, without what lies in the padding. */
const poolWindows = (name: string, x: Tensor, options: PoolOptions): readonly Window[] => {
  const { kernel, stride = kernel, padding = 0 } = checkOptions(name, options, ['kernel', 'stride', 'padding'])
  const { shape } = requireDtype(name, x, 'f32')
  const extent = shape.at(-1) ?? 0
  const count = Math.floor((extent + 2 * padding - kernel) / stride) + 1
  const valid =
    shape.length === 3 &&
    [kernel, stride].every(n => Number.isInteger(n) && n >= 1) &&
    Number.isInteger(padding) &&
    padding >= 0 &&
    2 * padding <= kernel &&
    count > 0
  if (!valid)
    fail(
      name,
      'f32 signals [B,C,L] that hold a window, kernel and stride >= 1, and a padding of at most half the kernel',
      `${show(x)} with kernel ${describe(kernel)}, stride ${describe(stride)}, padding ${describe(padding)}`,
      'shrink the window or the padding'
    )
  return Array.from({ length: count }, (_, i) => ({
    start: Math.max(0, i * stride - padding),
    stop: Math.min(extent, i * stride - padding + kernel)
  }))
}

/**
 * Maximum over windows of f32[B,C,L], floor mode; the first maximum takes the cotangent.
 * @example $.maxPool1d($.reshape(images, [2, 16, 64]), { kernel: 2 }) // f32[2,16,32]
 */
export const maxPool1d = (x: Tensor, options: PoolOptions): Tensor =>
  max(windowed(x, 2, poolWindows('maxPool1d', x, options)).rows, 3)

/**
 * Average over windows of f32[B,C,L], floor mode; what lies in the padding is not counted.
 * @example $.avgPool1d($.reshape(images, [2, 16, 64]), { kernel: 2 }) // f32[2,16,32]
 */
export const avgPool1d = (x: Tensor, options: PoolOptions): Tensor =>
  averages(x, 2, poolWindows('avgPool1d', x, options))

/** Extents for the last axes of a tensor; a number stands for all of them. */
const lastExtents = (name: string, x: Tensor, size: number | readonly number[], count: number): readonly number[] => {
  const extents = checkNumbers(name, 'a size', typeof size === 'number' ? Array<number>(count).fill(size) : size)
  const { shape } = requireDtype(name, x, 'f32')
  return extents.length > 0 && extents.length <= shape.length && extents.every(n => Number.isInteger(n) && n >= 1)
    ? extents
    : fail(
        name,
        'a positive whole extent for each of the last axes',
        `[${extents}] for ${show(x)}`,
        'write [height, width]'
      )
}

/** `f` along each of the last axes, with the extent that is wanted there. */
const alongLast = (
  x: Tensor,
  extents: readonly number[],
  f: (x: Tensor, axis: number, wanted: number) => Tensor
): Tensor => extents.reduce((y, wanted, i) => f(y, x.shape.length - extents.length + i, wanted), x)

const binned = (x: Tensor, axis: number, wanted: number): Tensor => {
  const extent = x.shape[axis] as number
  if (extent % wanted === 0)
    return mean(reshape(x, [...x.shape.slice(0, axis), wanted, extent / wanted, ...x.shape.slice(axis + 1)]), axis + 1)
  const bins = Array.from({ length: wanted }, (_, i) => ({
    start: Math.floor((i * extent) / wanted),
    stop: Math.ceil(((i + 1) * extent) / wanted)
  }))
  return averages(x, axis, bins)
}

/**
 * Averages of as many bins as are wanted along the last axes, which cover an image of any size: bin i goes from floor(i
 * H / n) to ceil((i + 1) H / n), as those of `torch.nn.functional.adaptive_avg_pool2d` do.
 * @example $.adaptiveAvgPool2d(images, 1) // f32[2,16,1,1]
 * @example $.adaptiveAvgPool2d(images, [3, 5]) // f32[2,16,3,5]
 */
export const adaptiveAvgPool2d = (x: Tensor, size: number | readonly [number, number]): Tensor => {
  if (requireTensor('adaptiveAvgPool2d', x).shape.length < 2)
    return fail('adaptiveAvgPool2d', 'images [...,H,W]', show(x), 'reshape them')
  return alongLast(x, lastExtents('adaptiveAvgPool2d', x, size, 2), binned)
}

/** How values between pixels are found. */
export interface ResizeOptions {
  /** Default: `linear`, which is torch's `bilinear` of two axes. `cubic` is its `bicubic`. */
  readonly mode?: 'nearest' | 'linear' | 'cubic'
  /** The first and last element stay where they are, instead of the outer edges. Not of `nearest`. */
  readonly alignCorners?: boolean
}

/** What a result is made of: a row and its weight. */
interface Tap {
  readonly at: number
  readonly weight: number
}

/**
 * The cubic convolution kernel with a = -3/4, at a distance (R. Keys, "Cubic convolution interpolation for digital
 * image processing", 1981).
 */
const keys = (distance: number): number => {
  const [a, x] = [-0.75, Math.abs(distance)]
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0
}

/** The taps of a result that lies at `place` between the rows. */
const TAPS: Readonly<Record<'linear' | 'cubic', (place: number) => readonly Tap[]>> = {
  linear: place => {
    const inside = Math.max(0, place)
    const first = Math.floor(inside)
    return [0, 1].map(i => ({ at: first + i, weight: 1 - Math.abs(inside - first - i) }))
  },
  cubic: place => {
    const first = Math.floor(place)
    return [-1, 0, 1, 2].map(i => ({ at: first + i, weight: keys(place - first - i) }))
  }
}

/** Along one axis: each tap of all results is one take. Rows beyond the ends are those at the ends. */
const interpolated =
  (mode: 'nearest' | 'linear' | 'cubic', alignCorners: boolean) =>
  (x: Tensor, axis: number, wanted: number): Tensor => {
    const extent = x.shape[axis] as number
    if (extent === wanted) return x
    const rows = (at: readonly number[]): Tensor =>
      take(
        x,
        tensor(
          at.map(row => Math.min(extent - 1, Math.max(0, row))),
          [wanted],
          'i32'
        ),
        axis
      )
    const places = Array.from({ length: wanted }, (_, i) => i)
    if (mode === 'nearest') return rows(places.map(i => Math.floor((i * extent) / wanted)))
    const source = (i: number): number =>
      alignCorners ? (wanted === 1 ? 0 : (i * (extent - 1)) / (wanted - 1)) : ((i + 0.5) * extent) / wanted - 0.5
    const taps = places.map(i => TAPS[mode](source(i)))
    const behind = x.shape.length - axis - 1
    return (taps[0] as readonly Tap[])
      .map((_, k) => taps.map(list => list[k] as Tap))
      .map(list =>
        mul(
          rows(list.map(({ at }) => at)),
          column(
            list.map(({ weight }) => weight),
            behind
          )
        )
      )
      .reduce((a, b) => add(a, b))
  }

/**
 * The last axes at other extents, by interpolation along each (`torch.nn.functional.interpolate`, without
 * antialiasing).
 * @example $.resize(images, [16, 16]) // f32[2,16,16,16]
 * @example $.resize(images, [4, 4], { mode: 'nearest' }) // f32[2,16,4,4]
 */
export const resize = (x: Tensor, size: readonly number[], options: ResizeOptions = {}): Tensor => {
  const { mode = 'linear', alignCorners = false } = checkOptions('resize', options, ['mode', 'alignCorners'])
  if (!['nearest', 'linear', 'cubic'].includes(mode))
    return fail('resize', "a mode 'nearest', 'linear' or 'cubic'", describe(mode), 'name one of these')
  if (mode === 'nearest' && alignCorners)
    return fail('resize', "alignCorners with 'linear' or 'cubic'", "'nearest'", 'leave it out')
  return alongLast(x, lastExtents('resize', x, size, 0), interpolated(mode, alignCorners))
}
