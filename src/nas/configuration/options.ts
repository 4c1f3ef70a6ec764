/** Every option of a search: what it means, what it must be, its default, and its published value. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts/lib/index.js'
import { DATA_SETS } from '../data/datasets.js'
import { type InputError, inputError } from '../errors.js'
import { METHODS } from '../method/methods.js'
import type { Skeleton } from '../space/space.js'

const method = t.keyof(METHODS)
const direction = t.keyof({ harmony: null, random: null })
const hypergradient = t.keyof({ exact: null, fd: null })
const alignment = t.keyof({ validation: null, 'last-pass': null })
const derivative = t.keyof({ fd: null, exact: null })
const regulariser = t.keyof({ corr: null, signcorr: null })
const noise = t.keyof({ replayed: null, fresh: null })
const activation = t.keyof({ relu: null, softplus: null, gelu: null })
const select = t.keyof({ magnitude: null, perturbation: null })
const selectCriterion = t.keyof({ accuracy: null, loss: null, magnitude: null })
/** How images are moved. */
export const augmentation = t.keyof({ published: null, standard: null, none: null })
const cutoutSchedule = t.keyof({ constant: null, linear: null })
const statistics = t.keyof({ 'training-pass': null, 'all-passes': null })

/** The configuration of a search, as it is written to `config.json`. */
export const SearchConfig = t.readonly(
  t.strict({
    method,
    derivative,
    /** A name among `SPACES`, or the path of a JSON file. */
    space: t.string,
    /** A name among `DATA_SETS`, `digits` or `folder`, and where its files are. */
    data: t.string,
    root: t.string,
    imageSize: t.number,
    /** `seeded`, `file-order`, or the path of a JSON file. */
    split: t.string,
    augmentation,
    augmentValidation: t.boolean,
    cutout: t.number,
    cutoutSchedule,
    channels: t.number,
    layers: t.number,
    layersPerStage: t.number,
    activation,
    batch: t.number,
    epochs: t.number,
    lambda: t.number,
    epsilon0: t.number,
    seed: t.number,
    learningRate: t.number,
    learningRateEnd: t.number,
    alphaLearningRate: t.number,
    regulariser,
    regulariseReduce: t.boolean,
    direction,
    architectureFirst: t.boolean,
    hypergradient,
    innerSteps: t.number,
    neumann: t.number,
    alignment,
    noise,
    clipIncludesAlpha: t.boolean,
    statistics,
    eigenvalue: t.boolean,
    probe: t.boolean,
    baseline: t.number,
    select,
    selectCriterion,
    selectEpochs: t.number,
    selectLearningRate: t.number,
    selectIgnoresDropped: t.boolean
  })
)
export type SearchConfig = t.TypeOf<typeof SearchConfig>

/**
 * An option: how the command line calls it, what it means, what it must be, its default, and the values of the official
 * scripts: NAS-Bench-201's (`paper`), and where that of S1 to S5 differs, theirs (`sota`, as the folder of that code is
 * called).
 */
export interface SearchOption<K extends keyof SearchConfig = keyof SearchConfig> {
  readonly key: K
  readonly flag: string
  readonly help: string
  readonly choices?: readonly string[]
  readonly least?: number
  readonly most?: number
  readonly whole?: boolean
  /** Any text. */
  readonly isText?: boolean
  readonly usual: SearchConfig[K]
  readonly paper: SearchConfig[K]
  readonly sota?: SearchConfig[K]
  /** The networks that it is for; both, if it does not say. */
  readonly skeleton?: Skeleton['kind']
}

/** Options of data: those of searches and of trainings. Their values are each table's own. */
export const DATA_OPTIONS = {
  data: {
    flag: '--data <name>',
    isText: true,
    help:
      'the data set: digits (they come with the package), folder (your own images), or ' +
      `${Object.keys(DATA_SETS).join(', ')}`
  },
  root: {
    flag: '--root <path>',
    isText: true,
    help: 'where the official files of the data set are, as they are: a folder, or their archive'
  },
  imageSize: {
    flag: '--image-size <n>',
    help: 'height and width that the images of a folder are brought to',
    least: 1,
    most: 4096,
    whole: true
  },
  augmentation: {
    flag: '--augmentation <which>',
    help:
      'how images are moved: published (as the papers do with this data set; the digits stay as they are), standard ' +
      '(a crop of the image with an eighth of its side padded around, and a flip), or none',
    choices: Object.keys(augmentation.keys)
  },
  cutout: {
    flag: '--cutout <n>',
    help: 'side of the square that is cut out of training images (16 where papers use one); 0: none',
    least: 0,
    most: 4096,
    whole: true
  }
} as const satisfies Readonly<Record<string, Omit<SearchOption, 'key' | 'usual' | 'paper'>>>

/** The table of all options: the command line, the checks, `--help` and docs/search.md are made from it. */
export const OPTIONS: readonly SearchOption[] = [
  {
    key: 'method',
    flag: '--method <name>',
    help: Object.entries(METHODS)
      .map(([name, { help }]) => `${name} (${help})`)
      .join(', '),
    choices: Object.keys(method.keys),
    usual: 'lambda-darts',
    paper: 'lambda-darts'
  },
  {
    key: 'derivative',
    flag: '--derivative <name>',
    help: "the regulariser's gradient: fd, the paper's difference quotient, or exact",
    choices: Object.keys(derivative.keys),
    usual: 'fd',
    paper: 'fd'
  },
  {
    key: 'space',
    flag: '--space <name>',
    isText: true,
    help: 'what is searched: s1, s2, s3, s4, s5 (that of DARTS), nb201 (NAS-Bench-201), or a JSON file',
    usual: 'nb201',
    paper: 'nb201',
    sota: 's1'
  },
  { key: 'data', ...DATA_OPTIONS.data, usual: 'digits', paper: 'digits' },
  { key: 'root', ...DATA_OPTIONS.root, usual: '', paper: '' },
  { key: 'imageSize', ...DATA_OPTIONS.imageSize, usual: 32, paper: 32 },
  {
    key: 'split',
    flag: '--split <how>',
    isText: true,
    help:
      'which images train the weights and which alpha: seeded (halves in an order from the seed), file-order (its ' +
      'halves), or a JSON file of indices, as that of NAS-Bench-201',
    usual: 'seeded',
    paper: 'seeded',
    sota: 'file-order'
  },
  { key: 'augmentation', ...DATA_OPTIONS.augmentation, usual: 'published', paper: 'published' },
  {
    key: 'augmentValidation',
    flag: '--augment-validation',
    help: 'images that train alpha are moved as well, as in the official code of S1 to S5',
    usual: false,
    paper: false,
    sota: true
  },
  { key: 'cutout', ...DATA_OPTIONS.cutout, usual: 0, paper: 0 },
  {
    key: 'cutoutSchedule',
    flag: '--cutout-schedule <which>',
    help:
      'how likely a cutout is: linear (from 0 in the first epoch to 1 in the last), or constant (1), which the ' +
      'official code comes to',
    choices: Object.keys(cutoutSchedule.keys),
    usual: 'linear',
    paper: 'constant'
  },
  {
    key: 'channels',
    flag: '--channels <n>',
    help: 'channels of the first cells',
    least: 1,
    most: 1e6,
    whole: true,
    usual: 4,
    paper: 16
  },
  {
    key: 'layers',
    flag: '--layers <n>',
    help: 'cells of a network of s1 to s5: two reductions, the others normal',
    skeleton: 'layers',
    least: 3,
    most: 100,
    whole: true,
    usual: 5,
    paper: 8
  },
  {
    key: 'layersPerStage',
    flag: '--layers-per-stage <n>',
    help: 'search cells in each of the three stages of nb201',
    skeleton: 'stages',
    least: 1,
    most: 100,
    whole: true,
    usual: 1,
    paper: 5
  },
  {
    key: 'activation',
    flag: '--activation <name>',
    help: 'what stands before convolutions: relu, or without its kink softplus or gelu',
    choices: Object.keys(activation.keys),
    usual: 'relu',
    paper: 'relu'
  },
  {
    key: 'batch',
    flag: '--batch <n>',
    help: 'images of a training batch, and of a validation batch',
    least: 2,
    whole: true,
    usual: 32,
    paper: 64,
    sota: 96
  },
  {
    key: 'epochs',
    flag: '--epochs <n>',
    help: 'passes over the training images',
    least: 1,
    most: 1e6,
    whole: true,
    usual: 12,
    paper: 100,
    sota: 50
  },
  {
    key: 'lambda',
    flag: '--lambda <x>',
    help: 'weight of the regulariser in the last epoch (it grows from 0); 0 is darts',
    least: 0,
    usual: 0.25,
    paper: 0.25
  },
  {
    key: 'epsilon0',
    flag: '--epsilon0 <x>',
    help: 'size of the step of the difference quotient',
    least: Number.MIN_VALUE,
    usual: 1e-4,
    paper: 1e-4,
    sota: 1e-3
  },
  {
    key: 'seed',
    flag: '--seed <n>',
    help: 'seed of the split, the weights, alpha and the order of batches',
    least: 0,
    most: Number.MAX_SAFE_INTEGER,
    whole: true,
    usual: 0,
    paper: 0
  },
  {
    key: 'learningRate',
    flag: '--learning-rate <x>',
    help: "the weights' learning rate in the first epoch",
    least: Number.MIN_VALUE,
    usual: 0.025,
    paper: 0.025
  },
  {
    key: 'learningRateEnd',
    flag: '--learning-rate-end <x>',
    help: 'what it falls to, along a cosine',
    least: 0,
    usual: 0.001,
    paper: 0.001
  },
  {
    key: 'alphaLearningRate',
    flag: '--alpha-learning-rate <x>',
    help: "Adam's rate for alpha",
    least: Number.MIN_VALUE,
    usual: 3e-3,
    paper: 1e-4,
    sota: 3e-4
  },
  {
    key: 'regulariser',
    flag: '--regulariser <name>',
    help: 'how the agreement of cells is measured: corr, or signcorr',
    choices: Object.keys(regulariser.keys),
    usual: 'corr',
    paper: 'corr'
  },
  {
    key: 'regulariseReduce',
    flag: '--regularise-reduce',
    help: 'reduction cells are regularised as well, which the official code leaves out',
    usual: false,
    paper: false
  },
  {
    key: 'direction',
    flag: '--direction <which>',
    help: 'harmony, or random: a control that moves mixtures as far in a direction that means nothing',
    choices: Object.keys(direction.keys),
    usual: 'harmony',
    paper: 'harmony'
  },
  {
    key: 'architectureFirst',
    flag: '--architecture-first',
    help: 'a step moves alpha, then the weights, as in the official code of S1 to S5',
    usual: false,
    paper: false,
    sota: true
  },
  {
    key: 'hypergradient',
    flag: '--hypergradient <name>',
    help: "the mixed second derivative of darts2 and idarts: exact, or fd, the papers' difference quotient",
    choices: Object.keys(hypergradient.keys),
    usual: 'exact',
    paper: 'fd'
  },
  {
    key: 'innerSteps',
    flag: '--inner-steps <n>',
    help: 'T: training batches that a step of idarts trains the weights on before alpha moves',
    least: 1,
    most: 1000,
    whole: true,
    usual: 4,
    paper: 4
  },
  {
    key: 'neumann',
    flag: '--neumann <n>',
    help:
      'K: terms of the Neumann series of idarts beyond the first (without any it is the second-order term of ' +
      'darts2)',
    least: 1,
    most: 1000,
    whole: true,
    usual: 2,
    paper: 2
  },
  {
    key: 'alignment',
    flag: '--alignment <which>',
    help:
      'what the logged validation Λ of darts2 and idarts is of: validation, or last-pass, the last one of the ' +
      'difference quotient, as in the official code',
    choices: Object.keys(alignment.keys),
    usual: 'validation',
    paper: 'last-pass'
  },
  {
    key: 'noise',
    flag: '--noise <which>',
    help:
      'how often the operation noise is drawn: replayed (once a step), or fresh (in each pass) as in the official ' +
      'code',
    choices: Object.keys(noise.keys),
    usual: 'replayed',
    paper: 'fresh'
  },
  {
    key: 'clipIncludesAlpha',
    flag: '--clip-includes-alpha',
    help: "the clip's norm includes alpha's stale gradient, as in the official code",
    usual: false,
    paper: true,
    sota: false
  },
  {
    key: 'statistics',
    flag: '--statistics <which>',
    help: 'what updates running statistics: training-pass, or all-passes as in the official code',
    choices: Object.keys(statistics.keys),
    usual: 'training-pass',
    paper: 'all-passes'
  },
  {
    key: 'eigenvalue',
    flag: '--eigenvalue',
    help:
      "logs the largest eigenvalue of the validation loss' Hessian in alpha after each epoch, which takes up to 24 " +
      'Hessian-vector products',
    usual: false,
    paper: false
  },
  {
    key: 'probe',
    flag: '--probe',
    help:
      "logs after each epoch how far the difference quotient of the regulariser's gradient is from the exact " +
      'derivative on one batch',
    usual: false,
    paper: false
  },
  {
    key: 'baseline',
    flag: '--baseline <n>',
    help:
      'so many random cells of the space are trained from scratch after the search, and the found one as they are; ' +
      '0: none',
    least: 0,
    most: 100,
    whole: true,
    usual: 0,
    paper: 0
  },
  {
    key: 'select',
    flag: '--select <how>',
    help:
      'how the cell is read off at the end: magnitude (the largest mixtures), or perturbation (DARTS-PT: what the ' +
      'supernet misses most)',
    choices: Object.keys(select.keys),
    usual: 'magnitude',
    paper: 'magnitude'
  },
  {
    key: 'selectCriterion',
    flag: '--select-criterion <which>',
    help: 'what perturbation judges by: accuracy, loss, or magnitude (the control PT-Mag, which perturbs nothing)',
    choices: Object.keys(selectCriterion.keys),
    usual: 'accuracy',
    paper: 'accuracy'
  },
  {
    key: 'selectEpochs',
    flag: '--select-epochs <n>',
    help: 'epochs of training between decisions of perturbation (one more follows the last)',
    least: 0,
    most: 1e6,
    whole: true,
    usual: 1,
    paper: 5
  },
  {
    key: 'selectLearningRate',
    flag: '--select-learning-rate <x>',
    help: "the weights' learning rate in these epochs",
    least: Number.MIN_VALUE,
    usual: 0.0025,
    paper: 0.0025
  },
  {
    key: 'selectIgnoresDropped',
    flag: '--select-ignores-dropped',
    help: 'inputs of a node that were dropped already stay in while the others are judged, as in the official code',
    usual: false,
    paper: true
  }
]

const column = (of: (option: SearchOption) => SearchConfig[keyof SearchConfig]): SearchConfig =>
  Object.fromEntries(OPTIONS.map(option => [option.key, of(option)])) as SearchConfig

const sota = (space: string): SearchConfig => ({ ...column(option => option.sota ?? option.paper), space })

/**
 * Named sets of values: `digits` is what a plain run uses; `paper-nb201` and `paper-s1` to `paper-s5` what the official
 * scripts do, quirks included.
 */
export const PRESETS = {
  digits: column(({ usual }) => usual),
  'paper-nb201': column(({ paper }) => paper),
  'paper-s1': sota('s1'),
  'paper-s2': sota('s2'),
  'paper-s3': sota('s3'),
  'paper-s4': sota('s4'),
  'paper-s5': sota('s5')
} as const
export type Preset = keyof typeof PRESETS

/** `--channels`, from `--channels <n>`. */
export const flagName = ({ flag }: Pick<SearchOption, 'flag'>): string => flag.split(' ')[0] as string

/** An option's value from its text. */
export const parseOption = (
  option: Omit<SearchOption, 'key' | 'usual' | 'paper'>,
  text: string | boolean
): E.Either<InputError, unknown> => {
  const { choices, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY, whole } = option
  if (typeof text === 'boolean') return E.right(text)
  const name = flagName(option)
  if (choices)
    return choices.includes(text)
      ? E.right(text)
      : E.left(inputError(`${name} to be one of ${choices.join(', ')}`, `'${text}'`, 'name one of these'))
  if (option.isText) return E.right(text)
  const value = text.trim() === '' ? Number.NaN : Number(text)
  const kind = whole ? 'a whole number' : 'a number'
  const from =
    least === Number.MIN_VALUE ? ' above 0' : least === Number.NEGATIVE_INFINITY ? '' : ` of at least ${least}`
  const range = most < Number.POSITIVE_INFINITY ? ` of ${least} to ${most}` : from
  return Number.isFinite(value) && value >= least && value <= most && (!whole || Number.isSafeInteger(value))
    ? E.right(value)
    : E.left(inputError(`${name} to be ${kind}${range}`, `'${text}'`, 'correct it'))
}

/** The values of those options that were given as texts, by key. The first impossible one is refused. */
export const parseGiven = (
  options: readonly (Omit<SearchOption, 'key' | 'usual' | 'paper'> & { readonly key: string })[],
  given: Readonly<Record<string, string | boolean | undefined>>
): E.Either<InputError, Readonly<Record<string, unknown>>> =>
  pipe(
    options.filter(({ key }) => given[key] !== undefined),
    E.traverseArray(option =>
      pipe(
        parseOption(option, given[option.key] as string | boolean),
        E.map(value => [option.key, value] as const)
      )
    ),
    E.map(entries => Object.fromEntries(entries))
  )
