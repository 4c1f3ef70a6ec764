/** `lambda-darts train` */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts/lib/index.js'
import type { Backend } from '../../engine/index.js'
import { checkImageSize } from '../configuration/config.js'
import { parseOption } from '../configuration/options.js'
import { derivedNetwork, FAMILIES, sizeOfNetwork } from '../genotypes/derive.js'
import type { Genotype } from '../genotypes/genotype.js'
import type { Checkpoint } from '../run/checkpoint.js'
import type { Space } from '../space/space.js'
import { checkAugmentation, checkTraining, trainingNetwork } from '../training/config.js'
import { prepareTraining } from '../training/data.js'
import {
  configureTraining,
  decodeTraining,
  TRAINING_OPTIONS,
  TRAINING_PRESETS,
  type TrainingConfig,
  type TrainingPreset
} from '../training/options.js'
import { seedStatistics, seedsText } from '../training/report.js'
import { checkBackend, withBackend } from './backend.js'
import { hasCheckpoints, newestCheckpoint } from './checkpoints.js'
import { type ReadDataSet, readDataSet } from './dataset.js'
import { openRunFolder, type RunFolder, reopenRunFolder } from './files.js'
import { readGenotype, readSpace } from './inputs.js'
import { say } from './outputs.js'
import { withOptions } from './presets.js'
import { DONE, FAILED, INTERRUPTED, orRefuse, orShapeRefusal, Refusal, refuse } from './refusal.js'
import {
  backendOptions,
  type ConfigReader,
  isEnd,
  ownSpace,
  readJson,
  readSummary,
  resumedConfiguration,
  withKeeping
} from './resume.js'
import { listenForSignals, type Signals } from './signals.js'
import { RUN_EXITS, type Subcommand, withManual } from './subcommand.js'
import {
  chooseTrainingBackend,
  finishTraining,
  type GivenTraining,
  resumeTraining,
  seedFolder,
  startTraining,
  type Training,
  type TrainingSummary,
  writeTraining
} from './training.js'

/** What is trained, and what the run that found it says of its data. */
interface Subject {
  readonly genotype: Genotype
  /** The user's own space that it is of. */
  readonly space: Space | undefined
  readonly data: Readonly<Record<string, string>>
}

/** What a training takes from the configuration of a run, if it is there. */
const RunConfig = t.partial({ data: t.string, root: t.string, imageSize: t.number })

const dataOfRun = (path: string): Subject['data'] => {
  const config = existsSync(path) ? readJson(path) : {}
  if (!RunConfig.is(config)) return refuse('a config.json of a run', `'${path}', which is none`, 'name another folder')
  const { data, root, imageSize } = config
  return {
    ...(data === undefined ? {} : { data }),
    ...(root === undefined || root === '' ? {} : { root }),
    ...(imageSize === undefined ? {} : { imageSize: String(imageSize) })
  }
}

/** A genotype by its text, name or file; or that of a run folder, with its own space and its data. */
const subjectOf = (argument: string, given: GivenTraining): Subject => {
  const found = join(argument, 'genotype.txt')
  const isRun = existsSync(found)
  const own = () => (isRun ? ownSpace(argument) : undefined)
  const space = given.space === undefined ? own() : readSpace(given.space)
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

const trainingOf = (subject: Subject, given: GivenTraining, config: TrainingConfig, dataSet: ReadDataSet): Training => {
  const { genotype, space: own } = subject
  const space = own ?? FAMILIES[genotype.family]
  const { sources, published, digest } = dataSet
  const data = orRefuse(prepareTraining(sources, published, config, space.skeleton.kind))
  const net = orShapeRefusal(() => orRefuse(trainingNetwork(config, genotype, given, data.train, space)))
  orRefuse(checkTraining(config, net, data.train))
  const { parameters } = orShapeRefusal(() =>
    sizeOfNetwork(derivedNetwork(genotype, { ...net.config, auxiliary: false }, space))
  )
  return { genotype, space: own, config, net, data, digest, parameters }
}

/** What a command is to do: the trainings of its seeds, in one folder, or in folders of their own in it. */
interface Plan {
  readonly path: string | undefined
  readonly trainings: readonly Training[]
  readonly several: boolean
}

const planOf = async (
  subject: Subject,
  given: GivenTraining,
  config: TrainingConfig,
  seeds: readonly number[] | undefined,
  path: string | undefined
): Promise<Plan> => {
  const dataSet = await readDataSet(config.data, config.root === '' ? undefined : config.root, config.imageSize)
  orRefuse(checkAugmentation(config, given, dataSet.published))
  const trainings = (seeds ?? [config.seed]).map(seed => trainingOf(subject, given, { ...config, seed }, dataSet))
  return { path, trainings, several: seeds !== undefined }
}

/** Everything that can be refused before anything runs is refused here: the trainings of all seeds. */
const newPlan = (argument: string, given: GivenTraining): Promise<Plan> => {
  checkBackend(given)
  if (!Object.hasOwn(TRAINING_PRESETS, given.preset))
    refuse(
      `--preset to be one of ${Object.keys(TRAINING_PRESETS).join(', ')}`,
      `'${given.preset}'`,
      'name one of these'
    )
  const subject = subjectOf(argument, given)
  const config = orRefuse(configureTraining(given.preset as TrainingPreset, { ...subject.data, ...given }))
  orRefuse(checkImageSize(config, given))
  return planOf(subject, given, config, seedsOf(given), given.out)
}

/** The configuration in a run folder of a training, or of several seeds. */
const Several = t.type({ seeds: t.readonlyArray(t.number) })
const READER: ConfigReader<TrainingConfig & { readonly seeds?: readonly number[] }> = {
  what: 'training',
  decode: json =>
    pipe(
      decodeTraining(json),
      E.map(config => (Several.is(json) ? { ...config, seeds: json.seeds } : config))
    ),
  options: TRAINING_OPTIONS,
  configure: given => configureTraining('small', given)
}

/** The trainings of a folder that was begun. */
const resumedPlan = (path: string, given: GivenTraining): Promise<Plan> => {
  for (const name of ['out', 'seeds', 'space'] as const)
    if (given[name] !== undefined)
      refuse('--resume without others', `--${name} beside it`, 'leave it away: the folder says it')
  const { seeds, ...config } = resumedConfiguration(path, given, READER)
  return planOf(subjectOf(path, { ...given, data: config.data }), given, config, seeds, path)
}

/** A genotype, or the folder of a training to go on with. */
const requestedPlan = (argument: string | undefined, given: GivenTraining): Promise<Plan> => {
  if ((argument === undefined) === (given.resume === undefined))
    return refuse(
      'a genotype, or --resume with the folder of a training',
      argument === undefined ? 'neither' : 'both',
      'give one of them'
    )
  return given.resume === undefined ? newPlan(argument as string, given) : resumedPlan(given.resume, given)
}

/** The checkpoint that a folder goes on from: of several seeds that of the one which was begun last. */
const checkpointOf = ({ path, trainings, several }: Plan): Checkpoint | undefined => {
  if (path === undefined) return undefined
  const folders = several ? trainings.map(({ config }) => seedFolder(path, config.seed)) : [path]
  const begun = folders.findLast(folder => hasCheckpoints(folder))
  return begun === undefined ? undefined : orRefuse(newestCheckpoint(begun)).checkpoint
}

/** The exit code of a training that ended. */
const codeOf = (stopped: TrainingSummary['stopped']): number => {
  if (stopped?.reason === 'non-finite') throw new Refusal(FAILED, stopped.message)
  return stopped ? INTERRUPTED : DONE
}

/** What of a seed's summary is looked at: how it ended, and what seeds are compared by. */
const SeedSummary = t.type({
  stopped: t.union([
    t.null,
    t.type({ reason: t.literal('interrupted') }),
    t.type({ reason: t.literal('non-finite'), message: t.string })
  ]),
  last: t.type({ top1: t.number, top5: t.number }),
  best: t.union([t.null, t.type({ testTop1: t.number, testTop5: t.number })])
})
type SeedSummary = t.TypeOf<typeof SeedSummary>

/** What a seed came to, if it ended. */
const endedSummary = (path: string): SeedSummary | undefined => {
  const summary = readSummary(path)
  if (!isEnd(summary)) return undefined
  return SeedSummary.is(summary)
    ? summary
    : refuse(
        'the summary of a training',
        `'${path}/summary.json', which is none`,
        'remove that folder, to train the seed again'
      )
}

/** Trains a seed in a folder of its own: goes on where that was begun, and only tells where it has ended. */
const trainSeed = async (
  training: Training,
  given: GivenTraining,
  backend: Backend,
  path: string,
  signals: Signals
) => {
  const ended = endedSummary(path)
  if (ended) return ended
  const begun = hasCheckpoints(path)
  // It was killed before there was anything to go on from.
  if (!begun) rmSync(path, { recursive: true, force: true })
  const started = (begun ? resumeTraining : startTraining)(training, given, backend, path)
  return finishTraining(started, signals, { several: true })
}

/** Trains each seed in turn, into folders of their own; ends with the first that does not come to its end. */
const trainSeeds = async (
  { trainings }: Plan,
  given: GivenTraining,
  backend: Backend,
  folder: RunFolder,
  signals: Signals
): Promise<number> => {
  const done: (SeedSummary & { readonly seed: number })[] = []
  for (const training of trainings) {
    const { seed } = training.config
    if (!given.quiet && !given.json) say(`${done.length > 0 ? '\n' : ''}Seed ${seed}`)
    done.push({ seed, ...(await trainSeed(training, given, backend, seedFolder(folder.path, seed), signals)) })
    if (done.at(-1)?.stopped) break
  }
  const finished = done.filter(({ stopped }) => stopped === null)
  const stopped = done.at(-1)?.stopped ?? null
  const summary = { stopped, seeds: done, ...(finished.length > 0 ? { statistics: seedStatistics(finished) } : {}) }
  if (given.json) say(JSON.stringify(summary))
  else if (finished.length > 0) say(`\n${seedsText(finished, trainings[0]?.net.config.classes ?? 0)}`)
  folder.write('summary.json', `${JSON.stringify(summary, null, 2)}\n`)
  return codeOf(stopped)
}

const runName = ({ config }: Training, several: boolean): string =>
  `runs/${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}-train-${several ? 'seeds' : `seed${config.seed}`}`

const run = async (argument: string | undefined, given: GivenTraining): Promise<number> => {
  const plan = await requestedPlan(argument, given)
  const checkpoint = given.resume === undefined ? undefined : checkpointOf(plan)
  const where = checkpoint ? backendOptions(given, checkpoint) : given
  const first = plan.trainings[0] as Training
  const backend = await chooseTrainingBackend(where, first)
  const path = plan.path ?? runName(first, plan.several)
  const signals = listenForSignals()
  try {
    if (!plan.several) {
      const begun = (given.resume === undefined ? startTraining : resumeTraining)(first, where, backend, path)
      return codeOf((await finishTraining(begun, signals, plan)).stopped)
    }
    const seeds = plan.trainings.map(({ config }) => config.seed)
    const begin = (made: RunFolder): void => writeTraining(made, first, { ...first.config, seeds })
    const folder = orRefuse(given.resume === undefined ? openRunFolder(path, begin) : reopenRunFolder(path))
    try {
      return await trainSeeds(plan, where, backend, folder, signals)
    } finally {
      folder.close()
    }
  } finally {
    signals.release()
  }
}

/** Trains the network of a genotype from scratch, tests it, keeps its weights. */
export const trainCommand: Subcommand = (root, finish) => {
  const command = withKeeping(
    withBackend(
      withOptions(
        root
          .command('train')
          .description(
            'trains the network of a genotype from scratch, tests it after each epoch, and keeps its weights'
          )
          .argument(
            '[genotype]',
            'its text, the name of a published one, a file that holds it, or the folder of a search, whose data ' +
              'is then the default'
          )
          .option(
            '--preset <name>',
            'where options that are not given come from: small (minutes on a small machine), or as published ' +
              'darts and nb201',
            'small'
          ),
        TRAINING_OPTIONS.map(option => ({ ...option, usual: option.values[0] }))
      )
    )
  )
    .option('--seeds <list>', 'trains several, as 0,1,2: mean and deviation of their accuracies')
    .option('--space <name>', 'the space of the genotype, where it is one of your own: a JSON file')
    .option('--out <folder>', 'a new or empty folder for the run (default: runs/TIME-train-SEED)')
    .option('--quiet', 'only the result')
    .option(
      '--json',
      'lines of JSON on standard output: each event, the result as the last line; with --quiet the result alone'
    )
    .action((genotype, given) => finish(run(genotype, given)))
  withManual(command, {
    examples: [
      ['lambda-darts train runs/first', 'trains the cell that a search found, from scratch, and tests it'],
      ['lambda-darts train lambdadarts_corr_0 --seeds 0,1,2', 'a published cell, three times: mean and deviation'],
      ['lambda-darts train --resume runs/second', 'goes on where a training ended, to the same bits']
    ],
    presets: { options: TRAINING_OPTIONS, presets: TRAINING_PRESETS },
    writes: 'the folder of the run, with its weights: docs/run-folder.md has its files, field by field',
    ...RUN_EXITS
  })
}
