/** What a report draws of every epoch: the charts of a run, and of runs side by side. */

import type { EpochRecord, RunRecord } from '../run/record.js'
import { mapRecord } from '../space/space.js'
import type { Figure } from './figure.js'
import { type Line, type LineChart, lineFigure } from './lines.js'
import { type Drawn, type Group, lineOf, linesOf, type OfEpoch } from './runs.js'
import { cellName, operationStyles } from './softmax.js'

/** A chart: the measures of a run share it; of several runs each measure has one of its own. */
export interface Chart<R extends Drawn = RunRecord>
  extends Pick<LineChart, 'id' | 'title' | 'says' | 'unit' | 'isLog' | 'domain'> {
  readonly measures: readonly { readonly label: string; readonly of: OfEpoch<R> }[]
}

export const chart = <R extends Drawn = RunRecord>(
  id: string,
  title: string,
  unit: string,
  says: string,
  measures: Readonly<Record<string, OfEpoch<R>>>,
  more: Pick<Chart, 'isLog' | 'domain'> = {}
): Chart<R> => ({
  id,
  title,
  unit,
  says,
  measures: Object.entries(measures).map(([label, of]) => ({ label, of })),
  ...more
})

export const HARMONY: readonly Chart[] = [
  chart(
    'lambda',
    'Λ: how alike the gradients of the cells are',
    'Λ (mean cosine)',
    'At 1 all cells of the network want the same of alpha, at 0 what one wants says nothing of the others. Falling ' +
      'values are what DARTS collapses with.',
    { 'training batches': ({ lambdaTrain }) => lambdaTrain, 'validation batches': ({ lambdaValid }) => lambdaValid }
  )
]

export const LEARNING: readonly Chart[] = [
  chart(
    'loss',
    'Loss of the supernet',
    'cross entropy (nats)',
    'Means over the steps of an epoch. Training batches move the weights, validation batches alpha.',
    { training: ({ trainLoss }) => trainLoss, validation: ({ validLoss }) => validLoss }
  ),
  chart(
    'accuracy',
    'Accuracy of the supernet',
    '%',
    'Means over the steps of an epoch, of the network that holds every candidate: it is no accuracy of the cell.',
    {
      training: ({ trainAccuracy }) => 100 * trainAccuracy,
      validation: ({ validAccuracy }) => 100 * validAccuracy
    }
  )
]

const meanOf = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0) / Math.max(values.length, 1)

/** The mean over the steps of an epoch of the factor by which the gradient was clipped. */
const clipOf: OfEpoch = ({ epoch }, { steps }) => {
  const factors = steps.filter(step => step.epoch === epoch).map(({ clip }) => clip)
  return factors.length === 0 ? Number.NaN : meanOf(factors)
}

export const SCHEDULE: readonly Chart[] = [
  chart('rate', 'Learning rate of the weights', 'learning rate', 'It falls along a cosine.', {
    'learning rate': ({ learningRate }) => learningRate
  }),
  chart('weight', 'Weight lambda of the regulariser', 'lambda', 'It grows from 0 to --lambda.', {
    lambda: ({ lambda }) => lambda
  }),
  chart(
    'norms',
    'Norms of gradients in the weights',
    'Euclidean norm',
    'The gradient of the loss with lambda times that of the regulariser, before it is clipped; and that of the ' +
      'regulariser alone, before it is multiplied by lambda. Where lambda times the second is far above the first, ' +
      'the clip leaves little of the loss.',
    {
      'whole, before the clip': ({ gradientNorm }) => gradientNorm,
      'regulariser alone': ({ regulariserNorm }) => (regulariserNorm === 0 ? Number.NaN : regulariserNorm)
    },
    { isLog: true }
  ),
  chart(
    'clip',
    'What the clip leaves of the gradient',
    'factor',
    'Mean over the steps of an epoch; at 1 nothing was clipped.',
    { 'factor of the clip': clipOf },
    { domain: [0, 1] }
  )
]

/** The edges of all kinds of cells. */
const edgesOf = ({ mixtures }: EpochRecord) => Object.values(mixtures).flat()

/** The share of the chosen edges that have no weights: none, skips and pools. */
const PLAIN = /^(none|noise|skip_connect|.*_pool_.*)$/
export const shareWithoutWeights = (operations: Readonly<Record<string, Readonly<Record<string, number>>>>): number => {
  const counts = Object.values(operations).flatMap(of => Object.entries(of))
  const total = counts.reduce((sum, [, count]) => sum + count, 0)
  return counts.reduce((sum, [name, count]) => sum + (PLAIN.test(name) ? count : 0), 0) / Math.max(total, 1)
}

export const SATURATION: readonly Chart[] = [
  chart(
    'saturation',
    'Largest weight of an edge',
    'weight',
    'Mean over edges. At 1 each is decided and alpha moves no more; at 1 / (number of operations) nothing was learned.',
    { 'largest weight': epoch => meanOf(edgesOf(epoch).map(({ largest }) => largest)) }
  ),
  chart(
    'margin',
    'Margin to the runner-up',
    'difference of weights',
    'How far the strongest operation of an edge is ahead of the next, mean over edges. Near 0 the choice is a coin toss.',
    { margin: epoch => meanOf(edgesOf(epoch).map(({ margin }) => margin)) }
  ),
  chart(
    'entropy',
    'Entropy of the mixtures',
    'nats',
    'Mean over edges: log (number of operations) where nothing is decided, 0 where everything is.',
    { entropy: epoch => meanOf(edgesOf(epoch).map(({ entropy }) => entropy)) }
  ),
  chart(
    'plain',
    'Chosen edges without weights',
    '% of the chosen edges',
    'none, skip connections and pools. A cell that is mostly of these has collapsed.',
    { 'none, skips, pools': ({ operations }) => 100 * shareWithoutWeights(operations) },
    { domain: [0, 100] }
  )
]

const orNaN = (value: number | null | undefined): number => value ?? Number.NaN

export const QUOTIENT: readonly Chart[] = [
  chart(
    'quotient-cosine',
    'Exact derivative against difference quotient: angle',
    'cosine',
    'At 1 the quotient points where the derivative does; at 0 it says nothing of it.',
    { cosine: ({ quotient }) => orNaN(quotient?.cosine) }
  ),
  chart(
    'quotient-norm',
    'Exact derivative against difference quotient: size',
    'Euclidean norm',
    'The norms of both. Kinks between the two passes of the quotient make it larger than what it stands for.',
    {
      'difference quotient': ({ quotient }) => orNaN(quotient?.norm),
      'exact derivative': ({ quotient }) => orNaN(quotient?.exactNorm)
    },
    { isLog: true }
  ),
  chart(
    'quotient-kinks',
    'Kinks between the two passes of the quotient',
    'units',
    'Activations and maxima that are on another side in the second pass: there the quotient is none.',
    {
      'relu units': ({ quotient }) => orNaN(quotient?.reluFlips),
      'max pools': ({ quotient }) => orNaN(quotient?.poolFlips)
    }
  )
]

export const EIGENVALUE: readonly Chart[] = [
  chart(
    'eigenvalue',
    'Largest eigenvalue of the Hessian in alpha',
    'eigenvalue',
    'Of the loss on a validation batch. Where it grows, a small change of alpha (as reading the cell off it is) changes ' +
      'the loss much.',
    { 'largest eigenvalue': ({ eigenvalue }) => orNaN(eigenvalue?.largest) }
  )
]

/** The figures of a run: all measures of a chart in one. */
export const figuresOfRun = <R extends Drawn>(run: R, charts: readonly Chart<R>[]): readonly Figure[] =>
  charts.flatMap(({ measures, ...rest }) =>
    lineFigure({
      ...rest,
      lines: measures
        .map(({ label, of }, style) => lineOf(run, label, style, of))
        .filter(({ points }) => points.some(([, y]) => Number.isFinite(y)))
    })
  )

/** The figures of runs side by side: a chart for each measure. */
export const figuresOfGroups = <R extends Drawn>(
  groups: readonly Group<R>[],
  charts: readonly Chart<R>[]
): readonly Figure[] =>
  charts.flatMap(({ measures, id, title, ...rest }) =>
    measures.flatMap(({ label, of }, i) =>
      lineFigure({
        ...rest,
        id: measures.length === 1 ? id : `${id}-${i + 1}`,
        title: measures.length === 1 ? title : `${title} (${label})`,
        ...linesOf(groups, of)
      })
    )
  )

/** The lines of every edge behind their mean, for what an edge has. */
export const edgeLines = (
  run: RunRecord,
  of: (edge: EpochRecord['mixtures'][string][number]) => number
): readonly Line[] =>
  Object.values(
    mapRecord(run.epochs.at(-1)?.mixtures ?? {}, (edges, kind) =>
      edges.map((_, i) => ({
        label: kind,
        style: 0,
        faint: true,
        points: run.epochs.map(epoch => {
          const edge = epoch.mixtures[kind]?.[i]
          return [epoch.epoch, edge ? of(edge) : Number.NaN] as const
        })
      }))
    )
  ).flat()

/** Of the columns of a table those that tell the truth: the test part of a data set after the most epochs. */
export const truthOf = (columns: readonly string[]): readonly string[] => {
  const parts = columns.flatMap(name => {
    const [, dataset, epochs] = /^(.+)_test_(\d+)$/.exec(name) ?? []
    return dataset === undefined ? [] : [{ name, dataset, epochs: Number(epochs) }]
  })
  return parts
    .filter(({ dataset, epochs }) => !parts.some(other => other.dataset === dataset && other.epochs > epochs))
    .map(({ name }) => name)
}

/** The accuracy by the table of the cell that each epoch would have ended with, for each column. */
export const scoreCharts = (runs: readonly RunRecord[]): readonly Chart[] =>
  truthOf([...new Set(runs.flatMap(({ epochs }) => epochs.flatMap(({ score }) => Object.keys(score ?? {}))))]).map(
    column =>
      chart(
        `score-${column.replaceAll(/[^\w-]/g, '_')}`,
        `By the table: ${column}`,
        'accuracy %',
        'What the cell that alpha preferred after each epoch reached when it was trained from scratch.',
        { accuracy: ({ score }) => orNaN(score?.[column]?.accuracy) }
      )
  )

/** How often alpha prefers each operation, over the epochs. */
export const operationFigures = (run: RunRecord): readonly Figure[] => {
  const styles = operationStyles(run.space.cells)
  return Object.keys(run.space.cells).flatMap(kind =>
    lineFigure({
      id: `operations-${kind}`,
      title: `Operations of ${cellName(kind)} that alpha prefers`,
      says: 'How many edges of the cell that each epoch would have ended with have the operation.',
      unit: 'edges',
      lines: [...styles].map(([label, style]) =>
        lineOf(run, label, style, ({ operations }) => operations[kind]?.[label] ?? Number.NaN)
      )
    })
  )
}
