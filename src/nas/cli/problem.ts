/** What `search` and `diagnose` share: the options of a configuration, and the problem and the backend that they name. */
import { existsSync } from 'node:fs'
import { type Command, Option as CommandOption } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { type AdapterInfo, type Backend, openDevice } from '../../engine.js'
import { tablesOf } from '../bilevel.js'
import { checkCombination, checkSizes, configure, networkOf } from '../config.js'
import { augmentationOf } from '../data/augment.js'
import { parseSplit } from '../data/split.js'
import { flagName, OPTIONS, PRESETS, type Preset, type SearchConfig } from '../options.js'
import { type PrepareOptions, prepare } from '../prepare.js'
import type { Space } from '../space.js'
import { compileStep, type SearchData } from '../steps.js'
import type { Supernet } from '../supernet.js'
import { type ReadDataSet, readDataSet } from './dataset.js'
import { readText } from './files.js'
import { complain, readSpace } from './inputs.js'
import { BAD_INPUT, orRefuse, Refusal, refuse } from './refusal.js'

/** A step of at most this many operations may run on the reference where there is no adapter. */
const REFERENCE_FLOPS = 1e9

/** The options that were given, as texts. */
export interface Given {
  readonly [option: string]: string | boolean | undefined
  readonly preset: string
  readonly backend: string
  readonly adapter?: string
  readonly unfused?: boolean
  readonly verify?: boolean
  readonly json?: boolean
}

const gigaflops = (flops: number): string => `${Number((flops / 1e9).toPrecision(2))} GFLOP`

/** The adapter, or the reference: never a slower one without a word. */
export const chooseBackend = async (
  { backend, adapter, unfused, verify = false }: Given,
  net: Supernet,
  config: SearchConfig,
  data: SearchData
): Promise<Backend> => {
  if (backend === 'reference') return { kind: 'reference' }
  const opened = await openDevice(adapter === undefined ? {} : { adapter })()
  if (E.isRight(opened)) return { kind: 'gpu', device: opened.right, fused: !unfused, verify }
  if (backend === 'gpu' || adapter !== undefined || opened.left._tag !== 'NoAdapter')
    throw new Refusal(BAD_INPUT, opened.left.message)
  const counted = orRefuse(await compileStep(net, config, data)({ backend: { kind: 'reference' } })())
  const flops = counted.report.flops
  if (flops > REFERENCE_FLOPS)
    refuse(
      `a WebGPU adapter for a step of ${gigaflops(flops)}`,
      'none, and the reference backend is for steps of at most 1 GFLOP',
      'run `npm run adapter`, or wait with --backend reference'
    )
  complain(
    `No WebGPU adapter was found, so the reference backend goes on with ${gigaflops(flops)} a step; \`npm run adapter\` may find one.`
  )
  return { kind: 'reference' }
}

export const infoOf = (backend: Backend): AdapterInfo | undefined => (backend.kind === 'gpu' ? backend.device.info : undefined)

export interface Problem {
  readonly config: SearchConfig
  readonly space: Space
  readonly net: Supernet
  readonly data: SearchData
  /** Of the data set, whole. */
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

const splitOf = (split: string): NonNullable<PrepareOptions['split']> => {
  if (split === 'seeded' || split === 'file-order') return split
  if (!existsSync(split)) return refuse('--split to be seeded, file-order, or a JSON file', `'${split}'`, 'name one of these')
  return orRefuse(parseSplit(orRefuse(readText('--split', split, MOST_SPLIT_BYTES))))
}

/** What of a data set trains weights and alpha, and how its images are normalised and moved there. */
const searchDataOf = (config: SearchConfig, { skeleton: { kind } }: Space, { sources, published }: ReadDataSet): SearchData =>
  orRefuse(
    prepare(sources, {
      seed: config.seed,
      split: splitOf(config.split),
      augmentation: augmentationOf(config, sources.train, kind, published),
      ...(published ? { normalisation: published.normalisation[kind] } : {})
    })
  )

const checkBackend = (given: Given): void => {
  if (!['auto', 'gpu', 'reference'].includes(given.backend))
    refuse('--backend to be one of auto, gpu, reference', `'${given.backend}'`, 'name one of these')
  if (given.backend === 'reference' && given.adapter !== undefined)
    refuse('--adapter with --backend gpu or auto', '--backend reference, which uses none', 'leave one of them out')
  for (const flag of ['unfused', 'verify'] as const)
    if (given.backend === 'reference' && given[flag])
      refuse(`--${flag} with --backend gpu or auto`, '--backend reference, which has no kernels', 'leave one of them out')
}

/** What a search or a diagnosis is of: everything that can be refused before anything runs is refused here. */
export const setUp = async (given: Given, config = configurationOf(given), space = readSpace(config.space)): Promise<Problem> => {
  checkBackend(given)
  const dataSet = await readDataSet(config.data, config.root === '' ? undefined : config.root)
  const data = searchDataOf(config, space, dataSet)
  const net = orRefuse(networkOf(config, space, given, data.train))
  const weights = tablesOf(net).weights.size
  orRefuse(checkSizes(config, space, { train: data.train.count, valid: data.valid.count, weights }))
  return { config, space, net, data, digest: dataSet.digest }
}

export const presetTable = (): string => {
  const rows = [
    ['option', ...Object.keys(PRESETS)],
    ...OPTIONS.map(option => [flagName(option), ...Object.values(PRESETS).map(preset => String(preset[option.key]))])
  ]
  const widths = (rows[0] as string[]).map((_, i) => Math.max(...rows.map(row => (row[i] as string).length)))
  return `\nPresets (--preset):\n${rows
    .map(
      row =>
        `  ${row
          .map((cell, i) => cell.padEnd(widths[i] as number))
          .join('  ')
          .trimEnd()}`
    )
    .join('\n')}\n`
}

/** A command with the options of a search's configuration, and of where it runs. */
export const withConfiguration = (command: Command): Command => {
  command.option(
    '--preset <name>',
    'where options that are not given come from: digits, or as published paper-nb201, paper-s1 to paper-s5',
    'digits'
  )
  for (const { flag, help, usual } of OPTIONS) {
    command.addOption(new CommandOption(flag, `${help} (default: ${usual})`))
    if (typeof usual === 'boolean')
      command.addOption(new CommandOption(flag.replace('--', '--no-'), 'not so, whatever the preset'))
  }
  return command
    .option('--backend <name>', 'auto, gpu or reference', 'auto')
    .option('--adapter <name>', 'part of the name of the adapter to use')
    .option(
      '--unfused',
      'a kernel for each operation: a software adapter compiles them in a fraction of the time, and steps are slower'
    )
    .option(
      '--verify',
      'holds each kernel to the plain one of its kind as it runs, and stops at the first that differs: for an untried adapter'
    )
}
