/** Convolutions and their gradients, dense and depthwise. */
import type { Call } from '../spec.js'
import { sumOfParts } from './folds.js'
import { dispatchable, greatestDivisor, rowsFit, type Variant, type Variants } from './variant.js'

/** The uniform of the three convolutions, by the names of `conv_params.wgsl`. */
const convolutionOf = ({ params, constants = {} }: Call) => {
  const at = (i: number) => params[i] as number
  const [height, width, kernel] = [at(8), at(9), at(12)]
  const [padding, dilation] = [at(16), at(18)]
  return {
    offsets: [at(0), at(1)] as [number, number],
    /** Where the result begins; only the filter gradient's may be elsewhere than at 0. */
    start: at(2),
    batch: at(5),
    channels: at(6),
    outputs: at(7),
    height,
    width,
    kernel,
    dilation,
    /** A square filter, stride 1, padded so that outputs and images have one size. */
    same:
      kernel === at(13) &&
      constants['STRIDE_Y'] === 1 &&
      constants['STRIDE_X'] === 1 &&
      dilation === at(19) &&
      padding === at(17) &&
      2 * padding === (kernel - 1) * dilation &&
      at(10) === height &&
      at(11) === width,
    dense: at(20) === at(6),
    depthwise: at(20) === 1 && at(21) === 1
  }
}

const ROWS = 2
const OUTS = 4

/** `conv2d_row4` for the forward pass and, with its roles exchanged, the input gradient. */
const row4 =
  (flip: boolean): Variant =>
  (call, { subgroupSize: size }) => {
    const { offsets, batch, height, width, kernel, dilation, same, dense, ...counts } = convolutionOf(call)
    const [channels, outputs] = flip ? [counts.outputs, counts.channels] : [counts.channels, counts.outputs]
    const total = (batch * height * width) / (4 * ROWS)
    const fits =
      same &&
      dense &&
      (kernel === 1 || kernel === 3) &&
      dilation === 1 &&
      rowsFit(width, size) &&
      height % ROWS === 0 &&
      outputs % OUTS === 0 &&
      offsets[0] % 4 === 0 &&
      total % size === 0
    if (!fits) return undefined
    const workgroup = greatestDivisor(total, size, 64)
    return dispatchable([
      {
        ...call,
        shader: 'conv2d_row4',
        constants: {
          K: kernel,
          FLIP: Number(flip),
          CHANNELS: channels,
          OUTPUTS: outputs,
          H: height,
          W4: width / 4,
          S: size,
          SIZE: workgroup
        },
        params: [...offsets, 0, 0],
        workgroups: [total / workgroup, outputs / OUTS, 1]
      }
    ])
  }

/** The parts that a batch is cut into, so that there is enough to do side by side and no sum is long. */
const MOST_PARTS = 8

/** `conv2d_filter_grad_row4` into partial sums, and a fold that adds them. */
const filterGradRow4: Variant = (call, { subgroupSize: size }, newSlot) => {
  const { offsets, start, batch, channels, outputs, height, width, kernel, dilation, same, dense } = convolutionOf(call)
  const atOnce = (4 * size) / width
  const parts = Array.from({ length: MOST_PARTS }, (_, i) => MOST_PARTS - i).find(
    count => batch % count === 0 && ((batch / count) * height) % atOnce === 0
  )
  const fits =
    same &&
    dense &&
    (kernel === 1 || kernel === 3) &&
    dilation === 1 &&
    rowsFit(width, size) &&
    outputs % OUTS === 0 &&
    offsets.every(offset => offset % 4 === 0)
  if (!fits || parts === undefined) return undefined
  const count = outputs * channels * kernel * kernel
  const partial = newSlot({ dtype: 'f32', shape: [parts, count] })
  return dispatchable([
    {
      ...call,
      shader: 'conv2d_filter_grad_row4',
      constants: { K: kernel, CHANNELS: channels, OUTPUTS: outputs, H: height, W4: width / 4, S: size, IMAGES: batch / parts },
      params: [...offsets, 0, 0],
      write: partial,
      workgroups: [(outputs / OUTS) * channels, parts, 1]
    },
    sumOfParts(call, { partial, parts, outputs: count, start })
  ])
}

/** What the depthwise shaders take: 3x3 or 5x5 that reaches at most one vec4 aside. */
const depthwiseFits = (
  { same, depthwise, kernel, dilation, width, offsets }: ReturnType<typeof convolutionOf>,
  size: number
): boolean =>
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
  const { offsets, start, batch, channels, height, width, kernel, dilation } = conv
  if (!depthwiseFits(conv, size) || offsets[1] % 4 !== 0) return undefined
  const images = Math.ceil(batch / MOST_PARTS)
  const parts = Math.ceil(batch / images)
  const count = channels * kernel * kernel
  const partial = newSlot({ dtype: 'f32', shape: [parts, count] })
  return dispatchable([
    {
      ...call,
      shader: 'conv2d_depthwise_filter_grad_row4',
      constants: { K: kernel, DILATION: dilation, CHANNELS: channels, H: height, W4: width / 4, S: size, IMAGES: images },
      params: [...offsets, batch, 0],
      write: partial,
      workgroups: [channels, parts, 1]
    },
    sumOfParts(call, { partial, parts, outputs: count, start })
  ])
}

export const convolutions: Variants = {
  conv2d: [row4(false), depthwiseRow4(false)],
  conv2d_input_grad: [row4(true), depthwiseRow4(true)],
  conv2d_filter_grad: [filterGradRow4, depthwiseFilterGradRow4]
}
