/**
 * The safetensors format (huggingface/safetensors): an 8-byte little-endian header length, a JSON header that says
 * where each tensor lies, then raw little-endian values. Written so that Python reads it; read with nothing believed.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { type DecodeError, malformed, quoted } from './error.js'

const ARRAYS = { F64: Float64Array, F32: Float32Array, I32: Int32Array, U32: Uint32Array, U8: Uint8Array } as const
type Dtype = keyof typeof ARRAYS

/** Numbers of a tensor; their kind says its dtype. */
export type TensorData = Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array

/** A tensor of a file. */
export interface FileTensor {
  readonly shape: readonly number[]
  readonly data: TensorData
}

/** What a file of safetensors holds. */
export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: ReadonlyMap<string, FileTensor>
}

const LENGTH_BYTES = 8
/** Where values begin is a multiple of this, so that readers may map them. */
const ALIGNMENT = 8

export const dtypeOf = (data: TensorData): Dtype =>
  (Object.keys(ARRAYS) as readonly Dtype[]).find(name => data instanceof ARRAYS[name]) as Dtype

/** Where tensors lie in a file: one after another, in their order. */
const layoutOf = (tensors: Safetensors['tensors']) => {
  let offset = 0
  const entries = [...tensors].map(([name, { shape, data }]) => {
    const from = offset
    offset += data.byteLength
    return [name, { dtype: dtypeOf(data), shape, data_offsets: [from, offset] }] as const
  })
  return { entries, size: offset }
}

/** The file of tensors by name. Tensors of a kind are best given together: values lie in the order of the map. */
export const encodeSafetensors = ({ metadata, tensors }: Safetensors): Uint8Array => {
  const { entries, size } = layoutOf(tensors)
  const text = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) })
  const header = new TextEncoder().encode(text)
  const padded = Math.ceil(header.length / ALIGNMENT) * ALIGNMENT
  const file = new Uint8Array(LENGTH_BYTES + padded + size)
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true)
  file.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + padded)
  file.set(header, LENGTH_BYTES)
  let at = LENGTH_BYTES + padded
  for (const { data } of tensors.values()) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return file
}

const wrong = (required: string, found: string) => malformed('safetensors', required, found)

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const parseHeader = (text: string): E.Either<DecodeError, Readonly<Record<string, unknown>>> =>
  pipe(
    E.tryCatch(
      () => JSON.parse(text) as unknown,
      () => 'is not JSON'
    ),
    E.fold(
      found => wrong('a header of JSON', `it ${found}`),
      header => (isObject(header) ? E.right(header) : wrong('an object as header', 'it is none'))
    )
  )

/** A tensor of the header, cut out of the values; `at` is where it has to begin. */
const decodeEntry = (
  name: string,
  entry: unknown,
  values: Uint8Array,
  at: number
): E.Either<DecodeError, FileTensor> => {
  const named = quoted(name)
  if (!isObject(entry)) return wrong(`an object as entry ${named}`, 'it is none')
  const { dtype, shape, data_offsets: offsets } = entry
  if (typeof dtype !== 'string' || !Object.hasOwn(ARRAYS, dtype))
    return wrong(
      `one of ${Object.keys(ARRAYS).join(', ')} as dtype of ${named}`,
      `it is ${typeof dtype === 'string' ? quoted(dtype) : 'no text'}`
    )
  if (!Array.isArray(shape) || !shape.every(isCount))
    return wrong(`whole numbers as shape of ${named}`, 'it has others')
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    return wrong(`two offsets of ${named}`, 'it has others')
  const make = ARRAYS[dtype as Dtype]
  const [from, to] = offsets as [number, number]
  const length = shape.reduce((size: number, extent) => size * extent, 1)
  if (from !== at || to > values.length || to - from !== length * make.BYTES_PER_ELEMENT)
    return wrong(
      `${named} at bytes ${at} to ${at + length * make.BYTES_PER_ELEMENT} of ${values.length}`,
      `it says ${from} to ${to}`
    )
  // A copy, since the values need not be aligned in the file.
  return E.right({
    shape: shape as readonly number[],
    data: new make(new Uint8Array(values.subarray(from, to)).buffer)
  })
}

/**
 * Tensors and metadata of a file. Left for a cut file, values that are not named, entries that overlap or leave gaps,
 * other dtypes.
 */
export const decodeSafetensors = (bytes: Uint8Array): E.Either<DecodeError, Safetensors> => {
  if (bytes.length < LENGTH_BYTES) return wrong('at least 8 bytes', `there are ${bytes.length}`)
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  if (length > bytes.length - LENGTH_BYTES)
    return wrong(`a header of ${length} bytes`, `${bytes.length - LENGTH_BYTES} are left`)
  const values = bytes.subarray(LENGTH_BYTES + length)
  return pipe(
    parseHeader(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length))),
    E.chain((header): E.Either<DecodeError, Safetensors> => {
      const { __metadata__: metadata = {}, ...entries } = header
      if (!isObject(metadata) || !Object.values(metadata).every(text => typeof text === 'string'))
        return wrong('texts as metadata', 'there are others')
      const startOf = (entry: unknown) =>
        isObject(entry) && Array.isArray(entry['data_offsets']) ? entry['data_offsets'][0] : 0
      const ordered = Object.entries(entries).sort(([, a], [, b]) => Number(startOf(a)) - Number(startOf(b)))
      const tensors = new Map<string, FileTensor>()
      let at = 0
      for (const [name, entry] of ordered) {
        const tensor = decodeEntry(name, entry, values, at)
        if (E.isLeft(tensor)) return tensor
        tensors.set(name, tensor.right)
        at += tensor.right.data.byteLength
      }
      return at === values.length
        ? E.right({ metadata: metadata as Readonly<Record<string, string>>, tensors })
        : wrong(`${at} bytes of values`, `there are ${values.length}`)
    })
  )
}
