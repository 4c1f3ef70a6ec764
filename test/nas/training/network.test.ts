/**
 * What training adds to a network: dropped branches, the auxiliary head; what judges it: smoothed labels, ranks, whole
 * test parts.
 */
import { fc, test } from '@fast-check/vitest'
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../../../src/autodiff/interpret.js'
import { crossEntropy, logSoftmax } from '../../../src/autodiff/nn.js'
import * as $ from '../../../src/autodiff/ops/index.js'
import { ShapeError } from '../../../src/autodiff/shape.js'
import type { Tensor } from '../../../src/autodiff/tensor.js'
import { store } from '../../../src/engine/index.js'
import { type DerivedNetwork, derivedNetwork, sizeOfNetwork } from '../../../src/nas/genotypes/derive.js'
import { type Genotype, parseGenotype } from '../../../src/nas/genotypes/genotype.js'
import { PUBLISHED } from '../../../src/nas/genotypes/published.js'
import { tablesOf } from '../../../src/nas/method/bilevel.js'
import { initialRunning, initialWeights } from '../../../src/nas/method/initialise.js'
import { linearDropPath } from '../../../src/nas/method/schedule.js'
import { unpack, unpackStatistics } from '../../../src/nas/space/layers.js'
import { pathsOf } from '../../../src/nas/space/supernet.js'
import { withEvaluation } from '../../../src/nas/training/evaluate.js'
import { hits, rankOfLabel, smoothedCrossEntropy, topCount } from '../../../src/nas/training/loss.js'
import { trainingStart } from '../../../src/nas/training/place.js'
import { backends, succeed } from '../../backends.js'
import { right } from '../../kernels/results.js'
import { anything, array } from '../../laws/values.js'
import { CELL, DARTS, tiny } from './tiny.js'

const numbers = (x: Tensor): readonly number[] => Array.from(evaluate(x).data)
const published = PUBLISHED['lambdadarts_corr_0'] as Genotype
const CONFIG = { channels: 36, layers: 20, imageChannels: 3, size: [32, 32], classes: 10 } as const

/** Logits in training mode of a network at its first weights, on fixed images. */
const trainingLogits = (net: DerivedNetwork, context: object) => {
  const tables = tablesOf(net)
  const weights = unpack(tables.weights, $.tensor(initialWeights(net, [1, 2])))
  const { imageChannels, size } = net.config
  const images = array(anything, 5, [3, imageChannels, ...size])
  return net.logits({ weights, ...context }, $.tensor(images.data, images.shape))
}

describe('drop path', () => {
  const { net } = tiny(DARTS)
  const key = (n: number) => $.tensor([n, 7], [2], 'u32')

  it('has every branch but those that only pass their input on', () => {
    const branches = derivedNetwork(right(parseGenotype(DARTS)), { ...CONFIG, layers: 3 }).branches
    // The skip of a normal cell is the identity; that of a reduction halves the image.
    expect(branches).toEqual(['cells.0._ops.0', 'cells.1._ops.0', 'cells.1._ops.1', 'cells.2._ops.0', 'cells.2._ops.1'])
    expect(derivedNetwork(right(parseGenotype(CELL)), { ...CONFIG, layers: 1 }).branches).not.toContain(
      'cells.0.layers.3'
    )
  })

  it('keeps the mean: each branch of an image is 0, or divided by what keeps it', () => {
    const batch = 4000
    for (const keep of [0.8, 0.25]) {
      const paths = pathsOf(net, key(3), batch, $.tensor(keep))
      for (const factor of Object.values(paths)) {
        const values = numbers(factor)
        expect(new Set(values.map(value => value.toFixed(6)))).toEqual(new Set([(0).toFixed(6), (1 / keep).toFixed(6)]))
        // Five deviations of a mean of so many draws.
        const deviation = Math.sqrt((1 - keep) / keep / batch)
        expect(Math.abs(values.reduce((sum, value) => sum + value, 0) / batch - 1)).toBeLessThan(5 * deviation)
      }
      expect(new Set(Object.values(paths).map(factor => numbers(factor).join())).size).toBe(net.branches.length)
    }
  })

  it('drops nothing where all is kept, and draws the same for the same key', () => {
    const ones = pathsOf(net, key(1), 64, $.tensor(1))
    expect(
      Object.values(ones)
        .flatMap(numbers)
        .every(value => value === 1)
    ).toBe(true)
    const drawn = (n: number) => Object.values(pathsOf(net, key(n), 8, $.tensor(0.5))).flatMap(numbers)
    expect(drawn(1)).toEqual(drawn(1))
    expect(drawn(1)).not.toEqual(drawn(2))
  })

  it('acts in training, and evaluation ignores it', () => {
    const paths = pathsOf(net, key(1), 3, $.tensor(0.5))
    expect(numbers(trainingLogits(net, { paths }).y)).not.toEqual(numbers(trainingLogits(net, {}).y))
    const running = unpackStatistics(tablesOf(net).statistics, net.norms, $.tensor(initialRunning(net)))
    expect(numbers(trainingLogits(net, { running, paths }).y)).toEqual(numbers(trainingLogits(net, { running }).y))
  })

  it('grows from 0 and never comes to its end', () =>
    expect([0, 1, 300, 599].map(epoch => linearDropPath(0.2, epoch, 600))).toEqual([
      0,
      0.2 / 600,
      0.1,
      (0.2 * 599) / 600
    ]))
})

describe('the auxiliary head', () => {
  it('has the parameters of the official module, after all others, and is not counted', () => {
    const [plain, helped] = [false, true].map(auxiliary => derivedNetwork(published, { ...CONFIG, auxiliary }))
    const head = (helped as DerivedNetwork).parameters.filter(({ name }) => name.startsWith('auxiliary_head.'))
    expect(head.map(({ name, shape }) => `${name.slice(15)} ${shape}`)).toEqual([
      'features.2.weight 128,576,1,1',
      'features.3.weight 128',
      'features.3.bias 128',
      'features.5.weight 768,128,2,2',
      'features.6.weight 768',
      'features.6.bias 768',
      'classifier.weight 10,768',
      'classifier.bias 10'
    ])
    expect((helped as DerivedNetwork).parameters.slice(0, -head.length)).toEqual((plain as DerivedNetwork).parameters)
    expect(sizeOfNetwork(plain as DerivedNetwork).parameters).toBe(3_320_614)
  })

  it.each([
    [8, '1,1'],
    [28, '1,1'],
    [64, '2,2']
  ])('is cut down to images of %d', (side, kernel) => {
    const net = derivedNetwork(right(parseGenotype(DARTS)), {
      ...CONFIG,
      channels: 2,
      layers: 3,
      size: [side, side],
      auxiliary: true
    })
    const shape = net.parameters.find(({ name }) => name === 'auxiliary_head.features.5.weight')?.shape
    expect(shape?.slice(2).join()).toBe(kernel)
    const { y, auxiliary } = trainingLogits(net, {})
    expect([y.shape, auxiliary?.shape]).toEqual([
      [3, 10],
      [3, 10]
    ])
  })

  it('is absent in evaluation, and from networks of stages', () => {
    const { net } = tiny(DARTS, { auxiliary: 0.4 })
    const running = unpackStatistics(tablesOf(net).statistics, net.norms, $.tensor(initialRunning(net)))
    expect(trainingLogits(net, { running }).auxiliary).toBeUndefined()
    expect(trainingLogits(net, {}).auxiliary?.shape).toEqual([3, 10])
    expect(() => derivedNetwork(right(parseGenotype(CELL)), { ...CONFIG, layers: 1, auxiliary: true })).toThrow(
      ShapeError
    )
  })
})

const rows = (classes: number) =>
  fc.array(fc.array(fc.integer({ min: -4, max: 4 }), { minLength: classes, maxLength: classes }), {
    minLength: 1,
    maxLength: 5
  })

describe('what judges', () => {
  test.prop({ logits: rows(6), smoothing: fc.double({ min: 0, max: 0.9, noNaN: true }), seed: fc.nat(1000) })(
    'smoothed labels are the cross entropy with their target',
    ({ logits, smoothing, seed }) => {
      const x = $.tensor(logits.flat(), [logits.length, 6])
      const labels = logits.map((_, i) => (seed + i) % 6)
      const logs = numbers(logSoftmax(x))
      const target = (row: number, k: number) => (labels[row] === k ? 1 - smoothing : 0) + smoothing / 6
      const wanted = -logs.reduce((sum, log, i) => sum + target(Math.floor(i / 6), i % 6) * log, 0) / logits.length
      const t = $.tensor(labels, [labels.length], 'i32')
      expect(numbers(smoothedCrossEntropy(x, t, smoothing))[0]).toBeCloseTo(wanted, 9)
      expect(numbers(smoothedCrossEntropy(x, t, 0))).toEqual(numbers(crossEntropy(x, t)))
    }
  )

  test.prop({ logits: rows(6), seed: fc.nat(1000) })(
    'the rank of a label is its place in a stable sort',
    ({ logits, seed }) => {
      const labels = logits.map((_, i) => (seed + i) % 6)
      const wanted = logits.map((row, i) =>
        [...row.keys()].sort((a, b) => (row[b] as number) - (row[a] as number) || a - b).indexOf(labels[i] as number)
      )
      const ranks = rankOfLabel($.tensor(logits.flat(), [logits.length, 6]), $.tensor(labels, [labels.length], 'i32'))
      expect(numbers(ranks)).toEqual(wanted)
      expect(numbers(hits(ranks, 1))).toEqual(wanted.map(rank => Number(rank === 0)))
    }
  )

  it('a NaN is never right, and five are all of four', () => {
    const ranks = rankOfLabel($.tensor([Number.NaN, 1, 2, Number.NaN], [2, 2]), $.tensor([0, 0], [2], 'i32'))
    expect(numbers(hits(ranks, 1))).toEqual([0, 0])
    expect([4, 5, 100].map(topCount)).toEqual([4, 5, 5])
  })

  it('every image of a part counts once, whatever the batch', async () => {
    const { net, data } = tiny(CELL)
    const { state } = trainingStart(net, [3, 4])
    const of = (batch: number) =>
      succeed(
        backends.reference,
        withEvaluation(net, data.test, batch, [1, 1], undefined, evaluation =>
          pipe(store(state), RTE.chain(evaluation))
        )
      )
    const [all, five, one, many] = await Promise.all([of(14), of(5), of(1), of(1000)])
    for (const other of [five, one, many]) {
      expect(other?.loss).toBeCloseTo(all?.loss ?? 0, 10)
      expect([other?.top1, other?.top5]).toEqual([all?.top1, all?.top5])
    }
    expect(all?.top5).toBeGreaterThan(all?.top1 ?? 1)
  })
})
