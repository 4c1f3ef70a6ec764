/** Reads the safetensors format: an 8-byte little-endian header length, a JSON header, raw little-endian values. */

export interface GoldenTensor {
  readonly dtype: 'F64' | 'F32' | 'I32'
  readonly shape: readonly number[]
  readonly data: Float64Array | Float32Array | Int32Array
}

export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: ReadonlyMap<string, GoldenTensor>
}

const arrays = { F64: Float64Array, F32: Float32Array, I32: Int32Array } as const

interface Entry {
  readonly dtype: keyof typeof arrays
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

export const decodeSafetensors = (bytes: Uint8Array): Safetensors => {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))
  const tensors = Object.entries(entries as Record<string, Entry>).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [from, to]
      }
    ]) => {
      const make = arrays[dtype]
      if (!make) throw new Error(`F64, F32 or I32 was wanted for the tensor '${name}', but got ${dtype}; convert the file`)
      // A copy, since the values need not be aligned in the file.
      return [
        name,
        { dtype, shape, data: new make(new Uint8Array(bytes.subarray(8 + length + from, 8 + length + to)).buffer) }
      ] as const
    }
  )
  return { metadata, tensors: new Map(tensors) }
}
