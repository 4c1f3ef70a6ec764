/**
 * NAS-Bench-201 (Dong & Yang, ICLR 2020) as a table: what the cells of its space reached when they were trained, so
 * that a found cell is judged without training it. The table is the user's: CSV with a header, one line a cell. Its
 * column `arch` is the cell's text, columns like `cifar10_test_200` (data set, part, epochs) are accuracies in percent;
 * `index` and `params_m` are told where they are there.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { type InputError, inputError } from '../errors.js'
import { nb201, operationCount } from '../space/space.js'
import { type Cell, formatGenotype, type Genotype, parseGenotype } from './genotype.js'

/** Cells of the space: an operation for each edge. */
export const BENCH_CELLS = Object.values(nb201.cells).reduce(
  (count, cell) => count * operationCount(cell) ** cell.edges.length,
  1
)

/** A line of the table has some 200 bytes; of columns there are some 20. */
const MOST_LINE_BYTES = 1024
const MOST_COLUMNS = 256
/** What a table may have, and a header before it. */
export const MOST_TABLE_BYTES = (BENCH_CELLS + 1) * MOST_LINE_BYTES

/** A column of accuracies. */
export interface BenchColumn {
  readonly name: string
  readonly dataset: string
  readonly part: 'valid' | 'test'
  readonly epochs: number
}

/** One architecture of a table of NAS-Bench-201. */
export interface BenchRow {
  readonly arch: string
  readonly canonical: string
  readonly index: number | null
  readonly millions: number | null
  readonly accuracies: readonly number[]
}

/** What the cells of NAS-Bench-201 reached when they were trained: a row for each cell, by its canonical form. */
export interface BenchTable {
  readonly columns: readonly BenchColumn[]
  readonly rows: ReadonlyMap<string, BenchRow>
}

/** What a cell reached in one column, beside all others. */
export interface BenchScore {
  /** Percent, as in the table. */
  readonly accuracy: number
  /** 1 for the best; equal cells share the better rank. */
  readonly rank: number
  /** Percent of the cells that are no better. */
  readonly percentile: number
  /** How much the best cell has more, in points of percent. */
  readonly regret: number
  /** Lowest and highest accuracy of the cells that compute the same: what chance in training makes of one cell. */
  readonly isomorphic: readonly [number, number]
}

/** What the table says of one cell, by column. */
export interface BenchReport {
  readonly genotype: string
  readonly index: number | null
  /** Millions of parameters, as the table says. */
  readonly parametersMillions: number | null
  /** Cells in the table, and how many of them compute the same as this one, itself included. */
  readonly cells: number
  readonly isomorphic: number
  readonly canonical: string
  /** By column: `cifar10_test_200`. */
  readonly scores: Readonly<Record<string, BenchScore>>
}

const refuse = (wanted: string, got: string, cure = 'give the table as it was exported'): E.Either<InputError, never> =>
  E.left(inputError(`a NAS-Bench-201 table with ${wanted}`, got, cure))

/** The column of accuracies that a name says: `cifar10_test_200`; undefined for other columns. */
const columnOf = (name: string): BenchColumn | undefined => {
  const [, dataset, part, epochs] = /^(\w+?)_(valid|test)_(\d+)$/.exec(name) ?? []
  return dataset === undefined ? undefined : { name, dataset, part: part as 'valid' | 'test', epochs: Number(epochs) }
}

const accuracyColumns = (names: readonly string[]): readonly (BenchColumn & { readonly position: number })[] =>
  names.flatMap((name, position) => {
    const column = columnOf(name)
    return column ? [{ ...column, position }] : []
  })

/** The column of each data set that tells the truth: its test part after the most epochs. */
export const testColumns = ({ columns }: Pick<BenchTable, 'columns'>): readonly BenchColumn[] => {
  const tests = columns.filter(({ part }) => part === 'test')
  return tests.filter(one => !tests.some(other => other.dataset === one.dataset && other.epochs > one.epochs))
}

/** The columns of scores that tell the truth; that of a data set first, where there is one. */
export const tellingColumns = (names: readonly string[], dataset: string): readonly BenchColumn[] => {
  const wanted = dataset.replaceAll('-', '_')
  return testColumns({ columns: names.flatMap(name => columnOf(name) ?? []) }).toSorted(
    (a, b) => Number(b.dataset === wanted) - Number(a.dataset === wanted)
  )
}

/** A field as a number of 0 to `most`. */
const numberOf = (
  text: string | undefined,
  most: number,
  column: string,
  line: number
): E.Either<InputError, number> => {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text)
  return value >= 0 && value <= most
    ? E.right(value)
    : refuse(
        `a number ${Number.isFinite(most) ? `of 0 to ${most}` : 'that is not negative'} as ${column}`,
        `'${text ?? ''}' in line ${line}`
      )
}

/**
 * A text that is equal for cells that compute the same by construction: node 0 is `0`, a node joins what comes in,
 * sorted, by `+`, where a `skip_connect` gives its source's text and any other operation `(source)@operation`
 * (`to_unique_str` of the benchmark's official code).
 */
export const canonicalForm = (nodes: Cell): string => {
  const textOf = (node: number): string =>
    (nodes[node - 1] ?? [])
      .map(({ operation, from }) => {
        const source = from === 0 ? '0' : textOf(from)
        return operation === 'skip_connect' ? source : `(${source})@${operation}`
      })
      .toSorted()
      .join('+')
  return textOf(nodes.length)
}

const benchNodes = (genotype: Genotype): E.Either<InputError, Cell> =>
  genotype.family === 'nb201'
    ? E.right(genotype.nodes)
    : E.left(
        inputError('a cell of NAS-Bench-201', 'a DARTS genotype', 'give one like |op~0|+|op~0|op~1|+|op~0|op~1|op~2|')
      )

/** The table of an unpacked CSV text. Left names the line and the column that are wrong. */
export const decodeBenchTable = (text: string): E.Either<InputError, BenchTable> => {
  const [header = '', ...lines] = text
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split(/\r?\n/, BENCH_CELLS + 2)
  const names = header.split(',', MOST_COLUMNS + 1).map(name => name.trim())
  if (names.length > MOST_COLUMNS) return refuse(`at most ${MOST_COLUMNS} columns`, 'more')
  const columns = accuracyColumns(names)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  const [arch, index, millions] = ['arch', 'index', 'params_m'].map(name => names.indexOf(name)) as [
    number,
    number,
    number
  ]
  const shown = `the columns '${header.slice(0, 80)}'`
  if (arch < 0) return refuse('a column arch', shown)
  if (columns.length === 0) return refuse('columns of accuracies like cifar10_test_200', shown)
  if (twice !== undefined) return refuse('distinct columns', `two named '${twice}'`)
  if (lines.length === 0) return refuse('one or more cells', 'none')
  if (lines.length > BENCH_CELLS) return refuse(`at most ${BENCH_CELLS} cells`, 'more')
  const optional = (fields: readonly string[], position: number, name: string, line: number) =>
    position < 0 ? E.right(null) : numberOf(fields[position], Number.POSITIVE_INFINITY, name, line)
  return pipe(
    lines,
    E.traverseReadonlyArrayWithIndex((i, content): E.Either<InputError, BenchRow> => {
      const [line, fields] = [i + 2, content.split(',', MOST_COLUMNS + 1)]
      if (fields.length !== names.length)
        return refuse(`${names.length} fields a line`, `${fields.length} in line ${line}`)
      return pipe(
        parseGenotype((fields[arch] as string).trim()),
        E.chain(benchNodes),
        E.mapLeft(({ message }) =>
          inputError('a NAS-Bench-201 table of cells', `line ${line}`, message.replace(/\.$/, ''))
        ),
        E.map(nodes => ({ arch: formatGenotype({ family: 'nb201', nodes }), canonical: canonicalForm(nodes) })),
        E.bind('index', () => optional(fields, index, 'index', line)),
        E.bind('millions', () => optional(fields, millions, 'params_m', line)),
        E.bind('accuracies', () =>
          pipe(
            columns,
            E.traverseReadonlyArrayWithIndex((_, { name, position }) => numberOf(fields[position], 100, name, line))
          )
        )
      )
    }),
    E.chain(rows => {
      const map = new Map(rows.map(row => [row.arch, row]))
      const again = map.size < rows.length ? rows.findIndex(row => map.get(row.arch) !== row) : -1
      return again < 0
        ? E.right({ columns: columns.map(({ position: _, ...column }) => column), rows: map })
        : refuse('each cell once', `'${rows[again]?.arch}' again after line ${again + 2}`)
    })
  )
}

/** A table with all cells of the space, so that nothing that a search may find is unknown. */
export const wholeTable = (table: BenchTable): E.Either<InputError, BenchTable> =>
  table.rows.size === BENCH_CELLS
    ? E.right(table)
    : refuse(`all ${BENCH_CELLS} cells`, `${table.rows.size}`, 'use the whole table')

/** What a cell drawn at random reaches in a column: exact, over all cells of a table. */
export interface RandomCell {
  readonly cells: number
  readonly mean: number
  readonly median: number
  readonly best: number
}

/** What cells drawn at random reach in the columns that tell the truth, by name. */
export const randomCells = (table: BenchTable): Readonly<Record<string, RandomCell>> =>
  Object.fromEntries(
    testColumns(table).map(({ name }) => {
      const column = table.columns.findIndex(one => one.name === name)
      const sorted = [...table.rows.values()].map(row => row.accuracies[column] as number).toSorted((a, b) => a - b)
      const at = (place: number): number => sorted[place] as number
      const middle = (sorted.length - 1) / 2
      return [
        name,
        {
          cells: sorted.length,
          mean: sorted.reduce((sum, one) => sum + one, 0) / sorted.length,
          median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
          best: at(sorted.length - 1)
        }
      ]
    })
  )

/** What the table says of a genotype. Left if the table does not have the cell. */
export const scoreOf =
  (table: BenchTable) =>
  (genotype: Genotype): E.Either<InputError, BenchReport> =>
    pipe(
      benchNodes(genotype),
      E.chain(nodes => {
        const text = formatGenotype({ family: 'nb201', nodes })
        const row = table.rows.get(text)
        if (!row) return refuse(`the cell ${text}`, `${table.rows.size} others`, 'use the whole table')
        const all = [...table.rows.values()]
        const same = all.filter(other => other.canonical === row.canonical)
        const scores = table.columns.map(({ name }, column): readonly [string, BenchScore] => {
          const accuracy = row.accuracies[column] as number
          const better = all.filter(({ accuracies }) => (accuracies[column] as number) > accuracy).length
          const alike = same.map(({ accuracies }) => accuracies[column] as number)
          const best = all.reduce((most, { accuracies }) => Math.max(most, accuracies[column] as number), 0)
          return [
            name,
            {
              accuracy,
              rank: better + 1,
              percentile: (100 * (all.length - better)) / all.length,
              // Differences of decimals, without the digits that binary adds.
              regret: Number((best - accuracy).toFixed(9)),
              isomorphic: [Math.min(...alike), Math.max(...alike)]
            }
          ]
        })
        return E.right({
          genotype: text,
          index: row.index,
          parametersMillions: row.millions,
          cells: all.length,
          isomorphic: same.length,
          canonical: row.canonical,
          scores: Object.fromEntries(scores)
        })
      })
    )
