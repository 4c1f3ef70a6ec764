/**
 * What a sweep found: its runs in numbers, configurations beside the baseline, a random search of the table; as a
 * value and as text.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts/lib/index.js'
import type { InputError } from '../errors.js'
import { type BenchColumn, type BenchReport, type BenchTable, scoreOf, testColumns } from '../genotypes/bench201.js'
import { parseGenotype } from '../genotypes/genotype.js'
import { bestOfDraws, holm, pairedT, type SignificanceTest, type Summary, summarise, wilcoxon } from '../statistics.js'
import { tableText } from '../text.js'
import type { Configuration, Run, Sweep } from './sweep.js'

/** A number as JSON has it, which writes those that are not finite as null. */
const numberOrNull = t.union([t.number, t.null], 'a number')

/** What of a run's `summary.json` is read. */
export const RunSummary = t.readonly(
  t.type({
    genotype: t.string,
    testAccuracy: numberOrNull,
    operations: t.readonly(t.record(t.string, t.readonly(t.record(t.string, t.number)))),
    lastEpoch: t.union(
      [t.readonly(t.type({ lambdaTrain: numberOrNull, lambdaValid: numberOrNull })), t.null],
      'an epoch or null'
    ),
    seconds: t.number,
    adapter: t.union([t.string, t.readonly(t.type({ name: t.string }))], 'an adapter'),
    stopped: t.union([
      t.null,
      t.readonly(t.intersection([t.type({ reason: t.string }), t.partial({ message: t.string })]))
    ])
  }),
  'a summary { genotype, testAccuracy, operations, lastEpoch, seconds, adapter, stopped }'
)
export type RunSummary = t.TypeOf<typeof RunSummary>

/** What a configuration is compared by. */
type Values = Readonly<Record<string, number | null>>

export interface RunReport {
  readonly seed: number
  readonly genotype: string
  /** What it ran on. */
  readonly adapter: string
  readonly values: Values
}

/** A configuration beside the baseline, over the seeds that both have. */
export interface Comparison {
  /** Of the differences: this one less the baseline. */
  readonly difference: Summary | null
  readonly t: SignificanceTest | null
  readonly wilcoxon: SignificanceTest | null
  /** The p values by Holm's correction over all configurations that are compared. */
  readonly tHolm: number | null
  readonly wilcoxonHolm: number | null
}

export interface ConfigurationReport extends Configuration {
  readonly runs: readonly RunReport[]
  readonly summaries: Readonly<Record<string, Summary | null>>
  /** By value; null for the baseline itself, and without one. */
  readonly against: Readonly<Record<string, Comparison>> | null
}

/**
 * A random search: the cells that it trains, and by column of the table what the one it keeps is to be expected to
 * reach.
 */
export interface RandomReport {
  readonly cells: number
  readonly columns: Readonly<
    Record<string, { readonly shownBy: string; readonly mean: number; readonly deviation: number }>
  >
}

export interface SweepReport {
  readonly baseline: string | null
  readonly configurations: readonly ConfigurationReport[]
  readonly random: RandomReport | null
  readonly failed: readonly { readonly name: string; readonly message: string }[]
}

/** A value of a run: what it is called, how it is written, and whether configurations are tested by it. */
interface Measure {
  readonly key: string
  readonly title: string
  readonly digits: number
  readonly scale: number
  readonly isTested: boolean
}
const measure = (key: string, title: string, digits: number, isTested: boolean, scale = 1): Measure => ({
  key,
  title,
  digits,
  isTested,
  scale
})

const MEASURES: readonly Measure[] = [
  measure('testAccuracy', 'supernet accuracy %', 2, true, 100),
  measure('lambdaTrain', 'Λ train', 3, true),
  measure('lambdaValid', 'Λ valid', 3, true),
  measure('skips', 'skips', 1, true),
  measure('seconds', 'seconds', 0, false)
]

const SCORES = ['accuracy', 'rank', 'percentile', 'regret'] as const
const scoreMeasures = (table: BenchTable | undefined): readonly (readonly [BenchColumn, readonly Measure[]])[] =>
  (table ? testColumns(table) : []).map(column => [
    column,
    SCORES.map(score => measure(`${column.name}.${score}`, score, score === 'rank' ? 0 : 2, score === 'accuracy'))
  ])

const scoreValues = (report: BenchReport, columns: readonly BenchColumn[]): Values =>
  Object.fromEntries(
    columns.flatMap(({ name }) => SCORES.map(score => [`${name}.${score}`, report.scores[name]?.[score] ?? null]))
  )

const valuesOf = ({ testAccuracy, lastEpoch, operations, seconds }: RunSummary): Values => ({
  testAccuracy,
  lambdaTrain: lastEpoch?.lambdaTrain ?? null,
  lambdaValid: lastEpoch?.lambdaValid ?? null,
  skips: Object.values(operations).reduce((count, chosen) => count + (chosen['skip_connect'] ?? 0), 0),
  seconds
})

/** A run in numbers. Left if the table does not have its cell. */
const runReport =
  (table: BenchTable | undefined) =>
  ({ seed }: Run, summary: RunSummary): E.Either<InputError, RunReport> => {
    const { genotype } = summary
    const adapter = typeof summary.adapter === 'string' ? summary.adapter : summary.adapter.name
    const values = valuesOf(summary)
    if (!table) return E.right({ seed, genotype, adapter, values })
    return pipe(
      parseGenotype(genotype),
      E.chain(scoreOf(table)),
      E.map(report => ({ seed, genotype, adapter, values: { ...values, ...scoreValues(report, testColumns(table)) } }))
    )
  }

const numbers = (runs: readonly RunReport[], key: string): readonly number[] =>
  runs.flatMap(({ values }) => values[key] ?? [])

/** Differences of a value over the seeds that both have. */
const differencesOf = (ours: readonly RunReport[], theirs: readonly RunReport[], key: string): readonly number[] =>
  ours.flatMap(({ seed, values }) => {
    const [one, other] = [values[key], theirs.find(run => run.seed === seed)?.values[key]]
    return typeof one === 'number' && typeof other === 'number' ? [one - other] : []
  })

type Runs = readonly (Configuration & { readonly runs: readonly RunReport[] })[]

/** All configurations beside the baseline by one value, in their order. */
const comparisons = (others: Runs, theirs: readonly RunReport[], key: string): readonly Comparison[] => {
  const all = others.map(({ runs }) => differencesOf(runs, theirs, key))
  const tests = all.map(differences => ({ t: pairedT(differences), wilcoxon: wilcoxon(differences) }))
  const [tHolm, wilcoxonHolm] = [
    holm(tests.map(test => test.t?.p ?? null)),
    holm(tests.map(test => test.wilcoxon?.p ?? null))
  ]
  return tests.map((test, i) => ({
    difference: summarise(all[i] as readonly number[]),
    ...test,
    tHolm: tHolm[i] as number | null,
    wilcoxonHolm: wilcoxonHolm[i] as number | null
  }))
}

/**
 * What a random search of so many cells is to be expected to reach: it trains each for the epochs of the shortest
 * validation column of the data set, keeps the best of them, and reaches what that cell reaches in the test column.
 * Exact over all ways to draw. Data sets without a validation column are left out.
 */
export const randomReport = (table: BenchTable, cells: number): RandomReport => {
  const rows = [...table.rows.values()]
  const columns = testColumns(table).flatMap(test => {
    const [valid] = table.columns
      .filter(({ dataset, part }) => dataset === test.dataset && part === 'valid')
      .toSorted((a, b) => a.epochs - b.epochs)
    if (!valid) return []
    const [shown, reached] = [table.columns.indexOf(valid), table.columns.indexOf(test)]
    const candidates = rows.map(({ accuracies }) => ({
      shown: accuracies[shown] as number,
      reached: accuracies[reached] as number
    }))
    return [[test.name, { shownBy: valid.name, ...bestOfDraws(candidates, cells) }] as const]
  })
  return { cells, columns: Object.fromEntries(columns) }
}

/**
 * What a sweep found. `outcomes`: a summary for each run that is done, a message for each that failed. Left if the
 * table does not have a cell.
 */
export const sweepReport = (
  sweep: Sweep,
  outcomes: readonly (readonly [Run, RunSummary | string])[],
  table?: BenchTable
): E.Either<InputError, SweepReport> => {
  const measures = [...MEASURES, ...scoreMeasures(table).flatMap(([, of]) => of)]
  const reports = outcomes.flatMap(([run, outcome]) => (typeof outcome === 'string' ? [] : [{ run, summary: outcome }]))
  return pipe(
    reports,
    E.traverseArray(({ run, summary }) =>
      pipe(
        runReport(table)(run, summary),
        E.map(report => ({ configuration: run.configuration, report }))
      )
    ),
    E.map(made => {
      const all: Runs = sweep.configurations.map(configuration => ({
        ...configuration,
        runs: made.flatMap(({ configuration: of, report }) => (of === configuration.name ? [report] : []))
      }))
      const theirs = all.find(({ name }) => name === sweep.baseline)?.runs
      const others = all.filter(({ name }) => name !== sweep.baseline)
      const tested = measures
        .filter(({ isTested }) => isTested)
        .map(({ key }) => [key, theirs ? comparisons(others, theirs, key) : []] as const)
      return {
        baseline: sweep.baseline,
        configurations: all.map(configuration => {
          const i = others.indexOf(configuration)
          return {
            ...configuration,
            summaries: Object.fromEntries(
              measures.map(({ key }) => [key, summarise(numbers(configuration.runs, key))])
            ),
            against:
              theirs && i >= 0 ? Object.fromEntries(tested.map(([key, found]) => [key, found[i] as Comparison])) : null
          }
        }),
        random: table && sweep.random ? randomReport(table, sweep.random.cells) : null,
        failed: outcomes.flatMap(([{ name }, outcome]) =>
          typeof outcome === 'string' ? [{ name, message: outcome }] : []
        )
      }
    })
  )
}

/** `12.3 ± 0.4`; without its deviation for one value, and a dash for none. */
const spread = (
  summary: { readonly mean: number; readonly deviation: number | null } | null,
  { digits, scale }: Measure
): string => {
  if (!summary) return '-'
  const { mean, deviation } = summary
  return `${(scale * mean).toFixed(digits)}${deviation === null ? '' : ` ± ${(scale * deviation).toFixed(digits)}`}`
}

/** `11.9 to 12.7`: the confidence interval of the mean; a dash where there is none. */
const interval = (summary: Summary | null, { digits, scale }: Measure): string => {
  if (!summary || summary.halfWidth === null) return '-'
  const { mean, halfWidth } = summary
  return [mean - halfWidth, mean + halfWidth].map(end => (scale * end).toFixed(digits)).join(' to ')
}

const chance = (p: number | null | undefined): string => {
  if (p === null || p === undefined) return '-'
  return p < 1e-4 ? p.toExponential(0) : p.toFixed(4)
}

/** A table of configurations: the spread of each value, the interval of the first. */
const spreadTable = (
  rows: readonly ConfigurationReport[],
  measures: readonly Measure[],
  more: readonly string[][] = []
): string => {
  const [first, ...others] = measures as readonly [Measure, ...Measure[]]
  return tableText([
    ['configuration', 'runs', first.title, '95 %', ...others.map(({ title }) => title)],
    ...rows.map(({ name, runs, summaries }) => [
      name,
      String(runs.length),
      spread(summaries[first.key] ?? null, first),
      interval(summaries[first.key] ?? null, first),
      ...others.map(one => spread(summaries[one.key] ?? null, one))
    ]),
    ...more
  ])
}

const comparisonTable = (
  { configurations, baseline }: SweepReport,
  measures: readonly (readonly [string, Measure])[]
): string =>
  [
    `Beside ${baseline}, over the seeds that both have (paired t test and Wilcoxon's signed ranks; p, and p by ` +
      `Holm's correction):`,
    tableText([
      ['configuration', 'value', 'pairs', 'difference', '95 %', 't: p', 'Holm', 'ranks: p', 'Holm'],
      ...configurations.flatMap(({ name, against }) =>
        measures.flatMap(([title, one]) => {
          const found = against?.[one.key]
          return found?.difference
            ? [
                [
                  name,
                  title,
                  String(found.difference.count),
                  spread(found.difference, one),
                  interval(found.difference, one),
                  ...[found.t?.p, found.tHolm, found.wilcoxon?.p, found.wilcoxonHolm].map(chance)
                ]
              ]
            : []
        })
      )
    ])
  ].join('\n')

/** A table of each data set of the benchmark, with the random search as its last row. */
const scoreTables = ({ configurations, random }: SweepReport, table: BenchTable): readonly string[] =>
  scoreMeasures(table).map(([{ name }, measures]) => {
    const drawn = random?.columns[name]
    const row = drawn
      ? [
          [
            `random, best of ${random.cells} by ${drawn.shownBy}`,
            '-',
            spread(drawn, measures[0] as Measure),
            ...measures.map(() => '-')
          ]
        ]
      : []
    return `${name}, by the table:\n${spreadTable(configurations, measures, row)}`
  })

/** What a person reads of a sweep. `table` is the one that the report was made with. */
export const sweepText = (report: SweepReport, table?: BenchTable): string => {
  const { configurations, baseline, failed } = report
  const tested = [
    ...MEASURES.map(one => [one.title, one] as const),
    ...scoreMeasures(table).flatMap(([{ name }, of]) => of.map(one => [`${name} ${one.title}`, one] as const))
  ].filter(([, { isTested }]) => isTested)
  const adapters = [...new Set(configurations.flatMap(({ runs }) => runs.map(({ adapter }) => adapter)))]
  return [
    spreadTable(configurations, MEASURES),
    ...(adapters.length < 2
      ? []
      : [`Runs were made on different adapters, which round differently: ${adapters.join(', ')}.`]),
    ...(table ? scoreTables(report, table) : []),
    ...(baseline !== null && configurations.length > 1 ? [comparisonTable(report, tested)] : []),
    `Genotypes:\n${configurations
      .flatMap(({ name, runs }) => runs.map(({ seed, genotype }) => `  ${name}, seed ` + `${seed}: ${genotype}`))
      .join('\n')}`,
    ...(failed.length === 0
      ? []
      : [`Failed:\n${failed.map(({ name, message }) => `  ${name}: ${message}`).join('\n')}`])
  ].join('\n\n')
}
