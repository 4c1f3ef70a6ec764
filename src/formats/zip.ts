/**
 * The zip format (PKWARE's APPNOTE.TXT), as far as .npz files need it: entries that are stored or deflated, found by
 * the central directory at the end. What a name or a size says is not believed: names that lead elsewhere, entries
 * that overlap and sizes that do not fit are refused.
 */
import * as E from 'fp-ts/lib/Either.js'
import { type DecodeError, malformed, quoted } from './error.js'
import { inflate } from './inflate.js'
import { crc32 } from './native.js'

const wrong = (required: string, found: string) => malformed('zip', required, found)

const LOCAL = { signature: 0x04034b50, bytes: 30 } as const
const CENTRAL = { signature: 0x02014b50, bytes: 46 } as const
const END = { signature: 0x06054b50, bytes: 22, mostComment: 0xffff } as const
const STORED = 0
const DEFLATED = 8
/** Bits of an entry's flags: encrypted, encrypted strongly, its header masked. */
const ENCRYPTED = 0x1 | 0x40 | 0x2000
/** What stands where a number is too large for this format, and is found in the records of zip64 instead. */
const ELSEWHERE = 0xffffffff

/** A file of an archive, packed. */
export interface ZipEntry {
  readonly name: string
  readonly packed: Uint8Array
  readonly deflated: boolean
  /** Unpacked, as the archive says. */
  readonly size: number
  readonly crc: number
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/** Where the record at the end begins: the last signature whose comment ends with the file. */
const endOf = (view: DataView): number | undefined => {
  const last = view.byteLength - END.bytes
  for (let at = last; at >= 0 && at >= last - END.mostComment; at--)
    if (
      view.getUint32(at, true) === END.signature &&
      at + END.bytes + view.getUint16(at + 20, true) === view.byteLength
    )
      return at
  return undefined
}

/** What is wrong with a name, in words: one that leads out of the folder where the archive lies, or none. */
const problemOf = (name: string): string | undefined => {
  if (name === '') return 'one has none'
  if (/^[/\\]|^[a-zA-Z]:/.test(name)) return `${quoted(name)} is absolute`
  if (name.split(/[/\\]/).includes('..')) return `${quoted(name)} leads out of it`
  return name.includes('\0') ? `${quoted(name)} has a zero in it` : undefined
}

interface Placed {
  readonly entry: ZipEntry
  readonly from: number
  readonly to: number
  /** Where its record in the directory ends. */
  readonly next: number
}

/** The entry whose record in the central directory begins at `at`; its data must lie before `directory`. */
const entryAt = (
  bytes: Uint8Array,
  view: DataView,
  at: number,
  directory: number,
  end: number
): E.Either<DecodeError, Placed> => {
  if (at + CENTRAL.bytes > end || view.getUint32(at, true) !== CENTRAL.signature)
    return wrong('an entry of the central directory', `there is none at byte ${at}`)
  const [flags, method, crc] = [
    view.getUint16(at + 8, true),
    view.getUint16(at + 10, true),
    view.getUint32(at + 16, true)
  ]
  const [packedSize, size] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true)]
  const [nameLength, local] = [view.getUint16(at + 28, true), view.getUint32(at + 42, true)]
  const next = at + CENTRAL.bytes + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  if (next > end) return wrong('a central directory that ends before its end record', 'an entry of it goes beyond')
  const nameBytes = bytes.subarray(at + CENTRAL.bytes, at + CENTRAL.bytes + nameLength)
  const name = new TextDecoder().decode(nameBytes)
  const problem = problemOf(name)
  if (problem !== undefined) return wrong('names within the archive', problem)
  if ([packedSize, size, local].includes(ELSEWHERE))
    return wrong('entries below 4 GiB', `${quoted(name)} is one of zip64; save fewer images in a file`)
  if (flags & ENCRYPTED)
    return wrong('entries that are not encrypted', `${quoted(name)} is; save it without a password`)
  if (method !== STORED && method !== DEFLATED)
    return wrong(
      'entries that are stored or deflated',
      `${quoted(name)} is packed by method ${method}; save it with np.savez_compressed`
    )
  if (local + LOCAL.bytes > directory || view.getUint32(local, true) !== LOCAL.signature)
    return wrong(`the header of ${quoted(name)} at byte ${local}`, 'there is none')
  const localName = bytes.subarray(local + LOCAL.bytes, local + LOCAL.bytes + view.getUint16(local + 26, true))
  if (localName.length !== nameBytes.length || localName.some((byte, i) => byte !== nameBytes[i]))
    return wrong(`the name ${quoted(name)} in both headers`, `one has ${quoted(new TextDecoder().decode(localName))}`)
  const from = local + LOCAL.bytes + nameLength + view.getUint16(local + 28, true)
  const to = from + packedSize
  if (to > directory)
    return wrong(`${packedSize} bytes of ${quoted(name)}`, `${Math.max(0, directory - from)} are there`)
  const entry = { name, packed: bytes.subarray(from, to), deflated: method === DEFLATED, size, crc }
  return E.right({ entry, from: local, to, next })
}

/**
 * The files of an archive by name, still packed. Left for what is no archive, is cut, spread over several files,
 * encrypted or of zip64, and for names that are absolute, lead upwards or occur twice. Takes a fraction of the bytes
 * of the archive: entries are views.
 */
export const decodeZip = (bytes: Uint8Array): E.Either<DecodeError, ReadonlyMap<string, ZipEntry>> => {
  const view = viewOf(bytes)
  const end = endOf(view)
  if (end === undefined)
    return wrong('the end record of an archive', 'there is none; the file is cut, or is no archive')
  const count = view.getUint16(end + 10, true)
  const [size, directory] = [view.getUint32(end + 12, true), view.getUint32(end + 16, true)]
  if (count === 0xffff || size === ELSEWHERE || directory === ELSEWHERE)
    return wrong(
      'an archive below 4 GiB and of fewer than 65535 files',
      'it is one of zip64; save fewer images in a file'
    )
  if (
    view.getUint16(end + 4, true) !== 0 ||
    view.getUint16(end + 6, true) !== 0 ||
    view.getUint16(end + 8, true) !== count
  )
    return wrong('an archive of one file', 'it is one of several')
  if (directory + size !== end)
    return wrong(`a central directory that ends at byte ${end}`, `it ends at byte ${directory + size}`)
  const placed: Placed[] = []
  const entries = new Map<string, ZipEntry>()
  let at = directory
  for (let k = 0; k < count; k++) {
    const one = entryAt(bytes, view, at, directory, end)
    if (E.isLeft(one)) return one
    const { entry, next } = one.right
    if (entries.has(entry.name)) return wrong('each name once', `${quoted(entry.name)} occurs twice`)
    entries.set(entry.name, entry)
    placed.push(one.right)
    at = next
  }
  if (at !== end) return wrong(`${count} entries`, 'there are more in the central directory')
  placed.sort((a, b) => a.from - b.from)
  const overlapping = placed.find(({ to }, k) => to > (placed[k + 1]?.from ?? directory))
  return overlapping
    ? wrong('entries apart from each other', `${quoted(overlapping.entry.name)} overlaps another`)
    : E.right(entries)
}

/**
 * The bytes of an entry: at most `most` of them. Left for a size that is false, and for data that its checksum does
 * not fit.
 */
export const unpackEntry = (
  { name, packed, deflated, size, crc }: ZipEntry,
  most: number
): E.Either<DecodeError, Uint8Array> => {
  const what = `zip: ${quoted(name)}`
  const unpacked = deflated ? inflate(what, 'raw', packed, size, most) : E.right(packed)
  if (E.isLeft(unpacked)) return unpacked
  if (unpacked.right.length !== size) return malformed(what, `${size} bytes`, `there are ${unpacked.right.length}`)
  return crc32(unpacked.right) === crc ? unpacked : malformed(what, 'data that its checksum fits', 'it is damaged')
}
