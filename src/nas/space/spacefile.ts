/** A space that a user writes: what makes one whole, and its JSON. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts/lib/index.js'
import { quoted } from '../../formats/error.js'
import { type InputError, inputError } from '../errors.js'
import { OPERATIONS } from './operations.js'
import type { CellType, Edge, Space } from './space.js'

/** Why a space cannot be built, in the three parts of a refusal. */
export interface SpaceProblem {
  readonly wanted: string
  readonly got: string
  readonly cure: string
}

const whole = new t.Type<number, number, unknown>(
  'a whole number of at least 0',
  (value): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0,
  (value, context) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
      ? t.success(value)
      : t.failure(value, context),
  t.identity
)
const texts = t.readonlyArray(t.string, 'a list of texts')

const edge = t.readonly(t.strict({ from: whole, to: whole, operations: texts }, 'an edge { from, to, operations }'))
const cell = t.readonly(
  t.strict(
    {
      inputs: whole,
      nodes: whole,
      concat: t.readonlyArray(whole, 'a list of states'),
      edges: t.readonlyArray(edge, 'a list of edges')
    },
    'a cell { inputs, nodes, concat, edges }'
  )
)
const skeleton = t.union(
  [
    t.readonly(t.strict({ kind: t.literal('stages'), stages: whole })),
    t.readonly(t.strict({ kind: t.literal('layers'), stemMultiplier: whole }))
  ],
  "{ kind: 'stages', stages } or { kind: 'layers', stemMultiplier }"
)

/** The JSON of a space: the value itself. */
export const SpaceCodec = t.readonly(
  t.strict(
    {
      name: t.string,
      cells: t.readonly(t.record(t.string, cell, 'cells by kind'), 'cells by kind'),
      skeleton,
      normAfterPool: t.boolean
    },
    'a space { name, cells, skeleton, normAfterPool }'
  )
)

const edgeName = ({ from, to }: Pick<Edge, 'from' | 'to'>): string => `edge ${from} -> ${to}`

/** What is wrong with the operations of an edge, whose cell wants so many. */
const operationsProblem = (
  where: string,
  operations: readonly string[],
  count: number,
  family: string
): SpaceProblem | undefined => {
  const unknown = operations.find(name => !Object.hasOwn(OPERATIONS, name))
  if (unknown !== undefined)
    return {
      wanted: `operations among ${Object.keys(OPERATIONS).join(', ')} on ${where}`,
      got: `'${unknown}'`,
      cure: 'correct its name'
    }
  const twice = operations.find((name, o) => operations.indexOf(name) !== o)
  if (twice !== undefined)
    return { wanted: `each operation once on ${where}`, got: `'${twice}' twice`, cure: 'leave one out' }
  if (operations.length === 0 || (family === 'layers' && operations.every(name => name === 'none')))
    return {
      wanted: `an operation${family === 'layers' ? ' besides none' : ''} on ${where}`,
      got: operations.join(', ') || 'no operation',
      cure: 'add one'
    }
  if (operations.length !== count)
    return {
      wanted: `${count} operations on ${where}, as on the first edge of its cell`,
      got: `${operations.length} (${operations.join(', ')})`,
      cure: 'give all edges of a cell the same number'
    }
  return undefined
}

/** Edges grow with the square of the nodes. */
const MOST_NODES = 32

/** The first problem of a cell's states: its inputs, its nodes, and those that it concatenates. */
const statesProblem = (kind: string, { inputs, nodes, concat }: CellType, family: string): SpaceProblem | undefined => {
  const of = `of the cell '${kind}'`
  const wantedInputs = family === 'stages' ? 1 : 2
  if (inputs !== wantedInputs)
    return {
      wanted: `${wantedInputs} inputs ${of} in a network of ${family}`,
      got: `${inputs}`,
      cure: 'correct inputs'
    }
  if (nodes < 1 || nodes > MOST_NODES)
    return { wanted: `1 to ${MOST_NODES} nodes ${of}`, got: `${nodes}`, cure: 'correct nodes' }
  const states = inputs + nodes
  const outside = concat.find((state, i) => state < inputs || state >= states || concat.indexOf(state) !== i)
  if (concat.length === 0 || outside !== undefined)
    return {
      wanted: `one or more distinct nodes among ${inputs} to ${states - 1} in concat ${of}`,
      got: `[${concat.join(', ')}]`,
      cure: 'name the nodes that are the output'
    }
  if (family === 'stages' && concat.length > 1)
    return {
      wanted: `one node as the output ${of} in a network of stages`,
      got: `[${concat.join(', ')}]`,
      cure: 'name one, or use layers'
    }
  return undefined
}

/** The first problem of a cell's edges: all that there are, each with operations, and every node read. */
const edgesProblem = (
  kind: string,
  { inputs, nodes, concat, edges }: CellType,
  family: string
): SpaceProblem | undefined => {
  const of = `of the cell '${kind}'`
  // All edges that there are, in the order of alpha's rows.
  const wanted = Array.from({ length: nodes }, (_, i) => inputs + i).flatMap(to =>
    Array.from({ length: to }, (_, from) => ({ from, to }))
  )
  const [names, got] = [wanted.map(edgeName), edges.map(edgeName)]
  const missing = names.find(name => !got.includes(name))
  if (missing !== undefined)
    return { wanted: `the ${missing} ${of}`, got: 'none', cure: 'add it, if only with the operation none' }
  const extra = got.find((name, i) => !names.includes(name) || got.indexOf(name) !== i)
  if (extra !== undefined)
    return {
      wanted: `one edge from each state to each later node ${of}`,
      got: `${names.includes(extra) ? 'a second' : 'an'} ${extra}`,
      cure: 'leave it out'
    }
  const misplaced = names.findIndex((name, i) => got[i] !== name)
  if (misplaced >= 0)
    return {
      wanted: `the ${names[misplaced]} as number ${misplaced} ${of}`,
      got: `the ${got[misplaced]}`,
      cure: 'order edges by to, then by from'
    }
  const unreached = Array.from({ length: nodes }, (_, i) => inputs + i).find(
    node => !concat.includes(node) && !edges.some(({ from }) => from === node)
  )
  if (unreached !== undefined)
    return {
      wanted: `every node ${of} to lead to its output`,
      got: `node ${unreached}, which nothing reads`,
      cure: 'add it to concat'
    }
  return edges.reduce<SpaceProblem | undefined>(
    (found, one) =>
      found ??
      operationsProblem(`the ${edgeName(one)} ${of}`, one.operations, edges[0]?.operations.length ?? 0, family),
    undefined
  )
}

/** The first problem of a cell. */
const cellProblem = (kind: string, cell: CellType, family: string): SpaceProblem | undefined =>
  statesProblem(kind, cell, family) ?? edgesProblem(kind, cell, family)

/** The first reason why a space cannot be built; undefined if there is none. */
export const spaceProblem = ({ cells, skeleton: network }: Space): SpaceProblem | undefined => {
  const kinds = Object.keys(cells)
  if (kinds.toSorted().join() !== (network.kind === 'stages' ? 'alpha' : 'normal,reduce'))
    return {
      wanted:
        network.kind === 'stages'
          ? "one kind of cell, 'alpha', in a network of stages"
          : "the cells 'normal' and 'reduce' in a network of layers",
      got: kinds.map(kind => `'${kind}'`).join(', ') || 'none',
      cure: 'name the cells so'
    }
  const [name, value, most] =
    network.kind === 'stages' ? ['stages', network.stages, 16] : ['stemMultiplier', network.stemMultiplier, 1024]
  if (value < 1 || value > most) return { wanted: `${name} of 1 to ${most}`, got: `${value}`, cure: 'correct it' }
  return Object.entries(cells).reduce<SpaceProblem | undefined>(
    (found, [kind, one]) => found ?? cellProblem(kind, one, network.kind),
    undefined
  )
}

/** The top of a value: what is quoted of it may be nested deeper than anything that recurses can go. */
const topOf = (value: unknown, depth = 4): unknown => {
  if (typeof value !== 'object' || value === null) return value
  if (depth === 0) return '...'
  return Array.isArray(value)
    ? value.slice(0, 20).map(one => topOf(one, depth - 1))
    : Object.fromEntries(Object.entries(value).map(([key, one]) => [key, topOf(one, depth - 1)]))
}

/** A value as it is quoted in a sentence: bounded, control characters escaped. */
export const quote = (value: unknown): string => {
  const text = JSON.stringify(topOf(value)) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}

/** Longer names of codecs are those of all their fields. */
const MOST_NAME = 100

/** What a codec wants, in a few words. */
const wantedBy = ({ name }: { readonly name: string }): string => {
  if (name.length <= MOST_NAME) return name
  return /^(Readonly)?Array</.test(name) ? 'a list' : 'a record'
}

const USUAL_CURE = 'write it as docs/search.md shows'

/** The value that a codec takes; see `decodeJson`. */
export const decodeValue =
  <A>(codec: t.Decoder<unknown, A>, what: string, cure = USUAL_CURE) =>
  (json: unknown): E.Either<InputError, A> =>
    pipe(
      codec.decode(json),
      E.mapLeft(errors => {
        // Alternatives and parts of a type are asked after the same value: the whole of them is what was wanted of it.
        const context = errors[0]?.context ?? []
        const places = context.filter(({ actual }, i) => i === 0 || actual !== context[i - 1]?.actual)
        const path = places.map(({ key }) => key).filter(key => key !== '')
        const type = places.at(-1)?.type
        return inputError(
          `${type ? wantedBy(type) : what} at ${path.join('.') || 'the top'} of ${what.replace(/^an? /, 'the ')}`,
          quote(errors[0]?.value),
          cure
        )
      })
    )

/**
 * The value of a JSON text that a codec takes; `what` is told of the file, as in `a space`. Left names the first place
 * that is refused, and `cure` what to do.
 */
export const decodeJson =
  <A>(codec: t.Decoder<unknown, A>, what: string, cure = USUAL_CURE) =>
  (text: string): E.Either<InputError, A> =>
    pipe(
      E.tryCatch(
        (): unknown => JSON.parse(text),
        reason =>
          inputError(
            `${what} as JSON`,
            reason instanceof Error ? quoted(reason.message) : 'no JSON',
            'correct the file'
          )
      ),
      E.chain(decodeValue(codec, what, cure))
    )

/**
 * The space of a JSON text. Left, in one sentence that names the cell, the edge and the operation, for what is no
 * space.
 * @example parseSpace(JSON.stringify(nb201))._tag // 'Right'
 */
export const parseSpace = (text: string): E.Either<InputError, Space> =>
  pipe(
    text,
    decodeJson(SpaceCodec, 'a space'),
    E.chain(space => {
      const problem = spaceProblem(space)
      return problem ? E.left(inputError(problem.wanted, problem.got, problem.cure)) : E.right<InputError, Space>(space)
    })
  )
