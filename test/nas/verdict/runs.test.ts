/** Verdicts on real searches, collapsed and good, of all spaces: what each finds, and that it tells good from bad. */
import { expect, it } from 'vitest'
import { verdictOf } from '../../../src/nas/verdict/verdict.js'
import { runs } from './runs.js'

const judged = runs.map(({ command, evidence, table }) => {
  const { tone, findings } = verdictOf(evidence)
  const against = findings.flatMap(one => (one.tone === 'good' || one.kind === 'unjudged' ? [] : [one.kind]))
  const { config, space } = evidence
  return { command, name: `${space.name} ${config.method} ${config.select} ${config.epochs}`, tone, against, table }
})

it('each search has what speaks against it', () =>
  expect(judged.map(({ name, tone, against }) => [name, tone, against.join(' ')])).toEqual([
    ['nb201 darts magnitude 12', 'doubt', 'collapse margins saturation harmony'],
    ['nb201 darts magnitude 12', 'doubt', 'collapse margins saturation harmony'],
    ['nb201 darts magnitude 12', 'bad', 'collapse harmony'],
    ['nb201 darts magnitude 12', 'doubt', 'collapse harmony'],
    ['nb201 darts magnitude 12', 'doubt', 'margins harmony'],
    ['nb201 lambda-darts magnitude 12', 'doubt', 'collapse'],
    ['nb201 lambda-darts magnitude 12', 'doubt', 'collapse margins saturation'],
    ['nb201 lambda-darts magnitude 12', 'good', ''],
    ['nb201 darts perturbation 3', 'doubt', 'collapse saturation harmony'],
    ['s1 darts magnitude 3', 'doubt', 'harmony'],
    ['s2 darts magnitude 6', 'bad', 'collapse harmony'],
    ['s3 darts magnitude 6', 'doubt', 'harmony'],
    ['s4 darts magnitude 3', 'good', ''],
    ['s5 darts magnitude 3', 'doubt', 'collapse harmony']
  ]))

/** Where the cells stand that were found, in percent of all cells that are no better: on CIFAR-10 after 200 epochs. */
const percentiles = (is: (run: (typeof judged)[number]) => boolean): readonly number[] =>
  judged.flatMap(run => (run.table && is(run) ? [run.table.percentile] : []))
const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length

it('the table, which the verdicts are not given, agrees: bad is worst, collapse worse than none, DARTS has less harmony', () => {
  const [bad, collapsed, others] = [
    percentiles(({ tone }) => tone === 'bad'),
    percentiles(({ tone, against }) => tone !== 'bad' && against.includes('collapse')),
    percentiles(({ against }) => !against.includes('collapse'))
  ]
  expect([bad, collapsed, others].map(one => one.length)).toEqual([1, 6, 2])
  expect(Math.max(...bad)).toBeLessThan(Math.min(...collapsed))
  expect([mean(bad), mean(collapsed), mean(others)].map(Math.round)).toEqual([2, 36, 77])
  // Λ speaks against every search of NAS-Bench-201 by DARTS, and against none by Λ-DARTS.
  const discord = judged
    .filter(({ table }) => table)
    .map(({ name, against }) => [name.includes('lambda'), against.includes('harmony')])
  expect(discord.every(([isLambda, disagrees]) => isLambda !== disagrees)).toBe(true)
})
