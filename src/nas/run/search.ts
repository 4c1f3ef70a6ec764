/** A search from data to genotype: a fold of compiled steps over batches, told to an observer event by event. */

import { pipe } from 'fp-ts/lib/function.js'
import * as IO from 'fp-ts/lib/IO.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { type Key, keyOf } from '../../autodiff/threefry.js'
import {
  type Engine,
  type EngineError,
  type Env,
  type HostArray,
  read,
  release,
  type Stored,
  scope,
  store
} from '../../engine/index.js'
import { stepOptions } from '../configuration/config.js'
import type { SearchConfig } from '../configuration/options.js'
import { type Curvature, withCurvature } from '../diagnosis/curvature.js'
import { type Probe, withProbe } from '../diagnosis/quotient.js'
import type { State } from '../method/bilevel.js'
import { foldIn, initialState } from '../method/initialise.js'
import { cosineRate, linearLambda, linearShare } from '../method/schedule.js'
import { type Masks, masksOf, planOf } from '../selection/perturbation.js'
import { type Selected, selectByPerturbation } from '../selection/selection.js'
import { fixedMixing, type Tuned, withFreshMomentum, withSupernetwork } from '../selection/tuning.js'
import { mapRecord } from '../space/space.js'
import type { Supernet } from '../space/supernet.js'
import { countCorrect } from '../steps/evaluate.js'
import {
  batchesOf,
  compileStep,
  type Item,
  KEYS,
  type SearchData,
  type Step,
  type Stepped,
  type Submitted,
  settleStep,
  stepsPerEpoch,
  submitStep,
  using
} from '../steps/steps.js'
import { keepMoment } from './checkpoint.js'
import { takeSteps } from './epochs.js'
import {
  type ByKind,
  type EpochSummary,
  epochSummary,
  noSums,
  notFinite,
  type Observer,
  plus,
  type SearchResult,
  type Stop,
  type Sums,
  searchResult,
  stopOf,
  tellTimed
} from './events.js'
import { type SearchPlace, type SearchStart, snapshotAt } from './place.js'
import { profileStep } from './profile.js'

/** What does not change while a search runs. */
interface Search {
  readonly net: Supernet
  readonly config: SearchConfig
  readonly data: SearchData
  readonly observer: Observer
  readonly from: SearchStart
  readonly key: Key
  /** Of an epoch. */
  readonly steps: number
}

/** What is compiled once for all steps. */
interface Machinery {
  readonly step: Step
  readonly curvature: Curvature
  readonly probe: Probe
}

/** What the fold carries: the state on the device, the sums of the epoch, and what was told last. */
interface Progress {
  readonly state: Stored<State>
  /** Of the epoch under way. */
  readonly sums: Sums
  readonly stepsDone: number
  readonly lastEpoch: EpochSummary | null
  readonly stopped: Stop | null
  /** What a selection by perturbation has decided. */
  readonly masks: Masks | null
}

/** Nothing done. */
const START: SearchPlace = { stepsDone: 0, sums: noSums, lastEpoch: null, selection: null }

const placeOf = ({ stepsDone, sums, lastEpoch }: Progress): SearchPlace => ({
  stepsDone,
  sums,
  lastEpoch,
  selection: null
})

/** Keeps the state at hand, if moments are kept. */
const keep = ({ observer }: Search, state: Stored<State>, place: SearchPlace): Engine<void> =>
  keepMoment(observer.checkpoints, () => snapshotAt(state, place))

/** The schedules of an epoch. */
const ratesAt = (config: SearchConfig, epoch: number) => ({
  rate: cosineRate(config.learningRate, config.learningRateEnd, epoch, config.epochs),
  lambda: stepOptions(config).regularised ? linearLambda(config.lambda, epoch, config.epochs) : 0,
  cutoutProbability: config.cutoutSchedule === 'linear' ? linearShare(epoch, config.epochs) : 1
})

const submit =
  ({ config, data, key, steps }: Search, { step }: Machinery) =>
  ({ state }: Progress, last: Submitted | undefined, item: Item): Engine<Submitted> =>
    submitStep(step, data)(last?.next.state ?? state, item, {
      ...ratesAt(config, item.epoch),
      key: foldIn(foldIn(key, KEYS.noise), item.epoch * steps + item.step)
    })

/** What an epoch comes to, after its last step. */
const summaryAfter = (
  { net, config, steps }: Search,
  { curvature, probe }: Machinery,
  state: Stored<State>,
  sums: Sums,
  epoch: number
): Engine<EpochSummary> =>
  pipe(
    curvature(state),
    RTE.bindTo('eigenvalue'),
    RTE.bind('quotient', () => probe(state)),
    RTE.bind('alpha', () => read(state.alpha)),
    RTE.map(({ eigenvalue, quotient, alpha }) => {
      const { rate, lambda } = ratesAt(config, epoch)
      return epochSummary(net.space, sums, numbersOf(alpha), {
        epoch: epoch + 1,
        epochs: config.epochs,
        steps,
        batch: config.batch,
        learningRate: rate,
        lambda,
        eigenvalue,
        quotient
      })
    })
  )

/** A good step: the old state goes, events are told, and an epoch is summed up after its last step. */
const afterStep = (
  running: Search,
  machinery: Machinery,
  before: Progress,
  { epoch, step }: Item,
  { state, metrics, cosines }: Stepped
): Engine<Progress> => {
  const { observer, steps } = running
  const sums = plus(step === 0 ? noSums : before.sums, metrics, cosines)
  const after: Progress = { ...before, state, sums, stepsDone: before.stepsDone + 1 }
  const isLast = step + 1 === steps
  return pipe(
    RTE.fromIO<void, Env, EngineError>(
      observer.tell({ type: 'step', epoch: epoch + 1, step: step + 1, steps, ...metrics })
    ),
    RTE.chain(
      (): Engine<EpochSummary | null> => (isLast ? summaryAfter(running, machinery, state, sums, epoch) : RTE.of(null))
    ),
    RTE.chainFirstIOK(summary =>
      summary ? tellTimed(observer)(seconds => ({ type: 'epoch', seconds, ...summary })) : IO.of(undefined)
    ),
    RTE.map((summary): Progress => {
      release(before.state)
      return summary ? { ...after, lastEpoch: summary } : after
    }),
    RTE.chainFirst(now =>
      isLast || observer.checkpoints?.due() ? keep(running, now.state, placeOf(now)) : RTE.of(undefined)
    )
  )
}

/** The oldest pending step. */
const settle =
  (running: Search, machinery: Machinery) =>
  (progress: Progress, submitted: Submitted): Engine<Progress> =>
    pipe(
      settleStep(machinery.step)(submitted),
      RTE.chain(
        (stepped): Engine<Progress> =>
          stepped.metrics.finite === 1
            ? afterStep(running, machinery, progress, submitted.item, stepped)
            : RTE.of({ ...progress, stopped: notFinite(progress.stepsDone + 1, stepped.culprit) })
      )
    )

/** All steps that are left. */
const allSteps =
  (running: Search) =>
  (step: Step): Engine<Progress> => {
    const { net, config, data, observer, from, key, steps } = running
    const run = (curvature: Curvature, probe: Probe) => {
      const machinery = { step, curvature, probe }
      return takeSteps(observer, {
        epochs: config.epochs,
        steps,
        before: from.place.stepsDone,
        itemsOf: epoch => batchesOf(config, data, key, epoch).map((batch, n): Item => ({ epoch, step: n, ...batch })),
        submit: submit(running, machinery),
        settle: settle(running, machinery),
        doneOf: ({ stepsDone }) => stepsDone,
        keep: progress => keep(running, progress.state, placeOf(progress))
      })
    }
    const profile = ({ state, stopped }: Progress): Engine<void> =>
      observer.profiled && stopped === null && from.place.selection === null
        ? pipe(profileStep(net, config, data, step, state), RTE.chainIOK(observer.profiled))
        : RTE.of(undefined)
    return pipe(
      RTE.fromIO<void, Env, EngineError>(
        tellTimed(observer)(seconds => ({ type: 'compiled', seconds, ...step.report }))
      ),
      RTE.chain(() => store(from.state)),
      RTE.chainFirst(state => (from.place === START ? keep(running, state, START) : RTE.of(undefined))),
      RTE.chain(state =>
        withCurvature(
          net,
          config,
          data,
          state
        )(curvature =>
          withProbe(
            net,
            config,
            data,
            state
          )(probe => run(curvature, probe)({ ...from.place, state, stopped: null, masks: null }))
        )
      ),
      RTE.chainFirst(profile)
    )
  }

/** What the rounds of a selection by perturbation have come to. */
const rounds = (running: Search, progress: Progress, state: Stored<State>): Engine<Selected<Tuned>> => {
  const { net, config, data, observer, from, key } = running
  const keepSelection = ({
    state: tuned,
    projection,
    rounds: done,
    epochs,
    trained
  }: Selected<Tuned>): Engine<void> => {
    const selection = { projection, rounds: done, epochs, trained, stepsDone: tuned.stepsDone }
    return keep(running, tuned.state, { ...placeOf(progress), selection })
  }
  return withSupernetwork(
    net,
    config,
    data,
    observer
  )(network =>
    selectByPerturbation(
      net.space,
      { ...network, keep: keepSelection },
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
}

/** A selection by perturbation, if that was asked for and the search came to its end. */
const selected =
  (running: Search) =>
  (progress: Progress): Engine<Progress> => {
    const { net, config, from, key } = running
    if (config.select === 'magnitude' || progress.stopped !== null) return RTE.of(progress)
    return pipe(
      from.place.selection ? RTE.of(progress.state) : withFreshMomentum(progress.state),
      RTE.chain(state => rounds(running, progress, state)),
      RTE.map(({ state: tuned, projection, rounds: done }): Progress => {
        const interrupted = done < planOf(net.space, foldIn(key, KEYS.selection)).length
        return {
          ...progress,
          state: tuned.state,
          masks: masksOf(net.space, projection),
          stopped: stopOf(tuned.failure, progress.stepsDone + tuned.stepsDone, interrupted)
        }
      })
    )
  }

/** The cell that was found, and what the supernet gets right of the test part. */
const resultOf =
  ({ net, data, key, observer }: Search) =>
  ({ state, masks, stepsDone, lastEpoch, stopped }: Progress): Engine<SearchResult> =>
    pipe(
      countCorrect(net, state, data.test, foldIn(key, KEYS.testNoise), {
        ...(masks ? { mixing: fixedMixing(net, masks) } : {}),
        ...(observer.underWay ? { underWay: observer.underWay } : {})
      }),
      RTE.bindTo('correct'),
      RTE.bind('alpha', () => read(state.alpha)),
      RTE.map(({ correct, alpha }) => {
        const { count: testImages } = data.test
        const reached = { testAccuracy: correct / testImages, testImages, stepsDone, lastEpoch, stopped }
        return searchResult(net.space, numbersOf(alpha), masks, reached)
      })
    )

/**
 * Searches. Left only for what the engine refuses; an interruption or a number that is not finite ends it with what was
 * reached. `from`: a moment that an earlier search of the same configuration and data kept: this one goes on there, and
 * ends as that one would have, to the bit.
 */
export const search = (
  net: Supernet,
  config: SearchConfig,
  data: SearchData,
  observer: Observer,
  from: SearchStart = { state: initialState(net, keyOf(config.seed)), place: START }
): Engine<SearchResult> => {
  const running = { net, config, data, observer, from, key: keyOf(config.seed), steps: stepsPerEpoch(config, data) }
  return scope(
    pipe(
      using(compileStep(net, config, data, observer.underWay), allSteps(running)),
      RTE.chain(selected(running)),
      RTE.chain(resultOf(running))
    )
  )
}

/** Numbers by kind of cell. */
const numbersOf = (alpha: Readonly<Record<string, HostArray>>): ByKind =>
  mapRecord(alpha, ({ data }) => Array.from(data))
