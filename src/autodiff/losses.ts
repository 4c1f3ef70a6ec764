/**
 * Losses: means over all elements, or over rows where a row is one prediction. `reduction` gives sums, or what is
 * summed up.
 */

import { softplus } from './activations.js'
import { abs, div, equal, less, log, mean, mul, oneHot, square, sub, sum, where } from './ops/index.js'
import { checkOptions, describe, fail, show } from './shape.js'
import { logSoftmax } from './softmax.js'
import { requireTensor, type Tensor } from './tensor.js'

/** How the losses of examples become one number. */
export interface LossOptions {
  /** Default: 'mean'. */
  readonly reduction?: 'mean' | 'sum' | 'none'
}

const reduced = (name: string, values: Tensor, { reduction = 'mean' }: LossOptions): Tensor => {
  if (reduction === 'mean') return mean(values)
  if (reduction === 'sum') return sum(values)
  return reduction === 'none'
    ? values
    : fail(name, "a reduction 'mean', 'sum' or 'none'", describe(reduction), 'leave it out')
}

/** Refuses predictions and targets that are not f32 of one shape. */
const alike = (name: string, predictions: Tensor, targets: Tensor): void => {
  const [x, y] = [requireTensor(name, predictions), requireTensor(name, targets)]
  if (x.dtype !== 'f32' || y.dtype !== 'f32' || x.shape.join() !== y.shape.join())
    fail(
      name,
      'predictions and targets, f32 of one shape',
      `${show(x)} and ${show(y)}`,
      'convert or reshape one of them'
    )
}

/** Squared differences. @example nn.mse(x, v) // f32[] */
export const mse = (predictions: Tensor, targets: Tensor, options: LossOptions = {}): Tensor => {
  alike('mse', predictions, targets)
  return reduced('mse', square(sub(predictions, targets)), checkOptions('mse', options, ['reduction']))
}

/** Sizes of differences; where there is none the derivative is 0. @example nn.l1(x, v) // f32[] */
export const l1 = (predictions: Tensor, targets: Tensor, options: LossOptions = {}): Tensor => {
  alike('l1', predictions, targets)
  return reduced('l1', abs(sub(predictions, targets)), checkOptions('l1', options, ['reduction']))
}

/**
 * Half the square of differences d up to `delta` (default 1), then delta (|d| - delta / 2).
 * @example nn.huber(x, v) // f32[]
 */
export const huber = (
  predictions: Tensor,
  targets: Tensor,
  options: LossOptions & { readonly delta?: number } = {}
): Tensor => {
  alike('huber', predictions, targets)
  const { delta = 1, ...rest } = checkOptions('huber', options, ['reduction', 'delta'])
  if (!(delta > 0)) fail('huber', 'a delta above 0', describe(delta), 'leave it out')
  const difference = sub(predictions, targets)
  const size = abs(difference)
  return reduced(
    'huber',
    where(less(size, delta), mul(square(difference), 0.5), mul(sub(size, delta / 2), delta)),
    rest
  )
}

/**
 * -t log p - (1 - t) log(1 - p) with p = 1 / (1 + e^-x): x the logits, t the targets from 0 to 1. No logarithm is taken
 * of a p that is rounded.
 * @example nn.binaryCrossEntropy($.tensor([0]), $.tensor([1])) // 0.6931
 */
export const binaryCrossEntropy = (logits: Tensor, targets: Tensor, options: LossOptions = {}): Tensor => {
  alike('binaryCrossEntropy', logits, targets)
  const given = checkOptions('binaryCrossEntropy', options, ['reduction'])
  return reduced('binaryCrossEntropy', sub(softplus(logits), mul(logits, targets)), given)
}

/**
 * The mean over rows of sum t (log t - log q): t the targets, probabilities over the last axis, and log q what is
 * predicted of them, as `nn.logSoftmax` gives it. 0 where t is. (`torch.nn.functional.kl_div` with 'batchmean'.)
 * @example nn.klDivergence(nn.logSoftmax(x), nn.softmax(x)) // 0.0000
 */
export const klDivergence = (logPredictions: Tensor, targets: Tensor, options: LossOptions = {}): Tensor => {
  alike('klDivergence', logPredictions, targets)
  if (targets.shape.length === 0)
    fail('klDivergence', 'an axis of probabilities', show(targets), 'use binaryCrossEntropy')
  const none = equal(targets, 0)
  const terms = where(none, 0, mul(targets, sub(log(where(none, 1, targets)), logPredictions)))
  return reduced('klDivergence', sum(terms, -1), checkOptions('klDivergence', options, ['reduction']))
}

/**
 * Mean over rows of -log softmax(logits)[label]: logits f32[B,K], labels i32[B]; or with targets f32[B,K],
 * probabilities of all classes, of -sum t log softmax(logits). A label out of range gives NaN.
 * @example nn.crossEntropy($.tensor([[0, 0]]), $.tensor([1], [1], 'i32')) // 0.6931
 */
export const crossEntropy = (logits: Tensor, labels: Tensor): Tensor => {
  const [batch, classes] = requireTensor('crossEntropy', logits).shape
  requireTensor('crossEntropy', labels)
  const isSoft = labels.dtype === 'f32' && labels.shape.join() === logits.shape.join()
  const isHard = labels.dtype === 'i32' && labels.shape.length === 1 && labels.shape[0] === batch
  if (logits.dtype !== 'f32' || logits.shape.length !== 2 || !(isSoft || isHard))
    fail(
      'crossEntropy',
      'logits f32[B,K] and labels i32[B], or targets f32[B,K]',
      `${show(logits)} and ${show(labels)}`,
      "give one label for each row, converted if need be: convert(labels, 'i32')"
    )
  const weights = isSoft ? labels : oneHot(labels, classes as number)
  // A select where the weight is 0, so that a logit of minus infinity there does no harm; a product, so that a NaN row
  // stays one.
  return div(sum(where(equal(weights, 0), 0, mul(weights, logSoftmax(logits)))), -(batch as number))
}
