/**
 * What a selection by perturbation asks of a supernet, on the engine: evaluation under masks, and training under masks.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { logSoftmax, softmax } from '../../autodiff/nn.js'
import * as $ from '../../autodiff/ops/index.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { keyOf } from '../../autodiff/threefry.js'
import { mapTree, zipTrees } from '../../autodiff/tree.js'
import {
  type Compiled,
  compile,
  type Engine,
  fold,
  type HostArray,
  read,
  release,
  run,
  type Stored,
  type Storing,
  scope,
  store
} from '../../engine/index.js'
import { stepOptions } from '../configuration/config.js'
import type { SearchConfig } from '../configuration/options.js'
import {
  type Batches,
  METRICS,
  type Metric,
  type Rates,
  type State,
  type StepOptions,
  type StepResult,
  stepOf,
  tablesOf
} from '../method/bilevel.js'
import type { Alpha, Mixing } from '../method/harmony.js'
import { foldIn, stateShapes } from '../method/initialise.js'
import { unpack } from '../space/layers.js'
import { mapRecord, type Space } from '../space/space.js'
import { noiseOf, type Supernet } from '../space/supernet.js'
import {
  batchArrays,
  batchesOf,
  type Item,
  KEYS,
  keyArray,
  runStep,
  type SearchData,
  type Stepped,
  stepExample,
  using
} from '../steps/steps.js'
import { compilingOptions, type UnderWay } from '../steps/underway.js'
import { mixtureRows, rowsOf } from './magnitude.js'
import type { Masks, Score } from './perturbation.js'
import type { DecisionEvent, Mixtures, Supernetwork } from './selection.js'

/** Masks as tensors: see `Masks`. */
export interface MaskTensors {
  readonly choice: Alpha
  readonly keep: Alpha
}

/**
 * The mixtures of a network under masks: keep * (choice where an edge is decided, else softmax(alpha)). No gradient
 * passes a decision.
 */
export const maskedMixing =
  ({ cells }: Supernet, { choice, keep }: MaskTensors): Mixing =>
  alpha => {
    const mixtures = zipTrees(
      mapTree(alpha, leaf => softmax(leaf)),
      [choice, keep],
      (p, chosen, kept) => {
        const decided = $.greater($.sum(chosen as Tensor, 1, { keepDims: true }), 0)
        return $.mul($.where(decided, chosen as Tensor, p), kept as Tensor)
      }
    )
    return cells.map(({ type }) => mixtures[type] as Tensor)
  }

/** What `f` makes of each matrix of masks, given its numbers and their shape. */
const mapMasks = <T>(
  { choice, keep }: Masks,
  f: (numbers: readonly number[], shape: readonly [number, number]) => T
) => {
  const matrix = (rows: readonly (readonly number[])[]): T =>
    f(rows.flat(), [rows.length, (rows[0] as readonly number[]).length])
  return { choice: mapRecord(choice, matrix), keep: mapRecord(keep, matrix) }
}

/** The matrices of masks, for the engine. */
export const maskArrays = (masks: Masks) =>
  mapMasks(masks, (numbers, shape): HostArray => ({ data: Float32Array.from(numbers), shape, dtype: 'f32' }))

/** The mixing of masks that are known beforehand. */
export const fixedMixing = (net: Supernet, masks: Masks): Mixing => maskedMixing(net, mapMasks(masks, $.tensor))

/** A state that is tuned, why that ended if it did, and whether its tensors belong to the tuning alone. */
export interface Tuned {
  readonly state: Stored<State>
  readonly owned: boolean
  readonly stepsDone: number
  readonly failure: string | null
}

/** An epoch of training during a selection, as it is logged. */
export interface TuningEvent {
  readonly type: 'tuning'
  readonly epoch: number
  readonly trainLoss: number
  readonly validLoss: number
  readonly trainAccuracy: number
  readonly validAccuracy: number
}

/** First-order steps on the weights and on what is undecided of alpha; nothing is regularised. */
const tuningOptions = (config: SearchConfig): StepOptions => ({
  ...stepOptions(config),
  method: config.method === 'fixed-alpha' ? 'fixed-alpha' : 'darts',
  regularised: false
})

/** Correct images and the sum of their losses, among those that count (1, else 0), with the batch's own statistics. */
const evaluation =
  (net: Supernet) =>
  (
    weights: Tensor,
    alpha: Alpha,
    masks: MaskTensors,
    batch: { images: Tensor; labels: Tensor; counted: Tensor; key: Tensor }
  ): Tensor => {
    const { images, labels, counted, key } = batch
    const noise = noiseOf(net, key, images.shape[0] as number)
    const { y } = net.logits(
      { weights: unpack(tablesOf(net).weights, weights), noise },
      maskedMixing(net, masks)(alpha),
      images
    )
    const hot = $.oneHot(labels, y.shape[1] as number)
    const losses = $.neg($.sum($.where($.equal(hot, 0), 0, $.mul(hot, logSoftmax(y))), 1))
    const hits = $.convert($.equal($.argmax(y), labels), 'f32')
    return $.concat([hits, losses].map(values => $.reshape($.sum($.mul(values, counted)), [1])))
  }

/** Validation images in whole batches; the last is filled up with images that do not count. */
const validationBatches = ({ batch, seed }: SearchConfig, { valid }: SearchData) =>
  Array.from({ length: Math.ceil(valid.count / batch) }, (_, i) => {
    const places = Array.from({ length: batch }, (_unused, k) => i * batch + k)
    return {
      ...batchArrays(
        valid,
        places.map(place => place % valid.count)
      ),
      counted: {
        data: Float32Array.from(places, place => (place < valid.count ? 1 : 0)),
        shape: [batch],
        dtype: 'f32' as const
      },
      key: keyArray(foldIn(foldIn(keyOf(seed), KEYS.tuning), i))
    }
  })

/** A state, and the masks under which it is trained. */
type MaskedState = State & { readonly masks: MaskTensors }
type Tuning = Compiled<[MaskedState, Batches, Rates], StepResult>
type Chunk = ReturnType<typeof validationBatches>[number]
type Evaluation = Compiled<
  [Tensor, Alpha, MaskTensors, { images: Tensor; labels: Tensor; counted: Tensor; key: Tensor }],
  Tensor
>

/** Where what happens is told, and whether to go on. */
interface TuningObserver {
  readonly underWay?: UnderWay
  readonly tell: (event: DecisionEvent | TuningEvent) => () => void
  readonly interrupted: () => boolean
}

/** Whether a tuning ends here. */
const endedBy =
  ({ interrupted }: TuningObserver) =>
  ({ failure }: Tuned): boolean =>
    failure !== null || interrupted()

/** The two compiled functions of a selection: a step of training under masks, and the evaluation of a batch. */
const compiledFor = (net: Supernet, config: SearchConfig, data: SearchData, chunk: Chunk, underWay?: UnderWay) => {
  const { alpha } = stateShapes(net)
  const masks = { choice: alpha, keep: alpha }
  const options = compilingOptions(underWay)
  const [state, batches, rates] = stepExample(net, { ...config, method: 'darts' }, data)
  const step = ({ masks: given, ...before }: MaskedState, images: Batches, at: Rates): StepResult =>
    stepOf(net, tuningOptions(config), maskedMixing(net, given))(before, images, at)
  return {
    tuning: compile<[MaskedState, Batches, Rates], StepResult>(step, options)([{ ...state, masks }, batches, rates]),
    evaluation: compile(evaluation(net), options)([state.weights, state.alpha, masks, chunk])
  }
}

const storeMasks = (masks: Masks): Engine<Stored<MaskTensors>> => store(maskArrays(masks))

/** Accuracy and loss of a state on validation batches, `count` images in all, under masks. */
const evaluateOn =
  (compiled: Evaluation, batches: Storing<readonly Chunk[]>, count: number, underWay: UnderWay | undefined) =>
  ({ state }: Tuned, masks: Masks): Engine<Score> =>
    scope(
      pipe(
        storeMasks(masks),
        RTE.chain(given =>
          fold<readonly [number, number], readonly [number, Storing<Chunk>]>(
            batches.entries(),
            () => false,
            ([correct, loss], [n, batch]) =>
              pipe(
                run(compiled)(state.weights, state.alpha, given, batch),
                RTE.chain(read),
                RTE.map(({ data: [hits, losses] }) => {
                  underWay?.('batches judged', n + 1, batches.length)
                  return [correct + (hits as number), loss + (losses as number)] as const
                })
              )
          )([0, 0])
        ),
        RTE.map(([correct, loss]) => ({ accuracy: correct / count, loss: loss / count }))
      )
    )

/** A tuned state, and the sums of the epoch under way. */
interface TuningSums extends Tuned {
  readonly sums: Readonly<Partial<Record<Metric, number>>>
}

/** What came of a step: a state that is not finite goes, and so does the one before where it was the tuning's own. */
const afterStep = (before: TuningSums, { state, metrics, culprit }: Stepped): TuningSums => {
  if (metrics.finite !== 1) {
    release(state)
    return { ...before, failure: culprit ?? 'a value that no node shows' }
  }
  if (before.owned) release(before.state)
  const sums = Object.fromEntries(METRICS.map(name => [name, (before.sums[name] ?? 0) + metrics[name]]))
  return { state, owned: true, stepsDone: before.stepsDone + 1, failure: null, sums }
}

/** What an epoch says: means over its steps. */
const tuningEvent = (sums: TuningSums['sums'], epoch: number, steps: number, batch: number): TuningEvent => {
  const mean = (name: Metric): number => (sums[name] ?? 0) / steps
  return {
    type: 'tuning',
    epoch: epoch + 1,
    trainLoss: mean('trainLoss'),
    validLoss: mean('validLoss'),
    trainAccuracy: mean('trainCorrect') / batch,
    validAccuracy: mean('validCorrect') / batch
  }
}

/** An epoch of training under masks. */
const trainOn = (compiled: Tuning, config: SearchConfig, data: SearchData, observer: TuningObserver) => {
  const key = foldIn(keyOf(config.seed), KEYS.selection)
  const ended = endedBy(observer)
  return (tuned: Tuned, masks: Masks, epoch: number): Engine<Tuned> => {
    const items = batchesOf({ ...config, method: 'darts' }, data, key, epoch).map((batch, step) => ({
      epoch,
      step,
      ...batch
    }))
    const stepUnder =
      (given: Stored<MaskTensors>) =>
      (before: TuningSums, item: Item): Engine<TuningSums> =>
        pipe(
          runStep(compiled, data)({ ...before.state, masks: given }, item, {
            rate: config.selectLearningRate,
            lambda: 0,
            key: foldIn(foldIn(key, KEYS.noise), before.stepsDone)
          }),
          RTE.map(stepped => {
            observer.underWay?.('steps trained', item.step + 1, items.length)
            return afterStep(before, stepped)
          })
        )
    return pipe(
      storeMasks(masks),
      RTE.chain(given =>
        pipe(
          fold<TuningSums, Item>(items, ended, stepUnder(given))({ ...tuned, sums: {} }),
          RTE.chainFirstIOK(after =>
            ended(after) ? () => undefined : observer.tell(tuningEvent(after.sums, epoch, items.length, config.batch))
          ),
          RTE.map(({ sums: _, ...after }): Tuned => {
            release(given)
            return after
          })
        )
      )
    )
  }
}

/** The mixtures of a state's alpha. */
const mixturesAt =
  ({ cells }: Space) =>
  ({ state }: Tuned): Engine<Mixtures> =>
    pipe(
      read(state.alpha),
      RTE.map(alpha => mapRecord(cells, (cell, kind) => mixtureRows(rowsOf(cell, alpha[kind]?.data ?? []))))
    )

/** Compiles evaluation and training of a supernet, lets them be used, and gives them back. */
export const withSupernetwork =
  (net: Supernet, config: SearchConfig, data: SearchData, observer: TuningObserver) =>
  <B>(use: (network: Supernetwork<Tuned>) => Engine<B>): Engine<B> => {
    const chunks = validationBatches(config, data)
    const compiling = compiledFor(net, config, data, chunks[0] as Chunk, observer.underWay)
    return using(compiling.tuning, tuning =>
      using(compiling.evaluation, compiled =>
        pipe(
          store(chunks),
          RTE.chain(batches =>
            use({
              evaluate: evaluateOn(compiled, batches, data.valid.count, observer.underWay),
              mixtures: mixturesAt(net.space),
              train: trainOn(tuning, config, data, observer),
              tell: event => RTE.fromIO(observer.tell(event)),
              ended: endedBy(observer)
            })
          )
        )
      )
    )
  }

/** The same state with an empty momentum: the selection's SGD is a new one. */
export const withFreshMomentum = (state: Stored<State>): Engine<Stored<State>> =>
  pipe(
    store({
      data: new Float32Array(state.momentum.shape[0] as number),
      shape: state.momentum.shape,
      dtype: 'f32' as const
    }),
    RTE.map(momentum => ({ ...state, momentum }))
  )
