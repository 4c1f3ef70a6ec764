/**
 * A configuration from options over a preset, checked against the images, the space and the method; its network and its
 * step.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Dataset } from '../data/dataset.js'
import { type InputError, inputError } from '../errors.js'
import { type StepOptions, stepBatches } from '../method/bilevel.js'
import { regularisedCells } from '../method/harmony.js'
import { METHODS, type MethodName } from '../method/methods.js'
import type { Space } from '../space/space.js'
import { networkProblem, type Supernet, supernet } from '../space/supernet.js'
import { flagName, OPTIONS, PRESETS, type Preset, parseGiven, type SearchConfig } from './options.js'

/** Fixed by the method: SGD's momentum, decay and clip, Adam's betas, epsilon and decay. */
export const FIXED = {
  momentum: 0.9,
  weightDecay: 3e-4,
  clip: 5,
  betas: [0.5, 0.999],
  adamEpsilon: 1e-8,
  alphaWeightDecay: 1e-3
} as const

/** Cells of a network, or of each of its stages. */
export const layersOf = ({ skeleton }: Space, { layers, layersPerStage }: SearchConfig): number =>
  skeleton.kind === 'stages' ? layersPerStage : layers

/** How a configuration says the size of a network. */
const layersText = ({ skeleton }: Space, config: SearchConfig): string =>
  OPTIONS.filter(option => option.skeleton === skeleton.kind)
    .map(option => `${flagName(option)} ${config[option.key]}`)
    .join(' and ')

/** What a configuration is checked against: the images of the search's two parts, and the weights of its network. */
export interface Sizes {
  readonly train: number
  readonly valid: number
  readonly weights: number
}

/** All weights are one vector, and so is their momentum: 1 GiB each. Adapters allow what they allow, mostly less. */
export const MOST_WEIGHTS = 2 ** 28

/** What no option says by itself: a batch must fit into both parts, and the network into memory. */
export const checkSizes = (
  config: SearchConfig,
  space: Space,
  { train, valid, weights }: Sizes
): E.Either<InputError, SearchConfig> => {
  const images = Math.min(train, valid)
  const { batch, channels } = config
  if (batch > images)
    return E.left(
      inputError(
        `--batch of at most ${images}, the images of the smaller search part`,
        String(batch),
        'choose a smaller batch'
      )
    )
  const taken = batch * stepBatches(config)
  if (taken > train)
    return E.left(
      inputError(
        `--inner-steps times --batch of at most ${train}, the images that train the weights`,
        `${config.innerSteps} x ${batch}`,
        'choose fewer inner steps or a smaller batch'
      )
    )
  if (weights > MOST_WEIGHTS)
    return E.left(
      inputError(
        `a network of at most ${MOST_WEIGHTS} weights`,
        `${weights} with --channels ${channels} and ${layersText(space, config)}`,
        'choose fewer'
      )
    )
  return E.right(config)
}

/** The methods that read an option; all of them read those that are not here. */
const READERS: Partial<Readonly<Record<keyof SearchConfig, readonly MethodName[]>>> = {
  derivative: ['lambda-darts'],
  epsilon0: ['lambda-darts'],
  regulariser: ['lambda-darts'],
  regulariseReduce: ['lambda-darts'],
  direction: ['lambda-darts'],
  hypergradient: ['darts2', 'idarts'],
  alignment: ['darts2', 'idarts'],
  innerSteps: ['idarts'],
  neumann: ['idarts']
}

/** Refuses an image size that was given with data whose images have one. */
export const checkImageSize = <C extends { readonly data: string }>(
  config: C,
  given: Readonly<Record<string, unknown>>
): E.Either<InputError, C> =>
  given['imageSize'] !== undefined && config.data !== 'folder'
    ? E.left(
        inputError(
          '--image-size with --data folder, whose images are resized',
          `--data ${config.data}`,
          'leave it out: images of other sets stay as they are'
        )
      )
    : E.right(config)

/** Whether an option means anything with this method, and with this way to select. */
export const isRead = (key: string, { method, select }: Pick<SearchConfig, 'method' | 'select'>): boolean =>
  READERS[key as keyof SearchConfig]?.includes(method) !== false &&
  (key === 'select' || !key.startsWith('select') || select === 'perturbation')

/** Refuses an option that was given to a method that does not read it. */
export const checkCombination = (
  config: SearchConfig,
  given: Readonly<Record<string, unknown>>
): E.Either<InputError, SearchConfig> => {
  const stray = OPTIONS.find(({ key }) => given[key] !== undefined && READERS[key]?.includes(config.method) === false)
  const strayOfSelection = OPTIONS.find(
    ({ key }) => key !== 'select' && key.startsWith('select') && given[key] !== undefined
  )
  const resized = checkImageSize(config, given)
  if (E.isLeft(resized)) return resized
  if (config.select === 'magnitude' && strayOfSelection)
    return E.left(
      inputError(
        `${flagName(strayOfSelection)} with --select perturbation`,
        '--select magnitude',
        'leave one of them out'
      )
    )
  if (config.select === 'magnitude' && config.method === 'fixed-alpha')
    return E.left(
      inputError(
        '--select perturbation with --method fixed-alpha, whose alpha says nothing',
        '--select magnitude',
        'select by perturbation, or use another method'
      )
    )
  return stray
    ? E.left(
        inputError(
          `${flagName(stray)} with --method ${READERS[stray.key]?.join(' or ')}`,
          `--method ${config.method}, which does not read it`,
          'leave one of them out'
        )
      )
    : E.right(config)
}

/** What of a data set shapes a network. */
export type ImageFacts = Pick<Dataset, 'channels' | 'height' | 'width' | 'classNames'>

/**
 * The network of a configuration. Left for options of the other family of networks, images that do not halve, too few
 * cells whose gradients could agree. `given`: the options that were given, whatever the preset says.
 */
export const searchNetwork = (
  config: SearchConfig,
  space: Space,
  given: Readonly<Record<string, unknown>>,
  { channels: imageChannels, height, width, classNames }: ImageFacts
): E.Either<InputError, Supernet> => {
  const { kind } = space.skeleton
  const foreign = OPTIONS.find(({ key, skeleton }) => skeleton && skeleton !== kind && given[key] !== undefined)
  if (foreign)
    return E.left(
      inputError(
        `--layers${kind === 'stages' ? '-per-stage' : ''} for the space ${space.name}, whose networks are made of ` +
          `${kind}`,
        flagName(foreign),
        'give the other'
      )
    )
  const layers = layersOf(space, config)
  const size = [height, width] as const
  const problem = networkProblem(space, { layers, size })
  if (problem)
    return E.left(
      inputError(`${problem.wanted} for ${space.name} with ${layersText(space, config)}`, problem.got, problem.cure)
    )
  const { channels, activation } = config
  const net = supernet(space, { channels, layers, imageChannels, size, classes: classNames.length, activation })
  const few = regularisedCells(net.cells, config.regulariseReduce).find(group => group.length < 2)
  return few
    ? E.left(
        inputError(
          `at least two cells of each regularised kind, whose gradients Λ compares, for ${space.name}`,
          `${few.length} with ${layersText(space, config)}`,
          'use more layers'
        )
      )
    : E.right(net)
}

/** A configuration of texts over a preset. The first impossible value is refused. */
export const configure = (
  preset: Preset,
  given: Readonly<Record<string, string | boolean | undefined>>
): E.Either<InputError, SearchConfig> =>
  pipe(
    parseGiven(OPTIONS, given),
    E.map(values => ({ ...PRESETS[preset], ...values }) as SearchConfig)
  )

/** The step's options. With a lambda of 0 the passes of the regulariser are not even built. */
export const stepOptions = (config: SearchConfig): StepOptions => ({
  method: config.method,
  regularised: METHODS[config.method].regularised === true && config.lambda > 0,
  derivative: config.derivative,
  regulariser: config.regulariser,
  regulariseReduce: config.regulariseReduce,
  epsilon0: config.epsilon0,
  direction: config.direction,
  hypergradient: config.hypergradient,
  innerSteps: config.innerSteps,
  neumann: config.neumann,
  alignment: config.alignment,
  momentum: FIXED.momentum,
  weightDecay: FIXED.weightDecay,
  clip: FIXED.clip,
  adam: {
    rate: config.alphaLearningRate,
    betas: FIXED.betas,
    epsilon: FIXED.adamEpsilon,
    weightDecay: FIXED.alphaWeightDecay
  },
  architectureFirst: config.architectureFirst,
  noise: config.noise,
  clipIncludesAlpha: config.clipIncludesAlpha,
  statisticsFromAllPasses: config.statistics === 'all-passes'
})
