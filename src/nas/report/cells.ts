/** The cells that a search found, drawn: the chosen edges with operation and weight, as wide as they are strong. */
import { DOT_FONT, dotColour } from '../../pictures/dot.js'
import { escaped } from '../../pictures/markup.js'
import { DASHES, SERIES } from '../../pictures/theme.js'
import { type Cell, cellsOf, type Genotype } from '../genotypes/genotype.js'
import type { RunRecord } from '../run/record.js'
import type { Margin } from '../selection/margins.js'
import type { CellType, Space } from '../space/space.js'
import type { Drawing, Figure, Table } from './figure.js'
import { cellName, operationStyles } from './softmax.js'

/** An edge to be drawn: what was chosen, and its weight in the mixture where that is known. */
interface DrawnEdge {
  readonly from: number
  readonly to: number
  readonly operation: string
  readonly weight: number | null
}

/** The weight of an operation on an edge after the last epoch, or what a selection made of it. */
const weightOf = (run: RunRecord, kind: string, from: number, to: number, operation: string): number | null => {
  const mixtures = run.summary?.mixtures ?? run.epochs.at(-1)?.mixtures
  return mixtures?.[kind]?.find(edge => edge.from === from && edge.to === to)?.weights[operation] ?? null
}

const drawnEdges = (run: RunRecord, kind: string, { inputs }: CellType, cell: Cell): readonly DrawnEdge[] =>
  cell.flatMap((chosen, node) =>
    chosen.map(({ from, operation }) => ({
      from,
      to: inputs + node,
      operation,
      weight: weightOf(run, kind, from, inputs + node, operation)
    }))
  )

/** Dots for what computes nothing, dashes as in the charts, so that no line is told by its colour alone. */
const lineStyle = (operation: string, style: number): string => {
  if (operation === 'none' || operation === 'noise') return 'dotted'
  return DASHES[style % SERIES.length]?.[1] === 0 ? 'solid' : style % 2 === 0 ? 'dashed' : 'solid'
}

const seriesColour = (style: number): string => dotColour(`series-${((style % 8) + 1) as 1}`)

/** From 1 point for a weight of nothing to 6 for one of 1. */
const penWidth = (weight: number | null): string => (1 + 5 * Math.min(1, Math.max(0, weight ?? 0))).toFixed(2)

const edgeLine = ({ from, to, operation, weight }: DrawnEdge, style: number): string => {
  const number = weight === null ? '' : `<br/><font color="${dotColour('muted')}">${weight.toFixed(3)}</font>`
  const blank = operation === 'none' || operation === 'noise'
  return (
    `s${from} -> s${to} [color="${blank ? dotColour('muted') : seriesColour(style)}", penwidth=${penWidth(weight)}, ` +
    `style=${lineStyle(operation, style)}, label=<${escaped(operation)}${number}>]`
  )
}

/** What the states of a cell are called: what it is given, then its nodes, then what it gives. */
const stateLabel = (state: number, { inputs, nodes, concat }: CellType): string => {
  if (state < inputs) return inputs === 1 ? 'input' : state === 0 ? 'cell before last' : 'last cell'
  const isOutput = concat.length === 1 && concat[0] === state
  return isOutput && state === inputs + nodes - 1 ? `${state}: output` : String(state)
}

/** A cell in the dot language, from its inputs at the left to its output at the right. */
export const cellDot = (type: CellType, edges: readonly DrawnEdge[], styles: ReadonlyMap<string, number>): string => {
  const { inputs, nodes, concat } = type
  const states = Array.from({ length: inputs + nodes }, (_, state) => state)
  const box = `shape=box, style="rounded,filled", fillcolor="${dotColour('surface')}", color="${dotColour('muted')}"`
  const fonts = `fontname="${DOT_FONT}", fontcolor="${dotColour('ink')}"`
  const output =
    concat.length > 1
      ? [
          'out [label="output"]',
          ...concat.map(state => `s${state} -> out [color="${dotColour('muted')}", penwidth=1, arrowsize=0.6]`)
        ]
      : []
  return [
    'digraph {',
    'rankdir=LR; bgcolor="transparent"; nodesep=0.25; ranksep=0.38; margin=0;',
    `node [${box}, ${fonts}, fontsize=13, height=0.34, width=0.5, margin="0.12,0.04"]`,
    `edge [${fonts}, fontsize=11, arrowsize=0.7]`,
    ...states.map(state => `s${state} [label="${escaped(stateLabel(state, type))}"]`),
    ...edges.map(edge => edgeLine(edge, styles.get(edge.operation) ?? 0)),
    ...output,
    '}'
  ].join('\n')
}

const drawingOf = (run: RunRecord, kind: string, cell: Cell, label: string | null): Drawing => {
  const type = run.space.cells[kind] as CellType
  const edges = drawnEdges(run, kind, type, cell)
  const told = edges.map(
    ({ from, to, operation, weight }) =>
      `${from} to ${to}: ${operation}${weight === null ? '' : ` with weight ${weight.toFixed(3)}`}`
  )
  return {
    kind: 'graph',
    label,
    dot: cellDot(type, edges, operationStyles(run.space.cells)),
    title: `${cellName(kind).replace(/^t/, 'T')}${label === null ? '' : `, ${label}`}`,
    description: `${told.join('; ')}.`
  }
}

const weightText = (weight: number | null): string => (weight === null ? '' : weight.toFixed(4))

/** Every edge with the operation that is strongest on it and the next: how close the choice was. */
const marginTable = (margins: readonly Margin[]): Table => ({
  head: ['edge', 'strongest', 'weight', 'runner-up', 'weight', 'ahead by', 'uniform', 'in the cell'],
  rows: margins.map(({ from, to, chosen, weight, runnerUp, runnerUpWeight, uniform, kept }) => [
    `${from} → ${to}`,
    chosen,
    weight.toFixed(4),
    runnerUp ?? '',
    weightText(runnerUpWeight),
    runnerUpWeight === null ? '' : (weight - runnerUpWeight).toFixed(4),
    uniform.toFixed(4),
    kept ? 'yes' : 'no'
  ]),
  textColumns: [0, 1, 3, 7]
})

/** The cells of a run. `genotype`: what its text says. */
export const cellFigures = (run: RunRecord, genotype: Genotype): readonly Figure[] =>
  Object.entries(cellsOf(genotype)).map(([kind, cell]) => {
    const margins = run.summary?.verdict?.margins[kind]
    return {
      id: `cell-${kind}`,
      title: cellName(kind).replace(/^t/, 'T'),
      says:
        'From its input at the left to its output at the right. The number is the weight of the operation in the ' +
        'mixture of its edge: lines are as wide as that.',
      drawings: [drawingOf(run, kind, cell, null)],
      keys: [],
      table: margins ? marginTable(margins) : null,
      isWide: true
    }
  })

/** The cells of several runs beside each other, a figure for each kind of cell. */
export const comparedCells = (
  runs: readonly { readonly label: string; readonly run: RunRecord; readonly genotype: Genotype }[]
): readonly Figure[] =>
  [...new Set(runs.flatMap(({ genotype }) => Object.keys(cellsOf(genotype))))].map(kind => ({
    id: `cells-${kind}`,
    title: `${cellName(kind).replace(/^t/, 'T')} that each run found`,
    says: 'The chosen operations with their weights in the mixtures of their edges: lines are as wide as those.',
    drawings: runs.flatMap(({ label, run, genotype }) => {
      const cell = cellsOf(genotype)[kind]
      return cell ? [drawingOf(run, kind, cell, label)] : []
    }),
    keys: [],
    table: null,
    isWide: true
  }))

/** Whether a space has the cells of a genotype: a folder may hold texts of another one. */
export const fits = ({ cells }: Space, genotype: Genotype): boolean =>
  Object.entries(cellsOf(genotype)).every(([kind, nodes]) => cells[kind]?.nodes === nodes.length)
