/** The two parts of a data set that a training is of, and the batches of its epochs. */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { type Key, keyOf } from '../../autodiff/threefry.js'
import { type DecodeError, decodeError } from '../../formats/error.js'
import { type Augmentation, augmentationOf } from '../data/augment.js'
import { type Dataset, normalisationOf, type Part, range, type Sources, splitBy } from '../data/dataset.js'
import type { PublishedData } from '../data/datasets.js'
import { foldIn, permutation } from '../method/initialise.js'
import type { Skeleton } from '../space/space.js'
import type { TrainingConfig } from './options.js'

/** What a network is trained on and what it is judged by, and how images of the first are moved. */
export interface TrainingData {
  readonly train: Part
  readonly test: Part
  readonly augmentation?: Augmentation
}

/** What each of a training's keys is for. */
export const TRAINING_KEYS = { split: 0, weights: 1, order: 2, draws: 3, moves: 4, test: 5 } as const

/**
 * Training and test images; where no test part comes with the data, the last fifth in an order that the seed decides.
 */
const partsOf = ({ train, test }: Sources, seed: number): readonly [Dataset, Dataset] => {
  if (test) return [train, test]
  const fifth = Math.floor(train.count / 5)
  const order = permutation(foldIn(keyOf(seed), TRAINING_KEYS.split), train.count)
  return splitBy(train, order, [train.count - fifth, fifth]) as [Dataset, Dataset]
}

/**
 * The data of a training. Images are normalised as is published for the family, or by what the training part says. Left
 * where they do not vary.
 */
export const prepareTraining = (
  sources: Sources,
  published: PublishedData | undefined,
  config: Pick<TrainingConfig, 'augmentation' | 'cutout' | 'seed'>,
  kind: Skeleton['kind']
): E.Either<DecodeError, TrainingData> => {
  const [train, test] = partsOf(sources, config.seed)
  if (train.count === 0 || test.count === 0)
    return E.left(
      decodeError(`images to train on and to test on in '${train.name}' are required, but one part has none`)
    )
  const normalisation = published?.normalisation[kind]
  return pipe(
    normalisation ? E.right(normalisation) : normalisationOf(train),
    E.map(normalised => ({
      train: { ...train, normalisation: normalised },
      test: { ...test, normalisation: normalised },
      augmentation: augmentationOf({ ...config, augmentValidation: false }, train, kind, published).train
    }))
  )
}

/** Whole batches of an epoch; images that do not fill one wait for the next epoch, which has another order. */
export const trainingSteps = ({ batch }: Pick<TrainingConfig, 'batch'>, { train }: TrainingData): number =>
  Math.floor(train.count / batch)

/** One step: where it is, and the images of its micro-batches by their places in the training part. */
export interface TrainingItem {
  readonly epoch: number
  readonly step: number
  readonly parts: readonly (readonly number[])[]
}

/** The steps of an epoch, in an order of images that the key and the epoch decide. */
export const itemsOf = (
  config: Pick<TrainingConfig, 'batch' | 'accumulate'>,
  data: TrainingData,
  key: Key,
  epoch: number
): readonly TrainingItem[] => {
  const order = permutation(foldIn(foldIn(key, TRAINING_KEYS.order), epoch), data.train.count)
  const size = config.batch / config.accumulate
  return range(trainingSteps(config, data)).map(step => ({
    epoch,
    step,
    parts: range(config.accumulate).map(part =>
      order.slice(step * config.batch + part * size, step * config.batch + (part + 1) * size)
    )
  }))
}
