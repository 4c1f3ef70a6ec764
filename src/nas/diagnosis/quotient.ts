/** The error of the paper's difference quotient that a search logs: its regulariser's gradient beside the derivative. */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import * as $ from '../../autodiff/ops/index.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { keyOf } from '../../autodiff/threefry.js'
import { compile, type Engine, read, release, run, type Stored, scope, store } from '../../engine/index.js'
import { FIXED } from '../configuration/config.js'
import type { SearchConfig } from '../configuration/options.js'
import type { State } from '../method/bilevel.js'
import { directionOf, harmonyOf, lossOf } from '../method/harmony.js'
import { foldIn } from '../method/initialise.js'
import { noiseOf, type Supernet } from '../space/supernet.js'
import { batchArrays, KEYS, keyArray, type SearchData, using } from '../steps/steps.js'
import { REGULARISER_FACTS, REGULARISER_ROW, regulariserQuotient, regulariserReference } from './probe.js'

/**
 * `error`: |quotient - exact| / |exact|, with the norms of both and their cosine; ReLUs and pooling windows that choose
 * differently in its two passes. Null where it is not wanted.
 */
export type Quotient = Readonly<
  Record<'error' | 'cosine' | 'norm' | 'exactNorm' | 'reluFlips' | 'poolFlips', number>
> | null
export type Probe = (state: Stored<State>) => Engine<Quotient>

const quotientOf = (facts: ArrayLike<number>, row: ArrayLike<number>): Quotient => {
  const of = (name: (typeof REGULARISER_ROW)[number]): number => row[REGULARISER_ROW.indexOf(name)] as number
  return {
    error: of('error'),
    cosine: of('cosine'),
    norm: of('norm'),
    exactNorm: facts[REGULARISER_FACTS.indexOf('exactNorm')] as number,
    reluFlips: of('reluFlips'),
    poolFlips: of('poolFlips')
  }
}

/**
 * The probe on the first images of the training part, the same ones each time, at the epsilon0 of the configuration and
 * along harmony's direction, whatever the method. Compiled for states like this one, and given back after use.
 */
export const withProbe =
  (net: Supernet, config: SearchConfig, data: SearchData, { weights, momentum, alpha }: Stored<State>) =>
  <B>(use: (probe: Probe) => Engine<B>): Engine<B> => {
    if (!config.probe) return use(() => RTE.of(null))
    const harmony = harmonyOf(net, config)
    type Given = Readonly<Record<'images' | 'labels' | 'key', Tensor>>
    const compare = (point: Pick<State, 'weights' | 'momentum' | 'alpha'>, { key, ...batch }: Given) => {
      const loss = lossOf(net, noiseOf(net, key, config.batch))
      const reference = regulariserReference(net, loss, harmony)(point, batch)
      const quotient = regulariserQuotient(net, loss, gradients => directionOf(harmony, gradients), FIXED.clip)
      const row = quotient(point, batch, reference, $.tensor(config.epsilon0), $.tensor(config.lambda))
      return { facts: reference.facts, row }
    }
    const places = Array.from({ length: config.batch }, (_, i) => i)
    const given = {
      ...batchArrays(data.train, places),
      key: keyArray(foldIn(keyOf(config.seed), KEYS.probe))
    }
    return RTE.bracket(
      store(given),
      stored =>
        using(compile(compare)([{ weights, momentum, alpha }, stored]), compiled =>
          use(state =>
            scope(
              pipe(
                run(compiled)({ weights: state.weights, momentum: state.momentum, alpha: state.alpha }, stored),
                RTE.chain(read),
                RTE.map(({ facts, row }) => quotientOf(facts.data, row.data))
              )
            )
          )
        ),
      stored => RTE.fromIO(() => release(stored))
    )
  }
