/** The cell that alpha prefers: the rules by which the mixtures of a search become a genotype. */

import { fail } from '../../autodiff/shape.js'
import { type Key, randomWords, uniformOf } from '../../autodiff/threefry.js'
import type { Cell, ConcatCell, Genotype } from '../genotypes/genotype.js'
import { foldIn } from '../method/initialise.js'
import { type CellType, type Edge, mapRecord, operationCount, type Space } from '../space/space.js'

/** A number for each operation of each edge: alpha, or its mixtures. */
export type EdgeRows = readonly (readonly number[])[]

/** The rows of a matrix of alpha. */
export const rowsOf = (cell: CellType, alpha: ArrayLike<number>): EdgeRows => {
  const columns = operationCount(cell)
  return cell.edges.map((_, row) => Array.from({ length: columns }, (_column, o) => alpha[row * columns + o] as number))
}

/**
 * softmax(alpha), row by row. Powers are added in the order of their size, so that rows of the same numbers tie
 * whatever their order.
 */
export const mixtureRows = (rows: EdgeRows): EdgeRows =>
  rows.map(row => {
    const powers = row.map(a => Math.exp(a - Math.max(...row)))
    const total = powers.toSorted((a, b) => a - b).reduce((sum, power) => sum + power, 0)
    return powers.map(power => power / total)
  })

/** -sum p log p of each row, in nats: log O where nothing is decided, 0 at a corner of the simplex. */
export const entropies = (mixtures: EdgeRows): readonly number[] =>
  mixtures.map(row => row.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0))

/** The mixture of an edge, by the names of its operations. */
export interface EdgeMixture {
  readonly from: number
  readonly to: number
  readonly weights: Readonly<Record<string, number>>
  /** In nats. */
  readonly entropy: number
  readonly largest: number
  /** By how much the largest weight exceeds the next one: 0 is a tie. */
  readonly margin: number
}
/** The mixtures of the edges of each kind of cell, in the order of alpha's rows. */
export type NamedMixtures = Readonly<Record<string, readonly EdgeMixture[]>>

/** Rows of mixtures with the edges and the operations that they are of. */
export const namedMixtures = ({ edges }: CellType, mixtures: EdgeRows): readonly EdgeMixture[] => {
  const entropy = entropies(mixtures)
  return edges.map(({ from, to, operations }, row) => {
    const weights = mixtures[row] as readonly number[]
    const [largest, next = 0] = weights.toSorted((a, b) => b - a) as [number, ...number[]]
    return {
      from,
      to,
      weights: Object.fromEntries(operations.map((name, column) => [name, weights[column] as number])),
      entropy: entropy[row] as number,
      largest,
      margin: largest - next
    }
  })
}

/** The first of the columns that holds the largest number, and that number. */
const largestOf = (
  row: readonly number[],
  columns: readonly number[]
): { readonly column: number; readonly value: number } => {
  const value = Math.max(...columns.map(column => row[column] as number))
  const column = columns.find(candidate => row[candidate] === value)
  return column === undefined
    ? fail(
        'a genotype',
        'finite numbers for one or more operations of each edge',
        `[${row.join(', ')}]`,
        'search again'
      )
    : { column, value }
}

/** Edges by the node that they lead to, in the order of nodes and of their sources. */
const byNode = (edges: readonly Edge[]): readonly (readonly { readonly edge: Edge; readonly row: number }[])[] =>
  [...new Set(edges.map(({ to }) => to))]
    .toSorted((a, b) => a - b)
    .map(node =>
      edges
        .flatMap((edge, row) => (edge.to === node ? [{ edge, row }] : []))
        .toSorted((a, b) => a.edge.from - b.edge.from)
    )

/**
 * NAS-Bench-201's rule: on each edge the operation with the largest number, `none` allowed; a tie goes to the lower
 * column.
 */
export const largestOperations = (edges: readonly Edge[], rows: EdgeRows): Cell =>
  byNode(edges).map(incoming =>
    incoming.map(({ edge, row }) => ({
      operation: edge.operations[
        largestOf(rows[row] as readonly number[], [...edge.operations.keys()]).column
      ] as string,
      from: edge.from
    }))
  )

/** Edges that a node of a DARTS cell keeps. */
const KEPT = 2

/**
 * DARTS' rule, on mixtures: an edge is as strong as its strongest operation, `none` left out; each node keeps its two
 * strongest edges, the strongest first, each with that operation. A tie goes to the lower source, and to the lower
 * column.
 */
export const strongestEdges = (edges: readonly Edge[], mixtures: EdgeRows): Cell =>
  byNode(edges).map(incoming => {
    if (incoming.length < KEPT)
      return fail(
        'a genotype',
        `${KEPT} edges to each node`,
        `${incoming.length} to node ${incoming[0]?.edge.to}`,
        'add an edge'
      )
    return incoming
      .map(({ edge: { from, operations }, row }) => {
        const columns = [...operations.keys()].filter(column => operations[column] !== 'none')
        const { column, value } = largestOf(mixtures[row] as readonly number[], columns)
        return { choice: { operation: operations[column] as string, from }, strength: value }
      })
      .toSorted((a, b) => b.strength - a.strength)
      .slice(0, KEPT)
      .map(({ choice }) => choice)
  })

/** The cells that alpha prefers, by the rule of the space's family. */
export const genotypeOf = (space: Space, alpha: Readonly<Record<string, ArrayLike<number>>>): Genotype => {
  const rows = mapRecord(space.cells, (cell, kind) => rowsOf(cell, alpha[kind] as ArrayLike<number>))
  return genotypeBy(space, rows, mapRecord(rows, mixtureRows))
}

/**
 * A cell of a space drawn from a key: that of an alpha of independent numbers, so that every cell of NAS-Bench-201 is
 * as likely.
 * @example drawGenotype(nb201, [0, 7])
 */
export const drawGenotype = (space: Space, key: Key): Genotype =>
  genotypeOf(
    space,
    mapRecord(space.cells, (cell, _, n) =>
      Array.from(randomWords(foldIn(key, n), cell.edges.length * operationCount(cell)), uniformOf)
    )
  )

/** The cells that mixtures amount to, whatever they are made of: those of a selection by perturbation, say. */
export const genotypeOfMixtures = (space: Space, mixtures: Readonly<Record<string, EdgeRows>>): Genotype =>
  genotypeBy(space, mixtures, mixtures)

const genotypeBy = (
  { cells, skeleton }: Space,
  rows: Readonly<Record<string, EdgeRows>>,
  mixtures: Readonly<Record<string, EdgeRows>>
): Genotype => {
  const edges = (kind: string) => (cells[kind] as CellType).edges
  if (skeleton.kind === 'stages') {
    const kind = Object.keys(cells)[0] as string
    return { family: 'nb201', nodes: largestOperations(edges(kind), rows[kind] as EdgeRows) }
  }
  const strongest = (kind: string): ConcatCell => ({
    nodes: strongestEdges(edges(kind), mixtures[kind] as EdgeRows),
    concat: (cells[kind] as CellType).concat
  })
  return { family: 'darts', normal: strongest('normal'), reduce: strongest('reduce') }
}
