/** The decoders of arrays, each with files that other programs wrote, and what its answer may hold. */
import { readdirSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import { type NumberArray, rowMajor } from '../../src/formats/array.js'
import type { DecodeError } from '../../src/formats/error.js'
import { decodeMat } from '../../src/formats/mat.js'
import { decodeNpy } from '../../src/formats/npy.js'
import { decodeZip, unpackEntry, type ZipEntry } from '../../src/formats/zip.js'
import { decodeNpz } from '../../src/nas/data/npz.js'
import { decodeSvhn } from '../../src/nas/data/svhn.js'
import { exampleJson } from './files.js'

/** What numpy and scipy read in the files of `arrays.json`. */
export const truth = exampleJson('arrays.json') as Readonly<
  Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>
>

/** An array as its shape and values, row by row: what numpy prints. */
export const plain = (array: NumberArray) => ({ shape: array.shape, values: Array.from(rowMajor(array).data) })

/** No more than this is unpacked in tests. */
export const MOST = 2 ** 20

/** All entries of an archive, unpacked. */
export const unzip = (bytes: Uint8Array): E.Either<DecodeError, readonly Uint8Array[]> => {
  const entries = decodeZip(bytes)
  return E.isLeft(entries)
    ? entries
    : E.traverseArray((entry: ZipEntry) => unpackEntry(entry, MOST))([...entries.right.values()])
}

const inFolder = (folder: string): readonly string[] =>
  readdirSync(new URL(`files/${folder}`, import.meta.url)).map(name => `${folder}${name}`)

/** Deflate makes so many bytes of one. */
const EXPANSION = 1032
/** zlib unpacks into chunks of 16 kB: what a small result holds. A damaged file has few. */
const CHUNKS = 2 ** 18

/** A row for each decoder; `most` are the bytes that its answer may hold beside its input, for an input of so many. */
export const ARRAY_DECODERS = {
  npy: {
    decode: decodeNpy,
    examples: [...inFolder('npy/'), 'fortran.npy', 'bigendian.npy', 'bool.npy', 'object.npy'],
    most: (length: number) => 2 * length + 2000
  },
  zip: {
    decode: unzip,
    examples: ['nhwc.npz', 'nhwc_compressed.npz'],
    most: (length: number) => EXPANSION * length + CHUNKS
  },
  mat: {
    decode: (bytes: Uint8Array) => decodeMat(bytes, () => true, MOST),
    examples: [...inFolder('matlab/'), 'svhn_compressed.mat', 'svhn_plain.mat', 'svhn_double_labels.mat'],
    most: (length: number) => 2 * EXPANSION * length + CHUNKS
  },
  npz: {
    decode: (bytes: Uint8Array) => decodeNpz(new Map([['own.npz', bytes]])),
    examples: ['nhwc.npz', 'nhwc_compressed.npz'],
    most: (length: number) => 2 * EXPANSION * length + CHUNKS
  },
  svhn: {
    decode: (bytes: Uint8Array) =>
      decodeSvhn(
        new Map([
          ['train_32x32.mat', bytes],
          ['test_32x32.mat', bytes]
        ])
      ),
    examples: ['svhn_compressed.mat', 'svhn_plain.mat', 'svhn_double_labels.mat'],
    most: (length: number) => 4 * EXPANSION * length + CHUNKS
  }
} as const
