/**
 * Runs of a sweep: each a search in a process and a folder of its own, begun or gone on with, whoever was at it
 * before.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as E from 'fp-ts/lib/Either.js'
import { type InputError, inputError } from '../errors.js'
import { decodeJson } from '../space/spacefile.js'
import { RunSummary } from '../sweep/sweepreport.js'
import { checkpointNames } from './checkpoints.js'
import { CHECKPOINTS } from './files.js'
import { besideThis, GUARD, type Guarded } from './guard.js'
import type { Interruption } from './interruption.js'
import { LOCK, lockHolder } from './lock.js'
import { DONE, INTERRUPTED } from './refusal.js'
import { type Holder, releaseLock, takeLock } from './runlock.js'

/** All that is needed to make a run, on any host that sees the folder of its sweep. */
export interface Task {
  readonly name: string
  /** Arguments of `search` without its folder, and those that a search goes on with. */
  readonly arguments: readonly string[]
  readonly place: readonly string[]
  /** What `config.json` of this run says. */
  readonly config: Readonly<Record<string, unknown>>
}

/** How a run ended. */
export type Outcome =
  | { readonly kind: 'done'; readonly summary: RunSummary }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'interrupted' }

const failed = (message: string): Outcome => ({ kind: 'failed', message })

export const runFolder = (sweep: string, name: string): string => join(sweep, 'runs', name)

/** Text of another process as a part of a sentence: one line, bounded, no control characters. */
const lineOf = (text: string): string => {
  const line = text.replaceAll(/\p{Cc}+/gu, ' ').trim()
  return line.length > 500 ? `${line.slice(0, 500)}...` : line
}

const summaryAt = (path: string): E.Either<InputError, RunSummary> => {
  const read = decodeJson(RunSummary, 'a summary')(readFileSync(path, 'utf8'))
  return E.mapLeft(({ message }: InputError) =>
    inputError('the summary of a run', `'${path}' (${message.replace(/\.$/, '')})`, 'remove the folder of the run')
  )(read)
}

const namesIn = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : [])

/** What a run has left in its folder: how it ended, or whether it can go on, or has to be begun. */
export const stateOf = (folder: string): Outcome | { readonly kind: 'open'; readonly canResume: boolean } => {
  const summary = join(folder, 'summary.json')
  if (existsSync(summary)) {
    const read = summaryAt(summary)
    if (E.isLeft(read)) return failed(read.left.message)
    const { stopped } = read.right
    if (stopped === null) return { kind: 'done', summary: read.right }
    if (stopped.reason === 'non-finite') return failed(lineOf(stopped.message ?? 'A loss was not finite.'))
  }
  return { kind: 'open', canResume: checkpointNames(folder).length > 0 }
}

/** The files of a search that it may have left without a checkpoint. */
const OWN_FILES = [
  'config.json',
  'space.json',
  'events.jsonl',
  'events.out.tfevents',
  'genotype.txt',
  'summary.json',
  'report.html',
  CHECKPOINTS,
  LOCK
]

/** Removes what a run left before its first checkpoint; refused if not all of it is this run's. */
const clear = (folder: string, { config }: Task): E.Either<InputError, void> => {
  const names = namesIn(folder)
  const foreign = (got: string) =>
    E.left(inputError('a folder of this run, or none', `'${folder}' with ${got}`, 'move it away'))
  const other = names.find(name => !OWN_FILES.includes(name.replace(/\.part$/, '')))
  if (other !== undefined) return foreign(`'${lineOf(other)}'`)
  if (names.includes('config.json')) {
    const found: unknown = E.toUnion(
      E.tryCatch(
        () => JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')),
        () => null
      )
    )
    const isOwn = Object.entries(config).every(
      ([key, value]) => (found as Record<string, unknown> | null)?.[key] === value
    )
    if (!isOwn) return foreign('another configuration')
  }
  rmSync(folder, { recursive: true, force: true })
  return E.right(undefined)
}

/** How this program is started: from its sources by tsx in a checkout, as JavaScript where it is installed. */
const program = (): readonly string[] => {
  const main = besideThis('../main')
  const loader = () => ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href]
  return [...(main.pathname.endsWith('.ts') ? loader() : []), fileURLToPath(main)]
}

/** The last lines of a process' standard error are enough to say why it ended. */
const MOST_STDERR = 1 << 16

/**
 * The last line of the program itself: warnings of a driver, which no program can catch, and what Node adds to a
 * failure are left out.
 */
const lastLine = (stderr: string): string =>
  lineOf(
    stderr
      .split('\n')
      .filter(line => line.trim() !== '' && !/^Warning: |^\s|^[{}]|^Node\.js v|^Emitted /.test(line))
      .at(-1) ?? 'nothing was said'
  )

/** The end of a process: its code or signal, and what it said last. */
const ended = (child: ChildProcess): Promise<{ readonly code: number | null; readonly line: string }> =>
  new Promise(resolve => {
    let stderr = ''
    child.stderr?.on('data', text => {
      stderr = (stderr + String(text)).slice(-MOST_STDERR)
    })
    child.on('error', ({ message }) => resolve({ code: null, line: lineOf(message) }))
    child.on('close', (code, signal) =>
      resolve({ code, line: signal ? `it was ended by ${signal}` : lastLine(stderr) })
    )
  })

/** Runs a search as a process; an interruption reaches it as SIGTERM, a second one too, which it does not survive. */
const searchProcess = async (
  given: readonly string[],
  guarded: Omit<Guarded, 'parent'>,
  ending: Interruption
): Promise<{ readonly code: number | null; readonly line: string }> => {
  const env = { ...process.env, [GUARD]: JSON.stringify({ ...guarded, parent: process.pid } satisfies Guarded) }
  // A group of its own: Ctrl-C in a terminal reaches the whole group, and a search ends at once at a second signal.
  const child = spawn(process.execPath, [...program(), 'search', ...given, '--quiet', '--no-report'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    env
  })
  const stop = ending.each(() => child.kill('SIGTERM'))
  try {
    return await ended(child)
  } finally {
    stop()
  }
}

export interface Performing {
  readonly ending: Interruption
  /** Milliseconds without a sign of life after which another process counts as lost. */
  readonly lostAfter: number
  /** Told when a process begins, or when another one is waited for. */
  readonly began?: (how: 'anew' | 'again') => void
  readonly waiting?: (holder: Holder) => void
}

/** Removes the lock of a search that was lost with its lock of the run: on another host it would count for minutes. */
const unlock = (folder: string, lost: readonly Holder[]): void => {
  const holder = lockHolder(folder)
  if (holder && lost.some(({ host, pid }) => host === holder.host && pid === holder.pid))
    rmSync(join(folder, LOCK), { force: true })
}

const performLocked = async (
  sweep: string,
  task: Task,
  { ending, lostAfter, began }: Performing,
  guarded: { readonly lock: string; readonly token: string },
  lost: readonly Holder[]
): Promise<Outcome> => {
  const folder = runFolder(sweep, task.name)
  const state = stateOf(folder)
  if (state.kind !== 'open') return state
  unlock(folder, lost)
  if (!state.canResume) {
    const cleared = clear(folder, task)
    if (E.isLeft(cleared)) return failed(cleared.left.message)
  }
  began?.(state.canResume ? 'again' : 'anew')
  const given = state.canResume ? ['--resume', folder, ...task.place] : [...task.arguments, '--out', folder]
  const { code, line } = await searchProcess(given, { ...guarded, lostAfter }, ending)
  if (code === INTERRUPTED) return ending.happened() ? { kind: 'interrupted' } : failed('it was interrupted by another')
  if (code !== DONE) return ending.happened() && code === null ? { kind: 'interrupted' } : failed(line)
  const after = stateOf(folder)
  return after.kind === 'open' ? failed('it ended without a summary') : after
}

/**
 * Makes a run in the folder of its sweep: what is done is kept, what was interrupted goes on from its newest
 * checkpoint, anything else of this run is begun again. Only one process at a time is at a run; others wait for it.
 */
export const perform = async (sweep: string, task: Task, performing: Performing): Promise<Outcome> => {
  const lock = join(sweep, 'locks', `${task.name}.lock`)
  mkdirSync(dirname(lock), { recursive: true })
  const { lostAfter, ending, waiting } = performing
  const taken = await takeLock(lock, lostAfter, ending.happened, waiting)
  if (!taken) return { kind: 'interrupted' }
  const { token, lost } = taken
  try {
    return await performLocked(sweep, task, performing, { lock, token }, lost)
  } finally {
    releaseLock(lock, token)
  }
}
