/** Dense convolutions and their gradients. */
import type { Call } from '../spec.js'
import { foldOfParts } from './folds.js'
import type { Variant, Variants } from './variant.js'

/** The uniform of the three convolutions, by the names of `conv_params.wgsl`. */
const convolutionOf = ({ params, constants = {} }: Call) => {
  const [
    xOffset,
    otherOffset,
    ,
    ,
    ,
    batch,
    channels,
    outputs,
    height,
    width,
    rows,
    columns,
    k,
    l,
    ,
    ,
    padY,
    padX,
    dilationY,
    dilationX,
    perGroup
  ] = params as readonly number[] as number[]
  const square = k === l && (k === 1 || k === 3)
  return {
    offsets: [xOffset, otherOffset] as [number, number],
    batch: batch as number,
    channels: channels as number,
    outputs: outputs as number,
    height: height as number,
    width: width as number,
    kernel: k as number,
    /** 1x1 or 3x3, dense, stride 1, padded so that outputs and images have one size. */
    same:
      square &&
      constants['STRIDE_Y'] === 1 &&
      constants['STRIDE_X'] === 1 &&
      dilationY === 1 &&
      dilationX === 1 &&
      perGroup === channels &&
      padY === ((k as number) - 1) / 2 &&
      padX === padY &&
      rows === height &&
      columns === width
  }
}

const greatestDivisor = (total: number, of: number, most: number): number => {
  for (let size = Math.floor(most / of) * of; size > of; size -= of) if (total % size === 0) return size
  return of
}

const ROWS = 2
const OUTS = 4

/** `conv2d_row4` for the forward pass and, with its roles exchanged, the input gradient. */
const row4 =
  (flip: boolean): Variant =>
  (call, { subgroupSize: size }) => {
    const { offsets, batch, height, width, kernel, same, ...counts } = convolutionOf(call)
    const [channels, outputs] = flip ? [counts.outputs, counts.channels] : [counts.channels, counts.outputs]
    const total = (batch * height * width) / (4 * ROWS)
    const fits =
      same &&
      size >= 8 &&
      width % 4 === 0 &&
      size % (width / 4) === 0 &&
      height % ROWS === 0 &&
      outputs % OUTS === 0 &&
      offsets[0] % 4 === 0 &&
      total % size === 0
    if (!fits) return undefined
    const workgroup = greatestDivisor(total, size, 64)
    return [
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
    ]
  }

/** The parts that a batch is cut into, so that there is enough to do side by side and no sum is long. */
const MOST_PARTS = 8

/** `conv2d_filter_grad_row4` into partial sums, and a fold that adds them. */
const filterGradRow4: Variant = (call, { subgroupSize: size }, newSlot) => {
  const { offsets, batch, channels, outputs, height, width, kernel, same } = convolutionOf(call)
  const atOnce = (4 * size) / width
  const parts = Array.from({ length: MOST_PARTS }, (_, i) => MOST_PARTS - i).find(
    count => batch % count === 0 && ((batch / count) * height) % atOnce === 0
  )
  const fits =
    same &&
    size >= 8 &&
    width % 4 === 0 &&
    size % (width / 4) === 0 &&
    outputs % OUTS === 0 &&
    offsets.every(offset => offset % 4 === 0)
  if (!fits || parts === undefined) return undefined
  const count = outputs * channels * kernel * kernel
  const partial = newSlot({ dtype: 'f32', shape: [parts, count] })
  return [
    {
      ...call,
      shader: 'conv2d_filter_grad_row4',
      constants: { K: kernel, CHANNELS: channels, OUTPUTS: outputs, H: height, W4: width / 4, S: size, IMAGES: batch / parts },
      params: [...offsets, 0, 0],
      write: partial,
      workgroups: [(outputs / OUTS) * channels, parts, 1]
    },
    foldOfParts(call, 'f32', partial, parts, count)
  ]
}

export const convolutions: Variants = {
  conv2d: [row4(false)],
  conv2d_input_grad: [row4(true)],
  conv2d_filter_grad: [filterGradRow4]
}
