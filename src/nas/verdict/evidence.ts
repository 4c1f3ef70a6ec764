/** What a verdict is made of, and how its findings are written. */
import type { SearchConfig } from '../configuration/options.js'
import type { Genotype } from '../genotypes/genotype.js'
import type { Baseline, EpochRecord, Finding, Random, Summary, Tone } from '../run/record.js'
import type { NamedMixtures } from '../selection/magnitude.js'
import type { DecisionEvent } from '../selection/selection.js'
import type { Space } from '../space/space.js'

/** All that is known of a search when it ends. */
export interface Evidence {
  readonly config: SearchConfig
  readonly space: Space
  readonly genotype: Genotype
  /** Of alpha at the end. */
  readonly mixtures: NamedMixtures
  readonly epochs: readonly EpochRecord[]
  readonly decisions: readonly DecisionEvent[]
  readonly result: Pick<Summary, 'stopped' | 'stepsDone' | 'epochsDone' | 'testAccuracy'>
  /** What a table says of the cell, and of one drawn at random. */
  readonly score?: Summary['score']
  readonly random?: Random
  readonly baseline?: Baseline
}

/** A finding, and the clause that its sentence is: no capital, no stop. */
export interface Clause extends Omit<Finding, 'sentence'> {
  readonly because: string
}

export const clause = (kind: string, tone: Tone, because: string, cure: string | null = null): Clause => ({
  kind,
  tone,
  because,
  cure
})

/** A clause as a sentence. */
export const findingOf = ({ kind, tone, because, cure }: Clause): Finding => ({
  kind,
  tone,
  sentence: `${because.charAt(0).toUpperCase()}${because.slice(1)}.`,
  cure
})

export const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length

/** The first and the last third of a list. */
export const thirds = <A>(values: readonly A[]): readonly [readonly A[], readonly A[]] => {
  const third = Math.max(1, Math.floor(values.length / 3))
  return [values.slice(0, third), values.slice(-third)]
}

/** `a, b and c`. */
export const listText = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
