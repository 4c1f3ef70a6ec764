/** The decisions of a selection by perturbation: what was left without each candidate, and what came of it. */
import type { ChartSpec } from '../../pictures/chart.js'
import { colour } from '../../pictures/theme.js'
import type { RunRecord } from '../run/record.js'
import type { DecisionEvent } from '../selection/selection.js'
import { percent } from '../text.js'
import type { Figure, Table } from './figure.js'

const decisionName = ({ kind, cell, candidates, to }: DecisionEvent): string =>
  kind === 'operation' ? `${cell} ${candidates[0]?.from} → ${to}` : `${cell} inputs of ${to}`

const isOutcome = ({ outcome }: DecisionEvent, candidate: DecisionEvent['candidates'][number]): boolean =>
  candidate.from === outcome.from && candidate.operation === outcome.operation

const accuracyText = (accuracy: number | null): string => (accuracy === null ? '' : percent(accuracy))

const tableOf = (decisions: readonly DecisionEvent[]): Table => ({
  head: ['', 'decided', 'outcome', 'left without it', 'left without the others'],
  rows: decisions.map((decision, i) => {
    const { kind, candidates, outcome } = decision
    const without = candidates.find(candidate => isOutcome(decision, candidate))
    const others = candidates
      .filter(candidate => candidate !== without)
      .map(({ from, operation, accuracy }) => `${operation ?? `input ${from}`} ${accuracyText(accuracy)}`.trim())
    return [
      String(i + 1),
      decisionName(decision),
      kind === 'operation' ? `keeps ${outcome.operation}` : `drops input ${outcome.from}`,
      accuracyText(without?.accuracy ?? null),
      others.join(', ')
    ]
  }),
  textColumns: [1, 2, 4]
})

/** A dot for each candidate of each decision, at the accuracy that is left without it. */
const dots = (decisions: readonly DecisionEvent[]): ChartSpec => {
  const values = decisions.flatMap((decision, i) =>
    decision.candidates.flatMap(candidate =>
      candidate.accuracy === null || !Number.isFinite(candidate.accuracy)
        ? []
        : [
            {
              decision: `${i + 1}. ${decisionName(decision)}`,
              accuracy: 100 * candidate.accuracy,
              outcome: isOutcome(decision, candidate) ? 'outcome' : 'others'
            }
          ]
    )
  )
  const style = (range: readonly string[]) => ({ domain: ['outcome', 'others'], range: [...range] })
  return {
    description: `Accuracy that is left without each candidate, for ${decisions.length} decisions; the table has it.`,
    width: 340,
    height: { step: 18 },
    data: { values },
    mark: { type: 'point', size: 46, opacity: 1 },
    encoding: {
      y: { field: 'decision', type: 'ordinal', title: null, sort: null },
      x: { field: 'accuracy', type: 'quantitative', title: 'validation accuracy left, %', scale: { zero: false } },
      color: {
        field: 'outcome',
        type: 'nominal',
        scale: style([colour('series-2'), colour('muted')]),
        legend: { title: null }
      },
      shape: { field: 'outcome', type: 'nominal', scale: style(['diamond', 'circle']), legend: { title: null } }
    }
  } as ChartSpec
}

/** More decisions than any space of the papers has. */
const MOST_DECISIONS = 200

export const decisionFigures = ({ decisions }: RunRecord): readonly Figure[] => {
  const shown = decisions.slice(0, MOST_DECISIONS)
  const isScored = shown.some(({ candidates }) => candidates.some(({ accuracy }) => accuracy !== null))
  return shown.length === 0
    ? []
    : [
        {
          id: 'decisions',
          title: 'What the supernet misses: the decisions of the selection by perturbation',
          says:
            'One operation (or input) after another is taken away. An edge keeps the operation without which least ' +
            'is left; a node drops the input without which most is left.',
          drawings: isScored ? [{ kind: 'chart', label: null, spec: dots(shown) }] : [],
          keys: [],
          table: tableOf(shown),
          isWide: true
        }
      ]
}
