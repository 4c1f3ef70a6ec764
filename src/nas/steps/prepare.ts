/**
 * From a data set to the three parts of a search: one trains the weights, one alpha, and the test is looked at when the
 * search is over.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { keyOf } from '../../autodiff/threefry.js'
import { type DecodeError, decodeError } from '../../formats/error.js'
import {
  type Dataset,
  type Normalisation,
  normalisationOf,
  type Part,
  range,
  type Sources,
  type SplitIndices,
  splitBy,
  subset
} from '../data/dataset.js'
import { foldIn, permutation } from '../method/initialise.js'
import type { SearchData } from './steps.js'

/** How a data set becomes the parts of a search. */
export interface PrepareSearchOptions {
  readonly seed: number
  /**
   * Halves in an order that the seed decides (the default), halves of the file's order (as DARTS), or named images (as
   * NAS-Bench-201).
   */
  readonly split?: 'seeded' | 'file-order' | SplitIndices
  /** As published; what is measured on the images that train the weights, if it does not say. */
  readonly normalisation?: Normalisation
  readonly augmentation?: SearchData['augmentation']
}

/** Images named by a split that are not there, or that are in both parts, in words. */
const splitProblem = ({ train, valid }: SplitIndices, count: number): string | undefined => {
  const all = [...train, ...valid]
  const outside = all.find(index => !Number.isInteger(index) || index < 0 || index >= count)
  if (outside !== undefined) return `it names ${outside} of ${count}`
  return new Set(all).size < all.length ? 'it names one twice' : undefined
}

/**
 * The parts of a data set: halves of its training images and its test images; two fifths, two fifths and a fifth where
 * it has no test images.
 */
const partsOf = (
  { train, test }: Sources,
  { seed, split = 'seeded' }: PrepareSearchOptions
): E.Either<DecodeError, readonly [Dataset, Dataset, Dataset]> => {
  if (typeof split === 'object') {
    const problem = splitProblem(split, train.count)
    if (problem !== undefined)
      return E.left(
        decodeError(`a split into images of '${train.name}', each in one part, is required, but ${problem}`)
      )
  }
  const order = split === 'seeded' ? permutation(foldIn(keyOf(seed), 0), train.count) : range(train.count)
  if (test) {
    const half = Math.floor(train.count / 2)
    const [first, second] =
      typeof split === 'object'
        ? [subset(train, split.train), subset(train, split.valid)]
        : (splitBy(train, order, [half, train.count - half]) as [Dataset, Dataset])
    return E.right([first, second, test])
  }
  if (typeof split === 'object')
    return E.left(decodeError(`test images in '${train.name}' are required where a split is given, but there are none`))
  const fifth = Math.floor(train.count / 5)
  return E.right(splitBy(train, order, [2 * fifth, 2 * fifth, train.count - 4 * fifth]) as [Dataset, Dataset, Dataset])
}

/** The parts of a search. Left where images do not vary, or a split names images that are not there. */
export const prepareSearch = (sources: Sources, options: PrepareSearchOptions): E.Either<DecodeError, SearchData> =>
  pipe(
    partsOf(sources, options),
    E.chain(([train, valid, test]) => {
      const empty = [train, valid, test].find(({ count }) => count === 0)
      if (empty)
        return E.left(decodeError(`images in all three parts of '${train.name}' are required, but one has none`))
      return pipe(
        options.normalisation ? E.right(options.normalisation) : normalisationOf(train),
        E.map((normalisation): SearchData => {
          const part = (dataset: Dataset): Part => ({ ...dataset, normalisation })
          const { augmentation } = options
          return { train: part(train), valid: part(valid), test: part(test), ...(augmentation ? { augmentation } : {}) }
        })
      )
    })
  )
