/** `lambda-darts search` */
import * as E from 'fp-ts/lib/Either.js'
import type { Backend } from '../../engine.js'
import { type BenchTable, scoreOf, wholeTable } from '../bench201.js'
import type { SearchResult } from '../events.js'
import { parseGenotype } from '../genotype.js'
import type { SearchConfig } from '../options.js'
import { backendName, resultText, scoreText } from '../report.js'
import { search } from '../search.js'
import { stepsPerEpoch } from '../steps.js'
import { openRunFolder, type RunFolder } from './files.js'
import { complain, isKnown, readTable, say, version } from './inputs.js'
import { chooseBackend, type Given, infoOf, presetTable, setUp, withConfiguration } from './problem.js'
import { progressWriter } from './progress.js'
import { DONE, FAILED, INTERRUPTED, orRefuse, Refusal, refuse } from './refusal.js'
import { ENDING } from './signals.js'
import type { Subcommand } from './subcommand.js'

interface GivenSearch extends Given {
  readonly out?: string
  readonly table?: string
  readonly quiet?: boolean
}

const runName = ({ method, seed }: SearchConfig): string =>
  `runs/${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}-${method}-seed${seed}`

/** What the table says of a genotype's text, to be added to what is told of it; nothing without a table. */
const scored = (table: BenchTable | undefined, genotype: string): object =>
  table ? { score: orRefuse(scoreOf(table)(orRefuse(parseGenotype(genotype)))).scores } : {}

const writeResult = (
  folder: RunFolder,
  config: SearchConfig,
  backend: Backend,
  result: SearchResult,
  table: BenchTable | undefined,
  seconds: number
): object => {
  const score = scored(table, result.genotype)
  const summary = { ...result, ...score, config, version: version(), adapter: infoOf(backend) ?? 'reference', seconds }
  folder.write('genotype.txt', `${result.genotype}\n`)
  folder.write('summary.json', `${JSON.stringify(summary, null, 2)}\n`)
  return summary
}

const run = async (given: GivenSearch): Promise<number> => {
  const { config, space, net, data } = setUp(given)
  if (given.table !== undefined && space.name !== 'nb201')
    refuse('--table with the space nb201, whose cells it holds', `--space ${config.space}`, 'leave one of them out')
  const table = given.table === undefined ? undefined : orRefuse(wholeTable(readTable(given.table)))
  const backend = await chooseBackend(given, net, config, data)
  const folder = orRefuse(openRunFolder(given.out ?? runName(config)))
  folder.write('config.json', `${JSON.stringify(config, null, 2)}\n`)
  if (!isKnown(config.space)) folder.write('space.json', `${JSON.stringify(space, null, 2)}\n`)

  const name = backendName(infoOf(backend))
  const progress = progressWriter(given, name, config.epochs * stepsPerEpoch(config, data))
  const signal = { interrupted: false, told: false, hungUp: false }
  const interrupt = (name: NodeJS.Signals): void => {
    // A terminal that is closed sends its signal more than once, and takes no more lines.
    if (name === 'SIGHUP') {
      for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
      signal.hungUp = true
    } else if (signal.interrupted) process.exit(INTERRUPTED) // a second Ctrl-C does not wait
    signal.interrupted = true
    complain('Interrupted: ending after this step.')
  }
  for (const name of ENDING) process.on(name, interrupt)
  const started = performance.now()
  const seconds = () => (performance.now() - started) / 1000
  try {
    const result = await search(net, config, data, {
      tell: event => () => {
        signal.told = true
        folder.event(event.type === 'epoch' ? { ...event, ...scored(table, event.genotype) } : event)
        progress.tell(event)
      },
      interrupted: () => signal.interrupted,
      now: seconds,
      ...(progress.preparing ? { preparing: progress.preparing } : {})
    })({ backend })()
    progress.stop()
    if (E.isLeft(result) && !signal.told) folder.discard()
    const reached = orRefuse(result, FAILED)
    const summary = writeResult(folder, config, backend, reached, table, seconds())
    if (given.json) say(JSON.stringify(summary))
    else {
      if (!given.quiet) say('')
      say(resultText(space, config, reached))
      if (table) say(`\n${scoreText(orRefuse(scoreOf(table)(orRefuse(parseGenotype(reached.genotype)))))}`)
      if (!given.quiet) say(`Written to ${folder.path}/ in ${seconds().toFixed(0)} s on ${name}`)
    }
    if (reached.stopped?.reason === 'non-finite') throw new Refusal(FAILED, reached.stopped.message)
    return reached.stopped ? INTERRUPTED : DONE
  } finally {
    progress.stop()
    for (const name of ENDING) process.off(name, interrupt)
    // Node aborts at its end if it cannot set back a terminal that is gone: then the signal ends the process.
    const terminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY)
    if (signal.hungUp && terminal) process.kill(process.pid, 'SIGHUP')
  }
}

/** Searches, writes the run folder, says what was found. */
export const searchCommand: Subcommand = (root, finish) => {
  withConfiguration(
    root
      .command('search')
      .description('searches the cells of a network on the 1,797 handwritten digits that come with the package')
  )
    .option('--out <folder>', 'a new or empty folder for the run (default: runs/TIME-METHOD-SEED)')
    .option('--table <file>', 'a table of NAS-Bench-201 (CSV, gzip or not): scores the cell of each epoch and the result')
    .option('--quiet', 'only the result')
    .option('--json', 'the result as JSON on standard output, progress on standard error')
    .addHelpText('after', presetTable)
    .action(given => finish(run(given)))
}
