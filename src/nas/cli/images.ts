/** Images of a user: decoded by sharp, one or a folder of them. What they are of is decided in `data/folder.ts`. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'
import PQueue from 'p-queue'
import sharp from 'sharp'
import { lastAxisFastest, rowMajor } from '../../formats/array.js'
import { quoted } from '../../formats/error.js'
import type { Sources } from '../data/dataset.js'
import {
  type Decoded,
  type DecodedPart,
  FORMAT_NAMES,
  folderSources,
  imageFormat,
  type Labelled,
  planOf,
  type Tree
} from '../data/folder.js'
import { reasonOf } from './files.js'
import { complain } from './outputs.js'
import { orRefuse, Refusal, refuse } from './refusal.js'

/** What an image is brought to. */
export interface ImageSize {
  /** As the image has them, grey or colour, if it is not said. */
  readonly channels?: number
  readonly height: number
  readonly width: number
}

/** Height and width of a folder's images, if nothing else is said. */
export const IMAGE_SIZE = 32

/** In one file, in its packed form, and as pixels: four such images take 1 GiB. */
const MOST_FILE_BYTES = 2 ** 26
const MOST_PIXELS = 2 ** 26
/** Files that are read and decoded at a time. */
const AT_ONCE = 4
/** What all images together may take, decoded: one buffer. */
const MOST_DECODED_BYTES = 2 ** 31 - 1
/** Files and folders that are listed below a root. */
const MOST_ENTRIES = 2 ** 21
/** Folders below the root that can be part of the form: a part, a class, and one too many. */
const MOST_DEPTH = 3

const GREY: readonly (string | undefined)[] = ['b-w', 'grey16']
const CURE = 'take it out, or save it again'

/** The pixels of an image of any size, brought to one by covering it and cutting what is over at both sides. */
const decode = async (what: string, bytes: Uint8Array, { channels, height, width }: ImageSize): Promise<Decoded> => {
  // Other formats that the library reads, some of them programs of a kind, are not handed to it.
  if (imageFormat(bytes) === undefined)
    return refuse(`${what} to be an image (${FORMAT_NAMES})`, 'a file that is none', CURE)
  try {
    const image = sharp(bytes, { limitInputPixels: MOST_PIXELS, failOn: 'error' })
    const grey = channels === undefined ? GREY.includes((await image.metadata()).space) : channels === 1
    const { data, info } = await image
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .resize(width, height, { fit: 'cover', position: 'centre' })
      .toColourspace(grey ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    const shape = [height, width, grey ? 1 : 3]
    if (data.length !== height * width * (grey ? 1 : 3))
      return refuse(`${what} to be grey or RGB`, `an image of ${info.channels} channels`, CURE)
    const planes = rowMajor({ shape, strides: lastAxisFastest(shape), data: new Uint8Array(data) }, [2, 0, 1])
    return { pixels: planes.data as Uint8Array, channels: grey ? 1 : 3 }
  } catch (reason) {
    if (reason instanceof Refusal) throw reason
    const [text = ''] = reason instanceof Error ? reason.message.split('\n') : [String(reason)]
    return refuse(
      `${what} to be a whole image of at most ${MOST_PIXELS} pixels`,
      `one that cannot be read (${quoted(text)})`,
      CURE
    )
  }
}

/** The bytes of a file, which must be an ordinary one and not too large. `name` is what it is called in a refusal. */
const bytesOf = async (path: string, name = path): Promise<Uint8Array> => {
  const what = `${quoted(name)} to be a file of at most ${MOST_FILE_BYTES} bytes that can be read`
  try {
    const found = await stat(path)
    if (!found.isFile()) return refuse(what, 'something that is no file', CURE)
    if (found.size > MOST_FILE_BYTES) return refuse(what, `${found.size} bytes`, CURE)
    return new Uint8Array(await readFile(path))
  } catch (reason) {
    if (reason instanceof Refusal) throw reason
    return refuse(what, reasonOf(reason), CURE)
  }
}

/**
 * One image, a file's path or its bytes, as bytes channel by channel: 8 bits, upright as its EXIF says, what is
 * transparent on white, scaled until it covers `height` x `width`, its middle taken. Refused: a file that is no PNG,
 * JPEG or WebP, is damaged, or has more than 2^26 pixels.
 *
 * @example await decodeImage('cat.jpg', { channels: 3, height: 32, width: 32 }) // Refusal: Wanted 'cat.jpg'
 */
export const decodeImage = async (source: Uint8Array | string, size: Required<ImageSize>): Promise<Uint8Array> => {
  if (size.channels !== 1 && size.channels !== 3)
    return refuse('a network of 1 or 3 channels for an image', `one of ${size.channels}`, 'give it arrays instead')
  const [what, bytes] = typeof source === 'string' ? [quoted(source), await bytesOf(source)] : ['the image', source]
  return (await decode(what, bytes, size)).pixels
}

/** What a symbolic link leads to, which must lie below the root. */
const targetOf = async (root: string, link: string) => {
  const path = join(root, link)
  const wanted = 'links below the root that lead to what lies below it'
  try {
    const target = relative(root, await realpath(path))
    if (target === '..' || target.startsWith(`..${sep}`) || isAbsolute(target))
      return refuse(wanted, `${quoted(link)}, which leads out of it`, 'take it out')
    return await stat(path)
  } catch (reason) {
    if (reason instanceof Refusal) throw reason
    return refuse(wanted, `${quoted(link)} (${reasonOf(reason)})`, 'take it out')
  }
}

/** Files and folders below a root, hidden ones left out. */
const treeBelow = async (root: string): Promise<Tree> => {
  const [folders, files]: [string[], string[]] = [[], []]
  const walk = async (folder: string, depth: number): Promise<void> => {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      const kind = entry.isSymbolicLink() ? await targetOf(root, path) : entry
      if (folders.length + files.length >= MOST_ENTRIES)
        return refuse(`at most ${MOST_ENTRIES} files below the root`, 'more', 'name the folder that holds the classes')
      if (!kind.isDirectory()) files.push(path)
      else {
        folders.push(path)
        if (depth < MOST_DEPTH) await walk(path, depth + 1)
      }
    }
  }
  await walk('', 1)
  return { folders, files }
}

/** The images of a part, some of them at a time. */
const decodeAll = async (root: string, labelled: readonly Labelled[], size: ImageSize): Promise<DecodedPart> => {
  const queue = new PQueue({ concurrency: AT_ONCE })
  const decodeOne = async ({ path }: Labelled): Promise<Decoded> =>
    decode(quoted(path), await bytesOf(join(root, path), path), size)
  try {
    return { labelled, images: await queue.addAll(labelled.map(one => () => decodeOne(one))) }
  } finally {
    // After a refusal nothing more is begun, and what is at hand comes to its end.
    queue.clear()
    await queue.onIdle()
  }
}

/**
 * A folder of images, one class a folder: `root/CLASS/IMAGE`, or `root/train/CLASS/IMAGE` with
 * `root/test/CLASS/IMAGE`. Each is brought to `size` x `size` as by `decodeImage`; all grey images have one channel,
 * else all have three. Refused, by its path: what is no image, an empty class, a link that leads out of the root.
 */
export const readImageFolder = async (root: string, size: number = IMAGE_SIZE): Promise<Sources> => {
  const real = await realpath(root).catch(reason =>
    refuse('--root to be a folder that can be read', `${quoted(root)} (${reasonOf(reason)})`, 'correct the path')
  )
  const tree = await treeBelow(real).catch(reason => {
    if (reason instanceof Refusal) throw reason
    return refuse('--root to be a folder that can be read', `${quoted(root)} (${reasonOf(reason)})`, 'correct the path')
  })
  const { classNames, train, test, unused } = orRefuse(planOf(tree))
  const bytes = (train.length + (test?.length ?? 0)) * 3 * size * size
  if (bytes > MOST_DECODED_BYTES)
    refuse(
      `images of at most ${MOST_DECODED_BYTES} bytes in all`,
      `${bytes} at ${size} x ${size}`,
      'take a smaller --image-size'
    )
  for (const part of unused)
    complain(`The images in ${quoted(part)} are left alone, as there is another part to test on.`)
  const dimensions = { height: size, width: size }
  const decodedTrain = await decodeAll(real, train, dimensions)
  const decodedTest = test && (await decodeAll(real, test, dimensions))
  return folderSources(classNames, [size, size], decodedTrain, decodedTest)
}
