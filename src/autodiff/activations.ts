/** Activations and dropout. */
import {
  abs,
  customVjp,
  div,
  erfc,
  expm1,
  less,
  log,
  mul,
  neg,
  randomUniform,
  relu,
  sigmoid,
  sub,
  where
} from './ops/index.js'
import { describe, fail, named } from './shape.js'
import { requireDtype, type Tensor } from './tensor.js'

/**
 * log(1 + e^x), without overflow. Its derivative is sigmoid(x), at 0 too, where a composition of relu and abs has a
 * kink.
 */
export const softplus = (x: Tensor): Tensor =>
  customVjp(
    y => sub(relu(y as Tensor), log(sigmoid(abs(y as Tensor)))),
    (g, [y]) => [mul(g, sigmoid(y as Tensor))]
  )(requireDtype('softplus', x, 'f32'))

/** log(1 / (1 + e^-x)), without overflow. */
export const logSigmoid = (x: Tensor): Tensor => neg(softplus(neg(requireDtype('logSigmoid', x, 'f32'))))

/** x / (1 + e^-x), also called swish. */
export const silu = (x: Tensor): Tensor => mul(requireDtype('silu', x, 'f32'), sigmoid(x))

/** x times the chance that a standard normal number is below it, by the error function, not its tanh approximation. */
export const gelu = (x: Tensor): Tensor => mul(mul(requireDtype('gelu', x, 'f32'), 0.5), erfc(mul(x, -Math.SQRT1_2)))

/** x above 0, else alpha (e^x - 1). */
export const elu = (x: Tensor, alpha = 1): Tensor =>
  named('elu', () => {
    const below = less(requireDtype('elu', x, 'f32'), 0)
    return where(below, mul(expm1(where(below, x, 0)), alpha), x)
  })

/** x above 0, else slope times x. */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor =>
  named('leakyRelu', () => where(less(requireDtype('leakyRelu', x, 'f32'), 0), mul(x, slope), x))

/**
 * Each number is 0 with the chance `rate`, else divided by 1 - rate, so that the mean stays. Equal keys drop equal
 * places; in evaluation leave it out.
 * @example nn.dropout($.key(3), x, 0.5)
 */
export const dropout = (key: Tensor, x: Tensor, rate: number): Tensor => {
  requireDtype('dropout', key, 'u32')
  requireDtype('dropout', x, 'f32')
  if (!(rate >= 0 && rate < 1)) fail('dropout', 'a rate from 0 to below 1', describe(rate), 'choose another')
  return where(less(randomUniform(key, x.shape), rate), 0, div(x, 1 - rate))
}
