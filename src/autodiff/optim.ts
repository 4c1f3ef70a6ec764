/**
 * Optimisers as values: `init` makes a state for a tree of weights, `update` makes new weights and a new state of a
 * gradient and the old ones. All is made of tensors, so a step can be compiled, and differentiated. As PyTorch has them
 * (test/golden/optim.py).
 */

import { asTensor, type TensorLike } from './leaves.js'
import { norm } from './nn.js'
import * as $ from './ops/index.js'
import { zerosLike } from './pullback.js'
import { checkOptions, describe, fail } from './shape.js'
import { isTensor, type Tensor } from './tensor.js'
import { leaves, leavesLike, mapTree, type Tree, zipTrees } from './tree.js'

/** What an update gives. */
export type Updated<T extends Tree, S> = {
  readonly weights: T
  readonly state: S
}

/** A rate that is given with the optimiser, or with each update, which comes first; a number or a scalar tensor. */
const rateOf = (name: string, ...given: readonly (TensorLike | undefined)[]): Tensor => {
  const rate =
    given.find(one => one !== undefined) ??
    fail(name, 'a rate', 'none', 'give one with the options or with each update')
  const tensor = asTensor(name, rate)
  return tensor.shape.length === 0 && tensor.dtype === 'f32'
    ? tensor
    : fail(name, 'a rate that is a number or a scalar', describe(rate), 'use one rate for all weights')
}

/** A number from `least` on, and below `below`. */
const within = (name: string, what: string, value: number, least = 0, below = Number.POSITIVE_INFINITY): number =>
  typeof value === 'number' && value >= least && value < below
    ? value
    : fail(
        name,
        `${what} of ${least} or more${below < Number.POSITIVE_INFINITY ? `, below ${below}` : ''}`,
        describe(value),
        'choose another'
      )

/** Trees that are like the weights, or a refusal that says which is not. */
const checkLike = (weights: Tree, trees: Readonly<Record<string, Tree>>): void => {
  for (const [name, tree] of Object.entries(trees)) leavesLike(name, weights, isTensor, tree, isTensor)
}

/** L2: the gradient of weightDecay / 2 times the sum of squares, added to the gradient. */
const decayed = <T extends Tree>(gradient: T, weights: T, weightDecay: number): T =>
  weightDecay === 0 ? gradient : zipTrees(gradient, [weights], (g, w) => $.add(g, $.mul(w as Tensor, weightDecay)))

/** How stochastic gradient descent moves weights. */
export interface SgdOptions {
  /** Given here, or with each update. */
  readonly rate?: TensorLike
  /** Default: none, and no buffer in the state. */
  readonly momentum?: number
  /** Default: false. */
  readonly nesterov?: boolean
  /** Coupled: added to the gradient. Default: 0. */
  readonly weightDecay?: number
}

/** The running sum of gradients, like the weights; without momentum an empty list. */
export type SgdState<T extends Tree = Tensor> = { readonly buffer: T | readonly [] }

/**
 * Stochastic gradient descent: g' = g + decay w; b <- momentum b + g'; w <- w - rate b, or with Nesterov's momentum w -
 * rate (g' + momentum b); without momentum w - rate g'.
 * @example
 * const { init, update } = optim.sgd({ rate: 0.1, momentum: 0.9 })
 * const next = update(grad(loss)(weights, x, labels), init(weights), weights)
 */
export const sgd = (options: SgdOptions = {}) => {
  const {
    rate,
    momentum,
    nesterov = false,
    weightDecay = 0
  } = checkOptions('sgd', options, ['rate', 'momentum', 'nesterov', 'weightDecay'])
  if (momentum !== undefined) within('sgd', 'a momentum', momentum)
  within('sgd', 'a weightDecay', weightDecay)
  if (nesterov && momentum === undefined) fail('sgd', 'a momentum with nesterov', 'none', 'give one, 0.9 for example')
  return {
    init: <T extends Tree>(weights: T): SgdState<T> => ({
      buffer: momentum === undefined ? [] : mapTree(weights, zerosLike)
    }),
    update: <T extends Tree>(
      gradient: T,
      state: SgdState<T>,
      weights: T,
      now?: TensorLike
    ): Updated<T, SgdState<T>> => {
      const size = rateOf('sgd', now, rate)
      const moved = (steps: T): T => zipTrees(weights, [steps], (w, step) => $.sub(w, $.mul(size, step as Tensor)))
      checkLike(weights, {
        "sgd's gradient": gradient,
        ...(momentum === undefined ? {} : { "sgd's buffer": state.buffer })
      })
      const own = decayed(gradient, weights, weightDecay)
      if (momentum === undefined) return { weights: moved(own), state: { buffer: [] } }
      const buffer = zipTrees(own, [state.buffer], (g, b) => $.add($.mul(b as Tensor, momentum), g))
      const steps = nesterov ? zipTrees(own, [buffer], (g, b) => $.add(g, $.mul(b as Tensor, momentum))) : buffer
      return { weights: moved(steps), state: { buffer } }
    }
  }
}

/** How Adam moves weights. */
export interface AdamOptions {
  /** Given here, or with each update. */
  readonly rate?: TensorLike
  /** How much the two moments keep of what they were. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number]
  /** Added to the root of the second moment. Default: 1e-8. */
  readonly epsilon?: number
  /**
   * `adam`: L2, added to the gradient. `adamW`: what each weight loses of itself, times the rate. Default: 0, of
   * `adamW` 0.01.
   */
  readonly weightDecay?: number
}

/**
 * Moments, like the weights, and 1 - beta^t of both: a recurrence, since 1 - beta^t itself loses its digits in float32.
 */
export type AdamState<T extends Tree = Tensor> = {
  readonly first: T
  readonly second: T
  readonly corrections: Tensor
}

const adamOf = (name: 'adam' | 'adamW', options: AdamOptions) => {
  const isDecoupled = name === 'adamW'
  const {
    rate,
    betas = [0.9, 0.999],
    epsilon = 1e-8,
    weightDecay = isDecoupled ? 0.01 : 0
  } = checkOptions(name, options, ['rate', 'betas', 'epsilon', 'weightDecay'])
  if (!Array.isArray(betas) || betas.length !== 2) fail(name, 'two betas', describe(betas), 'write [0.9, 0.999]')
  const [beta1, beta2] = betas.map(beta => within(name, 'betas', beta, 0, 1)) as [number, number]
  within(name, 'an epsilon', epsilon)
  within(name, 'a weightDecay', weightDecay)
  const moment = <T extends Tree>(before: T, now: T, beta: number, f: (g: Tensor) => Tensor): T =>
    zipTrees(before, [now], (m, g) => $.add($.mul(m, beta), $.mul(f(g as Tensor), 1 - beta)))
  return {
    init: <T extends Tree>(weights: T): AdamState<T> => ({
      first: mapTree(weights, zerosLike),
      second: mapTree(weights, zerosLike),
      corrections: $.tensor([0, 0])
    }),
    update: <T extends Tree>(
      gradient: T,
      state: AdamState<T>,
      weights: T,
      now?: TensorLike
    ): Updated<T, AdamState<T>> => {
      const size = rateOf(name, now, rate)
      checkLike(weights, {
        [`${name}'s gradient`]: gradient,
        [`${name}'s first moment`]: state.first,
        [`${name}'s second moment`]: state.second
      })
      const g = isDecoupled ? gradient : decayed(gradient, weights, weightDecay)
      const first = moment(state.first, g, beta1, x => x)
      const second = moment(state.second, g, beta2, x => $.mul(x, x))
      const corrections = $.add($.mul(state.corrections, $.tensor([beta1, beta2])), $.tensor([1 - beta1, 1 - beta2]))
      const correction = (i: number) => $.reshape($.slice(corrections, [[i, i + 1]]), [])
      const next = zipTrees(weights, [first, second], (w, m, v) => {
        const step = $.div(
          $.div(m as Tensor, correction(0)),
          $.add($.div($.sqrt(v as Tensor), $.sqrt(correction(1))), epsilon)
        )
        return $.sub(w, $.mul(isDecoupled && weightDecay > 0 ? $.add(step, $.mul(w, weightDecay)) : step, size))
      })
      return { weights: next, state: { first, second, corrections } }
    }
  }
}

/**
 * Adam (Kingma and Ba, 2015): w - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon), m and v the running
 * means of g and g^2.
 * @example
 * const { init, update } = optim.adam({ rate: 1e-3 })
 * const next = update(grad(loss)(weights, x, labels), init(weights), weights)
 */
export const adam = (options: AdamOptions = {}) => adamOf('adam', options)

/**
 * Adam with decoupled decay (Loshchilov and Hutter, 2019): the weights also lose rate * weightDecay of themselves. See
 * `adam`.
 */
export const adamW = (options: AdamOptions = {}) => adamOf('adamW', options)

/** The norm of all tensors of a tree together. @example optim.globalNorm(weights) // f32[] */
export const globalNorm = (tree: Tree): Tensor => norm($.concat(leaves(tree).map(x => $.reshape(x, [-1]))))

/**
 * The factor that brings a gradient of this norm to at most `limit`, which is above 0: limit / (norm + 1e-6) where that
 * is below 1.
 */
export const clipFactor = (gradientNorm: Tensor, limit: number): Tensor =>
  limit > 0
    ? $.minimum($.div(limit, $.add(gradientNorm, 1e-6)), 1)
    : fail('clipFactor', 'a limit above 0', describe(limit), 'leave the clip out where there is to be none')

/**
 * A gradient whose norm over all its tensors is brought to `limit` where it is above.
 * @example optim.clipByGlobalNorm(weights, 1) // { w: f32[3,2], b: f32[2] }
 */
export const clipByGlobalNorm = <T extends Tree>(gradient: T, limit: number): T => {
  const factor = clipFactor(globalNorm(gradient), limit)
  return mapTree(gradient, g => $.mul(g, factor))
}

/** A rate at a step, counted from 0. */
export type Schedule = (step: TensorLike) => Tensor

/** A step as a float. */
const stepOf = (name: string, step: TensorLike): Tensor => $.convert(asTensor(name, step), 'f32')

/**
 * From `rate` along half a cosine to `least` (default 0) at step `steps`, and there from then on.
 * @example cosineDecay({ rate: 0.1, steps: 1000 })(500) // 0.05
 */
export const cosineDecay = (options: {
  readonly rate: number
  readonly steps: number
  readonly least?: number
}): Schedule => {
  const { rate, steps, least = 0 } = checkOptions('cosineDecay', options, ['rate', 'steps', 'least'])
  within('cosineDecay', 'steps', steps, 1)
  return step => {
    const turn = $.mul($.minimum(stepOf('cosineDecay', step), steps), Math.PI / steps)
    return $.add($.mul($.add($.cos(turn), 1), (rate - least) / 2), least)
  }
}

/**
 * A schedule that begins small: step t of the first `steps` has (t + 1) / steps of the rate.
 * @example warmUp(100, cosineDecay({ rate: 0.1, steps: 1000 }))
 */
export const warmUp = (steps: number, schedule: Schedule): Schedule => {
  within('warmUp', 'steps', steps, 1)
  return step => $.mul($.minimum($.div($.add(stepOf('warmUp', step), 1), steps), 1), schedule(step))
}
