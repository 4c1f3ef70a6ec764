/** Convolutions of images, as they are called. */
import { type ConvAttributes, convolve, type HeightWidth, inputGrad, onBoth } from '../convolution.js'
import { checkOptions, describe, fail, heightAndWidth, show } from '../shape.js'
import { requireTensor, type Tensor } from '../tensor.js'

/** A number stands for both axes. */
export interface ConvOptions {
  readonly stride?: number | HeightWidth
  readonly padding?: number | HeightWidth
  readonly dilation?: number | HeightWidth
  readonly groups?: number
}

const isPair = (value: unknown): value is HeightWidth =>
  Array.isArray(value) && value.length === 2 && value.every(one => typeof one === 'number')

const both = (name: string, option: string, value: number | HeightWidth): HeightWidth => {
  const pair = typeof value === 'number' ? onBoth(() => value) : value
  return isPair(pair)
    ? pair
    : fail(
        name,
        `${option} as a number, or as two for height and width`,
        describe(value),
        'pad unevenly with pad(x, before, after), and write half the kernel for padding that keeps the size'
      )
}

const OPTIONS = ['stride', 'padding', 'dilation', 'groups'] as const
const attributesOf = (
  name: string,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions
): ConvAttributes => ({
  stride: both(name, 'stride', stride),
  padding: both(name, 'padding', padding),
  dilation: both(name, 'dilation', dilation),
  groups
})

/** Refuses operands that have not four axes each. */
const requireImages = (name: string, tensors: readonly Tensor[], wanted: string): void => {
  if (tensors.map(x => requireTensor(name, x)).some(x => x.shape.length !== 4))
    fail(name, wanted, tensors.map(show).join(' and '), 'reshape them to four axes')
}

/**
 * Convolution of images f32[B,C,H,W] with filters f32[O,C/groups,K,L]. `groups: C` is a depthwise convolution.
 * @example $.conv2d(images, filters, { padding: 1 }) // f32[2,16,8,8]
 * @example $.conv2d(images, $.slice(filters, [[], [0, 1]]), { stride: 2, padding: 1, groups: 16 }) // f32[2,16,4,4]
 */
export const conv2d = (x: Tensor, w: Tensor, options: ConvOptions = {}): Tensor => {
  const attributes = attributesOf('conv2d', checkOptions('conv2d', options, OPTIONS))
  requireImages('conv2d', [x, w], 'images [B,C,H,W] and filters [O,C/groups,K,L]')
  return convolve(x, w, attributes)
}

/**
 * As of the convolution that this is the transpose of. `outputPadding`, below the stride, makes the result larger at
 * its ends.
 */
export interface ConvTransposeOptions extends ConvOptions {
  readonly outputPadding?: number | HeightWidth
}

/**
 * Transposed convolution of images f32[B,C,H,W] with filters f32[C,O/groups,K,L]
 * (`torch.nn.functional.conv_transpose2d`): each pixel adds its filters to a result of
 * (H - 1) stride - 2 padding + dilation (K - 1) + outputPadding + 1 rows.
 * @example $.convTranspose2d(images, filters, { stride: 2, padding: 1, outputPadding: 1 }) // f32[2,16,16,16]
 */
export const convTranspose2d = (x: Tensor, w: Tensor, options: ConvTransposeOptions = {}): Tensor => {
  const name = 'convTranspose2d'
  const { outputPadding = 0, ...given } = checkOptions(name, options, [...OPTIONS, 'outputPadding'])
  const attributes = attributesOf(name, given)
  requireImages(name, [x, w], 'images [B,C,H,W] and filters [C,O/groups,K,L]')
  const more = both(name, 'outputPadding', outputPadding)
  const { stride, padding, dilation, groups } = attributes
  if (w.shape[0] !== x.shape[1] || (x.shape[1] as number) % groups !== 0)
    return fail(
      name,
      `a filter for each channel, in ${groups} groups`,
      `${show(w)} on ${show(x)}`,
      'change groups or the filters'
    )
  if (more.some((n, i) => !Number.isInteger(n) || n < 0 || n >= (stride[i] as number)))
    return fail(name, 'an outputPadding from 0 to below the stride', `[${more}] with stride [${stride}]`, 'lower it')
  const [extents, taps] = [heightAndWidth(x.shape), heightAndWidth(w.shape)]
  const size = onBoth(i => (extents[i] - 1) * stride[i] - 2 * padding[i] + dilation[i] * (taps[i] - 1) + more[i] + 1)
  if (size.some(n => n < 1)) return fail(name, 'a result of at least one pixel', `[${size}]`, 'lower the padding')
  return inputGrad(x, w, attributes, size)
}
