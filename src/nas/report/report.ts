/** The report of one run or of several side by side, as a value. Pure: runs in, pages out. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { type Genotype, parseGenotype } from '../genotypes/genotype.js'
import type { RunRecord } from '../run/record.js'
import { counted } from '../text.js'
import { cellFigures, comparedCells, fits } from './cells.js'
import { comparisonTable } from './comparison.js'
import { cosineFigures } from './cosines.js'
import { decisionFigures } from './decisions.js'
import { configurationTables, genotypeText, glance, originTable } from './facts.js'
import type { Figure, Headline, ReportPage, Section } from './figure.js'
import { lineFigure } from './lines.js'
import {
  type Chart,
  EIGENVALUE,
  edgeLines,
  figuresOfGroups,
  figuresOfRun,
  HARMONY,
  LEARNING,
  operationFigures,
  QUOTIENT,
  SATURATION,
  SCHEDULE,
  scoreCharts
} from './measures.js'
import { type Group, groupsOf, titleOf, toldOf } from './runs.js'
import { softmaxFigures } from './softmax.js'
import { timeFigures, timeMissing } from './time.js'

/** The genotype of a run, where it has one that its space holds. */
const genotypeOf = (run: RunRecord): Genotype | null =>
  pipe(
    E.fromNullable(null)(genotypeText(run)),
    E.chainW(text => parseGenotype(text, run.space)),
    E.match(
      () => null,
      genotype => (fits(run.space, genotype) ? genotype : null)
    )
  )

/** What a run says of itself that has no verdict. */
const openHeadline = ({ epochs, summary, config }: RunRecord): string => {
  if (summary?.stopped?.reason === 'non-finite') return summary.stopped.message
  if (summary) return `It ended after ${counted(summary.epochsDone, 'epoch')}, too early for a verdict.`
  return epochs.length === 0
    ? 'No epoch is over yet: nothing can be said of the cell.'
    : `Under way, or broken off: ${epochs.length} of ${counted(config.epochs, 'epoch')} are over. The verdict follows.`
}

const headlineOf = (run: RunRecord, label: string | null): Headline => {
  const verdict = run.summary?.verdict
  return verdict
    ? { run: label, tone: verdict.tone, headline: verdict.headline, findings: verdict.findings }
    : { run: label, tone: null, headline: openHeadline(run), findings: [] }
}

const section = (
  id: string,
  title: string,
  figures: readonly Figure[],
  missing: readonly string[] = [],
  more: Partial<Section> = {}
): Section => ({ id, title, says: null, figures, tables: [], missing, ...more })

/** Sections that show anything; what is missing from those that do not stands in the last but one. */
const shown = (sections: readonly Section[]): readonly Section[] => {
  const isShown = ({ figures, tables }: Section): boolean => figures.length + tables.length > 0
  const missing = sections.filter(one => !isShown(one)).flatMap(one => one.missing)
  const left = missing.length > 0 ? [section('missing', 'What was not recorded', [], missing)] : []
  const rest = sections.filter(isShown)
  return [...rest.slice(0, -1), ...left, ...rest.slice(-1)]
}

/** Charts that none of the runs has numbers for, by what would log them. */
const checksMissing = (runs: readonly RunRecord[]): readonly string[] => {
  const has = (of: (epoch: RunRecord['epochs'][number]) => unknown): boolean =>
    runs.some(({ epochs }) => epochs.some(epoch => of(epoch) !== null))
  const isRegularised = runs.some(({ config }) => config.method === 'lambda-darts' || config.lambda > 0)
  return [
    ...(has(({ quotient }) => quotient)
      ? []
      : [
          isRegularised
            ? 'Exact derivative against difference quotient is not shown: search --probe logs it after each epoch.'
            : 'Exact derivative against difference quotient is not shown: the method has no regulariser.'
        ]),
    ...(has(({ eigenvalue }) => eigenvalue)
      ? []
      : ["The Hessian's largest eigenvalue is not shown: search --eigenvalue logs it after each epoch."])
  ]
}

const scoresMissing = (runs: readonly RunRecord[]): readonly string[] => {
  if (scoreCharts(runs).length > 0) return []
  return runs.some(({ space }) => space.name === 'nb201')
    ? ['Scores are not shown: search --table FILE looks each cell up in a table of NAS-Bench-201.']
    : []
}

/** How decided the edges are: each edge behind their mean. */
const edgeFigures = (run: RunRecord): readonly Figure[] =>
  lineFigure({
    id: 'edges',
    title: 'Largest weight of each edge',
    says: 'A faint line an edge, and their mean. Edges that rise alone decide early; at 1 an edge is decided.',
    unit: 'weight',
    lines: [...edgeLines(run, ({ largest }) => largest), ...figureLines(run)]
  })

const figureLines = (run: RunRecord) => [
  {
    label: 'mean of all edges',
    style: 0,
    points: run.epochs.map(({ epoch, mixtures }) => {
      const all = Object.values(mixtures).flat()
      return [epoch, all.reduce((sum, { largest }) => sum + largest, 0) / Math.max(1, all.length)] as const
    })
  }
]

const reportOfRun = (run: RunRecord): ReportPage => {
  const genotype = genotypeOf(run)
  const of = (charts: readonly Chart[]): readonly Figure[] => figuresOfRun(run, charts)
  return {
    title: run.name,
    subtitle: genotypeText(run) ?? '',
    headlines: [headlineOf(run, null)],
    facts: glance(run),
    sections: shown([
      section('cells', run.summary ? 'The cell' : 'The cell so far', genotype ? cellFigures(run, genotype) : []),
      section('softmax', 'How it was chosen', softmaxFigures(run)),
      section('harmony', 'Harmony of the cells', [...of(HARMONY), ...cosineFigures(run)]),
      section('learning', 'What the supernet learned', of(LEARNING)),
      section('scores', 'What the cells of the epochs are worth', of(scoreCharts([run])), scoresMissing([run])),
      section('saturation', 'How decided alpha is', [
        ...edgeFigures(run),
        ...of(SATURATION.slice(1)),
        ...operationFigures(run)
      ]),
      section('selection', 'Selection by perturbation', decisionFigures(run)),
      section('schedule', 'Rates and gradients', of(SCHEDULE)),
      section('checks', 'Checks of the derivatives', [...of(QUOTIENT), ...of(EIGENVALUE)], checksMissing([run])),
      section('time', 'Time', timeFigures(run), timeMissing(run)),
      section('configuration', 'Configuration', [], [], { tables: [originTable(run), ...configurationTables(run)] })
    ])
  }
}

/** Runs whose cells and mixtures are drawn one by one: more of them are a sample, not a comparison. */
const MOST_DRAWN = 8

const tooMany = (groups: readonly Group[], what: string): readonly string[] =>
  groups.length <= MOST_DRAWN
    ? []
    : [`${what} of the first ${MOST_DRAWN} of ${groups.length} are shown: report one run to see its own.`]

const reportOfRuns = (runs: readonly RunRecord[], title: string | null): ReportPage => {
  const groups = groupsOf(runs, toldOf)
  const drawn = groups.slice(0, MOST_DRAWN)
  const of = (charts: readonly Chart[]): readonly Figure[] => figuresOfGroups(groups, charts)
  const found = drawn.flatMap(({ label, runs: [run] }) => {
    const genotype = run ? genotypeOf(run) : null
    return run && genotype ? [{ label, run, genotype }] : []
  })
  const mixtures = drawn.flatMap(({ label, style, runs: [run] }) =>
    run ? softmaxFigures(run, `${style + 1}-`).map(figure => ({ ...figure, title: `${figure.title}: ${label}` })) : []
  )
  return {
    title: title ?? titleOf(groups),
    subtitle: `${counted(runs.length, 'run')} side by side`,
    headlines: drawn.flatMap(({ label, runs: [run] }) => (run ? [headlineOf(run, label)] : [])),
    facts: [],
    sections: shown([
      section('comparison', 'What differs', [], tooMany(groups, 'Verdicts'), { tables: comparisonTable(groups) }),
      section('cells', 'The cells', comparedCells(found), tooMany(groups, 'Cells')),
      section('harmony', 'Harmony of the cells', of(HARMONY)),
      section('learning', 'What the supernets learned', of(LEARNING)),
      section('scores', 'What the cells of the epochs are worth', of(scoreCharts(runs)), scoresMissing(runs)),
      section('saturation', 'How decided alpha is', of(SATURATION)),
      section('schedule', 'Rates and gradients', of(SCHEDULE)),
      section('checks', 'Checks of the derivatives', [...of(QUOTIENT), ...of(EIGENVALUE)], checksMissing(runs)),
      section('softmax', 'How each cell was chosen', mixtures, tooMany(groups, 'Mixtures')),
      section('configuration', 'Configuration', [], [], {
        tables: drawn.flatMap(({ label, runs: [run] }) =>
          run
            ? [originTable(run), ...configurationTables(run)].map(one => ({
                ...one,
                title: `${one.title}: ${label}`,
                isOpen: false
              }))
            : []
        )
      })
    ])
  }
}

/**
 * The report of runs: of one all that it tells, of several the same charts with a line each, mean and spread where they
 * differ in their seeds alone. Without a title they are called by their configurations.
 */
export const reportOf = (runs: readonly [RunRecord, ...RunRecord[]], title: string | null): ReportPage =>
  runs.length === 1 ? reportOfRun(runs[0]) : reportOfRuns(runs, title)
