/**
 * Convolutions, for the variants of all adapters: what a call says, its sum by parts of the batch, its walks for any
 * extents.
 */
import { stretch } from '../regions.js'
import type { Call, Region } from '../spec.js'
import { chain } from './chain.js'
import { sumOfParts } from './folds.js'
import { dispatchable, type Facts, type NewSlot, type Variant } from './variant.js'

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

/** The parts that a batch is cut into, so that there is enough to do side by side and no sum is long. */
export const PARTS = 8

/**
 * A call into partial sums over parts of the batch, of the filters' size each, and the fold that adds them. A part has
 * as many images as the call takes at once, if there are so many.
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
  const first = { ...call, ...partial(images, parts), write, ...(whole ? {} : { stores: [stretch(0, parts * count)] }) }
  return dispatchable(whole ? [first] : [first, sumOfParts(call, { partial: write, parts, outputs: count, start })])
}

/** What one axis of a convolution of any extents walks, for the pixels t i + `remainder` of the result. */
interface Axis {
  readonly remainder: number
  readonly pixels: number
  /** The first tap's place for i = 0, the first tap and the number of taps. */
  readonly from: number
  readonly tap: number
  readonly taps: number
}

/**
 * A call's share: pixels t `apart`; i of them are `step` apart in the source, taps n `dilation`; a tap n is k0 + h n
 * with h = `every`.
 */
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
 * The input gradient, a call for the pixels of each remainder r by the stride s. The pixel s i + r meets the tap k of
 * the output (s i + r + p - d k) / s where that has no remainder: with g the greatest common divisor of s and d, from
 * the first such k every s/g-th, and each is d/g outputs before the last. Pixels that meet none get 0.
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

export const square = ({ strides, dilations }: Convolution): boolean =>
  strides[0] === strides[1] && dilations[0] === dilations[1]

/** Larger strides would take too many calls in the input gradient. */
const MOST_STRIDE = 4

/** Terms that a convolution adds up in one chain. */
const LONGEST = 2048

/** The channels that a call sums over, and where in its slot its result begins. */
interface Share {
  readonly first: number
  readonly channels: number
  readonly start: number
}

/**
 * A forward pass or an input gradient of `count` values, by calls that each sum over all `channels` of its operands, or
 * over parts of them where that would be a long chain: then a fold adds the parts.
 */
export const byChannels = (
  call: Call,
  newSlot: NewSlot,
  { channels, taps, count }: { readonly channels: number; readonly taps: number; readonly count: number },
  callsOf: (share: Share) => readonly Call[]
): readonly Call[] | undefined => {
  const { length, parts } = chain(channels, Math.max(1, Math.floor(LONGEST / taps)), count)
  if (parts === 1) return dispatchable(callsOf({ first: 0, channels, start: 0 }))
  const partial = newSlot({ dtype: 'f32', shape: [parts, count] })
  const shares = Array.from({ length: parts }, (_, p): Share => {
    const first = p * length
    return { first, channels: Math.min(length, channels - first), start: p * count }
  })
  const calls = shares.flatMap(share =>
    callsOf(share).map(one => ({ ...one, write: partial, flops: one.flops / parts }))
  )
  return dispatchable([...calls, sumOfParts(call, { partial, parts, outputs: count, start: 0 })])
}

/**
 * What a kernel for convolutions of any extents is chosen by: groups, channels of the result, and its pixels in all
 * images.
 */
interface Extents {
  readonly groups: number
  readonly outputs: number
  readonly pixels: number
}

/** The pixels of a walk, in all images and channels of the result. */
const pixelsOf = (
  start: number,
  batch: number,
  [channels, height, width]: readonly number[],
  y: Axis,
  x: Axis,
  apart: number
): Region => {
  const [plane, row] = [(height as number) * (width as number), width as number]
  return {
    offset: start + y.remainder * row + x.remainder,
    extents: [batch, channels as number, y.pixels, x.pixels],
    strides: [(channels as number) * plane, plane, apart * row, apart]
  }
}

/** The forward pass or the input gradient by kernels that read `conv_any_params.wgsl`. */
export const ofAnyExtents =
  (
    flip: boolean,
    kernel: (extents: Extents, facts: Facts) => Pick<Call, 'shader' | 'constants' | 'workgroups'>
  ): Variant =>
  (call, facts, newSlot) => {
    const conv = convolutionOf(call)
    if (!square(conv) || (flip && conv.strides[0] > MOST_STRIDE)) return undefined
    const { offsets, batch, channels, outputs, height, width, rows, columns, kernels, perGroup, groups } = conv
    const [k, l] = kernels
    const filters = flip ? [k * l, perGroup * k * l] : [perGroup * k * l, k * l]
    const image = [channels, height, width] as const
    const output = [outputs, rows, columns] as const
    const [from, to] = flip ? [output, image] : [image, output]
    const walks = (flip ? inputGradWalks : forwardWalks)(conv)
    const each = from[0] / groups
    const callOf = (
      { axes: [y, x], apart, step, dilation, every }: Walk,
      { first, channels: taken, start }: Share
    ): Call => {
      const pixels = y.pixels * x.pixels
      return {
        ...call,
        ...kernel({ groups, outputs: to[0], pixels: batch * pixels }, facts),
        params: [
          ...[
            offsets[0] + first * from[1] * from[2],
            offsets[1] + first * (filters[1] as number),
            pixels,
            batch * pixels
          ],
          ...[...from, to[0]],
          ...[y.pixels, x.pixels, to[1], to[2]],
          ...[apart, y.remainder, x.remainder, start],
          ...[y.from, x.from, step, dilation],
          ...[...filters, l, (outputs / groups) * perGroup * k * l],
          ...[y.tap, x.tap, every, 0],
          ...[y.taps, x.taps, to[0] / groups, taken]
        ],
        stores: [pixelsOf(start, batch, to, y, x, apart)],
        flops: (call.flops * y.taps * x.taps * pixels) / (k * l * rows * columns)
      }
    }
    // The groups' channels lie side by side, so that a part of each is no part of all: theirs are summed as they are.
    const all = { first: 0, channels: each, start: 0 }
    if (groups > 1) return dispatchable(walks.map(walk => callOf(walk, all)))
    const count = batch * to[0] * to[1] * to[2]
    return byChannels(call, newSlot, { channels: each, taps: k * l, count }, share =>
      walks.map(walk => callOf(walk, share))
    )
  }

/**
 * The uniform of `conv_filter_grad_params.wgsl`, for parts of so many images and turns that go on by so many pixels.
 */
export const filterGradParams = (conv: Convolution, images: number, pixels: number): readonly number[] => {
  const { offsets, batch, channels, outputs, height, width, rows, columns, kernels, strides, paddings, dilations } =
    conv
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
