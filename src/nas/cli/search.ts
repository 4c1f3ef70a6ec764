/** `lambda-darts search` */
import { keyOf } from '../../autodiff/threefry.js'
import type { Backend } from '../../engine/index.js'
import { configure } from '../configuration/config.js'
import { OPTIONS, PRESETS, SearchConfig } from '../configuration/options.js'
import { type BenchReport, type BenchTable, scoreOf, wholeTable } from '../genotypes/bench201.js'
import { parseGenotype } from '../genotypes/genotype.js'
import { scoreText } from '../genotypes/report.js'
import { foldIn } from '../method/initialise.js'
import type { Checkpoint } from '../run/checkpoint.js'
import type { Event, Observer, SearchResult } from '../run/events.js'
import { goingOn, type SearchStart } from '../run/place.js'
import type { Baseline, Summary } from '../run/record.js'
import { resultText } from '../run/report.js'
import { search } from '../run/search.js'
import { marginsOf } from '../selection/margins.js'
import { forwardPasses, selectionWork, TUNING_PASSES } from '../selection/work.js'
import type { Space } from '../space/space.js'
import { KEYS, stepsPerEpoch } from '../steps/steps.js'
import { backendName } from '../text.js'
import { verdictText } from '../verdict/report.js'
import { infoOf } from './backend.js'
import { trainBaseline } from './baseline.js'
import { beginAgain, type Conduct, checkpointIn, conduct, type Ready } from './conduct.js'
import { beginEvents } from './eventlog.js'
import { openRunFolder, type RunFolder } from './files.js'
import { isKnown, readSpace, readTable, version, versions } from './inputs.js'
import { judge, mixturesOfResult } from './judgement.js'
import { complain, say } from './outputs.js'
import { chooseBackend, type Given, type Problem, setUp, withConfiguration } from './problem.js'
import { progressWriter, type Span } from './progress.js'
import { DONE, FAILED, INTERRUPTED, orRefuse, Refusal, refuse } from './refusal.js'
import { writeReport } from './reports.js'
import {
  backendOptions,
  type ConfigReader,
  type GivenKeeping,
  identityOf,
  keepingOf,
  ownSpace,
  resumedConfiguration,
  withKeeping
} from './resume.js'
import { listenForSignals, type Signals } from './signals.js'
import { RUN_EXITS, type Subcommand, withManual } from './subcommand.js'

interface GivenSearch extends Given, GivenKeeping {
  readonly out?: string
  readonly table?: string
  readonly quiet?: boolean
  readonly report?: boolean
}

const runName = ({ method, seed }: SearchConfig): string =>
  `runs/${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}-${method}-seed${seed}`

/** What the table says of a genotype's text, to be added to what is told of it; nothing without a table. */
const scored = (table: BenchTable | undefined, genotype: string): { readonly score?: BenchReport['scores'] } =>
  table ? { score: orRefuse(scoreOf(table)(orRefuse(parseGenotype(genotype)))).scores } : {}

/** A search about to run: what it is of, where it runs, where it is written, and where it begins. */
interface Run extends Problem, Ready<SearchStart> {
  readonly given: GivenSearch
  /** Of the command line. */
  readonly command: readonly string[]
  readonly table: BenchTable | undefined
}

const summaryOf = (run: Run, result: SearchResult, seconds: number, baseline: Baseline | undefined): Summary => {
  const { config, command, backend, folder } = run
  return {
    ...result,
    ...judge({ ...run, path: folder.path }, result, baseline),
    config,
    command,
    version: version(),
    versions: versions(),
    adapter: infoOf(backend) ?? 'reference',
    seconds
  }
}

const readTableFor = ({ table }: GivenSearch, config: SearchConfig, space: Space): BenchTable | undefined => {
  if (table !== undefined && space.name !== 'nb201')
    refuse('--table with the space nb201, whose cells it holds', `--space ${config.space}`, 'leave one of them out')
  return table === undefined ? undefined : orRefuse(wholeTable(readTable(table)))
}

/** A new run in a folder of its own. */
const startRun = async (given: GivenSearch, command: readonly string[]): Promise<Run> => {
  const problem = await setUp(given)
  const { config, space } = problem
  const table = readTableFor(given, config, space)
  const backend = await chooseBackend(given, problem.net, config, problem.data)
  const begin = (folder: RunFolder): void => {
    folder.write('config.json', `${JSON.stringify(config, null, 2)}\n`)
    if (!isKnown(config.space)) folder.write('space.json', `${JSON.stringify(space, null, 2)}\n`)
    beginEvents(folder)
  }
  const folder = orRefuse(openRunFolder(given.out ?? runName(config), begin))
  return { ...problem, given, command, table, backend, folder, from: undefined }
}

const READER: ConfigReader<SearchConfig> = {
  what: 'search',
  decode: json => SearchConfig.decode(json),
  options: OPTIONS,
  configure: given => configure('digits', given)
}

/** What a search is, for its checkpoints. */
const identityOfSearch = ({ config, space, digest }: Problem, backend: Backend): Checkpoint['identity'] =>
  identityOf(config, { space, data: digest }, backend)

/** A run that goes on, if it is of the same configuration, data and adapter as its last checkpoint. */
const resumeRun = async (given: GivenSearch, path: string, command: readonly string[]): Promise<Run> => {
  if (given.out !== undefined) refuse('--resume or --out', 'both', 'a run goes on in its own folder: leave --out away')
  const config = resumedConfiguration(path, given, READER)
  const checkpoint = checkpointIn(path)
  const where = backendOptions(given, checkpoint)
  const problem = await setUp({ ...where, space: undefined }, config, ownSpace(path) ?? readSpace(config.space))
  const table = readTableFor(given, config, problem.space)
  const backend = await chooseBackend(where, problem.net, config, problem.data)
  const begun = beginAgain(path, checkpoint, identityOfSearch(problem, backend), given, kept =>
    goingOn(problem.net, kept)
  )
  return { ...problem, given: where, command, table, backend, ...begun }
}

/** Says what a search has found, before anything else is done with it. */
const tellFound = ({ given, config, space, table }: Run, reached: SearchResult): void => {
  if (given.json) return
  const genotype = orRefuse(parseGenotype(reached.genotype, space))
  if (!given.quiet) say('')
  say(resultText(config, reached, marginsOf(space, genotype, mixturesOfResult(reached))))
  if (table) say(`\n${scoreText(orRefuse(scoreOf(table)(genotype)))}`)
}

/** Trains the baseline of a search that came to its end, if it has one. One that did not end interrupts the search. */
const withBaseline = async (
  run: Run,
  found: SearchResult,
  { interrupted }: Signals
): Promise<{ readonly reached: SearchResult; readonly baseline?: Baseline; readonly failure?: string }> => {
  if (run.config.baseline === 0 || found.stopped !== null) return { reached: found }
  const { baseline, ended } = await trainBaseline(run, found, interrupted)
  if (ended === null) return { reached: found, baseline }
  const failure = ended.reason === 'failed' ? { failure: ended.error.message } : {}
  return { reached: { ...found, stopped: { reason: 'interrupted' } }, baseline, ...failure }
}

/** Says the verdict on what a search came to, whatever the disk does, then writes all of it. */
const tellResult = (run: Run, reached: SearchResult, seconds: number, baseline: Baseline | undefined): void => {
  const { given, folder } = run
  const summary = summaryOf(run, reached, seconds, baseline)
  say(given.json ? JSON.stringify(summary) : `\n${verdictText(summary.verdict)}`)
  folder.write('genotype.txt', `${reached.genotype}\n`)
  folder.write('summary.json', `${JSON.stringify(summary, null, 2)}\n`)
  if (!given.json && !given.quiet) say(`Written to ${folder.path}/ in ${seconds.toFixed(0)} s`)
}

/** Draws the run, which changes nothing of what it came to. */
const tellReport = async ({ given, folder }: Run): Promise<void> => {
  if (given.report === false) return
  const path = await writeReport(folder.path, folder.write)
  if (path !== undefined && !given.json && !given.quiet) say(`Report: ${path}`)
}

/** What a search has to do, in forward passes of a batch. A selection goes on where it was. */
const spanOf = ({ config, space, data, from }: Run): Span => {
  const [steps, batchesTested] = [stepsPerEpoch(config, data), data.test.count / config.batch]
  const place = from?.start.place
  const selection = {
    key: foldIn(keyOf(config.seed), KEYS.selection),
    criterion: config.selectCriterion,
    interval: config.selectEpochs
  }
  const { evaluations, epochs } =
    config.select === 'perturbation'
      ? selectionWork(space, selection, place?.selection ?? undefined)
      : { evaluations: 0, epochs: 0 }
  const judging = evaluations * Math.ceil(data.valid.count / config.batch)
  return {
    total: config.epochs * steps,
    before: place?.stepsDone ?? 0,
    step: forwardPasses(config),
    after: judging + epochs * steps * TUNING_PASSES + batchesTested,
    costs: { 'batches judged': 1, 'steps trained': TUNING_PASSES, 'images tested': 1 / config.batch }
  }
}

/** Writes where the time of a step goes. */
const written =
  (folder: RunFolder): NonNullable<Observer['profiled']> =>
  profile =>
  () =>
    folder.write('profile.json', `${JSON.stringify(profile, null, 2)}\n`)

/** Runs the search to its end, and gives the exit code. */
const finish = async (run: Run, signals: Signals): Promise<number> => {
  const { given, config, net, data, table, folder, backend } = run
  const span = spanOf(run)
  const conducted: Conduct<Event, SearchStart, SearchResult> = {
    run: (watched, start) => search(net, config, data, { ...watched, profiled: written(folder) }, start),
    startOf: kept => goingOn(net, kept),
    identityOf: on => identityOfSearch(run, on),
    keeping: keepingOf(given),
    open: () => chooseBackend(given, net, config, data),
    interrupted: signals.interrupted,
    noted: event => (event.type === 'epoch' ? { ...event, ...scored(table, event.genotype) } : event),
    writer: now => progressWriter(given, run, backendName(infoOf(backend)), span, now)
  }
  try {
    const { reached: found, seconds } = await conduct(run, conducted)
    tellFound(run, found)
    const { reached, baseline, failure } = await withBaseline(run, found, signals)
    tellResult(run, reached, seconds, baseline)
    await tellReport(run)
    if (failure !== undefined) throw new Refusal(FAILED, failure)
    if (reached.stopped?.reason === 'non-finite') throw new Refusal(FAILED, reached.stopped.message)
    if (reached.stopped && !given.quiet) complain(`It goes on with: lambda-darts search --resume ${folder.path}`)
    return reached.stopped ? INTERRUPTED : DONE
  } finally {
    folder.close()
  }
}

const run = async (given: GivenSearch, command: readonly string[]): Promise<number> => {
  const started = await (given.resume === undefined
    ? startRun(given, command)
    : resumeRun(given, given.resume, command))
  const signals = listenForSignals()
  try {
    return await finish(started, signals)
  } finally {
    signals.release()
  }
}

/** Searches, writes the run folder, says what was found. */
export const searchCommand: Subcommand = (root, finish, argv) => {
  const command = withKeeping(
    withConfiguration(
      root
        .command('search')
        .description(
          'searches the cells of a network: on the 1,797 handwritten digits that come with the package, on the ' +
            'official files of a data set, or on your own images'
        )
    )
  )
    .option('--out <folder>', 'a new or empty folder for the run (default: runs/TIME-METHOD-SEED)')
    .option(
      '--table <file>',
      'a table of NAS-Bench-201 (CSV, gzip or not): scores the cell of each epoch and the result'
    )
    .option('--no-report', 'draws no report.html at the end')
    .option('--quiet', 'only the result')
    .option(
      '--json',
      'lines of JSON on standard output: each event, the result as the last line; with --quiet the result alone'
    )
    .action(given => finish(run(given, argv)))
  withManual(command, {
    examples: [
      ['lambda-darts search', 'Λ-DARTS on the digits: a minute or two on two CPU cores'],
      ['lambda-darts search --derivative exact --epochs 20 --seed 1', 'the exact derivative of the harmony'],
      [
        'lambda-darts search --method darts --table nasbench201.csv.gz',
        'first-order DARTS, its cells scored by a table'
      ],
      ['lambda-darts search --resume runs/first', 'goes on where a run ended, to the same bits']
    ],
    presets: { options: OPTIONS, presets: PRESETS },
    writes: 'the folder of the run: docs/run-folder.md has its files, field by field',
    ...RUN_EXITS
  })
}
