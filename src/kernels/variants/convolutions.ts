/** Convolutions and their gradients, dense and depthwise, for software adapters. */
import { stretch } from '../regions.js'
import type { Call } from '../spec.js'
import {
  byChannels,
  byParts,
  type Convolution,
  convolutionOf,
  filterGradParams,
  MOST_ROW,
  ofAnyExtents,
  PARTS,
  square
} from './convolution.js'
import { dispatchable, greatestDivisor, rowsFit, type Variant, type Variants, WORKGROUP } from './variant.js'

const ROWS = 2
/**
 * Outputs of a lane of `conv2d_row4`: of larger calls twice as many, which a quarter of their time is worth the longer
 * compile. With a function on load that gain is lost (measured: 44 GFLOP/s with either, 55 without a function), and
 * with it the reason.
 */
const outsOf = (outputs: number, { flops, hook }: Call): number =>
  outputs % 8 === 0 && flops >= 2 ** 27 && hook === undefined ? 8 : 4

/** What the dense 3x3 shaders by rows of vec4 take, beyond what each asks for itself. */
const rowsOf3x3 = ({ same, dense, kernel, dilation, width }: Convolution): boolean =>
  same && dense && kernel === 3 && dilation === 1 && width % 4 === 0

/** `conv2d_row4` for the forward pass and, with its roles exchanged, the input gradient. */
const row4 =
  (flip: boolean): Variant =>
  (call, { subgroupSize: size }, newSlot) => {
    const conv = convolutionOf(call)
    const { offsets, batch, height, width } = conv
    const [channels, outputs] = flip ? [conv.outputs, conv.channels] : [conv.channels, conv.outputs]
    const outs = outsOf(outputs, call)
    const total = (batch * height * width) / (4 * ROWS)
    const fits =
      rowsOf3x3(conv) && height % ROWS === 0 && outputs % outs === 0 && offsets[0] % 4 === 0 && total % size === 0
    if (!fits) return undefined
    const workgroup = greatestDivisor(total, size, 64)
    const plane = height * width
    const count = batch * outputs * plane
    return byChannels(call, newSlot, { channels, taps: 9, count }, ({ first, channels: taken, start }) => [
      {
        ...call,
        shader: 'conv2d_row4',
        constants: {
          FLIP: Number(flip),
          OUTS: outs,
          S: size,
          SIZE: workgroup,
          EDGES: Number(!rowsFit(width, size))
        },
        params: [
          ...[offsets[0] + first * plane, offsets[1] + first * 9 * (flip ? outputs : 1), channels, start],
          ...[taken, outputs, height, width / 4]
        ],
        stores: [stretch(start, count)],
        workgroups: [total / workgroup, outputs / outs, 1]
      }
    ])
  }

/** Workgroups of a filter gradient that keep the cores busy. */
const ENOUGH = 32
/** The parts to cut a batch into where each takes so many workgroups. */
const partsFor = (workgroups: number) => ({ most: Math.max(PARTS, Math.ceil(ENOUGH / workgroups)) })

/** Outputs of a subgroup of `conv2d_filter_grad_row4`. */
const FILTER_GRAD_OUTS = 8

/** `conv2d_filter_grad_row4` into partial sums, and a fold that adds them. */
const filterGradRow4: Variant = (call, { subgroupSize: size }, newSlot) => {
  const conv = convolutionOf(call)
  const { offsets, batch, channels, outputs, height, width, kernel } = conv
  if (!rowsOf3x3(conv) || offsets.some(offset => offset % 4 !== 0)) return undefined
  const blocks = Math.ceil(outputs / FILTER_GRAD_OUTS) * Math.ceil(channels / size)
  return byParts(
    call,
    newSlot,
    outputs * channels * kernel * kernel,
    (images, parts) => ({
      shader: 'conv2d_filter_grad_row4',
      constants: { S: size },
      params: [...offsets, batch, images, channels, outputs, height, width / 4],
      workgroups: [blocks, parts, 1]
    }),
    partsFor(blocks)
  )
}

/** `conv2d_1x1_row4` for the forward pass and the input gradient. */
const pointwise =
  (flip: boolean): Variant =>
  (call, { subgroupSize: size }, newSlot) => {
    const { offsets, batch, height, width, kernel, same, dense, ...counts } = convolutionOf(call)
    const [channels, outputs] = flip ? [counts.outputs, counts.channels] : [counts.channels, counts.outputs]
    const plane = height * width
    if (!same || !dense || kernel !== 1 || plane % 4 !== 0 || offsets[0] % 4 !== 0) return undefined
    const total = (batch * plane) / 4
    const outs = outputs > 8 ? 16 : outputs > 4 ? 8 : 4
    const workgroup = Math.min(64, Math.ceil(total / size) * size)
    const [nextOutput, nextChannel] = flip ? [1, outputs] : [channels, 1]
    const count = batch * outputs * plane
    return byChannels(call, newSlot, { channels, taps: 1, count }, ({ first, channels: taken, start }) => [
      {
        ...call,
        shader: 'conv2d_1x1_row4',
        constants: { OUTS: outs, S: size, SIZE: workgroup },
        params: [
          ...[offsets[0] + first * plane, offsets[1] + first * nextChannel, total, plane / 4],
          ...[nextOutput, nextChannel, outputs, taken],
          ...[channels, start, 0, 0]
        ],
        stores: [stretch(start, count)],
        workgroups: [Math.ceil(total / workgroup), Math.ceil(outputs / outs), 1]
      }
    ])
  }

/** Outputs of a subgroup of the filter gradients below, and columns of the result that a lane owns. */
const TILE = [16, 2] as const
/** Workgroups for a result of so many outputs and columns. */
const tilesOf = (outputs: number, columns: number, size: number) =>
  [Math.ceil(outputs / TILE[0]), Math.ceil(columns / (TILE[1] * size))] as const

/** `conv2d_1x1_filter_grad_row4` into partial sums, and a fold that adds them. */
const pointwiseFilterGrad: Variant = (call, { subgroupSize: size }, newSlot) => {
  const { offsets, batch, channels, outputs, height, width, kernel, same, dense } = convolutionOf(call)
  const plane = height * width
  const fits = same && dense && kernel === 1 && plane % 4 === 0 && offsets.every(offset => offset % 4 === 0)
  if (!fits) return undefined
  const [x, y] = tilesOf(outputs, channels, size)
  return byParts(
    call,
    newSlot,
    outputs * channels,
    (images, parts) => ({
      shader: 'conv2d_1x1_filter_grad_row4',
      constants: { S: size },
      params: [...offsets, plane / 4, 0, batch, images, channels, outputs],
      workgroups: [x, y, parts]
    }),
    partsFor(x * y)
  )
}

const PIXELS = 4
const OUTPUTS = 8

/** `conv2d_any` and `conv2d_grouped_any`. */
const any = (flip: boolean): Variant =>
  ofAnyExtents(flip, ({ groups, outputs, pixels }, { subgroupSize }) => ({
    shader: groups === 1 ? 'conv2d_any' : 'conv2d_grouped_any',
    constants: { S: subgroupSize },
    workgroups: [Math.ceil(pixels / (PIXELS * WORKGROUP)), groups === 1 ? Math.ceil(outputs / OUTPUTS) : outputs, 1]
  }))

/** `conv2d_filter_grad_any`, or `conv2d_grouped_filter_grad_any`, into partial sums, and a fold that adds them. */
const anyFilterGrad: Variant = (call, { subgroupSize: size }, newSlot) => {
  const conv = convolutionOf(call)
  const { channels, outputs, kernels, dense, perGroup } = conv
  const [k, l] = kernels
  if (!dense && l > MOST_ROW) return undefined
  const count = outputs * perGroup * k * l
  if (!dense)
    return byParts(call, newSlot, count, (images, parts) => ({
      shader: 'conv2d_grouped_filter_grad_any',
      constants: { S: size, L: l },
      params: filterGradParams(conv, images, size),
      workgroups: [outputs * perGroup, k, parts]
    }))
  const [x, y] = tilesOf(outputs, channels * k * l, size)
  return byParts(
    call,
    newSlot,
    count,
    (images, parts) => ({
      shader: 'conv2d_filter_grad_any',
      constants: { S: size },
      params: filterGradParams(conv, images, 1),
      workgroups: [x * y, parts, 1]
    }),
    partsFor(x * y)
  )
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
  const { channels, height, width, rows, columns, kernel, kernels, strides, paddings, dilation, depthwise, offsets } =
    conv
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
    ? {
        K: kernel,
        DILATION: dilation,
        PADDING: padding,
        CHANNELS: channels,
        H: height,
        ROWS: rows,
        J4: columns / 4,
        S: size
      }
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
  conv2d_filter_grad: [depthwiseFilterGradRow4, filterGradRow4, pointwiseFilterGrad, stride2FilterGrad, anyFilterGrad]
}
