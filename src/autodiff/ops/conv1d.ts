/** Convolutions of signals: those of images of one row. */
import { checkOptions, describe, fail, show } from '../shape.js'
import { requireDtype, type Tensor } from '../tensor.js'
import { reshape } from './broadcast.js'
import { type ConvTransposeOptions, conv2d, convTranspose2d } from './conv.js'

/** Options of convolutions of signals. */
export interface Conv1dOptions {
  readonly stride?: number
  readonly padding?: number
  readonly dilation?: number
  readonly groups?: number
}

/**
 * As of the convolution that this is the transpose of. `outputPadding`, below the stride, makes the result longer at
 * its end.
 */
export interface ConvTranspose1dOptions extends Conv1dOptions {
  readonly outputPadding?: number
}

const OPTIONS = ['stride', 'padding', 'dilation', 'groups'] as const

/**
 * A convolution of signals by one of images. Along the rows, of which there is one, there are no strides and no
 * padding.
 */
const ofRows = (
  of: (x: Tensor, w: Tensor, options: ConvTransposeOptions) => Tensor,
  x: Tensor,
  w: Tensor,
  { stride = 1, padding = 0, dilation = 1, groups = 1, outputPadding }: ConvTranspose1dOptions
): Tensor => {
  const row = (one: Tensor): Tensor => reshape(one, one.shape.toSpliced(2, 0, 1))
  const more = outputPadding === undefined ? {} : { outputPadding: [0, outputPadding] as const }
  const y = of(row(x), row(w), { stride: [1, stride], padding: [0, padding], dilation: [1, dilation], groups, ...more })
  return reshape(y, y.shape.toSpliced(2, 1))
}

/**
 * Refuses what images of one row would be refused for, in the words of signals. `channels` is the axis of the filters
 * that the signals' channels are.
 */
const requireSignals = (
  name: string,
  x: Tensor,
  w: Tensor,
  [filters, channels]: readonly [string, 0 | 1],
  { groups = 1, ...counts }: ConvTranspose1dOptions
): void => {
  if ([x, w].map(one => requireDtype(name, one, 'f32')).some(one => one.shape.length !== 3))
    fail(name, `signals [B,C,L] and filters ${filters}`, `${show(x)} and ${show(w)}`, 'reshape them to 3 axes')
  const { stride = 1, dilation = 1, padding = 0, outputPadding = 0 } = counts
  const isWhole = (least: number) => (n: number) => Number.isInteger(n) && n >= least
  if (![stride, dilation, groups].every(isWhole(1)) || ![padding, outputPadding].every(isWhole(0)))
    fail(
      name,
      'a whole stride, dilation and groups >= 1, and padding >= 0',
      describe(Object.values({ stride, dilation, groups, padding, outputPadding })),
      'mend the options'
    )
  const [batch, given, length] = x.shape as readonly [number, number, number]
  const each = channels === 1 ? given / groups : given
  if (w.shape[channels] !== each || given % groups !== 0 || (w.shape[0] as number) % groups !== 0)
    fail(
      name,
      `filters ${filters} for ${given} channels in ${groups} groups`,
      `${show(w)} on ${show(x)}`,
      'change groups or the filters'
    )
  const reach = dilation * ((w.shape[2] as number) - 1) + 1
  if (channels === 1 && length + 2 * padding < reach)
    fail(
      name,
      `signals of at least ${reach} elements with their padding`,
      `f32[${batch},${given},${length}] with ${padding}`,
      'pad more'
    )
}

/**
 * Convolution of signals f32[B,C,L] with filters f32[O,C/groups,K].
 * @example $.conv1d($.reshape(images, [2, 16, 64]), $.reshape(filters, [16, 16, 9]), { padding: 4 }) // f32[2,16,64]
 */
export const conv1d = (x: Tensor, w: Tensor, options: Conv1dOptions = {}): Tensor => {
  requireSignals('conv1d', x, w, ['[O,C/groups,K]', 1], checkOptions('conv1d', options, OPTIONS))
  return ofRows(conv2d, x, w, options)
}

/**
 * Transposed convolution of signals f32[B,C,L] with filters f32[C,O/groups,K].
 * @example $.convTranspose1d($.reshape(images, [2, 16, 64]), $.reshape(filters, [16, 16, 9]), { stride: 2 }) // f32[2,16,135]
 */
export const convTranspose1d = (x: Tensor, w: Tensor, options: ConvTranspose1dOptions = {}): Tensor => {
  const known = checkOptions('convTranspose1d', options, [...OPTIONS, 'outputPadding'])
  requireSignals('convTranspose1d', x, w, ['[C,O/groups,K]', 0], known)
  const { stride = 1, padding = 0, dilation = 1, outputPadding = 0 } = known
  const [length, taps] = [x.shape[2] as number, w.shape[2] as number]
  if (outputPadding >= stride)
    return fail('convTranspose1d', `an outputPadding below the stride ${stride}`, String(outputPadding), 'lower it')
  const size = (length - 1) * stride - 2 * padding + dilation * (taps - 1) + outputPadding + 1
  if (size < 1) return fail('convTranspose1d', 'a result of at least one element', String(size), 'lower the padding')
  return ofRows(convTranspose2d, x, w, options)
}
