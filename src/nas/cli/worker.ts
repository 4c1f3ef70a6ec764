/** `lambda-darts worker` */
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import type { Job } from 'bullmq'
import { parseOption } from '../configuration/options.js'
import { inputError } from '../errors.js'
import { type Interruption, interruption, untilSignal } from './interruption.js'
import { JOBS, LOST_AFTER, lostAfterOf, usualJobs } from './jobs.js'
import { complain } from './outputs.js'
import { type RunWriter, runWriter } from './progress.js'
import { type Answer, type Connection, connectRedis, exitSoon, lostRedis, QUEUE, type QueuedRun } from './redis.js'
import { BAD_INPUT, INTERRUPTED, orRefuse, Refusal } from './refusal.js'
import { perform } from './runs.js'
import { type Subcommand, withManual } from './subcommand.js'
import { sweepRecord } from './tasks.js'

interface GivenWorker {
  readonly redis: string
  readonly jobs?: string
  readonly dir?: string
  readonly lostAfter: string
  readonly quiet?: boolean
}

/** A run may be lost with its worker as often as machines go down: no number of times is too many. */
const ANY_NUMBER = 1_000_000_000

interface Serving {
  readonly connection: Connection
  readonly given: GivenWorker
  readonly lostAfter: number
  readonly ending: Interruption
  readonly writer: RunWriter
  /** Ends the worker with a refusal. */
  readonly refuse: (refusal: Refusal) => void
}

/** Makes one queued run. A run that is not made here goes back to the queue. */
const serve = async (
  { connection, given, lostAfter, ending, writer, refuse }: Serving,
  job: Job<QueuedRun>
): Promise<Answer> => {
  const { sweep, folder: theirs, task } = job.data
  const folder = given.dir === undefined ? theirs : join(given.dir, basename(theirs))
  const putBack = async (): Promise<never> => {
    // Without Redis it stays as it is, and counts as lost to others.
    await Promise.race([job.moveToWait(job.token), connection.lost])
    throw new connection.bullmq.WaitingError()
  }
  if (ending.happened()) return putBack()
  if (sweepRecord(folder)?.id !== sweep) {
    const { message } = inputError(
      `the folder of the sweep of '${task.name}', which hosts must share`,
      `'${folder}', which is not that here`,
      'name the folder that it lies in with --dir'
    )
    refuse(new Refusal(BAD_INPUT, message))
    return putBack()
  }
  const outcome = await perform(folder, task, {
    ending,
    lostAfter,
    began: how => writer.began(task.name, how),
    waiting: holder => writer.waiting(task.name, holder)
  })
  writer.ended(task.name, outcome)
  if (outcome.kind === 'interrupted') return putBack()
  return outcome.kind === 'done' ? { kind: 'done' } : outcome
}

/** Takes runs until it is interrupted, refused, or Redis is away for too long. */
const work = async (serving: Omit<Serving, 'refuse'>, jobs: number): Promise<Refusal | undefined> => {
  const { connection, ending, lostAfter } = serving
  const state: { refusal?: Refusal } = {}
  const refuse = (refusal: Refusal): void => {
    state.refusal ??= refusal
    ending.interrupt()
  }
  const running = new Set<Promise<unknown>>()
  const worker = new connection.bullmq.Worker<QueuedRun, Answer>(
    QUEUE,
    job => {
      const served = serve({ ...serving, refuse }, job)
      running.add(served)
      return served.finally(() => running.delete(served))
    },
    {
      connection: connection.client,
      concurrency: jobs,
      name: `process ${process.pid} on ${hostname()}`,
      lockDuration: lostAfter,
      stalledInterval: lostAfter / 2,
      maxStalledCount: ANY_NUMBER
    }
  )
  // A Redis that is away is told by `lost`; an answer that came too late has another worker look, and find the run
  // done.
  worker.on('error', () => undefined)
  const isLost = connection.lost.then(message => refuse(lostRedis(message)))
  await new Promise<void>(resolve => void ending.each(resolve))
  // Nothing new is taken; what runs ends with a checkpoint, and goes back to the queue if that is there.
  await Promise.race([worker.close(), isLost.then(() => Promise.allSettled(running))])
  return state.refusal
}

const run = async (given: GivenWorker): Promise<number> => {
  const asked = given.jobs === undefined ? undefined : (orRefuse(parseOption(JOBS, given.jobs)) as number)
  const lostAfter = lostAfterOf(given.lostAfter)
  const connection = await connectRedis(given.redis, lostAfter)
  const jobs = asked ?? (await usualJobs([{}]))
  const ending = interruption()
  const writer = runWriter(given, undefined)
  writer.line(`Waiting for runs at ${connection.name}, ${jobs} at once.`)
  const told = () => complain('Interrupted: ending the searches after their steps; their runs go back to the queue.')
  try {
    const refusal = await untilSignal(ending, told, () => work({ connection, given, lostAfter, ending, writer }, jobs))
    if (refusal) throw refusal
    return exitSoon(INTERRUPTED)
  } catch (error) {
    if (error instanceof Refusal) exitSoon(error.code)
    throw error
  } finally {
    connection.close()
  }
}

/** Takes the runs of sweeps from Redis. */
export const workerCommand: Subcommand = (root, finish) => {
  const command = root
    .command('worker')
    .description('makes runs of sweeps that are queued in Redis (sweep --redis), until it is interrupted')
    .requiredOption('--redis <url>', 'where the queue is: redis://host:6379')
    .option(
      '--dir <folder>',
      "what lies in it on the sweep's host, this host sees in this folder (default: the same path)"
    )
    .option(JOBS.flag, JOBS.help)
    .option(LOST_AFTER.flag, LOST_AFTER.help, '10')
    .option('--quiet', 'no lines for runs')
    .action(given => finish(run(given)))
  withManual(command, {
    examples: [
      ['lambda-darts worker --redis redis://host:6379', 'makes queued runs in the folder that the sweep names'],
      [
        'lambda-darts worker --redis redis://host:6379 --dir /mnt/sweeps --jobs 2',
        'which lies elsewhere here; two at once'
      ]
    ],
    writes: 'the run folders of the sweep',
    fails: 'Redis was away for too long',
    interrupted: 'interrupted, as a worker ends: searches end after their steps, and are queued again'
  })
}
