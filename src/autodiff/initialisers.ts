/**
 * First weights from a key, by the size of what they read and write: a shape is [outputs, inputs, ...window], as
 * `nn.linear` and `$.conv2d` take weights. As `torch.nn.init` has them, but that the numbers are those of the key.
 */
import * as $ from './ops/index.js'
import { checkNumbers, checkOptions, describe, fail, type Shape, sizeOf } from './shape.js'
import type { Tensor } from './tensor.js'

/** For which activation, and over which extent, sizes are kept. */
export interface KaimingOptions {
  /**
   * What the function after the layer takes of the variance is given back by its square. Default: the root of 2, for
   * ReLU.
   */
  readonly gain?: number
  /** Whether the variance is kept on the way forward ('in') or back ('out'). Default: 'in'. */
  readonly fan?: 'in' | 'out'
}
/** For which activation sizes are kept. */
export interface XavierOptions {
  /** Default: 1. */
  readonly gain?: number
}

/** How many numbers an output is made of, and how many outputs an input goes into. */
const fansOf = (name: string, shape: Shape): { readonly in: number; readonly out: number } => {
  const [outputs, inputs, ...window] = checkNumbers(name, 'a shape', shape)
  if (outputs === undefined || inputs === undefined)
    return fail(name, 'a shape [outputs, inputs, ...]', describe(shape), 'start vectors, as biases are, with zeros')
  return { in: inputs * sizeOf(window), out: outputs * sizeOf(window) }
}

const gainOf = (name: string, gain: number): number =>
  gain > 0 ? gain : fail(name, 'a gain above 0', describe(gain), 'leave it out')

const kaiming = (name: string, shape: Shape, options: KaimingOptions): number => {
  const { gain = Math.SQRT2, fan = 'in' } = checkOptions(name, options, ['gain', 'fan'])
  if (fan !== 'in' && fan !== 'out') fail(name, "a fan 'in' or 'out'", describe(fan), 'leave it out')
  return gainOf(name, gain) / Math.sqrt(fansOf(name, shape)[fan])
}

const xavier = (name: string, shape: Shape, options: XavierOptions): number => {
  const { gain = 1 } = checkOptions(name, options, ['gain'])
  const fans = fansOf(name, shape)
  return gainOf(name, gain) * Math.sqrt(2 / (fans.in + fans.out))
}

/** Uniform with this standard deviation. */
const uniform = (key: Tensor, shape: Shape, deviation: number): Tensor =>
  $.mul($.sub($.mul($.randomUniform(key, shape), 2), 1), deviation * Math.sqrt(3))

/**
 * He's normal weights (2015): deviation gain / sqrt(fan), so that ReLU networks keep the size of what passes through
 * them.
 * @example initialisers.kaimingNormal($.key(0), [16, 3, 3, 3])
 */
export const kaimingNormal = (key: Tensor, shape: Shape, options: KaimingOptions = {}): Tensor =>
  $.mul($.randomNormal(key, shape), kaiming('kaimingNormal', shape, options))

/** The same deviation, uniform: between plus and minus gain sqrt(3 / fan). See `kaimingNormal`. */
export const kaimingUniform = (key: Tensor, shape: Shape, options: KaimingOptions = {}): Tensor =>
  uniform(key, shape, kaiming('kaimingUniform', shape, options))

/**
 * Glorot's normal weights (2010): deviation gain sqrt(2 / (inputs + outputs)).
 * @example initialisers.xavierNormal($.key(0), [10, 64])
 */
export const xavierNormal = (key: Tensor, shape: Shape, options: XavierOptions = {}): Tensor =>
  $.mul($.randomNormal(key, shape), xavier('xavierNormal', shape, options))

/** The same deviation, uniform: between plus and minus gain sqrt(6 / (inputs + outputs)). See `xavierNormal`. */
export const xavierUniform = (key: Tensor, shape: Shape, options: XavierOptions = {}): Tensor =>
  uniform(key, shape, xavier('xavierUniform', shape, options))
