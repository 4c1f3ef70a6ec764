/** What a person reads of a search: a line for each epoch, and the result. Pure: events in, text out. */
import type { Report } from '../../engine/index.js'
import type { SearchConfig } from '../configuration/options.js'
import { tellingColumns } from '../genotypes/bench201.js'
import type { Cell } from '../genotypes/genotype.js'
import { isUndecided, type Margin, type Margins, undecidedAt } from '../selection/margins.js'
import type { DecisionEvent } from '../selection/selection.js'
import type { TuningEvent } from '../selection/tuning.js'
import type { Space } from '../space/space.js'
import { clock, counted, percent, wrapped } from '../text.js'
import type { EpochEvent, EpochSummary, Event, SearchResult } from './events.js'

/** `epoch  3/12`, all of one width. */
export const epochText = ({ epoch, epochs }: Pick<EpochSummary, 'epoch' | 'epochs'>): string =>
  `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`

/** `train loss 0.18 97 %`: loss and accuracy of a part of the data. */
export const partText = (part: string, loss: number, accuracy: number, digits: number): string =>
  `${part} loss ${loss.toFixed(digits)} ${(100 * accuracy).toFixed(Math.max(0, digits - 2))} %`

/** What alpha says after an epoch: the rank of its cell where a table is given, else how much of it is undecided. */
const cellNow = (space: Space, data: string, event: EpochEvent): string => {
  const { score } = event
  const column = score && tellingColumns(Object.keys(score), data)[0]
  const found = column && score[column.name]
  if (found) return `rank ${found.rank} ${found.accuracy.toFixed(1)} %`
  const { edges, undecided } = undecidedAt(space, event)
  return `undecided ${undecided}/${edges}`
}

/** One line for an epoch; `left`: seconds until the run's end. It has at most 100 columns. */
export const epochLine = (space: Space, data: string, event: EpochEvent, left: number): string =>
  [
    epochText(event),
    partText('train', event.trainLoss, event.trainAccuracy, 2),
    partText('valid', event.validLoss, event.validAccuracy, 2),
    `Λ ${event.lambdaTrain.toFixed(2)}`,
    cellNow(space, data, event),
    `left ${clock(left)}`
  ].join('  ')

/** `48/264` steps, for a terminal. */
export const stepText = ({ epoch, step, steps, trainLoss }: Extract<Event, { type: 'step' }>): string =>
  `epoch ${epoch}  step ${step}/${steps}  loss ${trainLoss.toFixed(3)}`

/** `edge 0 -> 3 of alpha keeps nor_conv_3x3 (without it 61.2 %)`, or what input a node drops. */
export const decisionLine = ({ cell, kind, to, candidates, outcome }: DecisionEvent): string => {
  const found = candidates.find(({ from, operation }) => from === outcome.from && operation === outcome.operation)
  const left = found?.accuracy === null || found === undefined ? '' : ` (without it ${percent(found.accuracy)})`
  return kind === 'operation'
    ? `select  edge ${outcome.from} -> ${to} of ${cell} keeps ${outcome.operation}${left}`
    : `select  node ${to} of ${cell} drops its input ${outcome.from}${left}`
}

/** One line for an epoch of training in a selection. */
export const tuningLine = ({ epoch, trainLoss, validLoss, trainAccuracy, validAccuracy }: TuningEvent): string =>
  [
    'select',
    `epoch ${epoch}`,
    partText('train', trainLoss, trainAccuracy, 3),
    partText('valid', validLoss, validAccuracy, 3)
  ].join('  ')

/** What is said before the first step; the adapter is named here alone. */
export const compiledLine = ({ calls, flops, peakBytes, pipelines, nodes }: Report, backend: string): string =>
  wrapped(
    `Compiled a step on ${backend}: ${nodes} nodes, ${calls} dispatches, ${pipelines} pipelines, ` +
      `${(flops / 1e9).toFixed(2)} GFLOP, ${(peakBytes / 2 ** 20).toFixed(1)} MiB`,
    '',
    '  '
  )

/** What a kind of cell is called. */
const cellTitle = (kind: string): string =>
  kind === 'alpha' ? 'The cell' : `The ${kind === 'reduce' ? 'reduction' : kind} cell`

/** `0 -> 2  skip_connect  0.2100  before none 0.2000  undecided`: an edge, its operation, and the next. */
const edgeText = (margin: Margin, width: number): string => {
  const { from, to, chosen, weight, runnerUp, runnerUpWeight } = margin
  const next = runnerUp === null || runnerUpWeight === null ? [] : [`before ${runnerUp} ${runnerUpWeight.toFixed(4)}`]
  const told = isUndecided(margin) ? ['undecided'] : []
  return ['', `${from} -> ${to}`, chosen.padEnd(width), weight.toFixed(4), ...next, ...told].join('  ')
}

/** A cell: its operations, and the edges of each node with their weights and the runners-up. */
const cellText = (kind: string, cell: Cell, counts: Readonly<Record<string, number>>, margins: readonly Margin[]) => {
  const kept = margins.filter(margin => margin.kept)
  const width = Math.max(...cell.flat().map(({ operation }) => operation.length))
  const operations = Object.entries(counts).map(([name, count]) => `${name} ${count}`)
  return [
    wrapped(`${cellTitle(kind)}: ${operations.join(', ')}.`, '', '  '),
    `Its edges with the weights of their operations, and of the next ones (uniform: ${kept[0]?.uniform.toFixed(4)}):`,
    ...kept.map(margin => edgeText(margin, width))
  ].join('\n')
}

/** The genotype, its cells, and how good the supernet is. `margins`: of the genotype's edges. */
export const resultText = (config: SearchConfig, result: SearchResult, margins: Margins): string =>
  [
    `Genotype: ${result.genotype}${result.connected ? '' : '  (its output is not connected to its input)'}`,
    ...Object.entries(result.cells).map(([kind, cell]) =>
      cellText(kind, cell, result.operations[kind] ?? {}, margins[kind] ?? [])
    ),
    `Test accuracy of the supernet: ${percent(result.testAccuracy)} of ${counted(result.testImages, 'image')} ` +
      `after ${counted(result.stepsDone, 'step')} (${config.method}, seed ${config.seed})`
  ].join('\n')
