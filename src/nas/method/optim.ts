/** Optimisers as functions: gradient, state and values in, new values and state out. */
import { norm } from '../../autodiff/nn.js'
import * as $ from '../../autodiff/ops/index.js'
import { describe, fail } from '../../autodiff/shape.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { type Tree, zipTrees } from '../../autodiff/tree.js'

/**
 * The factor that brings a gradient of this norm to at most `limit`, which is above 0: limit / (norm + 1e-6) where that
 * is below 1.
 */
export const clipFactor = (gradientNorm: Tensor, limit: number): Tensor =>
  limit > 0
    ? $.minimum($.div(limit, $.add(gradientNorm, 1e-6)), 1)
    : fail('clipFactor', 'a limit above 0', describe(limit), 'leave the clip out where there is to be none')

/** The norm of several tensors together. */
export const globalNorm = (tensors: readonly Tensor[]): Tensor => norm($.concat(tensors.map(x => $.reshape(x, [-1]))))

export interface SgdOptions {
  readonly momentum: number
  /** Coupled: added to the gradient, after clipping. */
  readonly weightDecay: number
  /** Default: false. */
  readonly nesterov?: boolean
}

/**
 * Stochastic gradient descent: g' = g + decay w; b <- momentum b + g'; w <- w - rate b, or with Nesterov's momentum w -
 * rate (g' + momentum b).
 */
export const sgd = (
  { momentum, weightDecay, nesterov = false }: SgdOptions,
  rate: Tensor,
  gradient: Tensor,
  buffer: Tensor,
  values: Tensor
): { readonly values: Tensor; readonly buffer: Tensor } => {
  const decayed = $.add(gradient, $.mul(values, weightDecay))
  const next = $.add($.mul(buffer, momentum), decayed)
  const step = nesterov ? $.add(decayed, $.mul(next, momentum)) : next
  return { values: $.sub(values, $.mul(rate, step)), buffer: next }
}

export interface AdamOptions {
  readonly rate: number
  readonly betas: readonly [number, number]
  readonly epsilon: number
  /** L2, added to the gradient. */
  readonly weightDecay: number
}

/**
 * Moments, like the values, and 1 - beta^t of both: a recurrence, since 1 - beta^t itself loses its digits in float32.
 * Starts at zeros.
 */
export interface AdamState<T extends Tree = Tensor> {
  readonly first: T
  readonly second: T
  readonly corrections: Tensor
}

/** Adam (Kingma & Ba, 2015) on a tree: values - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon). */
export const adam = <T extends Tree>(
  { rate, betas, epsilon, weightDecay }: AdamOptions,
  gradient: T,
  state: AdamState<T>,
  values: T
): { readonly values: T; readonly state: AdamState<T> } => {
  const [beta1, beta2] = betas
  const g = zipTrees(gradient, [values], (leaf, value) => $.add(leaf, $.mul(value as Tensor, weightDecay)))
  const first = zipTrees(state.first, [g], (m, leaf) => $.add($.mul(m, beta1), $.mul(leaf as Tensor, 1 - beta1)))
  const second = zipTrees(state.second, [g], (v, leaf) =>
    $.add($.mul(v, beta2), $.mul($.mul(leaf as Tensor, leaf as Tensor), 1 - beta2))
  )
  const corrections = $.add($.mul(state.corrections, $.tensor([beta1, beta2])), $.tensor([1 - beta1, 1 - beta2]))
  const correction = (i: number) => $.reshape($.slice(corrections, [[i, i + 1]]), [])
  const next = zipTrees(values, [first, second], (value, m, v) => {
    const step = $.div(
      $.div(m as Tensor, correction(0)),
      $.add($.div($.sqrt(v as Tensor), $.sqrt(correction(1))), epsilon)
    )
    return $.sub(value, $.mul(step, rate))
  })
  return { values: next, state: { first, second, corrections } }
}
