/** From a configuration of a training to its network and its step; what no option says by itself is refused here. */
import * as E from 'fp-ts/lib/Either.js'
import { type ImageFacts, MOST_WEIGHTS } from '../configuration/config.js'
import { flagName } from '../configuration/options.js'
import type { Dataset } from '../data/dataset.js'
import type { PublishedData } from '../data/datasets.js'
import { type InputError, inputError } from '../errors.js'
import { type DerivedNetwork, derivedNetwork, FAMILIES } from '../genotypes/derive.js'
import type { Genotype } from '../genotypes/genotype.js'
import { tablesOf } from '../method/bilevel.js'
import type { Space } from '../space/space.js'
import { networkProblem } from '../space/supernet.js'
import { TRAINING_OPTIONS, type TrainingConfig } from './options.js'
import type { TrainingStepOptions } from './step.js'

/** Options as they were given, by name. */
export type GivenOptions = Readonly<Record<string, unknown>>

/**
 * The network of a genotype in the size of a configuration. Left for options of the other family, and for images that
 * do not halve.
 */
export const trainingNetwork = (
  config: TrainingConfig,
  genotype: Genotype,
  given: GivenOptions,
  { channels: imageChannels, height, width, classNames }: ImageFacts,
  space: Space = FAMILIES[genotype.family]
): E.Either<InputError, DerivedNetwork> => {
  const { kind } = space.skeleton
  const what = genotype.family === 'darts' ? 'a DARTS genotype' : 'a cell of NAS-Bench-201'
  const foreign = TRAINING_OPTIONS.find(
    ({ key, skeleton }) => skeleton && skeleton !== kind && given[key] !== undefined
  )
  if (foreign)
    return E.left(
      inputError(
        `--layers${kind === 'stages' ? '-per-stage' : ''} for ${what}, whose network is made of ${kind}`,
        flagName(foreign),
        'give the other'
      )
    )
  if (kind === 'stages' && config.auxiliary > 0)
    return E.left(
      inputError(
        `--auxiliary 0 for ${what}, whose network has no auxiliary head`,
        String(config.auxiliary),
        'give --auxiliary 0'
      )
    )
  const [layers, size] = [kind === 'stages' ? config.layersPerStage : config.layers, [height, width] as const]
  const problem = networkProblem(space, { layers, size })
  if (problem) return E.left(inputError(`${problem.wanted} for ${what}`, problem.got, problem.cure))
  const classes = classNames.length
  return E.right(
    derivedNetwork(
      genotype,
      { channels: config.channels, layers, imageChannels, size, classes, auxiliary: config.auxiliary > 0 },
      space
    )
  )
}

/**
 * What no option says by itself: a batch must fit the data and its micro-batches, the network into memory, a cutout
 * into an image.
 */
export const checkTraining = (
  config: TrainingConfig,
  net: DerivedNetwork,
  train: Pick<Dataset, 'count' | 'height' | 'width'>
): E.Either<InputError, TrainingConfig> => {
  const { batch, accumulate, cutout } = config
  const refuse = (wanted: string, got: number, cure: string) => E.left(inputError(wanted, String(got), cure))
  const weights = tablesOf(net).weights.size
  const side = Math.min(train.height, train.width)
  if (batch > train.count)
    return refuse(`--batch of at most ${train.count}, the images that are trained on`, batch, 'choose a smaller batch')
  if (batch % accumulate !== 0 || batch / accumulate < 2)
    return refuse(
      `--accumulate to divide the batch of ${batch} into micro-batches of at least 2 images`,
      accumulate,
      'choose another number'
    )
  if (cutout >= side)
    return refuse(`--cutout below the side of the images, ${side}`, cutout, 'choose a smaller square, or 0 for none')
  return weights > MOST_WEIGHTS
    ? refuse(`a network of at most ${MOST_WEIGHTS} weights`, weights, 'choose fewer channels or cells')
    : E.right(config)
}

/** Refuses `--augmentation published` where nothing is published of a data set, if it was asked for. */
export const checkAugmentation = (
  config: TrainingConfig,
  given: GivenOptions,
  published: PublishedData | undefined
): E.Either<InputError, TrainingConfig> =>
  config.augmentation === 'published' && given['augmentation'] !== undefined && published === undefined
    ? E.left(
        inputError(
          '--augmentation standard or none for a data set that no paper moves',
          'published',
          'name one of these, or leave it out for none'
        )
      )
    : E.right(config)

/** The options of a configuration's step. */
export const trainingStepOptions = ({
  momentum,
  weightDecay,
  nesterov,
  clip,
  dropPath,
  labelSmoothing,
  auxiliary
}: TrainingConfig): TrainingStepOptions => ({
  momentum,
  weightDecay,
  nesterov,
  clip,
  dropsPaths: dropPath > 0,
  labelSmoothing,
  auxiliary
})
