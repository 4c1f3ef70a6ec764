/** The classes of images by a trained network. */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { softmax } from '../../autodiff/nn.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { compile, type Engine, fold, read, run, type Stored, scope, store } from '../../engine/index.js'
import { joined } from '../../formats/bytes.js'
import type { Part } from '../data/dataset.js'
import { batchArrays, keyArray, pause, using } from '../steps/steps.js'
import { logitsOf } from './evaluate.js'
import type { TrainedModel } from './model.js'
import type { TrainingState } from './step.js'

/** A class and how likely it is. */
export interface Likely {
  readonly label: string
  readonly probability: number
}

/** Images of a run at most; the last run repeats images to be as large. */
const PREDICTION_BATCH = 64

/** Images of bytes 0 to 255 as a part of the numbers that the model was trained on. */
export const partOfBytes = (
  { net: { config }, normalisation, brightest, classNames }: TrainedModel & { readonly brightest: number },
  images: readonly Uint8Array[]
): Part => ({
  name: 'images',
  images: Float32Array.from(joined(images), byte => (byte / 255) * brightest),
  labels: new Int32Array(images.length),
  count: images.length,
  channels: config.imageChannels,
  height: config.size[0],
  width: config.size[1],
  classNames,
  normalisation
})

/** For each row of probabilities the `top` most likely classes, the likeliest first. */
const likeliest = (names: readonly string[], row: readonly number[], top: number): readonly Likely[] =>
  row
    .map((probability, k) => ({ label: names[k] as string, probability }))
    .toSorted((a, b) => b.probability - a.probability)
    .slice(0, top)

/** The likeliest classes of each image of a part, in evaluation mode. */
export const predict = (model: TrainedModel, part: Part, top: number): Engine<readonly (readonly Likely[])[]> => {
  const { net, arrays, classNames } = model
  const [size, classes] = [Math.min(PREDICTION_BATCH, part.count), classNames.length]
  const given = (chunk: number) =>
    batchArrays(
      part,
      Array.from({ length: size }, (_, k) => (chunk * size + k) % part.count)
    ).images
  // Noise, where a network has it, is the same for all.
  const key = keyArray([0, 0])
  type State = Pick<TrainingState, 'weights' | 'running'>
  const compiling = compile<[State, Tensor, Tensor], Tensor>((state, images, drawn) =>
    softmax(logitsOf(net)(state, images, drawn))
  )([arrays, given(0), key])
  const rows = (data: ArrayLike<number>, count: number) =>
    Array.from({ length: count }, (_, n) =>
      likeliest(
        classNames,
        Array.from({ length: classes }, (_unused, k) => data[n * classes + k] as number),
        top
      )
    )
  const chunks = Array.from({ length: Math.ceil(part.count / size) }, (_, chunk) => chunk)
  return scope(
    using(compiling, compiled =>
      pipe(
        store({ state: arrays, key }),
        RTE.chain(stored =>
          fold<readonly (readonly Likely[])[], number>(
            chunks,
            () => false,
            (done, chunk) =>
              scope(
                pipe(
                  pause,
                  RTE.chain(() => store(given(chunk))),
                  RTE.chain(images => run(compiled)(stored.state as Stored<State>, images, stored.key)),
                  RTE.chain(read),
                  RTE.map(({ data }) => [...done, ...rows(data, Math.min(size, part.count - chunk * size))])
                )
              )
          )([])
        )
      )
    )
  )
}
