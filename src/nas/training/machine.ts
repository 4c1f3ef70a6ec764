/**
 * The compiled step of a training, and what it is given: in one piece, or a pass for each micro-batch and an update.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import type { Tensor } from '../../autodiff/tensor.js'
import type { Key } from '../../autodiff/threefry.js'
import {
  type Compiled,
  compile,
  type Engine,
  firstNonFinite,
  fold,
  type Report,
  run,
  type Stored,
  type StoredTensor,
  store
} from '../../engine/index.js'
import { movesOf } from '../data/augment.js'
import type { DerivedNetwork } from '../genotypes/derive.js'
import { tablesOf } from '../method/bilevel.js'
import type { Batch } from '../method/harmony.js'
import { filled, foldIn } from '../method/initialise.js'
import type { LayerNeeds } from '../space/layers.js'
import { batchArrays, keyArray, pause, scalar, using } from '../steps/steps.js'
import { compilingOptions, type UnderWay } from '../steps/underway.js'
import { trainingStepOptions } from './config.js'
import { TRAINING_KEYS, type TrainingData, type TrainingItem } from './data.js'
import type { TrainingConfig } from './options.js'
import {
  type Draw,
  NUMBERS,
  type Sums,
  type TrainingState,
  type TrainingStepResult,
  trainingPass,
  trainingStep,
  trainingUpdate
} from './step.js'

/** What changes from step to step besides the images; the key is that of the step. */
export interface TrainingRates {
  readonly rate: number
  /** The probability to keep a branch. */
  readonly keep: number
  readonly key: Key
}

/**
 * A step that the device was given: what will come of it, what it holds until then, and how to find its first node that
 * is not finite.
 */
export interface SubmittedStep {
  readonly item: TrainingItem
  readonly state: Stored<TrainingState>
  readonly metrics: StoredTensor
  readonly held: unknown
  readonly culprit: Engine<string | undefined>
}

/** A compiled step. */
export interface Machine {
  readonly report: Report
  /** Gives the device a step on the images of an item, and does not wait for it. */
  readonly submit: (state: Stored<TrainingState>, item: TrainingItem, rates: TrainingRates) => Engine<SubmittedStep>
}

/** Dtypes and shapes of a training's state. */
export const trainingShapes = (net: Pick<LayerNeeds, 'parameters' | 'norms'>) => {
  const { weights, statistics } = tablesOf(net)
  const vector = { shape: [weights.size], dtype: 'f32' } as const
  return { weights: vector, momentum: vector, running: { shape: [statistics.size], dtype: 'f32' } as const }
}

/** Images and labels of a micro-batch, moved, and what its pass draws from. */
const givenTo = ({ train, augmentation }: TrainingData, indices: readonly number[], keep: number, key: Key) => ({
  batch: batchArrays(
    train,
    indices,
    augmentation && movesOf(augmentation, train, indices.length, foldIn(key, TRAINING_KEYS.moves))
  ),
  draw: { keep: scalar(keep), key: keyArray(foldIn(key, TRAINING_KEYS.draws)) }
})

type Given = Stored<{ readonly batch: Batch; readonly draw: Draw }>

/** What all micro-batches of an item are given, stored. */
const storeItem = (data: TrainingData, { parts }: TrainingItem, { rate, keep, key }: TrainingRates) =>
  pipe(
    pause,
    RTE.chain(() =>
      store({ rate: scalar(rate), parts: parts.map((indices, n) => givenTo(data, indices, keep, foldIn(key, n))) })
    ),
    RTE.map(stored => stored as { readonly rate: StoredTensor; readonly parts: readonly Given[] })
  )

/** Arguments of the shapes of a micro-batch. */
const exampleOf = (data: TrainingData, size: number) =>
  givenTo(
    data,
    Array.from({ length: size }, (_, i) => i % data.train.count),
    1,
    [0, 0]
  )

const whole = <B>(
  net: DerivedNetwork,
  config: TrainingConfig,
  data: TrainingData,
  underWay: UnderWay | undefined,
  use: (machine: Machine) => Engine<B>
): Engine<B> => {
  const { batch, draw } = exampleOf(data, config.batch)
  const step = compile<[TrainingState, readonly Batch[], readonly Draw[], Tensor], TrainingStepResult>(
    trainingStep(net, trainingStepOptions(config)),
    compilingOptions(underWay)
  )([trainingShapes(net), [batch], [draw], scalar(0)])
  return using(step, compiled =>
    use({
      report: compiled.report,
      submit: (state, item, rates) =>
        pipe(
          storeItem(data, item, rates),
          RTE.chain(({ rate, parts }) => {
            const args = [state, parts.map(({ batch }) => batch), parts.map(({ draw }) => draw), rate] as const
            return pipe(
              run(compiled)(...args),
              RTE.map(next => ({ item, ...next, held: args.slice(1), culprit: firstNonFinite(compiled)(...args) }))
            )
          })
        )
    })
  )
}

type Pass = Compiled<[Tensor, Sums, Batch, Draw], Sums>
type Update = Compiled<[TrainingState, Sums, Tensor], TrainingStepResult>

/** The first node of any pass that is not finite, each pass on sums of nothing. */
const culpritOf = (pass: Pass, { weights }: Stored<TrainingState>, zeros: Stored<Sums>, parts: readonly Given[]) =>
  fold<string | undefined, Given>(
    parts,
    found => found !== undefined,
    (_, { batch, draw }) => firstNonFinite(pass)(weights, zeros, batch, draw)
  )(undefined)

const inPieces = <B>(
  net: DerivedNetwork,
  config: TrainingConfig,
  data: TrainingData,
  underWay: UnderWay | undefined,
  use: (machine: Machine) => Engine<B>
): Engine<B> => {
  const { batch, draw } = exampleOf(data, config.batch / config.accumulate)
  const [shapes, options] = [trainingShapes(net), trainingStepOptions(config)]
  const zeros = {
    gradient: filled(shapes.weights),
    running: filled(shapes.running),
    numbers: filled({ shape: [NUMBERS], dtype: 'f32' })
  }
  const compiling = compile<[Tensor, Sums, Batch, Draw], Sums>(
    trainingPass(net, options, config.accumulate),
    compilingOptions(underWay)
  )([shapes.weights, zeros, batch, draw])
  const machineOf = (pass: Pass, update: Update, nothing: Stored<Sums>): Machine => ({
    report: {
      ...pass.report,
      calls: config.accumulate * pass.report.calls + update.report.calls,
      flops: config.accumulate * pass.report.flops + update.report.flops,
      peakBytes: Math.max(pass.report.peakBytes, update.report.peakBytes),
      pipelines: update.report.pipelines
    },
    submit: (state, item, rates) =>
      pipe(
        storeItem(data, item, rates),
        RTE.bindTo('given'),
        RTE.bind('sums', ({ given: { parts } }) =>
          fold<Stored<Sums>, readonly [number, Given]>(
            parts.entries(),
            () => false,
            // Sums are given away, so that there is one of them; but not those before the first pass, which stay.
            (sums, [n, { batch, draw }]) => run(pass, n === 0 ? {} : { donate: [1] })(state.weights, sums, batch, draw)
          )({ ...nothing, running: state.running })
        ),
        RTE.bind('next', ({ given: { rate }, sums }) => run(update)(state, sums, rate)),
        RTE.map(({ given, sums, next }) => ({
          item,
          ...next,
          held: [given, sums],
          culprit: culpritOf(pass, state, nothing, given.parts)
        }))
      )
  })
  return using(compiling, pass =>
    using(
      compile<[TrainingState, Sums, Tensor], TrainingStepResult>(
        trainingUpdate(options),
        compilingOptions(underWay)
      )([shapes, zeros, scalar(0)]),
      update =>
        pipe(
          store(zeros),
          RTE.chain(nothing => use(machineOf(pass, update, nothing as Stored<Sums>)))
        )
    )
  )
}

/** `use` of the compiled step of a configuration, which is given back, whatever comes of it. */
export const withMachine = <B>(
  net: DerivedNetwork,
  config: TrainingConfig,
  data: TrainingData,
  underWay: UnderWay | undefined,
  use: (machine: Machine) => Engine<B>
): Engine<B> => (config.accumulate === 1 ? whole : inPieces)(net, config, data, underWay, use)
