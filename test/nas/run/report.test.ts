/** What a person reads: the lines of a search, letter by letter. */
import { describe, expect, it } from 'vitest'
import { PRESETS } from '../../../src/nas/configuration/options.js'
import { parseGenotype } from '../../../src/nas/genotypes/genotype.js'
import type { EpochEvent, EpochSummary, Event, SearchResult } from '../../../src/nas/run/events.js'
import { compiledLine, epochLine, resultText, stepText } from '../../../src/nas/run/report.js'
import { namedMixtures } from '../../../src/nas/selection/magnitude.js'
import { marginsOf } from '../../../src/nas/selection/margins.js'
import { type CellType, mapRecord, nb201 } from '../../../src/nas/space/space.js'
import { backendName, clock, tableText, wrapped } from '../../../src/nas/text.js'
import type { TrainingEpoch } from '../../../src/nas/training/events.js'
import { trainingEpochLine } from '../../../src/nas/training/report.js'
import { right } from '../../kernels/results.js'

/** Two edges whose first operation leads by less than a tenth of 0.2, four by more. */
const ROWS = [0.215, 0.215, 0.23, 0.3, 0.5, 0.7].map(first => [first, 0.2, ...Array(3).fill((0.8 - first) / 3)])

const summary: EpochSummary = {
  epoch: 3,
  epochs: 12,
  steps: 22,
  trainLoss: 1.23456,
  validLoss: 2,
  trainAccuracy: 0.61234,
  validAccuracy: 1,
  lambdaTrain: -0.0414,
  lambdaValid: 0.5,
  gradientNorm: 3,
  regulariserNorm: 100,
  learningRate: 0.02132,
  lambda: 0.1,
  genotype: '',
  cosines: {},
  mixtures: { alpha: namedMixtures(nb201.cells['alpha'] as CellType, ROWS) },
  operations: {},
  eigenvalue: null,
  quotient: null,
  alpha: { alpha: ROWS.flat().map(Math.log) }
}
const event: EpochEvent = { type: 'epoch', seconds: 60, ...summary }

it('times are minutes and seconds', () =>
  expect([0, 5.9, 65, 600, 3725].map(clock)).toEqual(['0:00', '0:05', '1:05', '10:00', '62:05']))

it('an adapter is called by its name, a software one is called so, the reference too', () => {
  const info = {
    name: 'Some GPU',
    vendor: 'v',
    architecture: 'a',
    backend: 'vulkan',
    software: false,
    subgroupSize: 32
  }
  expect(backendName(info)).toBe('Some GPU')
  expect(backendName({ ...info, software: true })).toBe('Some GPU, a software adapter')
  expect(backendName(undefined)).toBe('reference (float64 on the CPU)')
})

it('a line for each epoch', () => {
  expect(epochLine(nb201, 'digits', event, 90)).toBe(
    'epoch  3/12  train loss 1.23 61 %  valid loss 2.00 100 %  Λ -0.04  undecided 2/6  left 1:30'
  )
})

it('with a table the line of an epoch has the rank of its cell on the data set that is searched on', () => {
  const score = { accuracy: 91.55, rank: 15_278, percentile: 2, regret: 3, isomorphic: [91, 92] as const }
  const scores = {
    cifar10_test_12: { ...score, rank: 1 },
    cifar10_test_200: score,
    cifar100_test_200: { ...score, rank: 3 }
  }
  const line = (data: string) => epochLine(nb201, data, { ...event, score: scores }, 90)
  expect(line('digits')).toContain('  Λ -0.04  rank 15278 91.5 %  left 1:30')
  expect(line('cifar100')).toContain('  rank 3 91.5 %  ')
})

it('lines of epochs have at most 100 columns, whatever the numbers of a long search', () => {
  const most = { ...event, epoch: 100, epochs: 100, trainAccuracy: 1, trainLoss: 9.99, lambdaTrain: -0.99 }
  const score = { accuracy: 91.55, rank: 15_278, percentile: 2, regret: 3, isomorphic: [91, 92] as const }
  const line = epochLine(nb201, 'cifar10', { ...most, score: { cifar10_test_200: score } }, 9000)
  expect(line.length).toBe(100)
  const training: TrainingEpoch = {
    ...most,
    ...{ learningRate: 0.025, dropPath: 0, trainTop5: 1, testLoss: 9.99, testTop1: 1, testTop5: 1 }
  }
  expect(trainingEpochLine({ ...training, epoch: 3, epochs: 600 }, 90)).toBe(
    'epoch   3/600  train loss 9.990 100.0 %  test loss 9.990 100.0 %  rate 0.0250  left 1:30'
  )
})

it('texts are broken between words, at 100 columns; a word that is longer stays whole', () => {
  const words = Array.from({ length: 60 }, (_, n) => 'w'.repeat((n % 7) + 1)).join(' ')
  const lines = wrapped(words, 'First: ', '  ').split('\n')
  expect(lines.map(line => line.replace(/^(First:)? */, '')).join(' ')).toBe(words)
  expect(lines.every(line => line.length <= 100)).toBe(true)
  // A line is as long as it can be: the next word does not fit on it.
  lines.slice(0, -1).forEach((line, i) => {
    const [next = ''] = (lines[i + 1] as string).trim().split(' ')
    expect(line.length + 1 + next.length).toBeGreaterThan(100)
  })
  expect(wrapped(`${'a'.repeat(97)} 5 %.`, '', '')).toBe(`${'a'.repeat(97)}\n5 %.`)
  expect(wrapped(`a ${'b'.repeat(200)} c`, '', '  ')).toBe(`a\n  ${'b'.repeat(200)}\n  c`)
})

it('a text for each step, and a line for what was compiled', () => {
  const step = { type: 'step', epoch: 2, step: 7, steps: 22, trainLoss: 0.98765 } as Extract<Event, { type: 'step' }>
  expect(stepText(step)).toBe('epoch 2  step 7/22  loss 0.988')
  const compiled: Extract<Event, { type: 'compiled' }> = {
    type: 'compiled',
    seconds: 1,
    backend: 'Some GPU',
    nodes: 10_187,
    calls: 4332,
    flops: 153_076_592,
    peakBytes: 3.4 * 2 ** 20,
    lowerBoundBytes: 0,
    pipelines: 161
  }
  expect(compiledLine(compiled, 'Some GPU')).toBe(
    'Compiled a step on Some GPU: 10187 nodes, 4332 dispatches, 161 pipelines, 0.15 GFLOP, 3.4 MiB'
  )
})

describe('the result', () => {
  const result: SearchResult = {
    genotype: '|none~0|+|skip_connect~0|none~1|+|nor_conv_3x3~0|none~1|avg_pool_3x3~2|',
    connected: true,
    operations: { alpha: { none: 3, skip_connect: 1, nor_conv_1x1: 0, nor_conv_3x3: 1, avg_pool_3x3: 1 } },
    cells: {
      alpha: [
        [{ operation: 'none', from: 0 }],
        [
          { operation: 'skip_connect', from: 0 },
          { operation: 'none', from: 1 }
        ],
        [
          { operation: 'nor_conv_3x3', from: 0 },
          { operation: 'none', from: 1 },
          { operation: 'avg_pool_3x3', from: 2 }
        ]
      ]
    },
    // The mixture of edge e gives 0.e1 to none, 0.e2 to skip_connect, and so on: numbers to tell them apart.
    mixtures: mapRecord(nb201.cells, cell =>
      namedMixtures(
        cell,
        [1, 2, 3, 4, 5, 6].map(edge => [1, 2, 3, 4, 5].map(column => edge / 10 + column / 100))
      )
    ),
    testAccuracy: 0.4792,
    testImages: 361,
    epochsDone: 2,
    stepsDone: 44,
    lastEpoch: summary,
    stopped: null
  }
  const margins = marginsOf(nb201, right(parseGenotype(result.genotype)), result.mixtures)
  const text = resultText(PRESETS.digits, result, margins)

  it('is the genotype, its operations, each edge with its weight and the next one, and the accuracy', () =>
    expect(text.split('\n')).toEqual([
      `Genotype: ${result.genotype}`,
      'The cell: none 3, skip_connect 1, nor_conv_1x1 0, nor_conv_3x3 1, avg_pool_3x3 1.',
      'Its edges with the weights of their operations, and of the next ones (uniform: 0.2000):',
      '  0 -> 1  none          0.1100  before avg_pool_3x3 0.1500  undecided',
      '  0 -> 2  skip_connect  0.2200  before avg_pool_3x3 0.2500  undecided',
      '  1 -> 2  none          0.3100  before avg_pool_3x3 0.3500  undecided',
      '  0 -> 3  nor_conv_3x3  0.4400  before avg_pool_3x3 0.4500  undecided',
      '  1 -> 3  none          0.5100  before avg_pool_3x3 0.5500  undecided',
      '  2 -> 3  avg_pool_3x3  0.6500  before nor_conv_3x3 0.6400  undecided',
      'Test accuracy of the supernet: 47.9 % of 361 images after 44 steps (lambda-darts, seed 0)'
    ]))

  it('says when the cell is not connected', () =>
    expect(resultText(PRESETS.digits, { ...result, connected: false }, margins).split('\n')[0]).toBe(
      `Genotype: ${result.genotype}  (its output is not connected to its input)`
    ))
})

it('tables have columns of equal width, the first to the left, the others to the right', () =>
  expect(
    tableText([
      ['name', 'n'],
      ['a', '100'],
      ['longer', '7']
    ])
  ).toBe('name      n\na       100\nlonger    7'))
