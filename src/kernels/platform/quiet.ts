/**
 * Keeps off standard error what Dawn and drivers print there on machines that are as they should be, and nothing else.
 * They write to descriptor 2 itself, where JavaScript sees nothing, so while they are called 2 is the input of a `sed`
 * that drops those lines and writes all others where 2 pointed. What was printed before a crash arrives too: `sed`
 * outlives the process.
 *
 * Node cannot duplicate a descriptor, so libc is called through the package `koffi`, which is optional. Where it or
 * `sed` is missing, and on other systems than Linux, nothing is done.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

/** Expressions of `sed` for whole lines: Dawn holds a driver's limit to its own, and Mesa misses a desktop. */
const NOISE = [
  '/^Warning: maxDynamic[A-Za-z]*BuffersPerPipelineLayout artificially reduced from [0-9]* to [0-9]* to fit .*$/d',
  '/^error: XDG_RUNTIME_DIR is invalid or not set in the environment\\.$/d'
]

interface Libc {
  readonly dup: (descriptor: number) => number
  readonly dup2: (from: number, to: number) => number
  readonly pipe2: (ends: number[], flags: number) => number
}
/** `O_CLOEXEC` of Linux: the writing end is not for `sed`, which would wait for itself. */
const CLOSE_ON_EXEC = 0o2000000

const loadLibc = async (): Promise<Libc | undefined> => {
  // Descriptors belong to the process: two threads that change them would undo each other.
  if (process.platform !== 'linux' || !isMainThread) return undefined
  try {
    const own = (await import('koffi')).default.load(null)
    return {
      dup: own.func('int dup(int descriptor)'),
      dup2: own.func('int dup2(int from, int to)'),
      pipe2: own.func('int pipe2(_Out_ int *ends, int flags)')
    }
  } catch {
    return undefined
  }
}
let libc: Promise<Libc | undefined> | undefined

/**
 * Starts `sed`, which writes to what descriptor 2 is now: where its input is written, and when it has written all of
 * it.
 */
const startFilter = ({ pipe2 }: Libc): { readonly into: number; readonly ended: Promise<unknown> } | undefined => {
  const ends: [number, number] = [-1, -1]
  if (pipe2(ends, CLOSE_ON_EXEC) !== 0) return undefined
  const [from, into] = ends
  const child = spawn(
    'sed',
    NOISE.flatMap(expression => ['-e', expression]),
    { stdio: [from, 2, 2] }
  )
  const ended = once(child, 'close').catch(() => undefined)
  closeSync(from)
  if (child.pid !== undefined) return { into, ended }
  closeSync(into)
  return undefined
}

/** Does `work`, which has to do at once what may print, and waits for its promise. What it prints is filtered. */
export const quietly = async <A>(work: () => Promise<A>): Promise<A> => {
  libc ??= loadLibc()
  const found = await libc
  const filter = found && startFilter(found)
  if (!filter) return work()
  const before = found.dup(2)
  let result: Promise<A>
  try {
    if (before >= 0) found.dup2(filter.into, 2)
    result = work()
  } finally {
    if (before >= 0) {
      found.dup2(before, 2)
      closeSync(before)
    }
    closeSync(filter.into)
  }
  return result.finally(() => filter.ended)
}
