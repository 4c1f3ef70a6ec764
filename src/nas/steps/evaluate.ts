/** What a searched supernet gets right. */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { argmax } from '../../autodiff/ops/index.js'
import type { Tensor } from '../../autodiff/tensor.js'
import type { Key } from '../../autodiff/threefry.js'
import { compile, type Engine, fold, read, run, type Stored, scope, store } from '../../engine/index.js'
import type { Part } from '../data/dataset.js'
import { type State, tablesOf } from '../method/bilevel.js'
import { type Alpha, type Mixing, mixturesOf } from '../method/harmony.js'
import { foldIn } from '../method/initialise.js'
import { unpack, unpackStatistics } from '../space/layers.js'
import { noiseOf, type Supernet } from '../space/supernet.js'
import { batchArrays, keyArray, using } from './steps.js'
import { compilingOptions, type UnderWay } from './underway.js'

/** Images of one evaluation run; the last run repeats images to be as large. */
const EVALUATION_BATCH = 256

/** Which mixtures, if not those of alpha; and who is told how far it has come. */
export interface EvaluationOptions {
  readonly mixing?: Mixing
  readonly underWay?: UnderWay
}

/**
 * How many images of a data set the supernet classifies rightly, in evaluation mode with the mixtures of alpha. Noise,
 * where a network has it, is drawn from `key`, afresh for each run of images.
 */
export const countCorrect = (
  net: Supernet,
  state: Stored<State>,
  dataset: Part,
  key: Key,
  { mixing = alpha => mixturesOf(net, alpha), underWay }: EvaluationOptions = {}
): Engine<number> => {
  const tables = tablesOf(net)
  const size = Math.min(EVALUATION_BATCH, dataset.count)
  const predict = (weights: Tensor, alpha: Alpha, running: Tensor, images: Tensor, noiseKey: Tensor): Tensor =>
    argmax(
      net.logits(
        {
          weights: unpack(tables.weights, weights),
          running: unpackStatistics(tables.statistics, net.norms, running),
          noise: noiseOf(net, noiseKey, size)
        },
        mixing(alpha),
        images
      ).y
    )
  const chunks = Array.from({ length: Math.ceil(dataset.count / size) }, (_, i) =>
    Array.from({ length: size }, (_unused, k) => (i * size + k) % dataset.count)
  )
  const { weights, alpha, running } = state
  const shapes = batchArrays(dataset, chunks[0] as readonly number[])
  const example = [weights, alpha, running, shapes.images, keyArray(key)] as const
  return using(
    compile<[Tensor, Alpha, Tensor, Tensor, Tensor], Tensor>(predict, compilingOptions(underWay))(example),
    compiled =>
      fold<number, { indices: readonly number[]; chunk: number }>(
        chunks.map((indices, chunk) => ({ indices, chunk })),
        () => false,
        (correct, { indices, chunk }) =>
          scope(
            pipe(
              store({ images: batchArrays(dataset, indices).images, key: keyArray(foldIn(key, chunk)) }),
              RTE.chain(given => run(compiled)(weights, alpha, running, given.images, given.key)),
              RTE.chain(read),
              RTE.map(({ data }) => {
                underWay?.('images tested', Math.min((chunk + 1) * size, dataset.count), dataset.count)
                return (
                  correct +
                  indices.filter((index, k) => chunk * size + k < dataset.count && data[k] === dataset.labels[index])
                    .length
                )
              })
            )
          )
      )(0)
  )
}
