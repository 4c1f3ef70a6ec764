/** Every option: what it takes, what it refuses and in which words, and the two presets. */
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { checkSizes, configure, searchNetwork, stepOptions } from '../../../src/nas/configuration/config.js'
import { OPTIONS, PRESETS, SearchConfig } from '../../../src/nas/configuration/options.js'
import { inputError } from '../../../src/nas/errors.js'
import { METHODS, type MethodName } from '../../../src/nas/method/methods.js'
import { nb201, SPACES, type Space } from '../../../src/nas/space/space.js'
import { left, right } from '../../kernels/results.js'

const digits = PRESETS.digits
const configured = (given: Readonly<Record<string, string | boolean>>) => configure('digits', given)

describe('what is given', () => {
  const cases: readonly (readonly [keyof SearchConfig, string | boolean, unknown])[] = [
    ['method', 'darts', 'darts'],
    ['method', 'lambda-darts', 'lambda-darts'],
    ['method', 'darts2', 'darts2'],
    ['method', 'idarts', 'idarts'],
    ['method', 'fixed-alpha', 'fixed-alpha'],
    ['derivative', 'exact', 'exact'],
    ['derivative', 'fd', 'fd'],
    ['channels', '1', 1],
    ['channels', '16', 16],
    ['space', 's3', 's3'],
    ['layers', '8', 8],
    ['layersPerStage', '5', 5],
    ['activation', 'softplus', 'softplus'],
    ['batch', '2', 2],
    ['epochs', '1', 1],
    ['lambda', '0', 0],
    ['lambda', '.125', 0.125],
    ['epsilon0', '1e-3', 1e-3],
    ['seed', '0', 0],
    ['seed', '9007199254740991', 2 ** 53 - 1],
    ['learningRate', '0.1', 0.1],
    ['learningRateEnd', '0', 0],
    ['alphaLearningRate', '3e-4', 3e-4],
    ['regulariser', 'signcorr', 'signcorr'],
    ['regulariseReduce', true, true],
    ['direction', 'random', 'random'],
    ['architectureFirst', true, true],
    ['hypergradient', 'fd', 'fd'],
    ['innerSteps', '1', 1],
    ['neumann', '3', 3],
    ['alignment', 'last-pass', 'last-pass'],
    ['noise', 'fresh', 'fresh'],
    ['clipIncludesAlpha', true, true],
    ['clipIncludesAlpha', false, false],
    ['data', 'cifar10', 'cifar10'],
    ['root', '/data', '/data'],
    ['imageSize', '64', 64],
    ['split', 'file-order', 'file-order'],
    ['augmentation', 'standard', 'standard'],
    ['augmentValidation', true, true],
    ['cutout', '16', 16],
    ['cutoutSchedule', 'constant', 'constant'],
    ['statistics', 'all-passes', 'all-passes'],
    ['statistics', 'training-pass', 'training-pass'],
    ['eigenvalue', true, true],
    ['probe', true, true],
    ['baseline', '8', 8],
    ['select', 'perturbation', 'perturbation'],
    ['selectCriterion', 'loss', 'loss'],
    ['selectEpochs', '0', 0],
    ['selectLearningRate', '0.01', 0.01],
    ['selectIgnoresDropped', true, true]
  ]
  it.each(cases)('%s: %j is %j, and nothing else changes', (key, text, value) =>
    expect(right(configured({ [key]: text }))).toEqual({ ...digits, [key]: value })
  )

  it('is tried for every option', () =>
    expect([...new Set(cases.map(([key]) => key))].sort()).toEqual(OPTIONS.map(({ key }) => key).sort()))

  it('may be several values, or none', () => {
    expect(right(configured({}))).toEqual(digits)
    expect(right(configured({ channels: '8', seed: '3', method: 'darts' }))).toEqual({
      ...digits,
      channels: 8,
      seed: 3,
      method: 'darts'
    })
    expect(right(configure('paper-nb201', { channels: '8' }))).toEqual({ ...PRESETS['paper-nb201'], channels: 8 })
  })

  it('is a configuration that reads back from JSON, and one that lacks a value is not', () => {
    const json = JSON.parse(JSON.stringify(right(configured({ lambda: '0.5' }))))
    expect(right(SearchConfig.decode(json) as E.Either<never, SearchConfig>)).toEqual(json)
    const { seed: _, ...rest } = json
    expect(E.isLeft(SearchConfig.decode(rest))).toBe(true)
    expect(E.isLeft(SearchConfig.decode({ ...json, method: 'drats' }))).toBe(true)
  })
})

describe('what cannot be is refused in one sentence:', () => {
  it.each([
    [
      'method',
      'drats',
      "--method to be one of lambda-darts, darts, darts2, idarts, fixed-alpha, but got 'drats': name one of these."
    ],
    [
      'method',
      '',
      "--method to be one of lambda-darts, darts, darts2, idarts, fixed-alpha, but got '': name one of these."
    ],
    ['derivative', 'FD', "--derivative to be one of fd, exact, but got 'FD': name one of these."],
    ['channels', '0', "--channels to be a whole number of 1 to 1000000, but got '0': correct it."],
    ['channels', '-4', "--channels to be a whole number of 1 to 1000000, but got '-4': correct it."],
    ['channels', '1.5', "--channels to be a whole number of 1 to 1000000, but got '1.5': correct it."],
    ['channels', 'many', "--channels to be a whole number of 1 to 1000000, but got 'many': correct it."],
    ['channels', '', "--channels to be a whole number of 1 to 1000000, but got '': correct it."],
    ['channels', ' ', "--channels to be a whole number of 1 to 1000000, but got ' ': correct it."],
    ['layersPerStage', '0', "--layers-per-stage to be a whole number of 1 to 100, but got '0': correct it."],
    ['layers', '2', "--layers to be a whole number of 3 to 100, but got '2': correct it."],
    ['activation', 'tanh', "--activation to be one of relu, softplus, gelu, but got 'tanh': name one of these."],
    ['batch', '1', "--batch to be a whole number of at least 2, but got '1': correct it."],
    ['batch', '1e99', "--batch to be a whole number of at least 2, but got '1e99': correct it."],
    ['epochs', '0', "--epochs to be a whole number of 1 to 1000000, but got '0': correct it."],
    ['epochs', 'Infinity', "--epochs to be a whole number of 1 to 1000000, but got 'Infinity': correct it."],
    ['lambda', '-0.1', "--lambda to be a number of at least 0, but got '-0.1': correct it."],
    ['lambda', 'NaN', "--lambda to be a number of at least 0, but got 'NaN': correct it."],
    ['lambda', 'Infinity', "--lambda to be a number of at least 0, but got 'Infinity': correct it."],
    ['epsilon0', '0', "--epsilon0 to be a number above 0, but got '0': correct it."],
    ['epsilon0', '1e-4x', "--epsilon0 to be a number above 0, but got '1e-4x': correct it."],
    ['seed', '-1', "--seed to be a whole number of 0 to 9007199254740991, but got '-1': correct it."],
    [
      'seed',
      '9007199254740992',
      "--seed to be a whole number of 0 to 9007199254740991, but got '9007199254740992': correct it."
    ],
    ['learningRate', '0', "--learning-rate to be a number above 0, but got '0': correct it."],
    ['learningRateEnd', '-1', "--learning-rate-end to be a number of at least 0, but got '-1': correct it."],
    ['alphaLearningRate', 'NaN', "--alpha-learning-rate to be a number above 0, but got 'NaN': correct it."],
    ['neumann', '0', "--neumann to be a whole number of 1 to 1000, but got '0': correct it."],
    ['innerSteps', '0', "--inner-steps to be a whole number of 1 to 1000, but got '0': correct it."],
    ['imageSize', '0', "--image-size to be a whole number of 1 to 4096, but got '0': correct it."],
    ['augmentation', 'all', "--augmentation to be one of published, standard, none, but got 'all': name one of these."],
    ['cutout', '-1', "--cutout to be a whole number of 0 to 4096, but got '-1': correct it."],
    [
      'cutoutSchedule',
      'cosine',
      "--cutout-schedule to be one of constant, linear, but got 'cosine': name one of these."
    ],
    ['statistics', 'none', "--statistics to be one of training-pass, all-passes, but got 'none': name one of these."]
  ])('%s of %j', (key, text, message) =>
    expect(left(configured({ [key]: text }))).toEqual({ _tag: 'InputError', message: `Wanted ${message}` })
  )

  it('the first of several', () =>
    expect(left(configured({ seed: '-1', channels: '0' })).message).toContain('--channels'))

  it('a batch larger than the smaller part, and a network of more weights than a vector has', () => {
    const sizes = { train: 718, valid: 700, weights: 25_000 }
    expect(right(checkSizes({ ...digits, batch: 700 }, nb201, sizes)).batch).toBe(700)
    expect(left(checkSizes({ ...digits, batch: 701 }, nb201, sizes)).message).toBe(
      'Wanted --batch of at most 700, the images of the smaller search part, but got 701: choose a smaller batch.'
    )
    const several = { ...digits, method: 'idarts' as const, innerSteps: 4 }
    expect(E.isRight(checkSizes({ ...several, batch: 179 }, nb201, sizes))).toBe(true)
    expect(left(checkSizes({ ...several, batch: 180 }, nb201, sizes)).message).toBe(
      'Wanted --inner-steps times --batch of at most 718, the images that train the weights, but got 4 x 180: choose fewer inner steps or a smaller batch.'
    )
    expect(E.isRight(checkSizes(digits, nb201, { ...sizes, weights: 2 ** 28 }))).toBe(true)
    expect(left(checkSizes({ ...digits, channels: 999 }, nb201, { ...sizes, weights: 2 ** 28 + 1 })).message).toBe(
      'Wanted a network of at most 268435456 weights, but got 268435457 with --channels 999 and --layers-per-stage 1: choose fewer.'
    )
  })

  const image = { channels: 1, height: 8, width: 8, classNames: [...'0123456789'] }
  it('a network of the wrong kind of layers, of images that do not halve, of cells that have none to agree with', () => {
    const refused = (given: Readonly<Record<string, string | boolean>>, size = image): string => {
      const config = right(configured(given))
      return left(searchNetwork(config, SPACES[config.space] as Space, given, size)).message
    }
    expect(refused({ space: 's2', layersPerStage: '2' })).toBe(
      'Wanted --layers for the space s2, whose networks are made of layers, but got --layers-per-stage: give the other.'
    )
    expect(refused({ layers: '8' })).toBe(
      'Wanted --layers-per-stage for the space nb201, whose networks are made of stages, but got --layers: give the other.'
    )
    expect(refused({ space: 's2' }, { ...image, width: 10 })).toBe(
      'Wanted images whose height and width are multiples of 4 (2 reductions halve them) for s2 with --layers 5, but got 8x10: crop or pad the images.'
    )
    expect(refused({ space: 's2', layers: '3' })).toBe(
      'Wanted at least two cells of each regularised kind, whose gradients Λ compares, for s2, but got 1 with --layers 3: use more layers.'
    )
    expect(right(searchNetwork(digits, nb201, {}, image)).cells.length).toBe(3)
  })

  it('in the form of all sentences', () =>
    expect(inputError('a thing', 'another', 'change it').message).toBe('Wanted a thing, but got another: change it.'))
})

describe('presets', () => {
  it('paper-nb201 has the values of the official script, quirks included', () =>
    expect(PRESETS['paper-nb201']).toEqual({
      method: 'lambda-darts',
      derivative: 'fd',
      space: 'nb201',
      channels: 16,
      layers: 8,
      layersPerStage: 5,
      activation: 'relu',
      batch: 64,
      epochs: 100,
      lambda: 0.25,
      epsilon0: 1e-4,
      direction: 'harmony',
      hypergradient: 'fd',
      innerSteps: 4,
      neumann: 2,
      alignment: 'last-pass',
      data: 'digits',
      root: '',
      imageSize: 32,
      split: 'seeded',
      augmentation: 'published',
      augmentValidation: false,
      cutout: 0,
      cutoutSchedule: 'constant',
      seed: 0,
      learningRate: 0.025,
      learningRateEnd: 0.001,
      alphaLearningRate: 1e-4,
      regulariser: 'corr',
      regulariseReduce: false,
      architectureFirst: false,
      noise: 'fresh',
      clipIncludesAlpha: true,
      statistics: 'all-passes',
      eigenvalue: false,
      probe: false,
      baseline: 0,
      select: 'magnitude',
      selectCriterion: 'accuracy',
      selectEpochs: 5,
      selectLearningRate: 0.0025,
      selectIgnoresDropped: true
    }))

  it('paper-s1 to paper-s5 have those of the official scripts of their spaces', () => {
    for (const space of ['s1', 's2', 's3', 's4', 's5'] as const)
      expect(PRESETS[`paper-${space}`]).toEqual({
        ...PRESETS['paper-nb201'],
        space,
        batch: 96,
        epochs: 50,
        epsilon0: 1e-3,
        alphaLearningRate: 3e-4,
        architectureFirst: true,
        clipIncludesAlpha: false,
        split: 'file-order',
        augmentValidation: true
      })
  })

  it('digits has no quirks, but for the published estimator', () =>
    expect(PRESETS.digits).toMatchObject({ derivative: 'fd', clipIncludesAlpha: false, statistics: 'training-pass' }))

  it('are configurations whose values their own options take', () => {
    for (const [name, preset] of Object.entries(PRESETS)) {
      const texts = Object.entries(preset).map(([key, value]) => [
        key,
        typeof value === 'boolean' ? value : String(value)
      ])
      expect(right(configure('digits', Object.fromEntries(texts))), name).toEqual(preset)
    }
  })
})

describe('the step', () => {
  it('is told what the configuration says, and what the method fixes', () =>
    expect(stepOptions(PRESETS['paper-nb201'])).toEqual({
      method: 'lambda-darts',
      regularised: true,
      derivative: 'fd',
      regulariser: 'corr',
      regulariseReduce: false,
      epsilon0: 1e-4,
      direction: 'harmony',
      hypergradient: 'fd',
      innerSteps: 4,
      neumann: 2,
      alignment: 'last-pass',
      momentum: 0.9,
      weightDecay: 3e-4,
      clip: 5,
      adam: { rate: 1e-4, betas: [0.5, 0.999], epsilon: 1e-8, weightDecay: 1e-3 },
      architectureFirst: false,
      noise: 'fresh',
      clipIncludesAlpha: true,
      statisticsFromAllPasses: true
    }))

  it('with lambda 0 is not regularised, and by no method but lambda-darts otherwise', () => {
    expect(stepOptions({ ...digits, lambda: 0 }).regularised).toBe(false)
    for (const method of Object.keys(METHODS) as MethodName[])
      expect(stepOptions({ ...digits, method }).regularised).toBe(method === 'lambda-darts')
  })
})
