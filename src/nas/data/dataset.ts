/** Labelled images as a value, and the three things that are done with them before a search: to select, to split, to standardise. */
import * as E from 'fp-ts/lib/Either.js'
import { fail } from '../../autodiff/shape.js'

export interface Dataset {
  readonly name: string
  /** `count` images, each channel by channel, row by row. */
  readonly images: Float32Array
  /** The class of each image, 0 to `classes` - 1. */
  readonly labels: Int32Array
  readonly count: number
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly classes: number
}

/** Data that cannot be used: one sentence with what was required and what was found. */
export interface DecodeError {
  readonly _tag: 'DecodeError'
  readonly message: string
}

export const decodeError = (message: string): DecodeError => ({ _tag: 'DecodeError', message })

/** The dataset of the images at `indices`, in that order; an index may occur more than once. */
export const select = (dataset: Dataset, indices: readonly number[]): Dataset => {
  const { images, labels, count, channels, height, width } = dataset
  const size = channels * height * width
  const outside = indices.find(index => !Number.isInteger(index) || index < 0 || index >= count)
  if (outside !== undefined)
    return fail('select', `indices 0 to ${count - 1} of '${dataset.name}'`, `${outside}`, 'correct the index')
  const bytes = Buffer.concat(
    indices.map(index => new Uint8Array(images.buffer, images.byteOffset + 4 * size * index, 4 * size)),
    4 * size * indices.length
  )
  return {
    ...dataset,
    // Copied once more, as Buffer gives small results a place inside a larger buffer.
    images: new Float32Array(bytes.buffer, bytes.byteOffset, size * indices.length).slice(),
    labels: Int32Array.from(indices, index => labels[index] as number),
    count: indices.length
  }
}

/** Consecutive parts of the images in the given order: the first `sizes[0]` of them, the next `sizes[1]`, ... The rest is left out. */
export const splitBy = (dataset: Dataset, order: readonly number[], sizes: readonly number[]): readonly Dataset[] => {
  const wrong = sizes.find(size => !Number.isInteger(size) || size < 0)
  if (wrong !== undefined) return fail('splitBy', 'sizes that are whole and not negative', `${wrong}`, 'correct the size')
  const starts = sizes.map((_, k) => sizes.slice(0, k).reduce((sum, size) => sum + size, 0))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total > order.length)
    return fail('splitBy', `${total} images for all parts`, `an order of ${order.length}`, 'ask for smaller parts')
  return sizes.map((size, k) => select(dataset, order.slice(starts[k], (starts[k] as number) + size)))
}

interface Moments {
  readonly mean: number
  readonly deviation: number
}

const momentsOf = ({ images, count, channels, height, width }: Dataset, channel: number): Moments => {
  const area = height * width
  const average = (f: (value: number) => number): number =>
    images.reduce((sum, value, k) => (Math.floor(k / area) % channels === channel ? sum + f(value) : sum), 0) / (count * area)
  // Counted from one of the values, so that equal values have exactly no deviation, however the sum rounds.
  const origin = images[channel * area] as number
  const mean = origin + average(value => value - origin)
  return { mean, deviation: Math.sqrt(average(value => (value - mean) ** 2)) }
}

const rescale = (dataset: Dataset, moments: readonly Moments[]): Dataset => {
  const area = dataset.height * dataset.width
  return {
    ...dataset,
    images: dataset.images.map((value, k) => {
      const { mean, deviation } = moments[Math.floor(k / area) % dataset.channels] as Moments
      return (value - mean) / deviation
    })
  }
}

/**
 * The parts with the mean of `by` subtracted and its deviation divided out, per channel: `by` is what training may see, so
 * that nothing of the other parts is learned. The deviation is that of the whole population (divided by the count).
 */
export const standardise = (by: Dataset, parts: readonly Dataset[]): E.Either<DecodeError, readonly Dataset[]> => {
  const other = parts.find(({ channels }) => channels !== by.channels)
  if (other) {
    const message = `parts of ${by.channels} channels are required, as '${by.name}' has, but '${other.name}' has ${other.channels}`
    return E.left(decodeError(message))
  }
  const moments = Array.from({ length: by.channels }, (_, channel) => momentsOf(by, channel))
  const constant = moments.findIndex(({ deviation }) => !(deviation > 0 && deviation < Infinity))
  return constant < 0
    ? E.right(parts.map(part => rescale(part, moments)))
    : E.left(
        decodeError(
          `a deviation above 0 is required to standardise by '${by.name}', but that of channel ${constant} is ${moments[constant]?.deviation}; ` +
            'take more images'
        )
      )
}
