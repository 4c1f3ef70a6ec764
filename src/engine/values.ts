/** What programs are given and what they give: tensors that live on a backend, and values of the host. */
import type { NdArray } from '../autodiff/ndarray.js'
import type { Aval } from '../autodiff/shape.js'
import type { WithLeaves } from '../autodiff/tree.js'
import type { DeviceBuffer } from '../kernels/buffers.js'

/** A tensor that lives on a backend: a value, never changed. It holds memory until it is released, donated, or its scope ends. */
export interface StoredTensor extends Aval {
  readonly stored: DeviceBuffer | { readonly array: NdArray; live: boolean }
}
/** A tree of tensors, as stored ones. */
export type Stored<T> = WithLeaves<T, StoredTensor>

/** Arguments of a compiled function. */
export type StoredArguments<A extends readonly unknown[]> = { readonly [K in keyof A]: Stored<A[K]> }

export const isStored = (value: unknown): value is StoredTensor =>
  typeof value === 'object' && value !== null && 'stored' in value && 'dtype' in value

/** Values on the host: numbers of a shape. f32 is a Float32Array from the device and a Float64Array from the reference. */
export interface HostArray extends Aval {
  readonly data: Float32Array | Float64Array | Int32Array | Uint32Array
}
export const isHostArray = (value: unknown): value is HostArray =>
  typeof value === 'object' && value !== null && 'data' in value && ArrayBuffer.isView(value.data) && 'dtype' in value

export const isAval = (value: unknown): value is Aval =>
  typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value
