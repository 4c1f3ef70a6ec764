/**
 * Tar archives as files by path: ustar (POSIX 1003.1-1988), the long names of GNU, and the extended headers of pax
 * (POSIX 1003.1-2001). Nothing is written anywhere; names that would lead out of a folder are refused all the same, as
 * are links and devices.
 */
import * as E from 'fp-ts/lib/Either.js'
import { type DecodeError, malformed, quoted } from './error.js'

const BLOCK = 512
/** Fields of a header: where they begin, and their bytes. */
const FIELD = {
  name: [0, 100],
  size: [124, 12],
  checksum: [148, 8],
  magic: [257, 6],
  prefix: [345, 155]
} as const
/** Far more than a path takes. */
const MOST_EXTENSION = 2 ** 20
const TYPE_AT = 156

/** Plain files: of POSIX, of old archives, contiguous. */
const PLAIN: readonly string[] = ['0', '\0', '7']
/** What is not a plain file, and why it is refused. */
const REFUSED: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a character device',
  '4': 'a block device',
  '6': 'a pipe',
  M: 'a part of another archive',
  S: 'a file with holes',
  V: 'a volume label'
}

interface Header {
  readonly path: string
  readonly size: number
  readonly type: string
}

/** What an extended header says of the entry after it. */
interface Extension {
  readonly path?: string
  readonly size?: number
}

const wrong = (required: string, found: string) => malformed('tar', required, found)

const textOf = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)

/** A field up to its first zero. */
const field = (header: Uint8Array, [from, length]: readonly [number, number]): Uint8Array => {
  const bytes = header.subarray(from, from + length)
  const end = bytes.indexOf(0)
  return end < 0 ? bytes : bytes.subarray(0, end)
}

/**
 * A number of a field: octal digits, or GNU's base 256 where the first bit is set. Undefined if it is none, or beyond
 * what is exact.
 */
const numberOf = (header: Uint8Array, place: readonly [number, number]): number | undefined => {
  const [from, length] = place
  const first = header[from] as number
  if (first & 0x80) {
    const digits = [first & 0x7f, ...header.subarray(from + 1, from + length)]
    const value = digits.reduce((sum, digit) => 256 * sum + digit, 0)
    return Number.isSafeInteger(value) ? value : undefined
  }
  const text = textOf(field(header, place)).trim()
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined
}

/** The sum of a header's bytes, with blanks where the sum itself stands. */
const checksumOf = (header: Uint8Array): number => {
  const [from, length] = FIELD.checksum
  return header.reduce((sum, byte, k) => sum + (k >= from && k < from + length ? 0x20 : byte), 0)
}

const decodeHeader = (bytes: Uint8Array, at: number): E.Either<DecodeError, Header> => {
  const header = bytes.subarray(at, at + BLOCK)
  if (header.length < BLOCK) return wrong('a block of zeros at the end', 'it is cut off')
  if (numberOf(header, FIELD.checksum) !== checksumOf(header))
    return wrong(`a header with its right checksum at byte ${at}`, 'it has another')
  const size = numberOf(header, FIELD.size)
  if (size === undefined) return wrong(`a size in octal digits in the header at byte ${at}`, 'it has none')
  // GNU writes other things into the prefix and says so by blanks in its magic.
  const prefix = textOf(field(header, FIELD.magic)) === 'ustar' ? textOf(field(header, FIELD.prefix)) : ''
  const name = textOf(field(header, FIELD.name))
  const type = String.fromCharCode(header[TYPE_AT] as number)
  return E.right({ path: prefix === '' ? name : `${prefix}/${name}`, size, type })
}

/** Records of an extended header: `length key=value` and a line feed, the length that of all of it. */
const decodeRecords = (bytes: Uint8Array): E.Either<DecodeError, ReadonlyMap<string, string>> => {
  const records = new Map<string, string>()
  for (let at = 0; at < bytes.length; ) {
    const digits = /^[1-9]\d{0,14} /.exec(textOf(bytes.subarray(at, at + 16)))?.[0]
    const end = at + Number(digits)
    const record = bytes.subarray(at + (digits?.length ?? 0), end)
    const equals = record.indexOf(0x3d)
    if (digits === undefined || end > bytes.length || equals < 1 || record.at(-1) !== 0x0a)
      return wrong('`length key=value` in each record of an extended header', 'one has something else')
    records.set(textOf(record.subarray(0, equals)), textOf(record.subarray(equals + 1, -1)))
    at = end
  }
  return E.right(records)
}

/** What a header of type x or g (pax), L or K (GNU's long names of files and of links) says of the files after it. */
const decodeExtension = (type: string, bytes: Uint8Array): E.Either<DecodeError, Extension> => {
  if (type === 'K') return E.right({})
  if (type === 'L') return E.right({ path: textOf(field(bytes, [0, bytes.length])) })
  const records = decodeRecords(bytes)
  if (E.isLeft(records)) return records
  const [path, size] = [records.right.get('path'), records.right.get('size')]
  if ([...records.right.keys()].some(key => key.startsWith('GNU.sparse.')))
    return wrong('a file without holes', 'one has some')
  if (type === 'g' && (path !== undefined || size !== undefined))
    return wrong('a path and a size of its own for each file', 'a header gives one to all')
  if (size !== undefined && !/^\d{1,15}$/.test(size))
    return wrong('a size in digits', `an extended header has ${quoted(size)}`)
  return E.right({ ...(path === undefined ? {} : { path }), ...(size === undefined ? {} : { size: Number(size) }) })
}

/** A path without `.` and doubled `/`. Left if it leads elsewhere than below the folder that it is unpacked in. */
const cleanPath = (path: string): E.Either<DecodeError, string> => {
  if (path.startsWith('/')) return wrong('a relative path', `it has ${quoted(path)}`)
  const parts = path.split('/').filter(part => part !== '' && part !== '.')
  if (parts.includes('..')) return wrong("a path without '..'", `it has ${quoted(path)}`)
  return path === '' || path.includes('\0')
    ? wrong('a path for each file', `it has ${quoted(path)}`)
    : E.right(parts.join('/'))
}

const zeros = (bytes: Uint8Array): boolean => bytes.every(byte => byte === 0)

/** Names what is wrong after the first block of zeros, if anything is. */
const endProblem = (bytes: Uint8Array, at: number): E.Either<DecodeError, void> =>
  zeros(bytes.subarray(at)) ? E.right(undefined) : wrong('nothing but zeros after the last file', 'there is more')

/** An entry's header, with what extended headers before it say, and where its data begin. */
interface Entry extends Header {
  readonly from: number
}

/** The next entry that is a file or a folder; none at the end of the archive. */
const nextEntry = (bytes: Uint8Array, start: number): E.Either<DecodeError, Entry | undefined> => {
  let extension: Extension = {}
  for (let at = start; ; ) {
    const block = bytes.subarray(at, at + BLOCK)
    if (block.length === BLOCK && zeros(block)) {
      if (at > start) return wrong('a file after an extended header', 'the archive ends')
      return E.map((): undefined => undefined)(endProblem(bytes, at))
    }
    const header = decodeHeader(bytes, at)
    if (E.isLeft(header)) return header
    const { path, type } = header.right
    const isExtension = 'xgLK'.includes(type)
    const size = isExtension ? header.right.size : (extension.size ?? header.right.size)
    const from = at + BLOCK
    if (size > bytes.length - from)
      return wrong(`the whole of ${quoted(path)} (${size} bytes)`, `${Math.max(0, bytes.length - from)} are left`)
    if (!isExtension) return E.right({ path: extension.path ?? path, size, type, from })
    if (size > MOST_EXTENSION) return wrong(`an extended header of at most ${MOST_EXTENSION} bytes`, `one has ${size}`)
    const read = decodeExtension(type, bytes.subarray(from, from + size))
    if (E.isLeft(read)) return read
    extension = { ...extension, ...read.right }
    at = from + Math.ceil(size / BLOCK) * BLOCK
  }
}

/**
 * The files of an archive by their paths, those that are wanted, in their order; each is a part of `bytes`, not a
 * copy. Left for links, devices, absolute paths and such with `..`, two files of one path, a false checksum, and an
 * archive that is cut off or has more than it says.
 *
 * @example decodeTar(new Uint8Array(1024), path => path.endsWith('.bin'))
 */
export const decodeTar = (
  bytes: Uint8Array,
  wants: (path: string) => boolean = () => true
): E.Either<DecodeError, ReadonlyMap<string, Uint8Array>> => {
  const files = new Map<string, Uint8Array>()
  const seen = new Set<string>()
  for (let at = 0; ; ) {
    const next = nextEntry(bytes, at)
    if (E.isLeft(next)) return next
    if (next.right === undefined) return E.right(files)
    const { type, size, from } = next.right
    const path = cleanPath(next.right.path)
    if (E.isLeft(path)) return path
    // Before POSIX a folder was a file with a slash at its end.
    const isFolder = type === '5' || (PLAIN.includes(type) && next.right.path.endsWith('/'))
    if (!isFolder && !PLAIN.includes(type))
      return wrong('a plain file or folder', `${quoted(path.right)} is ${REFUSED[type] ?? `of type ${quoted(type)}`}`)
    if (!isFolder) {
      if (seen.has(path.right)) return wrong('a path of its own for each file', `two are ${quoted(path.right)}`)
      seen.add(path.right)
      if (wants(path.right)) files.set(path.right, bytes.subarray(from, from + size))
    }
    at = from + Math.ceil(size / BLOCK) * BLOCK
  }
}
