/**
 * Measures a network: how far difference quotients are from the derivatives that they stand for, at the start or after
 * some steps of a search.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import * as $ from '../../autodiff/ops/index.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { keyOf } from '../../autodiff/threefry.js'
import {
  compile,
  type Engine,
  fold,
  type HostArray,
  read,
  release,
  run,
  type Stored,
  store
} from '../../engine/index.js'
import { FIXED, stepOptions } from '../configuration/config.js'
import type { SearchConfig } from '../configuration/options.js'
import type { Batches, State } from '../method/bilevel.js'
import { directionOf, harmonyOf, lossOf, randomDirectionOf } from '../method/harmony.js'
import { foldIn, initialState } from '../method/initialise.js'
import { mapRecord } from '../space/space.js'
import { noiseOf, type Supernet } from '../space/supernet.js'
import {
  batchArrays,
  batchesOf,
  compileStep,
  KEYS,
  keyArray,
  runStep,
  type SearchData,
  scalar,
  stepsPerEpoch,
  using
} from '../steps/steps.js'
import { compilingOptions, type UnderWay } from '../steps/underway.js'
import {
  HYPERGRADIENT_FACTS,
  HYPERGRADIENT_ROW,
  hypergradientQuotient,
  hypergradientReference,
  type Point,
  REGULARISER_FACTS,
  REGULARISER_ROW,
  regulariserQuotient,
  regulariserReference
} from './probe.js'

/** The numbers of one row of a diagnosis, by name. */
export type DiagnosisRow<K extends string> = Readonly<Record<K, number>>
const rowOf = <K extends string>(names: readonly K[], { data }: HostArray): DiagnosisRow<K> =>
  Object.fromEntries(names.map((name, i) => [name, data[i] as number])) as DiagnosisRow<K>

/** What was found. Rows are in the order of `epsilons`. */
export interface Diagnosis {
  /** Steps of the search before. */
  readonly steps: number
  readonly lambda: number
  readonly epsilons: readonly number[]
  readonly cells: readonly { readonly name: string; readonly gradientNorm: number }[]
  /** By kind of cell, the matrix [M,M] of their gradients' cosines, row by row. */
  readonly cosines: Readonly<Record<string, readonly number[]>>
  readonly regulariser: DiagnosisRow<(typeof REGULARISER_FACTS)[number]> & {
    readonly rows: readonly DiagnosisRow<(typeof REGULARISER_ROW)[number]>[]
  }
  readonly hypergradient: DiagnosisRow<(typeof HYPERGRADIENT_FACTS)[number]> & {
    readonly rows: readonly DiagnosisRow<(typeof HYPERGRADIENT_ROW)[number]>[]
  }
}

/** Where a diagnosis is made, and for which steps of the difference quotients. */
export interface DiagnoseOptions {
  /** For the regulariser epsilon0, for the hypergradient the length by which the weights are moved. */
  readonly epsilons: readonly number[]
  /** Steps of the search to take first. */
  readonly steps: number
}

/** The state after some steps of a search. */
export const stateAfter = (
  net: Supernet,
  config: SearchConfig,
  data: SearchData,
  count: number,
  underWay?: UnderWay
): Engine<Stored<State>> => {
  const key = keyOf(config.seed)
  const perEpoch = stepsPerEpoch(config, data)
  const initial = store(initialState(net, key))
  const items = Array.from({ length: count }, (_, n) => n)
  if (count === 0) return initial
  return using(compileStep(net, config, data, underWay), compiled =>
    pipe(
      initial,
      RTE.chain(
        fold<Stored<State>, number>(
          items,
          () => false,
          (state, n) => {
            const epoch = Math.floor(n / perEpoch)
            const batch = batchesOf(config, data, key, epoch)[n % perEpoch]
            const rates = { rate: config.learningRate, lambda: stepOptions(config).regularised ? config.lambda : 0 }
            return pipe(
              runStep(compiled, data)(
                state,
                { epoch, step: n % perEpoch, train: batch?.train ?? [], valid: batch?.valid ?? [] },
                { ...rates, key: foldIn(foldIn(key, KEYS.noise), n) }
              ),
              RTE.map(after => {
                underWay?.('steps trained', n + 1, count)
                release(state)
                return after.state
              })
            )
          }
        )
      )
    )
  )
}

/** What every function that is measured is given: a state, the two batches, and a key of noise. */
type Inputs = readonly [Point, Batches, Tensor]

/** What is measured, as functions of tensors: references once, and quotients for each epsilon. */
const measuredOf = (net: Supernet, config: SearchConfig) => {
  const options = stepOptions(config)
  const harmony = harmonyOf(net, options)
  const sgd = { momentum: FIXED.momentum, weightDecay: FIXED.weightDecay }
  const lossesOf = (noiseKey: Tensor, { train, valid }: Batches) => {
    const [first, second] = $.split(noiseKey)
    const on = (key: Tensor, images: Tensor) => lossOf(net, noiseOf(net, key, images.shape[0] as number))
    return { train: on(first, train.images), valid: on(second, valid.images) }
  }
  const along = (noiseKey: Tensor) => (cellGradients: readonly Tensor[]) =>
    options.direction === 'random'
      ? randomDirectionOf(harmony, noiseKey, cellGradients)
      : directionOf(harmony, cellGradients)
  type Gradients = { readonly gradient: Tensor; readonly exact: Tensor }
  type Hypergradients = { readonly exact: Tensor; readonly first: Tensor }
  return {
    regulariser: (...[point, batches, key]: Inputs) =>
      regulariserReference(net, lossesOf(key, batches).train, harmony)(point, batches.train),
    regulariserAt: (
      ...[point, batches, key, found, epsilon0, lambda]: readonly [...Inputs, Gradients, Tensor, Tensor]
    ) => {
      const quotient = regulariserQuotient(net, lossesOf(key, batches).train, along(key), FIXED.clip)
      return quotient(point, batches.train, found, epsilon0, lambda)
    },
    hypergradient: (...[point, batches, key, rate]: readonly [...Inputs, Tensor]) =>
      hypergradientReference(net, lossesOf(key, batches), sgd)(point, batches, rate),
    hypergradientAt: (
      ...[point, batches, key, found, length, rate]: readonly [...Inputs, Hypergradients, Tensor, Tensor]
    ) => hypergradientQuotient(net, lossesOf(key, batches), sgd)(point, batches, found, length, rate)
  }
}

/** A row for each epsilon, from a quotient that is compiled once. */
const rowsAt = <F extends { readonly [name: string]: Tensor }>(
  { epsilons, underWay }: { readonly epsilons: readonly number[]; readonly underWay: UnderWay | undefined },
  quotient: (...args: readonly [...Inputs, F, Tensor, Tensor]) => Tensor,
  inputs: readonly unknown[],
  found: unknown,
  last: number
): Engine<readonly HostArray[]> =>
  // `as never`: a tuple that ends in a type parameter is not unfolded by the compiler, so a list of its parts is none
  // to it.
  using(
    compile<[...Inputs, F, Tensor, Tensor], Tensor>(
      quotient,
      compilingOptions(underWay)
    )([...inputs, found, scalar(0), scalar(0)] as never),
    compiled =>
      fold<readonly HostArray[], number>(
        epsilons,
        () => false,
        (done, epsilon) =>
          pipe(
            store({ epsilon: scalar(epsilon), last: scalar(last) }),
            RTE.chain(given =>
              run(compiled)(
                ...([...inputs, found, given.epsilon, given.last] as Parameters<
                  ReturnType<typeof run<[...Inputs, F, Tensor, Tensor], Tensor>>
                >)
              )
            ),
            RTE.chain(result => read(result as Stored<Tensor>)),
            RTE.map(row => {
              underWay?.('quotients taken', done.length + 1, epsilons.length)
              return [...done, row]
            })
          )
      )([])
  )

/**
 * A diagnosis at a state, on the two batches that the search would take next: the regulariser's gradient on the
 * training batch, the hypergradient on both. Noise, where a network has it, is drawn once and replayed.
 */
export const diagnoseAt =
  (
    net: Supernet,
    config: SearchConfig,
    arrays: { readonly train: BatchArrays; readonly valid: BatchArrays },
    { epsilons, steps }: DiagnoseOptions,
    underWay?: UnderWay
  ) =>
  ({ weights, momentum, alpha }: Stored<State>): Engine<Diagnosis> => {
    const { regulariser, regulariserAt, hypergradient, hypergradientAt } = measuredOf(net, config)
    const noiseKey = keyArray(foldIn(keyOf(config.seed), KEYS.noise))
    return pipe(
      store({ batches: arrays, key: noiseKey, rate: scalar(config.learningRate) }),
      RTE.map(({ batches, key, rate }) => {
        const inputs = [{ weights, momentum, alpha } as Stored<Point>, batches, key] as const
        return { inputs, withRate: [...inputs, rate] as const }
      }),
      RTE.bindTo('given'),
      RTE.bind('found', ({ given: { inputs } }) =>
        using(compile(regulariser, compilingOptions(underWay))(inputs), compiled => run(compiled)(...inputs))
      ),
      RTE.bind('facts', ({ found: { facts, cosines, norms } }) => read({ facts, cosines, norms })),
      RTE.bind('quotients', ({ given: { inputs }, found: { gradient, exact } }) =>
        rowsAt({ epsilons, underWay }, regulariserAt, inputs, { gradient, exact }, config.lambda)
      ),
      RTE.bind('hyper', ({ given: { withRate } }) =>
        using(compile(hypergradient, compilingOptions(underWay))(withRate), compiled => run(compiled)(...withRate))
      ),
      RTE.bind('hyperFacts', ({ hyper }) => read(hyper.facts)),
      RTE.bind('hyperQuotients', ({ given: { inputs }, hyper: { exact, first } }) =>
        rowsAt({ epsilons, underWay }, hypergradientAt, inputs, { exact, first }, config.learningRate)
      ),
      RTE.map(
        ({ facts, quotients, hyperFacts, hyperQuotients }): Diagnosis => ({
          steps,
          lambda: config.lambda,
          epsilons,
          cells: net.cells.map(({ name }, l) => ({ name, gradientNorm: facts.norms.data[l] as number })),
          cosines: mapRecord(facts.cosines, ({ data }) => Array.from(data)),
          regulariser: {
            ...rowOf(REGULARISER_FACTS, facts.facts),
            rows: quotients.map(row => rowOf(REGULARISER_ROW, row))
          },
          hypergradient: {
            ...rowOf(HYPERGRADIENT_FACTS, hyperFacts),
            rows: hyperQuotients.map(row => rowOf(HYPERGRADIENT_ROW, row))
          }
        })
      )
    )
  }

type BatchArrays = ReturnType<typeof batchArrays>

/** A diagnosis of a search after some of its steps, on the batches of the next one. */
export const diagnose = (
  net: Supernet,
  config: SearchConfig,
  data: SearchData,
  options: DiagnoseOptions,
  underWay?: UnderWay
): Engine<Diagnosis> => {
  const perEpoch = stepsPerEpoch(config, data)
  const next = batchesOf(config, data, keyOf(config.seed), Math.floor(options.steps / perEpoch))[
    options.steps % perEpoch
  ]
  const train = batchArrays(data.train, (next?.train ?? []).slice(0, config.batch))
  const valid = batchArrays(data.valid, next?.valid ?? [])
  return pipe(
    stateAfter(net, config, data, options.steps, underWay),
    RTE.chain(diagnoseAt(net, config, { train, valid }, options, underWay))
  )
}
