/** A training from data to weights: a fold of compiled steps over batches, told to an observer event by event. */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { type Key, keyOf } from '../../autodiff/threefry.js'
import {
  type Engine,
  type EngineError,
  type Env,
  read,
  release,
  type Stored,
  scope,
  store
} from '../../engine/index.js'
import type { DerivedNetwork } from '../genotypes/derive.js'
import { foldIn } from '../method/initialise.js'
import { cosineRate, linearDropPath } from '../method/schedule.js'
import { keepMoment } from '../run/checkpoint.js'
import { takeSteps } from '../run/epochs.js'
import { notFinite, type Stop, tellTimed } from '../run/events.js'
import { itemsOf, TRAINING_KEYS, type TrainingData, type TrainingItem, trainingSteps } from './data.js'
import { type Evaluation, withEvaluation } from './evaluate.js'
import {
  plusStep,
  type TrainedArrays,
  type TrainingEpoch,
  type TrainingObserver,
  type TrainingResult,
  trainingEpoch
} from './events.js'
import { type Machine, type SubmittedStep, withMachine } from './machine.js'
import type { TrainingConfig } from './options.js'
import { type TrainingPlace, type TrainingStart, trainingSnapshot, trainingStart } from './place.js'
import { TRAINING_METRICS, type TrainingMetric, type TrainingState } from './step.js'

const CURE = 'lower --learning-rate, or clip with --clip'

/** What does not change while a training runs. */
interface Training {
  readonly net: DerivedNetwork
  readonly config: TrainingConfig
  readonly data: TrainingData
  readonly observer: TrainingObserver
  readonly from: TrainingStart
  readonly key: Key
  /** Of an epoch. */
  readonly steps: number
}

/** What is compiled once for all steps. */
interface Machinery extends Machine {
  readonly evaluate: (state: Stored<TrainingState>) => Engine<Evaluation>
}

/** What the fold carries: the state on the device, the arrays of the best epoch, where it is, and why it ended. */
interface Progress {
  readonly state: Stored<TrainingState>
  readonly best: TrainedArrays
  readonly place: TrainingPlace
  readonly stopped: Stop | null
}

/** Keeps the state at hand, if moments are kept. */
const keep = ({ observer }: Training, { state, best, place }: Progress): Engine<void> =>
  keepMoment(observer.checkpoints, () => trainingSnapshot(state, best, place))

/** The schedules of an epoch. */
const ratesAt = (config: TrainingConfig, epoch: number) => ({
  rate: cosineRate(config.learningRate, config.learningRateEnd, epoch, config.epochs),
  dropPath: linearDropPath(config.dropPath, epoch, config.epochs)
})

const metricsOf = (data: ArrayLike<number>): Readonly<Record<TrainingMetric, number>> =>
  Object.fromEntries(TRAINING_METRICS.map((name, i) => [name, data[i]])) as Readonly<Record<TrainingMetric, number>>

/** The arrays of the best epoch: those at hand, if none were better. */
const withBest = (progress: Progress, summary: TrainingEpoch): Engine<Progress> => {
  const { best } = progress.place
  const better = best === null || summary.testTop1 > best.testTop1
  const place = { ...progress.place, lastEpoch: summary, best: better ? summary : best }
  const { weights, running } = progress.state
  return pipe(
    better ? read({ weights, running }) : RTE.of(progress.best),
    RTE.map(arrays => ({ ...progress, place, best: arrays }))
  )
}

/** The test after an epoch is told, and its weights are kept if none were better. */
const afterEpoch =
  ({ config, observer, steps }: Training, { evaluate }: Machinery, epoch: number) =>
  (progress: Progress): Engine<Progress> =>
    pipe(
      evaluate(progress.state),
      RTE.map(test => {
        const { rate, dropPath } = ratesAt(config, epoch)
        return trainingEpoch(progress.place.sums, test, {
          epoch: epoch + 1,
          epochs: config.epochs,
          steps,
          batch: config.batch,
          learningRate: rate,
          dropPath
        })
      }),
      RTE.chainFirstIOK(summary => tellTimed(observer)(seconds => ({ type: 'epoch', seconds, ...summary }))),
      RTE.chain(summary => withBest(progress, summary))
    )

/** A good step: the old state goes, the step is told, and an epoch is tested after its last step. */
const afterStep = (
  training: Training,
  machinery: Machinery,
  before: Progress,
  { item: { epoch, step }, state }: SubmittedStep,
  values: Readonly<Record<TrainingMetric, number>>
): Engine<Progress> => {
  const { observer, steps } = training
  const { place } = before
  const sums = plusStep(step === 0 ? [] : place.sums, values)
  const isLast = step + 1 === steps
  const after = { ...before, state, place: { ...place, sums, stepsDone: place.stepsDone + 1 } }
  return pipe(
    RTE.fromIO<void, Env, EngineError>(
      observer.tell({ type: 'step', epoch: epoch + 1, step: step + 1, steps, ...values })
    ),
    RTE.map(() => {
      release(before.state)
      return after
    }),
    RTE.chain(isLast ? afterEpoch(training, machinery, epoch) : RTE.of),
    RTE.chainFirst(now => (isLast || observer.checkpoints?.due() ? keep(training, now) : RTE.of(undefined)))
  )
}

/** The oldest pending step. */
const settle =
  (training: Training, machinery: Machinery) =>
  (progress: Progress, submitted: SubmittedStep): Engine<Progress> =>
    pipe(
      read(submitted.metrics),
      RTE.map(({ data }) => metricsOf(data)),
      RTE.chain(values =>
        values.finite === 1
          ? afterStep(training, machinery, progress, submitted, values)
          : pipe(
              submitted.culprit,
              RTE.map(culprit => ({ ...progress, stopped: notFinite(progress.place.stepsDone + 1, culprit, CURE) }))
            )
      ),
      RTE.map(next => {
        release([submitted.held, submitted.metrics])
        return next
      })
    )

const submit =
  ({ config, key, steps }: Training, machinery: Machinery) =>
  ({ state }: Progress, last: SubmittedStep | undefined, item: TrainingItem): Engine<SubmittedStep> => {
    const { rate, dropPath } = ratesAt(config, item.epoch)
    const draws = foldIn(foldIn(key, TRAINING_KEYS.draws), item.epoch * steps + item.step)
    return machinery.submit(last?.state ?? state, item, { rate, keep: 1 - dropPath, key: draws })
  }

/** All steps that are left. */
const allSteps = (training: Training, machinery: Machinery): Engine<Progress> => {
  const { config, data, observer, from, key, steps } = training
  return pipe(
    RTE.fromIO<void, Env, EngineError>(
      tellTimed(observer)(seconds => ({ type: 'compiled', seconds, ...machinery.report }))
    ),
    RTE.chain(() => store(from.state)),
    RTE.map((state): Progress => ({ state, best: from.best, place: from.place, stopped: null })),
    RTE.chainFirst(progress => (from.place.stepsDone === 0 ? keep(training, progress) : RTE.of(undefined))),
    RTE.chain(
      takeSteps(observer, {
        epochs: config.epochs,
        steps,
        before: from.place.stepsDone,
        itemsOf: epoch => itemsOf(config, data, key, epoch),
        submit: submit(training, machinery),
        settle: settle(training, machinery),
        doneOf: ({ place }) => place.stepsDone,
        keep: progress => keep(training, progress)
      })
    )
  )
}

/** The weights after the last step, tested, beside those of the best epoch. */
const resultOf =
  ({ data }: Training, { evaluate }: Machinery) =>
  ({ state, best, place, stopped }: Progress): Engine<TrainingResult> =>
    pipe(
      evaluate(state),
      RTE.bindTo('last'),
      RTE.bind('arrays', () => read({ weights: state.weights, running: state.running })),
      RTE.map(({ last, arrays }) => ({
        last,
        best: place.best,
        lastEpoch: place.lastEpoch,
        testImages: data.test.count,
        epochsDone: place.lastEpoch?.epoch ?? 0,
        stepsDone: place.stepsDone,
        stopped,
        arrays: { last: arrays, best }
      }))
    )

/**
 * Trains the network of a genotype and tests it after each epoch. Left only for what the engine refuses; an
 * interruption or a number that is not finite ends it with what was reached. Everything random follows from the seed
 * and the step. `from`: a moment that an earlier training of the same configuration and data kept: this one goes on
 * there, and ends as that one would have, to the bit.
 * @example
 * const quietly = (net: DerivedNetwork, config: TrainingConfig, data: TrainingData) =>
 *   train(net, config, data, { tell: () => () => {}, interrupted: () => false, now: Date.now })
 */
export const train = (
  net: DerivedNetwork,
  config: TrainingConfig,
  data: TrainingData,
  observer: TrainingObserver,
  from: TrainingStart = trainingStart(net, keyOf(config.seed))
): Engine<TrainingResult> => {
  const key = keyOf(config.seed)
  const training = { net, config, data, observer, from, key, steps: trainingSteps(config, data) }
  const testKey = foldIn(key, TRAINING_KEYS.test)
  return scope(
    withMachine(net, config, data, observer.underWay, machine =>
      withEvaluation(net, data.test, config.batch / config.accumulate, testKey, observer.underWay, evaluate => {
        const machinery = { ...machine, evaluate }
        return pipe(allSteps(training, machinery), RTE.chain(resultOf(training, machinery)))
      })
    )
  )
}
