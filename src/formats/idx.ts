/**
 * IDX, the format of MNIST: two zeros, the type of the elements, the number of axes, an extent of each (big-endian),
 * then the elements.
 */
import * as E from 'fp-ts/lib/Either.js'
import { type DecodeError, malformed } from './error.js'

/** Bytes and their shape. */
export interface IdxArray {
  readonly shape: readonly number[]
  readonly data: Uint8Array
}

const MOST_AXES = 8
const UNSIGNED_BYTE = 0x08
const OTHERS: Readonly<Record<number, string>> = {
  9: 'signed bytes',
  11: '16-bit numbers',
  12: '32-bit numbers',
  13: '32-bit floats',
  14: '64-bit floats'
}

/**
 * A file's unsigned bytes and their shape; the data are a part of `bytes`, not a copy. Left for other elements and
 * where the shape does not fit.
 */
export const decodeIdx = (bytes: Uint8Array): E.Either<DecodeError, IdxArray> => {
  const wrong = (required: string, found: string) => malformed('idx', required, found)
  const [first, second, type = 0, axes = 0] = bytes
  if (bytes.length < 4 || first !== 0 || second !== 0) return wrong('a file that begins with two zeros', 'it does not')
  if (type !== UNSIGNED_BYTE)
    return wrong('a file of unsigned bytes', `it has ${OTHERS[type] ?? `elements of the unknown type ${type}`}`)
  const header = 4 + 4 * axes
  if (axes < 1 || axes > MOST_AXES) return wrong(`a number of axes from 1 to ${MOST_AXES}`, `it has ${axes}`)
  if (bytes.length < header) return wrong(`a header of ${header} bytes`, `the file has ${bytes.length}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, header)
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis))
  const size = shape.reduce((product, extent) => product * extent, 1)
  return size === bytes.length - header
    ? E.right({ shape, data: bytes.subarray(header) })
    : wrong(`room of ${size} elements after the header`, `there are ${bytes.length - header}`)
}
