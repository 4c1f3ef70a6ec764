/**
 * The .npy format of numpy, versions 1 to 3 (numpy/lib/format.py): a magic string, the version, the length of a
 * header, the header as the text of a Python dictionary (padded with spaces), then raw values. Objects are pickled
 * there, which is a program: they are refused.
 */
import * as E from 'fp-ts/lib/Either.js'
import {
  firstAxisFastest,
  lastAxisFastest,
  MOST_AXES,
  type NumberArray,
  type NumberKind,
  readNumbers,
  sizeOf,
  WIDTHS
} from './array.js'
import { type DecodeError, malformed, quoted } from './error.js'

const MAGIC = [0x93, ...new TextEncoder().encode('NUMPY')]
/** Far more than the names of a shape take; numpy itself refuses 10,000 unless it is told to trust. */
const MOST_HEADER_BYTES = 2 ** 16

const wrong = (required: string, found: string) => malformed('npy', required, found)

interface Header {
  /** As numpy writes it: byte order, kind, bytes; undefined for a record of fields. */
  readonly descr: string | undefined
  readonly fortran: boolean
  readonly shape: readonly number[]
}

/** The entries of the header, in any order. */
const ENTRIES = [
  /'descr':\s{0,9}(?:'([^']{0,40})'|(\[[^\]]*\]))/,
  /'fortran_order':\s{0,9}(True|False)/,
  /'shape':\s{0,9}\(([\d\s,L]*)\)/
] as const

const parseHeader = (text: string): E.Either<DecodeError, Header> => {
  const [descr, order, shape] = ENTRIES.map(entry => entry.exec(text))
  const rest = ENTRIES.reduce((left, entry) => left.replace(entry, ''), text)
  if (!descr || !order || !shape || !/^\s*\{[\s,]*\}\s*$/.test(rest))
    return wrong("a header with 'descr', 'fortran_order' and 'shape'", `it is ${quoted(text.trim())}`)
  // Python 2 wrote `3L`; a tuple of one has a comma at its end, that of none has nothing at all.
  const extents = (shape[1] ?? '').split(',').map(extent => extent.trim().replace(/L$/, ''))
  const given = extents.filter((extent, k) => extent !== '' || k < extents.length - 1)
  return given.length <= MOST_AXES && given.every(extent => /^\d{1,16}$/.test(extent))
    ? E.right({ descr: descr[1], fortran: order[1] === 'True', shape: given.map(Number) })
    : wrong(`a shape of at most ${MOST_AXES} whole numbers`, `it is ${quoted(`(${shape[1]})`)}`)
}

/** What dtypes are that hold no numbers, by their letter. */
const NOT_NUMBERS: Readonly<Record<string, string>> = {
  O: 'objects of Python, which only Python can read',
  S: 'texts',
  U: 'texts',
  V: 'records of fields',
  M: 'dates',
  m: 'spans of time',
  c: 'complex numbers'
}

interface Kind {
  readonly kind: NumberKind
  readonly littleEndian: boolean
  readonly truth: boolean
}

const kindOf = (descr: string | undefined): E.Either<DecodeError, Kind> => {
  const numbers = 'whole numbers of 1 to 8 bytes, floats of 2 to 8 bytes or truth values'
  const refuse = (found: string) =>
    wrong(numbers, `it holds ${found}; save np.asarray(x, dtype='float32') or another of these`)
  if (descr === undefined) return refuse('records of fields')
  const [, order, letter = '', width = ''] = /^([<>|=]?)([a-zA-Z])(\d*)/.exec(descr) ?? []
  const kind = letter === 'b' ? 'u1' : `${letter}${width}`
  if (!Object.hasOwn(WIDTHS, kind) || descr !== `${order}${letter}${width}` || (letter === 'b' && width !== '1'))
    return refuse(Object.hasOwn(NOT_NUMBERS, letter) ? (NOT_NUMBERS[letter] as string) : `the dtype ${quoted(descr)}`)
  if (width !== '1' && order !== '<' && order !== '>')
    return wrong('< or > as byte order', `the dtype is ${quoted(descr)}`)
  return E.right({ kind: kind as NumberKind, littleEndian: order !== '>', truth: letter === 'b' })
}

/** Where the header's text lies, and where the values begin. */
const headerBytes = (bytes: Uint8Array): E.Either<DecodeError, readonly [from: number, to: number]> => {
  if (bytes.length < 10 || !MAGIC.every((byte, k) => bytes[k] === byte))
    return wrong(
      'a file that begins with \\x93NUMPY',
      bytes.length < 10 ? `it has ${bytes.length} bytes` : 'it begins otherwise'
    )
  const version = bytes[6] as number
  if (version < 1 || version > 3) return wrong('version 1, 2 or 3', `it is version ${version}`)
  const from = version === 1 ? 10 : 12
  if (bytes.length < from) return wrong(`at least ${from} bytes`, `there are ${bytes.length}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > MOST_HEADER_BYTES || length > bytes.length - from)
    return wrong(
      `a header of ${length} bytes`,
      `${Math.min(MOST_HEADER_BYTES, bytes.length - from)} are there or may be`
    )
  return E.right([from, from + length])
}

/** The values, whose number and size must be what the shape says. */
const readValues = ({ descr, fortran, shape }: Header, bytes: Uint8Array): E.Either<DecodeError, NumberArray> => {
  const kind = kindOf(descr)
  if (E.isLeft(kind)) return kind
  const size = sizeOf(shape) * WIDTHS[kind.right.kind]
  if (size !== bytes.length)
    return wrong(`${size} bytes for the shape ${quoted(shape.join(' x '))}`, `there are ${bytes.length}`)
  if (kind.right.truth && bytes.some(byte => byte > 1)) return wrong('0 or 1 as truth values', 'there are others')
  const strides = (fortran ? firstAxisFastest : lastAxisFastest)(shape)
  return E.map((data: NumberArray['data']) => ({ shape, strides, data }))(
    readNumbers('npy', bytes, kind.right.kind, kind.right.littleEndian)
  )
}

/**
 * The array of an .npy file: `decodeNpy(bytes)` of `np.save('a.npy', np.zeros((2, 3), 'uint8'))` has the shape [2, 3].
 * Truth values are 0 and 1. Its strides are those of the file, which `rowMajor` undoes. Left for what holds no
 * numbers, for 64-bit integers that float64 does not hold, and for a file that is cut or has more. Takes at most 3
 * times the bytes of the file.
 */
export const decodeNpy = (bytes: Uint8Array): E.Either<DecodeError, NumberArray> => {
  const place = headerBytes(bytes)
  if (E.isLeft(place)) return place
  const [from, to] = place.right
  const header = parseHeader(new TextDecoder().decode(bytes.subarray(from, to)))
  return E.isLeft(header) ? header : readValues(header.right, bytes.subarray(to))
}
