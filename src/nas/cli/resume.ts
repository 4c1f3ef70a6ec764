/** Runs that go on: what a checkpoint is of, whether the present run is the same, and what is kept of it on the way. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts/lib/index.js'
import type { Backend, EngineError } from '../../engine/index.js'
import type { DecodeError } from '../../formats/error.js'
import { flagName, parseOption } from '../configuration/options.js'
import { type Checkpoint, type Checkpoints, differencesOf } from '../run/checkpoint.js'
import type { Space } from '../space/space.js'
import { parseSpace } from '../space/spacefile.js'
import { type GivenBackend, infoOf } from './backend.js'
import { keepCheckpoint, removeOthers } from './checkpoints.js'
import { type RunFolder, readText } from './files.js'
import { MOST_SPACE_BYTES, version } from './inputs.js'
import { complain } from './outputs.js'
import { orRefuse, refuse } from './refusal.js'

/** A summary has the mixtures of each edge; a configuration has less. */
const MOST_JSON_BYTES = 2 ** 26

/**
 * What makes a run the same run: its configuration, all else that it is of, and where it runs. Where its data are may
 * change: `of` has their digest.
 */
export const identityOf = (
  { root: _, ...config }: RunConfig,
  of: Readonly<Record<string, unknown>>,
  backend: Backend
): Checkpoint['identity'] => {
  const adapter = infoOf(backend)
  const identity = {
    config,
    ...of,
    adapter: adapter ?? 'reference',
    fused: backend.kind === 'gpu' ? backend.fused !== false : true,
    version: version()
  }
  // As it comes back from a file: what is undefined is not there.
  return JSON.parse(JSON.stringify(identity))
}

/** What `--force` may pass over: results are as good, but not the same to the bit. */
const FORCED = ['adapter', 'fused', 'version']

/**
 * Refuses to go on with another configuration, other data, or (unless that is forced) another adapter, and names the
 * differences.
 */
export const checkIdentity = ({ identity }: Checkpoint, here: Checkpoint['identity'], force: boolean): void => {
  const compared = Object.keys(here).filter(key => !(force && FORCED.includes(key)))
  const differences = compared.flatMap(key => differencesOf(identity[key] ?? null, here[key] ?? null, key))
  if (differences.length === 0) return
  const forceable = compared.every(
    key => FORCED.includes(key) || differencesOf(identity[key] ?? null, here[key] ?? null).length === 0
  )
  refuse(
    'a run like that of its checkpoint',
    `differences (${differences.join('; ')})`,
    forceable
      ? 'go on where it ran, or with --force, which gives other bits'
      : 'go on with what it had, or start a new run'
  )
}

/** A configuration: the values of a table of options, among them where its data are. */
export interface RunConfig {
  readonly root: string
}

/** How the configuration of a command is read back: from JSON, and from the options that were given. */
export interface ConfigReader<C extends RunConfig> {
  /** `search`, `training`. */
  readonly what: string
  readonly decode: (json: unknown) => E.Either<unknown, C>
  readonly options: readonly { readonly key: string & keyof C; readonly flag: string }[]
  readonly configure: (given: GivenBackend) => E.Either<{ readonly message: string }, C>
}

/** JSON of a file in a run folder; undefined if it is none. */
export const readJson = (path: string): unknown => {
  const text = orRefuse(readText('the folder of a run', path, MOST_JSON_BYTES))
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The summary of a run folder; nothing where it has none yet. */
export const readSummary = (path: string): unknown => {
  const summary = join(path, 'summary.json')
  return existsSync(summary) ? readJson(summary) : undefined
}

/** Whether a summary is of a run that came to its end: it was not stopped. */
export const isEnd = (summary: unknown): boolean => t.type({ stopped: t.null }).is(summary)

/** The configuration of a run folder. Refused where options were given that say something else. */
export const resumedConfiguration = <C extends RunConfig>(
  path: string,
  given: GivenBackend,
  reader: ConfigReader<C>
): C => {
  const file = join(path, 'config.json')
  if (!existsSync(file))
    refuse(
      '--resume to be the folder of a run',
      `'${path}', which has no config.json`,
      'name the folder that the run was written to'
    )
  const decoded = reader.decode(readJson(file))
  if (E.isLeft(decoded))
    return refuse(
      `--resume to be the folder of a ${reader.what}`,
      `'${path}', whose config.json is of none`,
      'name another folder'
    )
  if (isEnd(readSummary(path)))
    return refuse('--resume to be a run that has not ended', `'${path}', which has`, 'look at its summary.json')
  const [config, asked] = [decoded.right, orRefuse(reader.configure(given))]
  const changed = reader.options.filter(
    ({ key }) => key !== 'root' && given[key] !== undefined && asked[key] !== config[key]
  )
  if (changed.length > 0)
    return refuse(
      `the options that '${path}' was begun with`,
      changed.map(option => `${flagName(option)} ${asked[option.key]} for ${config[option.key]}`).join(' and '),
      'leave them away, or start a new run'
    )
  return given['root'] === undefined ? config : { ...config, root: asked.root }
}

/** The user's own space that a run folder holds, if it does. */
export const ownSpace = (path: string): Space | undefined => {
  const own = join(path, 'space.json')
  return existsSync(own)
    ? orRefuse(parseSpace(orRefuse(readText('the folder of a run', own, MOST_SPACE_BYTES))))
    : undefined
}

/** Where a run ran, for what the options do not say. */
export const backendOptions = <G extends GivenBackend>(given: G, { identity: { adapter, fused } }: Checkpoint): G => ({
  ...given,
  backend: given.backend === 'auto' && adapter === 'reference' ? 'reference' : given.backend,
  ...(fused === false ? { unfused: true } : {})
})

/** Where a run goes on: `start` as it was kept, and the steps and seconds that it took until there. */
export interface Resumed<S> {
  readonly start: S
  readonly steps: number
  readonly seconds: number
}

/**
 * Goes back to a checkpoint: files that grew since are cut to what they were, other checkpoints but the last `most`
 * removed.
 */
export const goOn = <S>(
  folder: RunFolder,
  checkpoint: Checkpoint,
  most: number,
  startOf: (checkpoint: Checkpoint) => E.Either<DecodeError, S>
): Resumed<S> => {
  const { lengths, seconds } = checkpoint.files
  const start = orRefuse(startOf(checkpoint))
  orRefuse(folder.cut(lengths))
  removeOthers(folder, checkpoint, most)
  return { start, steps: checkpoint.steps, seconds }
}

/** The options of what is kept. */
const KEEPING = {
  minutes: {
    flag: '--checkpoint-minutes <x>',
    help: 'keeps a checkpoint this often, beside that of each epoch',
    least: 0
  },
  most: { flag: '--keep-checkpoints <n>', help: 'how many of the last checkpoints stay', least: 1, whole: true }
} as const

export interface Keeping {
  readonly minutes: number
  readonly most: number
}

export interface GivenKeeping {
  readonly resume?: string
  readonly force?: boolean
  readonly checkpointMinutes: string
  readonly keepCheckpoints: string
}

export const keepingOf = ({ checkpointMinutes, keepCheckpoints }: GivenKeeping): Keeping => ({
  minutes: orRefuse(parseOption(KEEPING.minutes, checkpointMinutes)) as number,
  most: orRefuse(parseOption(KEEPING.most, keepCheckpoints)) as number
})

/** A command whose runs go on. */
export const withKeeping = (command: Command): Command =>
  command
    .option('--resume <folder>', 'goes on with the run of a folder where its last checkpoint is, to the same bits')
    .option('--force', 'with --resume: on another adapter or version, though the bits will differ')
    .option(KEEPING.minutes.flag, KEEPING.minutes.help, '10')
    .option(KEEPING.most.flag, KEEPING.most.help, '2')

/** Keeps checkpoints in the folder: says that one is due every so many minutes. */
export const keeper = (
  folder: RunFolder,
  identity: Checkpoint['identity'],
  { minutes, most }: Keeping,
  seconds: () => number
): Checkpoints => {
  const last = { seconds: seconds() }
  return {
    due: () => seconds() - last.seconds >= 60 * minutes,
    keep: snapshot => () => {
      keepCheckpoint(folder, { ...snapshot, identity, files: { lengths: folder.lengths(), seconds: seconds() } }, most)
      last.seconds = seconds()
    }
  }
}

/** A device that is lost this often without a new checkpoint in between is not opened again. */
const MOST_LOSSES = 3

/** Runs; where the device was lost, opens it again and goes on from the last checkpoint. */
export const withLostDevices = async <A, S>(
  attempt: (backend: Backend, from: Resumed<S> | undefined) => Promise<E.Either<EngineError, A>>,
  begin: { readonly backend: Backend; readonly from: Resumed<S> | undefined },
  again: { readonly open: () => Promise<Backend>; readonly checkpoint: () => Resumed<S> }
): Promise<E.Either<EngineError, A>> => {
  let { backend, from } = begin
  for (let losses = 1; ; losses++) {
    const result = await attempt(backend, from)
    if (E.isRight(result) || result.left._tag !== 'DeviceLost' || losses > MOST_LOSSES) return result
    complain(result.left.message)
    const next = again.checkpoint()
    if (next.steps > (from?.steps ?? 0)) losses = 0
    from = next
    backend = await again.open()
    complain(`The device was opened again, and the run goes on from its checkpoint after ${from.steps} steps.`)
  }
}
