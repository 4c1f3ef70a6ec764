/** Cosines of the gradients of all pairs of cells: the last epoch as a matrix, and every pair over the epochs. */
import type { ChartSpec } from '../../pictures/chart.js'
import { colour } from '../../pictures/theme.js'
import type { RunRecord } from '../run/record.js'
import type { Figure } from './figure.js'
import { type Line, lineFigure, short } from './lines.js'
import { cellName } from './softmax.js'

/** More lines than this are a cloud: then their mean, lowest and highest are drawn. */
const MOST_PAIRS = 45
/** More cells than this have no room for their numbers. */
const MOST_NUMBERED = 8

/** The pairs of cells of a matrix row by row, each once. */
const pairsOf = (matrix: readonly number[]): readonly (readonly [number, number, number])[] => {
  const n = Math.round(Math.sqrt(matrix.length))
  return matrix.flatMap((value, at) => {
    const [i, j] = [Math.floor(at / n), at % n]
    return i < j ? [[i + 1, j + 1, value] as const] : []
  })
}

/** The matrix as squares: how full the colour is says how large a cosine is, the colour its sign, the number both. */
const heatMap = (kind: string, matrix: readonly number[]): ChartSpec => {
  const n = Math.round(Math.sqrt(matrix.length))
  const values = matrix.map((value, at) => ({
    row: Math.floor(at / n) + 1,
    column: (at % n) + 1,
    fill: value < 0 ? 'below 0' : 'above 0',
    size: Number.isFinite(value) ? Math.abs(value) : 0,
    text: Number.isFinite(value) ? value.toFixed(2).replace('-', '−') : 'n. f.'
  }))
  const x = { field: 'column', type: 'ordinal', title: 'cell', axis: { labelAngle: 0, orient: 'top', ticks: false } }
  const y = { field: 'row', type: 'ordinal', title: 'cell' }
  const told = pairsOf(matrix)
    .slice(0, 15)
    .map(([i, j, value]) => `${i} and ${j}: ${short(value)}`)
  const squares = {
    mark: { type: 'rect', stroke: colour('rule'), strokeWidth: 1 },
    encoding: {
      x,
      y,
      color: {
        field: 'fill',
        type: 'nominal',
        scale: { domain: ['above 0', 'below 0'], range: [colour('series-1'), colour('series-2')] },
        legend: null
      },
      fillOpacity: {
        field: 'size',
        type: 'quantitative',
        scale: { domain: [0, 1], range: [0, 0.45], clamp: true },
        legend: null
      }
    }
  }
  const numbers = { mark: { type: 'text', fontSize: 11 }, encoding: { x, y, text: { field: 'text', type: 'nominal' } } }
  return {
    description: `Cosines of the gradients of all pairs of cells of ${cellName(kind)} in the last epoch. ${told.join('; ')}.`,
    width: 340,
    height: n <= 4 ? 200 : 300,
    autosize: { type: 'fit', contains: 'padding' },
    data: { values },
    layer: n <= MOST_NUMBERED ? [squares, numbers] : [squares]
  } as ChartSpec
}

/** Each pair as a faint line and their mean; of very many pairs mean, lowest and highest. */
const pairLines = (run: RunRecord, kind: string): readonly Line[] => {
  const epochs = run.epochs.map(({ epoch, cosines }) => ({
    epoch,
    values: pairsOf(cosines[kind] ?? []).map(([, , value]) => value)
  }))
  const pairs = Math.max(0, ...epochs.map(({ values }) => values.length))
  const over = (label: string, style: number, of: (values: readonly number[]) => number): Line => ({
    label,
    style,
    points: epochs.map(({ epoch, values }) => [epoch, values.length > 0 ? of(values) : Number.NaN] as const)
  })
  const mean = over('mean of all pairs', 0, values => values.reduce((sum, value) => sum + value, 0) / values.length)
  if (pairs > MOST_PAIRS)
    return [mean, over('lowest', 1, values => Math.min(...values)), over('highest', 2, values => Math.max(...values))]
  const each = Array.from(
    { length: pairs },
    (_, pair): Line => ({
      ...over('', 0, values => values[pair] ?? Number.NaN),
      faint: true
    })
  )
  return [...each, mean]
}

/** The figures of each kind of cell of which the network has two or more. */
export const cosineFigures = (run: RunRecord): readonly Figure[] => {
  const last = run.epochs.at(-1)
  return Object.entries(last?.cosines ?? {}).flatMap(([kind, matrix]) => {
    const pairs = pairsOf(matrix)
    if (pairs.length === 0) return []
    return [
      {
        id: `cosines-${kind}`,
        title: `Which cells agree: ${cellName(kind)}, epoch ${last?.epoch}`,
        says:
          'Cosines of the gradients that two cells of the network give alpha, means over the training batches of the ' +
          'last epoch. Cells are counted from the image on.',
        drawings: [{ kind: 'chart', label: null, spec: heatMap(kind, matrix) } as const],
        keys: [],
        table: {
          head: ['cells', 'cosine'],
          rows: pairs.slice(0, MOST_PAIRS).map(([i, j, value]) => [`${i} and ${j}`, short(value)]),
          textColumns: [0]
        },
        isWide: false
      },
      ...lineFigure({
        id: `pairs-${kind}`,
        title: `How the cells of ${cellName(kind).replace('the cell', 'the network')} came to agree, or not`,
        says: 'The cosine of every pair of cells over the epochs, and their mean.',
        unit: 'cosine',
        reference: 0,
        lines: pairLines(run, kind)
      })
    ]
  })
}
