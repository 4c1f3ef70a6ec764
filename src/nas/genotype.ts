/** The cell that a search has found: chosen operations as a value, read off alpha, written and read in the field's notation. */
import * as E from 'fp-ts/lib/Either.js'
import type { Space } from './space.js'

/** The operation of each edge, in the order of the space's edges. */
export type Genotype = readonly string[]

/** A text that is no genotype: one sentence. */
export interface GenotypeError {
  readonly _tag: 'GenotypeError'
  readonly message: string
}

const rows = ({ edges, operations }: Space, alpha: ArrayLike<number>): readonly (readonly number[])[] =>
  edges.map((_, edge) => operations.map((_operation, o) => alpha[edge * operations.length + o] as number))

/** softmax(alpha), row by row. */
export const mixtureRows = (space: Space, alpha: ArrayLike<number>): readonly (readonly number[])[] =>
  rows(space, alpha).map(row => {
    const powers = row.map(a => Math.exp(a - Math.max(...row)))
    const total = powers.reduce((sum, power) => sum + power, 0)
    return powers.map(power => power / total)
  })

/** The operation with the largest alpha on each edge, `none` allowed; a tie goes to the lower column. */
export const genotypeOf = (space: Space, alpha: ArrayLike<number>): Genotype =>
  rows(space, alpha).map(row => space.operations[row.indexOf(Math.max(...row))] as string)

/** The strength of each edge: the largest entry of its mixture. */
export const strengthsOf = (space: Space, alpha: ArrayLike<number>): readonly number[] =>
  mixtureRows(space, alpha).map(row => Math.max(...row))

/** How often each operation was chosen, those never chosen included. */
export const operationCounts = (space: Space, genotype: Genotype): Readonly<Record<string, number>> =>
  Object.fromEntries(space.operations.map(name => [name, genotype.filter(chosen => chosen === name).length]))

/** Whether the last node can be reached from the first by edges other than `none`. */
export const isConnected = ({ edges, nodes }: Space, genotype: Genotype): boolean => {
  const reached = (node: number): boolean =>
    node === 0 || edges.some(([to, from], edge) => to === node && genotype[edge] !== 'none' && reached(from))
  return reached(nodes - 1)
}

/** The text of NAS-Bench-201: `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`, a group for each node. */
export const formatGenotype = ({ edges, nodes }: Space, genotype: Genotype): string =>
  Array.from({ length: nodes - 1 }, (_, i) => i + 1)
    .map(node => `|${edges.flatMap(([to, from], edge) => (to === node ? [`${genotype[edge]}~${from}|`] : [])).join('')}`)
    .join('+')

const refuse = (wanted: string, got: string): E.Either<GenotypeError, never> =>
  E.left({
    _tag: 'GenotypeError',
    message: `A genotype needs ${wanted}, but got ${got}: write it like |op~0|+|op~0|op~1|+|op~0|op~1|op~2|.`
  })

/** The genotype of a text, which must name one known operation for each edge of the space. */
export const parseGenotype = (space: Space, text: string): E.Either<GenotypeError, Genotype> => {
  const groups = text.trim().split('+')
  if (groups.length !== space.nodes - 1) return refuse(`${space.nodes - 1} groups joined by +`, `${groups.length} in '${text}'`)
  const parts = groups.flatMap((group, i) =>
    group
      .replace(/^\||\|$/g, '')
      .split('|')
      .map(entry => ({ entry, to: i + 1, parsed: /^(\w+)~(\d+)$/.exec(entry) }))
  )
  const broken = parts.find(({ parsed }) => !parsed)
  if (broken) return refuse('entries like op~source', `'${broken.entry}'`)
  const unknown = parts.find(({ parsed }) => !space.operations.includes(parsed?.[1] as string))
  if (unknown) return refuse(`operations among ${space.operations.join(', ')}`, `'${unknown.parsed?.[1]}'`)
  const wanted = space.edges.map(([to, from]) => `${to}<-${from}`)
  const got = parts.map(({ to, parsed }) => `${to}<-${parsed?.[2]}`)
  if (wanted.join() !== got.join()) return refuse(`the edges ${wanted.join(' ')}`, got.join(' '))
  return E.right(parts.map(({ parsed }) => parsed?.[1] as string))
}
