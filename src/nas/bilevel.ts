/**
 * The search step of the official loops as one pure function: State x Batches -> State. Compiled once, folded over batches; rate, lambda and
 * key are inputs, so nothing is compiled again between steps.
 */
import { updateRunning } from '../autodiff/nn.js'
import * as $ from '../autodiff/ops/index.js'
import type { Tensor } from '../autodiff/tensor.js'
import { leaves, zipTrees } from '../autodiff/tree.js'
import {
  type Alpha,
  alphaGradientOf,
  type Batch,
  differenceRegulariser,
  exactRegulariser,
  harmonyOf,
  lossOf,
  mixturesOf,
  passOf,
  type RegulariserName
} from './harmony.js'
import { pack, packStatistics, statisticsTable, type Table, tableOf, unpack } from './layers.js'
import { type AdamOptions, type AdamState, adam, clipFactor, globalNorm, sgd } from './optim.js'
import { noiseOf, type Supernet } from './supernet.js'

/** All that a search carries from step to step. Weights, momentum and running statistics are one vector each: see `tablesOf`. */
export interface State {
  readonly weights: Tensor
  readonly momentum: Tensor
  readonly alpha: Alpha
  /** alpha's gradient as the last architecture step left it; only the faithful clip looks at it. */
  readonly alphaGradient: Alpha
  readonly adam: AdamState<Alpha>
  readonly running: Tensor
}

/** What lies where in the vectors of a state. */
export const tablesOf = (net: Supernet): { readonly weights: Table; readonly statistics: Table } => ({
  weights: tableOf(net.parameters),
  statistics: statisticsTable(net.norms)
})

/** What changes from step to step besides the batches: f32 scalars, and the key u32[2] of the step's noise. */
export interface Rates {
  readonly [key: string]: Tensor
  readonly rate: Tensor
  readonly lambda: Tensor
  readonly key: Tensor
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
  /** Which harmony: `corr`, or `signcorr`; of normal cells alone, or of reduction cells as well. */
  readonly regulariser: RegulariserName
  readonly regulariseReduce: boolean
  readonly epsilon0: number
  readonly momentum: number
  readonly weightDecay: number
  readonly clip: number
  /** The order: the official loop of S1 to S5 moves alpha, then the weights at the new alpha; that of NAS-Bench-201 the other way round. */
  readonly architectureFirst: boolean
  /** Quirk 2: each pass draws noise of its own (`fresh`), so that F - B measures noise; or one draw serves T, F and B (`replayed`). */
  readonly noise: 'fresh' | 'replayed'
  readonly adam: AdamOptions
  /** Quirk 4 of the official code: the clip's norm includes alpha's gradient, last validation's plus this training pass'. */
  readonly clipIncludesAlpha: boolean
  /** Quirk 3: running statistics are updated by every pass (T, F, B and validation, in the order of the step), not by the training pass alone. */
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
  'signTrain',
  'signValid',
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

/** The noise of the passes of a step: replayed from one draw in those on the training batch, or fresh in each. */
const lossesOf = (net: Supernet, { noise }: StepOptions, key: Tensor, { train, valid }: Batches) => {
  if (net.noises.length === 0) {
    const loss = lossOf(net)
    return { validation: loss, training: loss, forward: loss, backward: loss }
  }
  const keys = $.split(key, 4)
  const lossWith = (i: number, { images }: Batch) => lossOf(net, noiseOf(net, keys[i] as Tensor, images.shape[0] as number))
  const training = lossWith(1, train)
  return {
    validation: lossWith(0, valid),
    training,
    forward: noise === 'fresh' ? lossWith(2, train) : training,
    backward: noise === 'fresh' ? lossWith(3, train) : training
  }
}

/** One step, with the metrics of `METRICS`. */
export const stepOf =
  (net: Supernet, options: StepOptions) =>
  (state: State, batches: Batches, rates: Rates): { readonly state: State; readonly metrics: Tensor } => {
    const tables = tablesOf(net)
    const losses = lossesOf(net, options, rates.key, batches)
    const harmony = harmonyOf(net, options)

    /** The validation pass at some weights, and Adam on alpha. */
    const architecture = (vector: Tensor) => {
      const pass = passOf(losses.validation)(unpack(tables.weights, vector), mixturesOf(net, state.alpha), batches.valid)
      const alphaGradient = alphaGradientOf(net, state.alpha, pass.cellGradients)
      return { pass, alphaGradient, ...adam(options.adam, alphaGradient, state.adam, state.alpha) }
    }

    /** The training pass and the regulariser at some alpha, clip and SGD on the weights. */
    const weightStep = (alpha: Alpha) => {
      const weights = unpack(tables.weights, state.weights)
      const mixtures = mixturesOf(net, alpha)
      const pass = passOf(losses.training)(weights, mixtures, batches.train)
      const regulariser = {
        darts: () => undefined,
        'lambda-darts': () =>
          options.derivative === 'exact'
            ? exactRegulariser(losses.training, harmony)(weights, mixtures, batches.train)
            : differenceRegulariser(losses, harmony, options.epsilon0)(weights, mixtures, batches.train, pass.cellGradients)
      }[options.method]()
      const plain = pack(tables.weights, pass.weightGradient)
      const push = regulariser ? pack(tables.weights, regulariser.gradient) : undefined
      const gradient = push ? $.add(plain, $.mul(rates.lambda, push)) : plain
      const stale = zipTrees(state.alphaGradient, [alphaGradientOf(net, alpha, pass.cellGradients)], (last, now) =>
        $.add(last, now as Tensor)
      )
      const gradientNorm = globalNorm(options.clipIncludesAlpha ? [gradient, ...leaves(stale)] : [gradient])
      const clip = clipFactor(gradientNorm, options.clip)
      const descended = sgd(options, rates.rate, $.mul(gradient, clip), state.momentum, state.weights)
      return { pass, regulariser, push, gradientNorm, clip, ...descended }
    }

    // The order of the protocol: each half sees what the half before it has made.
    const first = options.architectureFirst ? architecture(state.weights) : undefined
    const trained = weightStep(first ? first.values : state.alpha)
    const searched = first ?? architecture(trained.values)

    const inTraining = [trained.pass, ...(options.statisticsFromAllPasses ? (trained.regulariser?.passes ?? []) : [])]
    const ofValidation = options.statisticsFromAllPasses ? [searched.pass] : []
    const passes = first ? [...ofValidation, ...inTraining] : [...inTraining, ...ofValidation]
    const running = passes.reduce(
      (before, { moments }) => updateRunning(before, packStatistics(tables.statistics, moments)),
      state.running
    )

    const agreement = {
      corr: harmonyOf(net, { ...options, regulariser: 'corr' }),
      signcorr: harmonyOf(net, { ...options, regulariser: 'signcorr' })
    }
    const metrics: Readonly<Record<Metric, Tensor>> = {
      trainLoss: trained.pass.loss,
      validLoss: searched.pass.loss,
      trainCorrect: correct(trained.pass.logits, batches.train.labels),
      validCorrect: correct(searched.pass.logits, batches.valid.labels),
      lambdaTrain: agreement.corr(trained.pass.cellGradients),
      lambdaValid: agreement.corr(searched.pass.cellGradients),
      signTrain: agreement.signcorr(trained.pass.cellGradients),
      signValid: agreement.signcorr(searched.pass.cellGradients),
      gradientNorm: trained.gradientNorm,
      regulariserNorm: trained.push ? globalNorm([trained.push]) : $.tensor(0),
      epsilon: trained.regulariser?.epsilon ?? $.tensor(0),
      clip: trained.clip,
      finite: finite(
        $.concat(
          [trained.pass.loss, searched.pass.loss, trained.gradientNorm, globalNorm(leaves(searched.alphaGradient))].map(x =>
            $.reshape(x, [1])
          )
        )
      )
    }
    return {
      state: {
        weights: trained.values,
        momentum: trained.buffer,
        alpha: searched.values,
        alphaGradient: searched.alphaGradient,
        adam: searched.state,
        running
      },
      metrics: $.concat(METRICS.map(name => $.reshape(metrics[name], [1])))
    }
  }
