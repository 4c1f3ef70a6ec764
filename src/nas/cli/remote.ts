/** A sweep whose runs are made by workers: it queues them, and waits for their answers. */
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Interruption } from './interruption.js'
import type { RunWriter } from './progress.js'
import { type Answer, type Connection, connectRedis, lostRedis, QUEUE, type RunQueue } from './redis.js'
import { type Outcome, runFolder, stateOf } from './runs.js'
import type { Planned, SweepRecord } from './tasks.js'

const POLL_MS = 300

/** What the folder says of an answered run: a host that does not share it has done nothing for this one. */
const outcomeOf = (folder: string, name: string, answer: Answer): Outcome => {
  if (answer.kind === 'failed') return answer
  const state = stateOf(runFolder(folder, name))
  return state.kind === 'open'
    ? {
        kind: 'failed',
        message: `a worker has done it, but '${runFolder(folder, name)}' has no summary: hosts must share the folder`
      }
    : state
}

interface Waiting {
  readonly folder: string
  readonly id: string
  readonly queue: RunQueue
  readonly writer: RunWriter
  /** Workers that were told of, by run. */
  readonly told: Map<string, string>
}

/**
 * Asks after one run: its outcome, if it has one. A run that Redis does not know, as after a loss of its memory, is
 * queued.
 */
const ask = async ({ folder, id, queue, writer, told }: Waiting, { task }: Planned): Promise<Outcome | undefined> => {
  const jobId = `${id}.${task.name}`
  const job = await queue.getJob(jobId)
  if (!job) {
    await queue.add(task.name, { sweep: id, folder: resolve(folder), task }, { jobId })
    return undefined
  }
  const state = await job.getState()
  if (state === 'active' && job.processedBy !== undefined && told.get(task.name) !== job.processedBy) {
    writer.line(`${task.name}  is made by ${job.processedBy}`)
    told.set(task.name, job.processedBy)
  }
  if (state !== 'completed' && state !== 'failed') return undefined
  const answer: Answer =
    state === 'completed' ? job.returnvalue : { kind: 'failed', message: job.failedReason ?? 'its worker failed' }
  const outcome = outcomeOf(folder, task.name, answer)
  await job.remove()
  return outcome
}

/** Queues what is not done, and waits until everything is, or the sweep is interrupted: then workers go on. */
const waitForAll = async (
  waiting: Waiting,
  planned: readonly Planned[],
  ending: Interruption
): Promise<readonly Outcome[]> => {
  const outcomes = new Map<string, Outcome>()
  const settle = (name: string, outcome: Outcome): void => {
    outcomes.set(name, outcome)
    waiting.writer.ended(name, outcome)
  }
  for (const { task } of planned) {
    const state = stateOf(runFolder(waiting.folder, task.name))
    if (state.kind !== 'open') settle(task.name, state)
  }
  while (outcomes.size < planned.length && !ending.happened()) {
    for (const one of planned.filter(({ task }) => !outcomes.has(task.name))) {
      if (ending.happened()) break
      const outcome = await ask(waiting, one)
      if (outcome) settle(one.task.name, outcome)
    }
    if (outcomes.size < planned.length) await sleep(POLL_MS)
  }
  return planned.map(({ task }) => outcomes.get(task.name) ?? { kind: 'interrupted' })
}

/** What no answer of Redis can hold up. */
const unlessLost = async <A>(
  { lost }: Connection,
  ending: Interruption,
  interrupted: A,
  wait: Promise<A>
): Promise<A> => {
  wait.catch(() => undefined) // told below, unless Redis was given up before
  const given = await Promise.race([
    wait.then(value => ({ value })),
    lost.then(message => ({ message })),
    new Promise<{ value: A }>(give => void ending.each(() => give({ value: interrupted })))
  ])
  if ('message' in given) throw lostRedis(given.message)
  return given.value
}

/** Has all runs made by workers. Throws a refusal if Redis is not there, or is away for too long. */
export const runElsewhere = async (
  url: string,
  folder: string,
  { id }: SweepRecord,
  planned: readonly Planned[],
  lostAfter: number,
  ending: Interruption,
  writer: RunWriter
): Promise<readonly Outcome[]> => {
  const connection = await connectRedis(url, lostAfter)
  const queue: RunQueue = new connection.bullmq.Queue(QUEUE, { connection: connection.client })
  queue.on('error', () => undefined)
  try {
    const waiting: Waiting = { folder, id, queue, writer, told: new Map() }
    const interrupted = planned.map((): Outcome => ({ kind: 'interrupted' }))
    return await unlessLost(connection, ending, interrupted, waitForAll(waiting, planned, ending))
  } finally {
    connection.close()
  }
}
