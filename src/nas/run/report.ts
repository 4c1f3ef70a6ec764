/** What a person reads of a search: a line for each epoch, and the result. Pure: events in, text out. */
import type { Report } from '../../engine/index.js'
import type { SearchConfig } from '../configuration/options.js'
import type { Cell, ChosenEdge } from '../genotypes/genotype.js'
import type { DecisionEvent } from '../selection/selection.js'
import type { TuningEvent } from '../selection/tuning.js'
import type { CellType, Space } from '../space/space.js'
import { clock, counted, percent } from '../text.js'
import type { EpochSummary, Event, SearchResult } from './events.js'

/** One line for an epoch; `left`: seconds until the last step. */
export const epochLine = (summary: EpochSummary, left: number, backend: string): string => {
  const { epoch, epochs, steps } = summary
  return [
    `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`,
    `step ${epoch * steps}`,
    `loss ${summary.trainLoss.toFixed(3)} / ${summary.validLoss.toFixed(3)}`,
    `accuracy ${percent(summary.trainAccuracy)} / ${percent(summary.validAccuracy)}`,
    `Λ ${summary.lambdaTrain.toFixed(3)} / ${summary.lambdaValid.toFixed(3)}`,
    `lr ${summary.learningRate.toFixed(4)}`,
    `left ${clock(left)}`,
    backend
  ].join('  ')
}

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
  `select  epoch ${epoch}  loss ${trainLoss.toFixed(3)} / ${validLoss.toFixed(3)}  accuracy ` +
  `${percent(trainAccuracy)} / ${percent(validAccuracy)}`

/** What is said before the first step. */
export const compiledLine = ({ calls, flops, peakBytes, pipelines, nodes }: Report, backend: string): string =>
  `Compiled a step: ${nodes} nodes, ${calls} dispatches, ${pipelines} pipelines, ${(flops / 1e9).toFixed(2)} ` +
  `GFLOP, ${(peakBytes / 2 ** 20).toFixed(1)} MiB, on ${backend}`

/** What a kind of cell is called. */
const cellTitle = (kind: string): string =>
  kind === 'alpha' ? 'The cell' : `The ${kind === 'reduce' ? 'reduction' : kind} cell`

/** A cell: its operations, and the chosen edges of each node with the weight of the chosen operation in the mixture. */
const cellText = (kind: string, { inputs }: CellType, result: SearchResult): string => {
  const nodes = result.cells[kind] as Cell
  const width = Math.max(...nodes.flat().map(({ operation }) => operation.length))
  const weightOf = (to: number, { from, operation }: ChosenEdge): number =>
    result.mixtures[kind]?.find(edge => edge.to === to && edge.from === from)?.weights[operation] as number
  return [
    `${cellTitle(kind)}: ${Object.entries(result.operations[kind] ?? {})
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}; its edges, with the weight of the operation in the mixture:`,
    ...nodes.flatMap((chosen, node) =>
      chosen.map(
        edge =>
          `  ${edge.from} -> ${inputs + node}  ${edge.operation.padEnd(width)}  ` +
          `${weightOf(inputs + node, edge).toFixed(4)}`
      )
    )
  ].join('\n')
}

/** The genotype, its cells, and how good the supernet is. */
export const resultText = ({ cells }: Space, config: SearchConfig, result: SearchResult): string =>
  [
    `Genotype: ${result.genotype}${result.connected ? '' : '  (its output is not connected to its input)'}`,
    ...Object.entries(cells).map(([kind, cell]) => cellText(kind, cell, result)),
    `Test accuracy of the supernet: ${percent(result.testAccuracy)} of ${counted(result.testImages, 'image')} ` +
      `after ${counted(result.stepsDone, 'step')} (${config.method}, seed ${config.seed})`
  ].join('\n')
