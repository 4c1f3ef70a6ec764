/** Values between the host and a backend, and how long they stay there. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { holds } from '../autodiff/leaves.js'
import type { NdArray } from '../autodiff/ndarray.js'
import { describe, show, sizeOf } from '../autodiff/shape.js'
import { type Leaf, leavesOf, rebuild } from '../autodiff/tree.js'
import { type DeviceBuffer, release as releaseBuffer } from '../kernels/buffers.js'
import { invalidArgument } from '../kernels/errors.js'
import { readback, upload } from '../kernels/execute.js'
import type { Data } from '../kernels/spec.js'
import { type Backend, catchShapeError, type Engine, type EngineError, type Env } from './effect.js'
import { type HostArray, isHostArray, isStored, type StoredTensor } from './values.js'

export const keep = (env: Env, tensor: StoredTensor): StoredTensor => {
  env.stored?.add(tensor)
  return tensor
}

const releaseTensor = ({ stored }: StoredTensor): void => {
  if ('array' in stored) stored.live = false
  else if (stored.live) releaseBuffer(stored)
}

/** Gives back the memory of all stored tensors in a tree. Released ones are passed over. */
export const release = (tree: unknown): void => {
  for (const { value } of findStored(tree)) releaseTensor(value)
}

/** Stored tensors anywhere in a value, also among numbers and texts. */
const findStored = (value: unknown): { value: StoredTensor }[] => {
  if (isStored(value)) return [{ value }]
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return []
  return Object.values(value).flatMap(findStored)
}

/** The leaves of a tree; Left where it holds something else. */
const found = <L>(tree: unknown, isLeaf: (value: unknown) => value is L): E.Either<EngineError, readonly Leaf<L>[]> =>
  catchShapeError(() => leavesOf(tree, isLeaf))

/** A tree of host arrays, stored. */
export type Storing<T> = T extends HostArray ? StoredTensor : { readonly [K in keyof T]: Storing<T[K]> }

/** Puts a tree of host arrays on the backend. */
export const store =
  <T>(tree: T): Engine<Storing<T>> =>
  env => {
    const { backend } = env
    const one = ({ path, value: { shape, dtype, data } }: Leaf<HostArray>): TE.TaskEither<EngineError, StoredTensor> => {
      if (data.length !== sizeOf(shape))
        return TE.left(
          invalidArgument(
            `${sizeOf(shape)} values for ${show({ shape, dtype })}`,
            `there are ${data.length}`,
            'give a shape that holds them all'
          )
        )
      const stranger = strangerIn({ shape, dtype, data }, backend)
      if (stranger !== undefined)
        return TE.left(
          invalidArgument(
            `numbers that ${describe(dtype)} holds at '${path}'`,
            `there is ${stranger}`,
            'choose another dtype, or round it'
          )
        )
      if (backend.kind === 'reference')
        return TE.right(keep(env, { shape, dtype, stored: { array: toReference({ shape, dtype, data }), live: true } }))
      return pipe(
        upload(backend.device, toDevice({ shape, dtype, data })),
        TE.map(stored => keep(env, { shape, dtype, stored }))
      )
    }
    return pipe(
      TE.fromEither(found(tree, isHostArray)),
      TE.chain(TE.traverseSeqArray(one)),
      TE.map(stored => rebuild(tree, isHostArray, stored) as Storing<T>)
    )
  }

/** A number that is not held by the dtype that it is to have; undefined where there is none. */
const strangerIn = ({ dtype, data }: HostArray, { kind }: Backend): string | undefined => {
  const own = { f32: Float32Array, i32: Int32Array, u32: Uint32Array }[dtype]
  if (own === undefined) return `the dtype ${describe(dtype)}, not f32, i32 or u32`
  if (data instanceof own || (dtype === 'f32' && kind === 'reference')) return undefined
  const stranger = data.find(value => !holds(dtype, value))
  return stranger === undefined ? undefined : String(stranger)
}

const toReference = ({ shape, dtype, data }: HostArray): NdArray => ({
  shape,
  dtype,
  data: dtype === 'f32' ? Float64Array.from(data) : dtype === 'i32' ? Int32Array.from(data) : Uint32Array.from(data)
})
const toDevice = ({ dtype, data }: HostArray): Data =>
  dtype === 'f32' ? new Float32Array(data) : dtype === 'i32' ? new Int32Array(data) : new Uint32Array(data)

/** Refuses a tensor that lives on another backend than the one that runs. (Of two devices, `execute` tells which is meant.) */
export const elsewhere = ({ kind }: Backend, path: string, { stored }: StoredTensor): EngineError | undefined => {
  const [here, there] = [kind === 'gpu' ? 'the device' : 'the reference', 'array' in stored ? 'the reference' : 'the device']
  return here === there
    ? undefined
    : invalidArgument(`a tensor stored on ${here} at '${path}'`, `it is on ${there}`, 'store it with the backend that runs')
}

/** The arrays of stored tensors on the reference. */
export const arraysOf = (tensors: readonly StoredTensor[]): NdArray[] =>
  tensors.map(({ stored }) => (stored as { array: NdArray }).array)

/** Brings a tree of stored tensors back as typed arrays, in one wait. */
export const read =
  <T>(tree: T): Engine<Read<T>> =>
  ({ backend }) => {
    const all = found(tree, isStored)
    if (E.isLeft(all)) return TE.left(all.left)
    const tensors = all.right
    const dead = tensors.find(({ value }) => !value.stored.live)
    if (dead)
      return TE.left(
        invalidArgument(`a stored tensor at '${dead.path}'`, 'it was released or given away before', 'read it before')
      )
    const foreign = tensors.map(({ path, value }) => elsewhere(backend, path, value)).find(error => error !== undefined)
    if (foreign) return TE.left(foreign)
    const filled = (data: readonly HostArray['data'][]) =>
      rebuild(
        tree,
        isStored,
        data.map((values, i) => ({ shape: tensors[i]?.value.shape, dtype: tensors[i]?.value.dtype, data: values }))
      ) as Read<T>
    if (backend.kind === 'reference') return TE.right(filled(arraysOf(tensors.map(({ value }) => value)).map(({ data }) => data)))
    const wanted = tensors.map(({ value }) => ({
      buffer: value.stored as DeviceBuffer,
      dtype: value.dtype,
      length: sizeOf(value.shape)
    }))
    return pipe(readback(backend.device, wanted), TE.map(filled))
  }

/** A tree of stored tensors, read. */
export type Read<T> = T extends StoredTensor ? HostArray : { readonly [K in keyof T]: Read<T[K]> }

/** Runs `body` and releases all that was stored in it but is not part of its result (everything, if it failed). */
export const scope =
  <A>(body: Engine<A>): Engine<A> =>
  env =>
  async () => {
    const stored = new Set<StoredTensor>()
    const result = await body({ ...env, stored })()
    const kept = new Set(E.isRight(result) ? findStored(result.right).map(({ value }) => value) : [])
    for (const tensor of stored) {
      if (kept.has(tensor)) env.stored?.add(tensor)
      else releaseTensor(tensor)
    }
    return result
  }
