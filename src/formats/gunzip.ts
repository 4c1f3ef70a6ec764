/**
 * Unpacks gzip (RFC 1952) to at most as many bytes as the caller allows. Members are taken one by one, since
 * `gunzipSync` silently drops what follows a zero after the first of them.
 */
import * as E from 'fp-ts/lib/Either.js'
import { joined } from './bytes.js'
import { type DecodeError, malformed } from './error.js'
import { type Unpacked, unpackStream, type ZlibError } from './inflate.js'
import { crc32 } from './native.js'

const HEADER_BYTES = 10
const TRAILER_BYTES = 8
const FLAG = { headerChecksum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const
/** What is unpacked at a time, within these. */
const [LEAST_CHUNK, MOST_CHUNK] = [2 ** 14, 2 ** 16]

interface Member {
  readonly data: Uint8Array
  /** Where the next one begins. */
  readonly end: number
}

const wrong = (required: string, found: string) => malformed('gzip', required, found)
const tooLarge = (most: number) => wrong(`a file that unpacks to at most ${most} bytes`, 'it has more')
const cutOff = wrong('a whole file', 'it is cut off')

export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/** Where a member's packed data begin: after the fields that its flags announce. Past the end if these are cut off. */
const dataStart = (bytes: Uint8Array, start: number): number => {
  const flags = bytes[start + 3] as number
  let at = start + HEADER_BYTES
  if (flags & FLAG.extra) at += 2 + (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0)
  for (const text of [FLAG.name, FLAG.comment]) {
    if (!(flags & text)) continue
    const zero = bytes.indexOf(0, at)
    at = zero < 0 ? bytes.length : zero + 1
  }
  return flags & FLAG.headerChecksum ? at + 2 : at
}

const inflate = (packed: Uint8Array, left: number, most: number): E.Either<DecodeError, Unpacked> => {
  const chunkSize = Math.max(LEAST_CHUNK, Math.min(MOST_CHUNK, packed.length))
  return E.orElse(({ code, message }: ZlibError): E.Either<DecodeError, Unpacked> => {
    if (code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(most)
    return code === 'Z_BUF_ERROR' ? cutOff : wrong('a stream of deflate', `it cannot be unpacked (${message})`)
  })(unpackStream('raw', packed, left, { chunkSize }))
}

/** The member that begins at `start`, of at most `left` bytes of the `most` that all may have. */
const memberAt = (bytes: Uint8Array, start: number, left: number, most: number): E.Either<DecodeError, Member> => {
  if (bytes.length - start < HEADER_BYTES + TRAILER_BYTES) return cutOff
  if (!isGzip(bytes.subarray(start))) return wrong('a file that begins with 1f 8b', 'it does not')
  if (bytes[start + 2] !== 8) return wrong('compression by deflate (8)', `it is ${bytes[start + 2]}`)
  if ((bytes[start + 3] as number) & FLAG.reserved) return wrong('a header without reserved flags', 'some are set')
  const from = dataStart(bytes, start)
  if (from > bytes.length) return cutOff
  const inflated = inflate(bytes.subarray(from), left, most)
  if (E.isLeft(inflated)) return inflated
  const { data, from: length } = inflated.right
  const trailer = from + length
  if (trailer + TRAILER_BYTES > bytes.length) return cutOff
  if (data.length > left) return tooLarge(most)
  const view = new DataView(bytes.buffer, bytes.byteOffset + trailer)
  if (view.getUint32(0, true) !== crc32(data))
    return wrong('the checksum that it names', 'the unpacked bytes have another')
  if (view.getUint32(4, true) !== data.length % 2 ** 32)
    return wrong('the length that it names', 'the unpacked bytes have another')
  // A small result is copied, since it holds a whole chunk.
  const own = data.length < data.buffer.byteLength / 2 ? new Uint8Array(data) : data
  return E.right({ data: own, end: trailer + TRAILER_BYTES })
}

/**
 * What a gzip file holds: its members one after another. Left if that is more than `most` bytes (no more than these
 * are unpacked), if a member is cut off or not what its checksum says, or if anything but zeros (the padding of tapes)
 * follows the last one.
 *
 * @example gunzip(new Uint8Array(0), 2 ** 20)
 */
export const gunzip = (bytes: Uint8Array, most: number): E.Either<DecodeError, Uint8Array> => {
  const parts: Uint8Array[] = []
  let [at, total] = [0, 0]
  while (at === 0 || isGzip(bytes.subarray(at, at + 2))) {
    const member = memberAt(bytes, at, most - total, most)
    if (E.isLeft(member)) return member
    parts.push(member.right.data)
    total += member.right.data.length
    at = member.right.end
  }
  const after = bytes.subarray(at).findIndex(byte => byte !== 0)
  return after < 0
    ? E.right(parts.length === 1 ? (parts[0] as Uint8Array) : joined(parts))
    : wrong('nothing but zeros after the last member', `byte ${at + after} is another`)
}
