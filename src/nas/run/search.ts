/** A search from data to genotype: a fold of compiled steps over batches, told to an observer event by event. */

import { pipe } from 'fp-ts/lib/function.js'
import * as IO from 'fp-ts/lib/IO.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { keyOf } from '../../autodiff/threefry.js'
import {
  dispose,
  type Engine,
  type EngineError,
  type Env,
  fold,
  type HostArray,
  read,
  release,
  type Stored,
  scope,
  store
} from '../../engine/index.js'
import { stepOptions } from '../configuration/config.js'
import type { SearchConfig } from '../configuration/options.js'
import { compileHessian, spectrumAt } from '../diagnosis/spectrum.js'
import { type Metric, type State, tablesOf } from '../method/bilevel.js'
import { type Alpha, lossOf, mixturesOf } from '../method/harmony.js'
import { foldIn, initialState } from '../method/initialise.js'
import { cosineRate, linearLambda, linearShare } from '../method/schedule.js'
import { planOf, type View, viewOf } from '../selection/perturbation.js'
import { type Selected, selectByPerturbation } from '../selection/selection.js'
import { fixedMixing, type Tuned, withFreshMomentum, withSupernetwork } from '../selection/tuning.js'
import { unpack } from '../space/layers.js'
import { mapRecord } from '../space/space.js'
import { noiseOf, type Supernet } from '../space/supernet.js'
import { foldAhead } from '../steps/ahead.js'
import { countCorrect } from '../steps/evaluate.js'
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
} from '../steps/steps.js'
import {
  type ByKind,
  type EpochSummary,
  epochSummary,
  nonFinite,
  noSums,
  type Observer,
  plus,
  type SearchResult,
  type Stop,
  type Sums,
  searchResult,
  stopOf
} from './events.js'
import { type SearchPlace, type SearchStart, snapshotAt } from './place.js'

/** What the fold carries: the state on the device, the sums of the epoch, and what was told last. */
interface Progress {
  readonly state: Stored<State>
  /** Of the epoch under way. */
  readonly sums: Sums
  readonly stepsDone: number
  readonly lastEpoch: EpochSummary | null
  readonly stopped: Stop | null
  /** What a selection by perturbation has decided. */
  readonly view: View | null
}

/** Nothing done. */
const START: SearchPlace = { stepsDone: 0, sums: noSums, lastEpoch: null, selection: null }

/**
 * Searches. Left only for what the engine refuses; an interruption or a number that is not finite ends it with what was reached. `from`: a
 * moment that an earlier search of the same configuration and data kept: this one goes on there, and ends as that one would have, to the bit.
 */
export const search = (
  net: Supernet,
  config: SearchConfig,
  data: SearchData,
  observer: Observer,
  from: SearchStart = { state: initialState(net, keyOf(config.seed)), place: START }
): Engine<SearchResult> => {
  const key = keyOf(config.seed)
  const steps = stepsPerEpoch(config, data)
  const lambdaOf = (epoch: number) => (stepOptions(config).regularised ? linearLambda(config.lambda, epoch, config.epochs) : 0)
  const rateOf = (epoch: number) => cosineRate(config.learningRate, config.learningRateEnd, epoch, config.epochs)
  const cutoutOf = (epoch: number) => (config.cutoutSchedule === 'linear' ? linearShare(epoch, config.epochs) : 1)
  const epochs = Array.from({ length: config.epochs }, (_, epoch) => epoch)
  const ended = ({ stopped }: Progress) => stopped !== null || observer.interrupted()

  /** Keeps the state at hand, if moments are kept. */
  const keep = (state: Stored<State>, place: SearchPlace): Engine<void> => {
    const { checkpoints } = observer
    return checkpoints
      ? pipe(
          snapshotAt(state, place),
          RTE.chain(snapshot => RTE.fromIO(checkpoints.keep(snapshot)))
        )
      : RTE.of(undefined)
  }
  const placeOf = ({ stepsDone, sums, lastEpoch }: Progress): SearchPlace => ({ stepsDone, sums, lastEpoch, selection: null })

  const submit =
    ({ step }: Machinery) =>
    ({ state }: Progress, last: Submitted | undefined, item: Item): Engine<Submitted> =>
      submitStep(step, data)(last?.next.state ?? state, item, {
        rate: rateOf(item.epoch),
        lambda: lambdaOf(item.epoch),
        cutoutProbability: cutoutOf(item.epoch),
        key: foldIn(foldIn(key, KEYS.noise), item.epoch * steps + item.step)
      })

  /** The oldest pending step. Those after one that was not finite count for nothing. */
  const settle =
    (machinery: Machinery) =>
    (progress: Progress, submitted: Submitted): Engine<Progress> =>
      progress.stopped !== null
        ? RTE.of(progress)
        : pipe(
            settleStep(machinery.step)(submitted),
            RTE.chain(({ state, metrics, cosines, culprit }) =>
              metrics.finite === 1
                ? afterStep(machinery, progress, submitted.item, state, metrics, cosines)
                : RTE.of({
                    ...progress,
                    stopped: { reason: 'non-finite', message: nonFinite(progress.stepsDone + 1, culprit) } as const
                  })
            )
          )

  /** A good step: the old state goes, events are told, and an epoch is summed up after its last step. */
  const afterStep = (
    { curvature }: Machinery,
    progress: Progress,
    { epoch, step }: Item,
    state: Stored<State>,
    values: Readonly<Record<Metric, number>>,
    cosines: ByKind
  ): Engine<Progress> => {
    const sums = plus(step === 0 ? noSums : progress.sums, values, cosines)
    const after: Progress = { ...progress, state, sums, stepsDone: progress.stepsDone + 1 }
    const tellStep = RTE.fromIO<void, never, never>(
      observer.tell({ type: 'step', epoch: epoch + 1, step: step + 1, steps, ...values })
    )
    const summed =
      step + 1 === steps
        ? pipe(
            curvature(state),
            RTE.bindTo('eigenvalue'),
            RTE.bind('alpha', () => read(state.alpha)),
            RTE.map(({ eigenvalue, alpha }) =>
              epochSummary(net.space, sums, numbersOf(alpha), {
                epoch: epoch + 1,
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
      RTE.map((summary): Progress => {
        release(progress.state)
        return summary ? { ...after, lastEpoch: summary } : after
      }),
      RTE.chainFirst(now =>
        step + 1 === steps || observer.checkpoints?.due() ? keep(now.state, placeOf(now)) : RTE.of(undefined)
      )
    )
  }

  const oneEpoch =
    (machinery: Machinery) =>
    (progress: Progress, epoch: number): Engine<Progress> =>
      scope(
        foldAhead(
          batchesOf(config, data, key, epoch)
            .map((batch, step) => ({ epoch, step, ...batch }))
            .slice(Math.max(0, from.place.stepsDone - epoch * steps)),
          ended,
          submit(machinery),
          settle(machinery)
        )(progress)
      )

  const allSteps = (step: Step): Engine<Progress> =>
    pipe(
      observer.now,
      IO.chain(seconds => observer.tell({ type: 'compiled', seconds, ...step.report })),
      RTE.fromIO<void, Env, EngineError>,
      RTE.chain(() => store(from.state)),
      RTE.chainFirst(state => (from.place === START ? keep(state, START) : RTE.of(undefined))),
      RTE.chain(state =>
        withCurvature(
          net,
          config,
          data,
          state
        )(curvature =>
          fold<Progress, number>(
            epochs.slice(Math.floor(from.place.stepsDone / steps)),
            ended,
            oneEpoch({ step, curvature })
          )({ ...from.place, state, stopped: null, view: null })
        )
      ),
      RTE.map(
        (progress): Progress =>
          progress.stopped === null && progress.stepsDone < config.epochs * steps
            ? { ...progress, stopped: { reason: 'interrupted' } }
            : progress
      ),
      RTE.chainFirst(progress =>
        progress.stopped?.reason === 'interrupted' ? keep(progress.state, placeOf(progress)) : RTE.of(undefined)
      )
    )

  const keepSelection =
    (progress: Progress) =>
    ({ state: { state, stepsDone }, projection, rounds, epochs, trained }: Selected<Tuned>): Engine<void> =>
      keep(state, { ...placeOf(progress), selection: { projection, rounds, epochs, trained, stepsDone } })

  /** A selection by perturbation, if that was asked for and the search came to its end. */
  const selected = (progress: Progress): Engine<Progress> =>
    config.select === 'magnitude' || progress.stopped !== null
      ? RTE.of(progress)
      : pipe(
          from.place.selection ? RTE.of(progress.state) : withFreshMomentum(progress.state),
          RTE.chain(state =>
            withSupernetwork(
              net,
              config,
              data,
              observer
            )(network =>
              selectByPerturbation(
                net.space,
                { ...network, keep: keepSelection(progress) },
                {
                  key: foldIn(key, KEYS.selection),
                  criterion: config.selectCriterion,
                  interval: config.selectEpochs,
                  ignoreDropped: config.selectIgnoresDropped
                }
              )(
                { state, owned: false, stepsDone: from.place.selection?.stepsDone ?? 0, failure: null },
                from.place.selection ?? undefined
              )
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
          RTE.map(({ correct, alpha }) => {
            const { view, stepsDone, lastEpoch, stopped } = progress
            const testAccuracy = correct / data.test.count
            const reached = { testAccuracy, testImages: data.test.count, stepsDone, lastEpoch, stopped }
            return searchResult(net.space, numbersOf(alpha), view, reached)
          })
        )
      )
    )
  )
}

/** Numbers by kind of cell. */
const numbersOf = (alpha: Readonly<Record<string, HostArray>>): ByKind => mapRecord(alpha, ({ data }) => Array.from(data))

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
