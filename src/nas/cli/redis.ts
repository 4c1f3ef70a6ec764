/**
 * The queue of runs in Redis, by BullMQ: packages that are installed for this alone, and are loaded only where it is
 * asked for.
 */
import type { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { reasonOf } from './files.js'
import { FAILED, Refusal, refuse } from './refusal.js'
import type { Outcome, Task } from './runs.js'

/** What is queued: a run, and the folder of its sweep as the host of the sweep calls it. */
export interface QueuedRun {
  readonly sweep: string
  readonly folder: string
  readonly task: Task
}
/** What a worker answers. The summary itself lies in the folder. */
export type Answer = { readonly kind: 'done' } | Exclude<Outcome, { readonly kind: 'done' | 'interrupted' }>

export const QUEUE = 'lambda-darts'
export type RunQueue = Queue<QueuedRun, Answer, string>

/** Redis may be away for so many times what a worker may be silent. */
const PATIENCE = 6

interface Packages {
  readonly bullmq: Pick<typeof import('bullmq'), 'Queue' | 'Worker' | 'WaitingError'>
  readonly ioredis: Pick<typeof import('ioredis'), 'Redis'>
}

const packages = async (): Promise<Packages> => {
  try {
    return { bullmq: await import('bullmq'), ioredis: await import('ioredis') }
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw reason
    return refuse(
      'the packages bullmq and ioredis, which queue runs in Redis',
      'one that is not installed',
      'run `npm install bullmq ioredis`'
    )
  }
}

/** The URL without a password that it may hold. */
const shown = ({ protocol, host, pathname }: URL): string => `${protocol}//${host}${pathname}`

const redisUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url && ['redis:', 'rediss:'].includes(url.protocol) && url.hostname !== '' && /^(\/\d*)?$/.test(url.pathname)
    ? url
    : refuse('--redis to be a URL like redis://host:6379', 'another text', 'correct it')
}

export interface Connection {
  readonly bullmq: Packages['bullmq']
  readonly client: Redis
  /** Where it leads, for people. */
  readonly name: string
  /** Resolves with a sentence if Redis is away for too long. */
  readonly lost: Promise<string>
  readonly close: () => void
}

/** Watches a connection: it comes back by itself, or is given up. */
const watch = (client: Redis, name: string, patience: number) => {
  const state: { since: number | undefined } = { since: undefined }
  client.on('close', () => {
    state.since ??= performance.now()
  })
  client.on('ready', () => {
    state.since = undefined
  })
  const timers: NodeJS.Timeout[] = []
  const lost = new Promise<string>(resolve => {
    const look = (): void => {
      if (state.since !== undefined && performance.now() - state.since > patience)
        resolve(
          `Wanted Redis at ${name} to come back within ${patience / 1000} s, but it did not: start it, and then ` +
            'this command again.'
        )
    }
    timers.push(setInterval(look, Math.min(1000, patience / 4)))
  })
  return { lost, stop: () => timers.forEach(clearInterval) }
}

/**
 * Connects to Redis. Refused in one sentence: a URL that is none, packages that are not installed, a Redis that is not
 * there or does not let in.
 * @param lostAfter milliseconds that a worker may be silent
 */
export const connectRedis = async (text: string, lostAfter: number): Promise<Connection> => {
  const url = redisUrl(text)
  const { bullmq, ioredis } = await packages()
  const client = new ioredis.Redis(url.href, {
    lazyConnect: true,
    // BullMQ asks for it: a command waits for Redis to come back.
    maxRetriesPerRequest: null,
    connectTimeout: 5000,
    retryStrategy: (times: number) => Math.min(100 * 2 ** times, 1000)
  })
  // While it connects, the reason of a failure; later ones are told by `lost`.
  const failures: Error[] = []
  client.on('error', error => failures.splice(0, 1, error))
  try {
    await client.connect()
    await client.ping()
  } catch (reason) {
    client.disconnect()
    return refuse(
      `a Redis that answers at ${shown(url)}`,
      `'${reasonOf(failures[0] ?? reason)}'`,
      'start it, or correct --redis'
    )
  }
  const { lost, stop } = watch(client, shown(url), PATIENCE * lostAfter)
  const close = (): void => {
    stop()
    client.disconnect()
  }
  return { bullmq, client, name: shown(url), lost, close }
}

/** Ends what an unreachable Redis would keep alive: a process that has nothing else left to do. */
export const exitSoon = (code: number): number => {
  setTimeout(() => process.exit(code), 1000).unref()
  return code
}

export const lostRedis = (message: string): Refusal => new Refusal(FAILED, message)
