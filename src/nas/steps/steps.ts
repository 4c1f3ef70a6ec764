/** The images of a search, batch by batch, and its compiled step run on them. */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import * as T from 'fp-ts/lib/Task.js'
import type { Key } from '../../autodiff/threefry.js'
import {
  type Compiled,
  compile,
  dispose,
  type Engine,
  firstNonFinite,
  type HostArray,
  read,
  release,
  run,
  type Stored,
  type StoredArguments,
  scope,
  store
} from '../../engine/index.js'
import { stepOptions } from '../configuration/config.js'
import type { SearchConfig } from '../configuration/options.js'
import { type Augmentation, movesOf } from '../data/augment.js'
import { type Move, normalised, type Part, subset } from '../data/dataset.js'
import {
  type Batches,
  METRICS,
  type Metric,
  type Rates,
  type State,
  type StepResult,
  stepBatches,
  stepOf
} from '../method/bilevel.js'
import { foldIn, permutation, stateShapes } from '../method/initialise.js'
import { mapRecord } from '../space/space.js'
import type { Supernet } from '../space/supernet.js'
import { compilingOptions, type UnderWay } from './underway.js'

/**
 * The three parts of a data set: weights are trained on the first, alpha on the second, the result is judged on the
 * third.
 */
export interface SearchData {
  readonly train: Part
  readonly valid: Part
  readonly test: Part
  /** How images of the first two are moved before they are used; not at all, if it does not say. */
  readonly augmentation?: { readonly train: Augmentation; readonly valid: Augmentation }
}

/**
 * Whole batches of an epoch, training and validation images in an order of their own; a partial last batch waits for
 * the next epoch.
 */
export const batchesOf = (
  config: SearchConfig,
  data: SearchData,
  key: Key,
  epoch: number
): readonly { readonly train: readonly number[]; readonly valid: readonly number[] }[] => {
  const [train, valid] = [data.train.count, data.valid.count].map((count, part) =>
    permutation(foldIn(foldIn(key, KEYS.order + part), epoch), count)
  ) as [readonly number[], readonly number[]]
  const steps = stepsPerEpoch(config, data)
  const part = (order: readonly number[], i: number, size: number) => order.slice(i * size, (i + 1) * size)
  return Array.from({ length: steps }, (_, i) => ({
    train: part(train, i, trainingImages(config)),
    valid: part(valid, i, config.batch)
  }))
}

/** Images that a step takes of the training part: a batch, or several one after another. */
export const trainingImages = (config: SearchConfig): number => config.batch * stepBatches(config)

/** Steps for which both parts have whole batches. */
export const stepsPerEpoch = (config: SearchConfig, { train, valid }: SearchData): number =>
  Math.floor(Math.min(train.count / trainingImages(config), valid.count / config.batch))

/** Images and labels at indices, for the engine: normalised, and each moved by its move. */
export const batchArrays = (part: Part, indices: readonly number[], moves?: readonly Move[]) => {
  const selected = subset(part, indices)
  const { labels, count, channels, height, width } = selected
  return {
    images: { data: normalised(selected, moves), shape: [count, channels, height, width], dtype: 'f32' as const },
    labels: { data: labels, shape: [count], dtype: 'i32' as const }
  }
}

/**
 * What each of a search's keys is for; `foldIn(key, 0)` splits the images (see `prepareSearch`), those of `order` and
 * `moves` are for the training part, the ones after them for the validation part.
 */
export const KEYS = {
  order: 1,
  noise: 3,
  testNoise: 4,
  selection: 5,
  tuning: 6,
  curvature: 7,
  moves: 8,
  probe: 9,
  baseline: 10
} as const

export const scalar = (value: number): HostArray => ({ data: Float32Array.of(value), shape: [], dtype: 'f32' })
export const keyArray = (key: Key): HostArray => ({ data: Uint32Array.from(key), shape: [2], dtype: 'u32' })
export const ratesOf = ({ rate, lambda }: { readonly rate: number; readonly lambda: number }, key: Key) => ({
  rate: scalar(rate),
  lambda: scalar(lambda),
  key: keyArray(key)
})

/** `use` of a compiled function, which gives back what it holds, whatever comes of it. */
export const using = <A extends readonly unknown[], R, B>(
  compiling: Engine<Compiled<A, R>>,
  use: (compiled: Compiled<A, R>) => Engine<B>
): Engine<B> => RTE.bracket(compiling, use, compiled => RTE.fromIO(() => dispose(compiled)))

/**
 * Lets timers and signals in: on the reference nothing else waits, and an interruption would not be noticed before the
 * end.
 */
export const pause: Engine<void> = RTE.fromTask(T.delay(0)(T.of(undefined)))

export type Step = Compiled<[State, Batches, Rates], StepResult>

/** Arguments of a step's shapes, to compile one for. */
export const stepExample = (net: Supernet, config: SearchConfig, data: SearchData) => {
  const first = (dataset: Part, count: number) =>
    batchArrays(
      dataset,
      Array.from({ length: count }, (_, i) => i)
    )
  return [
    stateShapes(net),
    { train: first(data.train, trainingImages(config)), valid: first(data.valid, config.batch) },
    ratesOf({ rate: 0, lambda: 0 }, [0, 0])
  ] as const
}

/** The compiled step of a configuration. */
export const compileStep = (net: Supernet, config: SearchConfig, data: SearchData, underWay?: UnderWay): Engine<Step> =>
  compile<[State, Batches, Rates], StepResult>(
    stepOf(net, stepOptions(config)),
    compilingOptions(underWay)
  )(stepExample(net, config, data))

/** One step of a fold: the images of both batches, by their places in the two parts. */
export interface Item {
  readonly epoch: number
  readonly step: number
  readonly train: readonly number[]
  readonly valid: readonly number[]
}

export interface StepRates {
  readonly rate: number
  readonly lambda: number
  readonly key: Key
  /** Of a cutout, where images have one; 1, if it does not say. */
  readonly cutoutProbability?: number
}

/** A step that the device was given: what it was given, and what will come of it. */
export interface Submitted<S extends State = State> {
  readonly item: Item
  readonly args: StoredArguments<[S, Batches, Rates]>
  readonly next: Stored<StepResult>
}

/**
 * A state after a step, and what the step has to say. `culprit`: the first node that was not finite, if one was not.
 */
export interface Stepped {
  readonly state: Stored<State>
  readonly metrics: Readonly<Record<Metric, number>>
  /** By kind of cell, the cosines of all pairs, row by row. */
  readonly cosines: Readonly<Record<string, readonly number[]>>
  readonly culprit: string | undefined
}

/**
 * Gives the device a step on the images of an item, and does not wait for it. What it holds is for `settleStep` to give
 * back.
 */
export const submitStep =
  <S extends State>(compiled: Compiled<[S, Batches, Rates], StepResult>, data: SearchData) =>
  (state: Stored<S>, item: Item, { key, cutoutProbability = 1, ...rates }: StepRates): Engine<Submitted<S>> => {
    const batch = (part: 'train' | 'valid', n: number) => {
      const augmentation = data.augmentation?.[part]
      const moves =
        augmentation &&
        movesOf({ ...augmentation, cutoutProbability }, data[part], item[part].length, foldIn(key, KEYS.moves + n))
      return batchArrays(data[part], item[part], moves)
    }
    return pipe(
      pause,
      RTE.chain(() => store(ratesOf(rates, key))),
      RTE.bindTo('rates'),
      RTE.bind('train', () => store(batch('train', 0))),
      RTE.bind('valid', () => store(batch('valid', 1))),
      RTE.map(({ rates, ...batches }) => [state, batches, rates] as const),
      RTE.bindTo('args'),
      RTE.bind('next', ({ args }) => run(compiled)(...args)),
      RTE.map(submitted => ({ item, ...submitted }))
    )
  }

/** What came of a step. The state before it stays its owner's. */
export const settleStep =
  <S extends State>(compiled: Compiled<[S, Batches, Rates], StepResult>) =>
  ({ args, next }: Submitted<S>): Engine<Stepped> =>
    pipe(
      read({ metrics: next.metrics, cosines: next.cosines }),
      RTE.chain((numbers): Engine<Stepped> => {
        const metrics = Object.fromEntries(
          METRICS.map((name, i) => [name, numbers.metrics.data[i] as number])
        ) as Record<Metric, number>
        const cosines = mapRecord(numbers.cosines, ({ data }) => Array.from(data))
        const after = { state: next.state as Stored<State>, metrics, cosines }
        return metrics.finite === 1
          ? RTE.of({ ...after, culprit: undefined })
          : pipe(
              firstNonFinite(compiled)(...args),
              RTE.map(culprit => ({ ...after, culprit }))
            )
      }),
      RTE.map(stepped => {
        release([args[1], args[2], next.metrics, next.cosines])
        return stepped
      })
    )

/** Runs a step on the images of an item. */
export const runStep =
  <S extends State>(compiled: Compiled<[S, Batches, Rates], StepResult>, data: SearchData) =>
  (state: Stored<S>, item: Item, rates: StepRates): Engine<Stepped> =>
    scope(pipe(submitStep(compiled, data)(state, item, rates), RTE.chain(settleStep(compiled))))
