/**
 * Selection by perturbation (DARTS-PT: Wang et al., ICLR 2021, arXiv 2108.04392): the worth of an operation is the
 * accuracy that the supernet loses without it, not its alpha. Edges are decided one by one, with training in between;
 * then each node keeps the two inputs that it misses most. Here is what is decided, as data: no network, no effects.
 */
import type { Key } from '../../autodiff/threefry.js'
import { foldIn, permutation } from '../method/initialise.js'
import type { CellType, Space } from '../space/space.js'

/** An edge on its way: the column that was chosen, once one was; and whether its node goes without it. */
export interface ProjectedEdge {
  readonly chosen: number | null
  readonly dropped: boolean
}

/** How far a selection has come: the edges of each kind of cell. */
export type Projection = Readonly<Record<string, readonly ProjectedEdge[]>>

/** What is taken away to see what it is worth: one operation of an edge, or (no column) the edge. */
export interface Removal {
  readonly type: string
  readonly edge: number
  readonly column?: number
}

/** What is left when something was taken away. */
export interface Score {
  readonly accuracy: number
  readonly loss: number
}

/** One thing to decide: which operation an edge keeps, or which two inputs a node keeps. */
export type Decision =
  | { readonly kind: 'operation'; readonly type: string; readonly edge: number }
  | { readonly kind: 'inputs'; readonly type: string; readonly node: number }

/**
 * By what a decision is made: the accuracy or the loss that is left without a candidate, or (the control PT-Mag) the
 * size of its mixture, which asks the network nothing.
 */
export type Criterion = 'accuracy' | 'loss' | 'magnitude'

/** Inputs that a node of a DARTS cell keeps. */
const KEPT = 2

const isLayered = ({ skeleton }: Space): boolean => skeleton.kind === 'layers'

/** Nothing decided yet. */
export const openProjection = ({ cells }: Space): Projection =>
  Object.fromEntries(
    Object.entries(cells).map(([type, { edges }]) => [type, edges.map(() => ({ chosen: null, dropped: false }))])
  )

/** The edges that lead to a node, by their rows. */
const edgesTo = ({ edges }: CellType, node: number): readonly number[] =>
  edges.flatMap(({ to }, edge) => (to === node ? [edge] : []))

const nodesOf = ({ edges }: CellType): readonly number[] =>
  [...new Set(edges.map(({ to }) => to))].toSorted((a, b) => a - b)

const cellTypeOf = ({ cells }: Space, type: string): CellType => cells[type] as CellType

/**
 * What is decided in which round, in an order that a key decides: an edge of each kind of cell a round; then, where
 * nodes keep two inputs (the cells of DARTS), a node of each kind a round.
 */
export const planOf = (space: Space, key: Key): readonly (readonly Decision[])[] => {
  const byType = Object.entries(space.cells).map(([type, cell], n) => {
    const [forEdges, forNodes] = [foldIn(foldIn(key, n), 0), foldIn(foldIn(key, n), 1)]
    const operations = permutation(forEdges, cell.edges.length).map(
      (edge): Decision => ({ kind: 'operation', type, edge })
    )
    const crowded = isLayered(space) ? nodesOf(cell).filter(node => edgesTo(cell, node).length > KEPT) : []
    const inputs = permutation(forNodes, crowded.length).map(
      (i): Decision => ({ kind: 'inputs', type, node: crowded[i] as number })
    )
    return { operations, inputs }
  })
  const rounds = (lists: readonly (readonly Decision[])[]): readonly (readonly Decision[])[] =>
    Array.from({ length: Math.max(0, ...lists.map(list => list.length)) }, (_, i) =>
      lists.flatMap(list => list[i] ?? [])
    )
  return [...rounds(byType.map(({ operations }) => operations)), ...rounds(byType.map(({ inputs }) => inputs))]
}

/** The columns that an edge may keep. The cells of DARTS have no `none` in a genotype. */
const columnsOf = (space: Space, type: string, edge: number): readonly number[] => {
  const operations = cellTypeOf(space, type).edges[edge]?.operations ?? []
  return operations.flatMap((name, column) => (isLayered(space) && name === 'none' ? [] : [column]))
}

/** The inputs that a node still has. */
const inputsOf = (space: Space, projection: Projection, type: string, node: number): readonly number[] =>
  edgesTo(cellTypeOf(space, type), node).filter(edge => !projection[type]?.[edge]?.dropped)

/** What to take away, one at a time, to make a decision; none once it is made. */
export const removalsFor = (space: Space, projection: Projection, decision: Decision): readonly Removal[] => {
  const { type } = decision
  if (decision.kind === 'operation')
    return projection[type]?.[decision.edge]?.chosen === null
      ? columnsOf(space, type, decision.edge).map(column => ({ type, edge: decision.edge, column }))
      : []
  const left = inputsOf(space, projection, type, decision.node)
  return left.length > KEPT ? left.map(edge => ({ type, edge })) : []
}

const firstLargest = (values: readonly number[]): number => values.indexOf(Math.max(...values))
const lastLargest = (values: readonly number[]): number => values.lastIndexOf(Math.max(...values))

/**
 * What the scores say. The operation that is kept is the one without which least is left; a tie goes to the first. The
 * input that is dropped is the one without which most is left; a tie goes to the last. `magnitudes` are the mixture's
 * weights of the candidates.
 */
export const outcomeOf = (
  { kind }: Decision,
  removals: readonly Removal[],
  criterion: Criterion,
  given: { readonly scores: readonly Score[]; readonly magnitudes: readonly number[] }
): Removal => {
  const worth = {
    accuracy: () => given.scores.map(({ accuracy }) => -accuracy),
    loss: () => given.scores.map(({ loss }) => loss),
    magnitude: () => given.magnitudes
  }[criterion]()
  const index = kind === 'operation' ? firstLargest(worth) : lastLargest(worth.map(value => -value))
  return removals[index] as Removal
}

/** The projection after an outcome: an operation kept, or an input dropped. */
export const project = (projection: Projection, { kind }: Decision, { type, edge, column }: Removal): Projection => ({
  ...projection,
  [type]: (projection[type] ?? []).map((before, e) => {
    if (e !== edge) return before
    return kind === 'operation' ? { ...before, chosen: column ?? null } : { ...before, dropped: true }
  })
})

/** What the network is told of a projection, a matrix [edges, operations] for each kind of cell. */
export interface Masks {
  /** A row of a decided edge has a 1 at the operation that it keeps, other rows are 0. */
  readonly choice: Readonly<Record<string, readonly (readonly number[])[]>>
  /** 0 where something was taken away, else 1. */
  readonly keep: Readonly<Record<string, readonly (readonly number[])[]>>
}

/**
 * The masks of a projection with something taken away, or nothing. `ignoreDropped` (a kind of cell and a node): inputs
 * that were dropped stay in while the others are judged, as in the official code.
 */
export const masksOf = (
  { cells }: Space,
  projection: Projection,
  removal?: Removal,
  ignoreDropped?: { readonly type: string; readonly node: number }
): Masks => {
  const matrices = (entry: (type: string, edge: number, column: number) => number) =>
    Object.fromEntries(
      Object.entries(cells).map(([type, { edges }]) => [
        type,
        edges.map(({ operations }, edge) => operations.map((_, column) => entry(type, edge, column)))
      ])
    )
  const isDropped = (type: string, edge: number): boolean =>
    Boolean(projection[type]?.[edge]?.dropped) &&
    !(ignoreDropped?.type === type && ignoreDropped.node === cells[type]?.edges[edge]?.to)
  const isRemoved = (type: string, edge: number, column: number): boolean =>
    removal?.type === type && removal.edge === edge && (removal.column === undefined || removal.column === column)
  return {
    choice: matrices((type, edge, column) => (projection[type]?.[edge]?.chosen === column ? 1 : 0)),
    keep: matrices((type, edge, column) => (isDropped(type, edge) || isRemoved(type, edge, column) ? 0 : 1))
  }
}

/**
 * The mixtures that a network has under masks, from those of alpha: keep * (choice where there is one, else the
 * mixture).
 */
export const maskedMixtures = (
  mixtures: Readonly<Record<string, readonly (readonly number[])[]>>,
  { choice, keep }: Masks
): Readonly<Record<string, readonly (readonly number[])[]>> =>
  Object.fromEntries(
    Object.entries(mixtures).map(([type, rows]) => [
      type,
      rows.map((row, edge) => {
        const chosen = choice[type]?.[edge] ?? []
        const source = chosen.some(value => value === 1) ? chosen : row
        return source.map((value, column) => value * (keep[type]?.[edge]?.[column] ?? 0))
      })
    ])
  )
