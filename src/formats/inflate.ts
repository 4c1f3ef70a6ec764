/** Packed bytes unpacked, with a bound that is known before. */
import * as E from 'fp-ts/lib/Either.js'
import { type DecodeError, malformed } from './error.js'
import { constants, inflateRawSync, inflateSync } from './native.js'

/**
 * Deflate makes at most 258 bytes of 2 bits; with what a block takes besides, no stream grows more than so many times.
 */
export const MOST_EXPANSION = 1032

const METHODS = { raw: inflateRawSync, zlib: inflateSync } as const
export type Wrapping = keyof typeof METHODS

/** What `info` has zlib say, which its types do not know. */
interface Inflated {
  readonly buffer: Uint8Array
  readonly engine: { readonly bytesWritten: number }
}

/** Options of zlib. */
interface Options {
  readonly chunkSize?: number
  readonly finishFlush?: number
}

/** What zlib throws. */
export interface ZlibError extends Error {
  readonly code?: string
}

export interface Unpacked {
  readonly data: Uint8Array
  /** Packed bytes that it came from; the stream may end before all that are given. */
  readonly from: number
}

/**
 * What a stream unpacks to, at most `most` bytes. Left with zlib's reason: its code is `ERR_BUFFER_TOO_LARGE` for more,
 * `Z_BUF_ERROR` for a stream that is cut off.
 */
export const unpackStream = (
  wrapping: Wrapping,
  bytes: Uint8Array,
  most: number,
  options: Options = {}
): E.Either<ZlibError, Unpacked> => {
  try {
    const unpacked: unknown = METHODS[wrapping](bytes, { maxOutputLength: Math.max(1, most), info: true, ...options })
    const { buffer, engine } = unpacked as Inflated
    return E.right({ data: new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length), from: engine.bytesWritten })
  } catch (reason) {
    return E.left(reason as ZlibError)
  }
}

const attempt = (
  what: string,
  wrapping: Wrapping,
  bytes: Uint8Array,
  most: number,
  options: Options = {}
): E.Either<DecodeError, Unpacked> =>
  E.orElse(({ code, message }: ZlibError): E.Either<DecodeError, Unpacked> => {
    const found = code === 'ERR_BUFFER_TOO_LARGE' ? 'they have more' : `zlib says '${message}'`
    return malformed(what, `packed data that unpacks to at most ${most} bytes`, found)
  })(unpackStream(wrapping, bytes, most, options))

/**
 * `bytes` unpacked, which must give exactly `size` bytes. Left, before anything is unpacked, where `size` is above
 * `most` or above what so few bytes can hold; and for data that are cut, damaged, or followed by others.
 */
export const inflate = (
  what: string,
  wrapping: Wrapping,
  bytes: Uint8Array,
  size: number,
  most: number
): E.Either<DecodeError, Uint8Array> => {
  if (size > most) return malformed(what, `at most ${most} unpacked bytes`, `it says ${size}`)
  if (size > MOST_EXPANSION * bytes.length)
    return malformed(
      what,
      `at most ${MOST_EXPANSION * bytes.length} bytes from ${bytes.length} packed ones`,
      `it says ${size}`
    )
  const unpacked = attempt(what, wrapping, bytes, size)
  if (E.isLeft(unpacked)) return unpacked
  const { data, from } = unpacked.right
  if (data.length !== size) return malformed(what, `${size} unpacked bytes`, `there are ${data.length}`)
  return from === bytes.length ? E.right(data) : malformed(what, `${from} packed bytes`, `there are ${bytes.length}`)
}

/** Of a stream, what is read to learn how it begins: one block's tables and some values. */
const PEEKED = 1024

/** The first bytes that `bytes` unpack to: as many as its first kilobyte holds. */
export const beginningOf = (what: string, wrapping: Wrapping, bytes: Uint8Array): E.Either<DecodeError, Uint8Array> => {
  const options = { finishFlush: constants.Z_SYNC_FLUSH }
  return E.map(({ data }: Unpacked) => data)(
    attempt(what, wrapping, bytes.subarray(0, PEEKED), PEEKED * MOST_EXPANSION, options)
  )
}
