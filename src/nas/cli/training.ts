/** One training in its folder: begun, or gone on with, and run to its end. */
import { join } from 'node:path'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import type { Backend } from '../../engine/index.js'
import type { DerivedNetwork } from '../genotypes/derive.js'
import { formatGenotype, type Genotype } from '../genotypes/genotype.js'
import type { Checkpoint } from '../run/checkpoint.js'
import type { Space } from '../space/space.js'
import { backendName } from '../text.js'
import { type TrainingData, trainingSteps } from '../training/data.js'
import type { TrainingEvent, TrainingResult } from '../training/events.js'
import { withMachine } from '../training/machine.js'
import { brightestOf, encodeModel } from '../training/model.js'
import type { TrainingConfig } from '../training/options.js'
import { type TrainingStart, trainingGoingOn } from '../training/place.js'
import { trainingText } from '../training/report.js'
import { train } from '../training/train.js'
import { type GivenBackend, infoOf, openBackend } from './backend.js'
import { beginAgain, type Conduct, checkpointIn, conduct, type Ready } from './conduct.js'
import { beginEvents } from './eventlog.js'
import { openRunFolder, type RunFolder } from './files.js'
import { version } from './inputs.js'
import { complain, say } from './outputs.js'
import { trainingProgress } from './progress.js'
import { orRefuse } from './refusal.js'
import { type GivenKeeping, identityOf, keepingOf } from './resume.js'
import type { Signals } from './signals.js'

export interface GivenTraining extends GivenBackend, GivenKeeping {
  readonly preset: string
  readonly seeds?: string
  readonly space?: string
  readonly out?: string
  readonly quiet?: boolean
  readonly json?: boolean
}

/** What is trained, on what, and how. */
export interface Training {
  readonly genotype: Genotype
  /** The user's own space that it is of. */
  readonly space: Space | undefined
  readonly config: TrainingConfig
  readonly net: DerivedNetwork
  readonly data: TrainingData
  /** Of the data set, whole. */
  readonly digest: string
  readonly parameters: number
}

/** A training about to run. */
export interface TrainingRun extends Training, Ready<TrainingStart> {
  readonly given: GivenTraining
}

export const chooseTrainingBackend = (given: GivenTraining, { net, config, data }: Training): Promise<Backend> =>
  openBackend(given, async () => {
    const counting = withMachine(net, config, data, undefined, ({ report }) => RTE.of(report))
    return orRefuse(await counting({ backend: { kind: 'reference' } })())
  })

/** What a run folder says of a training before its first step. `config` may say more: the seeds of several. */
export const writeTraining = (folder: RunFolder, { genotype, space }: Training, config: object): void => {
  folder.write('config.json', `${JSON.stringify(config, null, 2)}\n`)
  folder.write('genotype.txt', `${formatGenotype(genotype)}\n`)
  if (space) folder.write('space.json', `${JSON.stringify(space, null, 2)}\n`)
}

/** A new training in a folder of its own. */
export const startTraining = (
  training: Training,
  given: GivenTraining,
  backend: Backend,
  path: string
): TrainingRun => {
  const begin = (folder: RunFolder): void => {
    writeTraining(folder, training, training.config)
    beginEvents(folder)
  }
  const folder = orRefuse(openRunFolder(path, begin))
  return { ...training, given, backend, folder, from: undefined }
}

/** What a training is, for its checkpoints. */
const identityOfTraining = ({ config, genotype, space, digest }: Training, backend: Backend): Checkpoint['identity'] =>
  identityOf(config, { genotype: formatGenotype(genotype), space, data: digest }, backend)

/** A training that goes on, if it is of the same configuration, data and adapter as its last checkpoint. */
export const resumeTraining = (
  training: Training,
  given: GivenTraining,
  backend: Backend,
  path: string
): TrainingRun => {
  const identity = identityOfTraining(training, backend)
  const begun = beginAgain(path, checkpointIn(path), identity, given, kept => trainingGoingOn(training.net, kept))
  return { ...training, given, backend, ...begun }
}

/** What a training came to, as its summary says it. */
export type TrainingSummary = Omit<TrainingResult, 'arrays'> & Readonly<Record<string, unknown>>

const summaryOf = (
  { genotype, config, parameters, backend }: TrainingRun,
  { arrays: _, ...result }: TrainingResult,
  seconds: number
): TrainingSummary => {
  const adapter = infoOf(backend) ?? 'reference'
  return { genotype: formatGenotype(genotype), parameters, ...result, config, version: version(), adapter, seconds }
}

/** What a run folder holds in the end: weights, and the summary. */
const writeResult = (
  { folder, space, net, data }: TrainingRun,
  { arrays, best }: TrainingResult,
  summary: TrainingSummary
): void => {
  const { classNames, normalisation } = data.train
  const model = { net, classNames, normalisation, brightest: brightestOf(data.train), ...(space ? { space } : {}) }
  folder.write('last.safetensors', encodeModel({ ...model, arrays: arrays.last }))
  if (best) folder.write('best.safetensors', encodeModel({ ...model, arrays: arrays.best }))
  folder.write('summary.json', `${JSON.stringify(summary, null, 2)}\n`)
}

/** Trains to the end, and says what came of it: with `--json` its summary, unless it is one of several. */
export const finishTraining = async (
  run: TrainingRun,
  signals: Signals,
  { several }: { readonly several: boolean }
): Promise<TrainingSummary> => {
  const { given, net, config, data, folder, parameters, backend, from } = run
  const name = backendName(infoOf(backend))
  const total = config.epochs * trainingSteps(config, data)
  const span = { total, before: from?.steps ?? 0, step: 1, after: 0, costs: {} }
  const conducted: Conduct<TrainingEvent, TrainingStart, TrainingResult> = {
    run: (watched, start) => train(net, config, data, watched, start),
    startOf: kept => trainingGoingOn(net, kept),
    identityOf: on => identityOfTraining(run, on),
    keeping: keepingOf(given),
    open: () => chooseTrainingBackend(given, run),
    interrupted: signals.interrupted,
    noted: event => event,
    writer: now => trainingProgress(given, name, span, now)
  }
  try {
    const { reached, seconds } = await conduct(run, conducted)
    const summary = summaryOf(run, reached, seconds)
    // Whatever the disk does, what came of it is said.
    if (given.json) {
      if (!several) say(JSON.stringify(summary))
    } else {
      if (!given.quiet) say('')
      say(trainingText(reached, { classes: net.config.classes, parameters, seed: config.seed }))
    }
    writeResult(run, reached, summary)
    if (!given.json && !given.quiet) say(`Written to ${folder.path}/ in ${seconds.toFixed(0)} s`)
    if (reached.stopped && !given.quiet) complain(`It goes on with: lambda-darts train --resume ${folder.path}`)
    return summary
  } finally {
    folder.close()
  }
}

/** The folder of a seed in that of several. */
export const seedFolder = (path: string, seed: number): string => join(path, `seed-${seed}`)
