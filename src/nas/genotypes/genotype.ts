/**
 * The cell that a search has found: one value for both families of spaces, read and written in the notations of the
 * field.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { quoted } from '../../formats/error.js'
import { type InputError, inputError } from '../errors.js'
import { OPERATIONS } from '../space/operations.js'
import { type CellType, nb201, type Space } from '../space/space.js'

/** An edge that was chosen: its operation, and the node whose value it takes. */
export interface ChosenEdge {
  readonly operation: string
  readonly from: number
}

/** What each node adds up; the cell's inputs are numbered before the nodes. */
export type Cell = readonly (readonly ChosenEdge[])[]

/** A cell that concatenates some of its nodes: `concat` are their numbers. */
export interface ConcatCell {
  readonly nodes: Cell
  readonly concat: readonly number[]
}

/**
 * `nb201`: one cell, whose only input is node 0 and whose output is its last node, with an operation on each edge.
 * `darts`: a normal and a reduction cell with the inputs 0 and 1 (the cell before the last, the last), two edges a
 * node.
 */
export type Genotype =
  | { readonly family: 'nb201'; readonly nodes: Cell }
  | { readonly family: 'darts'; readonly normal: ConcatCell; readonly reduce: ConcatCell }

/** Inputs of a cell. */
export const INPUTS = { nb201: 1, darts: 2 } as const

/** The cells of a genotype, by their names in its space. */
export const cellsOf = (genotype: Genotype): Readonly<Record<string, Cell>> =>
  genotype.family === 'nb201'
    ? { alpha: genotype.nodes }
    : { normal: genotype.normal.nodes, reduce: genotype.reduce.nodes }

/** How often each operation was chosen in a cell, those never chosen included. */
export const operationCounts = (operations: readonly string[], cell: Cell): Readonly<Record<string, number>> =>
  Object.fromEntries(operations.map(name => [name, cell.flat().filter(({ operation }) => operation === name).length]))

/** Operations whose result does not depend on what they are given. */
export const SEVERING: readonly string[] = ['none', 'noise']

/** Whether the output of every cell depends on its input: reached by operations other than `none` and `noise`. */
export const isConnected = (genotype: Genotype): boolean => {
  const inputs = INPUTS[genotype.family]
  const reached = (cell: Cell, node: number): boolean =>
    node < inputs ||
    (cell[node - inputs] ?? []).some(({ operation, from }) => !SEVERING.includes(operation) && reached(cell, from))
  return genotype.family === 'nb201'
    ? reached(genotype.nodes, genotype.nodes.length)
    : [genotype.normal, genotype.reduce].every(({ nodes, concat }) => concat.some(node => reached(nodes, node)))
}

const formatPairs = (nodes: Cell): string =>
  `[${nodes
    .flat()
    .map(({ operation, from }) => `('${operation}', ${from})`)
    .join(', ')}]`

const formatConcat = (nodes: readonly number[]): string => {
  const first = nodes[0] as number
  return nodes.every((node, i) => node === first + i)
    ? `range(${first}, ${first + nodes.length})`
    : `[${nodes.join(', ')}]`
}

/**
 * The text of a genotype: `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`, a group for each node, as in NAS-Bench-201, or
 * `Genotype(normal=[('op', 1), ...], normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6))`, as in DARTS.
 */
export const formatGenotype = (genotype: Genotype): string => {
  if (genotype.family === 'nb201')
    return genotype.nodes
      .map(node => `|${node.map(({ operation, from }) => `${operation}~${from}|`).join('')}`)
      .join('+')
  const fields = Object.entries({ normal: genotype.normal, reduce: genotype.reduce }).map(
    ([name, { nodes, concat }]) => `${name}=${formatPairs(nodes)}, ${name}_concat=${formatConcat(concat)}`
  )
  return `Genotype(${fields.join(', ')})`
}

const BENCH_FORM = 'write it like |op~0|+|op~0|op~1|+|op~0|op~1|op~2|'
const DARTS_FORM =
  "write it like Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ...], normal_concat=range(2, 6), " +
  'reduce=[...], reduce_concat=range(2, 6))'

const refuse = (wanted: string, got: string, cure: string): E.Either<InputError, never> =>
  E.left(inputError(`a genotype with ${wanted}`, got, cure))

/** A text as it is quoted in a sentence: on one line. */
const quote = (text: string): string => {
  const line = text.trim().replace(/\s+/g, ' ')
  return line === '' ? 'nothing' : quoted(line)
}

/** What a sticky pattern matches from the start, one after another, and what is left. */
const sequence = (
  pattern: RegExp,
  text: string
): { readonly found: readonly RegExpExecArray[]; readonly rest: string } => {
  const found = [...text.matchAll(pattern)]
  return { found, rest: text.slice(found.reduce((length, [match]) => length + match.length, 0)) }
}

const known = (operations: readonly string[], name: string, where: string): E.Either<InputError, string> =>
  operations.includes(name)
    ? E.right(name)
    : refuse(`operations among ${operations.join(', ')}`, `'${name}' in ${where}`, 'correct the name')

/** `('op', 1), ('op', 0), ...`: two for each node, whose sources are the inputs 0 and 1 and the nodes before it. */
const parsePairs = (name: string, text: string): E.Either<InputError, Cell> => {
  const { found, rest } = sequence(/\s*\(\s*(['"])(\w*)\1\s*,\s*(\d+)\s*,?\s*\)\s*(?:,\s*|$)/gy, text)
  if (rest !== '') return refuse(`pairs like ('sep_conv_3x3', 1) in ${name}`, quote(rest), DARTS_FORM)
  if (found.length === 0 || found.length % 2 !== 0)
    return refuse(`two pairs for each node in ${name}`, `${found.length} pairs`, 'give pairs 2i and 2i + 1 to node i')
  return pipe(
    found,
    E.traverseReadonlyArrayWithIndex((i, [, , operation, source]) => {
      const [where, sources, from] = [`pair ${i + 1} of ${name}`, Math.floor(i / 2) + INPUTS.darts, Number(source)]
      return pipe(
        known(Object.keys(OPERATIONS), operation as string, where),
        E.chain(chosen =>
          from < sources
            ? E.right<InputError, ChosenEdge>({ operation: chosen, from })
            : refuse(
                `sources 0 to ${sources - 1} in ${where}, which belongs to node ${sources}`,
                `${from}`,
                'take an input (0, 1) or a node before it'
              )
        )
      )
    }),
    E.map(choices => Array.from({ length: choices.length / 2 }, (_, i) => choices.slice(2 * i, 2 * i + 2)))
  )
}

/** `range(2, 6)` or `[2, 3, 4, 5]`: distinct nodes that exist. */
const parseConcat = (name: string, text: string, nodes: number): E.Either<InputError, readonly number[]> => {
  const [first, end] = [INPUTS.darts, INPUTS.darts + nodes]
  const range = /^range\s*\(\s*(\d+)\s*,\s*(\d+)\s*,?\s*\)$/.exec(text)
  const { found, rest } = sequence(/\s*(\d+)\s*(?:,\s*|$)/gy, text.replace(/^\[|\]$/g, ''))
  if (!range && rest !== '') return refuse(`${name} like range(2, 6) or [2, 3, 4, 5]`, quote(text), DARTS_FORM)
  // A range is not written out before its ends are known to be nodes.
  const ends = range ? [Number(range[1]), Number(range[2]) - 1] : found.map(([, node]) => Number(node))
  const wrong = ends.find(node => node < first || node >= end)
  if (wrong !== undefined)
    return refuse(
      `nodes ${first} to ${end - 1} in ${name}, as there are pairs for`,
      quote(text),
      `leave out ${wrong}, which does not exist or is an input`
    )
  const concat = range
    ? Array.from({ length: Number(range[2]) - Number(range[1]) }, (_, i) => Number(range[1]) + i)
    : ends
  return concat.length > 0 && new Set(concat).size === concat.length
    ? E.right(concat)
    : refuse(`one or more distinct nodes in ${name}`, quote(text), DARTS_FORM)
}

const FIELDS = ['normal', 'normal_concat', 'reduce', 'reduce_concat'] as const

const parseDarts = (text: string): E.Either<InputError, Genotype> => {
  const body = /^Genotype\s*\((.*)\)$/s.exec(text)?.[1]
  if (body === undefined) return refuse('a closing bracket', quote(text.slice(-60)), DARTS_FORM)
  const { found, rest } = sequence(/\s*(\w+)\s*=\s*(\[[^\]]*\]|range\s*\([^)]*\))\s*(?:,\s*|$)/gy, body)
  const names = found.map(([, name]) => name as string)
  if (rest !== '') return refuse('fields like normal=[...] or normal_concat=range(2, 6)', quote(rest), DARTS_FORM)
  if (names.toSorted().join() !== FIELDS.join())
    return refuse(`the fields ${FIELDS.join(', ')}`, names.join(', ') || 'none', 'give each once')
  const field = (name: string): string => found[names.indexOf(name)]?.[2] as string
  const cell = (name: string): E.Either<InputError, ConcatCell> =>
    pipe(
      parsePairs(name, field(name).replace(/^\[|\]$/g, '')),
      E.bindTo('nodes'),
      E.bind('concat', ({ nodes }) => parseConcat(`${name}_concat`, field(`${name}_concat`), nodes.length))
    )
  return pipe(
    cell('normal'),
    E.bindTo('normal'),
    E.bind('reduce', () => cell('reduce')),
    E.map(cells => ({ family: 'darts', ...cells }))
  )
}

/** A group for each node of a cell, an operation for each of its edges. */
const parseBench = ({ inputs, nodes, edges }: CellType, text: string): E.Either<InputError, Genotype> => {
  const groups = text.split('+').map(group => group.trim())
  if (groups.length !== nodes)
    return refuse(`${nodes} groups joined by +, one for each node`, `${groups.length} in ${quote(text)}`, BENCH_FORM)
  return pipe(
    groups,
    E.traverseReadonlyArrayWithIndex((i, group) => {
      const where = `group ${i + 1}`
      const incoming = edges.filter(({ to }) => to === inputs + i)
      const { found, rest } = sequence(/\s*(\w+)~(\d+)\s*\|/gy, group.slice(1))
      if (!group.startsWith('|') || rest !== '')
        return refuse(`entries |op~source| in ${where}`, quote(group), BENCH_FORM)
      const [wanted, got] = [incoming.map(({ from }) => `${from}`), found.map(([, , from]) => from as string)]
      if (wanted.join() !== got.join())
        return refuse(
          `an operation from each of the nodes ${wanted.join(', ')} in ${where}`,
          got.join(', '),
          BENCH_FORM
        )
      return pipe(
        incoming,
        E.traverseReadonlyArrayWithIndex((n, { from, operations }) =>
          pipe(
            known(operations, found[n]?.[1] as string, where),
            E.map(operation => ({ operation, from }))
          )
        )
      )
    }),
    E.map(cells => ({ family: 'nb201', nodes: cells }))
  )
}

/**
 * The genotype of a text in either notation. Also accepted: `[2, 3, 4, 5]` for a range, double quotes, any white space.
 * Left, in one sentence, for what is no genotype: an unknown operation, a node that does not exist, a wrong count.
 * `space` is what a text in groups must fit.
 * @example parseGenotype('|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|')
 */
export const parseGenotype = (text: string, space: Space = nb201): E.Either<InputError, Genotype> => {
  const trimmed = text.trim()
  if (trimmed.startsWith('Genotype')) return parseDarts(trimmed)
  if (trimmed.startsWith('|')) return parseBench(Object.values(space.cells)[0] as CellType, trimmed)
  return E.left(inputError('a genotype of NAS-Bench-201 or of DARTS', quote(text), `${BENCH_FORM}, or ${DARTS_FORM}`))
}
