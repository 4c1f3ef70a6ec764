/** From a data set to the three parts of a search: two fifths train the weights, two fifths alpha, one fifth is the test. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { keyOf } from '../autodiff/ops/random.js'
import { type Dataset, type DecodeError, splitBy, standardise } from './data/dataset.js'
import { foldIn, permutation } from './initialise.js'
import type { SearchData } from './steps.js'

/** Split by a key made of the seed, standardised with the training part's mean and deviation. */
export const prepare = (dataset: Dataset, seed: number): E.Either<DecodeError, SearchData> => {
  const fifth = Math.floor(dataset.count / 5)
  const sizes = [2 * fifth, 2 * fifth, dataset.count - 4 * fifth]
  const parts = splitBy(dataset, permutation(foldIn(keyOf(seed), 0), dataset.count), sizes) as [Dataset, Dataset, Dataset]
  return pipe(
    standardise(parts[0], parts),
    E.map(([train, valid, test]) => ({ train, valid, test }) as SearchData)
  )
}
