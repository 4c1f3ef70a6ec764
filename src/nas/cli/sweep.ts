/** `lambda-darts sweep` */
import { join } from 'node:path'
import PQueue from 'p-queue'
import { parseOption } from '../configuration/options.js'
import { type BenchTable, wholeTable } from '../genotypes/bench201.js'
import type { Sweep } from '../sweep/sweep.js'
import { type RunSummary, sweepReport, sweepText } from '../sweep/sweepreport.js'
import { writeWhole } from './files.js'
import { readTable } from './inputs.js'
import { type Interruption, interruption, untilSignal } from './interruption.js'
import { JOBS, LOST_AFTER, lostAfterOf, usualJobs } from './jobs.js'
import { complain, say } from './outputs.js'
import { type RunWriter, runWriter } from './progress.js'
import { DONE, FAILED, INTERRUPTED, orRefuse, refuse } from './refusal.js'
import { runElsewhere } from './remote.js'
import { writeReport } from './reports.js'
import { type Outcome, perform } from './runs.js'
import { type Subcommand, withManual } from './subcommand.js'
import { openSweepFolder, type Planned, plan, readSweep } from './tasks.js'

interface GivenSweep {
  readonly out: string
  readonly table?: string
  readonly jobs?: string
  readonly redis?: string
  readonly lostAfter: string
  readonly quiet?: boolean
  readonly json?: boolean
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
        began: how => writer.began(task.name, how),
        waiting: holder => writer.waiting(task.name, holder)
      })
      writer.ended(task.name, outcome)
      return outcome
    })
  )
}

/** Says the report, whatever the disk does, then writes it. */
const conclude = async (
  given: GivenSweep,
  sweep: Sweep,
  planned: readonly Planned[],
  outcomes: readonly Outcome[],
  table: BenchTable | undefined
): Promise<number> => {
  const facts = planned.map(({ run }, i) => {
    const outcome = outcomes[i] as Exclude<Outcome, { kind: 'interrupted' }>
    const fact: RunSummary | string = outcome.kind === 'done' ? outcome.summary : outcome.message
    return [run, fact] as const
  })
  const report = orRefuse(sweepReport(sweep, facts, table), FAILED)
  const text = sweepText(report, table)
  say(given.json ? JSON.stringify(report) : `${given.quiet ? '' : '\n'}${text}`)
  writeWhole(join(given.out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
  writeWhole(join(given.out, 'report.txt'), `${text}\n`)
  const drawn = await writeReport(given.out, (name, content) => writeWhole(join(given.out, name), content))
  if (!given.json && !given.quiet)
    say(`\nWritten to ${given.out}/report.json and report.txt${drawn === undefined ? '' : `, drawn in ${drawn}`}`)
  return report.failed.length > 0 ? FAILED : DONE
}

const run = async (file: string, given: GivenSweep): Promise<number> => {
  const sweep = readSweep(file)
  const jobs = given.jobs === undefined ? undefined : (orRefuse(parseOption(JOBS, given.jobs)) as number)
  const lostAfter = lostAfterOf(given.lostAfter)
  if (jobs !== undefined && given.redis !== undefined)
    refuse('--jobs without --redis', 'both', 'give --jobs to the workers')
  const planned = await plan(sweep)
  const table = tableFor(given.table, planned)
  const record = openSweepFolder(given.out, sweep)
  if (sweep.random && !table)
    complain('The random search is left out: what its cells reach is told by a table of NAS-Bench-201 alone (--table).')
  const writer = runWriter(given, planned.length)
  const ending = interruption()
  const make = async (): Promise<readonly Outcome[]> => {
    if (given.redis !== undefined)
      return runElsewhere(given.redis, given.out, record, planned, lostAfter, ending, writer)
    const atOnce = jobs ?? (await usualJobs(planned.map(({ run: one }) => one.options)))
    return runHere(given.out, planned, atOnce, lostAfter, ending, writer)
  }
  const interrupted =
    given.redis === undefined ? 'ending the searches after their steps' : 'workers go on with what is queued'
  const outcomes = await untilSignal(ending, () => complain(`Interrupted: ${interrupted}.`), make).finally(writer.stop)
  if (ending.happened()) {
    const done = outcomes.filter(({ kind }) => kind === 'done').length
    complain(`${done} of ${outcomes.length} runs are done; the same command goes on with the others.`)
    return INTERRUPTED
  }
  return conclude(given, sweep, planned, outcomes, table)
}

/** Searches with many configurations and seeds, and says what they found, with statistics. */
export const sweepCommand: Subcommand = (root, finish) => {
  const command = root
    .command('sweep')
    .description(
      'runs many searches, configurations times seeds, and compares them with statistics; started again, it goes on'
    )
    .argument(
      '<file>',
      'JSON: { base, grid, list, seeds, baseline, random }, with options by their names in config.json'
    )
    .requiredOption('--out <folder>', 'a new or empty folder, or that of the same sweep, which goes on')
    .option(
      '--table <file>',
      'a table of NAS-Bench-201 (CSV, gzip or not): what the found cells reach, and a random search'
    )
    .option(JOBS.flag, JOBS.help)
    .option(
      '--redis <url>',
      'has the runs made by workers (lambda-darts worker) that share the folder, queued at redis://host:6379'
    )
    .option(LOST_AFTER.flag, LOST_AFTER.help, '10')
    .option('--quiet', 'only the report')
    .option(
      '--json',
      'lines of JSON on standard output: each run as it ends, the report as the last line; with --quiet the ' +
        'report alone'
    )
    .action((file, given) => finish(run(file, given)))
  withManual(command, {
    examples: [
      [
        'lambda-darts sweep sweep.json --out sweeps/first',
        'configurations times seeds, with statistics; again: it goes on'
      ],
      ['lambda-darts sweep sweep.json --out sweeps/first --table nasbench201.csv.gz', 'scored, beside a random search'],
      ['lambda-darts sweep sweep.json --out sweeps/first --redis redis://host:6379', 'made by workers on other hosts']
    ],
    writes: 'the folder --out: runs/NAME, and report.json and report.txt once all have ended',
    fails: 'a run failed, or something was not as the sweep needs it: the report names it',
    interrupted: 'interrupted: searches end after their steps; the same command goes on'
  })
}
