/**
 * Random cells beside a found one: drawn from its space, and trained from scratch as it is, in networks of the search's
 * own size, on the part that trained the weights of the search; tested on the part that it never saw.
 */
import { type Key, keyOf } from '../../autodiff/threefry.js'
import type { SearchConfig } from '../configuration/options.js'
import { type DerivedNetwork, derivedNetwork } from '../genotypes/derive.js'
import { formatGenotype, type Genotype, isConnected } from '../genotypes/genotype.js'
import { foldIn } from '../method/initialise.js'
import { drawGenotype } from '../selection/magnitude.js'
import type { Space } from '../space/space.js'
import type { Supernet } from '../space/supernet.js'
import { KEYS, type SearchData } from '../steps/steps.js'
import type { TrainingData } from './data.js'
import { TRAINING_PRESETS, type TrainingConfig } from './options.js'

/** So many draws for each cell: of nearly all spaces most cells are connected. */
const DRAWS = 50

/** Random connected cells of a space, all different, and none the found one; fewer where the space has no more. */
export const baselineCells = (space: Space, key: Key, count: number, found: Genotype): readonly Genotype[] => {
  const drawn = Array.from({ length: DRAWS * count }, (_, n) => drawGenotype(space, foldIn(key, n)))
  const texts = drawn.map(formatGenotype)
  const own = formatGenotype(found)
  return drawn
    .filter((genotype, n) => isConnected(genotype) && texts[n] !== own && texts.indexOf(texts[n] as string) === n)
    .slice(0, count)
}

/** What the found cell and the random ones of a search have in common: how they are trained, and on what. */
export interface BaselinePlan {
  readonly config: TrainingConfig
  readonly data: TrainingData
  /** The found cell, then the random ones. */
  readonly cells: readonly Genotype[]
}

/** The trainings of a search's baseline: as many epochs as the search has, in networks of its channels and layers. */
export const baselinePlan = (
  config: SearchConfig,
  space: Space,
  { train, test, augmentation }: SearchData,
  found: Genotype
): BaselinePlan => {
  const { channels, layers, layersPerStage, epochs, batch, seed, data, root, imageSize, cutout } = config
  return {
    config: {
      ...TRAINING_PRESETS.small,
      ...{ channels, layers, layersPerStage, epochs, batch, seed, data, root, imageSize, cutout },
      augmentation: config.augmentation
    },
    data: { train, test, ...(augmentation ? { augmentation: augmentation.train } : {}) },
    cells: [found, ...baselineCells(space, foldIn(keyOf(seed), KEYS.baseline), config.baseline, found)]
  }
}

/** The network of a cell, of the size of a supernet. */
export const baselineNetwork = ({ config, space }: Supernet, genotype: Genotype): DerivedNetwork =>
  derivedNetwork(genotype, config, space)
