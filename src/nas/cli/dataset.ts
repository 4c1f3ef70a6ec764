/** A data set by its name and the place of its files. */
import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { quoted } from '../../formats/error.js'
import { gunzip, isGzip } from '../../formats/gunzip.js'
import { decodeTar } from '../../formats/tar.js'
import type { Sources } from '../data/dataset.js'
import { DATA_SETS, type DataSet, type Files, type PublishedData } from '../data/datasets.js'
import { digestOf } from '../data/digest.js'
import { decodeDigits } from '../data/digits.js'
import { within } from '../data/files.js'
import { readBytes, reasonOf } from './files.js'
import { IMAGE_SIZE, readImageFolder } from './images.js'
import { orRefuse, refuse } from './refusal.js'

export interface ReadDataSet {
  readonly sources: Sources
  readonly published: PublishedData | undefined
  /** SHA-256 over what a search sees of it. */
  readonly digest: string
}

/** All files of a set, or its archive: the largest known set has half as many bytes. */
const MOST_BYTES = 2 ** 31
/** What an archive unpacks to, which is held in memory at once: five times the largest known one. */
const MOST_UNPACKED = 2 ** 30

/** The name of a user's own images, which are decoded here. */
export const FOLDER = 'folder'

const ARCHIVE = /\.(tar|tgz|tar\.gz)$/

const digits = (): Uint8Array => gunzipSync(readFileSync(new URL('../../../data/digits.csv.gz', import.meta.url)))

/** What `read` says of a place below the root, or a refusal with the system's reason. */
const reached = <A>(path: string, read: (path: string) => A): A => {
  try {
    return read(path)
  } catch (reason) {
    const got = `${quoted(path)} (${reasonOf(reason)})`
    return refuse('--root to be a folder or an archive that can be read', got, 'correct the path')
  }
}

const statusOf = (path: string): Stats => reached(path, place => statSync(place))

/** Whether a link leads to a folder; one that leads nowhere is refused only where it is wanted. */
const leadsToFolder = (path: string): boolean =>
  reached(path, place => statSync(place, { throwIfNoEntry: false }))?.isDirectory() === true

/** Paths below a root: what lies in it, and in the folders in it. Links are followed: they are the user's. */
const pathsBelow = (root: string): readonly string[] =>
  reached(root, place => readdirSync(place, { withFileTypes: true }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(entry => {
      const path = join(root, entry.name)
      const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && leadsToFolder(path))
      const names = isFolder ? reached(path, place => readdirSync(place)).toSorted() : []
      return isFolder ? names.map(name => `${entry.name}/${name}`) : [entry.name]
    })

/** Reads files below a root, if they have no more than `MOST_BYTES` in all. */
const readAll = (root: string, paths: readonly string[]): Files => {
  const total = paths.reduce((sum, path) => sum + statusOf(join(root, path)).size, 0)
  if (total > MOST_BYTES) {
    const wanted = `--root to hold files of at most ${MOST_BYTES} bytes in all`
    refuse(wanted, `${quoted(root)}, where they have ${total}`, 'check which files these are')
  }
  return new Map(paths.map(path => [path, orRefuse(readBytes('--root', join(root, path), MOST_BYTES))]))
}

/** The files of a set in an archive, as deep in it as they may be in a folder. */
const readArchive = (path: string, { wants }: DataSet): Files => {
  const bytes = orRefuse(readBytes('--root', path, MOST_BYTES))
  return orRefuse(
    pipe(
      isGzip(bytes) ? gunzip(bytes, MOST_UNPACKED) : E.right(bytes),
      E.chain(unpacked => decodeTar(unpacked, inside => inside.split('/').length <= 2 && wants(inside))),
      within(`--root ${quoted(path)}`)
    )
  )
}

/** The files of a set in a folder; if there are none, in the one archive in it. */
const readFolder = (name: string, root: string, set: DataSet): Files => {
  const paths = pathsBelow(root)
  const wanted = paths.filter(set.wants)
  if (wanted.length > 0) return readAll(root, wanted)
  const [archive, ...others] = paths.filter(path => !path.includes('/') && ARCHIVE.test(path))
  if (others.length > 0) {
    const got = `${quoted(root)} with ${others.length + 1} archives`
    return refuse(`--root to hold files of ${name}, or one archive of them`, got, 'name the one that is meant')
  }
  return archive === undefined ? new Map() : readArchive(join(root, archive), set)
}

/** The files of a set at its root: a folder, an archive, or a file that is all of it. */
const readFiles = (name: string, root: string, set: DataSet): Files => {
  if (statusOf(root).isDirectory()) return readFolder(name, root, set)
  if (set.wants(basename(root))) return new Map([[basename(root), orRefuse(readBytes('--root', root, MOST_BYTES))]])
  return ARCHIVE.test(root)
    ? readArchive(root, set)
    : refuse(
        '--root to be a folder, or an archive that ends with .tar.gz, .tgz or .tar',
        quoted(root),
        'correct the path'
      )
}

const readByName = async (
  name: string,
  root: string | undefined,
  imageSize: number
): Promise<Omit<ReadDataSet, 'digest'>> => {
  if (name === 'digits') {
    if (root !== undefined)
      refuse('no --root beside --data digits', quoted(root), 'leave it out: they come with the package')
    return { sources: { train: orRefuse(decodeDigits(digits())), test: null }, published: undefined }
  }
  const set = Object.hasOwn(DATA_SETS, name) ? DATA_SETS[name] : undefined
  if (!set && name !== FOLDER)
    return refuse(
      `--data to be one of digits, ${FOLDER}, ${Object.keys(DATA_SETS).join(', ')}`,
      quoted(name),
      'name one of these'
    )
  if (root === undefined)
    return refuse(`--root beside --data ${name}`, 'none', 'name the folder or the archive of its files')
  if (!set) return { sources: await readImageFolder(root, imageSize), published: undefined }
  const files = readFiles(name, root, set)
  if (files.size === 0)
    return refuse(
      `--root to hold the files of ${set.help}`,
      `${quoted(root)}, which has none`,
      'name their folder or archive'
    )
  return { sources: orRefuse(set.decode(files)), published: set.published }
}

/**
 * Reads a data set. Its files lie in `root` or in a folder in it, or in an archive, which `root` is or holds; those
 * of others are left alone. Refused: an unknown name, a root without its files, files that are too large, that cannot
 * be read, or that are not what they are called. `imageSize` is the height and width that the images of a folder are
 * brought to.
 *
 * @example (await readDataSet('digits', undefined)).sources.train.count // 1797
 */
export const readDataSet = async (
  name: string,
  root: string | undefined,
  imageSize: number = IMAGE_SIZE
): Promise<ReadDataSet> => {
  const read = await readByName(name, root, imageSize)
  return { ...read, digest: digestOf(read.sources) }
}
