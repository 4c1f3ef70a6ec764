/** One row a workload and engine, as text and as markdown. */
import { design } from './design.js'

/** NaN where there is no number; JSON has null there. */
export interface Row {
  readonly workload: string
  readonly engine: string
  readonly adapter: string
  readonly ms: number
  /** Of a call of a few that are queued, where `ms` waits for each. */
  readonly queuedMs: number
  readonly firstMs: number
  readonly gflops: number
  /**
   * Of what the adapter reaches, the larger of its shares of a copy's rate and of a matrix product's, measured in the
   * same run.
   */
  readonly share: number
  readonly dispatches: number | null
  readonly pipelines: number | null
  readonly peakBytes: number | null
  readonly lowerBoundBytes: number | null
  readonly readBytes: number | null
  readonly writtenBytes: number | null
  /** Its time in units of ours: the median over turns. */
  readonly ratio: number
  readonly error: number
  readonly ok: boolean
  /**
   * What its results were held to: the reference at the size that is timed or a smaller one, and plain kernels at that
   * size.
   */
  readonly checked: string
  readonly note: string
}

/** PyTorch runs beside the adapter, on a device of its own. */
export const isPyTorch = (engine: string): boolean => engine.startsWith('pytorch')

const number = (value: number | null, digits = 0): string =>
  value === null || !Number.isFinite(value) ? '-' : value.toFixed(digits)
const significant = (value: number): string => number(value, value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0)
const mebibytes = (bytes: number | null): string =>
  bytes === null ? '-' : number(bytes / 2 ** 20, bytes < 2 ** 20 * 10 ? 2 : 0)

const COLUMNS: readonly (readonly [string, (row: Row) => string])[] = [
  ['engine', ({ engine }) => engine],
  ['ms', ({ ms }) => significant(ms)],
  ['queued', ({ queuedMs }) => significant(queuedMs)],
  ['x ours', ({ ratio, engine }) => (engine === 'lambda-darts' ? '' : significant(ratio))],
  ['first ms', ({ firstMs }) => number(firstMs)],
  ['GFLOP/s', ({ gflops }) => significant(gflops)],
  [
    'GB/s',
    ({ ms, readBytes, writtenBytes }) =>
      readBytes === null ? '-' : significant((readBytes + (writtenBytes ?? 0)) / ms / 1e6)
  ],
  ['of peak', ({ share }) => (Number.isFinite(share) ? `${number(100 * share)} %` : '-')],
  ['calls', ({ dispatches }) => number(dispatches)],
  ['pipelines', ({ pipelines }) => number(pipelines)],
  ['peak MiB', ({ peakBytes }) => mebibytes(peakBytes)],
  ['bound', ({ lowerBoundBytes }) => mebibytes(lowerBoundBytes)],
  ['read MiB', ({ readBytes }) => mebibytes(readBytes)],
  ['written', ({ writtenBytes }) => mebibytes(writtenBytes)],
  ['error', ({ error }) => (Number.isFinite(error) ? error.toExponential(1) : '-')],
  ['ok', ({ ok }) => (ok ? 'ok' : 'WRONG')]
]
const NAME = 48
const WIDTH = 10

const cells = (name: string, values: readonly string[]): string =>
  `${name.padEnd(NAME)}${values.map((value, i) => (i === 0 ? value.padEnd(13) : value.padStart(WIDTH))).join('')}`

export const header = (): string =>
  `${cells(
    'workload',
    COLUMNS.map(([name]) => name)
  )}\n`

export const line = (row: Row): string => {
  const text = cells(
    row.engine === 'lambda-darts' ? row.workload : '',
    COLUMNS.map(([, show]) => show(row))
  )
  const more = [row.note, row.engine === 'lambda-darts' ? design(row) : ''].filter(note => note !== '')
  return `${[text, ...more.map(note => `    ${note}`)].join('\n')}\n`
}

/** The table of docs/benchmarks.md: what a reader compares. */
export const markdown = (rows: readonly Row[]): string => {
  const columns: readonly (readonly [string, (row: Row) => string])[] = [
    ['workload', ({ workload, engine }) => (engine === 'lambda-darts' ? workload : '')],
    ...COLUMNS.filter(([name]) => name !== 'bound' && name !== 'error' && name !== 'ok'),
    ['right', ({ ok, note, error }) => (ok ? `${error.toExponential(0)} ${note}`.trim() : note)]
  ]
  const row = (values: readonly string[]) => `| ${values.join(' | ')} |\n`
  return [...new Set(rows.map(({ adapter, engine }) => (isPyTorch(engine) ? '' : adapter)))]
    .filter(adapter => adapter !== '')
    .map(adapter => {
      const own = rows.filter(one => one.adapter === adapter || isPyTorch(one.engine))
      return [
        `Adapter: ${adapter}\n\n`,
        row(columns.map(([name]) => name)),
        row(columns.map((_, i) => (i < 2 ? '---' : '---:'))),
        ...own.map(one => row(columns.map(([, show]) => show(one))))
      ].join('')
    })
    .join('\n')
}
