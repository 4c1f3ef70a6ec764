/** A row for each decoder of bytes: its files of other programs, and what its answer may hold. */
import type * as E from 'fp-ts/lib/Either.js'
import type { DecodeError } from '../../src/formats/error.js'
import { gunzip } from '../../src/formats/gunzip.js'
import { decodeIdx } from '../../src/formats/idx.js'
import { decodePickle } from '../../src/formats/pickle.js'
import { decodeSafetensors } from '../../src/formats/safetensors.js'
import { decodeTar } from '../../src/formats/tar.js'
import type { Files } from '../../src/nas/data/block.js'
import { DATA_SETS } from '../../src/nas/data/datasets.js'
import { right } from '../kernels/results.js'
import { ARRAY_DECODERS } from './arrays.js'
import { example } from './files.js'

export interface Decoder {
  readonly decode: (bytes: Uint8Array) => E.Either<DecodeError, unknown>
  readonly examples: readonly string[]
  /** Most bytes that a result may hold beside its input, for an input of so many. */
  readonly most: (length: number) => number
}

/** A file, unpacked where a decoder wants it so. */
export const unpacked = (name: string): Uint8Array =>
  name.endsWith('.tar.gz') ? right(gunzip(example(name), 2 ** 20)) : example(name)

/** A data set that has this file, several times, beside sound ones. */
const dataSet = (set: string, names: readonly string[], sound: Files = new Map()): Decoder['decode'] => {
  const { decode } = DATA_SETS[set] as (typeof DATA_SETS)[string]
  return bytes => decode(new Map([...sound, ...names.map(name => [name, bytes] as const)]))
}

/** The first file under all of the names. */
const all = (file: string, names: readonly string[]): Files => new Map(names.map(name => [name, example(file)]))

const pythonBatches = [1, 2, 3, 4, 5].map(k => `data_batch_${k}`)
const imagenetBatches = Array.from({ length: 10 }, (_, k) => `train_data_batch_${k + 1}`)
/** What MNIST has beside its images of training, which are read unpacked where both are there. */
const mnistBeside = new Map([
  ...all('images-idx3-ubyte', ['t10k-images-idx3-ubyte']),
  ...all('labels-idx1-ubyte', ['train-labels-idx1-ubyte', 't10k-labels-idx1-ubyte'])
])
const mnistImages = all('images-idx3-ubyte', ['train-images-idx3-ubyte'])
const UNPACKED = 20_000

/** A row for each decoder. */
export const DECODERS: Readonly<Record<string, Decoder>> = {
  gunzip: {
    decode: bytes => gunzip(bytes, UNPACKED),
    examples: ['members.gz', 'bomb.gz', 'images-idx3-ubyte.gz', 'tar_traversal.tar.gz', 'cifar-10-python.tar.gz'],
    // What is unpacked lies in chunks of 16 kB and more.
    most: () => 2 * UNPACKED + 2 ** 16
  },
  tar: {
    decode: decodeTar,
    examples: ['ustar.tar', 'gnu.tar', 'pax.tar', 'tar_link.tar.gz', 'tar_absolute.tar.gz', 'tar_traversal.tar.gz'],
    most: length => length + 1000
  },
  pickle: {
    decode: decodePickle,
    examples: [
      ...[0, 1, 2, 3, 4, 5].map(protocol => `values_protocol${protocol}.pkl`),
      ...[0, 1, 2].map(protocol => `python2_protocol${protocol}.pkl`),
      'imagenet16_batch.pkl',
      'evil.pkl'
    ],
    most: length => 50 * length + 1000
  },
  idx: { decode: decodeIdx, examples: ['images-idx3-ubyte', 'labels-idx1-ubyte'], most: () => 1000 },
  safetensors: { decode: decodeSafetensors, examples: ['two.safetensors'], most: length => 50 * length + 1000 },
  cifar10: {
    decode: dataSet('cifar10', [...pythonBatches, 'test_batch']),
    examples: ['cifar10_batch_protocol2.pkl', 'cifar10_batch_protocol4.pkl'],
    most: length => 20 * length + 10_000
  },
  'names of cifar10': {
    decode: dataSet('cifar10', ['batches.meta'], all('cifar10_batch_protocol4.pkl', [...pythonBatches, 'test_batch'])),
    examples: ['cifar10_batches.meta'],
    most: () => 200_000
  },
  cifar100: {
    decode: dataSet('cifar100', ['train', 'test']),
    examples: ['cifar100_train.pkl'],
    most: length => 20 * length + 10_000
  },
  'images of mnist': {
    decode: dataSet('mnist', ['train-images-idx3-ubyte'], mnistBeside),
    examples: ['images-idx3-ubyte'],
    most: length => 20 * length + 30_000
  },
  'packed images of mnist': {
    decode: dataSet('mnist', ['train-images-idx3-ubyte.gz'], mnistBeside),
    examples: ['images-idx3-ubyte.gz'],
    most: length => 20 * length + 50_000
  },
  'labels of mnist': {
    decode: dataSet('mnist', ['train-labels-idx1-ubyte'], new Map([...mnistImages, ...mnistBeside])),
    examples: ['labels-idx1-ubyte'],
    most: length => 20 * length + 30_000
  },
  'imagenet16-120': {
    decode: dataSet('imagenet16-120', [...imagenetBatches, 'val_data']),
    examples: ['imagenet16_batch.pkl'],
    most: length => 40 * length + 10_000
  },
  ...ARRAY_DECODERS
}
