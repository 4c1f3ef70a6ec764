/**
 * Statistics: held to what SciPy gives (test/golden/statistics.py), to enumeration where it gives nothing exact, and to
 * laws.
 */
import { readFileSync } from 'node:fs'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import {
  bestOfDraws,
  holm,
  incompleteBeta,
  pairedT,
  ranksOf,
  studentQuantile,
  studentTails,
  summarise,
  wilcoxon
} from '../../src/nas/statistics.js'

interface Golden {
  readonly beta: readonly (readonly [number, number, number, number])[]
  readonly tails: readonly (readonly [number, number, number])[]
  readonly quantiles: readonly (readonly [number, number, number])[]
  readonly summaries: readonly Record<'mean' | 'deviation' | 'halfWidth', number>[] & readonly { values: number[] }[]
  readonly paired: readonly (Record<'t' | 'tP' | 'w' | 'wP', number> & { first: number[]; second: number[] })[]
  readonly holm: readonly { readonly values: number[]; readonly adjusted: number[] }[]
  readonly best: readonly { shown: number[]; reached: number[]; draws: number; mean: number; deviation: number }[]
}
const golden: Golden = JSON.parse(readFileSync(new URL('../golden/statistics.json', import.meta.url), 'utf8'))

/**
 * Float64 with a few hundred terms: relative to the value, or absolute below 1e-3 of one, where 1 - p has lost what p
 * kept.
 */
const TOLERANCE = 1e-10
const close = (got: number, wanted: number): void =>
  expect(Math.abs(got - wanted) / Math.max(1e-3, Math.abs(wanted)), `${got} for ${wanted}`).toBeLessThan(TOLERANCE)

describe('Student', () => {
  it('the incomplete beta function is that of SciPy', () => {
    for (const [x, a, b, wanted] of golden.beta) close(incompleteBeta(x, a, b), wanted)
  })
  it('so are the tails of his distribution, and its quantiles', () => {
    for (const [t, freedom, wanted] of golden.tails) close(studentTails(t, freedom), wanted)
    for (const [tails, freedom, wanted] of golden.quantiles) close(studentQuantile(tails, freedom), wanted)
  })
  it('far tails keep their relative digits', () => {
    for (const [t, freedom, wanted] of golden.tails.filter(([, , p]) => p < 1e-3 && p > 0))
      expect(Math.abs(studentTails(t, freedom) / wanted - 1)).toBeLessThan(1e-8)
  })
  it('a printed table says the same', () => {
    expect(studentQuantile(0.05, 1)).toBeCloseTo(12.706, 3)
    expect(studentQuantile(0.05, 4)).toBeCloseTo(2.776, 3)
    expect(studentQuantile(0.01, 30)).toBeCloseTo(2.75, 3)
  })
})

describe('a summary', () => {
  it('has the mean, the sample deviation and the half width of the interval', () => {
    for (const { values, mean, deviation, halfWidth } of golden.summaries) {
      const found = summarise(values)
      close(found?.mean as number, mean)
      close(found?.deviation as number, deviation)
      close(found?.halfWidth as number, halfWidth)
    }
  })
  it('of one value has no deviation, rather than 0; of none it is not there', () => {
    expect(summarise([3])).toEqual({ count: 1, mean: 3, deviation: null, halfWidth: null })
    expect(summarise([])).toBeNull()
  })
})

describe('paired tests', () => {
  it('are those of SciPy', () => {
    for (const { first, second, t, tP, w, wP } of golden.paired) {
      const differences = first.map((value, i) => value - (second[i] as number))
      close(pairedT(differences)?.statistic as number, t)
      close(pairedT(differences)?.p as number, tP)
      expect(wilcoxon(differences)?.statistic).toBe(w)
      close(wilcoxon(differences)?.p as number, wP)
    }
  })
  it('say nothing of one difference, of equal ones, or of none', () => {
    expect([pairedT([]), pairedT([1]), pairedT([2, 2, 2])]).toEqual([null, null, null])
    expect([wilcoxon([]), wilcoxon([0, 0])]).toEqual([null, null])
    expect(wilcoxon([1])).toEqual({ statistic: 0, p: 1 })
  })
  it('equal values share the mean of their ranks', () => expect(ranksOf([5, 1, 5, 0])).toEqual([3.5, 2, 3.5, 1]))

  const small = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 9 })
  test.prop([small.filter(values => values.some(value => value !== 0))])(
    'Wilcoxon with ties is the share of all signs',
    differences => {
      const kept = differences.filter(value => value !== 0)
      const ranks = ranksOf(kept.map(Math.abs))
      const total = ranks.reduce((a, b) => a + b)
      const smaller = (isPositive: (i: number) => boolean): number => {
        const positive = ranks.reduce((sum, rank, i) => sum + (isPositive(i) ? rank : 0), 0)
        return Math.min(positive, total - positive)
      }
      const seen = smaller(i => (kept[i] as number) > 0)
      const all = Array.from({ length: 2 ** kept.length }, (_, signs) => smaller(i => ((signs >> i) & 1) === 1))
      const found = wilcoxon(differences)
      expect(found?.statistic).toBe(seen)
      expect(found?.p).toBeCloseTo(Math.min(1, all.filter(statistic => statistic <= seen).length / all.length), 12)
    }
  )
})

describe("Holm's correction", () => {
  it('is that of its definition', () => {
    for (const { values, adjusted } of golden.holm)
      holm(values).forEach((p, i) => void close(p as number, adjusted[i] as number))
  })
  it('leaves out what was not tested', () => expect(holm([0.01, null, 0.04])).toEqual([0.02, null, 0.04]))
})

describe('the best of random draws', () => {
  it('is that of all ways to draw', () => {
    for (const { shown, reached, draws, mean, deviation } of golden.best) {
      const found = bestOfDraws(
        shown.map((value, i) => ({ shown: value, reached: reached[i] as number })),
        draws
      )
      close(found.mean, mean)
      expect(found.deviation).toBeCloseTo(deviation, 10)
    }
  })
  it('takes each of equals as often', () => {
    const candidates = [
      { shown: 1, reached: 0 },
      { shown: 2, reached: 4 },
      { shown: 2, reached: 8 }
    ]
    expect(bestOfDraws(candidates, 3).mean).toBeCloseTo(6, 12)
    // Of the three pairs one has both of the equals, two have one of them.
    expect(bestOfDraws(candidates, 2).mean).toBeCloseTo((4 + 8 + 6) / 3, 12)
    expect(bestOfDraws(candidates, 1).mean).toBeCloseTo(4, 12)
  })
})
