/**
 * Labelled images as a value, and what is done with them before and in a search: to select, to split, to normalise, to
 * move.
 */

import * as E from 'fp-ts/lib/Either.js'
import { fail } from '../../autodiff/shape.js'
import { joined } from '../../formats/bytes.js'
import { type DecodeError, decodeError } from '../../formats/error.js'
import { CUT, PADDING, type Scale, scalePixels } from '../../formats/pixels.js'

/** Images with their classes, as their file has them. */
export interface Dataset {
  readonly name: string
  /** `count` images, each channel by channel, row by row, in the numbers of their file: bytes, or floats. */
  readonly images: Uint8Array | Float32Array
  /** The class of each image, a place in `classNames`. */
  readonly labels: Int32Array
  readonly count: number
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly classNames: readonly string[]
}

/** What a data set comes as: images to train on, and images to test on if it has such. */
export interface Sources {
  readonly train: Dataset
  readonly test: Dataset | null
}

/** Which images train the weights, and which alpha, by their places. */
export interface SplitIndices {
  readonly train: readonly number[]
  readonly valid: readonly number[]
}

/** The places of `count` images: 0, 1, ... */
export const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index)

const sizeOfImage = ({ channels, height, width }: Dataset): number => channels * height * width

/** The dataset of the images at `indices`, in that order; an index may occur more than once. */
export const subset = <D extends Dataset>(dataset: D, indices: readonly number[]): D => {
  const { images, labels, count } = dataset
  const size = sizeOfImage(dataset)
  const outside = indices.find(index => !Number.isInteger(index) || index < 0 || index >= count)
  if (outside !== undefined)
    return fail('subset', `indices 0 to ${count - 1} of '${dataset.name}'`, `${outside}`, 'correct the index')
  const copy = joined(
    indices.map(index => {
      const image = images.subarray(size * index, size * (index + 1))
      return new Uint8Array(image.buffer, image.byteOffset, image.byteLength)
    })
  )
  return {
    ...dataset,
    images: images instanceof Uint8Array ? copy : new Float32Array(copy.buffer),
    labels: Int32Array.from(indices, index => labels[index] as number),
    count: indices.length
  }
}

/**
 * Consecutive parts of the images in the given order: the first `sizes[0]` of them, the next `sizes[1]`, ... The rest
 * is left out.
 */
export const splitBy = <D extends Dataset>(
  dataset: D,
  order: readonly number[],
  sizes: readonly number[]
): readonly D[] => {
  const wrong = sizes.find(size => !Number.isInteger(size) || size < 0)
  if (wrong !== undefined)
    return fail('splitBy', 'sizes that are whole and not negative', `${wrong}`, 'correct the size')
  const starts = sizes.map((_, k) => sizes.slice(0, k).reduce((sum, size) => sum + size, 0))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total > order.length)
    return fail('splitBy', `${total} images for all parts`, `an order of ${order.length}`, 'ask for smaller parts')
  return sizes.map((size, k) => subset(dataset, order.slice(starts[k], (starts[k] as number) + size)))
}

/** What is subtracted from the pixels of each channel, and what the rest is divided by, in the numbers of the file. */
export type Normalisation = Scale

/** A dataset, and how its pixels are normalised when a batch is made of them. */
export interface Part extends Dataset {
  readonly normalisation: Normalisation
}

/** `start` and f of all values, added in their order. */
const summed = (values: Dataset['images'], f: (value: number) => number, start: number): number => {
  const add = (sum: number, value: number): number => sum + f(value)
  return values instanceof Uint8Array ? values.reduce(add, start) : values.reduce(add, start)
}

/**
 * Mean and deviation of each channel, the latter that of the whole population (divided by the count): 0 where all
 * pixels are equal.
 */
export const momentsOf = (dataset: Dataset): readonly { readonly mean: number; readonly deviation: number }[] => {
  const { images, count, channels, height, width } = dataset
  const area = height * width
  const indices = range(count)
  const average = (channel: number, f: (value: number) => number): number =>
    indices.reduce((sum, index) => {
      const from = (index * channels + channel) * area
      return summed(images.subarray(from, from + area), f, sum)
    }, 0) /
    (count * area)
  return Array.from({ length: channels }, (_, channel) => {
    // Counted from one of the values, so that equal values have exactly no deviation, however the sum rounds.
    const origin = images[channel * area] as number
    const mean = origin + average(channel, value => value - origin)
    return { mean, deviation: Math.sqrt(average(channel, value => (value - mean) ** 2)) }
  })
}

/**
 * `momentsOf` what training may see, so that nothing of the other parts is learned. Left where a deviation is 0 or not
 * finite.
 */
export const normalisationOf = (dataset: Dataset): E.Either<DecodeError, Normalisation> => {
  const moments = momentsOf(dataset)
  const constant = moments.findIndex(({ deviation }) => !(deviation > 0 && deviation < Infinity))
  return constant < 0
    ? E.right({ mean: moments.map(({ mean }) => mean), deviation: moments.map(({ deviation }) => deviation) })
    : E.left(
        decodeError(
          `a deviation above 0 is required to standardise by '${dataset.name}', but that of channel ${constant} is ` +
            `${moments[constant]?.deviation}; take more images`
        )
      )
}

/**
 * How an image is moved: where its window begins in the image (padded with zeros around), whether it is mirrored, and
 * what is cut out.
 */
export interface Move {
  readonly down: number
  readonly right: number
  readonly mirrored: boolean
  /** Whether it is mirrored before the window is taken (NAS-Bench-201) or after (DARTS). */
  readonly mirrorFirst: boolean
  /** Rows and columns, from and to, that are 0 after normalisation. */
  readonly cut: readonly [number, number, number, number] | undefined
}

export const STILL: Move = { down: 0, right: 0, mirrored: false, mirrorFirst: false, cut: undefined }

/** The place in its image that each pixel of a moved image comes from. */
const sourcesOf = ({ down, right, mirrored, mirrorFirst, cut }: Move, { height, width }: Dataset): Int32Array =>
  new Int32Array(height * width).map((_, k) => {
    const [y, x] = [Math.floor(k / width), k % width]
    if (cut && y >= cut[0] && y < cut[1] && x >= cut[2] && x < cut[3]) return CUT
    const row = y + down
    const column = mirrorFirst ? x + right : (mirrored ? width - 1 - x : x) + right
    if (row < 0 || row >= height || column < 0 || column >= width) return PADDING
    return row * width + (mirrorFirst && mirrored ? width - 1 - column : column)
  })

/**
 * Images of a batch, f32: (pixel - mean) / deviation of its channel, each image moved by its move. Padding is 0 before
 * it is normalised, a cut 0 after: method.md 5.4.
 */
export const normalised = (part: Part, moves?: readonly Move[]): Float32Array => {
  const { images, channels, height, width, normalisation } = part
  return scalePixels(
    images,
    { channels, area: height * width },
    normalisation,
    moves?.map(move => sourcesOf(move, part))
  )
}
