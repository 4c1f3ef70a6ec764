/** A search from data to genotype: a fold of compiled steps over batches, told to an observer event by event. */

import { pipe } from 'fp-ts/lib/function.js'
import * as IO from 'fp-ts/lib/IO.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import * as T from 'fp-ts/lib/Task.js'
import { softmax } from '../autodiff/nn.js'
import { argmax } from '../autodiff/ops/index.js'
import { type Key, keyOf, randomWords } from '../autodiff/ops/random.js'
import type { Tensor } from '../autodiff/tensor.js'
import {
  type Compiled,
  compile,
  dispose,
  type Engine,
  type EngineError,
  type Env,
  firstNonFinite,
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
import { type Batches, METRICS, type Metric, type Rates, type State, stepOf, tablesOf } from './bilevel.js'
import { type SearchConfig, stepOptions } from './config.js'
import { type Dataset, select } from './data/dataset.js'
import { cellsOf, formatGenotype, type Genotype, isConnected, operationCounts } from './genotype.js'
import { foldIn, initialState, stateShapes } from './initialise.js'
import { unpack, unpackStatistics } from './layers.js'
import { largestOperations, mixtureRows, rowsOf } from './magnitude.js'
import { cosineRate, linearLambda } from './schedule.js'
import type { Space } from './space.js'
import type { Supernet } from './supernet.js'

/** The three parts of a data set: weights are trained on the first, alpha on the second, the result is judged on the third. */
export interface SearchData {
  readonly train: Dataset
  readonly valid: Dataset
  readonly test: Dataset
}

/** What a search says while it runs. `seconds` are the only numbers that differ between equal runs. */
export type Event =
  | ({ readonly type: 'compiled'; readonly seconds: number } & Report)
  | ({ readonly type: 'step'; readonly epoch: number; readonly step: number; readonly steps: number } & Readonly<
      Record<Metric, number>
    >)
  | ({ readonly type: 'epoch'; readonly seconds: number } & EpochSummary)

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
  readonly alpha: readonly number[]
}

/** Why a search ended before its last epoch. */
export type Stop = { readonly reason: 'interrupted' } | { readonly reason: 'non-finite'; readonly message: string }

export interface SearchResult {
  readonly genotype: string
  readonly connected: boolean
  readonly operations: Readonly<Record<string, number>>
  readonly strengths: readonly number[]
  readonly mixtures: readonly (readonly number[])[]
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
}

/** 0..n-1 in an order that a key decides: sorted by random words, ties by index. */
export const permutation = (key: Key, n: number): readonly number[] => {
  const words = randomWords(key, n)
  return Array.from({ length: n }, (_, i) => i).sort((a, b) => (words[a] as number) - (words[b] as number) || a - b)
}

/** Whole batches of an epoch, training and validation images in an order of their own; a partial last batch waits for the next epoch. */
const batchesOf = (
  config: SearchConfig,
  data: SearchData,
  key: Key,
  epoch: number
): readonly { readonly train: readonly number[]; readonly valid: readonly number[] }[] => {
  const [train, valid] = [data.train.count, data.valid.count].map((count, part) =>
    permutation(foldIn(foldIn(key, 1 + part), epoch), count)
  ) as [readonly number[], readonly number[]]
  const steps = stepsPerEpoch(config, data)
  const part = (order: readonly number[], i: number) => order.slice(i * config.batch, (i + 1) * config.batch)
  return Array.from({ length: steps }, (_, i) => ({ train: part(train, i), valid: part(valid, i) }))
}

export const stepsPerEpoch = ({ batch }: SearchConfig, { train, valid }: SearchData): number =>
  Math.floor(Math.min(train.count, valid.count) / batch)

/** Images and labels at indices, for the engine. */
const batchArrays = (dataset: Dataset, indices: readonly number[]) => {
  const { images, labels, count, channels, height, width } = select(dataset, indices)
  return {
    images: { data: images, shape: [count, channels, height, width], dtype: 'f32' as const },
    labels: { data: labels, shape: [count], dtype: 'i32' as const }
  }
}

const scalar = (value: number): HostArray => ({ data: Float32Array.of(value), shape: [], dtype: 'f32' })

/** `use` of a compiled function, which gives back what it holds, whatever comes of it. */
const using = <A extends readonly unknown[], R, B>(
  compiling: Engine<Compiled<A, R>>,
  use: (compiled: Compiled<A, R>) => Engine<B>
): Engine<B> => RTE.bracket(compiling, use, compiled => RTE.fromIO(() => dispose(compiled)))

/** Lets timers and signals in: on the reference nothing else waits, and an interruption would not be noticed before the end. */
const pause: Engine<void> = RTE.fromTask(T.delay(0)(T.of(undefined)))

type Step = Compiled<[State, Batches, Rates], { readonly state: State; readonly metrics: Tensor }>

/** The compiled step of a configuration. */
export const compileStep = (
  net: Supernet,
  config: SearchConfig,
  data: SearchData,
  progress?: (done: number, total: number) => void
): Engine<Step> => {
  const indices = Array.from({ length: config.batch }, (_, i) => i)
  const example = [
    stateShapes(net),
    { train: batchArrays(data.train, indices), valid: batchArrays(data.valid, indices) },
    { rate: scalar(0), lambda: scalar(0) }
  ]
  return compile<[State, Batches, Rates], { readonly state: State; readonly metrics: Tensor }>(
    stepOf(net, stepOptions(config)),
    progress ? { progress } : {}
  )(example as never)
}

/** Images of one evaluation run; the last run repeats images to be as large. */
const EVALUATION_BATCH = 256

/** How many images of a data set the supernet classifies rightly, in evaluation mode with the mixtures of alpha. */
export const countCorrect = (net: Supernet, state: Stored<State>, dataset: Dataset): Engine<number> => {
  const tables = tablesOf(net)
  const size = Math.min(EVALUATION_BATCH, dataset.count)
  const predict = (weights: Tensor, alpha: Tensor, running: Tensor, images: Tensor): Tensor => {
    const context = { weights: unpack(tables.weights, weights), running: unpackStatistics(tables.statistics, net.norms, running) }
    return argmax(
      net.logits(
        context,
        net.cells.map(() => softmax(alpha)),
        images
      ).y
    )
  }
  const chunks = Array.from({ length: Math.ceil(dataset.count / size) }, (_, i) =>
    Array.from({ length: size }, (_unused, k) => (i * size + k) % dataset.count)
  )
  const { weights, alpha, running } = state as unknown as Record<'weights' | 'alpha' | 'running', Stored<Tensor>>
  const shapes = batchArrays(dataset, chunks[0] as readonly number[])
  return using(compile<[Tensor, Tensor, Tensor, Tensor], Tensor>(predict)([weights, alpha, running, shapes.images]), compiled =>
    fold<number, { indices: readonly number[]; chunk: number }>(
      chunks.map((indices, chunk) => ({ indices, chunk })),
      () => false,
      (correct, { indices, chunk }) =>
        scope(
          pipe(
            store(batchArrays(dataset, indices).images),
            RTE.chain(images => run(compiled)(weights, alpha, running, images)),
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
  readonly stepsDone: number
  readonly lastEpoch: EpochSummary | null
  readonly stopped: Stop | null
}

interface Item {
  readonly epoch: number
  readonly step: number
  readonly train: readonly number[]
  readonly valid: readonly number[]
}

/** Searches. Left only for what the engine refuses; an interruption or a number that is not finite ends it with what was reached. */
export const search = (net: Supernet, config: SearchConfig, data: SearchData, observer: Observer): Engine<SearchResult> => {
  const key = keyOf(config.seed)
  const steps = stepsPerEpoch(config, data)
  const lambdaOf = (epoch: number) =>
    stepOptions(config).method === 'darts' ? 0 : linearLambda(config.lambda, epoch, config.epochs)
  const rateOf = (epoch: number) => cosineRate(config.learningRate, config.learningRateEnd, epoch, config.epochs)
  const epochs = Array.from({ length: config.epochs }, (_, epoch) => epoch)
  const ended = ({ stopped }: Progress) => stopped !== null || observer.interrupted()

  const oneStep =
    (compiled: Step) =>
    (progress: Progress, item: Item): Engine<Progress> =>
      scope(
        pipe(
          pause,
          RTE.chain(() => store({ rate: scalar(rateOf(item.epoch)), lambda: scalar(lambdaOf(item.epoch)) })),
          RTE.bindTo('rates'),
          RTE.bind('train', () => store(batchArrays(data.train, item.train))),
          RTE.bind('valid', () => store(batchArrays(data.valid, item.valid))),
          RTE.chain(({ rates, train, valid }) => {
            const args = [progress.state, { train, valid } as never, rates as never] as const
            return pipe(
              run(compiled)(...args),
              RTE.bindTo('next'),
              RTE.bind('metrics', ({ next }) => read(next.metrics)),
              RTE.chain(({ next, metrics }) => {
                const values = Object.fromEntries(METRICS.map((name, i) => [name, metrics.data[i] as number])) as Record<
                  Metric,
                  number
                >
                if (values.finite === 1) return afterStep(progress, item, next.state as Stored<State>, values)
                return pipe(
                  firstNonFinite(compiled)(...args),
                  RTE.map(
                    (node): Progress => ({
                      ...progress,
                      stopped: { reason: 'non-finite', message: nonFinite(progress.stepsDone + 1, node) }
                    })
                  )
                )
              })
            )
          })
        )
      )

  /** A good step: the old state goes, events are told, and an epoch is summed up after its last step. */
  const afterStep = (
    progress: Progress,
    { epoch, step }: Item,
    state: Stored<State>,
    values: Record<Metric, number>
  ): Engine<Progress> => {
    const sums = METRICS.map((name, i) => (step === 0 ? 0 : (progress.sums[i] as number)) + values[name])
    const after: Progress = { ...progress, state, sums, stepsDone: progress.stepsDone + 1 }
    const tellStep = RTE.fromIO<void, never, never>(
      observer.tell({ type: 'step', epoch: epoch + 1, step: step + 1, steps, ...values })
    )
    const summed =
      step + 1 === steps
        ? summarise(net, after, {
            epoch,
            epochs: config.epochs,
            steps,
            batch: config.batch,
            learningRate: rateOf(epoch),
            lambda: lambdaOf(epoch)
          })
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

  const oneEpoch =
    (compiled: Step) =>
    (progress: Progress, epoch: number): Engine<Progress> =>
      fold<Progress, Item>(
        batchesOf(config, data, key, epoch).map((batch, step) => ({ epoch, step, ...batch })),
        ended,
        oneStep(compiled)
      )(progress)

  const allSteps = (compiled: Step): Engine<Progress> =>
    pipe(
      observer.now,
      IO.chain(seconds => observer.tell({ type: 'compiled', seconds, ...compiled.report })),
      RTE.fromIO<void, Env, EngineError>,
      RTE.chain(() => store(initialState(net, key)) as unknown as Engine<Stored<State>>),
      RTE.chain(state =>
        fold<Progress, number>(
          epochs,
          ended,
          oneEpoch(compiled)
        )({ state, sums: [], stepsDone: 0, lastEpoch: null, stopped: null })
      ),
      RTE.map(
        (progress): Progress =>
          progress.stopped === null && progress.stepsDone < config.epochs * steps
            ? { ...progress, stopped: { reason: 'interrupted' } }
            : progress
      )
    )

  return scope(
    pipe(
      using(compileStep(net, config, data), allSteps),
      RTE.chain(progress =>
        pipe(
          countCorrect(net, progress.state, data.test),
          RTE.bindTo('correct'),
          RTE.bind('alpha', () => read((progress.state as unknown as { alpha: Stored<Tensor> }).alpha)),
          RTE.map(({ correct, alpha }) => resultOf(net, progress, correct / data.test.count, data.test.count, alpha.data))
        )
      )
    )
  )
}

const nonFinite = (step: number, node: string | undefined): string =>
  `A finite loss and finite gradients were wanted in every step, but in step ${step} ${node ?? 'a value that no node shows'} was the first that is not finite: lower --learning-rate or --lambda.`

/** The cell that alpha prefers. */
const genotypeOf = (space: Space, alpha: ArrayLike<number>): Genotype => ({
  family: 'nb201',
  nodes: largestOperations(
    space.edges.map(([to, from]) => ({ to, from, operations: space.operations })),
    rowsOf(space, alpha)
  )
})

interface EpochFacts {
  readonly epoch: number
  readonly epochs: number
  readonly steps: number
  readonly batch: number
  readonly learningRate: number
  readonly lambda: number
}

/** Means over the epoch's steps, and what alpha says after it. */
const summarise = (
  net: Supernet,
  { state, sums }: Progress,
  { epoch, batch, steps, ...facts }: EpochFacts
): Engine<EpochSummary> =>
  pipe(
    read((state as unknown as { alpha: Stored<Tensor> }).alpha),
    RTE.map(({ data }) => {
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
        genotype: formatGenotype(genotypeOf(net.space, data)),
        alpha: Array.from(data)
      }
    })
  )

const resultOf = (
  { space }: Supernet,
  { lastEpoch, stepsDone, stopped }: Progress,
  testAccuracy: number,
  testImages: number,
  alpha: ArrayLike<number>
): SearchResult => {
  const genotype = genotypeOf(space, alpha)
  const mixtures = mixtureRows(rowsOf(space, alpha))
  return {
    genotype: formatGenotype(genotype),
    connected: isConnected(genotype),
    operations: operationCounts(space.operations, Object.values(cellsOf(genotype)).flat()),
    strengths: mixtures.map(row => Math.max(...row)),
    mixtures,
    testAccuracy,
    testImages,
    epochsDone: lastEpoch?.epoch ?? 0,
    stepsDone,
    lastEpoch,
    stopped
  }
}
