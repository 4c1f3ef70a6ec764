/** Random moves of images, from a key: a crop of the padded image, a flip, a cutout. */
import { type Key, randomWords, uniformOf } from '../../autodiff/threefry.js'
import type { Skeleton } from '../space/space.js'
import type { Dataset, Move } from './dataset.js'
import type { PublishedData } from './datasets.js'

/** How images are moved before each step: crop, mirror, cutout. */
export interface Augmentation {
  /** Zeros around an image before a window of its size is taken; 0: no crop. */
  readonly padding: number
  /** Whether half of the images are mirrored, left to right. */
  readonly flip: boolean
  /** NAS-Bench-201 mirrors, then crops; DARTS crops, then mirrors. */
  readonly mirrorFirst: boolean
  /**
   * Side of the square that is set to 0, its centre anywhere in the image (DeVries & Taylor, 2017, arXiv 1708.04552);
   * 0: none.
   */
  readonly cutout: number
  /** How likely an image has one. */
  readonly cutoutProbability: number
}

/** Images as they are. */
export const NO_AUGMENTATION: Augmentation = {
  padding: 0,
  flip: false,
  mirrorFirst: false,
  cutout: 0,
  cutoutProbability: 1
}

/** What a configuration says of moves, for images of a data set and a family of networks. */
export interface AugmentationOptions {
  readonly augmentation: 'published' | 'standard' | 'none'
  readonly augmentValidation: boolean
  readonly cutout: number
}

/**
 * How images that train weights and alpha are moved: as is published of the data set, by an eighth of their side, or
 * not.
 */
export const augmentationOf = (
  { augmentation, augmentValidation, cutout }: AugmentationOptions,
  { height, width }: Pick<Dataset, 'height' | 'width'>,
  kind: Skeleton['kind'],
  published: PublishedData | undefined
): { readonly train: Augmentation; readonly valid: Augmentation } => {
  const { padding, flip } = {
    published: published ?? NO_AUGMENTATION,
    standard: { padding: Math.round(Math.min(height, width) / 8), flip: true },
    none: NO_AUGMENTATION
  }[augmentation]
  const train = { padding, flip, mirrorFirst: kind === 'stages', cutout, cutoutProbability: 1 }
  return { train, valid: augmentValidation ? train : NO_AUGMENTATION }
}

/** Words of a key that an image's move takes. */
const WORDS = 6

/** A whole number of 0 to `below` - 1. */
const wholeBelow = (word: number, below: number): number => Math.floor(uniformOf(word) * below)

const clamped = (value: number, most: number): number => Math.min(Math.max(value, 0), most)

/** The moves of `count` images of a size. Equal keys give equal moves; nothing to move gives none. */
export const movesOf = (
  { padding, flip, mirrorFirst, cutout, cutoutProbability }: Augmentation,
  { height, width }: Pick<Dataset, 'height' | 'width'>,
  count: number,
  key: Key
): readonly Move[] | undefined => {
  if (padding === 0 && !flip && cutout === 0) return undefined
  const words = randomWords(key, WORDS * count)
  return Array.from({ length: count }, (_, i): Move => {
    const word = (n: number): number => words[WORDS * i + n] as number
    const [y, x] = [wholeBelow(word(4), height), wholeBelow(word(5), width)]
    const half = Math.floor(cutout / 2)
    return {
      down: wholeBelow(word(0), 2 * padding + 1) - padding,
      right: wholeBelow(word(1), 2 * padding + 1) - padding,
      mirrored: flip && uniformOf(word(2)) < 0.5,
      mirrorFirst,
      cut:
        cutout > 0 && uniformOf(word(3)) < cutoutProbability
          ? [clamped(y - half, height), clamped(y + half, height), clamped(x - half, width), clamped(x + half, width)]
          : undefined
    }
  })
}
