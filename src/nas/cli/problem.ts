/**
 * What `search` and `diagnose` share: the options of a configuration, and the problem and the backend that they name.
 */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Backend } from '../../engine/index.js'
import { checkCombination, checkSizes, configure, searchNetwork } from '../configuration/config.js'
import { OPTIONS, PRESETS, type Preset, type SearchConfig } from '../configuration/options.js'
import { augmentationOf } from '../data/augment.js'
import { digestOf } from '../data/digest.js'
import { parseSplit } from '../data/split.js'
import { tablesOf } from '../method/bilevel.js'
import type { Space } from '../space/space.js'
import type { Supernet } from '../space/supernet.js'
import { type PrepareSearchOptions, prepareSearch } from '../steps/prepare.js'
import { compileStep, type SearchData } from '../steps/steps.js'
import { checkBackend, type GivenBackend, openBackend, withBackend } from './backend.js'
import { type ReadDataSet, readDataSet } from './dataset.js'
import { readText } from './files.js'
import { readSpace } from './inputs.js'
import { withOptions } from './presets.js'
import { orRefuse, refuse } from './refusal.js'

/** The options that were given, as texts. */
export interface Given extends GivenBackend {
  readonly preset: string
  readonly json?: boolean
}

/** The adapter, or the reference, if the step of a search is small. */
export const chooseBackend = (given: Given, net: Supernet, config: SearchConfig, data: SearchData): Promise<Backend> =>
  openBackend(
    given,
    async () => orRefuse(await compileStep(net, config, data)({ backend: { kind: 'reference' } })()).report
  )

export interface Problem {
  readonly config: SearchConfig
  readonly space: Space
  readonly net: Supernet
  readonly data: SearchData
  /** Of the data set, whole; and of its parts, where a file says which they are. */
  readonly digest: string
}

/** The configuration that options over a preset name. */
export const configurationOf = (given: Given): SearchConfig => {
  if (!Object.hasOwn(PRESETS, given.preset))
    refuse(`--preset to be one of ${Object.keys(PRESETS).join(', ')}`, `'${given.preset}'`, 'name one of these')
  const preset = given.preset as Preset
  const config = orRefuse(configure(preset, given))
  if (preset !== 'digits' && config.epochs === 1 && config.lambda > 0)
    refuse(
      `at least 2 epochs with --preset ${preset}, whose lambda grows as e / (epochs - 1)`,
      '1',
      'use more epochs, or the preset digits'
    )
  orRefuse(checkCombination(config, given))
  return config
}

/** Far more than the split of any data set takes. */
const MOST_SPLIT_BYTES = 2 ** 26

const splitOf = (split: string): NonNullable<PrepareSearchOptions['split']> => {
  if (split === 'seeded' || split === 'file-order') return split
  if (!existsSync(split))
    return refuse('--split to be seeded, file-order, or a JSON file', `'${split}'`, 'name one of these')
  return orRefuse(parseSplit(orRefuse(readText('--split', split, MOST_SPLIT_BYTES))))
}

/** What of a data set trains weights and alpha, and how its images are normalised and moved there. */
const searchDataOf = (
  config: SearchConfig,
  { skeleton: { kind } }: Space,
  { sources, published }: ReadDataSet
): SearchData =>
  orRefuse(
    prepareSearch(sources, {
      seed: config.seed,
      split: splitOf(config.split),
      augmentation: augmentationOf(config, sources.train, kind, published),
      ...(published ? { normalisation: published.normalisation[kind] } : {})
    })
  )

/** What a search or a diagnosis is of: everything that can be refused before anything runs is refused here. */
export const setUp = async (
  given: Given,
  config = configurationOf(given),
  space = readSpace(config.space)
): Promise<Problem> => {
  checkBackend(given)
  const dataSet = await readDataSet(config.data, config.root === '' ? undefined : config.root, config.imageSize)
  const data = searchDataOf(config, space, dataSet)
  const net = orRefuse(searchNetwork(config, space, given, data.train))
  const weights = tablesOf(net).weights.size
  orRefuse(checkSizes(config, space, { train: data.train.count, valid: data.valid.count, weights }))
  const parts = existsSync(config.split) ? `, in parts ${digestOf({ train: data.train, test: data.valid })}` : ''
  return { config, space, net, data, digest: `${dataSet.digest}${parts}` }
}

/** A command with the options of a search's configuration, and of where it runs. */
export const withConfiguration = (command: Command): Command =>
  withBackend(
    withOptions(
      command.option(
        '--preset <name>',
        'where options that are not given come from: digits, or as published paper-nb201, paper-s1 to paper-s5',
        'digits'
      ),
      OPTIONS
    )
  )
