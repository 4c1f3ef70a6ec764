/** Convolutions of signals: those of images of one row. */
import { checkOptions, fail, show } from '../shape.js'
import { requireTensor, type Tensor } from '../tensor.js'
import { reshape } from './broadcast.js'
import { type ConvTransposeOptions, conv2d, convTranspose2d } from './conv.js'

/** Options of convolutions of signals. */
export interface Conv1dOptions {
  readonly stride?: number
  readonly padding?: number
  readonly dilation?: number
  readonly groups?: number
}

/** As of the convolution that this is the transpose of. `outputPadding`, below the stride, makes the result longer at its end. */
export interface ConvTranspose1dOptions extends Conv1dOptions {
  readonly outputPadding?: number
}

const OPTIONS = ['stride', 'padding', 'dilation', 'groups'] as const

/** A convolution of signals by one of images. Along the rows, of which there is one, there are no strides and no padding. */
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

const requireSignals = (name: string, x: Tensor, w: Tensor, filters: string): void => {
  if ([x, w].some(one => requireTensor(name, one).shape.length !== 3))
    fail(name, `signals [B,C,L] and filters ${filters}`, `${show(x)} and ${show(w)}`, 'reshape them to 3 axes')
}

/**
 * Convolution of signals f32[B,C,L] with filters f32[O,C/groups,K].
 * @example $.conv1d($.reshape(images, [2, 16, 64]), $.reshape(filters, [16, 16, 9]), { padding: 4 }) // f32[2,16,64]
 */
export const conv1d = (x: Tensor, w: Tensor, options: Conv1dOptions = {}): Tensor => {
  requireSignals('conv1d', x, w, '[O,C/groups,K]')
  return ofRows(conv2d, x, w, checkOptions('conv1d', options, OPTIONS))
}

/**
 * Transposed convolution of signals f32[B,C,L] with filters f32[C,O/groups,K].
 * @example $.convTranspose1d($.reshape(images, [2, 16, 64]), $.reshape(filters, [16, 16, 9]), { stride: 2 }) // f32[2,16,135]
 */
export const convTranspose1d = (x: Tensor, w: Tensor, options: ConvTranspose1dOptions = {}): Tensor => {
  requireSignals('convTranspose1d', x, w, '[C,O/groups,K]')
  return ofRows(convTranspose2d, x, w, checkOptions('convTranspose1d', options, [...OPTIONS, 'outputPadding']))
}
