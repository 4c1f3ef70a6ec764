/**
 * A moment of a run from which it goes on as if nothing had happened: its tensors, its place, and what it is a moment
 * of. As bytes and back.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type * as IO from 'fp-ts/lib/IO.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import * as t from 'io-ts/lib/index.js'
import type { Engine } from '../../engine/index.js'
import { type ArraysLike, arraysLike, namedArrays } from '../../engine/weights.js'
import { type DecodeError, decodeError, malformed } from '../../formats/error.js'
import { sha256 } from '../../formats/native.js'
import { decodeSafetensors, dtypeOf, encodeSafetensors, type FileTensor } from '../../formats/safetensors.js'

/** What survives JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * What a run knows of a moment: tensors by their paths in its state, how many steps are done, and all else that says
 * where it is, as JSON.
 */
export interface Snapshot {
  readonly tensors: ReadonlyMap<string, FileTensor>
  readonly steps: number
  readonly position: unknown
}

/** A snapshot, the run that it is of (configuration, data, adapter, by name), and what is known of its files then. */
export interface Checkpoint extends Snapshot {
  readonly identity: Readonly<Record<string, Json>>
  readonly files: FileLengths
}

export const FileLengths = t.readonly(t.type({ lengths: t.readonly(t.record(t.string, t.number)), seconds: t.number }))
/** Lengths in bytes of the files that grow with a run, and the seconds that it took so far. */
export type FileLengths = t.TypeOf<typeof FileLengths>

/** The effects that keep moments: whether one is due, asked after each step, and what is done with it. */
export interface Checkpoints {
  readonly due: IO.IO<boolean>
  readonly keep: (snapshot: Snapshot) => IO.IO<void>
}

/** Keeps a moment, if moments are kept; it is not even read if they are not. */
export const keepMoment = (checkpoints: Checkpoints | undefined, moment: () => Engine<Snapshot>): Engine<void> =>
  checkpoints
    ? pipe(
        moment(),
        RTE.chainIOK(snapshot => checkpoints.keep(snapshot))
      )
    : RTE.of(undefined)

const FORMAT = 'lambda-darts checkpoint 1'

export const Json: t.Type<Json> = t.recursion('Json', () =>
  t.union([t.null, t.boolean, t.number, t.string, t.readonlyArray(Json), t.readonly(t.record(t.string, Json))])
)
const Content = t.type({
  steps: t.number,
  position: t.unknown,
  identity: t.readonly(t.record(t.string, Json)),
  files: FileLengths
})

/** The SHA-256 of everything that a checkpoint says, in hex. */
const digestOf = (tensors: Snapshot['tensors'], content: string): string =>
  sha256([
    content,
    ...[...tensors].flatMap(([name, { shape, data }]) => [
      JSON.stringify([name, dtypeOf(data), shape]),
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    ])
  ])

/** The file of a checkpoint: safetensors, with the rest as JSON in its metadata, and a digest of all of it. */
export const encodeCheckpoint = ({ tensors, ...rest }: Checkpoint): Uint8Array => {
  const content = JSON.stringify(rest)
  return encodeSafetensors({ tensors, metadata: { format: FORMAT, digest: digestOf(tensors, content), content } })
}

/** A checkpoint from its file. Left for a cut or altered one: not one bit may differ from what was written. */
export const decodeCheckpoint = (bytes: Uint8Array): E.Either<DecodeError, Checkpoint> =>
  pipe(
    decodeSafetensors(bytes),
    E.chain(({ metadata: { format, digest, content = '' }, tensors }) => {
      if (format !== FORMAT)
        return malformed(
          'checkpoint',
          `the format '${FORMAT}'`,
          `it is ${JSON.stringify(format)?.slice(0, 40) ?? 'another file'}`
        )
      if (digestOf(tensors, content) !== digest)
        return malformed('checkpoint', 'the content that its digest is of', 'it has another')
      const decoded = pipe(
        E.tryCatch(
          () => JSON.parse(content) as unknown,
          () => undefined
        ),
        E.chain(value => E.mapLeft(() => undefined)(Content.decode(value)))
      )
      return E.isRight(decoded)
        ? E.right({ tensors, ...decoded.right })
        : malformed('checkpoint', 'steps, a place, an identity and lengths of files', 'it has others')
    })
  )

/**
 * The place that a snapshot says, by the codec of a run's places. Left for one of another kind of run; `what` names it.
 */
export const placeOf = <A>(codec: t.Type<A, unknown>, what: string, position: unknown): E.Either<DecodeError, A> =>
  pipe(
    codec.decode(position),
    E.mapLeft(() => decodeError(`checkpoint: the place of a ${what} is required, but it has none`))
  )

/** The arrays of a tree by their paths. */
export const tensorsOf: (tree: unknown) => Snapshot['tensors'] = namedArrays

/**
 * The tree of arrays of a snapshot, like a tree of dtypes and shapes. Left for a tensor that is missing, of another
 * shape, or too many.
 */
export const arraysOf = <T>(like: T, tensors: Snapshot['tensors']): E.Either<DecodeError, ArraysLike<T>> =>
  arraysLike('checkpoint', like, tensors)

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
