/**
 * What a trained network gets right: in evaluation mode, with its running statistics, on every image of a part once.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { logSoftmax } from '../../autodiff/nn.js'
import * as $ from '../../autodiff/ops/index.js'
import type { Tensor } from '../../autodiff/tensor.js'
import type { Key } from '../../autodiff/threefry.js'
import { compile, type Engine, fold, read, run, type Stored, scope, store } from '../../engine/index.js'
import type { Part } from '../data/dataset.js'
import type { DerivedNetwork } from '../genotypes/derive.js'
import { tablesOf } from '../method/bilevel.js'
import { foldIn } from '../method/initialise.js'
import { unpack, unpackStatistics } from '../space/layers.js'
import { noiseOf } from '../space/supernet.js'
import { batchArrays, keyArray, pause, using } from '../steps/steps.js'
import { compilingOptions, type UnderWay } from '../steps/underway.js'
import { hits, rankOfLabel, topCount } from './loss.js'
import { trainingShapes } from './machine.js'
import type { TrainingState } from './step.js'

/**
 * Means over the images of a part. `top5`: with the label among the five most likely classes, or among all where there
 * are fewer.
 */
export interface Evaluation {
  readonly loss: number
  readonly top1: number
  readonly top5: number
}

type Judged = Pick<TrainingState, 'weights' | 'running'>

/**
 * Logits in evaluation mode of weights and running statistics as vectors. `key`: of the noise, where a network has it.
 */
export const logitsOf =
  (net: DerivedNetwork) =>
  ({ weights, running }: Judged, images: Tensor, key: Tensor): Tensor => {
    const tables = tablesOf(net)
    return net.logits(
      {
        weights: unpack(tables.weights, weights),
        running: unpackStatistics(tables.statistics, net.norms, running),
        noise: noiseOf(net, key, images.shape[0] as number)
      },
      images
    ).y
  }

/** Sums over the rows that count: of the loss, of those right, of those right among the first. */
const judge = (logits: Tensor, labels: Tensor, counts: Tensor): Tensor => {
  const classes = logits.shape[1] as number
  const own = $.equal($.oneHot(labels, classes), 1)
  const losses = $.neg($.sum($.where(own, logSoftmax(logits), 0), 1))
  const ranks = rankOfLabel(logits, labels)
  const counted = [losses, hits(ranks, 1), hits(ranks, topCount(classes))].map(x => $.sum($.where(counts, x, 0)))
  return $.concat(counted.map(x => $.reshape(x, [1])))
}

/**
 * `use` of an evaluation on all images of a part, so many at once; the last ones are filled up with others, which do
 * not count.
 */
export const withEvaluation = <B>(
  net: DerivedNetwork,
  part: Part,
  batch: number,
  key: Key,
  underWay: UnderWay | undefined,
  use: (evaluate: (state: Stored<Judged>) => Engine<Evaluation>) => Engine<B>
): Engine<B> => {
  const size = Math.min(batch, part.count)
  const given = (chunk: number) => ({
    ...batchArrays(
      part,
      Array.from({ length: size }, (_, k) => (chunk * size + k) % part.count)
    ),
    counts: {
      data: Uint32Array.from({ length: size }, (_, k) => Number(chunk * size + k < part.count)),
      shape: [size],
      dtype: 'u32' as const
    },
    key: keyArray(foldIn(key, chunk))
  })
  type Given = {
    readonly [name: string]: Tensor
    readonly images: Tensor
    readonly labels: Tensor
    readonly counts: Tensor
    readonly key: Tensor
  }
  const { weights, running } = trainingShapes(net)
  const compiling = compile<[Judged, Given], Tensor>(
    (state, { images, labels, counts, key }) => judge(logitsOf(net)(state, images, key), labels, counts),
    compilingOptions(underWay)
  )([{ weights, running }, given(0)])
  return using(compiling, compiled =>
    use(state =>
      pipe(
        fold<readonly number[], number>(
          Array.from({ length: Math.ceil(part.count / size) }, (_, chunk) => chunk),
          () => false,
          (sums, chunk) =>
            scope(
              pipe(
                pause,
                RTE.chain(() => store(given(chunk))),
                RTE.chain(stored => run(compiled)({ weights: state.weights, running: state.running }, stored)),
                RTE.chain(read),
                RTE.map(({ data }) => {
                  underWay?.('images tested', Math.min((chunk + 1) * size, part.count), part.count)
                  return sums.map((sum, i) => sum + (data[i] as number))
                })
              )
            )
        )([0, 0, 0]),
        RTE.map(sums => sums.map(sum => sum / part.count) as [number, number, number]),
        RTE.map(([loss, top1, top5]) => ({ loss, top1, top5 }))
      )
    )
  )
}
