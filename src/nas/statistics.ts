/**
 * Statistics of repeated runs: mean, deviation, confidence interval; paired tests of two configurations over the seeds
 * that both have; Holm's correction; what the best of random draws is to be expected to reach. Where too few values
 * are there to say a thing, it is null, not 0.
 */

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const mean = (values: readonly number[]): number => sum(values) / values.length

/** Mean and spread of a sample. */
export interface Summary {
  readonly count: number
  readonly mean: number
  /** The sample deviation, with n - 1 in its divisor; null for one value. */
  readonly deviation: number | null
  /** Half the width of the 95 % confidence interval of the mean by Student's t; null for one value. */
  readonly halfWidth: number | null
}

/** Lanczos' coefficients for g = 7 (Godfrey, 2001): 15 digits for arguments above 1/2. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7
] as const

/** ln Γ(x) for x >= 1/2. */
const logGamma = (x: number): number => {
  const t = x + 6.5
  const series = LANCZOS.reduce((total, c, i) => total + (i === 0 ? c : c / (x - 1 + i)), 0)
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(series)
}

interface Fraction {
  readonly value: number
  readonly c: number
  readonly d: number
}

/** A step of Lentz's method for a continued fraction, as Thompson and Barnett (1986) keep its divisors from 0. */
const lentz = ({ value, c, d }: Fraction, term: number): Fraction => {
  const away = (x: number): number => (Math.abs(x) < 1e-300 ? 1e-300 : x)
  const [nextC, nextD] = [away(1 + term / c), 1 / away(1 + term * d)]
  return { value: value * nextC * nextD, c: nextC, d: nextD }
}

/** Far more than the fraction takes: some sqrt(max(a, b)). */
const MOST_TERMS = 2000

/** The continued fraction of the incomplete beta function, DLMF 8.17.22, from its term m on. */
const betaFraction = (x: number, a: number, b: number, state: Fraction, m = 1): number => {
  const odd = lentz(state, (-(a + m - 1) * (a + b + m - 1) * x) / ((a + 2 * m - 2) * (a + 2 * m - 1)))
  const next = lentz(odd, (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)))
  const settled = Math.abs(next.value / odd.value - 1) < 1e-16 && Math.abs(odd.value / state.value - 1) < 1e-16
  return settled || m === MOST_TERMS ? next.value : betaFraction(x, a, b, next, m + 1)
}

/**
 * The regularised incomplete beta function I_x(a, b) for a, b >= 1/2 and x in [0, 1] (DLMF 8.17.22, and 8.17.4 where
 * that converges faster).
 *
 * @example incompleteBeta(0.5, 2, 2) // 0.5
 */
export const incompleteBeta = (x: number, a: number, b: number): number => {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a
  return front / betaFraction(x, a, b, { value: 1, c: 1, d: 0 })
}

/**
 * The probability that Student's t with so many degrees of freedom lies at least as far from 0 as `t`: I_{df / (df +
 * t^2)}(df / 2, 1 / 2).
 */
export const studentTails = (t: number, freedom: number): number =>
  Number.isFinite(t) ? incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5) : 0

const bisect = (isBelow: (t: number) => boolean, low: number, high: number): number => {
  const middle = (low + high) / 2
  if (middle <= low || middle >= high) return middle
  return isBelow(middle) ? bisect(isBelow, middle, high) : bisect(isBelow, low, middle)
}

/**
 * The t beyond which, on both sides together, a share `tails` of Student's distribution lies.
 *
 * @example studentQuantile(0.05, 4) // 2.776...
 */
export const studentQuantile = (tails: number, freedom: number): number => {
  const isBelow = (t: number): boolean => studentTails(t, freedom) > tails
  const above = (t: number): number => (isBelow(t) ? above(2 * t) : t)
  return bisect(isBelow, 0, above(1))
}

/** Mean, deviation and confidence of a sample; null without values. */
export const summarise = (values: readonly number[]): Summary | null => {
  const count = values.length
  if (count === 0) return null
  const centre = mean(values)
  if (count === 1) return { count, mean: centre, deviation: null, halfWidth: null }
  const deviation = Math.sqrt(sum(values.map(value => (value - centre) ** 2)) / (count - 1))
  return {
    count,
    mean: centre,
    deviation,
    halfWidth: (studentQuantile(0.05, count - 1) * deviation) / Math.sqrt(count)
  }
}

/** A test's statistic and the probability of one as extreme if there were no difference. */
export interface SignificanceTest {
  readonly statistic: number
  readonly p: number
}

/** A spread of differences that is this much of their mean is what binary makes of equal decimals. */
const ROUNDING = 1e-12

/** The paired t test of differences; null for fewer than two, or if all are equal, whose spread says nothing. */
export const pairedT = (differences: readonly number[]): SignificanceTest | null => {
  const summary = summarise(differences)
  if (!summary?.deviation || summary.deviation < ROUNDING * Math.abs(summary.mean)) return null
  const statistic = (summary.mean * Math.sqrt(summary.count)) / summary.deviation
  return { statistic, p: studentTails(statistic, summary.count - 1) }
}

/** Ranks from 1; equal values share the mean of theirs. */
export const ranksOf = (values: readonly number[]): readonly number[] =>
  values.map(value => {
    const [below, equal] = [
      values.filter(other => other < value).length,
      values.filter(other => other === value).length
    ]
    return below + (equal + 1) / 2
  })

/** Probabilities of the sums of whole numbers of which each is in it or not, as a coin says. */
const subsetSums = (parts: readonly number[]): readonly number[] =>
  parts.reduce<readonly number[]>(
    (chances, part) =>
      Array.from({ length: chances.length + part }, (_, s) => ((chances[s] ?? 0) + (chances[s - part] ?? 0)) / 2),
    [1]
  )

/**
 * Wilcoxon's signed rank test, exact: the statistic is the smaller of the two sums of ranks, p the share of all signs
 * that give one as extreme. Differences of 0 are left out, as Wilcoxon did; equal ones share their ranks, and p is
 * exact for those too. Null if none is left.
 */
export const wilcoxon = (differences: readonly number[]): SignificanceTest | null => {
  const kept = differences.filter(difference => difference !== 0)
  if (kept.length === 0) return null
  const ranks = ranksOf(kept.map(Math.abs))
  const total = sum(ranks)
  const positive = sum(ranks.filter((_, i) => (kept[i] as number) > 0))
  const statistic = Math.min(positive, total - positive)
  // Shared ranks may be halves: twice each is whole. The distribution is symmetric, so two tails are twice one.
  const chances = subsetSums(ranks.map(rank => 2 * rank))
  return { statistic, p: Math.min(1, 2 * sum(chances.slice(0, 2 * statistic + 1))) }
}

/**
 * Holm's step-down correction (1979) of the p values of a family of tests; null stays null and counts for nothing.
 *
 * @example holm([0.01, 0.04, 0.03]) // [0.03, 0.06, 0.06]
 */
export const holm = (values: readonly (number | null)[]): readonly (number | null)[] => {
  const sorted = values.filter(value => value !== null).toSorted((a, b) => a - b)
  return values.map(value =>
    value === null
      ? null
      : Math.max(...sorted.flatMap((p, i) => (p <= value ? [Math.min(1, (sorted.length - i) * p)] : [])))
  )
}

/** What a cell shows when it is chosen, and what it reaches. */
export interface Candidate {
  readonly shown: number
  readonly reached: number
}

/** How many of falling values stand before the first for which `isAfter` holds. */
const placeOf = (
  values: readonly number[],
  isAfter: (value: number) => boolean,
  low = 0,
  high = values.length
): number => {
  if (low === high) return low
  const middle = Math.floor((low + high) / 2)
  return isAfter(values[middle] as number)
    ? placeOf(values, isAfter, low, middle)
    : placeOf(values, isAfter, middle + 1, high)
}

/**
 * Mean and deviation of what the best shown of `draws` different candidates reaches, over all ways to draw them: no
 * draw is made. Of n candidates the best i are all left out with the probability C(n - i, k) / C(n, k), and among
 * equals each is as likely.
 *
 * @example bestOfDraws([{ shown: 1, reached: 1 }, { shown: 2, reached: 3 }], 2) // { mean: 3, deviation: 0 }
 */
export const bestOfDraws = (
  candidates: readonly Candidate[],
  draws: number
): { readonly mean: number; readonly deviation: number } => {
  const n = candidates.length
  const places = Array.from({ length: Math.min(draws, n) }, (_, j) => j)
  const leftOut = (best: number): number =>
    places.reduce((chance, j) => (chance * Math.max(0, n - best - j)) / (n - j), 1)
  const falling = candidates.map(({ shown }) => shown).toSorted((a, b) => b - a)
  const weights = candidates.map(({ shown }) => {
    const first = placeOf(falling, value => value <= shown)
    const after = placeOf(falling, value => value < shown)
    return (leftOut(first) - leftOut(after)) / (after - first)
  })
  const centre = sum(candidates.map(({ reached }, i) => (weights[i] as number) * reached))
  const variance = sum(candidates.map(({ reached }, i) => (weights[i] as number) * (reached - centre) ** 2))
  return { mean: centre, deviation: Math.sqrt(variance) }
}
