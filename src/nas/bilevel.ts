/**
 * The search step of NAS-Bench-201's official loop as one pure function: State x Batches -> State, weights first, then alpha. Compiled once,
 * folded over batches; rate and lambda are inputs, so nothing is compiled again between steps.
 */
import { meanPairwiseCosine, updateRunning } from '../autodiff/nn.js'
import * as $ from '../autodiff/ops/index.js'
import type { Tensor } from '../autodiff/tensor.js'
import { alphaGradientOf, type Batch, differenceRegulariser, exactRegulariser, mixturesOf, passOf } from './harmony.js'
import { pack, packStatistics, statisticsTable, type Table, tableOf, unpack } from './layers.js'
import { type AdamOptions, type AdamState, adam, clipFactor, globalNorm, sgd } from './optim.js'
import type { Supernet } from './supernet.js'

/** All that a search carries from step to step. Weights, momentum and running statistics are one vector each: see `tablesOf`. */
export interface State {
  readonly [key: string]: Tensor | AdamState
  readonly weights: Tensor
  readonly momentum: Tensor
  readonly alpha: Tensor
  /** alpha's gradient as the last architecture step left it; only the faithful clip looks at it. */
  readonly alphaGradient: Tensor
  readonly adam: AdamState
  readonly running: Tensor
}

/** What lies where in the vectors of a state. */
export const tablesOf = (net: Supernet): { readonly weights: Table; readonly statistics: Table } => ({
  weights: tableOf(net.parameters),
  statistics: statisticsTable(net.norms)
})

/** What changes from epoch to epoch: f32 scalars. */
export interface Rates {
  readonly [key: string]: Tensor
  readonly rate: Tensor
  readonly lambda: Tensor
}

/** A training and a validation batch. */
export interface Batches {
  readonly [key: string]: Batch
  readonly train: Batch
  readonly valid: Batch
}

export interface StepOptions {
  /** `darts` leaves the regulariser out, and its passes. */
  readonly method: 'lambda-darts' | 'darts'
  /** How dΛ/dw is had: the paper's difference quotient, or the derivative that it estimates. */
  readonly derivative: 'fd' | 'exact'
  readonly epsilon0: number
  readonly momentum: number
  readonly weightDecay: number
  readonly clip: number
  readonly adam: AdamOptions
  /** Quirk 4 of the official code: the clip's norm includes alpha's gradient, last validation's plus this training pass'. */
  readonly clipIncludesAlpha: boolean
  /** Quirk 3: running statistics are updated by every pass (T, F, B, validation), not by the training pass alone. */
  readonly statisticsFromAllPasses: boolean
}

/** The numbers of a step that are logged, in the order of their vector. */
export const METRICS = [
  'trainLoss',
  'validLoss',
  'trainCorrect',
  'validCorrect',
  'lambdaTrain',
  'lambdaValid',
  'gradientNorm',
  'regulariserNorm',
  'epsilon',
  'clip',
  'finite'
] as const
export type Metric = (typeof METRICS)[number]

/** How many rows have their largest logit at the label. */
const correct = (logits: Tensor, labels: Tensor): Tensor => $.sum($.convert($.equal($.argmax(logits), labels), 'f32'))

/** 1 if every element is finite, else 0. */
const finite = (x: Tensor): Tensor => $.sub(1, $.max($.convert($.not($.isFinite(x)), 'f32')))

/** One step, with the metrics of `METRICS`. */
export const stepOf =
  (net: Supernet, options: StepOptions) =>
  (state: State, batches: Batches, rates: Rates): { readonly state: State; readonly metrics: Tensor } => {
    const tables = tablesOf(net)
    const weights = unpack(tables.weights, state.weights)
    const mixtures = mixturesOf(net, state.alpha)

    const training = passOf(net)(weights, mixtures, batches.train)
    const regulariser = {
      darts: () => undefined,
      'lambda-darts': () =>
        options.derivative === 'exact'
          ? exactRegulariser(net)(weights, mixtures, batches.train)
          : differenceRegulariser(net, options.epsilon0)(weights, mixtures, batches.train, training.cellGradients)
    }[options.method]()
    const harmony = regulariser ? pack(tables.weights, regulariser.gradient) : undefined
    const plain = pack(tables.weights, training.weightGradient)
    const gradient = harmony ? $.add(plain, $.mul(rates.lambda, harmony)) : plain

    const stale = $.add(state.alphaGradient, alphaGradientOf(state.alpha, training.cellGradients))
    const gradientNorm = globalNorm(options.clipIncludesAlpha ? [gradient, stale] : [gradient])
    const clip = clipFactor(gradientNorm, options.clip)
    const descended = sgd(options, rates.rate, $.mul(gradient, clip), state.momentum, state.weights)

    const validation = passOf(net)(unpack(tables.weights, descended.values), mixtures, batches.valid)
    const alphaGradient = alphaGradientOf(state.alpha, validation.cellGradients)
    const architecture = adam(options.adam, alphaGradient, state.adam, state.alpha)

    const passes = options.statisticsFromAllPasses ? [training, ...(regulariser?.passes ?? []), validation] : [training]
    const running = passes.reduce(
      (before, { moments }) => updateRunning(before, packStatistics(tables.statistics, moments)),
      state.running
    )

    const metrics: Readonly<Record<Metric, Tensor>> = {
      trainLoss: training.loss,
      validLoss: validation.loss,
      trainCorrect: correct(training.logits, batches.train.labels),
      validCorrect: correct(validation.logits, batches.valid.labels),
      lambdaTrain: meanPairwiseCosine(training.cellGradients),
      lambdaValid: meanPairwiseCosine(validation.cellGradients),
      gradientNorm,
      regulariserNorm: harmony ? globalNorm([harmony]) : $.tensor(0),
      epsilon: regulariser?.epsilon ?? $.tensor(0),
      clip,
      finite: finite(
        $.concat([training.loss, validation.loss, gradientNorm, globalNorm([alphaGradient])].map(x => $.reshape(x, [1])))
      )
    }
    return {
      state: {
        weights: descended.values,
        momentum: descended.buffer,
        alpha: architecture.values,
        alphaGradient,
        adam: architecture.state,
        running
      },
      metrics: $.concat(METRICS.map(name => $.reshape(metrics[name], [1])))
    }
  }
