/** What a person reads: the lines of a search, letter by letter. */
import { describe, expect, it } from 'vitest'
import { PRESETS } from '../../../src/nas/configuration/options.js'
import type { EpochSummary, Event, SearchResult } from '../../../src/nas/run/events.js'
import { compiledLine, epochLine, resultText, stepText } from '../../../src/nas/run/report.js'
import { namedMixtures } from '../../../src/nas/selection/magnitude.js'
import { mapRecord, nb201 } from '../../../src/nas/space/space.js'
import { backendName, clock, tableText } from '../../../src/nas/text.js'

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
  mixtures: {},
  operations: {},
  eigenvalue: null,
  quotient: null,
  alpha: {}
}

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
  expect(epochLine(summary, 90, 'Some GPU')).toBe(
    'epoch  3/12  step 66  loss 1.235 / 2.000  accuracy 61.2 % / 100.0 %  Λ -0.041 / 0.500  lr 0.0213  left 1:30  Some GPU'
  )
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
    'Compiled a step: 10187 nodes, 4332 dispatches, 161 pipelines, 0.15 GFLOP, 3.4 MiB, on Some GPU'
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
  const text = resultText(nb201, PRESETS.digits, result)

  it('is the genotype, its operations, each edge with its weight, and the accuracy', () =>
    expect(text.split('\n')).toEqual([
      `Genotype: ${result.genotype}`,
      'The cell: none 3, skip_connect 1, nor_conv_1x1 0, nor_conv_3x3 1, avg_pool_3x3 1; its edges, with the weight of the operation in the mixture:',
      '  0 -> 1  none          0.1100',
      '  0 -> 2  skip_connect  0.2200',
      '  1 -> 2  none          0.3100',
      '  0 -> 3  nor_conv_3x3  0.4400',
      '  1 -> 3  none          0.5100',
      '  2 -> 3  avg_pool_3x3  0.6500',
      'Test accuracy of the supernet: 47.9 % of 361 images after 44 steps (lambda-darts, seed 0)'
    ]))

  it('says when the cell is not connected', () =>
    expect(resultText(nb201, PRESETS.digits, { ...result, connected: false }).split('\n')[0]).toBe(
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
