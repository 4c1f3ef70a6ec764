/** What a classifier is trained on and judged by. */
import { crossEntropy, logSoftmax } from '../../autodiff/nn.js'
import * as $ from '../../autodiff/ops/index.js'
import type { Tensor } from '../../autodiff/tensor.js'

/**
 * Cross entropy with the target (1 - s) onehot + s / K (Szegedy et al., 2016, arXiv 1512.00567): (1 - s) CE - s mean of
 * log softmax over classes and rows.
 * @example smoothedCrossEntropy($.matmul(x, w), labels, 0.1) // f32[]
 */
export const smoothedCrossEntropy = (logits: Tensor, labels: Tensor, smoothing: number): Tensor => {
  const plain = crossEntropy(logits, labels)
  return smoothing === 0 ? plain : $.sub($.mul(plain, 1 - smoothing), $.mul($.mean(logSoftmax(logits)), smoothing))
}

/** How many classes top-5 looks at: 5, or all where there are fewer. */
export const topCount = (classes: number): number => Math.min(5, classes)

/**
 * The place of each row's label among its logits f32[B,K], from 0, as f32[B]: how many are larger, or as large and
 * before it. Where a logit is NaN, the label comes after it.
 */
export const rankOfLabel = (logits: Tensor, labels: Tensor): Tensor => {
  const classes = logits.shape[1] as number
  const own = $.equal($.oneHot(labels, classes), 1)
  const score = $.sum($.where(own, logits, 0), 1, { keepDims: true })
  const place = $.reshape(labels, [-1, 1])
  const numbers = $.tensor(
    Int32Array.from({ length: classes }, (_, k) => k),
    [1, classes],
    'i32'
  )
  const larger = $.convert($.not($.lessEqual(logits, score)), 'f32')
  const before = $.mul($.convert($.equal(logits, score), 'f32'), $.convert($.less(numbers, place), 'f32'))
  return $.sum($.add(larger, before), 1)
}

/** Which rows have their label among the first `top`: f32[B] of 0 and 1. */
export const hits = (ranks: Tensor, top: number): Tensor => $.convert($.less(ranks, top), 'f32')
