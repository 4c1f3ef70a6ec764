/**
 * Search spaces as data: cells with their edges and operations, and the network that stacks them. To add a space is to
 * add a value to `SPACES`, or to write one as JSON: see `parseSpace`.
 */

/**
 * An edge of a cell: a mixture of operations from one state to a later one, a row of alpha; its operations are the
 * columns.
 */
export interface Edge {
  readonly from: number
  readonly to: number
  /** Names of `OPERATIONS`. */
  readonly operations: readonly string[]
}

/**
 * A kind of cell; all cells of a kind share one alpha. States are numbered as in genotypes: what the cell is given
 * first, then its nodes. Node n is the sum of the edges that lead to it, one from each earlier state.
 */
export interface CellType {
  /**
   * States that it is given: the output of the cell before (1), or those of the two cells before, the older first (2).
   */
  readonly inputs: number
  readonly nodes: number
  /** In the order of alpha's rows: by `to`, then by `from`. All have the same number of operations. */
  readonly edges: readonly Edge[]
  /** The states whose channels, one after another, are the output; a single one is the output itself. */
  readonly concat: readonly number[]
}

/**
 * How cells make a network.
 *
 * `stages` (NAS-Bench-201): stages of N cells, all of one kind and with one input, a residual block that halves the
 * image and doubles the channels between stages; batch norm, activation, pooling, linear.
 *
 * `layers` (DARTS): L cells with two inputs each; those at L/3 and 2L/3 are of the kind `reduce`, which halves the
 * image (edges from its inputs have stride 2) and doubles the channels, all others of the kind `normal`; pooling,
 * linear.
 */
export type Skeleton =
  | { readonly kind: 'stages'; readonly stages: number }
  | { readonly kind: 'layers'; readonly stemMultiplier: number }

/** A search space: the cells with their edges and candidate operations, and how cells are stacked. */
export interface Space {
  readonly name: string
  /** Kinds of cells by name; alpha is a tree of the same names. */
  readonly cells: Readonly<Record<string, CellType>>
  readonly skeleton: Skeleton
  /** Whether a batch norm follows each pool of the supernet. */
  readonly normAfterPool: boolean
}

/**
 * A cell with an edge from each state to each later node, whose last nodes are its output; `operations` by the number
 * of the edge.
 */
export const cellOf = (
  { inputs, nodes, multiplier }: { readonly inputs: number; readonly nodes: number; readonly multiplier: number },
  operations: (edge: number) => readonly string[]
): CellType => ({
  inputs,
  nodes,
  concat: Array.from({ length: multiplier }, (_, i) => inputs + nodes - multiplier + i),
  edges: Array.from({ length: nodes }, (_, node) => inputs + node)
    .flatMap(to => Array.from({ length: to }, (_, from) => ({ from, to })))
    .map((edge, i) => ({ ...edge, operations: operations(i) }))
})

/** The number of alpha's columns. */
export const operationCount = ({ edges }: CellType): number => edges[0]?.operations.length ?? 0

/** All operations of a cell, each once, in the order of alpha's columns where edges agree. */
export const operationsOf = ({ edges }: CellType): readonly string[] => [
  ...new Set(edges.flatMap(({ operations }) => operations))
]

/** `f` of each value of a record. */
export const mapRecord = <K extends string, A, B>(
  record: Readonly<Record<K, A>>,
  f: (value: A, key: K, index: number) => B
): Readonly<Record<K, B>> =>
  Object.fromEntries(
    (Object.entries(record) as [K, A][]).map(([key, value], n) => [key, f(value, key, n)])
  ) as Readonly<Record<K, B>>

/** NAS-Bench-201 (Dong & Yang, ICLR 2020): three nodes after the input, six edges, five operations. */
export const nb201: Space = {
  name: 'nb201',
  cells: {
    alpha: cellOf({ inputs: 1, nodes: 3, multiplier: 1 }, () => [
      'none',
      'skip_connect',
      'nor_conv_1x1',
      'nor_conv_3x3',
      'avg_pool_3x3'
    ])
  },
  skeleton: { kind: 'stages', stages: 3 },
  normAfterPool: false
}

/**
 * A space like DARTS': four nodes after two inputs, all four concatenated; operations of the normal and of the
 * reduction cell by edge.
 */
const darts = (
  name: string,
  normal: (edge: number) => readonly string[],
  reduce: (edge: number) => readonly string[] = normal
): Space => {
  const shape = { inputs: 2, nodes: 4, multiplier: 4 }
  return {
    name,
    cells: { normal: cellOf(shape, normal), reduce: cellOf(shape, reduce) },
    skeleton: { kind: 'layers', stemMultiplier: 3 },
    normAfterPool: true
  }
}

const [skip, sep3, dil3, dil5, max, avg] = [
  'skip_connect',
  'sep_conv_3x3',
  'dil_conv_3x3',
  'dil_conv_5x5',
  'max_pool_3x3',
  'avg_pool_3x3'
] as const

/** S1's operations by edge: the two strongest of DARTS' on each (Zela et al., ICLR 2020). */
const S1_NORMAL: readonly (readonly string[])[] = [
  [skip, dil3],
  [skip, dil5],
  [skip, dil5],
  [skip, sep3],
  [skip, dil3],
  [max, skip],
  [skip, sep3],
  [skip, sep3],
  [skip, dil3],
  [skip, sep3],
  [max, skip],
  [skip, dil3],
  [dil3, dil5],
  [dil3, dil5]
]
const S1_REDUCE: readonly (readonly string[])[] = [
  [max, avg],
  [max, dil3],
  [max, avg],
  [max, avg],
  [skip, dil5],
  [max, avg],
  [max, sep3],
  [skip, dil3],
  [skip, dil5],
  [max, avg],
  [max, avg],
  [skip, dil5],
  [skip, dil5],
  [skip, dil5]
]

/**
 * The spaces of the papers: S1 to S4 of Zela et al. (ICLR 2020), S5 that of DARTS (Liu et al., ICLR 2019) without
 * `none`, NAS-Bench-201.
 */
export const SPACES: Readonly<Record<'s1' | 's2' | 's3' | 's4' | 's5' | 'nb201', Space> & Record<string, Space>> = {
  s1: darts(
    's1',
    edge => S1_NORMAL[edge] as readonly string[],
    edge => S1_REDUCE[edge] as readonly string[]
  ),
  s2: darts('s2', () => [skip, sep3]),
  s3: darts('s3', () => ['none', skip, sep3]),
  s4: darts('s4', () => ['noise', sep3]),
  s5: darts('s5', () => [max, avg, skip, sep3, 'sep_conv_5x5', dil3, dil5]),
  nb201
}
