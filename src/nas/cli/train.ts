/** `lambda-darts train` */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import * as t from 'io-ts/lib/index.js'
import type { Backend } from '../../engine.js'
import { type DerivedNetwork, derivedNetwork, FAMILIES, sizeOfNetwork } from '../derive.js'
import { formatGenotype, type Genotype } from '../genotype.js'
import { parseOption } from '../options.js'
import { backendName } from '../report.js'
import type { Space } from '../space.js'
import { parseSpace } from '../spacefile.js'
import { checkAugmentation, checkTraining, trainingNetwork } from '../training/config.js'
import { prepareTraining, type TrainingData, trainingSteps } from '../training/data.js'
import type { TrainingResult } from '../training/events.js'
import { withMachine } from '../training/machine.js'
import { brightestOf, encodeModel } from '../training/model.js'
import {
  configureTraining,
  TRAINING_OPTIONS,
  TRAINING_PRESETS,
  type TrainingConfig,
  type TrainingPreset
} from '../training/options.js'
import { seedStatistics, seedsText, trainingText } from '../training/report.js'
import { train } from '../training/train.js'
import { checkBackend, type GivenBackend, infoOf, openBackend, withBackend } from './backend.js'
import { type ReadDataSet, readDataSet } from './dataset.js'
import { openRunFolder, type RunFolder, readText } from './files.js'
import { MOST_SPACE_BYTES, readGenotype, readSpace, say, version } from './inputs.js'
import { tableOfPresets, withOptions } from './presets.js'
import { trainingProgress } from './progress.js'
import { DONE, FAILED, INTERRUPTED, orRefuse, orShapeRefusal, Refusal, refuse } from './refusal.js'
import { listenForSignals, type Signals } from './signals.js'
import type { Subcommand } from './subcommand.js'

interface GivenTraining extends GivenBackend {
  readonly preset: string
  readonly seeds?: string
  readonly space?: string
  readonly out?: string
  readonly quiet?: boolean
  readonly json?: boolean
}

/** What is trained, and what the run that found it says of its data. */
interface Subject {
  readonly genotype: Genotype
  /** The user's own space that it is of. */
  readonly space: Space | undefined
  readonly data: Readonly<Record<string, string>>
}

const MOST_CONFIG_BYTES = 2 ** 20

/** What a training takes from the configuration of a run, if it is there. */
const RunConfig = t.partial({ data: t.string, root: t.string })

const dataOfRun = (path: string): Subject['data'] => {
  if (!existsSync(path)) return {}
  const text = orRefuse(readText('the run', path, MOST_CONFIG_BYTES))
  const decoded = E.chain((value: unknown) => RunConfig.decode(value))(
    E.tryCatch(
      () => JSON.parse(text) as unknown,
      () => []
    )
  )
  if (E.isLeft(decoded)) return refuse('a config.json of a run', `'${path}', which is none`, 'name another folder')
  const { data, root } = decoded.right
  return { ...(data === undefined ? {} : { data }), ...(root === undefined || root === '' ? {} : { root }) }
}

/** A genotype by its text, name or file; or that of a run folder, with its own space and its data. */
const subjectOf = (argument: string, given: GivenTraining): Subject => {
  const found = join(argument, 'genotype.txt')
  const isRun = existsSync(found)
  const own = join(argument, 'space.json')
  const space =
    given.space !== undefined
      ? readSpace(given.space)
      : isRun && existsSync(own)
        ? orRefuse(parseSpace(orRefuse(readText('the run', own, MOST_SPACE_BYTES))))
        : undefined
  const genotype = readGenotype(isRun ? found : argument, space)
  if (space && (space.skeleton.kind === 'stages') !== (genotype.family === 'nb201'))
    refuse(`a genotype of --space ${space.name}`, 'one of the other family', 'give the space it is of')
  return { genotype, space, data: isRun && given['data'] === undefined ? dataOfRun(join(argument, 'config.json')) : {} }
}

/** The seeds of `--seeds 0,1,2`; none if it was not given. */
const seedsOf = (given: GivenTraining): readonly number[] | undefined => {
  if (given.seeds === undefined) return undefined
  if (given['seed'] !== undefined) return refuse('--seed or --seeds', 'both', 'leave one of them out')
  const option = { flag: '--seeds <list>', help: '', least: 0, most: Number.MAX_SAFE_INTEGER, whole: true }
  const seeds = given.seeds.split(',').map(text => orRefuse(parseOption(option, text)) as number)
  return new Set(seeds).size === seeds.length
    ? seeds
    : refuse('--seeds that are all different', `'${given.seeds}'`, 'name each once')
}

/** A training of one seed. */
interface Problem {
  readonly subject: Subject
  readonly config: TrainingConfig
  readonly net: DerivedNetwork
  readonly data: TrainingData
  readonly parameters: number
}

const problemOf = (subject: Subject, given: GivenTraining, config: TrainingConfig, dataSet: ReadDataSet): Problem => {
  const { genotype, space = FAMILIES[genotype.family] } = subject
  const data = orRefuse(prepareTraining(dataSet.sources, dataSet.published, config, space.skeleton.kind))
  const net = orShapeRefusal(() => orRefuse(trainingNetwork(config, genotype, given, data.train, space)))
  orRefuse(checkTraining(config, net, data.train))
  const { parameters } = orShapeRefusal(() => sizeOfNetwork(derivedNetwork(genotype, { ...net.config, auxiliary: false }, space)))
  return { subject, config, net, data, parameters }
}

/** Everything that can be refused before anything runs is refused here: the trainings of all seeds. */
const setUp = async (argument: string, given: GivenTraining): Promise<readonly Problem[]> => {
  checkBackend(given)
  if (!Object.hasOwn(TRAINING_PRESETS, given.preset))
    refuse(`--preset to be one of ${Object.keys(TRAINING_PRESETS).join(', ')}`, `'${given.preset}'`, 'name one of these')
  const subject = subjectOf(argument, given)
  const seeds = seedsOf(given)
  const config = orRefuse(configureTraining(given.preset as TrainingPreset, { ...subject.data, ...given }))
  const dataSet = await readDataSet(config.data, config.root === '' ? undefined : config.root)
  orRefuse(checkAugmentation(config, given, dataSet.published))
  return (seeds ?? [config.seed]).map(seed => problemOf(subject, given, { ...config, seed }, dataSet))
}

const chooseBackend = (given: GivenTraining, { net, config, data }: Problem): Promise<Backend> =>
  openBackend(given, async () => {
    const counting = withMachine(net, config, data, undefined, ({ report }) => RTE.of(report))
    return orRefuse(await counting({ backend: { kind: 'reference' } })())
  })

/** What a run folder holds before the first step. */
const writeStart = (folder: RunFolder, { subject, config }: Problem): void => {
  folder.write('config.json', `${JSON.stringify(config, null, 2)}\n`)
  folder.write('genotype.txt', `${formatGenotype(subject.genotype)}\n`)
  if (subject.space) folder.write('space.json', `${JSON.stringify(subject.space, null, 2)}\n`)
  folder.append('events.jsonl', '')
}

/** What a run folder holds in the end: weights, and the summary, which is given back. */
const writeResult = (
  folder: RunFolder,
  { subject: { genotype, space }, net, config, data, parameters }: Problem,
  { arrays, ...result }: TrainingResult,
  backend: Backend,
  seconds: number
): object => {
  const { classNames, normalisation } = data.train
  const model = { net, classNames, normalisation, brightest: brightestOf(data.train), ...(space ? { space } : {}) }
  folder.write('last.safetensors', encodeModel({ ...model, arrays: arrays.last }))
  if (result.best) folder.write('best.safetensors', encodeModel({ ...model, arrays: arrays.best }))
  const adapter = infoOf(backend) ?? 'reference'
  const summary = { genotype: formatGenotype(genotype), parameters, ...result, config, version: version(), adapter, seconds }
  folder.write('summary.json', `${JSON.stringify(summary, null, 2)}\n`)
  return summary
}

interface Trained {
  readonly result: TrainingResult
  readonly summary: object
}

/** Trains one seed into its folder. */
const trainOne = async (
  problem: Problem,
  given: GivenTraining,
  backend: Backend,
  folder: RunFolder,
  signals: Signals
): Promise<Trained> => {
  const { net, config, data } = problem
  const name = backendName(infoOf(backend))
  const progress = trainingProgress(given, name, config.epochs * trainingSteps(config, data))
  const started = performance.now()
  const seconds = () => (performance.now() - started) / 1000
  const told = { any: false }
  writeStart(folder, problem)
  try {
    const result = await train(net, config, data, {
      tell: event => () => {
        told.any = true
        folder.append('events.jsonl', `${JSON.stringify(event)}\n`)
        progress.tell(event)
      },
      interrupted: signals.interrupted,
      now: seconds,
      ...(progress.preparing ? { preparing: progress.preparing } : {})
    })({ backend })()
    progress.stop()
    if (E.isLeft(result) && !told.any) folder.discard()
    const reached = orRefuse(result, FAILED)
    const summary = writeResult(folder, problem, reached, backend, seconds())
    if (!given.json) {
      if (!given.quiet) say('')
      say(trainingText(reached, { classes: net.config.classes, parameters: problem.parameters, seed: config.seed }))
      if (!given.quiet) say(`Written to ${folder.path}/ in ${seconds().toFixed(0)} s on ${name}`)
    }
    return { result: reached, summary }
  } finally {
    progress.stop()
  }
}

/** The exit code of a training that ended. */
const codeOf = ({ stopped }: TrainingResult): number => {
  if (stopped?.reason === 'non-finite') throw new Refusal(FAILED, stopped.message)
  return stopped ? INTERRUPTED : DONE
}

/** Trains each seed in turn, into folders of their own; ends with the first that does not come to its end. */
const trainSeeds = async (
  problems: readonly Problem[],
  given: GivenTraining,
  backend: Backend,
  folder: RunFolder,
  signals: Signals
): Promise<number> => {
  const done: (Trained & { readonly seed: number })[] = []
  for (const problem of problems) {
    const { seed } = problem.config
    if (!given.quiet && !given.json) say(`${done.length > 0 ? '\n' : ''}Seed ${seed}`)
    const own = orRefuse(openRunFolder(join(folder.path, `seed-${seed}`)), FAILED)
    try {
      done.push({ seed, ...(await trainOne(problem, given, backend, own, signals)) })
    } finally {
      own.close()
    }
    if (done.at(-1)?.result.stopped) break
  }
  const finished = done.filter(({ result }) => result.stopped === null).map(({ seed, result }) => ({ seed, ...result }))
  const summary = {
    seeds: done.map(({ summary }) => summary),
    ...(finished.length > 0 ? { statistics: seedStatistics(finished) } : {})
  }
  folder.write('summary.json', `${JSON.stringify(summary, null, 2)}\n`)
  if (given.json) say(JSON.stringify(summary))
  else if (finished.length > 0) say(`\n${seedsText(finished, problems[0]?.net.config.classes ?? 0)}`)
  return codeOf((done.at(-1) as Trained).result)
}

const runName = ({ seed }: TrainingConfig, several: boolean): string =>
  `runs/${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}-train-${several ? 'seeds' : `seed${seed}`}`

const run = async (argument: string, given: GivenTraining): Promise<number> => {
  const problems = await setUp(argument, given)
  const several = given.seeds !== undefined
  const first = problems[0] as Problem
  const backend = await chooseBackend(given, first)
  const folder = orRefuse(openRunFolder(given.out ?? runName(first.config, several)))
  const signals = listenForSignals()
  try {
    if (several) return await trainSeeds(problems, given, backend, folder, signals)
    const { result, summary } = await trainOne(first, given, backend, folder, signals)
    if (given.json) say(JSON.stringify(summary))
    return codeOf(result)
  } finally {
    signals.release()
    folder.close()
  }
}

/** Trains the network of a genotype from scratch, tests it, keeps its weights. */
export const trainCommand: Subcommand = (root, finish) => {
  withBackend(
    withOptions(
      root
        .command('train')
        .description('trains the network of a genotype from scratch, tests it after each epoch, and keeps its weights')
        .argument(
          '<genotype>',
          'its text, the name of a published one, a file that holds it, or the folder of a search, whose data is then the default'
        )
        .option(
          '--preset <name>',
          'where options that are not given come from: small (minutes on a small machine), or as published darts and nb201',
          'small'
        ),
      TRAINING_OPTIONS.map(option => ({ ...option, usual: option.values[0] }))
    )
  )
    .option('--seeds <list>', 'trains several, as 0,1,2: mean and deviation of their accuracies')
    .option('--space <name>', 'the space of the genotype, where it is one of your own: a JSON file')
    .option('--out <folder>', 'a new or empty folder for the run (default: runs/TIME-train-SEED)')
    .option('--quiet', 'only the result')
    .option('--json', 'the result as JSON on standard output, progress on standard error')
    .addHelpText('after', () => tableOfPresets(TRAINING_OPTIONS, TRAINING_PRESETS))
    .action((genotype, given) => finish(run(genotype, given)))
}
