/**
 * Street View House Numbers (Netzer et al., 2011), cropped digits: `train_32x32.mat` and `test_32x32.mat`, images 32 x
 * 32 x 3 x N and labels 1 to 10.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { type NumberArray, rowMajor } from '../../formats/array.js'
import { type DecodeError, malformed } from '../../formats/error.js'
import { decodeMat } from '../../formats/mat.js'
import { labelsOf, MOST_ARRAY_BYTES, named, shapeText } from './arrays.js'
import type { DataSet, Files } from './block.js'
import type { Dataset, Normalisation, Sources } from './dataset.js'
import { isNamed, numberedNames, requireFile, within } from './files.js'

const SIDE = 32
const CHANNELS = 3
/** The label of the digit 0. */
const ZERO = 10
const CLASSES = 10

const TRAIN = 'train_32x32.mat'
const TEST = 'test_32x32.mat'

const datasetOf = (images: NumberArray, labels: NumberArray): E.Either<DecodeError, Dataset> => {
  const [height, width, channels, count = 0] = images.shape
  if (images.shape.length !== 4 || height !== SIDE || width !== SIDE || channels !== CHANNELS || count === 0)
    return malformed('X', '32 x 32 x 3 x N bytes', `it is ${shapeText(images)}; take the cropped digits`)
  if (!(images.data instanceof Uint8Array)) return malformed('X', '32 x 32 x 3 x N bytes', 'there are larger numbers')
  return pipe(
    labelsOf('y', labels, count, [1, ZERO]),
    E.map(classes => ({
      name: 'svhn',
      images: rowMajor(images, [3, 2, 0, 1]).data as Uint8Array,
      labels: Int32Array.from(classes, label => label % ZERO),
      count,
      channels: CHANNELS,
      height: SIDE,
      width: SIDE,
      classNames: numberedNames(CLASSES)
    }))
  )
}

const decodePart = (files: Files, name: string): E.Either<DecodeError, Dataset> =>
  pipe(
    requireFile('svhn', files, name),
    E.chain(bytes =>
      pipe(
        decodeMat(bytes, variable => variable === 'X' || variable === 'y', MOST_ARRAY_BYTES),
        E.bindTo('arrays'),
        E.bind('images', ({ arrays }) => named('mat', arrays, 'X')),
        E.bind('labels', ({ arrays }) => named('mat', arrays, 'y')),
        E.chain(({ images, labels }) => datasetOf(images, labels)),
        within(`svhn: ${name}`)
      )
    )
  )

/**
 * Both parts: `decodeSvhn(new Map([['train_32x32.mat', bytes], ['test_32x32.mat', others]]))`. Left for what is no
 * file of SVHN.
 */
export const decodeSvhn = (files: Files): E.Either<DecodeError, Sources> =>
  pipe(
    E.Do,
    E.bind('train', () => decodePart(files, TRAIN)),
    E.bind('test', () => decodePart(files, TEST))
  )

/** What DARTS and its followers take, of images of 0 to 1 (method.md 5.4). */
const normalisation: Normalisation = {
  mean: [0.4377, 0.4438, 0.4728].map(mean => 255 * mean),
  deviation: [0.198, 0.201, 0.197].map(deviation => 255 * deviation)
}

export const svhn: DataSet = {
  help: `cropped house numbers of SVHN: ${TRAIN} and ${TEST}`,
  wants: isNamed([TRAIN, TEST]),
  decode: decodeSvhn,
  // NAS-Bench-201 was not run on it: its networks are given the same.
  published: { normalisation: { layers: normalisation, stages: normalisation }, padding: 4, flip: true }
}
