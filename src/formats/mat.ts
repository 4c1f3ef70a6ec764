/**
 * Arrays of numbers in MAT files of level 5 (MathWorks, "MAT-File Format"): a header of 128 bytes, then data elements
 * of a tag (type, size) and values, each at a multiple of 8; small ones of at most 4 bytes lie in the tag itself.
 * MATLAB packs each variable by zlib.
 */
import * as E from 'fp-ts/lib/Either.js'
import { firstAxisFastest, MOST_AXES, type NumberArray, type NumberKind, readNumbers, sizeOf, WIDTHS } from './array.js'
import { type DecodeError, malformed, quoted } from './error.js'
import { beginningOf, inflate } from './inflate.js'

const wrong = (required: string, found: string) => malformed('mat', required, found)

const HEADER_BYTES = 128
const ALIGNMENT = 8
const TAG_BYTES = 8
const MATRIX = 14
const COMPRESSED = 15
const COMPLEX = 0x08

/** Kinds of values by the numbers of their types. */
const KINDS: Readonly<Record<number, NumberKind>> = {
  1: 'i1',
  2: 'u1',
  3: 'i2',
  4: 'u2',
  5: 'i4',
  6: 'u4',
  7: 'f4',
  9: 'f8',
  12: 'i8',
  13: 'u8'
}
/** Types whose bytes are the text of a name. */
const TEXTS: readonly number[] = [1, 2, 16]
/** Types of dimensions: the first by the format, the other by programs that take no notice of it. */
const DIMENSIONS: readonly number[] = [5, 6]
/** What a variable is that is no array of numbers, by its class; those of numbers are 6 to 15. */
const CLASSES: Readonly<Record<number, string>> = {
  1: 'a cell array',
  2: 'a struct',
  3: 'an object',
  4: 'text',
  5: 'a sparse matrix'
}

interface Source {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly littleEndian: boolean
}

const sourceOf = (bytes: Uint8Array, littleEndian: boolean): Source => ({
  bytes,
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
  littleEndian
})

interface Element {
  readonly type: number
  readonly values: Uint8Array
  /** Where the next one begins. */
  readonly next: number
}

/** The element at a place. */
const elementAt = ({ bytes, view, littleEndian }: Source, at: number): E.Either<DecodeError, Element> => {
  if (at + TAG_BYTES > bytes.length) return wrong(`a data element at byte ${at}`, `there are ${bytes.length} bytes`)
  const [first, size] = [view.getUint32(at, littleEndian), view.getUint32(at + 4, littleEndian)]
  const small = first >>> 16
  if (small > 4) return wrong('at most 4 bytes in a small data element', `it says ${small}`)
  if (small > 0)
    return E.right({ type: first & 0xffff, values: bytes.subarray(at + 4, at + 4 + small), next: at + TAG_BYTES })
  const from = at + TAG_BYTES
  if (size > bytes.length - from) return wrong(`${size} bytes of a data element`, `${bytes.length - from} are left`)
  const end = from + size
  // What is packed is not filled up, nor need the last of all be.
  const next = first === COMPRESSED ? end : Math.min(bytes.length, Math.ceil(end / ALIGNMENT) * ALIGNMENT)
  return E.right({ type: first, values: bytes.subarray(from, end), next })
}

/** `count` elements one after another. */
const elementsOf = (source: Source, count: number): E.Either<DecodeError, readonly Element[]> => {
  const elements: Element[] = []
  for (let at = 0; elements.length < count; ) {
    const element = elementAt(source, at)
    if (E.isLeft(element)) return element
    elements.push(element.right)
    at = element.right.next
  }
  return E.right(elements)
}

/** The numbers of an element. */
const numbersOf = (what: string, { type, values }: Element, littleEndian: boolean) => {
  const kind = Object.hasOwn(KINDS, type) ? (KINDS[type] as NumberKind) : undefined
  if (kind === undefined) return malformed(what, 'numbers', `there are data of type ${type}`)
  if (values.length % WIDTHS[kind] !== 0)
    return malformed(what, `a multiple of ${WIDTHS[kind]} bytes`, `there are ${values.length}`)
  return readNumbers(what, values, kind, littleEndian)
}

interface Variable {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Element
}

/** The class, name and shape of a matrix. Undefined for one that is not wanted. */
const variableOf = (source: Source, wants: (name: string) => boolean): E.Either<DecodeError, Variable | undefined> => {
  const parts = elementsOf(source, 3)
  if (E.isLeft(parts)) return parts
  const [flags, dimensions, title] = parts.right as [Element, Element, Element]
  if (flags.type !== 6 || flags.values.length !== 8) return wrong('8 bytes of flags in a variable', 'there are others')
  const word = sourceOf(flags.values, source.littleEndian).view.getUint32(0, source.littleEndian)
  if (!TEXTS.includes(title.type)) return wrong('a text as name of a variable', `there are data of type ${title.type}`)
  const name = new TextDecoder().decode(title.values)
  if (!wants(name)) return E.right(undefined)
  const what = `mat: ${quoted(name)}`
  const kind = word & 0xff
  if (kind < 6 || kind > 15)
    return malformed(
      what,
      'an array of numbers',
      `it is ${Object.hasOwn(CLASSES, kind) ? CLASSES[kind] : `of class ${kind}`}`
    )
  if ((word >>> 8) & COMPLEX) return malformed(what, 'real numbers', 'they are complex')
  if (
    !DIMENSIONS.includes(dimensions.type) ||
    dimensions.values.length % 4 !== 0 ||
    dimensions.values.length > 4 * MOST_AXES
  )
    return malformed(what, `2 to ${MOST_AXES} dimensions`, 'there are others')
  const shape = numbersOf(what, dimensions, source.littleEndian)
  if (E.isLeft(shape)) return shape
  if (shape.right.length < 2 || shape.right.some(extent => extent < 0))
    return malformed(what, `2 to ${MOST_AXES} dimensions`, 'there are others')
  const values = elementAt(source, title.next)
  return E.isLeft(values) ? values : E.right({ name, shape: Array.from(shape.right), values: values.right })
}

const arrayOf = ({ name, shape, values }: Variable, littleEndian: boolean): E.Either<DecodeError, NumberArray> => {
  const what = `mat: ${quoted(name)}`
  const data = numbersOf(what, values, littleEndian)
  if (E.isLeft(data)) return data
  return data.right.length === sizeOf(shape)
    ? E.right({ shape, strides: firstAxisFastest(shape), data: data.right })
    : malformed(what, `${sizeOf(shape)} numbers for ${quoted(shape.join(' x '))}`, `there are ${data.right.length}`)
}

/** The matrix that an element holds, itself or packed. */
const matrixIn = (
  { type, values }: Element,
  littleEndian: boolean,
  most: number
): E.Either<DecodeError, Uint8Array> => {
  if (type === MATRIX) return E.right(values)
  if (type !== COMPRESSED) return wrong('variables', `there are data of type ${type}`)
  const beginning = beginningOf('mat', 'zlib', values)
  if (E.isLeft(beginning)) return beginning
  if (beginning.right.length < TAG_BYTES) return wrong('a packed variable', 'it ends before it begins')
  const tag = sourceOf(beginning.right, littleEndian).view
  if (tag.getUint32(0, littleEndian) !== MATRIX)
    return wrong('a packed variable', `there are data of type ${tag.getUint32(0, littleEndian)}`)
  const unpacked = inflate('mat', 'zlib', values, TAG_BYTES + tag.getUint32(4, littleEndian), most)
  return E.isLeft(unpacked) ? unpacked : E.right(unpacked.right.subarray(TAG_BYTES))
}

/** Whether it is of level 5, and in which byte order. */
const orderOf = (bytes: Uint8Array): E.Either<DecodeError, boolean> => {
  const text = new TextDecoder().decode(bytes.subarray(0, 116))
  const cure = "save it with save(..., '-v7'), or scipy.io.savemat"
  if (/^MATLAB 7\.3|HDF5|^.HDF\r\n/.test(text))
    return wrong('a MAT file of level 5', `it is one of version 7.3, which is HDF5; ${cure}`)
  if (bytes.length >= 4 && bytes.subarray(0, 4).includes(0))
    return wrong('a MAT file of level 5', `it is of level 4 or no MAT file; ${cure}`)
  if (bytes.length < HEADER_BYTES) return wrong(`a header of ${HEADER_BYTES} bytes`, `there are ${bytes.length}`)
  const mark = String.fromCharCode(bytes[126] as number, bytes[127] as number)
  if (mark !== 'IM' && mark !== 'MI')
    return wrong('IM or MI at the end of the header', `it has ${quoted(mark)}; it is no MAT file`)
  const version = (bytes[mark === 'IM' ? 125 : 124] as number) * 256 + (bytes[mark === 'IM' ? 124 : 125] as number)
  return version === 0x100
    ? E.right(mark === 'IM')
    : wrong('a MAT file of level 5', `its version is 0x${version.toString(16).padStart(4, '0')}; ${cure}`)
}

/**
 * The arrays of numbers of a MAT file by name, those that `wants` names; others are passed over, whatever they are.
 * Each is column by column as in the file, which `rowMajor` undoes; a number's kind is that of the file, which may be
 * narrower than that of the variable. Left for versions 4 and 7.3, what is cut or damaged, a wanted variable that is
 * no array of real numbers or occurs twice, and where one unpacks to more than `most` bytes. Takes, for each variable,
 * at most 4 times what it unpacks to, which is at most `most` and at most 1032 times its bytes.
 */
export const decodeMat = (
  bytes: Uint8Array,
  wants: (name: string) => boolean,
  most: number
): E.Either<DecodeError, ReadonlyMap<string, NumberArray>> => {
  const order = orderOf(bytes)
  if (E.isLeft(order)) return order
  const file = sourceOf(bytes, order.right)
  const arrays = new Map<string, NumberArray>()
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    const element = elementAt(file, at)
    if (E.isLeft(element)) return element
    const matrix = matrixIn(element.right, order.right, most)
    if (E.isLeft(matrix)) return matrix
    const variable = variableOf(sourceOf(matrix.right, order.right), wants)
    if (E.isLeft(variable)) return variable
    if (variable.right) {
      const { name } = variable.right
      if (arrays.has(name)) return wrong('each variable once', `${quoted(name)} occurs twice`)
      const array = arrayOf(variable.right, order.right)
      if (E.isLeft(array)) return array
      arrays.set(name, array.right)
    }
    at = element.right.next
  }
  return E.right(arrays)
}
