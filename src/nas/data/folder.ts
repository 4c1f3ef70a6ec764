/**
 * A folder of images as a data set: one class a folder. Which file is of which part and class follows from the paths
 * alone, and decoded images become a dataset; files are read and decoded where effects are.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { groupBy } from 'fp-ts/lib/NonEmptyArray.js'
import { joined } from '../../formats/bytes.js'
import { type DecodeError, malformed, quoted } from '../../formats/error.js'
import type { Dataset, Sources } from './dataset.js'
import { checkNames, nameOf } from './files.js'

/** What lies below the root, by paths with `/` between folders. */
export interface Tree {
  readonly folders: readonly string[]
  readonly files: readonly string[]
}

/** A file, and the place of its class among the names. */
export interface Labelled {
  readonly path: string
  readonly label: number
}

export interface FolderPlan {
  readonly classNames: readonly string[]
  readonly train: readonly Labelled[]
  readonly test: readonly Labelled[] | null
  /** Folders of another part that are left alone: `val` where there is a `test`. */
  readonly unused: readonly string[]
}

/** Formats that are decoded, by the texts that their files begin with, and where these stand. */
const FORMATS: Readonly<Record<string, readonly (readonly [at: number, text: string])[]>> = {
  PNG: [[0, '\x89PNG\r\n\x1a\n']],
  JPEG: [[0, '\xff\xd8\xff']],
  WebP: [
    [0, 'RIFF'],
    [8, 'WEBP']
  ]
}

/** The format of an image, by its first bytes and not by its name; undefined for any other file. */
export const imageFormat = (bytes: Uint8Array): string | undefined => {
  const beginning = String.fromCharCode(...bytes.subarray(0, 12))
  return Object.keys(FORMATS).find(format => FORMATS[format]?.every(([at, text]) => beginning.startsWith(text, at)))
}

export const FORMAT_NAMES: string = Object.keys(FORMATS).join(', ')

const refuse = (required: string, found: string): E.Either<DecodeError, never> => malformed('folder', required, found)

const FORM = 'CLASS/IMAGE, or train/CLASS/IMAGE with test/CLASS/IMAGE'
const TRAIN = 'train'
/** What the folder of the test part is called; the first that is there. */
const TESTS: readonly string[] = ['test', 'val', 'valid', 'validation']

const depthOf = (path: string): number => path.split('/').length
const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))

/** Names as programs sort them, by their code units: `10` before `2`, capitals first. */
const sorted = (names: readonly string[]): readonly string[] => names.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))

interface Parts {
  /** Folders of classes lie in these; '' is the root. */
  readonly train: string
  readonly test: string | undefined
  readonly unused: readonly string[]
}

/** Whether the root holds classes, or parts that hold them. */
const partsOf = ({ folders }: Tree): E.Either<DecodeError, Parts> => {
  const tops = folders.filter(folder => depthOf(folder) === 1)
  if (!folders.some(folder => parentOf(folder) === TRAIN)) return E.right({ train: '', test: undefined, unused: [] })
  const stranger = tops.find(top => top !== TRAIN && !TESTS.includes(top))
  if (stranger !== undefined)
    return refuse(`only ${[TRAIN, ...TESTS].join(', ')} beside each other`, `there is a folder ${quoted(stranger)}`)
  const test = TESTS.find(name => tops.includes(name))
  return E.right({ train: TRAIN, test, unused: sorted(tops.filter(top => top !== TRAIN && top !== test)) })
}

/** What does not fit the form, in words. */
const strayIn = ({ folders, files }: Tree, { train, unused }: Parts): string | undefined => {
  const depth = train === '' ? 1 : 2
  const used = (path: string): boolean => !unused.some(part => path === part || path.startsWith(`${part}/`))
  const folder = folders.find(path => used(path) && depthOf(path) > depth)
  if (folder !== undefined) return `there is a folder ${quoted(folder)} in that of a class`
  const file = files.find(path => used(path) && depthOf(path) !== depth + 1)
  return file === undefined ? undefined : `there is a file ${quoted(file)}; move it elsewhere`
}

type FilesOf = (folder: string) => readonly string[]

/** The images of a part. Left for a folder without one, and for a class that is not known. */
const labelledIn = (
  folders: readonly string[],
  filesOf: FilesOf,
  classNames: readonly string[]
): E.Either<DecodeError, readonly Labelled[]> => {
  const stranger = folders.find(folder => !classNames.includes(nameOf(folder)))
  if (stranger !== undefined)
    return refuse('classes of the training part in the others', `there is ${quoted(stranger)}`)
  const empty = folders.find(folder => filesOf(folder).length === 0)
  if (empty !== undefined) return refuse('at least one image of each class', `there is none in ${quoted(empty)}`)
  const labelled = folders.map(folder => {
    const label = classNames.indexOf(nameOf(folder))
    return sorted(filesOf(folder)).map(path => ({ path, label }))
  })
  return E.right(labelled.flat())
}

/**
 * Which image is of which part and class. Classes are the names of the folders in `train`, or in the root, in the
 * order of their code units. Left for files and folders that fit neither form, a folder without an image, fewer than
 * two classes, and a test class that training does not know.
 */
export const planOf = (tree: Tree): E.Either<DecodeError, FolderPlan> =>
  pipe(
    partsOf(tree),
    E.chain(parts => {
      const stray = strayIn(tree, parts)
      if (stray !== undefined) return refuse(FORM, stray)
      const grouped = groupBy(parentOf)([...tree.files])
      const filesOf: FilesOf = folder => grouped[folder] ?? []
      const foldersOf = (part: string) => sorted(tree.folders.filter(folder => parentOf(folder) === part))
      const classNames = foldersOf(parts.train).map(nameOf)
      if (classNames.length < 2)
        return refuse(`at least two folders of classes, as in ${FORM}`, `there is ${classNames.length || 'none'}`)
      return pipe(
        checkNames('folder', classNames, classNames.length),
        E.chain(() => labelledIn(foldersOf(parts.train), filesOf, classNames)),
        E.bindTo('train'),
        E.bind('test', () =>
          parts.test === undefined ? E.right(null) : labelledIn(foldersOf(parts.test), filesOf, classNames)
        ),
        E.map(({ train, test }) => ({ classNames, train, test, unused: parts.unused }))
      )
    })
  )

/** An image, channel by channel. */
export interface Decoded {
  readonly pixels: Uint8Array
  readonly channels: 1 | 3
}

/** What is to be known of a part: the labels of the plan, and its images in the same order. */
export interface DecodedPart {
  readonly labelled: readonly Labelled[]
  readonly images: readonly Decoded[]
}

/** A grey image in three equal channels. */
const inColour = ({ pixels, channels }: Decoded): Uint8Array =>
  channels === 3 ? pixels : joined([pixels, pixels, pixels])

/** The data set of decoded images of one size: of one channel if all are grey, else of three. */
export const folderSources = (
  classNames: readonly string[],
  [height, width]: readonly [number, number],
  train: DecodedPart,
  test: DecodedPart | null
): Sources => {
  const grey = [train, test].every(part => part === null || part.images.every(({ channels }) => channels === 1))
  const datasetOf = ({ labelled, images }: DecodedPart): Dataset => ({
    name: 'folder',
    images: joined(images.map(image => (grey ? image.pixels : inColour(image)))),
    labels: Int32Array.from(labelled, ({ label }) => label),
    count: images.length,
    channels: grey ? 1 : 3,
    height,
    width,
    classNames
  })
  return { train: datasetOf(train), test: test && datasetOf(test) }
}
