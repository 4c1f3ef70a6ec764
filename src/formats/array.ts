/**
 * Arrays of numbers as files hold them: raw values of one kind, in either byte order, with the strides of their axes.
 */
import * as E from 'fp-ts/lib/Either.js'
import { joined } from './bytes.js'
import { type DecodeError, malformed } from './error.js'

export type Numbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array

/** An array as a view of its values: the element at `indices` is `data[sum of indices[k] * strides[k]]`. */
export interface NumberArray {
  readonly shape: readonly number[]
  /** In elements, one for each axis. */
  readonly strides: readonly number[]
  readonly data: Numbers
}

/** Bytes that a value of a kind takes in a file. */
export const WIDTHS = { u1: 1, i1: 1, u2: 2, i2: 2, u4: 4, i4: 4, u8: 8, i8: 8, f2: 2, f4: 4, f8: 8 } as const
/** Signed, unsigned or floating point, and the bytes of a value, as numpy writes it. */
export type NumberKind = keyof typeof WIDTHS

/** As many as numpy takes. */
export const MOST_AXES = 64

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, extent) => size * extent, 1)

/** Strides of values that lie with the last axis fastest, as C has them. */
export const lastAxisFastest = (shape: readonly number[]): readonly number[] =>
  shape.map((_, axis) => sizeOf(shape.slice(axis + 1)))

/** Strides of values that lie with the first axis fastest, as Fortran and MATLAB have them. */
export const firstAxisFastest = (shape: readonly number[]): readonly number[] =>
  shape.map((_, axis) => sizeOf(shape.slice(0, axis)))

/**
 * Bytes of a file in the order of this machine, which is little-endian wherever WebGPU is; in a buffer of their own,
 * so that any kind may view it.
 */
const inHostOrder = (bytes: Uint8Array, width: number, littleEndian: boolean): ArrayBuffer => {
  const copy = new Uint8Array(bytes)
  if (littleEndian || width === 1) return copy.buffer
  for (let at = 0; at < copy.length; at += width) copy.subarray(at, at + width).reverse()
  return copy.buffer
}

/** IEEE 754 half precision: (-1)^s (1 + m / 1024) 2^(e - 15); m 2^-24 where e is 0, no number where e is 31. */
const fromHalf = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1
  const [exponent, mantissa] = [(bits >> 10) & 31, bits & 1023]
  if (exponent === 0) return sign * mantissa * 2 ** -24
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15)
}

const fromHalves = (halves: Uint16Array): Float32Array => {
  const values = new Float32Array(halves.length)
  for (let k = 0; k < values.length; k++) values[k] = fromHalf(halves[k] as number)
  return values
}

/** 64-bit integers as float64. Left with the first that float64 does not hold. */
const fromLong = (what: string, words: Uint32Array, signed: boolean): E.Either<DecodeError, Float64Array> => {
  const values = new Float64Array(words.length / 2)
  for (let k = 0; k < values.length; k++) {
    const high = words[2 * k + 1] as number
    const value = (signed ? high | 0 : high) * 2 ** 32 + (words[2 * k] as number)
    if (!Number.isSafeInteger(value))
      return malformed(what, 'whole numbers below 2^53 in size', `value ${k} is about ${value.toExponential(3)}`)
    values[k] = value
  }
  return E.right(values)
}

/**
 * The values of a kind that `bytes` hold, which must be a whole number of them. Half precision becomes float32, 64-bit
 * integers float64 where all are exact. Bytes are a view, all others a copy: it takes at most three times what is
 * given.
 */
export const readNumbers = (
  what: string,
  bytes: Uint8Array,
  kind: NumberKind,
  littleEndian: boolean
): E.Either<DecodeError, Numbers> => {
  if (kind === 'u1') return E.right(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  const buffer = inHostOrder(bytes, WIDTHS[kind], littleEndian)
  switch (kind) {
    case 'i1':
      return E.right(new Int8Array(buffer))
    case 'u2':
      return E.right(new Uint16Array(buffer))
    case 'i2':
      return E.right(new Int16Array(buffer))
    case 'u4':
      return E.right(new Uint32Array(buffer))
    case 'i4':
      return E.right(new Int32Array(buffer))
    case 'u8':
      return fromLong(what, new Uint32Array(buffer), false)
    case 'i8':
      return fromLong(what, new Uint32Array(buffer), true)
    case 'f2':
      return E.right(fromHalves(new Uint16Array(buffer)))
    case 'f4':
      return E.right(new Float32Array(buffer))
    case 'f8':
      return E.right(new Float64Array(buffer))
  }
}

/** Room for `length` numbers of the kind of `data`. */
const roomLike = (data: Numbers, length: number): Numbers => {
  if (data instanceof Uint8Array) return new Uint8Array(length)
  if (data instanceof Int8Array) return new Int8Array(length)
  if (data instanceof Uint16Array) return new Uint16Array(length)
  if (data instanceof Int16Array) return new Int16Array(length)
  if (data instanceof Uint32Array) return new Uint32Array(length)
  if (data instanceof Int32Array) return new Int32Array(length)
  return data instanceof Float32Array ? new Float32Array(length) : new Float64Array(length)
}

/**
 * A copy with its axes in another order (`axes[k]` is the axis of `array` that becomes axis k; as they are, if none is
 * given), the last one fastest. `rowMajor(nhwc, [0, 3, 1, 2])` gives images channel by channel.
 */
export const rowMajor = (array: NumberArray, axes: readonly number[] = array.shape.map((_, k) => k)): NumberArray => {
  const { data } = array
  const shape = axes.map(axis => array.shape[axis] as number)
  const strides = axes.map(axis => array.strides[axis] as number)
  const values = roomLike(data, sizeOf(shape))
  const [length, stride] = [shape.at(-1) ?? 1, strides.at(-1) ?? 1]
  // Counts through all axes but the last like an odometer; `from` is where the row begins.
  const index = shape.map(() => 0)
  for (let to = 0, from = 0; to < values.length; to += length) {
    for (let k = 0; k < length; k++) values[to + k] = data[from + k * stride] as number
    for (let axis = shape.length - 2; axis >= 0; axis--) {
      from += strides[axis] as number
      index[axis] = (index[axis] as number) + 1
      if ((index[axis] as number) < (shape[axis] as number)) break
      from -= (index[axis] as number) * (strides[axis] as number)
      index[axis] = 0
    }
  }
  return { shape, strides: lastAxisFastest(shape), data: values }
}

/** Arrays one after another. */
export const concatenate = (parts: readonly Float32Array[]): Float32Array => {
  const bytes = joined(parts.map(part => new Uint8Array(part.buffer, part.byteOffset, part.byteLength)))
  return new Float32Array(bytes.buffer)
}
