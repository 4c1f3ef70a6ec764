/** What a selection by perturbation asks of a supernet, on the engine: evaluation under a view, and training under a view. */

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
import { mapRecord } from '../space/space.js'
import { noiseOf, type Supernet } from '../space/supernet.js'
import { batchArrays, batchesOf, KEYS, keyArray, runStep, type SearchData, stepExample, using } from '../steps/steps.js'
import { mixtureRows, rowsOf } from './magnitude.js'
import type { Score, View } from './perturbation.js'
import type { DecisionEvent, Supernetwork } from './selection.js'

/** A view as tensors: see `View`. */
export interface ViewTensors {
  readonly choice: Alpha
  readonly keep: Alpha
}

/** The mixtures of a network under a view: keep * (choice where an edge is decided, else softmax(alpha)). No gradient passes a decision. */
export const viewMixing =
  ({ cells }: Supernet, { choice, keep }: ViewTensors): Mixing =>
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

/** What `f` makes of each matrix of a view, given its numbers and their shape. */
const mapView = <T>({ choice, keep }: View, f: (numbers: readonly number[], shape: readonly [number, number]) => T) => {
  const matrix = (rows: readonly (readonly number[])[]): T => f(rows.flat(), [rows.length, (rows[0] as readonly number[]).length])
  return { choice: mapRecord(choice, matrix), keep: mapRecord(keep, matrix) }
}

/** The matrices of a view, for the engine. */
export const viewArrays = (view: View) =>
  mapView(view, (numbers, shape): HostArray => ({ data: Float32Array.from(numbers), shape, dtype: 'f32' }))

/** The mixing of a view that is known beforehand. */
export const fixedMixing = (net: Supernet, view: View): Mixing => viewMixing(net, mapView(view, $.tensor))

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
    view: ViewTensors,
    batch: { images: Tensor; labels: Tensor; counted: Tensor; key: Tensor }
  ): Tensor => {
    const { images, labels, counted, key } = batch
    const noise = noiseOf(net, key, images.shape[0] as number)
    const { y } = net.logits({ weights: unpack(tablesOf(net).weights, weights), noise }, viewMixing(net, view)(alpha), images)
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
      counted: { data: Float32Array.from(places, place => (place < valid.count ? 1 : 0)), shape: [batch], dtype: 'f32' as const },
      key: keyArray(foldIn(foldIn(keyOf(seed), KEYS.tuning), i))
    }
  })

type Tuning = Compiled<[State & { readonly view: ViewTensors }, Batches, Rates], StepResult>
type Evaluation = Compiled<[Tensor, Alpha, ViewTensors, { images: Tensor; labels: Tensor; counted: Tensor; key: Tensor }], Tensor>

/** Compiles evaluation and training of a supernet, lets them be used, and gives them back. */
export const withSupernetwork =
  (
    net: Supernet,
    config: SearchConfig,
    data: SearchData,
    observer: { readonly tell: (event: DecisionEvent | TuningEvent) => () => void; readonly interrupted: () => boolean }
  ) =>
  <B>(use: (network: Supernetwork<Tuned>) => Engine<B>): Engine<B> => {
    const key = foldIn(keyOf(config.seed), KEYS.selection)
    const { space } = net
    const chunks = validationBatches(config, data)
    const viewShapes = { choice: stateShapes(net).alpha, keep: stateShapes(net).alpha }
    const [exampleState, exampleBatches, exampleRates] = stepExample(net, { ...config, method: 'darts' }, data)

    const tuningStep = ({ view, ...state }: State & { readonly view: ViewTensors }, batches: Batches, rates: Rates): StepResult =>
      stepOf(net, tuningOptions(config), viewMixing(net, view))(state, batches, rates)
    const compileTuning = compile<[State & { readonly view: ViewTensors }, Batches, Rates], StepResult>(tuningStep)([
      { ...exampleState, view: viewShapes },
      exampleBatches,
      exampleRates
    ])
    const compileEvaluation = compile(evaluation(net))([
      exampleState.weights,
      exampleState.alpha,
      viewShapes,
      chunks[0] as (typeof chunks)[number]
    ])

    const stored = (view: View): Engine<Stored<ViewTensors>> => store(viewArrays(view))

    const evaluate =
      (compiled: Evaluation, batches: Storing<typeof chunks>) =>
      ({ state }: Tuned, view: View): Engine<Score> =>
        scope(
          pipe(
            stored(view),
            RTE.chain(given =>
              fold<readonly [number, number], Storing<typeof chunks>[number]>(
                batches,
                () => false,
                ([correct, loss], batch) =>
                  pipe(
                    run(compiled)(state.weights, state.alpha, given, batch),
                    RTE.chain(read),
                    RTE.map(({ data: [hits, losses] }) => [correct + (hits as number), loss + (losses as number)] as const)
                  )
              )([0, 0])
            ),
            RTE.map(([correct, loss]) => ({ accuracy: correct / data.valid.count, loss: loss / data.valid.count }))
          )
        )

    const train =
      (compiled: Tuning) =>
      (tuned: Tuned, view: View, epoch: number): Engine<Tuned> => {
        const tuning = { ...config, method: 'darts' as const }
        const items = batchesOf(tuning, data, key, epoch).map((batch, step) => ({ epoch, step, ...batch }))
        interface Sums extends Tuned {
          readonly sums: Readonly<Partial<Record<Metric, number>>>
        }
        return pipe(
          stored(view),
          RTE.chain(given =>
            pipe(
              fold<Sums, (typeof items)[number]>(
                items,
                ({ failure }) => failure !== null || observer.interrupted(),
                (before, item) =>
                  pipe(
                    runStep(compiled, data)({ ...before.state, view: given }, item, {
                      rate: config.selectLearningRate,
                      lambda: 0,
                      key: foldIn(foldIn(key, KEYS.noise), before.stepsDone)
                    }),
                    RTE.map(({ state, metrics, culprit }): Sums => {
                      if (metrics.finite !== 1) {
                        release(state)
                        return { ...before, failure: culprit ?? 'a value that no node shows' }
                      }
                      if (before.owned) release(before.state)
                      const sums = Object.fromEntries(METRICS.map(name => [name, (before.sums[name] ?? 0) + metrics[name]]))
                      return { state, owned: true, stepsDone: before.stepsDone + 1, failure: null, sums }
                    })
                  )
              )({ ...tuned, sums: {} }),
              RTE.chainFirstIOK(({ sums, failure }) => {
                const mean = (name: Metric): number => (sums[name] ?? 0) / items.length
                return failure !== null || observer.interrupted()
                  ? () => undefined
                  : observer.tell({
                      type: 'tuning',
                      epoch: epoch + 1,
                      trainLoss: mean('trainLoss'),
                      validLoss: mean('validLoss'),
                      trainAccuracy: mean('trainCorrect') / config.batch,
                      validAccuracy: mean('validCorrect') / config.batch
                    })
              }),
              RTE.map(({ sums: _, ...after }): Tuned => {
                release(given)
                return after
              })
            )
          )
        )
      }

    const mixtures = ({ state }: Tuned) =>
      pipe(
        read(state.alpha),
        RTE.map(alpha => mapRecord(space.cells, (cell, kind) => mixtureRows(rowsOf(cell, alpha[kind]?.data ?? []))))
      )

    return using(compileTuning, compiledStep =>
      using(compileEvaluation, compiledEvaluation =>
        pipe(
          store(chunks),
          RTE.chain(batches =>
            use({
              evaluate: evaluate(compiledEvaluation, batches),
              mixtures,
              train: train(compiledStep),
              tell: event => RTE.fromIO(observer.tell(event)),
              ended: ({ failure }) => failure !== null || observer.interrupted()
            })
          )
        )
      )
    )
  }

/** The same state with an empty momentum: the selection's SGD is a new one. */
export const withFreshMomentum = (state: Stored<State>): Engine<Stored<State>> =>
  pipe(
    store({ data: new Float32Array(state.momentum.shape[0] as number), shape: state.momentum.shape, dtype: 'f32' as const }),
    RTE.map(momentum => ({ ...state, momentum }))
  )
