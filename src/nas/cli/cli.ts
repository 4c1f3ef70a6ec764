/** The command line: the only place that runs effects. Exit codes: 0 done, 1 the run failed, 2 bad input or nothing to run on, 130 interrupted. */
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import cliProgress from 'cli-progress'
import { Command, CommanderError, Option as CommandOption } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { ShapeError } from '../autodiff/shape.js'
import { type AdapterInfo, type Backend, type Device, listAdapters, openDevice } from '../engine.js'
import { type BenchTable, decodeBenchTable, scoreOf, wholeTable } from './bench201.js'
import { tablesOf } from './bilevel.js'
import {
  checkCombination,
  checkSizes,
  configure,
  flagName,
  networkOf,
  OPTIONS,
  PRESETS,
  type Preset,
  parseOption,
  type SearchConfig
} from './config.js'
import { decodeDigits } from './data/digits.js'
import { derivedNetwork, sizeOfNetwork } from './derive.js'
import { diagnose } from './diagnose.js'
import { type InputError, inputError } from './errors.js'
import { openRunFolder, type RunFolder, readText } from './files.js'
import { formatGenotype, type Genotype, parseGenotype } from './genotype.js'
import { prepare } from './prepare.js'
import { PUBLISHED } from './published.js'
import {
  backendName,
  compiledLine,
  decisionLine,
  diagnosisText,
  epochLine,
  resultText,
  scoreText,
  sizeText,
  stepText,
  tuningLine
} from './report.js'
import { compileStep, type Event, type SearchData, type SearchResult, search, stepsPerEpoch } from './search.js'
import { SPACES, type Space } from './space.js'
import { parseSpace } from './spacefile.js'
import type { Supernet } from './supernet.js'

const DONE = 0
const FAILED = 1
const BAD_INPUT = 2
const INTERRUPTED = 130

/** A step of at most this many operations may run on the reference where there is no adapter. */
const REFERENCE_FLOPS = 1e9

const version = (): string => JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
const digits = (): Uint8Array => gunzipSync(readFileSync(new URL('../../data/digits.csv.gz', import.meta.url)))

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const complain = (line: string): void => void process.stderr.write(`${line}\n`)

/** A refusal on its way to the exit code. */
class Refusal extends Error {
  constructor(
    readonly code: number,
    message: string
  ) {
    super(message)
  }
}
const orRefuse = <A>(either: E.Either<{ readonly message: string }, A>, code = BAD_INPUT): A => {
  if (E.isLeft(either)) throw new Refusal(code, either.left.message)
  return either.right
}

/** What `make` makes, or its refusal of a shape as a refusal of the input. */
const orShapeRefusal = <A>(make: () => A): A => {
  try {
    return make()
  } catch (error) {
    if (error instanceof ShapeError) throw new Refusal(BAD_INPUT, error.message)
    throw error
  }
}

interface Given {
  readonly [option: string]: string | boolean | undefined
  readonly preset: string
  readonly backend: string
  readonly adapter?: string
  readonly unfused?: boolean
  readonly out?: string
  readonly table?: string
  readonly quiet?: boolean
  readonly json?: boolean
}

const gigaflops = (flops: number): string => `${Number((flops / 1e9).toPrecision(2))} GFLOP`

/** The adapter, or the reference: never a slower one without a word. */
const chooseBackend = async (
  { backend, adapter, unfused }: Given,
  net: Supernet,
  config: SearchConfig,
  data: SearchData
): Promise<Backend> => {
  if (backend === 'reference') return { kind: 'reference' }
  const opened = await openDevice(adapter === undefined ? {} : { adapter })()
  if (E.isRight(opened)) return { kind: 'gpu', device: opened.right, fused: !unfused }
  if (backend === 'gpu' || adapter !== undefined || opened.left._tag !== 'NoAdapter')
    throw new Refusal(BAD_INPUT, opened.left.message)
  const counted = orRefuse(await compileStep(net, config, data)({ backend: { kind: 'reference' } })())
  const flops = counted.report.flops
  if (flops > REFERENCE_FLOPS)
    throw new Refusal(
      BAD_INPUT,
      inputError(
        `a WebGPU adapter for a step of ${gigaflops(flops)}`,
        'none, and the reference backend is for steps of at most 1 GFLOP',
        'run `npm run adapter`, or wait with --backend reference'
      ).message
    )
  complain(
    `No WebGPU adapter was found, so the reference backend goes on with ${gigaflops(flops)} a step; \`npm run adapter\` may find one.`
  )
  return { kind: 'reference' }
}

const infoOf = (backend: Backend): AdapterInfo | undefined => (backend.kind === 'gpu' ? backend.device.info : undefined)

/** Writes progress: bars and lines on a terminal, lines elsewhere, nothing with --quiet. */
const progressWriter = ({ quiet, json }: Given, backend: string, total: number) => {
  const stream = json ? process.stderr : process.stdout
  const line = (text: string) => void stream.write(`${text}\n`)
  const terminal = Boolean(stream.isTTY) && !quiet
  const bar = terminal
    ? new cliProgress.SingleBar({
        format: '{bar} {value}/{total}  {text}',
        barCompleteChar: '#',
        barIncompleteChar: '-',
        barsize: 24,
        clearOnComplete: true,
        hideCursor: true,
        linewrap: false,
        stream
      })
    : undefined
  const times = { start: 0, shown: false }
  const withoutBar = (text: string) => {
    if (times.shown) bar?.stop()
    line(text)
    times.shown = false
  }
  return {
    /** Only where a bar can be drawn: the driver compiles in the first step anyway. */
    preparing: bar
      ? (done: number, of: number): void => {
          if (done === 1) bar.start(of, 0, { text: '' })
          times.shown = done < of
          bar.update(done, { text: 'kernels compiled' })
          if (done === of) bar.stop()
        }
      : undefined,
    tell: (event: Event): void => {
      if (quiet) return
      if (event.type === 'compiled') {
        times.start = event.seconds
        withoutBar(compiledLine(event, backend))
      } else if (event.type === 'epoch') withoutBar(epochLine(event, event.seconds - times.start, backend))
      else if (event.type === 'decision') withoutBar(decisionLine(event))
      else if (event.type === 'tuning') withoutBar(tuningLine(event))
      else if (bar) {
        if (!times.shown) bar.start(total, 0, { text: '' })
        times.shown = true
        bar.update((event.epoch - 1) * event.steps + event.step, { text: stepText(event) })
      }
    },
    stop: (): void => {
      if (times.shown) bar?.stop()
    }
  }
}

const isKnown = (space: string): boolean => Object.hasOwn(SPACES, space)

/** A space by its name, or from a JSON file. */
const readSpace = (given: string): Space => {
  if (isKnown(given)) return SPACES[given] as Space
  if (existsSync(given)) return orRefuse(parseSpace(orRefuse(readText('--space', given))))
  const wanted = `--space to be one of ${Object.keys(SPACES).join(', ')}, or a JSON file`
  throw new Refusal(BAD_INPUT, inputError(wanted, `'${given}'`, 'name one of these').message)
}

const runName = ({ method, seed }: SearchConfig): string =>
  `runs/${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}-${method}-seed${seed}`

const readTable = (path: string): BenchTable => orRefuse(decodeBenchTable(orRefuse(readText('--table', path))))

/** A genotype of the command line: the name of a published one, a text, or a file that holds one; of a space, if one is given. */
const readGenotype = (given: string, space?: Space): Genotype => {
  if (Object.hasOwn(PUBLISHED, given)) return PUBLISHED[given] as Genotype
  if (/^\s*(\||Genotype)/.test(given)) return orRefuse(parseGenotype(given, space))
  if (existsSync(given)) return orRefuse(parseGenotype(orRefuse(readText('the genotype', given)), space))
  const wanted = 'a genotype: its text, the name of a published one, or a file that holds one'
  throw new Refusal(
    BAD_INPUT,
    inputError(wanted, `'${given}'`, 'quote a text for the shell; `lambda-darts genotypes` lists the names').message
  )
}

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

interface Problem {
  readonly config: SearchConfig
  readonly space: Space
  readonly net: Supernet
  readonly data: SearchData
}

/** What a search or a diagnosis is of: everything that can be refused before anything runs is refused here. */
const setUp = (given: Given): Problem => {
  if (!Object.hasOwn(PRESETS, given.preset))
    throw new Refusal(
      BAD_INPUT,
      inputError(`--preset to be one of ${Object.keys(PRESETS).join(', ')}`, `'${given.preset}'`, 'name one of these').message
    )
  if (!['auto', 'gpu', 'reference'].includes(given.backend))
    throw new Refusal(
      BAD_INPUT,
      inputError('--backend to be one of auto, gpu, reference', `'${given.backend}'`, 'name one of these').message
    )
  if (given.backend === 'reference' && given.adapter !== undefined)
    throw new Refusal(
      BAD_INPUT,
      inputError('--adapter with --backend gpu or auto', '--backend reference, which uses none', 'leave one of them out').message
    )
  if (given.backend === 'reference' && given.unfused)
    throw new Refusal(
      BAD_INPUT,
      inputError('--unfused with --backend gpu or auto', '--backend reference, which has no kernels', 'leave one of them out')
        .message
    )
  const preset = given.preset as Preset
  const config = orRefuse(configure(preset, given))
  if (preset !== 'digits' && config.epochs === 1 && config.lambda > 0)
    throw new Refusal(
      BAD_INPUT,
      inputError(
        `at least 2 epochs with --preset ${preset}, whose lambda grows as e / (epochs - 1)`,
        '1',
        'use more epochs, or the preset digits'
      ).message
    )
  const dataset = orRefuse(decodeDigits(digits()))
  const data = orRefuse(prepare(dataset, config.seed))
  const space = readSpace(config.space)
  const net = orRefuse(networkOf(config, space, given, dataset))
  const weights = tablesOf(net).weights.size
  orRefuse(checkSizes(config, space, { train: data.train.count, valid: data.valid.count, weights }))
  orRefuse(checkCombination(config, given))
  return { config, space, net, data }
}

const searchCommand = async (given: Given): Promise<number> => {
  const { config, space, net, data } = setUp(given)
  if (given.table !== undefined && space.name !== 'nb201')
    throw new Refusal(
      BAD_INPUT,
      inputError('--table with the space nb201, whose cells it holds', `--space ${config.space}`, 'leave one of them out').message
    )
  const table = given.table === undefined ? undefined : orRefuse(wholeTable(readTable(given.table)))
  const backend = await chooseBackend(given, net, config, data)
  const folder = orRefuse(openRunFolder(given.out ?? runName(config)))
  folder.write('config.json', `${JSON.stringify(config, null, 2)}\n`)
  if (!isKnown(config.space)) folder.write('space.json', `${JSON.stringify(space, null, 2)}\n`)

  const name = backendName(infoOf(backend))
  const progress = progressWriter(given, name, config.epochs * stepsPerEpoch(config, data))
  const signal = { interrupted: false, told: false }
  const interrupt = (): void => {
    if (signal.interrupted) process.exit(INTERRUPTED) // a second Ctrl-C does not wait
    signal.interrupted = true
    complain('Interrupted: ending after this step.')
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
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
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

/** `1e-1,1e-2` as numbers above 0. */
const parseEpsilons = (text: string): readonly number[] => {
  const values = text.split(',').map(part => (part.trim() === '' ? Number.NaN : Number(part)))
  return values.every(value => Number.isFinite(value) && value > 0)
    ? values
    : orRefuse(E.left(inputError('--epsilons to be numbers above 0 with commas between them', `'${text}'`, 'correct it')))
}

const parseSteps = (text: string): number => {
  const steps = text.trim() === '' ? Number.NaN : Number(text)
  return Number.isSafeInteger(steps) && steps >= 0
    ? steps
    : orRefuse(E.left(inputError('--steps to be a whole number of at least 0', `'${text}'`, 'correct it')))
}

const diagnoseCommand = async (given: Given & { readonly epsilons: string; readonly steps: string }): Promise<number> => {
  const options = { epsilons: parseEpsilons(given.epsilons), steps: parseSteps(given.steps) }
  const { config, net, data } = setUp(given)
  const backend = await chooseBackend(given, net, config, data)
  const found = orRefuse(await diagnose(net, config, data, options)({ backend })(), FAILED)
  if (given.json) say(JSON.stringify({ ...found, config, version: version(), adapter: infoOf(backend) ?? 'reference' }))
  else say(diagnosisText(found, backendName(infoOf(backend))))
  return DONE
}

const adaptersCommand = async ({ json }: { readonly json?: boolean }): Promise<number> => {
  const adapters = orRefuse(await listAdapters()())
  const opened = await openDevice()()
  const taken: Device | undefined = E.isRight(opened) ? opened.right : undefined
  if (json) say(JSON.stringify({ adapters, taken: taken?.info ?? null }))
  else {
    for (const info of adapters)
      say(
        `${info.name === taken?.info.name ? '*' : ' '} ${info.name}  (${[info.vendor, info.architecture, info.backend, info.software ? 'software' : 'hardware'].filter(Boolean).join(', ')})`
      )
    if (taken) say('The adapter marked * is taken unless --adapter names another.')
  }
  if (!taken) throw new Refusal(BAD_INPUT, E.isLeft(opened) ? opened.left.message : '')
  return DONE
}

const scoreCommand = (given: string, { table, json }: { readonly table: string; readonly json?: boolean }): number => {
  const genotype = readGenotype(given)
  const report = orRefuse(scoreOf(readTable(table))(genotype))
  say(json ? JSON.stringify(report) : scoreText(report))
  return DONE
}

/** What `count` may be told of the network; the defaults are the published ones: for CIFAR-10, of DARTS and of NAS-Bench-201. */
const SIZE_OPTIONS = [
  { key: 'channels', flag: '--channels <n>', help: 'channels of the first cells', usual: { darts: 36, nb201: 16 }, most: 1e6 },
  { key: 'layers', flag: '--layers <n>', help: 'cells, or cells of each stage', usual: { darts: 20, nb201: 5 }, most: 1e3 },
  { key: 'classes', flag: '--classes <n>', help: 'classes of the data set', usual: { darts: 10, nb201: 10 }, most: 1e6 },
  { key: 'size', flag: '--size <n>', help: 'height and width of the images', usual: { darts: 32, nb201: 32 }, most: 1e5 },
  { key: 'imageChannels', flag: '--image-channels <n>', help: 'their channels', usual: { darts: 3, nb201: 3 }, most: 1e4 }
] as const

const countCommand = (given: string, options: Readonly<Record<string, string | boolean | undefined>>): number => {
  const space = typeof options['space'] === 'string' ? readSpace(options['space']) : undefined
  const genotype = readGenotype(given, space)
  const family = space && (space.skeleton.kind === 'stages' ? 'nb201' : 'darts')
  if (family !== undefined && family !== genotype.family)
    throw new Refusal(
      BAD_INPUT,
      inputError(`a genotype of --space ${options['space']}`, 'one of the other family', 'give the space it is of').message
    )
  const { channels, layers, classes, size, imageChannels } = Object.fromEntries(
    SIZE_OPTIONS.map(option => [
      option.key,
      orRefuse(parseOption({ ...option, least: 1, whole: true }, options[option.key] ?? String(option.usual[genotype.family])))
    ])
  ) as Readonly<Record<(typeof SIZE_OPTIONS)[number]['key'], number>>
  const net = orShapeRefusal(() =>
    derivedNetwork(genotype, { channels, layers, classes, imageChannels, size: [size, size] }, space)
  )
  const counted = orShapeRefusal(() => sizeOfNetwork(net))
  say(
    options['json'] ? JSON.stringify({ genotype: formatGenotype(genotype), ...net.config, ...counted }) : sizeText(net, counted)
  )
  return DONE
}

const genotypesCommand = ({ json }: { readonly json?: boolean }): number => {
  const texts = Object.entries(PUBLISHED).map(([name, genotype]) => [name, formatGenotype(genotype)] as const)
  say(json ? JSON.stringify(Object.fromEntries(texts)) : texts.map(([name, text]) => `${name}\n  ${text}`).join('\n'))
  return DONE
}

const examples = `
Examples:
  lambda-darts search                                  two minutes on two CPU cores: Λ-DARTS on the digits
  lambda-darts search --method darts --seed 1          first-order DARTS, another seed
  lambda-darts search --derivative exact --epochs 20   the exact derivative of the harmony
  lambda-darts search --json --quiet > summary.json    for programs
  lambda-darts search --table nasbench201.csv.gz       the same, scored by what its cells reached when they were trained
  lambda-darts count lambdadarts_corr_0                parameters and multiply-adds of a published cell's network
  lambda-darts score runs/.../genotype.txt --table nasbench201.csv.gz
  lambda-darts adapters                                what there is to run on
`

const presetTable = (): string => {
  const rows = [
    ['option', ...Object.keys(PRESETS)],
    ...OPTIONS.map(option => [flagName(option), ...Object.values(PRESETS).map(preset => String(preset[option.key]))])
  ]
  const widths = (rows[0] as string[]).map((_, i) => Math.max(...rows.map(row => (row[i] as string).length)))
  return `\nPresets (--preset):\n${rows
    .map(
      row =>
        `  ${row
          .map((cell, i) => cell.padEnd(widths[i] as number))
          .join('  ')
          .trimEnd()}`
    )
    .join('\n')}\n`
}

/** A command with the options of a search's configuration, and of where it runs. */
const withConfiguration = (command: Command): Command => {
  command.option(
    '--preset <name>',
    'where options that are not given come from: digits, or as published paper-nb201, paper-s1 to paper-s5',
    'digits'
  )
  for (const { flag, help, usual } of OPTIONS) {
    command.addOption(new CommandOption(flag, `${help} (default: ${usual})`))
    if (typeof usual === 'boolean')
      command.addOption(new CommandOption(flag.replace('--', '--no-'), 'not so, whatever the preset'))
  }
  return command
    .option('--backend <name>', 'auto, gpu or reference', 'auto')
    .option('--adapter <name>', 'part of the name of the adapter to use')
    .option(
      '--unfused',
      'a kernel for each operation: a software adapter compiles them in a fraction of the time, and steps are slower'
    )
}

const program = (finish: (code: Promise<number>) => void): Command => {
  const root = new Command('lambda-darts')
    .description('Differentiable architecture search that keeps cells in harmony, on WebGPU')
    .version(version(), '-V, --version')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', examples)
  const command = withConfiguration(
    root
      .command('search')
      .description('searches the cells of a network on the 1,797 handwritten digits that come with the package')
  )
  command
    .option('--out <folder>', 'a new or empty folder for the run (default: runs/TIME-METHOD-SEED)')
    .option('--table <file>', 'a table of NAS-Bench-201 (CSV, gzip or not): scores the cell of each epoch and the result')
    .option('--quiet', 'only the result')
    .option('--json', 'the result as JSON on standard output, progress on standard error')
    .addHelpText('after', () => presetTable() + examples)
    .exitOverride()
    .action(given => finish(searchCommand(given)))
  withConfiguration(
    root
      .command('diagnose')
      .description(
        "measures difference quotients beside the derivatives that they stand for: the regulariser's gradient in the weights, and the hypergradient of darts2, on the batches that a search would take next"
      )
  )
    .option(
      '--epsilons <list>',
      'steps of the quotients: epsilon0 of the regulariser, length by which the hypergradient moves the weights',
      '1e-1,1e-2,1e-3,1e-4,1e-5'
    )
    .option('--steps <n>', 'steps of the search to take first', '0')
    .option('--json', 'as JSON')
    .exitOverride()
    .action(given => finish(diagnoseCommand(given)))
  root
    .command('adapters')
    .description('lists the WebGPU adapters, and which would be taken')
    .option('--json', 'as JSON')
    .exitOverride()
    .action(given => finish(adaptersCommand(given)))
  root
    .command('score')
    .description('looks up what a cell of NAS-Bench-201 reached when it was trained: accuracy, rank, percentile, regret')
    .argument('<genotype>', 'its text, or a file that holds it')
    .requiredOption('--table <file>', 'a table of NAS-Bench-201 (CSV, gzip or not): a column arch, columns like cifar10_test_200')
    .option('--json', 'as JSON')
    .exitOverride()
    .action((genotype, given) => finish(Promise.resolve(scoreCommand(genotype, given))))
  const count = root
    .command('count')
    .description(
      'counts the parameters of the network of a genotype, and its multiply-adds for an image (convolutions and linear layers)'
    )
    .argument('<genotype>', 'its text, the name of a published one, or a file that holds it')
  for (const { flag, help, usual } of SIZE_OPTIONS)
    count.addOption(
      new CommandOption(
        flag,
        `${help} (default: ${[...new Set(Object.values(usual))].join(' for DARTS, ')}${usual.darts === usual.nb201 ? '' : ' for NAS-Bench-201'})`
      )
    )
  count
    .option('--space <name>', 'the space of the genotype, where it is one of your own: a JSON file')
    .option('--json', 'as JSON')
    .exitOverride()
    .action((genotype, given) => finish(Promise.resolve(countCommand(genotype, given))))
  root
    .command('genotypes')
    .description('lists the genotypes that Λ-DARTS published, by name')
    .option('--json', 'as JSON')
    .exitOverride()
    .action(given => finish(Promise.resolve(genotypesCommand(given))))
  return root
}

/** commander's refusals as the sentence that all others are. */
const asInputError = ({ message }: CommanderError): InputError => {
  const [first = '', ...more] = message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replace(/\.$/, '')
    .split('. ')
  const got = [first, ...more.map(text => `(${text})`)].join(' ')
  return inputError('options and commands that exist', got, 'see --help')
}

/** Runs the command line and gives the exit code. */
export const main = async (argv: readonly string[]): Promise<number> => {
  const running: Promise<number>[] = []
  try {
    program(code => running.push(code)).parse(argv, { from: 'user' })
    return (await running[0]) ?? DONE
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return DONE // help and version
      if (error.code === 'commander.help') return BAD_INPUT // printed by commander: no command was given
      complain(asInputError(error).message)
      return BAD_INPUT
    }
    if (error instanceof Refusal) {
      complain(error.message)
      return error.code
    }
    if (error instanceof Error && 'syscall' in error) {
      complain(
        inputError('the files of the run to be written', `'${error.message}'`, 'see to the folder and start again').message
      )
      return FAILED
    }
    throw error
  }
}
