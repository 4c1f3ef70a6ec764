/**
 * What the files of data sets have in common: they are found by name, hold labelled images, and say how classes are
 * called.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { joined } from '../../formats/bytes.js'
import { type DecodeError, decodeError, malformed, quoted } from '../../formats/error.js'
import { decodePickle, type PickleDict } from '../../formats/pickle.js'
import { byteRows, wholeNumbers } from '../../formats/pickled.js'
import type { Files } from './block.js'
import type { Dataset } from './dataset.js'

/** Images and labels of a file, or of several. */
export interface LabelledImages {
  /** One after another. */
  readonly images: Uint8Array
  readonly labels: readonly number[]
}

/** The name of a file, without the folders that it lies in. */
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** Whether a path ends with one of these names. */
export const isNamed =
  (names: readonly string[]) =>
  (path: string): boolean =>
    names.includes(nameOf(path))

/** An error of a file's format with the file that it is of. */
export const within = (what: string): (<A>(result: E.Either<DecodeError, A>) => E.Either<DecodeError, A>) =>
  E.mapLeft(({ message }) => decodeError(`${what}: ${message}`))

/** The file of a name, in whatever folder; undefined if there is none. Left if two folders have one. */
export const findFile = (set: string, files: Files, name: string): E.Either<DecodeError, Uint8Array | undefined> => {
  const found = [...files].filter(([path]) => nameOf(path) === name)
  return found.length > 1
    ? malformed(
        set,
        `one file ${name}`,
        `there are ${found.length}: ${found
          .slice(0, 2)
          .map(([path]) => quoted(path))
          .join(', ')}`
      )
    : E.right(found[0]?.[1])
}

/** The file of a name. Left if there is none, or two. */
export const requireFile = (set: string, files: Files, name: string): E.Either<DecodeError, Uint8Array> =>
  pipe(
    findFile(set, files, name),
    E.chain(bytes => (bytes ? E.right(bytes) : malformed(set, `a file ${name}`, 'there is none')))
  )

/** The images at these places, one after another; each has `size` bytes and begins `step` after the one before. */
export const joinedImages = (bytes: Uint8Array, step: number, size: number, places: readonly number[]): Uint8Array =>
  joined(places.map(place => bytes.subarray(place * step, place * step + size)))

/** Left if there is no label, or one that no class has. */
export const checkLabels = (
  what: string,
  labels: readonly number[],
  least: number,
  most: number
): E.Either<DecodeError, void> => {
  const wrong = labels.findIndex(label => !(label >= least && label <= most))
  if (labels.length === 0) return malformed(what, 'at least one image', 'there is none')
  return wrong < 0
    ? E.right(undefined)
    : malformed(what, `a label of ${least} to ${most} for each image`, `that of image ${wrong} is ${labels[wrong]}`)
}

const isDict = (value: unknown): value is PickleDict => value instanceof Map

/** The dict that a pickle holds. */
export const decodeDict = (what: string, bytes: Uint8Array): E.Either<DecodeError, PickleDict> =>
  pipe(
    decodePickle(bytes),
    within(what),
    E.chain(value => (isDict(value) ? E.right(value) : malformed(what, 'a dict', 'it is another value')))
  )

/** What a pickled batch has to say: how its labels are called, which there may be, and the bytes of an image. */
export interface PickledBatch {
  readonly labels: string
  readonly least: number
  readonly most: number
  readonly size: number
}

/** A dict of Python with images as rows of `data`, and their labels as a list. */
export const decodePickledBatch = (
  what: string,
  bytes: Uint8Array,
  { labels: key, least, most, size }: PickledBatch
): E.Either<DecodeError, LabelledImages> =>
  pipe(
    decodeDict(what, bytes),
    E.chain(dict => {
      const [rows, labels] = [byteRows(dict.get('data')), wholeNumbers(dict.get(key))]
      if (!rows || rows.width !== size)
        return malformed(
          what,
          `an array 'data' with rows of ${size} bytes`,
          rows ? `its rows have ${rows.width}` : 'there is none'
        )
      if (!labels) return malformed(what, `a list '${key}' of whole numbers`, 'there is none')
      if (labels.length !== rows.rows)
        return malformed(what, `a label for each of ${rows.rows} images`, `there are ${labels.length}`)
      return pipe(
        checkLabels(what, labels, least, most),
        E.map(() => ({ images: rows.data, labels }))
      )
    })
  )

/** Far more than a class is called by. */
const MOST_NAME_LENGTH = 100

/** Names of classes as a file gives them. Left if there are not `count` different ones, that print. */
export const checkNames = (
  what: string,
  names: readonly string[],
  count: number
): E.Either<DecodeError, readonly string[]> => {
  const wrong = names.find(name => name.trim() === '' || name.length > MOST_NAME_LENGTH || /\p{C}/u.test(name))
  if (names.length !== count) return malformed(what, `a name for each of ${count} classes`, `there are ${names.length}`)
  if (wrong !== undefined)
    return malformed(
      what,
      `a name of at most ${MOST_NAME_LENGTH} letters that print for each class`,
      `one is ${quoted(wrong)}`
    )
  return new Set(names).size < count
    ? malformed(what, 'a name of its own for each class', 'two have the same')
    : E.right(names)
}

/** Classes that nothing names. */
export const numberedNames = (count: number, first = 0): readonly string[] =>
  Array.from({ length: count }, (_, label) => String(label + first))

/** Batches as one dataset. */
export const datasetOf = (
  { name, channels, height, width, classNames }: Omit<Dataset, 'images' | 'labels' | 'count'>,
  batches: readonly LabelledImages[]
): Dataset => {
  const labels = Int32Array.from(batches.flatMap(batch => batch.labels))
  const images = joined(batches.map(batch => batch.images))
  return { name, images, labels, count: labels.length, channels, height, width, classNames }
}
