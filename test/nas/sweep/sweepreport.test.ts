/** Reports of sweeps: hand-made runs with known numbers, what a table adds, and the text that a person reads. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { decodeBenchTable, testColumns } from '../../../src/nas/genotypes/bench201.js'
import { type Run, runsOf, type Sweep } from '../../../src/nas/sweep/sweep.js'
import { type RunSummary, randomReport, sweepReport, sweepText } from '../../../src/nas/sweep/sweepreport.js'
import { left, right } from '../../kernels/results.js'

const SKIPS = '|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|'
const CONVS = '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|'
const POOLS = '|avg_pool_3x3~0|+|avg_pool_3x3~0|avg_pool_3x3~1|+|avg_pool_3x3~0|avg_pool_3x3~1|avg_pool_3x3~2|'

const table = right(
  decodeBenchTable(
    [
      'arch,cifar10_test_200,cifar10_test_12,cifar10_valid_12,cifar100_test_200',
      `${SKIPS},54,40,35,15`,
      `${CONVS},94,80,70,71`,
      `${POOLS},90,70,60,60`
    ].join('\n')
  )
)

const summary = (genotype: string, testAccuracy: number, more: Partial<RunSummary> = {}): RunSummary => ({
  genotype,
  testAccuracy,
  operations: { alpha: { skip_connect: genotype === SKIPS ? 6 : 0 } },
  lastEpoch: { lambdaTrain: 0.25, lambdaValid: 0.125 },
  seconds: 60,
  adapter: 'reference',
  stopped: null,
  ...more
})

const sweep: Sweep = {
  configurations: [
    { name: 'darts', options: { method: 'darts' } },
    { name: 'fd', options: {} },
    { name: 'exact', options: { derivative: 'exact' } }
  ],
  seeds: [0, 1, 2],
  baseline: 'darts',
  random: { cells: 2 }
}
const outcomes: readonly (RunSummary | string)[] = [
  ...[summary(SKIPS, 0.5), summary(SKIPS, 0.6), summary(POOLS, 0.7)],
  ...[summary(CONVS, 0.6), summary(CONVS, 0.75), summary(CONVS, 0.75)],
  // NaN is null in JSON.
  ...[
    summary(POOLS, 0.4, { lastEpoch: { lambdaTrain: null, lambdaValid: 0.5 } }),
    'A loss was not finite.',
    summary(POOLS, 0.4)
  ]
]
const facts = runsOf(sweep).map((run, i) => [run, outcomes[i] as RunSummary | string] as const)

describe('a report', () => {
  const report = right(sweepReport(sweep, facts, table))
  const [darts, fd, exact] = report.configurations

  it('has mean, deviation and interval of each value over the runs that are done', () => {
    const { mean, deviation, halfWidth, count } = darts?.summaries['testAccuracy'] ?? {}
    expect([count, mean]).toEqual([3, expect.closeTo(0.6, 12)])
    expect(deviation).toBeCloseTo(0.1, 12)
    expect(halfWidth).toBeCloseTo((4.302652729911275 * 0.1) / Math.sqrt(3), 10)
    expect(darts?.summaries['skips']?.mean).toBe(4)
    expect(exact?.runs.map(({ seed }) => seed)).toEqual([0, 2])
    expect(exact?.summaries['lambdaTrain']).toEqual({ count: 1, mean: 0.25, deviation: null, halfWidth: null })
    expect(report.failed).toEqual([{ name: 'exact-seed1', message: 'A loss was not finite.' }])
  })

  it('compares with the baseline over the seeds that both have, corrected for the number of configurations', () => {
    expect(darts?.against).toBeNull()
    const [ofFd, ofExact] = [fd?.against?.['testAccuracy'], exact?.against?.['testAccuracy']]
    // Differences 0.1, 0.15, 0.05: t = 0.1 / (0.05 / sqrt 3), p = 0.0742 by scipy.stats.ttest_1samp.
    expect(ofFd?.t?.statistic).toBeCloseTo(2 * Math.sqrt(3), 10)
    expect(ofFd?.t?.p).toBeCloseTo(0.07417990022744853, 10)
    expect(ofFd?.wilcoxon).toEqual({ statistic: 0, p: 0.25 })
    expect(ofExact?.difference?.count).toBe(2)
    expect(ofFd?.tHolm).toBeCloseTo(2 * (ofFd?.t?.p as number), 12)
    expect(ofExact?.wilcoxonHolm).toBe(0.5)
    expect(Object.keys(fd?.against ?? {})).not.toContain('seconds')
  })

  it('says what the cells reach in the test column of the most epochs of each data set', () => {
    expect(testColumns(table).map(({ name }) => name)).toEqual(['cifar10_test_200', 'cifar100_test_200'])
    expect(fd?.runs[0]?.values).toMatchObject({
      'cifar10_test_200.accuracy': 94,
      'cifar10_test_200.rank': 1,
      'cifar10_test_200.percentile': 100,
      'cifar100_test_200.regret': 0
    })
    expect(darts?.summaries['cifar10_test_200.accuracy']?.mean).toBeCloseTo(66, 12)
  })

  it('has a random search where the table can judge one: the best of two by validation, and what that reaches', () => {
    // Pairs: skips and convolutions 94, skips and pools 90, convolutions and pools 94.
    expect(Object.keys(report.random?.columns ?? {})).toEqual(['cifar10_test_200'])
    expect(report.random?.columns['cifar10_test_200']).toMatchObject({ shownBy: 'cifar10_valid_12' })
    expect(report.random?.columns['cifar10_test_200']?.mean).toBeCloseTo(278 / 3, 10)
    expect(report.random?.columns['cifar10_test_200']?.deviation).toBeCloseTo(Math.sqrt(32) / 3, 10)
    expect(randomReport(table, 3).columns['cifar10_test_200']).toMatchObject({ mean: 94, deviation: 0 })
  })

  it('reads as text', () => {
    const text = sweepText(report, table)
    const rows = text.split('\n').map(row => row.split(/ {2,}/))
    expect(rows).toContainEqual([
      'darts',
      '3',
      '60.00 ± 10.00',
      '35.16 to 84.84',
      '0.250 ± 0.000',
      '0.125 ± 0.000',
      '4.0 ± 3.5',
      '60 ± 0'
    ])
    expect(rows).toContainEqual(['random, best of 2 by cifar10_valid_12', '-', '92.67 ± 1.89', '-', '-', '-', '-'])
    expect(rows).toContainEqual([
      'fd',
      'supernet accuracy %',
      '3',
      '10.00 ± 5.00',
      '-2.42 to 22.42',
      '0.0742',
      '0.1484',
      '0.2500',
      '0.5000'
    ])
    expect(text).toContain(`\n  fd, seed 2: ${CONVS}\n`)
    expect(text).toContain('\nFailed:\n  exact-seed1: A loss was not finite.')
  })

  it('of one seed shows no deviation, and no test of one difference by t', () => {
    const one = { ...sweep, seeds: [0], random: null }
    const few = right(
      sweepReport(
        one,
        [0, 3, 6].map((i, k) => [runsOf(one)[k] as Run, outcomes[i] as RunSummary])
      )
    )
    expect(few.random).toBeNull()
    const rows = sweepText(few)
      .split('\n')
      .map(row => row.split(/ {2,}/))
    expect(rows).toContainEqual(['darts', '1', '50.00', '-', '0.250', '0.125', '6.0', '60'])
    expect(few.configurations[1]?.against?.['testAccuracy']?.t).toBeNull()
  })

  it('says so if runs were made on different adapters', () => {
    const on = (name: string) => summary(SKIPS, 0.5, { adapter: { name } })
    const [one, other] = runsOf(sweep) as [Run, Run]
    const textOf = (name: string) =>
      sweepText(
        right(
          sweepReport(sweep, [
            [one, on('A')],
            [other, on(name)]
          ])
        )
      )
    expect(textOf('B')).toContain('\n\nRuns were made on different adapters, which round differently: A, B.\n\n')
    expect(textOf('A')).not.toContain('adapters')
  })

  it('refuses a cell that the table does not have', () => {
    const other = '|none~0|+|none~0|none~1|+|none~0|none~1|none~2|'
    expect(left(sweepReport(sweep, [[runsOf(sweep)[0] as Run, summary(other, 0.5)]], table)).message).toContain(
      'a NAS-Bench-201 table'
    )
  })
})

const published = fileURLToPath(new URL('../../../../shared/data/nasbench201.csv.gz', import.meta.url))
describe.skipIf(!existsSync(published))(
  `the published table${existsSync(published) ? '' : ' (not here, skipped)'}`,
  () => {
    it('a random search of ten cells reaches what drawing says', () => {
      const whole = right(decodeBenchTable(gunzipSync(readFileSync(published)).toString('utf8')))
      const [found, rows] = [randomReport(whole, 10).columns['cifar10_test_200'], [...whole.rows.values()]]
      const [shown, reached] = ['cifar10_valid_12', 'cifar10_test_200'].map(name =>
        whole.columns.findIndex(column => column.name === name)
      ) as [number, number]
      // A multiplicative generator with a fixed seed: 4000 searches have a standard error of a 63rd of the deviation.
      let state = 20_260_101
      const draw = (): number => {
        state = (state * 48_271) % 2_147_483_647
        return state % rows.length
      }
      const kept = Array.from({ length: 4000 }, () => {
        const drawn = Array.from({ length: 10 }, () => rows[draw()]?.accuracies as readonly number[])
        return drawn.reduce((best, one) => ((one[shown] as number) > (best[shown] as number) ? one : best))[
          reached
        ] as number
      })
      const mean = kept.reduce((sum, value) => sum + value, 0) / kept.length
      expect(Math.abs(mean - (found?.mean as number))).toBeLessThan(
        (4 * (found?.deviation as number)) / Math.sqrt(4000)
      )
    })
  }
)
