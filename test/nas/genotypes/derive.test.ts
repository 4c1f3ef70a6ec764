/**
 * The networks of genotypes: their sizes as published, and their values: a derived network is the supernet at the
 * mixtures that choose its operations, whose values the golden files hold.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fc, test } from '@fast-check/vitest'
import { afterAll, describe, expect, it } from 'vitest'
import { grad } from '../../../src/autodiff/grad.js'
import { crossEntropy } from '../../../src/autodiff/nn.js'
import * as $ from '../../../src/autodiff/ops/index.js'
import type { Tensor } from '../../../src/autodiff/tensor.js'
import type { HostArray } from '../../../src/engine/index.js'
import { type DerivedNetwork, derivedNetwork, sizeOfNetwork } from '../../../src/nas/genotypes/derive.js'
import { type ConcatCell, formatGenotype, type Genotype, parseGenotype } from '../../../src/nas/genotypes/genotype.js'
import { PUBLISHED } from '../../../src/nas/genotypes/published.js'
import { initialWeights } from '../../../src/nas/method/initialise.js'
import {
  type LayerContext,
  pack,
  packStatistics,
  statisticsTable,
  tableOf,
  unpack,
  unpackStatistics
} from '../../../src/nas/space/layers.js'
import { type CellType, cellOf, nb201, SPACES, type Space } from '../../../src/nas/space/space.js'
import { type NetworkConfig, noiseOf, supernet } from '../../../src/nas/space/supernet.js'
import { backends, evaluateOn } from '../../backends.js'
import { expectClose } from '../../golden/close.js'
import { right } from '../../kernels/results.js'
import { anything, array, whole } from '../../laws/values.js'
import { inProcess } from '../command.js'

const parsed = (text: string): Genotype => right(parseGenotype(text))
const images = { imageChannels: 3, size: [32, 32] as const }

/**
 * Parameters without the auxiliary head, as counted on the official modules: (36 channels, 20 cells) and (16, 8); 100
 * classes for c100.
 */
const SIZES: readonly (readonly [name: string, skips: number, p36: number, p16: number])[] = [
  ['lambdadarts_corr_0', 1, 3_320_614, 286_970],
  ['lambdadarts_corr_1', 2, 3_672_910, 289_626],
  ['lambdadarts_corr_2', 2, 3_534_454, 289_978],
  ['lambdadarts_corr_3', 1, 3_604_438, 301_114],
  ['lambdadarts_sign_0', 1, 3_511_990, 306_042],
  ['lambdadarts_sign_1', 1, 3_605_518, 300_058],
  ['lambdadarts_sign_2', 1, 3_755_206, 306_234],
  ['lambdadarts_sign_3', 1, 3_405_286, 257_402],
  ['c10_s1_lambdadarts_corr', 1, 3_101_374, 242_266],
  ['c10_s2_lambdadarts_corr', 3, 3_591_910, 324_666],
  ['c10_s3_lambdadarts_corr', 1, 4_224_790, 358_138],
  ['c10_s4_lambdadarts_corr', 0, 4_701_718, 411_002],
  ['c100_s1_lambdadarts_corr', 1, 3_273_400, 293_172],
  ['c100_s2_lambdadarts_corr', 1, 4_393_792, 407_700],
  ['c100_s3_lambdadarts_corr', 0, 4_753_648, 434_132],
  ['c100_s4_lambdadarts_corr', 0, 4_753_648, 434_132],
  ['svhn_s1_lambdadarts_corr', 0, 3_193_174, 263_866],
  ['svhn_s2_lambdadarts_corr', 1, 4_190_662, 349_370],
  ['svhn_s3_lambdadarts_corr', 0, 4_701_718, 411_002],
  ['svhn_s4_lambdadarts_corr', 0, 4_701_718, 411_002]
]

describe('the published genotypes', () => {
  it('are the twenty', () => expect(Object.keys(PUBLISHED).toSorted()).toEqual(SIZES.map(([name]) => name).toSorted()))

  it.each(SIZES)('%s: text and back, %d skips, %d and %d parameters', (name, skips, p36, p16) => {
    const genotype = PUBLISHED[name] as Extract<Genotype, { family: 'darts' }>
    expect(parsed(formatGenotype(genotype))).toEqual(genotype)
    expect(genotype.normal.nodes.flat().filter(({ operation }) => operation === 'skip_connect').length).toBe(skips)
    const classes = name.startsWith('c100') ? 100 : 10
    const parameters = (channels: number, layers: number) =>
      sizeOfNetwork(derivedNetwork(genotype, { channels, layers, classes, ...images })).parameters
    expect([parameters(36, 20), parameters(16, 8)]).toEqual([p36, p16])
  })
})

describe('cells of NAS-Bench-201', () => {
  const convs = '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|'
  const skips = convs.replaceAll('nor_conv_3x3', 'skip_connect')
  const best = '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|'
  const size = (text: string) =>
    sizeOfNetwork(derivedNetwork(parsed(text), { channels: 16, layers: 5, classes: 10, ...images }))

  it.each([
    ['9930', best, 1_288_506],
    ['1835', skips, 73_306],
    ['1462', convs, 1_531_546],
    ['6111', best.replace('3x3~2', '1x1~2'), 1_073_466]
  ])('%s has the parameters of the benchmark', (_, text, parameters) => expect(size(text).parameters).toBe(parameters))

  it('have the multiply-adds of the formula', () => {
    // Stem, two residual blocks (3x3, 3x3, 1x1 at half the size), classifier; and k^2 C^2 a pixel for a convolution in
    // each of 15 cells.
    const block = (width: number, side: number) =>
      (9 * (width / 2) * width + 9 * width ** 2 + (width / 2) * width) * side ** 2
    const skeleton = 3 * 9 * 16 * 32 ** 2 + block(32, 16) + block(64, 8) + 64 * 10
    const stages = (kernel: number) => 5 * kernel ** 2 * (16 ** 2 * 32 ** 2 + 32 ** 2 * 16 ** 2 + 64 ** 2 * 8 ** 2)
    expect(size(skips).multiplyAdds).toBe(skeleton)
    expect(size(convs).multiplyAdds).toBe(skeleton + 6 * stages(3))
    expect(size('|nor_conv_1x1~0|+|none~0|avg_pool_3x3~1|+|none~0|none~1|nor_conv_3x3~2|').multiplyAdds).toBe(
      skeleton + stages(1) + stages(3)
    )
  })
})

it('counts the multiply-adds of depthwise, dilated and factorized convolutions as the formula', () => {
  // 4 channels, 3 layers: a normal cell, then two reductions; each node takes the two inputs.
  const cell = (a: string, b: string) => `[('${a}', 0), ('${b}', 1)]`
  const text = `Genotype(normal=${cell('sep_conv_5x5', 'max_pool_3x3')}, normal_concat=[2], reduce=${cell('dil_conv_3x3', 'skip_connect')}, reduce_concat=[2])`
  const { multiplyAdds } = sizeOfNetwork(
    derivedNetwork(parsed(text), { channels: 4, layers: 3, classes: 10, imageChannels: 3, size: [16, 16] })
  )
  const wanted =
    (27 * 12 + 2 * 12 * 4 + 2 * (25 * 4 + 16)) * 256 + // stem, preprocess, cell 0 at 16x16
    (12 * 8 + 4 * 8) * 256 +
    (9 * 8 + 64 + 64) * 64 + // cell 1: preprocess at 16x16, then 8x8
    4 * 16 * 64 +
    8 * 16 * 64 +
    (9 * 16 + 256 + 256) * 16 + // cell 2: factorized at 16x16 to 8x8
    16 * 10
  expect(multiplyAdds).toBe(wanted)
})

it('refuses to count what a number cannot hold', () => {
  const huge = derivedNetwork(PUBLISHED['lambdadarts_corr_0'] as Genotype, {
    channels: 1e6,
    layers: 200,
    classes: 10,
    ...images
  })
  expect(() => sizeOfNetwork(huge)).toThrow('counts below 2^53, which are exact')
})

describe('lambda-darts count', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-count-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it('takes a name, and the published size', async () => {
    const { code, stdout, stderr } = await inProcess('count', 'lambdadarts_corr_0')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain(
      '3,320,614 parameters, 522,635,904 multiply-adds an image\n(36 channels, 20 cells, 10 classes, images 3x32x32)'
    )
  })

  it('takes a text and options, and gives JSON', async () => {
    const text = '|skip_connect~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|'
    const options = '--channels 4 --layers 1 --classes 7 --size 8 --image-channels 1 --json'
    const { code, stdout } = await inProcess('count', text, ...options.split(' '))
    expect(code).toBe(0)
    const config: NetworkConfig = { channels: 4, layers: 1, classes: 7, size: [8, 8], imageChannels: 1 }
    const size = sizeOfNetwork(derivedNetwork(parsed(text), config))
    expect(JSON.parse(stdout)).toEqual({ genotype: text, ...config, ...size })
    expect(size.parameters).toBe(9 * 4 + 8 + 928 + 3_648 + 2 * 16 + 7 * 17)
  })

  it.each([
    ['too few layers', ['--layers', '2'], 'derived network requires at least 3 layers'],
    ['images that do not halve', ['--size', '30'], 'multiples of 4'],
    ['no channels', ['--channels', '0'], "Wanted --channels to be a whole number of 1 to 1000000, but got '0'"],
    ['a word for a number', ['--classes', 'ten'], "but got 'ten'"],
    ['an unknown option', ['--depth', '3'], "unknown option '--depth'"]
  ])('refuses %s with exit code 2 and one sentence', async (_, options, part) => {
    const { code, stdout, stderr } = await inProcess('count', 'lambdadarts_corr_0', ...options)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(part)
    expect(stderr).toMatch(/^[^\n]* but got [^\n]*\.\n$/)
  })

  it("takes a space of one's own", async () => {
    const cell = cellOf({ inputs: 1, nodes: 1, multiplier: 1 }, () => ['none', 'dil_conv_3x3'])
    const space: Space = {
      name: 'own',
      cells: { alpha: cell },
      skeleton: { kind: 'stages', stages: 1 },
      normAfterPool: false
    }
    writeFileSync(join(folder, 'space.json'), JSON.stringify(space))
    const options = ['--space', join(folder, 'space.json'), '--channels', '2', '--layers', '1', '--json']
    const { code, stdout } = await inProcess('count', '|dil_conv_3x3~0|', ...options)
    expect(code).toBe(0)
    // Stem, a depthwise and a 1x1 convolution with a batch norm, the last batch norm, classifier.
    expect(JSON.parse(stdout).parameters).toBe(27 * 2 + 4 + (9 * 2 + 4 + 4) + 4 + 3 * 10)
    for (const [genotype, part] of [
      ['lambdadarts_corr_0', 'got one of the other family'],
      ['|skip_connect~0|', "operations among none, dil_conv_3x3, but got 'skip_connect' in group 1"]
    ] as const)
      expect(await inProcess('count', genotype, ...options)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(part)
      })
  })

  it('refuses a genotype that is none', async () => {
    const { code, stderr } = await inProcess('count', 'lambdadarts_corr_9')
    expect(code).toBe(2)
    expect(stderr).toContain(
      "a file that holds one, or the folder of a run that has ended, but got 'lambdadarts_corr_9'"
    )
  })
})

const TINY: NetworkConfig = { channels: 2, layers: 3, imageChannels: 2, size: [8, 8], classes: 3 }
const STAGES: NetworkConfig = { ...TINY, layers: 1 }
const BATCH = 2

/** Weights of a network, random but for what stands beside them. */
const weightsOf = (net: DerivedNetwork, seed: number): HostArray => {
  const data = initialWeights(net, [seed, 1])
  return { data, shape: [data.length], dtype: 'f32' }
}

/** Mixtures that choose the operations of a cell: 1 at each, 0 elsewhere. */
const choosing = ({ edges }: CellType, nodes: ConcatCell['nodes'], inputs: number): Tensor =>
  $.tensor(
    edges.flatMap(({ from, to, operations }) =>
      operations.map(name =>
        Number((nodes[to - inputs] ?? []).some(choice => choice.from === from && choice.operation === name))
      )
    ),
    [edges.length, edges[0]?.operations.length ?? 0]
  )

/** The path of a parameter or batch norm of a derived network in the supernet of a space. */
const renamed = (space: Space, genotype: Genotype, net: ReturnType<typeof supernet>, name: string): string => {
  const [, cell, edge, rest] = /^(cells\.\d+)\.(?:_ops|layers)\.(\d+)\.(.*)$/.exec(name) ?? []
  if (cell === undefined) return name
  const type = net.cells.find(searched => searched.name === cell)?.type as string
  const nodes = genotype.family === 'nb201' ? genotype.nodes : genotype[type as 'normal' | 'reduce'].nodes
  const inputs = genotype.family === 'nb201' ? 1 : 2
  const flat = nodes.flatMap((node, i) => node.map(choice => ({ ...choice, to: inputs + i })))
  const { operation, from, to } = flat[Number(edge)] as (typeof flat)[number]
  const row = (space.cells[type] as CellType).edges.findIndex(e => e.from === from && e.to === to)
  const column = (space.cells[type] as CellType).edges[row]?.operations.indexOf(operation)
  return genotype.family === 'nb201'
    ? `${cell}.edges.${to}<-${from}.${column}.${rest}`
    : `${cell}._ops.${row}._ops.${column}.${rest}`
}

/**
 * Logits of the derived network and of the supernet at mixtures that choose, in training mode and with the statistics
 * of that pass.
 */
const bothLogits = async (genotype: Genotype, seed: number) => {
  const bench = genotype.family === 'nb201'
  const space: Space = bench ? nb201 : { ...(SPACES['s5'] as Space), normAfterPool: false }
  const net = derivedNetwork(genotype, bench ? STAGES : TINY)
  const whole = supernet(space, bench ? STAGES : TINY)
  const weights = tableOf(net.parameters)
  const claims = (vector: Tensor, x: Tensor): readonly Tensor[] => {
    const own = unpack(weights, vector)
    const named = (name: string) => renamed(space, genotype, whole, name)
    // What no choice uses is zero: it is multiplied by zero.
    const others = Object.fromEntries(
      whole.parameters.map(({ name, shape }) => [name, $.broadcastTo($.tensor(0), shape)])
    )
    const same = { ...others, ...Object.fromEntries(Object.entries(own).map(([name, value]) => [named(name), value])) }
    const mixtures = whole.cells.map(({ type }) =>
      choosing(
        space.cells[type] as CellType,
        bench ? genotype.nodes : genotype[type as 'normal' | 'reduce'].nodes,
        bench ? 1 : 2
      )
    )
    const training = net.logits({ weights: own }, x)
    const there = whole.logits({ weights: same }, mixtures, x)
    const running = Object.fromEntries(
      Object.entries(training.moments).map(([name, moments]) => [named(name), moments])
    )
    return [
      training.y,
      there.y,
      net.logits({ weights: own, running: training.moments }, x).y,
      whole.logits({ weights: same, running: { ...there.moments, ...running } }, mixtures, x).y
    ]
  }
  const x = array(anything, seed, [BATCH, TINY.imageChannels, ...TINY.size])
  return evaluateOn(backends.reference, (w, image) => claims(w as Tensor, image as Tensor), [weightsOf(net, seed), x])
}

/** A tolerance for float64, relative to the largest logit: the terms of a node are added in another order. */
const FLOAT64 = 1e-11

const expectSame = async (genotype: Genotype, seed: number): Promise<readonly HostArray[]> => {
  const [training, there, evaluation, evaluationThere] = (await bothLogits(genotype, seed)) as [
    HostArray,
    HostArray,
    HostArray,
    HostArray
  ]
  expectClose('training mode', training.data, there.data, FLOAT64)
  expectClose('evaluation mode', evaluation.data, evaluationThere.data, FLOAT64)
  return [training, evaluation]
}

const S5 = (SPACES['s5'] as Space).cells['normal']?.edges[0]?.operations as readonly string[]
const cells: fc.Arbitrary<ConcatCell> = fc
  .tuple(
    ...Array.from({ length: 4 }, (_, i) =>
      fc
        .shuffledSubarray(
          Array.from({ length: i + 2 }, (_unused, from) => from),
          { minLength: 2, maxLength: 2 }
        )
        .chain(sources =>
          fc.tuple(...sources.map(from => fc.record({ operation: fc.constantFrom(...S5), from: fc.constant(from) })))
        )
    )
  )
  .map(nodes => ({ nodes, concat: [2, 3, 4, 5] }))

describe('a derived network is the supernet at the mixtures that choose', () => {
  it.each(['lambdadarts_corr_0', 'lambdadarts_corr_3', 'c100_s1_lambdadarts_corr'])('%s', async name => {
    const [training, evaluation] = await expectSame(PUBLISHED[name] as Genotype, 5)
    expect(Array.from((training as HostArray).data)).not.toEqual(Array.from((evaluation as HostArray).data))
  })

  test.prop({ normal: cells, reduce: cells, seed: fc.nat(1000) }, { numRuns: 6 })(
    'random DARTS cells',
    async ({ normal, reduce, seed }) => {
      await expectSame({ family: 'darts', normal, reduce }, seed)
    }
  )

  const operations = (nb201.cells['alpha'] as CellType).edges[0]?.operations as readonly string[]
  test.prop(
    { chosen: fc.array(fc.constantFrom(...operations), { minLength: 6, maxLength: 6 }), seed: fc.nat(1000) },
    { numRuns: 10 }
  )('random cells of NAS-Bench-201', async ({ chosen: [a, b, c, d, e, f], seed }) => {
    await expectSame(parsed(`|${a}~0|+|${b}~0|${c}~1|+|${d}~0|${e}~1|${f}~2|`), seed)
  })
})

describe('on the adapter', () => {
  it.each([
    [
      'a DARTS genotype',
      parsed(
        "Genotype(normal=[('sep_conv_5x5', 0), ('avg_pool_3x3', 1)], normal_concat=[2], reduce=[('dil_conv_5x5', 0), ('max_pool_3x3', 1), " +
          "('skip_connect', 0), ('sep_conv_3x3', 2)], reduce_concat=range(2, 4))"
      ),
      TINY
    ],
    [
      'a cell of NAS-Bench-201',
      parsed('|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|none~1|nor_conv_3x3~2|'),
      STAGES
    ]
  ])('%s computes what the reference computes, its gradient too', async (_, genotype, config) => {
    const net = derivedNetwork(genotype, config)
    const table = tableOf(net.parameters)
    const loss = (vector: Tensor, x: Tensor, labels: Tensor) =>
      crossEntropy(net.logits({ weights: unpack(table, vector) }, x).y, labels)
    const f = (...[vector, x, labels]: readonly Tensor[]) => [
      net.logits({ weights: unpack(table, vector as Tensor) }, x as Tensor).y,
      grad(loss)(vector as Tensor, x as Tensor, labels as Tensor)
    ]
    const args = [
      weightsOf(net, 3),
      array(anything, 3, [4, config.imageChannels, ...config.size]),
      array(whole(0, config.classes), 4, [4], 'i32')
    ]
    const wanted = await evaluateOn(backends.reference, f, args)
    const got = await evaluateOn(backends.gpu, f, args)
    expect(wanted[1]?.data.some(value => Math.abs(value) > 0.01)).toBe(true)
    // float32 through some thirty layers, each normalised.
    for (const [i, claim] of ['logits', 'gradient'].entries())
      expectClose(claim, (got[i] as HostArray).data, (wanted[i] as HostArray).data, 1e-4)
  })
})

describe('unusual genotypes', () => {
  const cell = (text: string, concat: string, name: string) => `${name}=[${text}], ${name}_concat=${concat}`
  const genotype = (normal: string, concat = 'range(2, 4)') =>
    parsed(
      `Genotype(${cell(normal, concat, 'normal')}, ${cell("('skip_connect', 0), ('skip_connect', 1)", '[2]', 'reduce')})`
    )
  const logits = (net: DerivedNetwork, context: (weights: LayerContext['weights']) => LayerContext) =>
    evaluateOn(
      backends.reference,
      (w, x) => [net.logits(context(unpack(tableOf(net.parameters), w as Tensor)), x as Tensor).y],
      [weightsOf(net, 1), array(anything, 2, [BATCH, TINY.imageChannels, ...TINY.size])]
    )

  it('`none` adds nothing', async () => {
    const alone = "('none', 0), ('none', 1), ('sep_conv_3x3', 0), ('skip_connect', 1)"
    const [{ data }] = (await logits(derivedNetwork(genotype(alone), TINY), weights => ({ weights }))) as [HostArray]
    expect(data.every(Number.isFinite)).toBe(true)
  })

  it('`noise` is what the context holds', async () => {
    const net = derivedNetwork(genotype("('noise', 0), ('sep_conv_3x3', 1)", '[2]'), TINY)
    expect(net.noises.map(({ name, shape }) => `${name} ${shape}`)).toEqual(['cells.0._ops.0 2,8,8'])
    const of = (key: number) =>
      logits(net, weights => ({ weights, noise: noiseOf(net, $.tensor([key, 0], [2], 'u32'), BATCH) }))
    const [one, same, other] = (await Promise.all([of(1), of(1), of(2)])).map(([y]) =>
      Array.from((y as HostArray).data)
    )
    expect(one).toEqual(same)
    expect(one).not.toEqual(other)
    await expect(logits(net, weights => ({ weights }))).rejects.toThrow('noise f32[2,2,8,8] in the context')
  })

  it('a space of one stage gives its skeleton', () => {
    const space: Space = { ...nb201, skeleton: { kind: 'stages', stages: 1 } }
    const text = '|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|'
    // Stem, one convolution with its batch norm in each of two cells, the last batch norm, classifier.
    const wanted = 2 * 2 * 9 + 4 + 2 * (2 * 2 * 9 + 4) + 4 + 3 * 3
    expect(sizeOfNetwork(derivedNetwork(parsed(text), { ...STAGES, layers: 2 }, space)).parameters).toBe(wanted)
  })

  it('a concat of some nodes, in its order, sets the width', () => {
    const text = "('skip_connect', 0), ('skip_connect', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)"
    const width = (concat: string) =>
      derivedNetwork(genotype(text, concat), { ...TINY, layers: 5 }).parameters.find(
        ({ name }) => name === 'classifier.weight'
      )?.shape[1]
    expect([width('range(2, 4)'), width('[3]')]).toEqual([16, 8])
  })

  it.each([
    ['too few layers', { ...TINY, layers: 2 }, 'derived network requires at least 3 layers'],
    [
      'images that do not halve',
      { ...TINY, size: [10, 8] as const },
      'multiples of 4 (2 reductions halve them), but got 10x8'
    ]
  ])('refuses %s', (_, config, message) =>
    expect(() => derivedNetwork(genotype("('none', 0), ('none', 1)", '[2]'), config)).toThrow(message)
  )
})

it('packs its weights and statistics in tables', async () => {
  const net = derivedNetwork(PUBLISHED['c10_s4_lambdadarts_corr'] as Genotype, TINY)
  const [weights, statistics] = [tableOf(net.parameters), statisticsTable(net.norms)]
  const names = net.parameters.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  const f = (vector: Tensor, x: Tensor): readonly Tensor[] => {
    const own = unpack(weights, vector)
    const { y, moments } = net.logits({ weights: own }, x)
    const running = packStatistics(statistics, moments)
    return [
      $.sub(vector, pack(weights, own)),
      y,
      net.logits({ weights: own, running: unpackStatistics(statistics, net.norms, running) }, x).y
    ]
  }
  const [difference] = await evaluateOn(backends.reference, (w, x) => f(w as Tensor, x as Tensor), [
    weightsOf(net, 9),
    array(anything, 9, [BATCH, TINY.imageChannels, ...TINY.size])
  ])
  expect(difference?.data.every(value => value === 0)).toBe(true)
})
