/**
 * The search step of the official loops as one pure function: State x Batches -> State. Compiled once, folded over
 * batches; rate, lambda and key are inputs, so nothing is compiled again between steps.
 */
import { updateRunning } from '../../autodiff/nn.js'
import * as $ from '../../autodiff/ops/index.js'
import { type AdamOptions, type AdamState, adam, clipFactor, globalNorm } from '../../autodiff/optim.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { leaves, zipTrees } from '../../autodiff/tree.js'
import {
  type LayerNeeds,
  pack,
  packStatistics,
  statisticsTable,
  type TensorTable,
  tableOf,
  unpack,
  type Weights
} from '../space/layers.js'
import { noiseOf, type Supernet } from '../space/supernet.js'
import {
  type Alpha,
  alphaGradientOf,
  type Batch,
  type BatchLoss,
  differenceRegulariser,
  directionOf,
  exactRegulariser,
  harmonyOf,
  lossOf,
  type Mixing,
  mixturesOf,
  pairCosines,
  passOf,
  type Regulariser,
  type RegulariserName,
  randomDirectionOf
} from './harmony.js'
import { type ArchitectureOptions, METHODS, type Method, type MethodName, partOf, type Scene } from './methods.js'
import { sgdStep } from './optim.js'

/**
 * All that a search carries from step to step. Weights, momentum and running statistics are one vector each: see
 * `tablesOf`.
 */
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
export const tablesOf = (
  net: Pick<LayerNeeds, 'parameters' | 'norms'>
): { readonly weights: TensorTable; readonly statistics: TensorTable } => ({
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

/** What decides the step of a search. */
export interface StepOptions extends ArchitectureOptions {
  readonly method: MethodName
  /** Whether the weights are trained on L - lambda Λ; else the regulariser's passes are not even built. */
  readonly regularised: boolean
  /** How dΛ/dw is had: the paper's difference quotient, or the derivative that it estimates. */
  readonly derivative: 'fd' | 'exact'
  /** Which harmony: `corr`, or `signcorr`; of normal cells alone, or of reduction cells as well. */
  readonly regulariser: RegulariserName
  readonly regulariseReduce: boolean
  readonly epsilon0: number
  /** `random` is a control: mixtures are moved as far as harmony would have them, in a direction that means nothing. */
  readonly direction: 'harmony' | 'random'
  /**
   * T: training batches, one after another in `train`, that a step of `idarts` trains the weights on before alpha
   * moves.
   */
  readonly innerSteps: number
  readonly clip: number
  /**
   * Alpha moves first, then the weights at the new alpha, as in the official loop of S1 to S5; that of NAS-Bench-201
   * has it the other way round.
   */
  readonly architectureFirst: boolean
  /**
   * Each pass draws noise of its own (`fresh`, as the official code), so that F - B measures noise; or one draw serves
   * T, F and B (`replayed`). This and the next two: docs/method.md, "Quirks of the official code".
   */
  readonly noise: 'fresh' | 'replayed'
  readonly adam: AdamOptions
  /** The clip's norm includes alpha's gradient: that of the last validation pass plus that of this training pass. */
  readonly clipIncludesAlpha: boolean
  /** Every pass moves the running statistics: T, F, B and validation, in the order of the step; else T alone. */
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
/** The name of a number that each step of a search reports. */
export type Metric = (typeof METRICS)[number]

/** How many rows have their largest logit at the label. */
const correct = (logits: Tensor, labels: Tensor): Tensor => $.sum($.convert($.equal($.argmax(logits), labels), 'f32'))

/** 1 if every element is finite, else 0. */
export const finite = (x: Tensor): Tensor => $.sub(1, $.max($.convert($.not($.isFinite(x)), 'f32')))

/** Keys of a step: four draws of noise, and a random direction. */
const KEY_COUNT = 5

/** Training batches that a step takes, one after another in `train`. */
export const stepBatches = ({ method, innerSteps }: Pick<StepOptions, 'method' | 'innerSteps'>): number =>
  (METHODS[method] as Method).innerSteps ? innerSteps : 1

/** Weights and momentum, vectors. */
type Vectors = Pick<State, 'weights' | 'momentum'>

/** The noise of the passes of a step: replayed from one draw in those on the training batch, or fresh in each. */
const lossesOf = (net: Supernet, { noise }: StepOptions, key: Tensor, { train, valid }: Batches) => {
  if (net.noises.length === 0) {
    const loss = lossOf(net)
    return { validation: loss, training: loss, forward: loss, backward: loss }
  }
  const keys = $.split(key, KEY_COUNT)
  const lossWith = (i: number, { images }: Batch) =>
    lossOf(net, noiseOf(net, keys[i] as Tensor, images.shape[0] as number))
  const training = lossWith(1, train)
  return {
    validation: lossWith(0, valid),
    training,
    forward: noise === 'fresh' ? lossWith(2, train) : training,
    backward: noise === 'fresh' ? lossWith(3, train) : training
  }
}

/**
 * What a step gives: the state after it, the numbers of `METRICS`, and the cosines of the cells' gradients on the
 * training batch.
 */
export interface StepResult {
  readonly state: State
  readonly metrics: Tensor
  readonly cosines: Readonly<Record<string, Tensor>>
}

/** What both halves of a step are made from. */
interface StepScene extends Scene {
  readonly net: Supernet
  readonly options: StepOptions
  readonly mixing: Mixing
  /** Where running statistics lie in their vector. */
  readonly statistics: TensorTable
  /** The losses of the two passes of a difference quotient. */
  readonly forward: BatchLoss
  readonly backward: BatchLoss
  readonly state: State
  readonly rates: Rates
}

/** The gradient in alpha at some weights, and Adam on alpha. */
const architectureStep = (scene: StepScene, at: Vectors) => {
  const { options, mixing, state } = scene
  const { architecture, fixedAlpha }: Method = METHODS[options.method]
  const pass = architecture(scene, options)(at, mixing(state.alpha))
  const alphaGradient = alphaGradientOf(mixing, state.alpha, pass.gradient)
  const next = fixedAlpha
    ? { weights: state.alpha, state: state.adam }
    : adam(options.adam).update(alphaGradient, state.adam, state.alpha)
  return { pass, alphaGradient, ...next }
}

/** The estimate of -dΛ/dw that the options name. */
const regularise = (
  scene: StepScene,
  weights: Weights,
  mixtures: readonly Tensor[],
  train: Batch,
  cellGradients: readonly Tensor[]
): Regulariser => {
  const { net, options, training, rates } = scene
  const harmony = harmonyOf(net, options)
  const direction =
    options.direction === 'random'
      ? randomDirectionOf(harmony, $.split(rates.key, KEY_COUNT)[KEY_COUNT - 1] as Tensor, cellGradients)
      : directionOf(harmony, cellGradients)
  return options.derivative === 'exact'
    ? exactRegulariser(training)(weights, mixtures, train, direction)
    : differenceRegulariser(scene, options.epsilon0)(weights, mixtures, train, direction)
}

/** The training pass on a batch and the regulariser at some alpha, clip and SGD on the weights. */
const weightStep = (scene: StepScene, at: Vectors, alpha: Alpha, train: Batch) => {
  const { options, mixing, table, training, state, rates } = scene
  const weights = unpack(table, at.weights)
  const mixtures = mixing(alpha)
  const pass = passOf(training)(weights, mixtures, train)
  const regulariser = options.regularised ? regularise(scene, weights, mixtures, train, pass.cellGradients) : undefined
  const plain = pack(table, pass.weightGradient)
  const push = regulariser ? pack(table, regulariser.gradient) : undefined
  const gradient = push ? $.add(plain, $.mul(rates.lambda, push)) : plain
  const stale = zipTrees(state.alphaGradient, [alphaGradientOf(mixing, alpha, pass.cellGradients)], (before, now) =>
    $.add(before, now as Tensor)
  )
  const gradientNorm = globalNorm(options.clipIncludesAlpha ? [gradient, ...leaves(stale)] : [gradient])
  const clip = clipFactor(gradientNorm, options.clip)
  const { values, buffer } = sgdStep(options, rates.rate, $.mul(gradient, clip), at.momentum, at.weights)
  return { train, pass, regulariser, plain, push, gradientNorm, clip, weights: values, momentum: buffer }
}

/** A step on each training batch in turn. */
const weightSteps = (
  scene: StepScene,
  at: Vectors,
  alpha: Alpha,
  [train, ...left]: readonly Batch[]
): readonly WeightStep[] => {
  if (!train) return []
  const step = weightStep(scene, at, alpha, train)
  return [step, ...weightSteps(scene, step, alpha, left)]
}

type WeightStep = ReturnType<typeof weightStep>
type ArchitectureStep = ReturnType<typeof architectureStep>

/** The running statistics after the passes that move them, in the order in which a step takes these. */
const runningAfter = (
  { options, statistics, state }: StepScene,
  steps: readonly WeightStep[],
  searched: ArchitectureStep
): Tensor => {
  const inTraining = steps.flatMap(({ pass, regulariser }) => [
    pass.moments,
    ...(options.statisticsFromAllPasses ? (regulariser?.passes ?? []).map(({ moments }) => moments) : [])
  ])
  const ofValidation = options.statisticsFromAllPasses ? searched.pass.moments : []
  const passes = options.architectureFirst ? [...ofValidation, ...inTraining] : [...inTraining, ...ofValidation]
  return passes.reduce((before, moments) => updateRunning(before, packStatistics(statistics, moments)), state.running)
}

/** The numbers that are logged: of several steps on the weights their means, or what is of the last one. */
const metricsOf = (
  { net, options, valid }: StepScene,
  steps: readonly WeightStep[],
  searched: ArchitectureStep
): Readonly<Record<Metric, Tensor>> => {
  const last = steps.at(-1) as WeightStep
  const meanOf = (of: (step: WeightStep) => Tensor): Tensor =>
    $.div(
      steps.map(of).reduce((a, b) => $.add(a, b)),
      steps.length
    )
  const corr = harmonyOf(net, { ...options, regulariser: 'corr' })
  const signcorr = harmonyOf(net, { ...options, regulariser: 'signcorr' })
  const scalars = [last.pass.loss, searched.pass.loss, last.gradientNorm, globalNorm(leaves(searched.alphaGradient))]
  return {
    trainLoss: meanOf(({ pass }) => pass.loss),
    validLoss: searched.pass.loss,
    trainCorrect: meanOf(({ pass, train }) => correct(pass.logits, train.labels)),
    validCorrect: correct(searched.pass.logits, valid.labels),
    lambdaTrain: meanOf(({ pass }) => corr(pass.cellGradients)),
    lambdaValid: corr(searched.pass.observed),
    signTrain: meanOf(({ pass }) => signcorr(pass.cellGradients)),
    signValid: signcorr(searched.pass.observed),
    gradientNorm: last.gradientNorm,
    regulariserNorm: last.push ? globalNorm([last.push]) : $.tensor(0),
    epsilon: last.regulariser?.epsilon ?? $.tensor(0),
    clip: last.clip,
    finite: finite($.concat(scalars.map(x => $.reshape(x, [1]))))
  }
}

/**
 * The parts of a step: the forward pass of the training loss and its gradient in the weights; what is done on the
 * validation batch and the gradient in alpha; the regulariser (perturbed passes, or the second derivative); and the
 * optimisers of weights and alpha.
 */
export const STEP_PARTS = [
  'training loss',
  'gradient in weights',
  'validation and gradient in alpha',
  'harmony',
  'optimisers'
] as const
/** A part of a step, and what it is there to compute. */
export interface StepPart {
  readonly part: (typeof STEP_PARTS)[number]
  readonly outputs: readonly Tensor[]
}

const partsOfWeights = ({ pass, plain, regulariser, weights, momentum }: WeightStep): readonly StepPart[] => [
  { part: 'training loss', outputs: [pass.loss, pass.logits] },
  { part: 'gradient in weights', outputs: [plain, ...pass.cellGradients] },
  ...(regulariser
    ? [{ part: 'harmony', outputs: [...leaves(regulariser.gradient), regulariser.epsilon] } as const]
    : []),
  { part: 'optimisers', outputs: [weights, momentum] }
]

const partsOfArchitecture = ({ pass, alphaGradient, weights, state }: ArchitectureStep): readonly StepPart[] => [
  { part: 'validation and gradient in alpha', outputs: [pass.loss, pass.logits, ...leaves(alphaGradient)] },
  { part: 'optimisers', outputs: [...leaves(weights), ...leaves(state)] }
]

/**
 * One step, with the metrics of `METRICS`. `mixing`: how alpha becomes the mixtures of the cells, softmax unless a
 * selection has decided edges.
 */
export const stepOf =
  (net: Supernet, options: StepOptions, mixing?: Mixing) =>
  (state: State, batches: Batches, rates: Rates): StepResult =>
    stepWithParts(net, options, mixing)(state, batches, rates).result

/** The same step with its parts, in the order in which they are computed. */
export const stepWithParts =
  (net: Supernet, options: StepOptions, mixing: Mixing = alpha => mixturesOf(net, alpha)) =>
  (
    state: State,
    { train, valid }: Batches,
    rates: Rates
  ): { readonly result: StepResult; readonly parts: readonly StepPart[] } => {
    const { weights: table, statistics } = tablesOf(net)
    const parts = stepBatches(options)
    const trains = Array.from({ length: parts }, (_, n) => partOf(train, n, parts))
    const last = trains.at(-1) as Batch
    const losses = lossesOf(net, options, rates.key, { train: last, valid })
    const { rate } = rates
    const scene = { ...losses, net, options, mixing, table, statistics, train: last, valid, rate, state, rates }

    // The order of the protocol: each half sees what the half before it has made.
    const first = options.architectureFirst ? architectureStep(scene, state) : undefined
    const steps = weightSteps(scene, state, first ? first.weights : state.alpha, trains)
    const trained = steps.at(-1) as WeightStep
    const searched = first ?? architectureStep(scene, trained)
    const metrics = metricsOf(scene, steps, searched)
    const result: StepResult = {
      state: {
        weights: trained.weights,
        momentum: trained.momentum,
        alpha: searched.weights,
        alphaGradient: searched.alphaGradient,
        adam: searched.state,
        running: runningAfter(scene, steps, searched)
      },
      metrics: $.concat(METRICS.map(name => $.reshape(metrics[name], [1]))),
      cosines: pairCosines(net, trained.pass.cellGradients)
    }
    const [ofWeights, ofAlpha] = [steps.flatMap(partsOfWeights), partsOfArchitecture(searched)]
    return { result, parts: options.architectureFirst ? [...ofAlpha, ...ofWeights] : [...ofWeights, ...ofAlpha] }
  }
