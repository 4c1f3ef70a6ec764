/**
 * ImageNet16-120 (Chrabaszcz et al., 2017; Dong & Yang, 2020): the first 120 classes of ImageNet at 16x16, from pickles
 * of all 1,000.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { DecodeError } from '../../formats/error.js'
import type { DataSet, Files } from './block.js'
import type { Normalisation, Sources } from './dataset.js'
import {
  checkLabels,
  datasetOf,
  decodePickledBatch,
  isNamed,
  joinedImages,
  type LabelledImages,
  numberedNames,
  requireFile
} from './files.js'

const NAME = 'imagenet16-120'
const SIDE = 16
const CHANNELS = 3
const IMAGE_BYTES = CHANNELS * SIDE * SIDE
/** Labels of the files: from 1. Those above `CLASSES` are dropped, as NAS-Bench-201 does. */
const ALL_CLASSES = 1000
const CLASSES = 120

const TRAIN = Array.from({ length: 10 }, (_, k) => `train_data_batch_${k + 1}`)
const TEST = 'val_data'

const decodeBatch =
  (files: Files) =>
  (file: string): E.Either<DecodeError, LabelledImages> =>
    pipe(
      requireFile(NAME, files, file),
      E.chain(bytes =>
        decodePickledBatch(`${NAME}: ${file}`, bytes, {
          labels: 'labels',
          least: 1,
          most: ALL_CLASSES,
          size: IMAGE_BYTES
        })
      ),
      E.map(({ images, labels }) => {
        const kept = labels.flatMap((label, place) => (label <= CLASSES ? [place] : []))
        return {
          images: joinedImages(images, IMAGE_BYTES, IMAGE_BYTES, kept),
          labels: kept.map(k => (labels[k] as number) - 1)
        }
      })
    )

const decode = (files: Files): E.Either<DecodeError, Sources> =>
  pipe(
    E.Do,
    E.bind('train', () => E.traverseArray(decodeBatch(files))(TRAIN)),
    E.bind('test', () => decodeBatch(files)(TEST)),
    E.chainFirst(({ test }) => checkLabels(`${NAME}: ${TEST}`, test.labels, 0, CLASSES - 1)),
    E.map(({ train, test }) => {
      const frame = { name: NAME, channels: CHANNELS, height: SIDE, width: SIDE, classNames: numberedNames(CLASSES, 1) }
      return { train: datasetOf(frame, train), test: datasetOf(frame, [test]) }
    })
  )

const normalisation: Normalisation = { mean: [122.68, 116.66, 104.01], deviation: [63.22, 61.26, 65.09] }

/** 16x16 colour images of 120 classes. Only NAS-Bench-201 says how they are normalised. */
export const imagenet16: DataSet = {
  help: 'ImageNet16-120: train_data_batch_1 to train_data_batch_10 and val_data, of down-sampled ImageNet',
  wants: isNamed([...TRAIN, TEST]),
  decode,
  published: { normalisation: { layers: normalisation, stages: normalisation }, padding: 2, flip: true }
}
