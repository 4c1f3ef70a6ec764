/** Convolutions and their gradients, dense and depthwise, for software adapters; and what those for GPUs share with them. */
import type { Call } from '../spec.js'
import { sumOfParts } from './folds.js'
import {
  dispatchable,
  type Facts,
  greatestDivisor,
  type NewSlot,
  rowsFit,
  type Variant,
  type Variants,
  WORKGROUP
} from './variant.js'

/** The uniform of the three convolutions, by the names of `conv_params.wgsl`. */
export const convolutionOf = ({ params, constants = {} }: Call) => {
  const at = (i: number) => params[i] as number
  const [height, width, kernel] = [at(8), at(9), at(12)]
  const [padding, dilation] = [at(16), at(18)]
  const strides = [constants['STRIDE_Y'], constants['STRIDE_X']] as [number, number]
  return {
    offsets: [at(0), at(1)] as [number, number],
    /** Where the result begins; only the filter gradient's may be elsewhere than at 0. */
    start: at(2),
    batch: at(5),
    channels: at(6),
    outputs: at(7),
    height,
    width,
    rows: at(10),
    columns: at(11),
    kernel,
    kernels: [kernel, at(13)] as const,
    strides,
    paddings: [padding, at(17)] as const,
    dilation,
    dilations: [dilation, at(19)] as const,
    /** A square filter, stride 1, padded so that outputs and images have one size. */
    same:
      kernel === at(13) &&
      strides[0] === 1 &&
      strides[1] === 1 &&
      dilation === at(19) &&
      padding === at(17) &&
      2 * padding === (kernel - 1) * dilation &&
      at(10) === height &&
      at(11) === width,
    perGroup: at(20),
    groups: at(6) / at(20),
    dense: at(20) === at(6),
    depthwise: at(20) === 1 && at(21) === 1
  }
}
export type Convolution = ReturnType<typeof convolutionOf>

const ROWS = 2
const OUTS = 4

/** What the dense 3x3 shaders by rows of vec4 take, beyond what each asks for itself. */
const rowsOf3x3 = ({ same, dense, kernel, dilation, width }: Convolution): boolean =>
  same && dense && kernel === 3 && dilation === 1 && width % 4 === 0

/** `conv2d_row4` for the forward pass and, with its roles exchanged, the input gradient. */
const row4 =
  (flip: boolean): Variant =>
  (call, { subgroupSize: size }) => {
    const conv = convolutionOf(call)
    const { offsets, batch, height, width } = conv
    const [channels, outputs] = flip ? [conv.outputs, conv.channels] : [conv.channels, conv.outputs]
    const total = (batch * height * width) / (4 * ROWS)
    const fits = rowsOf3x3(conv) && height % ROWS === 0 && outputs % OUTS === 0 && offsets[0] % 4 === 0 && total % size === 0
    if (!fits) return undefined
    const workgroup = greatestDivisor(total, size, 64)
    return dispatchable([
      {
        ...call,
        shader: 'conv2d_row4',
        constants: {
          FLIP: Number(flip),
          S: size,
          SIZE: workgroup,
          EDGES: Number(!rowsFit(width, size))
        },
        params: [...offsets, 0, 0, channels, outputs, height, width / 4],
        workgroups: [total / workgroup, outputs / OUTS, 1]
      }
    ])
  }

/** The parts that a batch is cut into, so that there is enough to do side by side and no sum is long. */
export const PARTS = 8

/**
 * A call into partial sums over parts of the batch, of the filters' size each, and the fold that adds them. A part has as many images as the call
 * takes at once, if there are so many.
 */
export const byParts = (
  call: Call,
  newSlot: NewSlot,
  count: number,
  partial: (images: number, parts: number) => Pick<Call, 'shader' | 'constants' | 'params' | 'workgroups'>,
  { atOnce = 1, most = PARTS }: { readonly atOnce?: number; readonly most?: number } = {}
): readonly Call[] | undefined => {
  const { batch, start } = convolutionOf(call)
  const images = Math.max(Math.ceil(batch / most), Math.min(batch, atOnce))
  const parts = Math.ceil(batch / images)
  const whole = parts === 1 && start === 0
  const write = whole ? call.write : newSlot({ dtype: 'f32', shape: [parts, count] })
  const first = { ...call, ...partial(images, parts), write }
  return dispatchable(whole ? [first] : [first, sumOfParts(call, { partial: write, parts, outputs: count, start })])
}

/** `conv2d_filter_grad_row4` into partial sums, and a fold that adds them. */
const filterGradRow4: Variant = (call, { subgroupSize: size }, newSlot) => {
  const conv = convolutionOf(call)
  const { offsets, batch, channels, outputs, height, width, kernel } = conv
  const fits = rowsOf3x3(conv) && width <= 4 * size && outputs % OUTS === 0 && offsets.every(offset => offset % 4 === 0)
  if (!fits) return undefined
  return byParts(
    call,
    newSlot,
    outputs * channels * kernel * kernel,
    (images, parts) => ({
      shader: 'conv2d_filter_grad_row4',
      constants: { S: size },
      params: [...offsets, batch, images, channels, outputs, height, width / 4],
      workgroups: [(outputs / OUTS) * channels, parts, 1]
    }),
    { atOnce: Math.floor((4 * size) / width) }
  )
}

/** `conv2d_1x1_row4` for the forward pass and the input gradient. */
const pointwise =
  (flip: boolean): Variant =>
  (call, { subgroupSize: size }) => {
    const { offsets, batch, height, width, kernel, same, dense, ...counts } = convolutionOf(call)
    const [channels, outputs] = flip ? [counts.outputs, counts.channels] : [counts.channels, counts.outputs]
    const plane = height * width
    if (!same || !dense || kernel !== 1 || plane % 4 !== 0 || offsets[0] % 4 !== 0) return undefined
    const total = (batch * plane) / 4
    const outs = outputs > 8 ? 16 : outputs > 4 ? 8 : 4
    const workgroup = Math.min(64, Math.ceil(total / size) * size)
    return dispatchable([
      {
        ...call,
        shader: 'conv2d_1x1_row4',
        constants: { OUTS: outs, S: size, SIZE: workgroup },
        params: [...offsets, total, plane / 4, ...(flip ? [1, outputs] : [channels, 1]), outputs, channels],
        workgroups: [Math.ceil(total / workgroup), Math.ceil(outputs / outs), 1]
      }
    ])
  }

/** Outputs and channels of a subgroup in the filter gradients below. */
const TILE = [8, 4] as const

/** `conv2d_1x1_filter_grad_row4` into partial sums, and a fold that adds them. */
const pointwiseFilterGrad: Variant = (call, { subgroupSize: size }, newSlot) => {
  const { offsets, batch, channels, outputs, height, width, kernel, same, dense } = convolutionOf(call)
  const plane = height * width
  const fits = same && dense && kernel === 1 && plane % 4 === 0 && offsets.every(offset => offset % 4 === 0)
  if (!fits) return undefined
  return byParts(call, newSlot, outputs * channels, (images, parts) => ({
    shader: 'conv2d_1x1_filter_grad_row4',
    constants: { S: size },
    params: [...offsets, plane / 4, 0, batch, images, channels, outputs],
    workgroups: [Math.ceil(outputs / TILE[0]), Math.ceil(channels / TILE[1]), parts]
  }))
}

const PIXELS = 4
const OUTPUTS = 8

/** What one axis of a convolution of any extents walks, for the pixels t i + `remainder` of the result. */
interface Axis {
  readonly remainder: number
  readonly pixels: number
  /** The first tap's place for i = 0, the first tap and the number of taps. */
  readonly from: number
  readonly tap: number
  readonly taps: number
}

/** A call's share: pixels t `apart`; i of them are `step` apart in the source, taps n `dilation`; a tap n is k0 + h n with h = `every`. */
interface Walk {
  readonly axes: readonly [Axis, Axis]
  readonly apart: number
  readonly step: number
  readonly dilation: number
  readonly every: number
}

/** The forward pass, as it is. */
const forwardWalks = (conv: Convolution): readonly Walk[] => {
  const axis = (i: 0 | 1): Axis => ({
    remainder: 0,
    pixels: [conv.rows, conv.columns][i] as number,
    from: -conv.paddings[i],
    tap: 0,
    taps: conv.kernels[i]
  })
  return [{ axes: [axis(0), axis(1)], apart: 1, step: conv.strides[0], dilation: conv.dilations[0], every: 1 }]
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/**
 * The input gradient, a call for the pixels of each remainder r by the stride s. The pixel s i + r meets the tap k of the output
 * (s i + r + p - d k) / s where that has no remainder: with g the greatest common divisor of s and d, from the first such k every s/g-th, and
 * each is d/g outputs before the last. Pixels that meet none get 0.
 */
const inputGradWalks = (conv: Convolution): readonly Walk[] => {
  const [stride, dilation] = [conv.strides[0], conv.dilations[0]]
  const common = gcd(stride, dilation)
  const every = stride / common
  const axis = (remainder: number, i: 0 | 1): Axis => {
    const place = (tap: number) => (remainder + conv.paddings[i] - dilation * tap) / stride
    const first = Array.from({ length: every }, (_, tap) => tap).find(tap => Number.isInteger(place(tap)))
    return {
      remainder,
      pixels: Math.max(0, Math.ceil(([conv.height, conv.width][i] as number) / stride - remainder / stride)),
      from: first === undefined ? 0 : place(first),
      tap: first ?? 0,
      taps: first === undefined ? 0 : Math.max(0, Math.ceil((conv.kernels[i] - first) / every))
    }
  }
  return Array.from({ length: stride * stride }, (_, n): Walk => {
    const axes = [axis(Math.floor(n / stride), 0), axis(n % stride, 1)] as const
    return { axes, apart: stride, step: 1, dilation: -dilation / common, every }
  }).filter(({ axes: [y, x] }) => y.pixels * x.pixels > 0)
}

const square = ({ strides, dilations }: Convolution): boolean => strides[0] === strides[1] && dilations[0] === dilations[1]

/** Larger strides would take too many calls in the input gradient. */
const MOST_STRIDE = 4

/** What a kernel for convolutions of any extents is chosen by: groups, channels of the result, and its pixels in all images. */
interface Extents {
  readonly groups: number
  readonly outputs: number
  readonly pixels: number
}

/** The forward pass or the input gradient by kernels that read `conv_any_params.wgsl`. */
export const ofAnyExtents =
  (flip: boolean, kernel: (extents: Extents, facts: Facts) => Pick<Call, 'shader' | 'constants' | 'workgroups'>): Variant =>
  (call, facts) => {
    const conv = convolutionOf(call)
    if (!square(conv) || (flip && conv.strides[0] > MOST_STRIDE)) return undefined
    const { offsets, batch, channels, outputs, height, width, rows, columns, kernels, perGroup, groups } = conv
    const [k, l] = kernels
    const filters = flip ? [k * l, perGroup * k * l] : [perGroup * k * l, k * l]
    const image = [channels, height, width] as const
    const output = [outputs, rows, columns] as const
    const [from, to] = flip ? [output, image] : [image, output]
    const walks = (flip ? inputGradWalks : forwardWalks)(conv)
    return dispatchable(
      walks.map(({ axes: [y, x], apart, step, dilation, every }) => {
        const pixels = y.pixels * x.pixels
        return {
          ...call,
          ...kernel({ groups, outputs: to[0], pixels: batch * pixels }, facts),
          params: [
            ...[...offsets, pixels, batch * pixels],
            ...[...from, to[0]],
            ...[y.pixels, x.pixels, to[1], to[2]],
            ...[apart, y.remainder, x.remainder, 0],
            ...[y.from, x.from, step, dilation],
            ...[...filters, l, (outputs / groups) * perGroup * k * l],
            ...[y.tap, x.tap, every, 0],
            ...[y.taps, x.taps, to[0] / groups, from[0] / groups]
          ],
          flops: (call.flops * y.taps * x.taps * pixels) / (k * l * rows * columns)
        }
      })
    )
  }

/** `conv2d_any` and `conv2d_grouped_any`. */
const any = (flip: boolean): Variant =>
  ofAnyExtents(flip, ({ groups, outputs, pixels }, { subgroupSize }) => ({
    shader: groups === 1 ? 'conv2d_any' : 'conv2d_grouped_any',
    constants: { S: subgroupSize },
    workgroups: [Math.ceil(pixels / (PIXELS * WORKGROUP)), groups === 1 ? Math.ceil(outputs / OUTPUTS) : outputs, 1]
  }))

/** The uniform of `conv_filter_grad_params.wgsl`, for parts of so many images and turns that go on by so many pixels. */
export const filterGradParams = (conv: Convolution, images: number, pixels: number): readonly number[] => {
  const { offsets, batch, channels, outputs, height, width, rows, columns, kernels, strides, paddings, dilations } = conv
  const plane = rows * columns
  return [
    ...[...offsets, batch, images],
    ...[channels, height, width, outputs],
    ...[rows, columns, ...kernels],
    ...[...paddings, ...dilations],
    ...[...strides, conv.perGroup, outputs / conv.groups],
    ...[Math.floor(pixels / plane), Math.floor((pixels % plane) / columns), (pixels % plane) % columns, 0]
  ]
}

/** The longest row of taps of `conv2d_grouped_filter_grad_any` and `conv2d_filter_grad_tree`. */
export const MOST_ROW = 8

/** `conv2d_filter_grad_any`, or `conv2d_grouped_filter_grad_any`, into partial sums, and a fold that adds them. */
const anyFilterGrad: Variant = (call, { subgroupSize: size }, newSlot) => {
  const conv = convolutionOf(call)
  const { channels, outputs, kernels, dense } = conv
  const [k, l] = kernels
  if (!dense && l > MOST_ROW) return undefined
  return byParts(call, newSlot, outputs * conv.perGroup * k * l, (images, parts) => ({
    shader: dense ? 'conv2d_filter_grad_any' : 'conv2d_grouped_filter_grad_any',
    constants: dense ? { S: size } : { S: size, L: l },
    params: filterGradParams(conv, images, size),
    workgroups: dense
      ? [Math.ceil(outputs / TILE[0]) * Math.ceil(channels / TILE[1]), k * l, parts]
      : [outputs * conv.perGroup, k, parts]
  }))
}

/** What the depthwise shaders take: 3x3 or 5x5 that reaches at most one vec4 aside. */
const depthwiseFits = ({ same, depthwise, kernel, dilation, width, offsets }: Convolution, size: number): boolean =>
  same &&
  depthwise &&
  (kernel === 3 || kernel === 5) &&
  ((kernel - 1) / 2) * dilation <= 4 &&
  rowsFit(width, size) &&
  offsets[0] % 4 === 0

/** `conv2d_depthwise_row4` for the forward pass and the input gradient. */
const depthwiseRow4 =
  (flip: boolean): Variant =>
  (call, { subgroupSize: size }) => {
    const conv = convolutionOf(call)
    const { offsets, batch, channels, height, width, kernel, dilation } = conv
    if (!depthwiseFits(conv, size)) return undefined
    const walks = (batch * dilation * width) / 4
    const workgroup = walks % size === 0 ? greatestDivisor(walks, size, 64) : size
    return dispatchable([
      {
        ...call,
        shader: 'conv2d_depthwise_row4',
        constants: {
          K: kernel,
          DILATION: dilation,
          FLIP: Number(flip),
          CHANNELS: channels,
          H: height,
          W4: width / 4,
          S: size,
          SIZE: workgroup
        },
        params: [...offsets, batch, 0],
        workgroups: [Math.ceil(walks / workgroup), channels, 1]
      }
    ])
  }

/** `conv2d_depthwise_filter_grad_row4` into partial sums, and a fold that adds them. */
const depthwiseFilterGradRow4: Variant = (call, { subgroupSize: size }, newSlot) => {
  const conv = convolutionOf(call)
  const { offsets, batch, channels, height, width, kernel, dilation } = conv
  if (!depthwiseFits(conv, size) || offsets[1] % 4 !== 0) return undefined
  return byParts(
    call,
    newSlot,
    channels * kernel * kernel,
    (images, parts) => ({
      shader: 'conv2d_depthwise_filter_grad_row4',
      constants: { K: kernel, DILATION: dilation, CHANNELS: channels, H: height, W4: width / 4, S: size },
      params: [...offsets, batch, images],
      workgroups: [channels, parts, 1]
    }),
    { atOnce: (4 * size) / width }
  )
}

/** The constants of the depthwise shaders of stride 2, where they take a convolution. */
const stride2Constants = (conv: Convolution, size: number): Call['constants'] | undefined => {
  const { channels, height, width, rows, columns, kernel, kernels, strides, paddings, dilation, depthwise, offsets } = conv
  const [padding] = paddings
  const fits =
    depthwise &&
    square(conv) &&
    strides[0] === 2 &&
    dilation <= 2 &&
    (kernel === 3 || kernel === 5) &&
    kernels[1] === kernel &&
    paddings[1] === padding &&
    padding <= 4 &&
    (kernel - 1) * dilation - padding <= 5 &&
    width === 2 * columns &&
    rowsFit(columns, size) &&
    offsets[0] % 4 === 0
  return fits
    ? { K: kernel, DILATION: dilation, PADDING: padding, CHANNELS: channels, H: height, ROWS: rows, J4: columns / 4, S: size }
    : undefined
}

/** `conv2d_depthwise_stride2_row4`, or that of the input gradient. */
const stride2 =
  (shader: string): Variant =>
  (call, { subgroupSize: size }) => {
    const conv = convolutionOf(call)
    const { offsets, batch, channels, columns } = conv
    const constants = stride2Constants(conv, size)
    if (!constants) return undefined
    const walks = (batch * columns) / 4
    const workgroup = walks % size === 0 ? greatestDivisor(walks, size, WORKGROUP) : size
    return dispatchable([
      {
        ...call,
        shader,
        constants: { ...constants, SIZE: workgroup },
        params: [...offsets, batch, 0],
        workgroups: [Math.ceil(walks / workgroup), channels, 1]
      }
    ])
  }

/** `conv2d_depthwise_stride2_filter_grad_row4` into partial sums, and a fold that adds them. */
const stride2FilterGrad: Variant = (call, { subgroupSize: size }, newSlot) => {
  const conv = convolutionOf(call)
  const { offsets, batch, channels, kernel } = conv
  const constants = stride2Constants(conv, size)
  if (!constants || offsets[1] % 4 !== 0) return undefined
  return byParts(
    call,
    newSlot,
    channels * kernel * kernel,
    (images, parts) => ({
      shader: 'conv2d_depthwise_stride2_filter_grad_row4',
      constants,
      params: [...offsets, batch, images],
      workgroups: [channels, parts, 1]
    }),
    { atOnce: (4 * size) / conv.columns }
  )
}

export const convolutions: Variants = {
  conv2d: [row4(false), pointwise(false), depthwiseRow4(false), stride2('conv2d_depthwise_stride2_row4'), any(false)],
  conv2d_input_grad: [
    row4(true),
    pointwise(true),
    depthwiseRow4(true),
    stride2('conv2d_depthwise_stride2_input_grad_row4'),
    any(true)
  ],
  conv2d_filter_grad: [filterGradRow4, pointwiseFilterGrad, depthwiseFilterGradRow4, stride2FilterGrad, anyFilterGrad]
}
