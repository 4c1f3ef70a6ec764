/**
 * The training step as a pure function State x Batches -> State. A batch may come in several micro-batches, whose
 * gradients are averaged; batch statistics are those of each micro-batch. In one piece where there is one batch, else a
 * pass for each and an update, so that no more than one pass is in memory.
 */
import { valueAuxAndGrad } from '../../autodiff/grad.js'
import { updateRunning } from '../../autodiff/nn.js'
import * as $ from '../../autodiff/ops/index.js'
import { clipFactor, globalNorm } from '../../autodiff/optim.js'
import type { Tensor } from '../../autodiff/tensor.js'
import type { DerivedNetwork } from '../genotypes/derive.js'
import { finite, tablesOf } from '../method/bilevel.js'
import type { Batch } from '../method/harmony.js'
import { type SgdStepOptions, sgdStep } from '../method/optim.js'
import { pack, packStatistics, type Statistics, unpack, type Weights } from '../space/layers.js'
import { noiseOf, pathsOf } from '../space/supernet.js'
import { hits, rankOfLabel, smoothedCrossEntropy, topCount } from './loss.js'

/** All that a training carries from step to step, one vector each: see `tablesOf`. */
export interface TrainingState {
  readonly weights: Tensor
  readonly momentum: Tensor
  readonly running: Tensor
}

/** What decides the step of a training. */
export interface TrainingStepOptions extends SgdStepOptions {
  /** The norm that a gradient is clipped to; 0: none. */
  readonly clip: number
  /** Whether branches are dropped, with a probability that each step is given. */
  readonly dropsPaths: boolean
  readonly labelSmoothing: number
  /** Weight of the auxiliary head's loss, where the network has one. */
  readonly auxiliary: number
}

/**
 * What a pass is given besides its images: the probability to keep a branch, f32, and the key u32[2] of what it draws.
 */
export interface Draw {
  readonly [name: string]: Tensor
  readonly keep: Tensor
  readonly key: Tensor
}

/** The numbers of a step that are logged, in the order of their vector. */
export const TRAINING_METRICS = ['loss', 'correct', 'correctTop', 'gradientNorm', 'finite'] as const
/** The name of a number that each step of a training reports. */
export type TrainingMetric = (typeof TRAINING_METRICS)[number]

/**
 * What the passes of a step add up: the mean gradient, running statistics, and loss (mean), rows right, rows right
 * among the first (`topCount`).
 */
export interface Sums {
  readonly [name: string]: Tensor
  readonly gradient: Tensor
  readonly running: Tensor
  readonly numbers: Tensor
}
export const NUMBERS = 3

/** What the loss says besides its value. */
interface Aside {
  readonly [name: string]: Tensor | { readonly [norm: string]: { readonly mean: Tensor; readonly variance: Tensor } }
  readonly logits: Tensor
  readonly moments: { readonly [norm: string]: { readonly mean: Tensor; readonly variance: Tensor } }
}

/** Loss of a batch in training mode: that of the logits, and of the auxiliary head. */
const lossOf =
  (net: DerivedNetwork, { dropsPaths, labelSmoothing, auxiliary: weight }: TrainingStepOptions, { keep, key }: Draw) =>
  (weights: Weights, { images, labels }: Batch): readonly [Tensor, Aside] => {
    const count = images.shape[0] as number
    const [noiseKey, pathKey] = $.split(key)
    const paths = dropsPaths ? { paths: pathsOf(net, pathKey, count, keep) } : {}
    const { y, moments, auxiliary } = net.logits({ weights, noise: noiseOf(net, noiseKey, count), ...paths }, images)
    const main = smoothedCrossEntropy(y, labels, labelSmoothing)
    const loss = auxiliary ? $.add(main, $.mul(smoothedCrossEntropy(auxiliary, labels, labelSmoothing), weight)) : main
    return [loss, { logits: y, moments }]
  }

/** One pass on a micro-batch, one of `parts`: added to what the passes before it have summed up. */
export const trainingPass =
  (net: DerivedNetwork, options: TrainingStepOptions, parts: number) =>
  (weights: Tensor, sums: Sums, batch: Batch, draw: Draw): Sums => {
    const tables = tablesOf(net)
    const loss = lossOf(net, options, draw)
    // Weights before an edge of nothing but noise or none reach no result: their gradient is zero, and meant to be.
    const { value, aux, gradient } = valueAuxAndGrad((w: Weights) => loss(w, batch), { unreached: 'zero' })(
      unpack(tables.weights, weights)
    )
    const ranks = rankOfLabel(aux.logits, batch.labels)
    const count = (top: number) => $.sum(hits(ranks, top))
    const numbers = [$.div(value, parts), count(1), count(topCount(aux.logits.shape[1] as number))]
    return {
      gradient: $.add(sums.gradient, $.div(pack(tables.weights, gradient), parts)),
      running: updateRunning(sums.running, packStatistics(tables.statistics, aux.moments as Statistics)),
      numbers: $.add(sums.numbers, $.concat(numbers.map(x => $.reshape(x, [1]))))
    }
  }

/** A state after a step, and the numbers of `TRAINING_METRICS`. */
export interface TrainingStepResult {
  readonly state: TrainingState
  readonly metrics: Tensor
}

/** Clip and SGD on what the passes have summed up. */
export const trainingUpdate =
  (options: TrainingStepOptions) =>
  ({ weights, momentum }: TrainingState, { gradient, running, numbers }: Sums, rate: Tensor): TrainingStepResult => {
    const gradientNorm = globalNorm([gradient])
    const clipped = options.clip > 0 ? $.mul(gradient, clipFactor(gradientNorm, options.clip)) : gradient
    const { values, buffer } = sgdStep(options, rate, clipped, momentum, weights)
    const loss = $.slice(numbers, [[0, 1]])
    const isFinite = finite($.concat([loss, $.reshape(gradientNorm, [1])]))
    return {
      state: { weights: values, momentum: buffer, running },
      metrics: $.concat([numbers, ...[gradientNorm, isFinite].map(x => $.reshape(x, [1]))])
    }
  }

/** Before the first pass: nothing summed up, and the running statistics as they are. */
const noSums = ({ weights, running }: TrainingState): Sums => ({
  gradient: $.broadcastTo($.tensor(0), weights.shape),
  running,
  numbers: $.broadcastTo($.tensor(0), [NUMBERS])
})

/** One step: a pass on each micro-batch with its draw, then the update at a learning rate. */
export const trainingStep =
  (net: DerivedNetwork, options: TrainingStepOptions) =>
  (state: TrainingState, batches: readonly Batch[], draws: readonly Draw[], rate: Tensor): TrainingStepResult => {
    const pass = trainingPass(net, options, batches.length)
    const sums = batches.reduce(
      (before, batch, i) => pass(state.weights, before, batch, draws[i] as Draw),
      noSums(state)
    )
    return trainingUpdate(options)(state, sums, rate)
  }
