/**
 * What keeps a search that a sweep or a worker has started from outliving it, and from writing a folder that another
 * has taken: a thread, which a long step does not stop, ends the process at once when the process that started it is
 * gone, or when the lock of its folder is no longer its own.
 */
import { Worker, type WorkerOptions } from 'node:worker_threads'
import { FAILED } from './refusal.js'
import { isGone, readLock } from './runlock.js'

/** The variable of the environment that says whose child a process is. */
export const GUARD = 'LAMBDA_DARTS_GUARD'

export interface Guarded {
  /** The process that started it. */
  readonly parent: number
  readonly lock: string
  readonly token: string
  /** Milliseconds after which others take a lock without beats. */
  readonly lostAfter: number
}

/** A module beside this one, as it is called in a checkout and in the package. */
export const besideThis = (name: string): URL =>
  new URL(`${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** Whether the process still has its parent and its lock; throws if the lock cannot be read now. */
export const isOurs = ({ parent, lock, token }: Guarded): boolean =>
  process.ppid === parent && !isGone(parent) && readLock(lock)?.token === token

/** A thread of a module beside this one: threads of Node 20 do not know the loader of the process. */
const thread = (name: string, options: WorkerOptions): Worker => {
  const module = besideThis(name)
  if (module.pathname.endsWith('.js')) return new Worker(module, options)
  const [loader, source] = [import.meta.resolve('tsx/esm/api'), module.href].map(url => JSON.stringify(url))
  return new Worker(`import(${loader}).then(({ register }) => (register(), import(${source})))`, {
    ...options,
    eval: true
  })
}

/** Starts the guard of a process that is guarded, and does nothing in others. */
export const startGuard = (): void => {
  const text = process.env[GUARD]
  if (text === undefined) return
  delete process.env[GUARD]
  const guarded: Guarded = JSON.parse(text)
  if (!isOurs(guarded)) process.exit(FAILED)
  thread('./guardian', { workerData: guarded }).unref()
}
