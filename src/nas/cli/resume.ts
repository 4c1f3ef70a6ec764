/** Runs that go on: what a checkpoint is of, whether the present run is the same, and what is kept of it on the way. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import type { Backend, EngineError } from '../../engine.js'
import { type Checkpoint, type Checkpoints, differencesOf, type Json } from '../checkpoint.js'
import { configure } from '../config.js'
import type { SearchResult } from '../events.js'
import { flagName, OPTIONS, type Preset, SearchConfig } from '../options.js'
import { goingOn, type SearchStart } from '../place.js'
import type { Space } from '../space.js'
import { parseSpace } from '../spacefile.js'
import type { Supernet } from '../supernet.js'
import { infoOf } from './backend.js'
import { keepCheckpoint, removeOthers } from './checkpoints.js'
import { type RunFolder, readText } from './files.js'
import { complain, MOST_SPACE_BYTES, readSpace, version } from './inputs.js'
import type { Given, Problem } from './problem.js'
import { orRefuse, refuse } from './refusal.js'

const MOST_CONFIG_BYTES = 2 ** 20

/** What makes a run the same run. Where its data are may change: their digest tells whether they are the same. */
export const identityOf = ({ config, space, digest }: Problem, backend: Backend): Checkpoint['identity'] => {
  const { root: _, ...rest } = config
  const adapter = infoOf(backend)
  return {
    config: rest,
    space: JSON.parse(JSON.stringify(space)) as Json,
    data: digest,
    adapter: adapter ? { ...adapter } : 'reference',
    fused: backend.kind === 'gpu' ? backend.fused !== false : true,
    version: version()
  }
}

/** What `--force` may pass over: results are as good, but not the same to the bit. */
const FORCED = ['adapter', 'fused', 'version']

/** Refuses to go on with another configuration, other data, or (unless that is forced) another adapter, and names the differences. */
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
    forceable ? 'go on where it ran, or with --force, which gives other bits' : 'go on with what it had, or start a new run'
  )
}

/** The configuration of a run folder. Refused where options were given that say something else. */
export const resumedConfiguration = (path: string, given: Given): SearchConfig => {
  if (!existsSync(join(path, 'config.json')))
    refuse(
      '--resume to be the folder of a run',
      `'${path}', which has no config.json`,
      'name the folder that the run was written to'
    )
  const text = orRefuse(readText('--resume', join(path, 'config.json'), MOST_CONFIG_BYTES))
  const decoded = E.chain((value: unknown) => SearchConfig.decode(value))(
    E.tryCatch(
      () => JSON.parse(text) as unknown,
      () => []
    )
  )
  if (E.isLeft(decoded))
    return refuse('--resume to be the folder of a search', `'${path}', whose config.json is of none`, 'name another folder')
  const config = decoded.right
  if (existsSync(join(path, 'summary.json'))) {
    const summary = JSON.parse(orRefuse(readText('--resume', join(path, 'summary.json'), 2 ** 26))) as Pick<
      SearchResult,
      'stopped'
    >
    if (summary.stopped === null)
      return refuse('--resume to be a run that has not ended', `'${path}', which has`, 'look at its summary.json')
  }
  const asked = orRefuse(configure(given.preset as Preset, given))
  const changed = OPTIONS.filter(({ key }) => key !== 'root' && given[key] !== undefined && asked[key] !== config[key])
  if (changed.length > 0)
    return refuse(
      `the options that '${path}' was begun with`,
      changed.map(option => `${flagName(option)} ${asked[option.key]} for ${config[option.key]}`).join(' and '),
      'leave them away, or start a new run'
    )
  return given['root'] === undefined ? config : { ...config, root: asked.root }
}

/** The space that a run was begun with: that of its folder, where it is a user's own. */
export const resumedSpace = (path: string, { space }: SearchConfig): Space => {
  const own = join(path, 'space.json')
  return existsSync(own) ? orRefuse(parseSpace(orRefuse(readText('--resume', own, MOST_SPACE_BYTES)))) : readSpace(space)
}

/** Where a run ran, for what the options do not say. */
export const backendOptions = <G extends Given>(given: G, { identity: { adapter, fused } }: Checkpoint): G => ({
  ...given,
  backend: given.backend === 'auto' && adapter === 'reference' ? 'reference' : given.backend,
  ...(fused === false ? { unfused: true } : {})
})

/** Where a run goes on, and the seconds that it took until there. */
export interface ResumedRun {
  readonly start: SearchStart
  readonly steps: number
  readonly seconds: number
}

/** Goes back to a checkpoint: files that grew since are cut to what they were, other checkpoints but the last `most` removed. */
export const goOn = (net: Supernet, folder: RunFolder, checkpoint: Checkpoint, most: number): ResumedRun => {
  const { lengths, seconds } = checkpoint.files
  const start = orRefuse(goingOn(net, checkpoint))
  orRefuse(folder.cut(lengths))
  removeOthers(folder, checkpoint, most)
  return { start, steps: checkpoint.steps, seconds }
}

/** Keeps checkpoints in the folder: says that one is due every so many minutes. */
export const keeper = (
  folder: RunFolder,
  identity: Checkpoint['identity'],
  { minutes, most }: { readonly minutes: number; readonly most: number },
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
export const withLostDevices = async <A>(
  attempt: (backend: Backend, from: ResumedRun | undefined) => Promise<E.Either<EngineError, A>>,
  begin: { readonly backend: Backend; readonly from: ResumedRun | undefined },
  again: { readonly open: () => Promise<Backend>; readonly checkpoint: () => ResumedRun }
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
