/**
 * Resources that are full: a search is given little of one, ends with a code and a sentence, leaves whole files or
 * none, and goes on to the same bits once there is enough. The disk is a real one, of so many kilobytes, where this
 * process may mount it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { asProcess, type Exit, type Fault, goOnToTheEnd, OPTIONS, told } from './runs.js'

/** What was tried: its name, how it ended, and what is wrong with that, if anything is. */
export interface Outcome {
  readonly name: string
  readonly ended: string
  readonly wrong?: string
}

const endOf = ({ code, signal }: Exit): string => signal ?? `code ${code}`

/** What is wrong with what a search left in its folder, if anything is. One that the system ended could do nothing. */
const problemOf = (out: string, { code, signal, stderr }: Exit): string | undefined => {
  if (signal !== null) return undefined
  const sentences = stderr.split('\n').filter(line => line !== '' && !line.startsWith('Warning: '))
  if (code !== 0 && sentences.some(line => /^ {4}at /.test(line))) return `a stack trace: ${stderr.slice(0, 300)}`
  if (!existsSync(out)) return undefined
  const names = [out, join(out, 'checkpoints')].flatMap(path => (existsSync(path) ? readdirSync(path) : []))
  const partial = names.find(name => name.endsWith('.part'))
  if (partial !== undefined) return `${partial} was left`
  for (const name of names.filter(one => one.endsWith('.json'))) JSON.parse(readFileSync(join(out, name), 'utf8'))
  const events = join(out, 'events.jsonl')
  const lines = existsSync(events) ? readFileSync(events, 'utf8').split('\n') : ['']
  if (lines.pop() !== '') return 'half a line of events was left'
  for (const line of lines) JSON.parse(line)
  const hasCheckpoint = existsSync(join(out, 'checkpoints')) && names.some(name => name.endsWith('.safetensors'))
  return names.length > 0 && !hasCheckpoint ? `a folder that cannot be used: ${names.join(', ')}` : undefined
}

/** A search in `out` that has little of something; then, with enough, to its end. */
const limited = async (name: string, out: string, fault: Fault, expected: unknown): Promise<Outcome> => {
  const first = await asProcess([...OPTIONS, '--out', out], fault)
  const problem = problemOf(out, first)
  if (problem !== undefined) return { name, ended: endOf(first), wrong: problem }
  await goOnToTheEnd(out)
  const isSame = isDeepStrictEqual(told(out), expected)
  rmSync(out, { recursive: true })
  return { name, ended: endOf(first), ...(isSame ? {} : { wrong: 'it came to something else' }) }
}

/** A disk of its own for a folder; undefined where this process may not mount one. */
const mounted = (folder: string, options: string): (() => void) | undefined => {
  mkdirSync(folder)
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'lambda-darts', folder])
  if (status === 0) return () => void spawnSync('umount', [folder])
  rmSync(folder, { recursive: true })
  return undefined
}

/** A search on a small disk, which then becomes large. */
const onDisk = async (name: string, folder: string, [small, large]: readonly [string, string], expected: unknown) => {
  const unmount = mounted(folder, small)
  if (!unmount) return { name, ended: 'not tried: this process may mount no disk' }
  try {
    const out = join(folder, 'run')
    const first = await asProcess([...OPTIONS, '--out', out])
    const problem = problemOf(out, first)
    const ended = endOf(first)
    if (problem !== undefined) return { name, ended, wrong: problem }
    if (first.code !== 0 && !first.stderr.includes('Wanted ')) return { name, ended, wrong: 'no sentence' }
    spawnSync('mount', ['-o', `remount,${large}`, folder])
    await goOnToTheEnd(out)
    return { name, ended, ...(isDeepStrictEqual(told(out), expected) ? {} : { wrong: 'it came to something else' }) }
  } finally {
    unmount()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What a search may have little of: a search of a run of nine steps with checkpoints of 34 kB. */
const DISKS = [4, 8, 24, 44, 48, 80, 84, 92, 100, 112].map(
  size => [`a disk of ${size} kB`, [`size=${size}k`, 'size=8m']] as const
)
const INODES = [2, 3, 4, 5, 6, 7, 8, 9, 10].map(
  count => [`a disk of ${count} files`, [`size=8m,nr_inodes=${count}`, 'size=8m,nr_inodes=1000']] as const
)
/** Files in blocks of 512 bytes; open files from a write on; memory in MiB; seconds of the processor. */
const LIMITS: readonly (readonly [string, Fault])[] = [
  ...[0, 1, 2, 4, 8, 16, 66].map(blocks => [`files of at most ${blocks} blocks`, { limit: `-f ${blocks}` }] as const),
  ...[1, 4, 8, 12, 14, 20, 40, 60, 80, 100, 104, 108, 114].map(
    at =>
      [
        `no more open files from write ${at} on`,
        { limit: '-n 512', env: { KILL_AT: String(at), KILL_WHEN: 'files' } }
      ] as const
  ),
  ...[30, 60, 90].map(
    size => [`a heap of ${size} MiB`, { env: { NODE_OPTIONS: `--max-old-space-size=${size}` } }] as const
  ),
  ...[1, 2, 3].map(seconds => [`${seconds} s of the processor`, { limit: `-t ${seconds}` }] as const)
]

/** Each resource full in turn. */
export const fullResources = async (
  folder: string,
  expected: unknown,
  isOver: () => boolean,
  tell: (outcome: Outcome) => void
): Promise<void> => {
  for (const [n, [name, sizes]] of [...DISKS, ...INODES].entries())
    if (!isOver()) tell(await onDisk(name, join(folder, `disk-${n}`), sizes, expected))
  for (const [n, [name, fault]] of LIMITS.entries())
    if (!isOver()) tell(await limited(name, join(folder, `limit-${n}`), fault, expected))
}
