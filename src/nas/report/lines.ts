/** Lines over epochs: the chart that most of a report is made of. */
import type { ChartSpec } from '../../pictures/chart.js'
import { colour, DASHES, SERIES } from '../../pictures/theme.js'
import type { Figure, Key, Table } from './figure.js'

export type Point = readonly [x: number, y: number]

/** A line of a chart. `faint`: one of many that stand behind the others; `bold`: the one that matters. */
export interface Line extends Key {
  readonly points: readonly Point[]
  readonly faint?: boolean
  readonly bold?: boolean
}

/** What lies between two values, behind a line of the same style. */
export interface Band {
  readonly style: number
  readonly points: readonly (readonly [x: number, low: number, high: number])[]
}

/** Lines over epochs, what they measure, and how the values are written. */
export interface LineChart {
  readonly id: string
  readonly title: string
  readonly says: string
  /** The unit of the axis. */
  readonly unit: string
  readonly lines: readonly Line[]
  readonly bands?: readonly Band[]
  /** A value that the lines are compared with. */
  readonly reference?: number
  /** Powers of ten: only where all values are above 0. */
  readonly isLog?: boolean
  readonly domain?: readonly [number, number]
  readonly size?: { readonly width: number; readonly height: number; readonly isSmall?: boolean }
}

/** More points than a line of a chart of some 300 pixels shows. */
const MOST_POINTS = 150
/** A table of more rows is no help to anyone. */
const MOST_ROWS = 40

/** At most so many of a list, evenly, the first and the last among them. */
export const thinned = <A>(list: readonly A[], most = MOST_POINTS): readonly A[] =>
  list.length <= most
    ? list
    : Array.from({ length: most }, (_, i) => list[Math.round((i * (list.length - 1)) / (most - 1))] as A)

/** A number of three or four digits. */
export const short = (value: number): string => {
  if (!Number.isFinite(value)) return 'not finite'
  if (value === 0) return '0'
  const size = Math.abs(value)
  return size >= 1e5 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)))
}

const dashOf = (style: number): readonly number[] =>
  DASHES[(style + Math.floor(style / SERIES.length)) % DASHES.length] as readonly number[]
const colourOf = (style: number): string => SERIES[style % SERIES.length] as string

/** How a series is drawn. */
export const styleOf = (style: number): { readonly colour: string; readonly dash: readonly number[] } => ({
  colour: colourOf(style),
  dash: dashOf(style)
})

/** Whether anything can be drawn. */
export const hasValues = ({ lines }: Pick<LineChart, 'lines'>): boolean =>
  lines.some(({ points }) => points.some(([, y]) => Number.isFinite(y)))

const mainLines = ({ lines }: LineChart): readonly Line[] => lines.filter(({ faint }) => !faint)

/** What the lines come to in words, for those who do not see them. */
const inWords = (chart: LineChart): string => {
  const told = mainLines(chart).slice(0, 8)
  const ends = told.flatMap(({ label, points }) => {
    const finite = points.filter(([, y]) => Number.isFinite(y))
    const [first, last] = [finite[0], finite.at(-1)]
    return first && last
      ? [`${label}: ${short(first[1])} in epoch ${first[0]}, ${short(last[1])} in epoch ${last[0]}`]
      : []
  })
  return `${chart.title}. ${ends.join('; ')}.`
}

/** The numbers of the main lines, an epoch a row. */
const tableOf = (chart: LineChart): Table | null => {
  const lines = mainLines(chart)
  const epochs = [...new Set(lines.flatMap(({ points }) => points.map(([x]) => x)))].toSorted((a, b) => a - b)
  if (epochs.length > MOST_ROWS || lines.length > 8) return null
  const values = lines.map(({ points }) => new Map(points))
  return {
    head: ['epoch', ...lines.map(({ label }) => label)],
    rows: epochs.map(epoch => [
      String(epoch),
      ...values.map(of => (of.has(epoch) ? short(of.get(epoch) as number) : ''))
    ]),
    textColumns: []
  }
}

/** Scales of colours and dashes by the numbers of styles. */
const scales = (styles: readonly number[]) => {
  const domain = [...new Set(styles)].map(String)
  return {
    color: { domain, range: domain.map(style => colourOf(Number(style))) },
    strokeDash: { domain, range: domain.map(style => [...dashOf(Number(style))]) }
  }
}

/** The values of a layer, with what is not finite as null, which leaves a gap. */
const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null)

/** The layers of a chart: bands, faint lines, the reference, main lines, bold ones. */
const layersOf = (chart: LineChart, x: object, y: object) => {
  const { lines, bands = [], reference } = chart
  const { color, strokeDash } = scales([...lines, ...bands].map(({ style }) => style))
  const longest = Math.max(...lines.map(({ points }) => points.length))
  const dataOf = (of: readonly Line[]) => ({
    values: of.flatMap(({ style, points }, line) =>
      thinned(points).map(([at, value]) => ({ x: at, y: finiteOrNull(value), style: String(style), line }))
    )
  })
  const styled = {
    color: { field: 'style', type: 'nominal', scale: color, legend: null },
    strokeDash: { field: 'style', type: 'nominal', scale: strokeDash, legend: null },
    detail: { field: 'line', type: 'nominal' }
  }
  const layer = (of: readonly Line[], mark: object) =>
    of.length === 0 ? [] : [{ data: dataOf(of), mark: { type: 'line', ...mark }, encoding: { x, y, ...styled } }]
  return [
    ...bands.map(({ style, points }) => ({
      data: { values: thinned(points).map(([at, low, high]) => ({ x: at, y: low, high })) },
      mark: { type: 'area', color: colourOf(style), opacity: 0.16 },
      encoding: { x, y, y2: { field: 'high' } }
    })),
    ...layer(
      lines.filter(({ faint }) => faint),
      { strokeWidth: 1, opacity: 0.35 }
    ),
    ...(reference === undefined
      ? []
      : [
          {
            data: { values: [{ y: reference }] },
            mark: { type: 'rule', strokeDash: [2, 3], color: colour('muted') },
            encoding: { y }
          }
        ]),
    ...layer(
      lines.filter(({ faint, bold }) => !faint && !bold),
      longest <= 2 ? { point: { size: 34 } } : lines.some(({ bold }) => bold) ? { strokeWidth: 1.25 } : {}
    ),
    ...layer(
      lines.filter(({ bold }) => bold),
      { strokeWidth: 2.75 }
    )
  ]
}

/** The epochs that an axis names: the first, and multiples of a round number. */
const epochTicks = ([first, last]: readonly [number, number]): readonly number[] => {
  const sizes = [1, 2, 3, 5, 10, 20, 25, 50].flatMap(size => [size, 100 * size, 1e4 * size]).toSorted((a, b) => a - b)
  const step = sizes.find(size => (last - first) / size <= 5) ?? last
  const from = Math.ceil((first + step / 2) / step)
  const count = Math.max(0, Math.floor(last / step) - from + 1)
  return [first, ...Array.from({ length: count }, (_, i) => (from + i) * step)]
}

/** Powers of ten from at or below the lowest value to at or above the highest: some six of them at most. */
const powersAround = (low: number, high: number): readonly number[] => {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))]
  const step = Math.max(1, Math.ceil((last - first) / 6))
  const count = Math.max(1, Math.ceil((last - first) / step))
  return Array.from({ length: count + 1 }, (_, i) => 10 ** (first + i * step))
}

/** The specification of a chart. */
export const lineSpec = (chart: LineChart): ChartSpec => {
  const { unit, isLog, domain, size = { width: 340, height: 200 } } = chart
  const values = chart.lines.flatMap(({ points }) => points.map(([, y]) => y)).filter(Number.isFinite)
  const canLog = isLog === true && values.every(value => value > 0)
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const powers = canLog ? powersAround(low, high) : undefined
  // Lines that are one level have an axis of their own making, or its labels would be of the size of rounding.
  const level =
    low === high ? [low === 0 ? 0 : low - Math.abs(low) / 2, high === 0 ? 1 : high + Math.abs(high) / 2] : null
  const around = domain ?? (powers ? [powers[0], powers.at(-1)] : level)
  const scale = { ...(canLog ? { type: 'log' } : { zero: false }), ...(around ? { domain: [...around] } : {}) }
  const epochs = chart.lines.flatMap(({ points }) => points.map(([x]) => x))
  const span = [Math.min(...epochs), Math.max(...epochs)] as const
  const isSmall = size.isSmall === true
  const x = {
    field: 'x',
    type: 'quantitative',
    title: isSmall ? null : 'epoch',
    scale: { domain: [...span], nice: false },
    axis: { format: 'd', values: isSmall ? [...new Set(span)] : epochTicks(span) }
  }
  const y = {
    field: 'y',
    type: 'quantitative',
    title: isSmall ? null : unit,
    scale,
    axis: { tickCount: isSmall ? 2 : 4, ...(powers ? { values: powers } : {}) }
  }
  return {
    description: inWords(chart),
    width: size.width,
    height: size.height,
    autosize: { type: 'fit', contains: 'padding' },
    layer: layersOf(chart, x, y)
  } as ChartSpec
}

/** The figure of one chart; none where it has no value that is finite. */
export const lineFigure = (chart: LineChart): readonly Figure[] =>
  hasValues(chart)
    ? [
        {
          id: chart.id,
          title: chart.title,
          says: chart.says,
          drawings: [{ kind: 'chart', label: null, spec: lineSpec(chart) }],
          keys: chart.lines.length === 1 ? [] : mainLines(chart).map(({ label, style }) => ({ label, style })),
          table: tableOf(chart),
          isWide: false
        }
      ]
    : []
