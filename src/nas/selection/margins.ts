/** By how much the edges of a cell were decided. */
import { cellsOf, type Genotype } from '../genotypes/genotype.js'
import { mapRecord, type Space } from '../space/space.js'
import { type EdgeMixture, genotypeOf, type NamedMixtures } from './magnitude.js'

/**
 * How an edge was decided: the operation that it holds, and the strongest of the others that a genotype may hold.
 * `kept`: whether the genotype has the edge; then `chosen` is its operation, else the strongest. `uniform`: the weight
 * of each operation before anything is learned.
 */
export interface Margin {
  readonly from: number
  readonly to: number
  readonly kept: boolean
  readonly chosen: string
  readonly weight: number
  readonly runnerUp: string | null
  readonly runnerUpWeight: number | null
  readonly uniform: number
}

/** The margins of the edges of each kind of cell, in the order of alpha's rows. */
export type Margins = Readonly<Record<string, readonly Margin[]>>

const marginOf = ({ from, to, weights }: EdgeMixture, held: string | undefined, mayBeNone: boolean): Margin => {
  const sorted = Object.entries(weights)
    .filter(([name]) => mayBeNone || name !== 'none')
    .toSorted(([, a], [, b]) => b - a)
  const chosen = held ?? (sorted[0] as [string, number])[0]
  const next = sorted.find(([name]) => name !== chosen)
  return {
    from,
    to,
    kept: held !== undefined,
    chosen,
    weight: weights[chosen] as number,
    runnerUp: next?.[0] ?? null,
    runnerUpWeight: next?.[1] ?? null,
    uniform: 1 / Object.keys(weights).length
  }
}

/** The margins of a genotype's edges, by the mixtures that it was read off, and those of the edges that it left out. */
export const marginsOf = ({ skeleton }: Space, genotype: Genotype, mixtures: NamedMixtures): Margins => {
  const cells = cellsOf(genotype)
  return mapRecord(mixtures, (edges, kind) => {
    const nodes = cells[kind] ?? []
    const first = Math.min(...edges.map(({ to }) => to))
    return edges.map(edge => {
      const held = nodes[edge.to - first]?.find(({ from }) => from === edge.from)?.operation
      return marginOf(edge, held, skeleton.kind === 'stages')
    })
  })
}

/**
 * A lead of less than this share of the uniform weight is no decision: one more epoch could take it back. Adam moves an
 * entry of alpha by about its rate a step, which is 0.04 to 0.08 an epoch in all presets, and a lead of two entries by
 * twice that; a lead of 0.1 in alpha is one of a tenth of the uniform weight in the mixture.
 */
const DECIDED = 0.1

/** Whether nothing was decided on an edge: its operation leads by too little, or by nothing. */
export const isUndecided = ({ weight, runnerUpWeight, uniform }: Margin): boolean =>
  runnerUpWeight !== null && weight - runnerUpWeight < DECIDED * uniform

/** The kept edges of all kinds of cells, and how many of them are undecided. */
export const undecidedOf = (margins: Margins): { readonly edges: number; readonly undecided: number } => {
  const kept = Object.values(margins)
    .flat()
    .filter(margin => margin.kept)
  return { edges: kept.length, undecided: kept.filter(isUndecided).length }
}

/** How many edges are undecided where alpha is read off by the largest mixtures. */
export const undecidedAt = (
  space: Space,
  { alpha, mixtures }: { readonly alpha: Readonly<Record<string, readonly number[]>>; readonly mixtures: NamedMixtures }
): { readonly edges: number; readonly undecided: number } =>
  undecidedOf(marginsOf(space, genotypeOf(space, alpha), mixtures))
