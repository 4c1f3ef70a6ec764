/** The curvature that a search logs: the largest eigenvalue of the validation loss' Hessian in alpha. */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { keyOf } from '../../autodiff/threefry.js'
import { dispose, type Engine, release, type Stored, store } from '../../engine/index.js'
import type { SearchConfig } from '../configuration/options.js'
import { type State, tablesOf } from '../method/bilevel.js'
import { type Alpha, lossOf, mixturesOf } from '../method/harmony.js'
import { foldIn } from '../method/initialise.js'
import { unpack } from '../space/layers.js'
import { noiseOf, type Supernet } from '../space/supernet.js'
import { batchArrays, KEYS, keyArray, type SearchData } from '../steps/steps.js'
import { compileHessian, type Spectrum, spectrumAt } from './spectrum.js'

/** The largest eigenvalue, and what bounds its error; null where it is not wanted. */
export type Eigenvalue = Pick<Spectrum, 'largest' | 'residual'> | null
export type Curvature = (state: Stored<State>) => Engine<Eigenvalue>

/** What the Hessian depends on besides alpha. */
interface Context {
  readonly [name: string]: Tensor
  readonly weights: Tensor
  readonly images: Tensor
  readonly labels: Tensor
  readonly key: Tensor
}

/**
 * Curvature on the first images of the validation part, the same ones each time, compiled for states like this one. It
 * is given back after use.
 */
export const withCurvature =
  (net: Supernet, config: SearchConfig, data: SearchData, { weights, alpha }: Stored<State>) =>
  <B>(use: (curvature: Curvature) => Engine<B>): Engine<B> => {
    if (!config.eigenvalue) return use(() => RTE.of(null))
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
