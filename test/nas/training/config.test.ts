/**
 * Configurations of trainings: presets as published, refusals in one sentence; the two parts of the data; the batches
 * of an epoch.
 */
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { parseGenotype } from '../../../src/nas/genotypes/genotype.js'
import { checkAugmentation, checkTraining, trainingNetwork } from '../../../src/nas/training/config.js'
import { itemsOf, prepareTraining, trainingSteps } from '../../../src/nas/training/data.js'
import {
  configureTraining,
  TRAINING_OPTIONS,
  TRAINING_PRESET_NAMES,
  TRAINING_PRESETS,
  type TrainingConfig
} from '../../../src/nas/training/options.js'
import { right } from '../../kernels/results.js'
import { CELL, DARTS, digits, tiny } from './tiny.js'

const refused = <A>(either: E.Either<{ readonly message: string }, A>): string =>
  E.isLeft(either) ? either.left.message : 'nothing was refused'

describe('presets', () => {
  it('are those of the papers', () => {
    expect(TRAINING_PRESETS.darts).toMatchObject({
      channels: 36,
      layers: 20,
      epochs: 600,
      batch: 96,
      learningRate: 0.025,
      learningRateEnd: 0,
      momentum: 0.9,
      nesterov: false,
      weightDecay: 3e-4,
      clip: 5,
      dropPath: 0.2,
      auxiliary: 0.4,
      cutout: 16
    })
    expect(TRAINING_PRESETS.nb201).toMatchObject({
      channels: 16,
      layersPerStage: 5,
      epochs: 200,
      batch: 256,
      learningRate: 0.1,
      learningRateEnd: 0,
      nesterov: true,
      weightDecay: 5e-4,
      clip: 0,
      auxiliary: 0,
      cutout: 0
    })
  })

  it('keep to their own bounds', () => {
    for (const preset of TRAINING_PRESET_NAMES)
      for (const { key } of TRAINING_OPTIONS) {
        const value = TRAINING_PRESETS[preset][key]
        expect(
          right(configureTraining('small', { [key]: typeof value === 'boolean' ? value : String(value) }))[key]
        ).toBe(value)
      }
  })
})

it.each([
  ['epochs', '0', '--epochs to be a whole number of 1 to 1000000'],
  ['batch', '1', '--batch to be a whole number of at least 2'],
  ['dropPath', '1', '--drop-path to be a number of 0 to 0.99'],
  ['labelSmoothing', '-0.1', '--label-smoothing to be a number of 0 to 0.99'],
  ['momentum', '2', '--momentum to be a number of 0 to 1'],
  ['augmentation', 'much', '--augmentation to be one of published, standard, none'],
  ['learningRate', '0', '--learning-rate to be a number above 0'],
  ['cutout', '1.5', '--cutout to be a whole number']
])('--%s %s is refused', (key, text, message) =>
  expect(refused(configureTraining('small', { [key]: text }))).toContain(message)
)

describe('what no option says by itself', () => {
  const check = (changes: Partial<TrainingConfig>) => {
    const { config, net, data } = tiny(CELL)
    return refused(checkTraining({ ...config, ...changes }, net, data.train))
  }
  it.each([
    [{ batch: 57 }, '--batch of at most 56, the images that are trained on, but got 57'],
    [{ accumulate: 3 }, '--accumulate to divide the batch of 8 into micro-batches of at least 2 images, but got 3'],
    [{ accumulate: 8 }, 'micro-batches of at least 2 images, but got 8'],
    [{ cutout: 8 }, '--cutout below the side of the images, 8, but got 8']
  ])('%j', (changes, message) => expect(check(changes)).toContain(message))

  const network = (
    genotype: string,
    given: Readonly<Record<string, unknown>>,
    changes: Partial<TrainingConfig> = {},
    side = 8
  ) =>
    refused(
      trainingNetwork({ ...TRAINING_PRESETS.small, ...changes }, right(parseGenotype(genotype)), given, {
        channels: 1,
        height: side,
        width: side,
        classNames: ['a', 'b']
      })
    )
  it.each([
    [
      network(CELL, { layers: '5' }),
      '--layers-per-stage for a cell of NAS-Bench-201, whose network is made of stages, but got --layers'
    ],
    [
      network(DARTS, { layersPerStage: '5' }),
      '--layers for a DARTS genotype, whose network is made of layers, but got --layers-per-stage'
    ],
    [network(CELL, {}, { auxiliary: 0.4 }), '--auxiliary 0 for a cell of NAS-Bench-201'],
    [network(DARTS, {}, {}, 10), 'multiples of 4'],
    [network(CELL, {}, {}, 7), 'multiples of 4']
  ])('%s', (got, message) => expect(got).toContain(message))

  it('published moves, where there are none', () => {
    const { config } = tiny(CELL)
    expect(refused(checkAugmentation(config, { augmentation: 'published' }, undefined))).toContain(
      '--augmentation standard or none'
    )
    expect(E.isRight(checkAugmentation(config, {}, undefined))).toBe(true)
  })
})

describe('data', () => {
  it('a seeded fifth is the test where none comes with the data, normalised by the rest', () => {
    const parts = (seed: number) =>
      right(prepareTraining({ train: digits, test: null }, undefined, { ...TRAINING_PRESETS.small, seed }, 'stages'))
    const { train, test } = parts(0)
    expect([train.count, test.count]).toEqual([1438, 359])
    expect(train.normalisation).toEqual(test.normalisation)
    expect(parts(0).test.labels).toEqual(test.labels)
    expect(parts(1).test.labels).not.toEqual(test.labels)
  })

  it('a test part that comes with the data stays as it is, and published numbers normalise for their family', () => {
    const normalisation = { stages: { mean: [1], deviation: [2] }, layers: { mean: [3], deviation: [4] } }
    const published = { normalisation, padding: 2, flip: true }
    const of = (kind: 'stages' | 'layers') =>
      right(prepareTraining({ train: digits, test: digits }, published, TRAINING_PRESETS.darts, kind))
    expect(of('stages').test.count).toBe(1797)
    expect(of('stages').train.normalisation).toBe(normalisation.stages)
    expect(of('layers').train.normalisation).toBe(normalisation.layers)
    expect(of('layers').augmentation).toMatchObject({ padding: 2, flip: true, mirrorFirst: false, cutout: 16 })
    expect(of('stages').augmentation?.mirrorFirst).toBe(true)
  })

  it('an epoch has each image once at most, in an order of its own', () => {
    const { config, data } = tiny(CELL, { batch: 10, accumulate: 5 })
    const epoch = (n: number) => itemsOf(config, data, [1, 2], n)
    expect(trainingSteps(config, data)).toBe(5)
    const items = epoch(0)
    expect(items.map(({ parts }) => parts.map(part => part.length))).toEqual(Array(5).fill([2, 2, 2, 2, 2]))
    expect(new Set(items.flatMap(({ parts }) => parts.flat())).size).toBe(50)
    expect(epoch(0)).toEqual(items)
    expect(epoch(1)[0]?.parts).not.toEqual(items[0]?.parts)
  })
})
