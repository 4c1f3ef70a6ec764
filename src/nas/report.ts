/** What a person reads of a search: a line for each epoch, and the result. Pure: events in, text out. */
import type { AdapterInfo, Report } from '../engine/index.js'
import type { BenchReport } from './bench201.js'
import type { DerivedNetwork, NetworkSize } from './derive.js'
import type { Diagnosis } from './diagnose.js'
import type { EpochSummary, Event, SearchResult } from './events.js'
import type { Cell, ChosenEdge } from './genotype.js'
import { formatGenotype } from './genotype.js'
import type { SearchConfig } from './options.js'
import type { DecisionEvent } from './selection.js'
import type { CellType, Space } from './space.js'
import type { TuningEvent } from './tuning.js'

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** `1 step`, `2 steps`. */
export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`

/** `1:05` minutes and seconds. */
export const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`

export const backendName = (info: AdapterInfo | undefined): string =>
  info ? `${info.name}${info.software ? ', a software adapter' : ''}` : 'reference (float64 on the CPU)'

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
  `select  epoch ${epoch}  loss ${trainLoss.toFixed(3)} / ${validLoss.toFixed(3)}  accuracy ${percent(trainAccuracy)} / ${percent(validAccuracy)}`

/** What is said before the first step. */
export const compiledLine = ({ calls, flops, peakBytes, pipelines, nodes }: Report, backend: string): string =>
  `Compiled a step: ${nodes} nodes, ${calls} dispatches, ${pipelines} pipelines, ${(flops / 1e9).toFixed(2)} GFLOP, ${(peakBytes / 2 ** 20).toFixed(1)} MiB, on ${backend}`

/** What a kind of cell is called. */
const cellTitle = (kind: string): string => (kind === 'alpha' ? 'The cell' : `The ${kind === 'reduce' ? 'reduction' : kind} cell`)

/** A cell: its operations, and the chosen edges of each node with the weight of the chosen operation in the mixture. */
const cellText = (kind: string, { inputs, edges }: CellType, result: SearchResult): string => {
  const nodes = result.cells[kind] as Cell
  const width = Math.max(...nodes.flat().map(({ operation }) => operation.length))
  const weightOf = (to: number, { from, operation }: ChosenEdge): number => {
    const row = edges.findIndex(edge => edge.to === to && edge.from === from)
    return result.mixtures[kind]?.[row]?.[edges[row]?.operations.indexOf(operation) as number] as number
  }
  return [
    `${cellTitle(kind)}: ${Object.entries(result.operations[kind] ?? {})
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}; its edges, with the weight of the operation in the mixture:`,
    ...nodes.flatMap((chosen, node) =>
      chosen.map(
        edge => `  ${edge.from} -> ${inputs + node}  ${edge.operation.padEnd(width)}  ${weightOf(inputs + node, edge).toFixed(4)}`
      )
    )
  ].join('\n')
}

/** The genotype, its cells, and how good the supernet is. */
export const resultText = ({ cells }: Space, config: SearchConfig, result: SearchResult): string =>
  [
    `Genotype: ${result.genotype}${result.connected ? '' : '  (its output is not connected to its input)'}`,
    ...Object.entries(cells).map(([kind, cell]) => cellText(kind, cell, result)),
    `Test accuracy of the supernet: ${percent(result.testAccuracy)} of ${counted(result.testImages, 'image')} after ${counted(result.stepsDone, 'step')} (${config.method}, seed ${config.seed})`
  ].join('\n')

/** Rows of cells as lines with columns of equal width; the first column to the left, the others to the right. */
export const tableText = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => (row[column] as string).length)))
  return rows
    .map(row =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number)))
        .join('  ')
    )
    .join('\n')
}

/** What the table of NAS-Bench-201 says of a cell. */
export const scoreText = ({ genotype, index, parametersMillions, cells, isomorphic, scores }: BenchReport): string =>
  [
    genotype,
    [
      ...(index === null ? [] : [`index ${index}`]),
      ...(parametersMillions === null ? [] : [`${parametersMillions.toFixed(3)} M parameters`]),
      `${isomorphic} of ${cells} cells compute the same, itself included`
    ].join(', '),
    '',
    tableText([
      ['data set, part, epochs', 'accuracy %', 'rank', 'percentile', 'regret', 'same cells'],
      ...Object.entries(scores).map(
        ([
          column,
          {
            accuracy,
            rank,
            percentile,
            regret,
            isomorphic: [low, high]
          }
        ]) => [
          column,
          accuracy.toFixed(2),
          String(rank),
          percentile.toFixed(2),
          regret.toFixed(2),
          `${low.toFixed(2)} to ${high.toFixed(2)}`
        ]
      )
    ])
  ].join('\n')

/** How large the network of a genotype is. */
export const sizeText = ({ genotype, config }: DerivedNetwork, { parameters, multiplyAdds }: NetworkSize): string => {
  const { channels, layers, classes, imageChannels, size } = config
  const cells = genotype.family === 'nb201' ? `${layers} cells in each stage` : `${layers} cells`
  return [
    formatGenotype(genotype),
    `${parameters.toLocaleString('en')} parameters, ${multiplyAdds.toLocaleString('en')} multiply-adds an image`,
    `(${channels} channels, ${cells}, ${classes} classes, images ${[imageChannels, ...size].join('x')})`
  ].join('\n')
}

/** A number in few characters: fixed point where that shows it, else with an exponent. */
const short = (value: number): string => {
  const size = Math.abs(value)
  return value === 0 || (size >= 0.01 && size < 1e5)
    ? value.toPrecision(3).replace(/^(-?\d+)\.?e\+\d+$/, '$1')
    : value.toExponential(1)
}

/** What a diagnosis found: two tables, a row for each epsilon. */
export const diagnosisText = (
  { steps, lambda, epsilons, cells, regulariser, hypergradient }: Diagnosis,
  backend: string
): string =>
  [
    `After ${counted(steps, 'step')}, on ${backend}: loss ${regulariser.loss.toFixed(3)}, harmony ${regulariser.harmony.toFixed(3)}, |dL/dw| ${short(regulariser.gradientNorm)}`,
    `Cells, |dL/dp|: ${cells.map(({ name, gradientNorm }) => `${name} ${short(gradientNorm)}`).join(', ')}`,
    '',
    `The regulariser's gradient in the weights: |exact| ${short(regulariser.exactNorm)}; lambda ${lambda}; ${regulariser.relus} ReLUs, ${regulariser.pools} pooling windows`,
    tableText([
      [
        'epsilon0',
        '|fd|',
        'cosine to exact',
        '|fd - exact| / |exact|',
        'ReLUs flipped',
        'pools flipped',
        '|lambda fd| / |dL/dw|',
        'clip',
        'clip with exact'
      ],
      ...regulariser.rows.map((row, i) => [
        String(epsilons[i]),
        short(row.norm),
        row.cosine.toFixed(3),
        short(row.error),
        String(row.reluFlips),
        String(row.poolFlips),
        short(row.share),
        row.clip.toFixed(3),
        row.exactClip.toFixed(3)
      ])
    ]),
    '',
    `The hypergradient of darts2 in alpha: |exact| ${short(hypergradient.exactNorm)}, |first order| ${short(hypergradient.firstNorm)}, cosine of the two ${hypergradient.cosine.toFixed(3)}`,
    tableText([
      ['length', '|fd|', 'cosine to exact', '|fd - exact| / |exact|', '/ |second-order part|', 'ReLUs flipped', 'pools flipped'],
      ...hypergradient.rows.map((row, i) => [
        String(epsilons[i]),
        short(row.norm),
        row.cosine.toFixed(3),
        short(row.error),
        short(row.partError),
        String(row.reluFlips),
        String(row.poolFlips)
      ])
    ])
  ].join('\n')
