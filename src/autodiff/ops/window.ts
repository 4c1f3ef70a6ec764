/**
 * Pooling windows over NCHW images: three linear pairs, each the other's transpose, and the integer operation that
 * chooses.
 *
 *   max pooling   = gather(x, places of the maxima)        transpose: scatter
 *   average       = sum over the window / number of pixels  transpose of the sum: spread
 *
 * Padding of a maximum is decided by index, never by a value of minus infinity; the first maximum in row-major window
 * order takes all.
 */
import * as E from 'fp-ts/lib/Either.js'
import { intoFirst } from '../batching.js'
import { allocate, type NdArray } from '../ndarray.js'
import { bind, primitive } from '../primitive.js'
import { type Aval, checkOptions, describe, heightAndWidth, named, refuse, type Shape, show, sizeOf } from '../shape.js'
import { type Primitive, requireTensor, type Tensor } from '../tensor.js'
import { tensor } from './core.js'
import { div } from './pointwise.js'

/** Square windows. `size` is the image's height and width, wherever a transpose has to restore them. */
interface WindowAttributes {
  readonly [key: string]: unknown
  readonly kernel: number
  readonly stride: number
  readonly padding: number
  readonly size: readonly [number, number]
}

const pooled = ({ kernel, stride, padding, size }: WindowAttributes): number[] =>
  size.map(extent => Math.floor((extent + 2 * padding - kernel) / stride) + 1)

const geometry = (a: WindowAttributes) => {
  const [height, width] = a.size
  const [rows, columns] = pooled(a) as [number, number]
  return { height, width, rows, columns }
}

/** The uniform of the window shaders. */
const params = (_: readonly Aval[], attributes: Readonly<Record<string, unknown>>, out: Aval): number[] => {
  const a = attributes as WindowAttributes
  const { height, width, rows, columns } = geometry(a)
  return [sizeOf(out.shape), height, width, 0, rows, columns, a.kernel, a.stride, a.padding, 0, 0, 0]
}

/** Calls `visit(output, pixel)` for each pixel of each window of each plane, in row-major order, padding left out. */
const eachPixel = (
  planes: number,
  a: WindowAttributes,
  visit: (output: number, pixel: number, plane: number) => void
): void => {
  const { height, width, rows, columns } = geometry(a)
  for (let plane = 0; plane < planes; plane++)
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++)
        for (
          let y = Math.max(0, i * a.stride - a.padding);
          y < Math.min(height, i * a.stride - a.padding + a.kernel);
          y++
        )
          for (
            let x = Math.max(0, j * a.stride - a.padding);
            x < Math.min(width, j * a.stride - a.padding + a.kernel);
            x++
          )
            visit((plane * rows + i) * columns + j, y * width + x, plane)
}

const planesOf = (shape: Shape): number => (shape[0] as number) * (shape[1] as number)

/** From the image's side to the windows' side (`'windows'`), or back to the image's (`'image'`). */
const windowShape =
  (name: string, side: 'windows' | 'image', dtype: 'f32' | 'i32' = 'f32'): Primitive<WindowAttributes>['shape'] =>
  ([x], a) => {
    const { shape, dtype: given } = x as Aval
    const valid =
      shape.length === 4 &&
      given === 'f32' &&
      [a.kernel, a.stride].every(n => Number.isInteger(n) && n >= 1) &&
      Number.isInteger(a.padding) &&
      a.padding >= 0 &&
      2 * a.padding <= a.kernel &&
      pooled(a).every(n => n > 0)
    return valid
      ? E.right({ shape: [...shape.slice(0, 2), ...(side === 'image' ? a.size : pooled(a))], dtype })
      : refuse(
          name,
          'f32 images [B,C,H,W] that hold a window, kernel and stride >= 1, and a padding of at most half the kernel',
          `${show(x as Aval)} with kernel ${describe(a.kernel)}, stride ${describe(a.stride)}, padding ` +
            `${describe(a.padding)}`,
          'shrink the window or the padding'
        )
  }

const argmaxPrimitive: Primitive<WindowAttributes> = primitive({
  name: 'window_argmax',
  shape: windowShape('window_argmax', 'windows', 'i32'),
  reference: ([x], a, out) => {
    const { data, shape } = x as NdArray
    const result = allocate('i32', sizeOf(out.shape)).fill(-1)
    const plane = a.size[0] * a.size[1]
    eachPixel(planesOf(shape), a, (output, pixel, p) => {
      const best = result[output] as number
      const [value, top] = [data[p * plane + pixel] as number, data[p * plane + best] as number]
      if (best < 0 || value > top || (Number.isNaN(value) && !Number.isNaN(top))) result[output] = pixel
    })
    return result
  },
  kernel: { kind: 'shader', shader: 'window_argmax', params },
  vjp: 'zero',
  batch: intoFirst
})

const gatherPrimitive: Primitive<WindowAttributes> = primitive({
  name: 'window_gather',
  shape: windowShape('window_gather', 'windows'),
  reference: ([x, places], a, out) => {
    const result = allocate('f32', sizeOf(out.shape))
    const windows = result.length / planesOf(out.shape)
    const plane = a.size[0] * a.size[1]
    for (let i = 0; i < result.length; i++)
      result[i] = (x as NdArray).data[
        Math.floor(i / windows) * plane + ((places as NdArray).data[i] as number)
      ] as number
    return result
  },
  kernel: { kind: 'shader', shader: 'window_gather', params },
  vjp: (g, [, places], a) => [bind(scatterPrimitive, [g, places as Tensor], a), null],
  batch: intoFirst
})

const scatterPrimitive: Primitive<WindowAttributes> = primitive({
  name: 'window_scatter',
  shape: windowShape('window_scatter', 'image'),
  reference: ([g, places], a, out) => {
    const result = allocate('f32', sizeOf(out.shape))
    const source = g as NdArray
    const windows = source.data.length / planesOf(source.shape)
    const plane = a.size[0] * a.size[1]
    for (let i = 0; i < source.data.length; i++) {
      const target = Math.floor(i / windows) * plane + ((places as NdArray).data[i] as number)
      result[target] = (result[target] as number) + (source.data[i] as number)
    }
    return result
  },
  kernel: { kind: 'shader', shader: 'window_scatter', params },
  vjp: (cotangent, [, places], a) => [bind(gatherPrimitive, [cotangent, places as Tensor], a), null],
  batch: intoFirst
})

const sumPrimitive: Primitive<WindowAttributes> = primitive({
  name: 'window_sum',
  shape: windowShape('window_sum', 'windows'),
  reference: ([x], a, out) => {
    const result = allocate('f32', sizeOf(out.shape))
    const plane = a.size[0] * a.size[1]
    eachPixel(planesOf(out.shape), a, (output, pixel, p) => {
      result[output] = (result[output] as number) + ((x as NdArray).data[p * plane + pixel] as number)
    })
    return result
  },
  kernel: { kind: 'shader', shader: 'window_sum', params },
  vjp: (g, _, a) => [bind(spreadPrimitive, [g], a)],
  batch: intoFirst,
  flops: (_, a, out) => sizeOf(out.shape) * a.kernel ** 2
})

const spreadPrimitive: Primitive<WindowAttributes> = primitive({
  name: 'window_spread',
  shape: windowShape('window_spread', 'image'),
  reference: ([g], a, out) => {
    const result = allocate('f32', sizeOf(out.shape))
    const plane = a.size[0] * a.size[1]
    eachPixel(planesOf(out.shape), a, (output, pixel, p) => {
      result[p * plane + pixel] = (result[p * plane + pixel] as number) + ((g as NdArray).data[output] as number)
    })
    return result
  },
  kernel: { kind: 'shader', shader: 'window_spread', params },
  vjp: (cotangent, _, a) => [bind(sumPrimitive, [cotangent], a)],
  batch: intoFirst,
  flops: (_, a, out) => sizeOf(out.shape) * a.kernel ** 2
})

/** Windows of a pool: how large, how far apart, and how many pixels of padding around the image. */
export interface PoolOptions {
  /** Height and width of the window. */
  readonly kernel: number
  /** Default: the kernel. */
  readonly stride?: number
  readonly padding?: number
}

const attributesOf = (name: string, x: Tensor, options: PoolOptions): WindowAttributes => {
  const { kernel, stride = kernel, padding = 0 } = checkOptions(name, options, ['kernel', 'stride', 'padding'])
  return {
    kernel,
    stride,
    padding,
    size: heightAndWidth(requireTensor(name, x).shape)
  }
}

/**
 * Maximum over windows of f32[B,C,H,W], floor mode; the first maximum takes the cotangent.
 * @example $.maxPool2d(images, { kernel: 3, stride: 2, padding: 1 }) // f32[2,16,4,4]
 */
export const maxPool2d = (x: Tensor, options: PoolOptions): Tensor =>
  named('maxPool2d', () => {
    const attributes = attributesOf('maxPool2d', x, options)
    return bind(gatherPrimitive, [x, bind(argmaxPrimitive, [x], attributes)], attributes)
  })

/**
 * Average over windows of f32[B,C,H,W], floor mode; pixels of the padding are not counted.
 * @example $.avgPool2d(images, { kernel: 2 }) // f32[2,16,4,4]
 */
export const avgPool2d = (x: Tensor, options: PoolOptions): Tensor =>
  named('avgPool2d', () => {
    const attributes = attributesOf('avgPool2d', x, options)
    const total = bind(sumPrimitive, [x], attributes)
    const counts = new Float64Array(sizeOf(total.shape.slice(2)))
    eachPixel(1, attributes, output => {
      counts[output] = (counts[output] as number) + 1
    })
    return div(total, tensor(counts, total.shape.slice(2)))
  })
