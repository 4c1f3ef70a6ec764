/** Every option of a training from scratch: what it means, what it must be, and its value in each preset. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts/lib/index.js'
import { augmentation, DATA_OPTIONS, parseGiven, type SearchOption } from '../configuration/options.js'
import type { InputError } from '../errors.js'

/** The configuration of a training, as it is written to `config.json`. */
export const TrainingConfig = t.readonly(
  t.strict({
    channels: t.number,
    layers: t.number,
    layersPerStage: t.number,
    epochs: t.number,
    batch: t.number,
    accumulate: t.number,
    learningRate: t.number,
    learningRateEnd: t.number,
    momentum: t.number,
    nesterov: t.boolean,
    weightDecay: t.number,
    clip: t.number,
    dropPath: t.number,
    auxiliary: t.number,
    labelSmoothing: t.number,
    augmentation: augmentation,
    cutout: t.number,
    seed: t.number,
    data: t.string,
    root: t.string,
    imageSize: t.number
  })
)
export type TrainingConfig = t.TypeOf<typeof TrainingConfig>

/** `small` is what a plain run uses; `darts` and `nb201` are the published trainings of method.md 5.1 and 5.3. */
export const TRAINING_PRESET_NAMES = ['small', 'darts', 'nb201'] as const
/** The name of a preset of trainings. */
export type TrainingPreset = (typeof TRAINING_PRESET_NAMES)[number]

/** An option of a training. */
export interface TrainingOption<K extends keyof TrainingConfig = keyof TrainingConfig>
  extends Omit<SearchOption, 'key' | 'usual' | 'paper' | 'sota'> {
  readonly key: K
  /** By preset, in the order of `TRAINING_PRESET_NAMES`. */
  readonly values: readonly [TrainingConfig[K], TrainingConfig[K], TrainingConfig[K]]
}

/** The table of all options: the command line, the checks and `--help` are made from it. */
export const TRAINING_OPTIONS: readonly TrainingOption[] = [
  { key: 'data', ...DATA_OPTIONS.data, values: ['digits', 'digits', 'digits'] },
  { key: 'root', ...DATA_OPTIONS.root, values: ['', '', ''] },
  { key: 'imageSize', ...DATA_OPTIONS.imageSize, values: [32, 32, 32] },
  {
    key: 'channels',
    flag: '--channels <n>',
    help: 'channels of the first cells',
    least: 1,
    most: 1e6,
    whole: true,
    values: [8, 36, 16]
  },
  {
    key: 'layers',
    flag: '--layers <n>',
    help: 'cells of the network of a DARTS genotype: two reductions, the others normal',
    skeleton: 'layers',
    least: 3,
    most: 100,
    whole: true,
    values: [5, 20, 20]
  },
  {
    key: 'layersPerStage',
    flag: '--layers-per-stage <n>',
    help: 'cells in each of the three stages of a network of NAS-Bench-201',
    skeleton: 'stages',
    least: 1,
    most: 100,
    whole: true,
    values: [1, 5, 5]
  },
  {
    key: 'epochs',
    flag: '--epochs <n>',
    help: 'passes over the training images',
    least: 1,
    most: 1e6,
    whole: true,
    values: [12, 600, 200]
  },
  {
    key: 'batch',
    flag: '--batch <n>',
    help: 'images of a step',
    least: 2,
    whole: true,
    values: [32, 96, 256]
  },
  {
    key: 'accumulate',
    flag: '--accumulate <n>',
    help:
      'micro-batches that a batch is taken in, for less memory: their gradients are averaged, batch statistics are ' +
      'those of each',
    least: 1,
    whole: true,
    values: [1, 1, 1]
  },
  {
    key: 'learningRate',
    flag: '--learning-rate <x>',
    help: 'the learning rate in the first epoch',
    least: Number.MIN_VALUE,
    values: [0.05, 0.025, 0.1]
  },
  {
    key: 'learningRateEnd',
    flag: '--learning-rate-end <x>',
    help: 'what it falls to, along a cosine',
    least: 0,
    values: [0, 0, 0]
  },
  { key: 'momentum', flag: '--momentum <x>', help: 'momentum of SGD', least: 0, most: 1, values: [0.9, 0.9, 0.9] },
  {
    key: 'nesterov',
    flag: '--nesterov',
    help: "Nesterov's form of the momentum",
    values: [false, false, true]
  },
  {
    key: 'weightDecay',
    flag: '--weight-decay <x>',
    help: 'L2, added to the gradient after the clip',
    least: 0,
    values: [3e-4, 3e-4, 5e-4]
  },
  {
    key: 'clip',
    flag: '--clip <x>',
    help: 'the norm that gradients are clipped to; 0: none',
    least: 0,
    values: [5, 5, 0]
  },
  {
    key: 'dropPath',
    flag: '--drop-path <x>',
    help: 'how likely a branch of a cell is dropped for an image, growing linearly from 0 over the epochs; 0: never',
    least: 0,
    most: 0.99,
    values: [0, 0.2, 0]
  },
  {
    key: 'auxiliary',
    flag: '--auxiliary <x>',
    help: "weight of the loss of DARTS' auxiliary head; 0: the network has none",
    least: 0,
    values: [0, 0.4, 0]
  },
  {
    key: 'labelSmoothing',
    flag: '--label-smoothing <x>',
    help: 'share of the target that is spread over all classes',
    least: 0,
    most: 0.99,
    values: [0, 0, 0]
  },
  { key: 'augmentation', ...DATA_OPTIONS.augmentation, values: ['published', 'published', 'published'] },
  { key: 'cutout', ...DATA_OPTIONS.cutout, values: [0, 16, 0] },
  {
    key: 'seed',
    flag: '--seed <n>',
    help:
      'seed of the weights, the order of batches, the moves of images and drop path; and of the split where no test ' +
      'part comes with the data',
    least: 0,
    most: Number.MAX_SAFE_INTEGER,
    whole: true,
    values: [0, 0, 0]
  }
]

const presetAt = (column: 0 | 1 | 2): TrainingConfig =>
  Object.fromEntries(TRAINING_OPTIONS.map(({ key, values }) => [key, values[column]])) as TrainingConfig

/** The configurations of trainings by name: one for a try, and those of the papers. */
export const TRAINING_PRESETS: Readonly<Record<TrainingPreset, TrainingConfig>> = {
  small: presetAt(0),
  darts: presetAt(1),
  nb201: presetAt(2)
}

/** A configuration of texts over a preset. The first impossible value is refused. */
export const configureTraining = (
  preset: TrainingPreset,
  given: Readonly<Record<string, string | boolean | undefined>>
): E.Either<InputError, TrainingConfig> =>
  pipe(
    parseGiven(TRAINING_OPTIONS, given),
    E.map(values => ({ ...TRAINING_PRESETS[preset], ...values }) as TrainingConfig)
  )

/**
 * A configuration that comes back from JSON. Left for what is none: a value that is missing, of another type, or
 * impossible.
 */
export const decodeTraining = (json: unknown): E.Either<unknown, TrainingConfig> =>
  pipe(
    TrainingConfig.decode(json),
    E.chainW(config => {
      const texts = Object.entries(config).map(([key, value]) => [
        key,
        typeof value === 'boolean' ? value : String(value)
      ])
      return configureTraining('small', Object.fromEntries(texts))
    })
  )
