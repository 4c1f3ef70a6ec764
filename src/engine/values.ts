/**
 * What programs are given and what they give: tensors that live on a backend, values of the host, and trees of them.
 */
import { type NdArray, valuesText } from '../autodiff/ndarray.js'
import { INSPECT } from '../autodiff/node.js'
import { type Numbers, type TypedArray, tensor } from '../autodiff/ops/core.js'
import { type Aval, fail, MOST_AXES, type Shape, show } from '../autodiff/shape.js'
import { isTensor, type Tensor } from '../autodiff/tensor.js'
import type { Tree, WithLeaves } from '../autodiff/tree.js'
import type { DeviceBuffer } from '../kernels/buffers.js'
import type { DType } from '../kernels/spec.js'

/**
 * A tensor that lives on a backend: a value, never changed. It holds memory until it is released, donated, or its scope
 * ends.
 */
export interface StoredTensor extends Aval {
  readonly stored: DeviceBuffer | { readonly array: NdArray; live: boolean }
}

class StoredTensorNode implements StoredTensor {
  readonly shape: Shape
  readonly dtype: DType
  constructor(
    { shape, dtype }: Aval,
    readonly stored: StoredTensor['stored']
  ) {
    this.shape = shape
    this.dtype = dtype
  }

  /** `f32[2] stored [1, 2]` on the reference, `f32[2] stored on llvmpipe`, or that it is gone. */
  toString(): string {
    const { stored } = this
    if (!stored.live) return `${show(this)} released`
    return `${show(this)} stored ${'array' in stored ? valuesText(stored.array) : `on ${stored.device.info.name}`}`
  }

  [INSPECT](): string {
    return this.toString()
  }

  /** What is stored has to be read: its numbers may be elsewhere. */
  toJSON(): never {
    return fail('JSON', 'numbers', `${this}`, 'read it first, and write its data')
  }
}

/** A tensor that is stored. */
export const storedTensor = (aval: Aval, stored: StoredTensor['stored']): StoredTensor =>
  new StoredTensorNode(aval, stored)

/** A tree of tensors, on a backend. */
export type Stored<T> = WithLeaves<T, StoredTensor>

/** Arguments of a compiled function, on a backend. */
export type StoredArguments<A extends readonly unknown[]> = { readonly [K in keyof A]: Stored<A[K]> }

/**
 * Values on the host: numbers of a shape. f32 is a Float32Array from the device and a Float64Array from the reference.
 */
export interface HostArray extends Aval {
  readonly data: Float32Array | Float64Array | Int32Array | Uint32Array
}

/** What may be given where one tensor is wanted. A list of numbers, nested to any depth, is one tensor. */
export type Value = Tensor | StoredTensor | HostArray | TypedArray | Numbers

/** A tree with leaves of type `L`, where nothing else is known of it. */
export type TreeOf<L> = L | readonly TreeOf<L>[] | { readonly [key: string]: TreeOf<L> }

/**
 * What may be given where a tree of tensors is wanted: in a list, numbers stand as tensors, since a list of numbers is
 * one tensor.
 */
export type Given<T, L = Value> = Tree extends T
  ? TreeOf<L>
  : T extends Tensor
    ? L
    : T extends readonly unknown[]
      ? { readonly [K in keyof T]: T[K] extends Tensor ? Exclude<L, Numbers> : Given<T[K], L> }
      : { readonly [K in keyof T]: Given<T[K], L> }

/** What may be given for the arguments of a function. */
export type GivenArguments<A extends readonly unknown[], L = Value> = { readonly [K in keyof A]: Given<A[K], L> }

/** What is neither a tensor nor a tree of tensors. */
export type NoTree =
  | string
  | boolean
  | bigint
  | symbol
  | null
  | undefined
  | ((...args: never[]) => unknown)
  | PromiseLike<unknown>

/** `T` itself if it is a tree of values, else a type that nothing has. */
export type Storable<T> = unknown extends T
  ? T
  : T extends Value
    ? T
    : T extends NoTree
      ? never
      : { readonly [K in keyof T]: Storable<T[K]> }

/** A tree of values, stored. */
export type Storing<T> = T extends readonly []
  ? T
  : T extends Value
    ? StoredTensor
    : { readonly [K in keyof T]: Storing<T[K]> }

/** A tree of stored tensors, read. */
export type Read<T> = T extends StoredTensor ? HostArray : { readonly [K in keyof T]: Read<T[K]> }

const isRecord = (value: unknown): value is object => typeof value === 'object' && value !== null

export const isStored = (value: unknown): value is StoredTensor =>
  isRecord(value) && 'stored' in value && 'dtype' in value

export const isHostArray = (value: unknown): value is HostArray =>
  isRecord(value) && 'data' in value && ArrayBuffer.isView(value.data) && 'dtype' in value && 'shape' in value

export const isAval = (value: unknown): value is Aval => isRecord(value) && 'dtype' in value && 'shape' in value

/**
 * A number or a list of such, but no empty one: that is a tree without leaves. What is wrong with it is said where it
 * becomes a tensor.
 */
const isNested = (value: unknown, depth = 0): value is Numbers =>
  typeof value === 'number' ||
  depth > MOST_AXES ||
  (Array.isArray(value) && value.length > 0 && value.every(one => isNested(one, depth + 1)))

/**
 * Typed arrays of numbers, and others (of big integers, views of bytes), which are refused where they become tensors.
 */
const isTypedArray = (value: unknown): value is TypedArray => ArrayBuffer.isView(value)

/** Whether something stands for one tensor. */
export const isValue = (value: unknown): value is Value =>
  isTensor(value) || isStored(value) || isHostArray(value) || isNested(value) || isTypedArray(value)

/**
 * The numbers of a value that holds its own: all but stored tensors and expressions. Throws a `ShapeError` for what is
 * no tensor.
 */
export const hostArrayOf = (value: HostArray | TypedArray | Numbers): HostArray => {
  if (isHostArray(value)) return value
  // These are copied once, on their way to the backend.
  if (value instanceof Float32Array || value instanceof Float64Array)
    return { dtype: 'f32', shape: [value.length], data: value }
  const { dtype, shape, attributes } = tensor(value)
  return { dtype, shape, data: (attributes['value'] as NdArray).data }
}
