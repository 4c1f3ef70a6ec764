/** Values between the host and a backend, and how long they stay there. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { holds } from '../autodiff/leaves.js'
import type { NdArray } from '../autodiff/ndarray.js'
import { checkExtents, describe, show, sizeOf } from '../autodiff/shape.js'
import { inTree, type Leaf, leavesOf, rebuild } from '../autodiff/tree.js'
import { type DeviceBuffer, release as releaseBuffer } from '../kernels/buffers.js'
import { invalidArgument } from '../kernels/errors.js'
import { readback, upload } from '../kernels/execute.js'
import type { Data } from '../kernels/spec.js'
import { type Backend, catchShapeError, type Engine, type EngineError, type Env } from './effect.js'
import { type HostArray, isStored, type Read, type StoredTensor, storedTensor } from './values.js'

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
export const found = <L>(
  tree: unknown,
  isLeaf: (value: unknown) => value is L
): E.Either<EngineError, readonly Leaf<L>[]> => catchShapeError(() => leavesOf(tree, isLeaf))

/** Why an array cannot be stored, if it cannot. */
const wrongArray = ({ backend }: Env, { path, value }: Leaf<HostArray>): EngineError | undefined => {
  const { shape, dtype, data } = value
  const extents = Array.isArray(shape) ? checkExtents('store', shape) : undefined
  if (extents === undefined || E.isLeft(extents))
    return invalidArgument(
      `a list of positive whole extents as the shape${inTree(path)}`,
      `it is ${describe(shape)}`,
      'leave empty tensors out'
    )
  if (data.length !== sizeOf(shape))
    return invalidArgument(
      `${sizeOf(shape)} values for ${show(value)}${inTree(path)}`,
      `there are ${data.length}`,
      'give a shape that holds them all'
    )
  const stranger = strangerIn(value, backend)
  return stranger === undefined
    ? undefined
    : invalidArgument(
        `numbers that ${describe(dtype)} holds${inTree(path)}`,
        `there is ${stranger}`,
        'choose another dtype, or round it'
      )
}

const storeOne =
  (env: Env) =>
  ({ value }: Leaf<HostArray>): TE.TaskEither<EngineError, StoredTensor> => {
    const { shape, dtype } = value
    return env.backend.kind === 'reference'
      ? TE.fromIO(() => keep(env, storedTensor({ shape, dtype }, { array: toReference(value), live: true })))
      : pipe(
          upload(env.backend.device, toDevice(value)),
          TE.map(stored => keep(env, storedTensor({ shape, dtype }, stored)))
        )
  }

/** Puts arrays on the backend, in their order: all of them, or none. */
export const storeArrays =
  (arrays: readonly Leaf<HostArray>[]): Engine<readonly StoredTensor[]> =>
  env =>
  async () => {
    const wrong = arrays.map(leaf => wrongArray(env, leaf)).find(error => error !== undefined)
    if (wrong) return E.left(wrong)
    const stored: StoredTensor[] = []
    for (const leaf of arrays) {
      const one = await storeOne(env)(leaf)()
      if (E.isLeft(one)) {
        stored.forEach(releaseTensor)
        return one
      }
      stored.push(one.right)
    }
    return E.right(stored)
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

/**
 * Refuses a tensor that lives on another backend than the one that runs. (Of two devices, `execute` tells which is
 * meant.)
 */
export const elsewhere = ({ kind }: Backend, where: string, { stored }: StoredTensor): EngineError | undefined => {
  const [here, there] = [
    kind === 'gpu' ? 'the device' : 'the reference',
    'array' in stored ? 'the reference' : 'the device'
  ]
  return here === there
    ? undefined
    : invalidArgument(`a tensor stored on ${here}${where}`, `it is on ${there}`, 'store it with the backend that runs')
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
        invalidArgument(`a stored tensor${inTree(dead.path)}`, 'it was released or given away before', 'read it before')
      )
    const foreign = tensors
      .map(({ path, value }) => elsewhere(backend, inTree(path), value))
      .find(error => error !== undefined)
    if (foreign) return TE.left(foreign)
    const filled = (data: readonly HostArray['data'][]) =>
      rebuild(
        tree,
        isStored,
        data.map((values, i) => ({ shape: tensors[i]?.value.shape, dtype: tensors[i]?.value.dtype, data: values }))
      ) as Read<T>
    if (backend.kind === 'reference')
      return TE.right(filled(arraysOf(tensors.map(({ value }) => value)).map(({ data }) => data)))
    const wanted = tensors.map(({ value }) => ({
      buffer: value.stored as DeviceBuffer,
      dtype: value.dtype,
      length: sizeOf(value.shape)
    }))
    return pipe(readback(backend.device, wanted), TE.map(filled))
  }

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
