/** The graph of a genotype: what stands between the input of a cell and its output. */
import { isParameterFree } from '../space/operations.js'
import { type Cell, cellsOf, type Genotype, INPUTS, SEVERING } from './genotype.js'

/** An operation of a cell, with the states that it leads from and to. */
export interface PathEdge {
  readonly from: number
  readonly to: number
  readonly operation: string
}

/** The states from which something passes to one of `ends`, themselves included. */
const leadingTo = (edges: readonly PathEdge[], ends: readonly number[]): readonly number[] => {
  const more = edges.flatMap(({ from, to }) => (ends.includes(to) && !ends.includes(from) ? [from] : []))
  return more.length === 0 ? ends : leadingTo(edges, [...new Set([...ends, ...more])])
}

const reversed = ({ from, to, operation }: PathEdge): PathEdge => ({ from: to, to: from, operation })

/** The edges of a cell that lie on a path from its inputs to its outputs; `none` and `noise` lie on none. */
const onPaths = (inputs: number, cell: Cell, outputs: readonly number[]): readonly PathEdge[] => {
  const passing = cell.flatMap((node, i) =>
    node.flatMap(({ operation, from }) => (SEVERING.includes(operation) ? [] : [{ from, to: inputs + i, operation }]))
  )
  const starts = Array.from({ length: inputs }, (_, state) => state)
  const [live, read] = [leadingTo(passing.map(reversed), starts), leadingTo(passing, outputs)]
  return passing.filter(({ from, to }) => live.includes(from) && read.includes(to))
}

/**
 * The edges of each kind of cell that lie on a path from its input to its output: all that its result depends on.
 *
 * @example pathsOf(PUBLISHED.lambdadarts_corr_0)['normal']?.length // 8
 */
export const pathsOf = (genotype: Genotype): Readonly<Record<string, readonly PathEdge[]>> => {
  const inputs = INPUTS[genotype.family]
  const outputs: Readonly<Record<string, readonly number[]>> =
    genotype.family === 'nb201'
      ? { alpha: [genotype.nodes.length] }
      : { normal: genotype.normal.concat, reduce: genotype.reduce.concat }
  return Object.fromEntries(
    Object.entries(cellsOf(genotype)).map(([kind, cell]) => [
      kind,
      onPaths(inputs, cell, outputs[kind] as readonly number[])
    ])
  )
}

/** How much of a cell can learn. */
export interface Substance {
  /** Operations between input and output, and how many of them have no weights. */
  readonly operations: number
  readonly parameterFree: number
  /** The names of those. */
  readonly free: readonly string[]
  /**
   * `severed`: no path leads through. `empty`: nothing that has weights is on one. `thin`: a single operation with
   * weights, or more than half of all without. `full`: all others.
   */
  readonly kind: 'severed' | 'empty' | 'thin' | 'full'
}

const kindOf = (operations: number, weighted: number): Substance['kind'] => {
  if (operations === 0) return 'severed'
  if (weighted === 0) return 'empty'
  return weighted === 1 || 2 * weighted < operations ? 'thin' : 'full'
}

/** What stands on the paths of a cell. */
export const substanceOf = (edges: readonly PathEdge[]): Substance => {
  const free = edges.filter(({ operation }) => isParameterFree(operation))
  return {
    operations: edges.length,
    parameterFree: free.length,
    free: [...new Set(free.map(({ operation }) => operation))],
    kind: kindOf(edges.length, edges.length - free.length)
  }
}
