/** `lambda-darts sweep` */
import { availableParallelism, freemem } from 'node:os'
import { join } from 'node:path'
import cliProgress from 'cli-progress'
import * as E from 'fp-ts/lib/Either.js'
import PQueue from 'p-queue'
import { listAdapters } from '../../engine.js'
import { type BenchTable, wholeTable } from '../bench201.js'
import { parseOption } from '../options.js'
import type { Sweep } from '../sweep.js'
import { type RunSummary, sweepReport, sweepText } from '../sweepreport.js'
import { writeWhole } from './files.js'
import { complain, readTable, say } from './inputs.js'
import { DONE, FAILED, INTERRUPTED, orRefuse, refuse } from './refusal.js'
import { type Interruption, interruption, type Outcome, perform, untilSignal } from './runs.js'
import type { Subcommand } from './subcommand.js'
import { openSweepFolder, type Planned, plan, readSweep } from './tasks.js'

interface GivenSweep {
  readonly out: string
  readonly table?: string
  readonly jobs?: string
  readonly lostAfter: string
  readonly quiet?: boolean
  readonly json?: boolean
}

export const JOBS = {
  flag: '--jobs <n>',
  help: 'searches at once (default: 1 on a GPU; else one for two cores and each free GiB)',
  least: 1,
  most: 1024,
  whole: true
} as const
export const LOST_AFTER = {
  flag: '--lost-after <seconds>',
  help: 'how long a process that is at a run may be silent before another takes the run',
  least: 1,
  most: 3600
} as const

/** Seconds of the command line in milliseconds. */
export const lostAfterOf = (text: string): number => 1000 * (orRefuse(parseOption(LOST_AFTER, text)) as number)

/**
 * How many searches at once, if nobody says: one on a GPU, which one fills; on the CPU, by a software adapter or the reference, one for two cores
 * and for each free GiB.
 */
export const usualJobs = async (
  places: readonly { readonly backend?: unknown; readonly adapter?: unknown }[]
): Promise<number> => {
  const onCpu = Math.max(1, Math.min(Math.floor(availableParallelism() / 2), Math.floor(freemem() / 2 ** 30)))
  if (places.every(({ backend }) => backend === 'reference')) return onCpu
  const adapters = await listAdapters()()
  return E.isRight(adapters) && adapters.right.some(({ software }) => !software) ? 1 : onCpu
}

/** A table for the cells of the sweep's runs, all of which must be of its space. */
const tableFor = (path: string | undefined, planned: readonly Planned[]): BenchTable | undefined => {
  if (path === undefined) return undefined
  const other = planned.find(({ task }) => task.config['space'] !== 'nb201')
  if (other)
    refuse(
      '--table with the space nb201, whose cells it holds',
      `'${other.run.configuration}' with ${JSON.stringify(other.task.config['space'])}`,
      'leave one of them out'
    )
  return orRefuse(wholeTable(readTable(path)))
}

/** Progress of runs: a bar and lines on a terminal, lines elsewhere, nothing with --quiet. */
export const runWriter = ({ quiet, json }: Pick<GivenSweep, 'quiet' | 'json'>, total: number) => {
  const stream = json ? process.stderr : process.stdout
  const bar =
    stream.isTTY && !quiet
      ? new cliProgress.SingleBar({ format: '{bar} {value}/{total} runs', clearOnComplete: true, barsize: 24, stream })
      : undefined
  const state = { done: 0 }
  const line = (text: string): void => {
    if (quiet) return
    bar?.stop()
    stream.write(`${text}\n`)
    bar?.start(total, state.done)
  }
  return {
    line,
    ended: (name: string, outcome: Outcome): void => {
      if (outcome.kind !== 'interrupted') state.done++
      if (outcome.kind === 'done') {
        const { testAccuracy, seconds } = outcome.summary
        const accuracy = testAccuracy === null ? '' : `, test accuracy of the supernet ${(100 * testAccuracy).toFixed(1)} %`
        line(`${name}  done in ${seconds.toFixed(1)} s${accuracy}`)
      } else line(`${name}  ${outcome.kind === 'failed' ? `failed: ${outcome.message}` : 'interrupted'}`)
    },
    stop: (): void => void bar?.stop()
  }
}
export type RunWriter = ReturnType<typeof runWriter>

/** Makes all runs on this machine, so many at once. */
const runHere = async (
  folder: string,
  planned: readonly Planned[],
  jobs: number,
  lostAfter: number,
  ending: Interruption,
  writer: RunWriter
): Promise<readonly Outcome[]> => {
  const queue = new PQueue({ concurrency: jobs })
  return queue.addAll(
    planned.map(({ task }) => async (): Promise<Outcome> => {
      if (ending.happened()) return { kind: 'interrupted' }
      const outcome = await perform(folder, task, {
        ending,
        lostAfter,
        began: how => writer.line(`${task.name}  ${how === 'anew' ? 'started' : 'goes on from its checkpoint'}`),
        waiting: ({ pid, host }) => writer.line(`${task.name}  waits for process ${pid} on ${host.split(' ')[0]}, which is at it`)
      })
      writer.ended(task.name, outcome)
      return outcome
    })
  )
}

/** Writes the report, and says it. */
const conclude = (
  given: GivenSweep,
  sweep: Sweep,
  planned: readonly Planned[],
  outcomes: readonly Outcome[],
  table: BenchTable | undefined
): number => {
  const facts = planned.map(({ run }, i) => {
    const outcome = outcomes[i] as Exclude<Outcome, { kind: 'interrupted' }>
    const fact: RunSummary | string = outcome.kind === 'done' ? outcome.summary : outcome.message
    return [run, fact] as const
  })
  const report = orRefuse(sweepReport(sweep, facts, table), FAILED)
  const text = sweepText(report, table)
  writeWhole(join(given.out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
  writeWhole(join(given.out, 'report.txt'), `${text}\n`)
  if (given.json) say(JSON.stringify(report))
  else {
    say(`${given.quiet ? '' : '\n'}${text}`)
    if (!given.quiet) say(`\nWritten to ${given.out}/report.json and report.txt`)
  }
  return report.failed.length > 0 ? FAILED : DONE
}

const run = async (file: string, given: GivenSweep): Promise<number> => {
  const sweep = readSweep(file)
  const jobs = given.jobs === undefined ? undefined : (orRefuse(parseOption(JOBS, given.jobs)) as number)
  const lostAfter = lostAfterOf(given.lostAfter)
  const planned = await plan(sweep)
  const table = tableFor(given.table, planned)
  openSweepFolder(given.out, sweep)
  if (sweep.random && !table)
    complain('The random search is left out: what its cells reach is told by a table of NAS-Bench-201 alone (--table).')
  const writer = runWriter(given, planned.length)
  const ending = interruption()
  const outcomes = await untilSignal(
    ending,
    () => complain('Interrupted: ending the searches after their steps.'),
    async () =>
      runHere(
        given.out,
        planned,
        jobs ?? (await usualJobs(planned.map(({ run: one }) => one.options))),
        lostAfter,
        ending,
        writer
      )
  ).finally(writer.stop)
  if (ending.happened()) {
    const done = outcomes.filter(({ kind }) => kind === 'done').length
    complain(`${done} of ${outcomes.length} runs are done; the same command goes on with the others.`)
    return INTERRUPTED
  }
  return conclude(given, sweep, planned, outcomes, table)
}

/** Searches with many configurations and seeds, and says what they found, with statistics. */
export const sweepCommand: Subcommand = (root, finish) => {
  root
    .command('sweep')
    .description('runs many searches, configurations times seeds, and compares them with statistics; started again, it goes on')
    .argument('<file>', 'JSON: { base, grid, list, seeds, baseline, random }, with options by their names in config.json')
    .requiredOption('--out <folder>', 'a new or empty folder, or that of the same sweep, which goes on')
    .option('--table <file>', 'a table of NAS-Bench-201 (CSV, gzip or not): what the found cells reach, and a random search')
    .option(JOBS.flag, JOBS.help)
    .option(LOST_AFTER.flag, LOST_AFTER.help, '10')
    .option('--quiet', 'only the report')
    .option('--json', 'the report as JSON on standard output, progress on standard error')
    .action((file, given) => finish(run(file, given)))
}
