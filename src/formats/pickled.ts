/** What the values of a pickle say: whole numbers, texts, rows of bytes, where they are such. */
import { isTagged, type PickleValue, textOf } from './pickle/values.js'

const READERS: Readonly<Record<string, (view: DataView, at: number, little: boolean) => number | bigint>> = {
  u1: (view, at) => view.getUint8(at),
  i1: (view, at) => view.getInt8(at),
  u2: (view, at, little) => view.getUint16(at, little),
  i2: (view, at, little) => view.getInt16(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  u8: (view, at, little) => view.getBigUint64(at, little),
  i8: (view, at, little) => view.getBigInt64(at, little)
}

/** The whole numbers of a list, or of an array of one axis; undefined if it is neither, or one is not exact. */
export const wholeNumbers = (value: PickleValue | undefined): readonly number[] | undefined => {
  if (Array.isArray(value)) return value.every(Number.isSafeInteger) ? value : undefined
  if (!isTagged(value, 'array') || value.shape.length !== 1) return undefined
  const { dtype, data } = value
  const read = READERS[dtype.slice(1)]
  if (!read) return undefined
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  const numbers = Array.from({ length: value.shape[0] as number }, (_, k) =>
    Number(read(view, k * Number(dtype.slice(2)), !dtype.startsWith('>')))
  )
  return numbers.every(Number.isSafeInteger) ? numbers : undefined
}

/** The texts of a list, bytes read as latin1; undefined if it is none of short ones. */
export const latin1Texts = (value: PickleValue | undefined): readonly string[] | undefined => {
  const texts = Array.isArray(value) ? value.map(textOf) : [undefined]
  return texts.every(text => text !== undefined) ? texts : undefined
}

/** Bytes in rows: an array of two axes of unsigned bytes, the rows one after another. */
export interface ByteRows {
  readonly rows: number
  readonly width: number
  readonly data: Uint8Array
}

/** The rows of an array of unsigned bytes; undefined if it is none. */
export const byteRows = (value: PickleValue | undefined): ByteRows | undefined => {
  if (!isTagged(value, 'array') || value.dtype !== '|u1' || value.shape.length !== 2) return undefined
  const [rows, width] = value.shape as readonly [number, number]
  const { data, fortran } = value
  return {
    rows,
    width,
    data: fortran ? data.map((_, k) => data[(k % width) * rows + Math.floor(k / width)] as number) : data
  }
}
