/** The decoders of arrays, each with files that other programs wrote, and what it may take of memory. */
import { readdirSync, readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import { type NumberArray, rowMajor } from '../../src/formats/array.js'
import type { DecodeError } from '../../src/formats/error.js'
import { decodeMat } from '../../src/formats/mat.js'
import { decodeNpy } from '../../src/formats/npy.js'
import { decodeZip, unpackEntry } from '../../src/formats/zip.js'

export const files = new URL('files/', import.meta.url)

export const fileOf = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, files)))

/** What numpy and scipy read in the files of `arrays.json`. */
export const truth: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>> =
  JSON.parse(readFileSync(new URL('arrays.json', files), 'utf8'))

/** An array as its shape and values, row by row: what numpy prints. */
export const plain = (array: NumberArray) => ({ shape: array.shape, values: Array.from(rowMajor(array).data) })

/** No more than this is unpacked in tests. */
export const MOST = 2 ** 20

export interface Decoder {
  readonly name: string
  /** Names among `files` that it is for, whether it reads or refuses them. */
  readonly examples: readonly string[]
  readonly decode: (bytes: Uint8Array) => E.Either<DecodeError, readonly Uint8Array[]>
  /** Bytes of the result that may come from so many bytes of a file. */
  readonly bound: (length: number) => number
}

const inFolder = (folder: string): readonly string[] => readdirSync(new URL(folder, files)).map(name => `${folder}${name}`)

const bytesOf = ({ data }: NumberArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** All entries of an archive, unpacked. */
export const unzip = (bytes: Uint8Array): E.Either<DecodeError, readonly Uint8Array[]> => {
  const entries = decodeZip(bytes)
  return E.isLeft(entries)
    ? entries
    : E.traverseArray((entry: Parameters<typeof unpackEntry>[0]) => unpackEntry(entry, MOST))([...entries.right.values()])
}

export const DECODERS: readonly Decoder[] = [
  {
    name: 'npy',
    examples: [...inFolder('npy/'), 'fortran.npy', 'bigendian.npy', 'bool.npy', 'object.npy'],
    decode: bytes => E.map((array: NumberArray) => [bytesOf(array)])(decodeNpy(bytes)),
    bound: length => 2 * length
  },
  { name: 'zip', examples: ['nhwc.npz', 'nhwc_compressed.npz'], decode: unzip, bound: length => 1032 * length },
  {
    name: 'mat',
    examples: [...inFolder('matlab/'), 'svhn_compressed.mat', 'svhn_plain.mat', 'svhn_double_labels.mat'],
    decode: bytes =>
      E.map((arrays: ReadonlyMap<string, NumberArray>) => [...arrays.values()].map(bytesOf))(decodeMat(bytes, () => true, MOST)),
    bound: length => 2 * 1032 * length
  }
]
