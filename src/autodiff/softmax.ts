/** Softmax and its logarithm: functions that do not change where a number is added to all x. */
import { div, exp, log, max, stopGradient, sub, sum } from './ops/index.js'
import { named } from './shape.js'
import { requireDtype, type Tensor } from './tensor.js'

/** x shifted by its maximum, which is a constant to every derivative: the result does not depend on it. */
const shifted = (x: Tensor, axis: number): Tensor => sub(x, stopGradient(max(x, axis, { keepDims: true })))

/** e^x / sum e^x along `axis`. */
export const softmax = (x: Tensor, axis = -1): Tensor =>
  named('softmax', () => {
    const powers = exp(shifted(requireDtype('softmax', x, 'f32'), axis))
    return div(powers, sum(powers, axis, { keepDims: true }))
  })

/** log softmax(x), without forming the softmax. */
export const logSoftmax = (x: Tensor, axis = -1): Tensor =>
  named('logSoftmax', () => {
    const y = shifted(requireDtype('logSoftmax', x, 'f32'), axis)
    return sub(y, log(sum(exp(y), axis, { keepDims: true })))
  })
