/** Verdicts on searches that are made up, a fact at a time: what is found, what it is held to be, what to do. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { PRESETS, type SearchConfig } from '../../../src/nas/configuration/options.js'
import { type BenchTable, decodeBenchTable, randomCells, scoreOf } from '../../../src/nas/genotypes/bench201.js'
import { formatGenotype, type Genotype, parseGenotype } from '../../../src/nas/genotypes/genotype.js'
import { pathsOf, substanceOf } from '../../../src/nas/genotypes/paths.js'
import { PUBLISHED } from '../../../src/nas/genotypes/published.js'
import type { Baseline, EpochRecord, Verdict } from '../../../src/nas/run/record.js'
import { genotypeOf } from '../../../src/nas/selection/magnitude.js'
import type { DecisionEvent } from '../../../src/nas/selection/selection.js'
import { mapRecord, nb201, operationCount, SPACES, type Space } from '../../../src/nas/space/space.js'
import type { Evidence } from '../../../src/nas/verdict/evidence.js'
import { verdictText } from '../../../src/nas/verdict/report.js'
import { verdictOf } from '../../../src/nas/verdict/verdict.js'
import { right } from '../../kernels/results.js'
import { epochOf } from './runs.js'

const GOOD = '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|'
const POOLS = '|avg_pool_3x3~0|+|avg_pool_3x3~0|avg_pool_3x3~1|+|avg_pool_3x3~0|avg_pool_3x3~1|avg_pool_3x3~2|'

/** Alpha with a lead for the operations of a cell of NAS-Bench-201. */
const alphaFor = (genotype: Genotype, lead: number): EpochRecord['alpha'] => {
  const chosen = genotype.family === 'nb201' ? genotype.nodes.flat().map(({ operation }) => operation) : []
  return mapRecord(nb201.cells, ({ edges }) =>
    edges.flatMap(({ operations }, e) => operations.map(name => (name === chosen[e] ? lead : 0)))
  )
}

/** An epoch that went well, with this alpha. */
const epochWith = (space: Space, alpha: EpochRecord['alpha'], more: Partial<EpochRecord> = {}): EpochRecord => {
  const losses = { trainLoss: 0.3, validLoss: 0.4, lambdaTrain: 0.5, eigenvalue: null }
  return epochOf(space, { ...losses, genotype: formatGenotype(genotypeOf(space, alpha)), alpha }, more)
}

interface Told extends Partial<Omit<Evidence, 'config' | 'epochs' | 'result'>> {
  readonly cell?: string
  readonly config?: Partial<SearchConfig>
  /** By epoch: what alpha leads by, and other facts. */
  readonly course?: readonly (Partial<EpochRecord> & { readonly lead?: number })[]
  readonly result?: Partial<Evidence['result']>
}

/** The first epoch had another cell, and leads grow. */
const TWELVE = Array.from({ length: 12 }, (_, e) => ({ lead: (e + 1) / 10, ...(e === 0 ? { genotype: POOLS } : {}) }))

/** A search of NAS-Bench-201 that went well, but for what is told. */
const evidenceOf = ({ cell = GOOD, config, course = TWELVE, result, ...more }: Told = {}): Evidence => {
  const genotype = right(parseGenotype(cell))
  const epochs = course.map(({ lead = 1, ...facts }, e) =>
    epochWith(nb201, alphaFor(genotype, lead), { epoch: e + 1, ...facts })
  )
  return {
    config: { ...PRESETS.digits, ...config },
    space: nb201,
    genotype,
    mixtures: epochs.at(-1)?.mixtures ?? epochWith(nb201, alphaFor(genotype, 0)).mixtures,
    epochs,
    decisions: [],
    result: { stopped: null, stepsDone: 22 * course.length, epochsDone: course.length, testAccuracy: 0.967, ...result },
    ...more
  }
}

const findings = (told: Told) => verdictOf(evidenceOf(told)).findings
const found = (told: Told, kind: string) => findings(told).find(one => one.kind === kind)
const kindsOf = ({ findings: all }: Verdict, tone: string) => all.flatMap(one => (one.tone === tone ? [one.kind] : []))

describe('a search that went well', () => {
  const verdict = verdictOf(evidenceOf())
  it('has nothing against it, and says that nobody knows how good its cell is', () => {
    expect(verdict.tone).toBe('good')
    expect(kindsOf(verdict, 'bad')).toEqual([])
    expect(kindsOf(verdict, 'doubt')).toEqual(['unjudged'])
    expect(verdict.headline).toMatch(/^Nothing speaks against this cell/)
  })
  it('is told in lines of at most 100 columns, with what to do', () => {
    const lines = verdictText(verdict).split('\n')
    expect(lines[0]).toMatch(/^Verdict: Nothing speaks against/)
    expect(lines.some(line => line.startsWith('  + '))).toBe(true)
    expect(lines.every(line => line.length <= 100)).toBe(true)
    expect(verdictText(verdict).replaceAll(/\n */g, ' ')).toContain('To do: give --table FILE or --baseline 8')
  })
})

describe('collapse', () => {
  it.each<[string, string, RegExp]>([
    ['pools', POOLS, /only average pools stand between its input and its output\.$/],
    ['skips', POOLS.replaceAll('avg_pool_3x3', 'skip_connect'), /only skip connections stand/],
    ['skips and pools', POOLS.replace('avg_pool_3x3', 'skip_connect'), /only skip connections and average pools stand/],
    ['no path at all', POOLS.replaceAll('avg_pool_3x3', 'none'), /^No path leads/]
  ])('%s: named, and bad', (_, cell, sentence) => {
    const verdict = verdictOf(evidenceOf({ cell }))
    expect(verdict.tone).toBe('bad')
    expect(verdict.headline).toMatch(/^Do not trust this cell: /)
    const collapse = verdict.findings.find(({ kind }) => kind === 'collapse')
    expect(collapse?.sentence).toMatch(sentence)
    expect(collapse?.cure).toContain('--derivative exact')
  })
  it('a cell of which little can learn is a reason to doubt', () =>
    expect(found({ cell: POOLS.replace('avg_pool_3x3', 'nor_conv_3x3') }, 'collapse')).toMatchObject({
      tone: 'doubt',
      sentence: 'Of the 6 operations on paths through the cell a single one has weights.'
    }))
  it('reduction cells may be all pools, as published ones are, but not severed', () => {
    const { mixtures } = epochWith(
      SPACES.s5,
      mapRecord(SPACES.s5.cells, cell => Array(14 * operationCount(cell)).fill(0))
    )
    const of = (genotype: Genotype) =>
      verdictOf({ ...evidenceOf(), space: SPACES.s5, genotype, mixtures }).findings.filter(
        ({ kind }) => kind === 'collapse'
      )
    for (const genotype of Object.values(PUBLISHED)) expect(of(genotype)).toEqual([])
    const noise = {
      nodes: [
        [
          { operation: 'noise', from: 0 },
          { operation: 'none', from: 1 }
        ]
      ],
      concat: [2]
    }
    const severed = { ...(PUBLISHED.lambdadarts_corr_0 as Extract<Genotype, { family: 'darts' }>), reduce: noise }
    expect(of(severed).map(({ sentence }) => sentence)).toEqual([
      'No path leads from the input of the reduction cell to its output.'
    ])
  })
})

describe('margins', () => {
  it.each([
    [0.02, 'bad', /^6 of 6 edges are undecided: the lead over the next operation is below a tenth/],
    [0.5, 'good', /^All 6 edges are decided\.$/]
  ])('a lead of %d in alpha is %s', (lead, tone, sentence) => {
    const margins = found({ course: [{ lead }, { lead }] }, 'margins')
    expect(margins?.tone).toBe(tone)
    expect(margins?.sentence).toMatch(sentence)
  })
  it('0.21 against a uniform 0.20 is no decision; a lead of a tenth of the uniform weight is one', () => {
    // A row [a, 0, 0, 0, 0] has weights e^a / (e^a + 4) and 1 / (e^a + 4).
    const leadFor = (lead: number) => Math.log((1 + 4 * lead) / (1 - lead))
    const undecided = (lead: number) => found({ course: [{ lead: leadFor(lead) }] }, 'margins')?.tone === 'bad'
    expect([0.0125, 0.0199, 0.0201].map(undecided)).toEqual([true, true, false])
  })
  it('of a selection by perturbation are what its decisions left', () => {
    const decision = (other: number): DecisionEvent => ({
      type: 'decision',
      epoch: 0,
      kind: 'operation',
      cell: 'alpha',
      to: 1,
      candidates: [0.5, other].map((accuracy, n) => ({
        from: 0,
        operation: String(n),
        accuracy,
        loss: 1,
        magnitude: 0.2
      })),
      outcome: { from: 0, operation: '0' }
    })
    const decisions = [0.505, 0.6, 0.7].map(decision)
    expect(found({ config: { select: 'perturbation' }, decisions }, 'margins')?.sentence).toBe(
      '1 of 3 edges is undecided: the network is as right without the next operation, to a point of accuracy.'
    )
  })
})

describe('the course of alpha', () => {
  it('that never left uniform', () =>
    expect(found({ course: TWELVE.map(() => ({ lead: 0.05 })) }, 'saturation')?.sentence).toMatch(
      /^Alpha has hardly left/
    ))
  it('that was at a corner at once', () => {
    const course = TWELVE.map((_, e) => ({ lead: e < 2 ? 1 : 8 }))
    expect(found({ course }, 'saturation')?.sentence).toMatch(/^Alpha was at a corner after epoch 3 of 12/)
    expect(found({ course: course.toReversed().toSorted((a, b) => a.lead - b.lead) }, 'saturation')?.tone).toBe('doubt')
    expect(found({ course: TWELVE.map((_, e) => ({ lead: e < 10 ? 1 : 8 })) }, 'saturation')).toBeUndefined()
  })
  it('that kept its first cell, found near uniform', () => {
    expect(found({ course: TWELVE.map((_, e) => ({ lead: 0.01 + e / 10 })) }, 'unchanged')?.tone).toBe('doubt')
    expect(found({ course: TWELVE.map(() => ({ lead: 2 })) }, 'unchanged')).toBeUndefined()
  })
  it('that had too few steps', () => {
    expect(found({ course: [{}] }, 'travel')?.sentence).toBe(
      'In 22 steps Adam can have moved an entry of alpha by 0.066 at most.'
    )
    expect(found({}, 'travel')).toBeUndefined()
  })
  it('that ended early: interrupted, not finite, or before its first epoch', () => {
    const stopped = { reason: 'interrupted' } as const
    expect(found({ course: TWELVE.slice(0, 5), result: { stopped } }, 'stopped')).toMatchObject({
      sentence: 'The search was interrupted after 5 of 12 epochs.',
      cure: 'go on with --resume'
    })
    expect(
      found({ course: TWELVE.slice(0, 5), result: { stopped: { reason: 'non-finite', message: '' } } }, 'stopped')?.tone
    ).toBe('bad')
    expect(found({ course: [], result: { stopped } }, 'stopped')?.sentence).toMatch(/^No epoch came to its end/)
  })
})

describe('weights and cells', () => {
  const lambdas = (from: number, to: number) =>
    TWELVE.map((one, e) => ({ ...one, lambdaTrain: from + ((to - from) * e) / 11 }))
  it.each([
    [0.1, 0.7, 'good', 'the cells agree'],
    [0.02, 0.06, 'doubt', 'disagree'],
    [0.4, 0.2, 'doubt', 'less and less'],
    [0.1, -0.1, 'doubt', 'against each other']
  ])('Λ from %d to %d is %s', (from, to, tone, part) => {
    const harmony = found({ course: lambdas(from, to) }, 'harmony')
    expect(harmony).toMatchObject({ tone })
    expect(harmony?.sentence).toContain(part)
  })
  it('an eigenvalue that grows by a third in five epochs is a reason to doubt, as Zela et al. stop there', () => {
    const course = (growth: number) =>
      TWELVE.map((one, e) => ({ ...one, eigenvalue: { largest: growth ** e, residual: 0 } }))
    expect(found({ course: course(1.5) }, 'curvature')?.tone).toBe('doubt')
    expect(found({ course: course(1.02) }, 'curvature')?.tone).toBe('good')
    expect(found({ course: course(1.5).slice(0, 5) }, 'curvature')).toBeUndefined()
  })
  it('weights that overfit', () => {
    const course = TWELVE.map((one, e) => ({ ...one, trainLoss: 0.1, validLoss: 0.3 + e / 100 }))
    expect(found({ course }, 'fit')?.sentence).toBe(
      'The weights overfit: loss 0.10 on their own images, 0.41 on the validation part, where it was 0.30 before.'
    )
    expect(found({}, 'fit')).toBeUndefined()
  })
  it('a quotient that is not the derivative, where the weights followed it', () => {
    const quotient = { error: 8, cosine: 0.1, norm: 80, exactNorm: 10, reluFlips: 5, poolFlips: 0 }
    const course = TWELVE.map(one => ({ ...one, quotient }))
    expect(found({ course }, 'quotient')).toMatchObject({ tone: 'doubt', cure: 'search with --derivative exact' })
    expect(found({ course, config: { method: 'darts' } }, 'quotient')?.tone).toBe('good')
  })
})

describe('what is known of the cell decides', () => {
  const random = { cifar10_test_200: { cells: 15_625, mean: 87.06, median: 90.75, best: 94.37 } }
  const scoreAt = (percentile: number) => ({
    cifar10_test_200: { accuracy: 91, rank: 100, percentile, regret: 1, isomorphic: [90, 92] as const }
  })
  it.each([
    [30, 'bad'],
    [60, 'doubt'],
    [95, 'good']
  ])('a score at the percentile %d: %s, whatever the search looks like', (percentile, tone) => {
    for (const cell of [GOOD, POOLS]) {
      const { tone: of, headline } = verdictOf(evidenceOf({ cell, random, score: scoreAt(percentile) }))
      expect(of).toBe(tone)
      expect(headline).toContain('rank 100 of 15,625')
    }
  })
  it('says so where a good cell comes of a search that looks bad', () =>
    expect(verdictOf(evidenceOf({ cell: POOLS, random, score: scoreAt(95) })).headline).toMatch(
      /though the search itself gives reason to doubt it/
    ))

  const trained = (of: number, others: readonly number[]): Baseline => ({
    wanted: others.length,
    epochs: 12,
    channels: 4,
    found: { genotype: GOOD, testAccuracy: of, stopped: false },
    random: others.map(testAccuracy => ({ genotype: POOLS, testAccuracy, stopped: false }))
  })
  it.each([
    [0.95, [0.9, 0.8, 0.9, 0.8], 'good'],
    [0.95, [0.9], 'doubt'],
    [0.88, [0.9, 0.8, 0.9, 0.8], 'doubt'],
    [0.7, [0.9, 0.8, 0.9, 0.8], 'bad']
  ])('%d beside random cells at %j: %s', (of, others, tone) => {
    const verdict = verdictOf(evidenceOf({ baseline: trained(of, others) }))
    expect(verdict.tone).toBe(tone)
    expect(verdict.findings.map(({ kind }) => kind)).not.toContain('unjudged')
  })
  it('says accuracies, mean and deviation', () =>
    expect(found({ baseline: trained(0.95, [0.9, 0.8, 0.9, 0.8]) }, 'baseline')?.sentence).toBe(
      'Trained from scratch for 12 epochs the cell reaches 95.0 % on test images, 4 random cells on average 85.0 % ' +
        '(deviation 5.8); it is better than 4 of 4.'
    ))
})

const path =
  process.env['NASBENCH201'] ?? fileURLToPath(new URL('../../../../shared/data/nasbench201.csv.gz', import.meta.url))

describe.skipIf(!existsSync(path))(`cells by the whole table (skipped where '${path}' is no file)`, () => {
  const table = existsSync(path)
    ? right(decodeBenchTable(gunzipSync(readFileSync(path)).toString()))
    : ({} as BenchTable)
  const random = existsSync(path) ? randomCells(table) : {}

  it('a random cell reaches what the mean and the median of all cells are', () =>
    expect(Object.values(random).map(({ cells, mean, median }) => [cells, mean.toFixed(2), median.toFixed(2)])).toEqual(
      [
        [15_625, '87.06', '90.75'],
        [15_625, '61.41', '65.29'],
        [15_625, '33.59', '36.39']
      ]
    ))

  it('all that are called collapsed are in the worse half, thin ones mostly, the others mostly in the better', () => {
    const { median = 0 } = random['cifar10_test_200'] ?? {}
    const column = table.columns.findIndex(({ name }) => name === 'cifar10_test_200')
    const cells = [...table.rows.values()].map(({ arch, accuracies }) => ({
      kind: substanceOf(pathsOf(right(parseGenotype(arch)))['alpha'] ?? []).kind,
      accuracy: accuracies[column] as number
    }))
    const of = (kind: string) => {
      const accuracies = cells.flatMap(cell => (cell.kind === kind ? [cell.accuracy] : []))
      const below = accuracies.filter(accuracy => accuracy < median).length / accuracies.length
      return [accuracies.length, (accuracies.reduce((a, b) => a + b) / accuracies.length).toFixed(2), below.toFixed(3)]
    }
    expect(['severed', 'empty', 'thin', 'full'].map(of)).toEqual([
      [341, '10.00', '1.000'],
      [1642, '76.43', '1.000'],
      [6082, '88.41', '0.714'],
      [7560, '91.77', '0.196']
    ])
  })

  it('with its score the verdict on a cell is that of the table', () => {
    const scored = (cell: string) =>
      verdictOf(evidenceOf({ cell, score: right(scoreOf(table)(right(parseGenotype(cell)))).scores, random }))
    expect(scored(POOLS).headline).toContain('by the table the cell reaches 49.02 % on cifar10, rank 15,')
    expect([scored(POOLS).tone, scored(GOOD).tone]).toEqual(['bad', 'good'])
  })
})
