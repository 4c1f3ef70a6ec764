/** A user's own arrays: one .npz file of numpy with images and labels by the names that people use. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { lastAxisFastest, type NumberArray, rowMajor } from '../../formats/array.js'
import { type DecodeError, malformed, quoted } from '../../formats/error.js'
import { decodeNpy } from '../../formats/npy.js'
import { decodeZip, unpackEntry, type ZipEntry } from '../../formats/zip.js'
import { labelsOf, MOST_ARRAY_BYTES, MOST_CLASSES, named, pixelsOf, shapeText } from './arrays.js'
import type { DataSet, Files } from './block.js'
import type { Dataset, Sources } from './dataset.js'
import { numberedNames, within } from './files.js'

/** Images and labels of a part. */
type Names = readonly [images: string, labels: string]

/** Pairs of names, and the pair of the test part that goes with them. */
const SCHEMES: readonly { readonly train: Names; readonly test: Names | undefined }[] = [
  { train: ['x_train', 'y_train'], test: ['x_test', 'y_test'] },
  { train: ['X_train', 'y_train'], test: ['X_test', 'y_test'] },
  { train: ['train_images', 'train_labels'], test: ['test_images', 'test_labels'] },
  { train: ['images', 'labels'], test: ['test_images', 'test_labels'] },
  { train: ['X', 'y'], test: ['X_test', 'y_test'] },
  { train: ['x', 'y'], test: ['x_test', 'y_test'] }
]

const CHANNELS: readonly (number | undefined)[] = [1, 3, 4]

/** Images as N x C x H x W, told by which axis is one of channels. */
const channelsFirst = (array: NumberArray): E.Either<DecodeError, NumberArray> => {
  const { shape } = array
  const cure = 'save N, H, W or N, C, H, W or N, H, W, C with 1, 3 or 4 channels'
  if (shape.includes(0))
    return malformed('images', 'at least one image and one pixel', `the shape is ${shapeText(array)}`)
  if (shape.length === 3) {
    const [count = 0, height = 0, width = 0] = shape
    const grey = [count, 1, height, width]
    return E.right({ shape: grey, strides: lastAxisFastest(grey), data: rowMajor(array).data })
  }
  if (shape.length !== 4)
    return malformed('images', 'images on 3 or 4 axes', `the shape is ${shapeText(array)}; ${cure}`)
  const [first, last] = [CHANNELS.includes(shape[1]), CHANNELS.includes(shape[3])]
  if (first === last)
    return malformed(
      'images',
      'one axis of channels, the second or the last',
      `the shape is ${shapeText(array)}, where ${first ? 'both may be' : 'neither is of 1, 3 or 4'}; ${cure}`
    )
  return E.right(rowMajor(array, first ? [0, 1, 2, 3] : [0, 3, 1, 2]))
}

/** A part before the classes of both are known. */
type Unnamed = Omit<Dataset, 'classNames'>

const unnamedOf = (entries: ReadonlyMap<string, ZipEntry>, [images, labels]: Names): E.Either<DecodeError, Unnamed> => {
  const arrayOf = (name: string): E.Either<DecodeError, NumberArray> =>
    pipe(
      named('zip', entries, `${name}.npy`),
      E.chain(entry => unpackEntry(entry, MOST_ARRAY_BYTES)),
      E.chain(decodeNpy)
    )
  const count = ({ shape }: NumberArray): number => shape[0] as number
  return pipe(
    arrayOf(images),
    E.chain(channelsFirst),
    E.bindTo('pixels'),
    E.bind('images', ({ pixels }) => pixelsOf('pixels', pixels)),
    within(images),
    E.bind('classes', ({ pixels }) =>
      pipe(
        arrayOf(labels),
        E.chain(array => labelsOf('labels', array, count(pixels), [0, MOST_CLASSES - 1])),
        within(labels)
      )
    ),
    E.map(({ pixels, images: values, classes }) => {
      const [count, channels, height, width] = pixels.shape as [number, number, number, number]
      return { name: 'npz', images: values, labels: Int32Array.from(classes), count, channels, height, width }
    })
  )
}

const sizeText = ({ channels, height, width }: Unnamed): string => `${channels} x ${height} x ${width}`

const together = (train: Unnamed, test: Unnamed | null): E.Either<DecodeError, Sources> => {
  if (test && sizeText(train) !== sizeText(test))
    return malformed('npz', `test images of ${sizeText(train)} as those to train on`, `they are ${sizeText(test)}`)
  if (test && train.images instanceof Uint8Array !== test.images instanceof Uint8Array)
    return malformed('npz', 'bytes, or other numbers, in both parts', 'one has bytes; save both with the same dtype')
  const most = [train, ...(test ? [test] : [])].reduce(
    (so, { labels }) => labels.reduce((a, b) => Math.max(a, b), so),
    0
  )
  const classNames = numberedNames(most + 1)
  return E.right({ train: { ...train, classNames }, test: test && { ...test, classNames } })
}

/** The names of the arrays to take. */
const namesIn = (entries: ReadonlyMap<string, ZipEntry>) => {
  const has = (names: Names | undefined): boolean => names?.some(name => entries.has(`${name}.npy`)) ?? false
  // A pair of names may share its labels with another pair, so the images decide.
  const found = SCHEMES.filter(({ train }) => entries.has(`${train[0]}.npy`))
  const [scheme] = found
  const there = entries.size ? quoted([...entries.keys()].join(', ')) : 'nothing'
  if (!scheme)
    return malformed(
      'npz',
      `images and labels as ${SCHEMES.map(({ train }) => train.join(' and ')).join(', or ')}`,
      `there is ${there}`
    )
  if (found.length > 1) return malformed('npz', 'one array of images to train on', `there are several in ${there}`)
  return E.right({ train: scheme.train, test: has(scheme.test) ? scheme.test : undefined })
}

/** The arrays of one archive. */
const decodeArchive = (bytes: Uint8Array): E.Either<DecodeError, Sources> =>
  pipe(
    E.Do,
    E.bind('entries', () => decodeZip(bytes)),
    E.bind('names', ({ entries }) => namesIn(entries)),
    E.bind('train', ({ entries, names }) => unnamedOf(entries, names.train)),
    E.bind(
      'test',
      ({ entries, names }): E.Either<DecodeError, Unnamed | null> =>
        names.test ? unnamedOf(entries, names.test) : E.right(null)
    ),
    E.chain(({ train, test }) => together(train, test))
  )

/**
 * Images and labels of one .npz file: `x_train`, `y_train`, `x_test`, `y_test`, or other usual names (`SCHEMES`);
 * arrays by other names, such as those of a validation part, are not read. Labels count from 0; a class may have no
 * image. Left for shapes that can be read in two ways, labels that are no classes, and pixels that are not finite.
 */
export const decodeNpz = (files: Files): E.Either<DecodeError, Sources> => {
  const [file, ...more] = files
  if (!file || more.length > 0)
    return malformed(
      'npz',
      'one .npz file',
      `there ${files.size === 0 ? 'is none' : `are ${files.size}; name the one that is meant`}`
    )
  return pipe(decodeArchive(file[1]), within(`npz: ${quoted(file[0])}`))
}

export const npz: DataSet = {
  help:
    'your own arrays in one .npz file of numpy: x_train, y_train, x_test, y_test, or train_images, train_labels, ' +
    'test_images, test_labels as in MedMNIST (its val_images are not read)',
  wants: path => path.endsWith('.npz'),
  decode: decodeNpz
}
