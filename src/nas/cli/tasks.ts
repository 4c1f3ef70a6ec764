/**
 * A sweep as tasks: its file, checked run by run before anything runs, and its folder, which knows what sweep it is
 * of.
 */
import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { quoted } from '../../formats/error.js'
import { OPTIONS, type SearchConfig } from '../configuration/options.js'
import {
  argumentsOf,
  type Configuration,
  differences,
  type KnownOption,
  parseSweep,
  type Run,
  runsOf,
  type Sweep
} from '../sweep/sweep.js'
import { makeFolder, readText, reasonOf, removeFolders, writeWhole } from './files.js'
import { isKnown } from './inputs.js'
import { type Given, setUp, withConfiguration } from './problem.js'
import { BAD_INPUT, orRefuse, Refusal, refuse } from './refusal.js'
import type { Task } from './runs.js'

/** Far more than ten thousand runs take. */
const MOST_SWEEP_BYTES = 2 ** 22

/** What may stand in a configuration: whatever `search` may be told of a configuration and of where it runs. */
export const knownOptions = (): readonly KnownOption[] =>
  withConfiguration(new Command())
    .options.filter(({ negate }) => !negate)
    .map(option => {
      const key = option.attributeName()
      const usual = OPTIONS.find(one => one.key === key)?.usual
      const type = usual === undefined ? (option.required ? 'string' : 'boolean') : typeof usual
      return { key, flag: option.long as string, type: type as KnownOption['type'] }
    })

/** Options that may be the path of a file or a folder. */
const PATHS = ['space', 'split', 'root']

/** Options that name files as paths that mean the same wherever a run is started. */
const withPaths = (sweep: Sweep): Sweep => ({
  ...sweep,
  configurations: sweep.configurations.map(({ name, options }) => ({
    name,
    options: Object.fromEntries(
      Object.entries(options).map(([key, value]) => {
        const isPath = PATHS.includes(key) && typeof value === 'string' && value !== '' && existsSync(value)
        return [key, isPath && !(key === 'space' && isKnown(value)) ? resolve(value) : value]
      })
    )
  }))
})

export const readSweep = (path: string): Sweep =>
  withPaths(orRefuse(parseSweep(knownOptions())(orRefuse(readText('the sweep', path, MOST_SWEEP_BYTES)))))

/** The configuration of a search as `config.json` has it, or its refusal, which names it. */
const checked = async ({ name, options }: Configuration, seed: number): Promise<SearchConfig> => {
  const texts = Object.fromEntries(
    Object.entries({ ...options, seed }).map(([key, value]) => [key, typeof value === 'number' ? String(value) : value])
  )
  const given: Given = { preset: 'digits', backend: 'auto', ...texts }
  try {
    return (await setUp(given)).config
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new Refusal(error.code, `Configuration '${name}': ${error.message}`)
  }
}

/** What says where a search runs, not what it computes. */
const PLACE = ['backend', 'adapter', 'unfused', 'verify']

/** A run of a sweep, and what makes it. */
export interface Planned {
  readonly run: Run
  readonly task: Task
}

/** All runs of a sweep with their arguments. Refused before anything runs: a configuration that cannot be. */
export const plan = async (sweep: Sweep): Promise<readonly Planned[]> => {
  const known = knownOptions()
  const configs = new Map<string, SearchConfig>()
  for (const configuration of sweep.configurations)
    configs.set(configuration.name, await checked(configuration, sweep.seeds[0] as number))
  return runsOf(sweep).map(run => {
    const place = Object.fromEntries(Object.entries(run.options).filter(([key]) => PLACE.includes(key)))
    const [, , ...placed] = argumentsOf(known)({ seed: run.seed, options: place })
    const config = { ...configs.get(run.configuration), seed: run.seed }
    return { run, task: { name: run.name, arguments: argumentsOf(known)(run), place: placed, config } }
  })
}

/** What `sweep.json` holds: the sweep, and a name that no other sweep has. */
export interface SweepRecord {
  readonly id: string
  readonly sweep: Sweep
}

/** The sweep that a folder is of; undefined if it is of none. */
export const sweepRecord = (folder: string): SweepRecord | undefined => {
  try {
    const record = JSON.parse(readFileSync(join(folder, 'sweep.json'), 'utf8'))
    return typeof record?.id === 'string' && Array.isArray(record?.sweep?.configurations) ? record : undefined
  } catch {
    return undefined
  }
}

/** Differences that a refusal tells. */
const MOST_TOLD = 5

/** Opens a new or empty folder for a sweep, or that of the same sweep, which goes on. Refused: any other. */
export const openSweepFolder = (folder: string, sweep: Sweep): SweepRecord => {
  const found = sweepRecord(folder)
  if (found) {
    const changed = differences(found.sweep, sweep)
    if (changed.length > 0) {
      const more = changed.length > MOST_TOLD ? ` and ${changed.length - MOST_TOLD} more` : ''
      refuse(
        `the sweep that '${folder}' is of`,
        `another (${changed.slice(0, MOST_TOLD).map(quoted).join(', ')}${more})`,
        'take a new folder, or the file as it was'
      )
    }
    return found
  }
  const wanted = '--out to be a new or empty folder, or that of the same sweep'
  let made: readonly string[] = []
  try {
    if (folder.trim() === '' || (existsSync(folder) && readdirSync(folder).length > 0))
      refuse(wanted, `'${folder}'${folder.trim() === '' ? '' : ', which holds other files'}`, 'choose another folder')
    made = makeFolder(folder)
    const record = { id: randomUUID(), sweep }
    writeWhole(join(folder, 'sweep.json'), `${JSON.stringify(record, null, 2)}\n`)
    return record
  } catch (reason) {
    removeFolders(made)
    if (reason instanceof Refusal) throw reason
    throw new Refusal(BAD_INPUT, `Wanted ${wanted}, but got '${folder}' (${reasonOf(reason)}): choose another folder.`)
  }
}
