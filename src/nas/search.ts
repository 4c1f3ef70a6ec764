/** A search from data to genotype: a fold of compiled steps over batches, told to an observer event by event. */

import { pipe } from 'fp-ts/lib/function.js'
import * as IO from 'fp-ts/lib/IO.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { argmax } from '../autodiff/ops/index.js'
import { type Key, keyOf } from '../autodiff/ops/random.js'
import type { Tensor } from '../autodiff/tensor.js'
import {
  compile,
  dispose,
  type Engine,
  type EngineError,
  type Env,
  fold,
  type HostArray,
  type Report,
  read,
  release,
  run,
  type Stored,
  scope,
  store
} from '../engine.js'
import { METRICS, type Metric, type State, tablesOf } from './bilevel.js'
import { type SearchConfig, stepOptions } from './config.js'
import type { Dataset } from './data/dataset.js'
import { type Cell, cellsOf, formatGenotype, type Genotype, isConnected, operationCounts } from './genotype.js'
import { type Alpha, lossOf, type Mixing, mixturesOf } from './harmony.js'
import { foldIn, initialState } from './initialise.js'
import { unpack, unpackStatistics } from './layers.js'
import { entropies, genotypeOf, genotypeOfMixtures, mixtureRows, type Rows, rowsOf } from './magnitude.js'
import { planOf, projectedMixtures, type View, viewOf } from './perturbation.js'
import { cosineRate, linearLambda } from './schedule.js'
import { type DecisionEvent, selectByPerturbation } from './selection.js'
import { mapRecord, operationsOf } from './space.js'
import { compileHessian, type Spectrum, spectrumAt } from './spectrum.js'
import {
  batchArrays,
  batchesOf,
  compileStep,
  type Item,
  KEYS,
  keyArray,
  type SearchData,
  type Step,
  type Submitted,
  settleStep,
  stepsPerEpoch,
  submitStep,
  using
} from './steps.js'
import { noiseOf, type Supernet } from './supernet.js'
import { fixedMixing, type TuningEvent, withFreshMomentum, withSupernetwork } from './tuning.js'

export { compileStep, type SearchData, stepsPerEpoch } from './steps.js'

/** What a search says while it runs. `seconds` are the only numbers that differ between equal runs. */
export type Event =
  | ({ readonly type: 'compiled'; readonly seconds: number } & Report)
  | ({ readonly type: 'step'; readonly epoch: number; readonly step: number; readonly steps: number } & Readonly<
      Record<Metric, number>
    >)
  | ({ readonly type: 'epoch'; readonly seconds: number } & EpochSummary)
  | DecisionEvent
  | TuningEvent

export interface EpochSummary {
  readonly epoch: number
  readonly epochs: number
  readonly steps: number
  readonly trainLoss: number
  readonly validLoss: number
  readonly trainAccuracy: number
  readonly validAccuracy: number
  readonly lambdaTrain: number
  readonly lambdaValid: number
  readonly gradientNorm: number
  readonly regulariserNorm: number
  readonly learningRate: number
  readonly lambda: number
  readonly genotype: string
  /** By kind of cell: cosines of the gradients of all pairs of cells on training batches, a matrix row by row. */
  readonly cosines: Readonly<Record<string, readonly number[]>>
  /** By kind of cell, for each edge: entropy of its softmax in nats, and its largest entry. */
  readonly entropy: Readonly<Record<string, readonly number[]>>
  readonly saturation: Readonly<Record<string, readonly number[]>>
  /** How often the genotype has each operation, by kind of cell. */
  readonly operations: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Of the Hessian of a validation batch's loss in alpha, with `--eigenvalue`: the largest, and what bounds its error. */
  readonly eigenvalue: Pick<Spectrum, 'largest' | 'residual'> | null
  /** By kind of cell, row by row. */
  readonly alpha: Readonly<Record<string, readonly number[]>>
}

/** Why a search ended before its last epoch. */
export type Stop = { readonly reason: 'interrupted' } | { readonly reason: 'non-finite'; readonly message: string }

export interface SearchResult {
  readonly genotype: string
  readonly connected: boolean
  /** By kind of cell: how often each operation was chosen, what each node adds up, and the mixture of each edge. */
  readonly operations: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly cells: Readonly<Record<string, Cell>>
  readonly mixtures: Readonly<Record<string, Rows>>
  readonly testAccuracy: number
  readonly testImages: number
  readonly epochsDone: number
  readonly stepsDone: number
  readonly lastEpoch: EpochSummary | null
  readonly stopped: Stop | null
}

/** The effects that a search is given: where events go, whether it was interrupted, and a clock in seconds. */
export interface Observer {
  readonly tell: (event: Event) => IO.IO<void>
  readonly interrupted: IO.IO<boolean>
  readonly now: IO.IO<number>
  /** Told as the kernels of the step are compiled, which takes a software driver its time. */
  readonly preparing?: (done: number, total: number) => void
}

/** Images of one evaluation run; the last run repeats images to be as large. */
const EVALUATION_BATCH = 256

/**
 * How many images of a data set the supernet classifies rightly, in evaluation mode with the mixtures of alpha. Noise, where a network has it,
 * is drawn from `key`, afresh for each run of images.
 */
export const countCorrect = (
  net: Supernet,
  state: Stored<State>,
  dataset: Dataset,
  key: Key,
  mixing: Mixing = alpha => mixturesOf(net, alpha)
): Engine<number> => {
  const tables = tablesOf(net)
  const size = Math.min(EVALUATION_BATCH, dataset.count)
  const predict = (weights: Tensor, alpha: Alpha, running: Tensor, images: Tensor, noiseKey: Tensor): Tensor =>
    argmax(
      net.logits(
        {
          weights: unpack(tables.weights, weights),
          running: unpackStatistics(tables.statistics, net.norms, running),
          noise: noiseOf(net, noiseKey, size)
        },
        mixing(alpha),
        images
      ).y
    )
  const chunks = Array.from({ length: Math.ceil(dataset.count / size) }, (_, i) =>
    Array.from({ length: size }, (_unused, k) => (i * size + k) % dataset.count)
  )
  const { weights, alpha, running } = state
  const shapes = batchArrays(dataset, chunks[0] as readonly number[])
  const example = [weights, alpha, running, shapes.images, keyArray(key)] as const
  return using(compile<[Tensor, Alpha, Tensor, Tensor, Tensor], Tensor>(predict)(example), compiled =>
    fold<number, { indices: readonly number[]; chunk: number }>(
      chunks.map((indices, chunk) => ({ indices, chunk })),
      () => false,
      (correct, { indices, chunk }) =>
        scope(
          pipe(
            store({ images: batchArrays(dataset, indices).images, key: keyArray(foldIn(key, chunk)) }),
            RTE.chain(given => run(compiled)(weights, alpha, running, given.images, given.key)),
            RTE.chain(read),
            RTE.map(
              ({ data }) =>
                correct +
                indices.filter((index, k) => chunk * size + k < dataset.count && data[k] === dataset.labels[index]).length
            )
          )
        )
    )(0)
  )
}

/** What the fold carries: the state on the device, the sums of the epoch, and what was told last. */
interface Progress {
  readonly state: Stored<State>
  readonly sums: readonly number[]
  readonly cosines: Readonly<Record<string, readonly number[]>>
  readonly stepsDone: number
  readonly lastEpoch: EpochSummary | null
  readonly stopped: Stop | null
  /** What a selection by perturbation has decided. */
  readonly view: View | null
}

/** Steps that the device has before it while the host reads what came of the one before them. */
const STEPS_AHEAD = 2

/** An epoch under way: what is settled, and the steps whose results are to come, the oldest first. */
interface Underway {
  readonly progress: Progress
  readonly pending: readonly Submitted[]
}

/** Searches. Left only for what the engine refuses; an interruption or a number that is not finite ends it with what was reached. */
export const search = (net: Supernet, config: SearchConfig, data: SearchData, observer: Observer): Engine<SearchResult> => {
  const key = keyOf(config.seed)
  const steps = stepsPerEpoch(config, data)
  const lambdaOf = (epoch: number) => (stepOptions(config).regularised ? linearLambda(config.lambda, epoch, config.epochs) : 0)
  const rateOf = (epoch: number) => cosineRate(config.learningRate, config.learningRateEnd, epoch, config.epochs)
  const epochs = Array.from({ length: config.epochs }, (_, epoch) => epoch)
  const ended = ({ stopped }: Progress) => stopped !== null || observer.interrupted()

  const submit =
    ({ step }: Machinery) =>
    ({ progress, pending }: Underway, item: Item): Engine<Underway> =>
      pipe(
        submitStep(step, data)(pending.at(-1)?.next.state ?? progress.state, item, {
          rate: rateOf(item.epoch),
          lambda: lambdaOf(item.epoch),
          key: foldIn(foldIn(key, KEYS.noise), item.epoch * steps + item.step)
        }),
        RTE.map(submitted => ({ progress, pending: [...pending, submitted] }))
      )

  /** The oldest pending step. Those after one that was not finite count for nothing. */
  const settle =
    (machinery: Machinery) =>
    ({ progress, pending: [first, ...pending] }: Underway): Engine<Underway> =>
      first === undefined || progress.stopped !== null
        ? RTE.of({ progress, pending })
        : pipe(
            settleStep(machinery.step)(first),
            RTE.chain(({ state, metrics, cosines, culprit }) =>
              metrics.finite === 1
                ? afterStep(machinery, progress, first.item, state, metrics, cosines)
                : RTE.of({
                    ...progress,
                    stopped: { reason: 'non-finite', message: nonFinite(progress.stepsDone + 1, culprit) } as const
                  })
            ),
            RTE.map(progress => ({ progress, pending }))
          )

  /** A good step: the old state goes, events are told, and an epoch is summed up after its last step. */
  const afterStep = (
    { curvature }: Machinery,
    progress: Progress,
    { epoch, step }: Item,
    state: Stored<State>,
    values: Readonly<Record<Metric, number>>,
    pairs: Readonly<Record<string, readonly number[]>>
  ): Engine<Progress> => {
    const cosines = mapRecord(pairs, (matrix, kind) =>
      matrix.map((value, i) => value + (step === 0 ? 0 : (progress.cosines[kind]?.[i] as number)))
    )
    const sums = METRICS.map((name, i) => (step === 0 ? 0 : (progress.sums[i] as number)) + values[name])
    const after: Progress = { ...progress, state, sums, cosines, stepsDone: progress.stepsDone + 1 }
    const tellStep = RTE.fromIO<void, never, never>(
      observer.tell({ type: 'step', epoch: epoch + 1, step: step + 1, steps, ...values })
    )
    const summed =
      step + 1 === steps
        ? pipe(
            curvature(state),
            RTE.chain(eigenvalue =>
              summarise(net, after, {
                epoch,
                epochs: config.epochs,
                steps,
                batch: config.batch,
                learningRate: rateOf(epoch),
                lambda: lambdaOf(epoch),
                eigenvalue
              })
            )
          )
        : RTE.of<never, never, EpochSummary | null>(null)
    return pipe(
      tellStep as Engine<void>,
      RTE.chain(() => summed as Engine<EpochSummary | null>),
      RTE.chainFirstIOK(summary =>
        summary
          ? pipe(
              observer.now,
              IO.chain(seconds => observer.tell({ type: 'epoch', seconds, ...summary }))
            )
          : IO.of(undefined)
      ),
      RTE.map(summary => {
        release(progress.state)
        return summary ? { ...after, lastEpoch: summary } : after
      })
    )
  }

  /** Steps are given to the device a few ahead of those whose results are read, so that neither waits for the other. */
  const oneEpoch =
    (machinery: Machinery) =>
    (progress: Progress, epoch: number): Engine<Progress> =>
      scope(
        pipe(
          fold<Underway, Item>(
            batchesOf(config, data, key, epoch).map((batch, step) => ({ epoch, step, ...batch })),
            underway => ended(underway.progress),
            (underway, item) =>
              pipe(
                submit(machinery)(underway, item),
                RTE.chain(next => (next.pending.length > STEPS_AHEAD ? settle(machinery)(next) : RTE.of(next)))
              )
          )({ progress, pending: [] }),
          RTE.chain(underway => fold<Underway, Submitted>(underway.pending, () => false, settle(machinery))(underway)),
          RTE.map(underway => underway.progress)
        )
      )

  const allSteps = (step: Step): Engine<Progress> =>
    pipe(
      observer.now,
      IO.chain(seconds => observer.tell({ type: 'compiled', seconds, ...step.report })),
      RTE.fromIO<void, Env, EngineError>,
      RTE.chain(() => store(initialState(net, key))),
      RTE.chain(state =>
        withCurvature(
          net,
          config,
          data,
          state
        )(curvature =>
          fold<Progress, number>(
            epochs,
            ended,
            oneEpoch({ step, curvature })
          )({ state, sums: [], cosines: {}, stepsDone: 0, lastEpoch: null, stopped: null, view: null })
        )
      ),
      RTE.map(
        (progress): Progress =>
          progress.stopped === null && progress.stepsDone < config.epochs * steps
            ? { ...progress, stopped: { reason: 'interrupted' } }
            : progress
      )
    )

  /** A selection by perturbation, if that was asked for and the search came to its end. */
  const selected = (progress: Progress): Engine<Progress> =>
    config.select === 'magnitude' || progress.stopped !== null
      ? RTE.of(progress)
      : pipe(
          withFreshMomentum(progress.state),
          RTE.chain(state =>
            withSupernetwork(
              net,
              config,
              data,
              observer
            )(network =>
              selectByPerturbation(net.space, network, {
                key: foldIn(key, KEYS.selection),
                criterion: config.selectCriterion,
                interval: config.selectEpochs,
                ignoreDropped: config.selectIgnoresDropped
              })({ state, owned: false, stepsDone: 0, failure: null })
            )
          ),
          RTE.map(
            ({ state, projection, rounds }): Progress => ({
              ...progress,
              state: state.state,
              view: viewOf(net.space, projection),
              stopped: stopOf(
                state.failure,
                progress.stepsDone + state.stepsDone,
                rounds < planOf(net.space, foldIn(key, KEYS.selection)).length
              )
            })
          )
        )

  return scope(
    pipe(
      using(compileStep(net, config, data, observer.preparing), allSteps),
      RTE.chain(selected),
      RTE.chain(progress =>
        pipe(
          countCorrect(
            net,
            progress.state,
            data.test,
            foldIn(key, KEYS.testNoise),
            progress.view ? fixedMixing(net, progress.view) : undefined
          ),
          RTE.bindTo('correct'),
          RTE.bind('alpha', () => read(progress.state.alpha)),
          RTE.map(({ correct, alpha }) => resultOf(net, progress, correct / data.test.count, data.test.count, dataOf(alpha)))
        )
      )
    )
  )
}

/** Why a selection ended before its last decision, if it did. */
const stopOf = (failure: string | null, step: number, interrupted: boolean): Stop | null => {
  if (failure !== null) return { reason: 'non-finite', message: nonFinite(step + 1, failure) }
  return interrupted ? { reason: 'interrupted' } : null
}

const nonFinite = (step: number, node: string | undefined): string =>
  `A finite loss and finite gradients were wanted in every step, but in step ${step} ${node ?? 'a value that no node shows'} was the first that is not finite: lower --learning-rate or --lambda.`

interface EpochFacts {
  readonly epoch: number
  readonly epochs: number
  readonly steps: number
  readonly batch: number
  readonly learningRate: number
  readonly lambda: number
  readonly eigenvalue: EpochSummary['eigenvalue']
}

/** The largest eigenvalue of the validation loss' Hessian in alpha; null where it is not wanted. */
type Curvature = (state: Stored<State>) => Engine<EpochSummary['eigenvalue']>

/** What is compiled once for all steps. */
interface Machinery {
  readonly step: Step
  readonly curvature: Curvature
}

/** Curvature on the first images of the validation part, the same ones each time, compiled for states like this one. */
const withCurvature =
  (net: Supernet, config: SearchConfig, data: SearchData, { weights, alpha }: Stored<State>) =>
  <B>(use: (curvature: Curvature) => Engine<B>): Engine<B> => {
    if (!config.eigenvalue) return use(() => RTE.of(null))
    interface Context {
      readonly [name: string]: Tensor
      readonly weights: Tensor
      readonly images: Tensor
      readonly labels: Tensor
      readonly key: Tensor
    }
    const { weights: table } = tablesOf(net)
    const loss = (a: Alpha, { weights: vector, images, labels, key }: Context): Tensor =>
      lossOf(net, noiseOf(net, key, config.batch))(unpack(table, vector), mixturesOf(net, a), { images, labels })[0]
    const places = Array.from({ length: config.batch }, (_, i) => i)
    const key = keyArray(foldIn(keyOf(config.seed), KEYS.curvature))
    return RTE.bracket(
      store({ ...batchArrays(data.valid, places), key }),
      given =>
        RTE.bracket(
          compileHessian(loss)(alpha, { ...given, weights }),
          hessian =>
            use(state =>
              pipe(
                spectrumAt(hessian)(state.alpha, { ...given, weights: state.weights }),
                RTE.map(({ largest, residual }) => ({ largest, residual }))
              )
            ),
          ({ compiled }) => RTE.fromIO(() => dispose(compiled))
        ),
      given => RTE.fromIO(() => release(given))
    )
  }

/** How often each operation was chosen, by kind of cell. */
const countsOf = ({ cells }: Supernet['space'], genotype: Genotype): SearchResult['operations'] => {
  const chosen = cellsOf(genotype)
  return mapRecord(cells, (cell, kind) => operationCounts(operationsOf(cell), chosen[kind] as Cell))
}

/** Numbers by kind of cell. */
const dataOf = (alpha: Readonly<Record<string, HostArray>>): Readonly<Record<string, readonly number[]>> =>
  mapRecord(alpha, ({ data }) => Array.from(data))

/** Means over the epoch's steps, and what alpha says after it. */
const summarise = (
  net: Supernet,
  { state, sums, cosines }: Progress,
  { epoch, batch, steps, eigenvalue, ...facts }: EpochFacts
): Engine<EpochSummary> =>
  pipe(
    read(state.alpha),
    RTE.map(alpha => {
      const numbers = dataOf(alpha)
      const mixtures = mapRecord(net.space.cells, (cell, kind) => mixtureRows(rowsOf(cell, numbers[kind] as readonly number[])))
      const genotype = genotypeOf(net.space, numbers)
      const mean = (name: Metric): number => (sums[METRICS.indexOf(name)] as number) / steps
      return {
        ...facts,
        epoch: epoch + 1,
        steps,
        trainLoss: mean('trainLoss'),
        validLoss: mean('validLoss'),
        trainAccuracy: mean('trainCorrect') / batch,
        validAccuracy: mean('validCorrect') / batch,
        lambdaTrain: mean('lambdaTrain'),
        lambdaValid: mean('lambdaValid'),
        gradientNorm: mean('gradientNorm'),
        regulariserNorm: mean('regulariserNorm'),
        cosines: mapRecord(cosines, matrix => matrix.map(sum => sum / steps)),
        entropy: mapRecord(mixtures, entropies),
        saturation: mapRecord(mixtures, rows => rows.map(row => Math.max(...row))),
        operations: countsOf(net.space, genotype),
        eigenvalue,
        genotype: formatGenotype(genotype),
        alpha: numbers
      }
    })
  )

const resultOf = (
  { space }: Supernet,
  { lastEpoch, stepsDone, stopped, view }: Progress,
  testAccuracy: number,
  testImages: number,
  alpha: Readonly<Record<string, readonly number[]>>
): SearchResult => {
  const ofAlpha = mapRecord(space.cells, (cell, kind) => mixtureRows(rowsOf(cell, alpha[kind] as readonly number[])))
  const mixtures = view ? projectedMixtures(ofAlpha, view) : ofAlpha
  const genotype = view ? genotypeOfMixtures(space, mixtures) : genotypeOf(space, alpha)
  const cells = cellsOf(genotype)
  return {
    genotype: formatGenotype(genotype),
    connected: isConnected(genotype),
    operations: countsOf(space, genotype),
    cells,
    mixtures,
    testAccuracy,
    testImages,
    epochsDone: lastEpoch?.epoch ?? 0,
    stepsDone,
    lastEpoch,
    stopped
  }
}
