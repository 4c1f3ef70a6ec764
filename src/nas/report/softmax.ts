/** The mixture of every edge over the epochs, as small multiples. */
import type { RunRecord } from '../run/record.js'
import type { CellType } from '../space/space.js'
import { operationsOf } from '../space/space.js'
import type { Drawing, Figure, Key } from './figure.js'
import { type Line, lineSpec, thinned } from './lines.js'

/** `none` and `noise` are drawn in the last style, a grey; the other operations take the styles in their order. */
const BLANK = ['none', 'noise']
const BLANK_STYLE = 7

/** Styles of operations: the same in every picture of a run. */
export const operationStyles = (cells: Readonly<Record<string, CellType>>): ReadonlyMap<string, number> => {
  const all = [...new Set(Object.values(cells).flatMap(operationsOf))]
  const others = all.filter(name => !BLANK.includes(name))
  return new Map(
    all.map(name => {
      const place = others.indexOf(name)
      return [name, place < 0 ? BLANK_STYLE : place < BLANK_STYLE ? place : place + 1]
    })
  )
}

/** What a kind of cell is called. */
export const cellName = (kind: string): string =>
  kind === 'alpha' ? 'the cell' : `the ${kind === 'reduce' ? 'reduction' : kind} cell`

/** A small chart needs no more points. */
const MOST_POINTS = 60
const SIZE = { width: 168, height: 112, isSmall: true }

/** An edge: a line for each operation, that of the strongest one bold. */
const edgeDrawing = (
  run: RunRecord,
  kind: string,
  edge: number,
  styles: ReadonlyMap<string, number>,
  domain: readonly [number, number]
): Drawing => {
  const rows = thinned(run.epochs, MOST_POINTS).flatMap(({ epoch, mixtures }) => {
    const mixture = mixtures[kind]?.[edge]
    return mixture ? [{ epoch, ...mixture }] : []
  })
  const last = rows.at(-1)
  const names = Object.keys(last?.weights ?? {})
  const weight = (name: string): number => last?.weights[name] ?? Number.NaN
  const strongest = names.toSorted((a, b) => weight(b) - weight(a))[0] ?? ''
  const lines = names.map(
    (name): Line => ({
      label: name,
      style: styles.get(name) ?? BLANK_STYLE,
      points: rows.map(({ epoch, weights }) => [epoch, weights[name] ?? Number.NaN] as const)
    })
  )
  return {
    kind: 'chart',
    label: `${last?.from} → ${last?.to}  ${strongest}`,
    spec: lineSpec({
      id: '',
      title: `Edge ${last?.from} to ${last?.to}`,
      says: '',
      unit: 'weight',
      lines: lines.map(line => ({ ...line, bold: line.label === strongest })),
      reference: 1 / Math.max(names.length, 1),
      domain,
      size: SIZE
    })
  }
}

/** The axis that all edges share: round numbers around all weights. */
const domainOf = (run: RunRecord, kind: string): readonly [number, number] => {
  const weights = thinned(run.epochs, MOST_POINTS)
    .flatMap(({ mixtures }) => (mixtures[kind] ?? []).flatMap(edge => Object.values(edge.weights)))
    .filter(Number.isFinite)
  const [low, high] = [Math.min(1, ...weights), Math.max(0, ...weights)]
  const round = high - low > 0.4 ? 10 : 20
  return [Math.max(0, Math.floor(low * round) / round), Math.min(1, Math.ceil(high * round) / round)]
}

/** The mixtures of each kind of cell. `prefix`: what names the run where there are several. */
export const softmaxFigures = (run: RunRecord, prefix = ''): readonly Figure[] => {
  const { cells } = run.space
  const styles = operationStyles(cells)
  const last = run.epochs.at(-1)
  if (!last) return []
  return Object.entries(cells).map(([kind, cell]) => {
    const domain = domainOf(run, kind)
    return {
      id: `${prefix}softmax-${kind}`,
      title: `What alpha made of each edge of ${cellName(kind)}`,
      says:
        `The weights of its operations over the epochs, on the same axis from ${domain[0]} to ${domain[1]} for all ` +
        'edges; the strongest is named and bold. The dotted line is where all begin: what stays near it is undecided.',
      drawings: (last.mixtures[kind] ?? []).map((_, edge) => edgeDrawing(run, kind, edge, styles, domain)),
      keys: operationsOf(cell).map((label): Key => ({ label, style: styles.get(label) ?? BLANK_STYLE })),
      table: {
        head: ['edge', ...operationsOf(cell)],
        rows: (last.mixtures[kind] ?? []).map(({ from, to, weights }) => [
          `${from} → ${to}`,
          ...operationsOf(cell).map(name => (name in weights ? (weights[name] as number).toFixed(4) : ''))
        ]),
        textColumns: [0]
      },
      isWide: true
    }
  })
}
