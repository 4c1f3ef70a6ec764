/**
 * CIFAR-10 and CIFAR-100 (Krizhevsky, 2009) as their author gives them: records of bytes, or the same images as pickles
 * of Python.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { type DecodeError, malformed } from '../../formats/error.js'
import { latin1Texts } from '../../formats/pickled.js'
import type { DataSet, Files, PublishedData } from './block.js'
import type { Sources } from './dataset.js'
import {
  checkLabels,
  checkNames,
  datasetOf,
  decodeDict,
  decodePickledBatch,
  findFile,
  isNamed,
  joinedImages,
  type LabelledImages,
  numberedNames,
  requireFile
} from './files.js'

const SIDE = 32
const CHANNELS = 3
/** Far more than the names of a hundred classes take. */
const MOST_NAMES = 2 ** 16
const IMAGE_BYTES = CHANNELS * SIDE * SIDE

/** Which files a layout has. */
interface FileNames {
  readonly train: readonly string[]
  readonly test: string
  /** Where the classes are named, if that file is there. */
  readonly meta: string
}

interface Cifar {
  readonly name: string
  /** How many of each kind of label there are, in their order in a record; the last is the class. */
  readonly labels: readonly number[]
  readonly binary: FileNames
  readonly python: FileNames & { readonly labels: string; readonly names: string }
}

const batches = (suffix: string): readonly string[] => [1, 2, 3, 4, 5].map(k => `data_batch_${k}${suffix}`)

const CIFAR10: Cifar = {
  name: 'cifar10',
  labels: [10],
  binary: { train: batches('.bin'), test: 'test_batch.bin', meta: 'batches.meta.txt' },
  python: { train: batches(''), test: 'test_batch', meta: 'batches.meta', labels: 'labels', names: 'label_names' }
}

const CIFAR100: Cifar = {
  name: 'cifar100',
  labels: [20, 100],
  binary: { train: ['train.bin'], test: 'test.bin', meta: 'fine_label_names.txt' },
  python: { train: ['train'], test: 'test', meta: 'meta', labels: 'fine_labels', names: 'fine_label_names' }
}

const classesOf = ({ labels }: Cifar): number => labels.at(-1) as number

/** A way of keeping images, read: its files, how a batch of them is decoded, and the names of classes. */
interface Layout {
  readonly files: FileNames
  readonly batch: (what: string, bytes: Uint8Array) => E.Either<DecodeError, LabelledImages>
  readonly names: (what: string, bytes: Uint8Array) => E.Either<DecodeError, readonly string[]>
}

/** Records of the labels, a byte each, then the pixels, channel by channel. */
const decodeRecords = (cifar: Cifar, what: string, bytes: Uint8Array): E.Either<DecodeError, LabelledImages> => {
  const before = cifar.labels.length
  const record = before + IMAGE_BYTES
  if (bytes.length % record > 0)
    return malformed(what, `a whole number of records of ${record} bytes`, `the file has ${bytes.length} bytes`)
  const places = Array.from({ length: bytes.length / record }, (_, k) => k)
  const kinds = cifar.labels.map((_, kind) => places.map(k => bytes[k * record + kind] as number))
  return pipe(
    kinds,
    E.traverseReadonlyArrayWithIndex((kind, labels) =>
      checkLabels(what, labels, 0, (cifar.labels[kind] as number) - 1)
    ),
    E.map(() => ({
      labels: kinds[before - 1] as readonly number[],
      images: joinedImages(bytes.subarray(before), record, IMAGE_BYTES, places)
    }))
  )
}

/** The lines of a short text, without blanks around them. */
const linesOf = (what: string, bytes: Uint8Array): E.Either<DecodeError, readonly string[]> =>
  bytes.length > MOST_NAMES
    ? malformed(what, `a file of at most ${MOST_NAMES} bytes`, `it has ${bytes.length}`)
    : E.right(
        new TextDecoder()
          .decode(bytes)
          .trim()
          .split(/\s*\n\s*/)
      )

const binaryLayout = (cifar: Cifar): Layout => ({
  files: cifar.binary,
  batch: (what, bytes) => decodeRecords(cifar, what, bytes),
  names: (what, bytes) =>
    pipe(
      linesOf(what, bytes),
      E.chain(lines => checkNames(what, lines, classesOf(cifar)))
    )
})

const pythonLayout = (cifar: Cifar): Layout => ({
  files: cifar.python,
  batch: (what, bytes) =>
    decodePickledBatch(what, bytes, {
      labels: cifar.python.labels,
      least: 0,
      most: classesOf(cifar) - 1,
      size: IMAGE_BYTES
    }),
  names: (what, bytes) =>
    pipe(
      decodeDict(what, bytes),
      E.chain(dict => checkNames(what, latin1Texts(dict.get(cifar.python.names)) ?? [], classesOf(cifar)))
    )
})

const decodeNames = (
  cifar: Cifar,
  { files: { meta }, names }: Layout,
  files: Files
): E.Either<DecodeError, readonly string[]> =>
  pipe(
    findFile(cifar.name, files, meta),
    E.chain(bytes => (bytes ? names(`${cifar.name}: ${meta}`, bytes) : E.right(numberedNames(classesOf(cifar)))))
  )

const decode =
  (cifar: Cifar) =>
  (files: Files): E.Either<DecodeError, Sources> => {
    // Where both layouts are there, the bytes are read: they need less work. If one of their files is missing, that is
    // said, not made up for.
    const isBinary = [...files.keys()].some(isNamed([...cifar.binary.train, cifar.binary.test]))
    const layout = isBinary ? binaryLayout(cifar) : pythonLayout(cifar)
    const batch = (file: string) =>
      pipe(
        requireFile(cifar.name, files, file),
        E.chain(bytes => layout.batch(`${cifar.name}: ${file}`, bytes))
      )
    return pipe(
      E.Do,
      E.bind('train', () => E.traverseArray(batch)(layout.files.train)),
      E.bind('test', () => batch(layout.files.test)),
      E.bind('classNames', () => decodeNames(cifar, layout, files)),
      E.map(({ train, test, classNames }) => {
        const frame = { name: cifar.name, channels: CHANNELS, height: SIDE, width: SIDE, classNames }
        return { train: datasetOf(frame, train), test: datasetOf(frame, [test]) }
      })
    )
  }

const dataSetOf = (cifar: Cifar, help: string, normalisation: PublishedData['normalisation']): DataSet => ({
  help,
  wants: isNamed([cifar.binary, cifar.python].flatMap(({ train, test, meta }) => [...train, test, meta])),
  decode: decode(cifar),
  published: { normalisation, padding: 4, flip: true }
})

const bytesOf = (values: readonly number[]): readonly number[] => values.map(value => 255 * value)

/** 32x32 colour images of 10 classes: data_batch_1 to 5 and test_batch, each with `.bin` or without. */
export const cifar10: DataSet = dataSetOf(
  CIFAR10,
  'CIFAR-10: data_batch_1 to data_batch_5 and test_batch, binary or Python',
  {
    layers: {
      mean: bytesOf([0.49139968, 0.48215827, 0.44653124]),
      deviation: bytesOf([0.24703233, 0.24348505, 0.26158768])
    },
    stages: { mean: [125.3, 123.0, 113.9], deviation: [63.0, 62.1, 66.7] }
  }
)

/** 32x32 colour images of 100 classes: train and test, each with `.bin` or without. */
export const cifar100: DataSet = dataSetOf(CIFAR100, 'CIFAR-100: train and test, binary or Python', {
  layers: { mean: bytesOf([0.5071, 0.4865, 0.4409]), deviation: bytesOf([0.2673, 0.2564, 0.2762]) },
  stages: { mean: [129.3, 124.1, 112.4], deviation: [68.2, 65.4, 70.4] }
})
