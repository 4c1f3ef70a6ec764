/** A training from data to weights: a fold of compiled steps over batches, told to an observer event by event. */

import { pipe } from 'fp-ts/lib/function.js'
import * as IO from 'fp-ts/lib/IO.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { keyOf } from '../../autodiff/threefry.js'
import { type Engine, type EngineError, type Env, fold, read, release, type Stored, scope, store } from '../../engine/index.js'
import type { DerivedNetwork } from '../genotypes/derive.js'
import { foldIn } from '../method/initialise.js'
import { cosineRate, linearDropPath } from '../method/schedule.js'
import { nonFinite, type Stop } from '../run/events.js'
import { foldAhead } from '../steps/ahead.js'
import { itemsOf, TRAINING_KEYS, type TrainingData, trainingSteps } from './data.js'
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

/** What the fold carries: the state on the device, the arrays of the best epoch, where it is, and why it ended. */
interface Progress {
  readonly state: Stored<TrainingState>
  readonly best: TrainedArrays
  readonly place: TrainingPlace
  readonly stopped: Stop | null
}

/** What is compiled once for all steps. */
interface Machinery extends Machine {
  readonly evaluate: (state: Stored<TrainingState>) => Engine<Evaluation>
}

const CURE = 'lower --learning-rate, or clip with --clip'

const metricsOf = (data: ArrayLike<number>): Readonly<Record<TrainingMetric, number>> =>
  Object.fromEntries(TRAINING_METRICS.map((name, i) => [name, data[i]])) as Readonly<Record<TrainingMetric, number>>

/**
 * Trains the network of a genotype and tests it after each epoch. Left only for what the engine refuses; an interruption or a number that is not finite ends it
 * with what was reached. Everything random follows from the seed and the step. `from`: a moment that an earlier training of the same configuration and data
 * kept: this one goes on there, and ends as that one would have, to the bit.
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
  const steps = trainingSteps(config, data)
  const rateOf = (epoch: number) => cosineRate(config.learningRate, config.learningRateEnd, epoch, config.epochs)
  const dropPathOf = (epoch: number) => linearDropPath(config.dropPath, epoch, config.epochs)
  const ended = ({ stopped }: Progress) => stopped !== null || observer.interrupted()

  const keep = ({ state, best, place }: Progress): Engine<void> => {
    const { checkpoints } = observer
    return checkpoints
      ? pipe(
          trainingSnapshot(state, best, place),
          RTE.chain(snapshot => RTE.fromIO(checkpoints.keep(snapshot)))
        )
      : RTE.of(undefined)
  }

  /** The test after an epoch is told, and its weights are kept if none were better. */
  const afterEpoch =
    ({ evaluate }: Machinery, epoch: number) =>
    (progress: Progress): Engine<Progress> =>
      pipe(
        evaluate(progress.state),
        RTE.map(test =>
          trainingEpoch(progress.place.sums, test, {
            epoch: epoch + 1,
            epochs: config.epochs,
            steps,
            batch: config.batch,
            learningRate: rateOf(epoch),
            dropPath: dropPathOf(epoch)
          })
        ),
        RTE.chainFirstIOK(summary =>
          pipe(
            observer.now,
            IO.chain(seconds => observer.tell({ type: 'epoch', seconds, ...summary }))
          )
        ),
        RTE.chain(summary => withBest(progress, summary))
      )

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

  /** A good step: the old state goes, the step is told, and an epoch is tested after its last step. */
  const afterStep = (
    machinery: Machinery,
    before: Progress,
    { item: { epoch, step }, state }: SubmittedStep,
    values: Readonly<Record<TrainingMetric, number>>
  ): Engine<Progress> => {
    const { place } = before
    const sums = plusStep(step === 0 ? [] : place.sums, values)
    const isLast = step + 1 === steps
    const after = { ...before, state, place: { ...place, sums, stepsDone: place.stepsDone + 1 } }
    return pipe(
      RTE.fromIO<void, Env, EngineError>(observer.tell({ type: 'step', epoch: epoch + 1, step: step + 1, steps, ...values })),
      RTE.map(() => {
        release(before.state)
        return after
      }),
      RTE.chain(isLast ? afterEpoch(machinery, epoch) : RTE.of),
      RTE.chainFirst(now => (isLast || observer.checkpoints?.due() ? keep(now) : RTE.of(undefined)))
    )
  }

  /** The oldest pending step. Those after one that was not finite count for nothing. */
  const settle =
    (machinery: Machinery) =>
    (progress: Progress, submitted: SubmittedStep): Engine<Progress> =>
      progress.stopped !== null
        ? RTE.of(progress)
        : pipe(
            read(submitted.metrics),
            RTE.map(({ data }) => metricsOf(data)),
            RTE.chain(values =>
              values.finite === 1
                ? afterStep(machinery, progress, submitted, values)
                : pipe(
                    submitted.culprit,
                    RTE.map(culprit => {
                      const message = nonFinite(progress.place.stepsDone + 1, culprit, CURE)
                      return { ...progress, stopped: { reason: 'non-finite', message } as const }
                    })
                  )
            ),
            RTE.map(next => {
              release([submitted.held, submitted.metrics])
              return next
            })
          )

  const oneEpoch =
    (machinery: Machinery) =>
    (progress: Progress, epoch: number): Engine<Progress> =>
      scope(
        foldAhead(
          itemsOf(config, data, key, epoch).slice(Math.max(0, from.place.stepsDone - epoch * steps)),
          ended,
          ({ state }: Progress, last: SubmittedStep | undefined, item) =>
            machinery.submit(last?.state ?? state, item, {
              rate: rateOf(item.epoch),
              keep: 1 - dropPathOf(item.epoch),
              key: foldIn(foldIn(key, TRAINING_KEYS.draws), item.epoch * steps + item.step)
            }),
          settle(machinery)
        )(progress)
      )

  const allSteps = (machinery: Machinery): Engine<TrainingResult> =>
    pipe(
      observer.now,
      IO.chain(seconds => observer.tell({ type: 'compiled', seconds, ...machinery.report })),
      RTE.fromIO<void, Env, EngineError>,
      RTE.chain(() => store(from.state)),
      RTE.map((state): Progress => ({ state, best: from.best, place: from.place, stopped: null })),
      RTE.chainFirst(progress => (from.place.stepsDone === 0 ? keep(progress) : RTE.of(undefined))),
      RTE.chain(
        fold<Progress, number>(
          Array.from({ length: config.epochs }, (_, epoch) => epoch).slice(Math.floor(from.place.stepsDone / steps)),
          ended,
          oneEpoch(machinery)
        )
      ),
      RTE.map(
        (progress): Progress =>
          progress.stopped === null && progress.place.stepsDone < config.epochs * steps
            ? { ...progress, stopped: { reason: 'interrupted' } }
            : progress
      ),
      RTE.chainFirst(progress => (progress.stopped?.reason === 'interrupted' ? keep(progress) : RTE.of(undefined))),
      RTE.chain(progress => resultOf(machinery, progress))
    )

  const resultOf = ({ evaluate }: Machinery, { state, best, place, stopped }: Progress): Engine<TrainingResult> =>
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

  return scope(
    withMachine(net, config, data, observer.preparing, machine =>
      withEvaluation(net, data.test, config.batch / config.accumulate, foldIn(key, TRAINING_KEYS.test), evaluate =>
        allSteps({ ...machine, evaluate })
      )
    )
  )
}
