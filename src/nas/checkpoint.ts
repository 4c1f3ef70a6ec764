/** A moment of a run from which it goes on as if nothing had happened: its tensors, its place, and what it is a moment of. As bytes and back. */
import { createHash } from 'node:crypto'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { show } from '../autodiff/shape.js'
import { leavesOf, rebuild } from '../autodiff/tree.js'
import { type HostArray, isAval, isHostArray } from '../engine.js'
import { type DecodeError, decodeError, malformed } from '../formats/error.js'
import { decodeSafetensors, dtypeOf, encodeSafetensors, type FileTensor } from '../formats/safetensors.js'

/** What survives JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** What a run knows of a moment: tensors by their paths in its state, and where it is. */
export interface Snapshot {
  readonly tensors: ReadonlyMap<string, FileTensor>
  readonly position: Json
}

/** A snapshot and the run that it is of: configuration, data, adapter, by name. */
export interface Checkpoint extends Snapshot {
  readonly identity: Readonly<Record<string, Json>>
}

/** The effects that keep moments: whether one is due, asked after each step, and what is done with it. `Keep` may fail by an exception. */
export interface Checkpoints {
  readonly due: () => boolean
  readonly keep: (snapshot: Snapshot) => () => void
}

const FORMAT = 'lambda-darts checkpoint 1'

/** The SHA-256 of everything that a checkpoint says, in hex. */
const digestOf = ({ tensors, position, identity }: Checkpoint): string =>
  [...tensors]
    .reduce(
      (hash, [name, { shape, data }]) =>
        hash
          .update(JSON.stringify([name, dtypeOf(data), shape]))
          .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
      createHash('sha256').update(JSON.stringify([position, identity]))
    )
    .digest('hex')

/** The file of a checkpoint: safetensors, with the rest as JSON in its metadata, and a digest of all of it. */
export const encodeCheckpoint = (checkpoint: Checkpoint): Uint8Array =>
  encodeSafetensors({
    tensors: checkpoint.tensors,
    metadata: {
      format: FORMAT,
      digest: digestOf(checkpoint),
      position: JSON.stringify(checkpoint.position),
      identity: JSON.stringify(checkpoint.identity)
    }
  })

const parse = (text: string | undefined): E.Either<DecodeError, Json> =>
  E.tryCatch(
    () => JSON.parse(text ?? '') as Json,
    () => decodeError('checkpoint: a place and an identity as JSON are required, but there are none')
  )

/** A checkpoint from its file. Left for a cut or altered one: not one bit may differ from what was written. */
export const decodeCheckpoint = (bytes: Uint8Array): E.Either<DecodeError, Checkpoint> =>
  pipe(
    decodeSafetensors(bytes),
    E.chain(({ metadata, tensors }) =>
      metadata['format'] === FORMAT
        ? pipe(
            E.Do,
            E.bind('position', () => parse(metadata['position'])),
            E.bind('identity', () => parse(metadata['identity']) as E.Either<DecodeError, Checkpoint['identity']>),
            E.map(({ position, identity }): Checkpoint => ({ tensors, position, identity })),
            E.chain(checkpoint =>
              digestOf(checkpoint) === metadata['digest']
                ? E.right(checkpoint)
                : malformed('checkpoint', 'the content that its digest is of', 'it has another')
            )
          )
        : malformed(
            'checkpoint',
            `the format '${FORMAT}'`,
            `it is ${JSON.stringify(metadata['format'])?.slice(0, 40) ?? 'another file'}`
          )
    )
  )

/** The arrays of a tree by their paths. */
export const tensorsOf = (tree: unknown): Snapshot['tensors'] =>
  new Map(leavesOf(tree, isHostArray).map(({ path, value: { shape, data } }) => [path, { shape, data }]))

/** Arrays in the place of the leaves of a tree that say dtype and shape. */
type Arrays<T> = T extends { readonly dtype: unknown; readonly shape: unknown }
  ? HostArray
  : { readonly [K in keyof T]: Arrays<T[K]> }

/** The tree of arrays of a snapshot, like a tree of dtypes and shapes. Left for a tensor that is missing, of another shape, or too many. */
export const arraysOf = <T>(like: T, tensors: Snapshot['tensors']): E.Either<DecodeError, Arrays<T>> => {
  const wanted = leavesOf(like, isAval)
  const stranger = [...tensors.keys()].find(name => !wanted.some(({ path }) => path === name))
  if (stranger !== undefined)
    return malformed('checkpoint', 'a state of this network', `it has a tensor '${stranger.slice(0, 80)}'`)
  return pipe(
    wanted,
    E.traverseArray(({ path, value: { shape, dtype } }): E.Either<DecodeError, HostArray> => {
      const found = tensors.get(path)
      return found && found.shape.join() === shape.join() && !(found.data instanceof Uint8Array)
        ? E.right({ shape, dtype, data: found.data })
        : malformed('checkpoint', `${show({ shape, dtype })} at '${path}'`, found ? `it has [${found.shape}]` : 'it has none')
    }),
    E.map(arrays => rebuild(like, isAval, arrays) as Arrays<T>)
  )
}

/** What differs between two identities, in words: `config.channels is 4 there and 8 here`. */
export const differencesOf = (there: Json, here: Json, path = ''): readonly string[] => {
  const isRecord = (value: Json): value is { readonly [key: string]: Json } =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  if (isRecord(there) && isRecord(here))
    return [...new Set([...Object.keys(there), ...Object.keys(here)])].flatMap(key =>
      differencesOf(there[key] ?? null, here[key] ?? null, path === '' ? key : `${path}.${key}`)
    )
  const [before, now] = [there, here].map(value => JSON.stringify(value).slice(0, 80))
  return JSON.stringify(there) === JSON.stringify(here) ? [] : [`${path} is ${before} there and ${now} here`]
}
