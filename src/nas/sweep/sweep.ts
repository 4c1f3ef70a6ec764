/** A sweep: configurations times seeds, read from a JSON file, and what distinguishes two of them. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts/lib/index.js'
import { isRead } from '../configuration/config.js'
import { OPTIONS, PRESETS, type SearchConfig } from '../configuration/options.js'
import { type InputError, inputError } from '../errors.js'
import { decodeJson, quote } from '../space/spacefile.js'

/** An option that a configuration may set: its key, its flag (`--channels`), and the type of its values. */
export interface KnownOption {
  readonly key: string
  readonly flag: string
  readonly type: 'string' | 'number' | 'boolean'
}

/** Options by their keys, as in `config.json`. */
export type Options = Readonly<Record<string, string | number | boolean>>

/** A named set of options, run with each seed. */
export interface Configuration {
  readonly name: string
  readonly options: Options
}

/** A sweep, as it is written to `sweep.json`. */
export interface Sweep {
  readonly configurations: readonly Configuration[]
  readonly seeds: readonly number[]
  /** The configuration that the others are compared with. */
  readonly baseline: string | null
  /** Cells that a random search would have trained, where a table says what they reach. */
  readonly random: { readonly cells: number } | null
}

/** One search of a sweep. */
export interface Run {
  /** `fd-seed0`: the name of its folder. */
  readonly name: string
  readonly configuration: string
  readonly seed: number
  readonly options: Options
}

const wholeFrom = (least: number, most: number): t.Type<number, number, unknown> => {
  const is = (value: unknown): value is number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most
  return new t.Type<number, number, unknown>(
    `a whole number of ${least} to ${most}`,
    is,
    (value, context) => (is(value) ? t.success(value) : t.failure(value, context)),
    t.identity
  )
}
const value = t.union([t.string, t.number, t.boolean], 'a text, a number, true or false')
const options = t.readonly(t.record(t.string, value, 'options by name'), 'options by name')
const values = t.readonlyArray(value, 'a list of values')

/** What a file may hold; all of it but the seeds has a default. */
const SweepFile = t.readonly(
  t.intersection([
    t.strict({ seeds: t.readonlyArray(wholeFrom(0, Number.MAX_SAFE_INTEGER), 'a list of seeds') }),
    t.exact(
      t.partial({
        base: options,
        grid: t.readonly(t.record(t.string, values, 'lists of values by option'), 'lists of values by option'),
        list: t.readonlyArray(options, 'a list of configurations { name, options }'),
        baseline: t.string,
        random: t.union([t.boolean, t.strict({ cells: wholeFrom(1, 1000) })], 'true, false or { cells } of 1 to 1000')
      })
    )
  ]),
  'a sweep { base, grid, list, seeds, baseline, random }'
)
type SweepFile = t.TypeOf<typeof SweepFile>
const SWEEP_KEYS = ['base', 'grid', 'list', 'seeds', 'baseline', 'random'] as const

/** Draws of a random search that is not told how many: 120 epochs of training, by 12 epochs a cell. */
const USUAL_CELLS = 10
/** A test over more seeds than this would take a distribution of its own; a sweep of more runs is a mistake. */
const MOST_SEEDS = 256
const MOST_RUNS = 10_000

/**
 * The fewest insertions, deletions and replacements that make one text of another (Levenshtein), a row of the table at
 * a time.
 */
const editDistance = (a: string, b: string): number =>
  [...a]
    .reduce<readonly number[]>(
      (above, letter) =>
        [...b].reduce<readonly number[]>(
          (row, other, j) =>
            row.concat(
              Math.min(
                (row[j] as number) + 1,
                (above[j + 1] as number) + 1,
                (above[j] as number) + (letter.toLowerCase() === other.toLowerCase() ? 0 : 1)
              )
            ),
          [(above[0] as number) + 1]
        ),
      Array.from({ length: b.length + 1 }, (_, j) => j)
    )
    .at(-1) as number

/** The known name that is nearest to one that is not. */
const nearest = (name: string, known: readonly string[]): string | undefined =>
  known
    .map(other => ({ other, distance: editDistance(name.slice(0, 60), other) }))
    .toSorted((a, b) => a.distance - b.distance)[0]?.other

const unknownName = (what: string, name: string, known: readonly string[]): InputError =>
  inputError(what, quote(name), `perhaps '${nearest(name, known)}' is meant`)

/** The first option that a search has not, or whose value is of another type. */
const optionProblem = (where: string, given: Options, known: readonly KnownOption[]): InputError | undefined => {
  const problems = Object.entries(given).flatMap(([key, one]) => {
    const option = known.find(other => other.key === key)
    if (key === 'seed') return [inputError(`the seeds of the sweep in "seeds"`, `"seed" in ${where}`, 'move it there')]
    if (!option) return [unknownName(`options of a search in ${where}`, key, [...known.map(other => other.key)])]
    return typeof one === option.type
      ? []
      : [inputError(`a ${option.type} as "${key}" in ${where}`, quote(one), 'write it as config.json has it')]
  })
  return problems[0]
}

/** All ways to take a value of each list, the last list the fastest. */
const product = (grid: Readonly<Record<string, readonly (string | number | boolean)[]>>): readonly Options[] =>
  Object.entries(grid).reduce<readonly Options[]>(
    (rows, [key, list]) => rows.flatMap(row => list.map(one => ({ ...row, [key]: one }))),
    [{}]
  )

/** What of an option's value tells in a name: a text by itself, others with their key. */
const nameOfValue = ([key, one]: readonly [string, string | number | boolean]): string => {
  if (typeof one === 'boolean') return one ? key : `no-${key}`
  return typeof one === 'number' ? `${key}${one}` : one
}

/** Options without those that their method does not read: a grid crosses methods with the options of others. */
const withoutUnread = (given: Options, all: Options): Options => {
  const preset = Object.entries(PRESETS).find(([name]) => name === (all['preset'] ?? 'digits'))?.[1] ?? PRESETS.digits
  const config: SearchConfig = { ...preset, ...all }
  return Object.fromEntries(Object.entries(given).filter(([key]) => isRead(key, config)))
}

/** The configurations of a grid: combinations that differ in nothing that their method reads are one. */
const gridConfigurations = ({ base = {}, grid = {} }: SweepFile): readonly Configuration[] => {
  const all = Object.keys(grid).length === 0 ? [] : product(grid)
  const made = all.map(given => {
    const read = withoutUnread(given, { ...base, ...given })
    const name = Object.entries(read).map(nameOfValue).join('-')
    return {
      name: name.replaceAll(/[^\w.+-]/g, '_'),
      options: { ...withoutUnread(base, { ...base, ...given }), ...read }
    }
  })
  const texts = made.map(({ options: one }) => JSON.stringify(one))
  return made.filter((_, i) => texts.indexOf(texts[i] as string) === i)
}

const listConfigurations = ({ base = {}, list = [] }: SweepFile): readonly Configuration[] =>
  list.map(({ name, ...given }) => ({
    name: String(name),
    options: { ...withoutUnread(base, { ...base, ...given }), ...given }
  }))

const NAME = /^[A-Za-z0-9][\w.+-]{0,99}$/

/** The first thing that no type says of a sweep's file. */
const fileProblem = (file: SweepFile, known: readonly KnownOption[]): InputError | undefined => {
  const { base = {}, grid = {}, list = [], seeds } = file
  const unnamed = list.findIndex(({ name }) => typeof name !== 'string' || !NAME.test(name))
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) !== i)
  const empty = Object.entries(grid).find(([, one]) => one.length === 0)
  const combinations = Object.values(grid).reduce((count, one) => count * one.length, 1)
  const rows = Object.entries(grid).flatMap(([key, one]) => one.map(of => ({ [key]: of })))
  const ofOptions = [
    optionProblem('"base"', base, known),
    ...rows.map(row => optionProblem('"grid"', row, known)),
    ...list.map(({ name: _, ...given }, i) => optionProblem(`"list", entry ${i + 1}`, given, known))
  ]
  if (seeds.length === 0 || seeds.length > MOST_SEEDS)
    return inputError(`1 to ${MOST_SEEDS} seeds`, String(seeds.length), 'correct "seeds"')
  if (twice !== undefined) return inputError('each seed once', `${twice} twice`, 'leave one out')
  if (combinations > MOST_RUNS)
    return inputError(`at most ${MOST_RUNS} combinations in "grid"`, String(combinations), 'leave some out')
  if (empty) return inputError(`one or more values of "${empty[0]}" in "grid"`, 'none', 'add one, or leave it out')
  if (unnamed >= 0)
    return inputError(
      'a name of letters, digits and . _ + - for each configuration of "list"',
      `${quote(list[unnamed]?.['name'])} in entry ${unnamed + 1}`,
      'give it one'
    )
  return ofOptions.find(problem => problem !== undefined)
}

/** The sweep of a file, or what is wrong with its configurations as a whole. */
const sweepOf = (file: SweepFile): E.Either<InputError, Sweep> => {
  const configurations = [...gridConfigurations(file), ...listConfigurations(file)]
  const names = configurations.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  const bad = names.find(name => !NAME.test(name))
  const { seeds, baseline = null, random = false } = file
  if (names.length === 0)
    return E.left(inputError('one or more configurations', 'neither "grid" nor "list"', 'add one of them'))
  if (twice !== undefined)
    return E.left(inputError('configurations of distinct names', `'${twice}' twice`, 'name them in "list"'))
  if (bad !== undefined)
    return E.left(inputError('configurations whose names can be those of folders', quote(bad), 'name them in "list"'))
  if (names.length * seeds.length > MOST_RUNS)
    return E.left(inputError(`at most ${MOST_RUNS} runs`, String(names.length * seeds.length), 'leave some out'))
  if (baseline !== null && !names.includes(baseline))
    return E.left(
      unknownName(`"baseline" to be one of the configurations (${names.slice(0, 20).join(', ')})`, baseline, names)
    )
  const cells = typeof random === 'object' ? random.cells : USUAL_CELLS
  return E.right({ configurations, seeds, baseline, random: random === false ? null : { cells } })
}

/** Refuses what is no key of an object, with the nearest that is. */
const knownKeys = (text: string): E.Either<InputError, string> => {
  const parsed = E.toUnion(
    E.tryCatch(
      (): unknown => JSON.parse(text),
      () => null
    )
  )
  const keys = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? Object.keys(parsed) : []
  const unknown = keys.find(key => !(SWEEP_KEYS as readonly string[]).includes(key))
  return unknown === undefined
    ? E.right(text)
    : E.left(unknownName(`the keys ${SWEEP_KEYS.join(', ')} in a sweep`, unknown, SWEEP_KEYS))
}

/**
 * The sweep of a JSON text: the configurations of its grid, then those of its list, each with `base` below it. Left,
 * in one sentence, for what is none. `known` are the options that a search has; whether their values can be is not
 * asked here.
 *
 * @example
 * const known = [{ key: 'epochs', flag: '--epochs', type: 'number' }] as const
 * parseSweep(known)('{ "grid": { "epochs": [4, 12] }, "seeds": [0, 1] }')._tag // 'Right'
 */
export const parseSweep =
  (known: readonly KnownOption[]) =>
  (text: string): E.Either<InputError, Sweep> =>
    pipe(
      knownKeys(text),
      E.chain(decodeJson(SweepFile, 'a sweep')),
      E.chain(file => {
        const problem = fileProblem(file, known)
        return problem ? E.left(problem) : sweepOf(file)
      })
    )

/** The runs of a sweep, in its order. */
export const runsOf = ({ configurations, seeds }: Sweep): readonly Run[] =>
  configurations.flatMap(({ name, options: given }) =>
    seeds.map(seed => ({ name: `${name}-seed${seed}`, configuration: name, seed, options: given }))
  )

/**
 * The arguments of `search` that make a run, without its folder.
 *
 * @example
 * const options = [{ key: 'epochs', flag: '--epochs', type: 'number' }] as const
 * argumentsOf(options)({ seed: 0, options: { epochs: 1 } }) // ['--seed', '0', '--epochs', '1']
 */
export const argumentsOf =
  (known: readonly KnownOption[]) =>
  ({ seed, options: given }: Pick<Run, 'seed' | 'options'>): readonly string[] => [
    '--seed',
    String(seed),
    ...Object.entries(given).flatMap(([key, one]) => {
      const { flag } = known.find(option => option.key === key) as KnownOption
      if (typeof one === 'boolean')
        return one ? [flag] : OPTIONS.some(option => option.key === key) ? [flag.replace('--', '--no-')] : []
      return [flag, String(one)]
    })
  ]

/** What two sweeps differ in, a text each: `fd.epochs: 12 -> 13`. */
export const differences = (before: Sweep, after: Sweep): readonly string[] => {
  const common = (name: string): boolean =>
    [before, after].every(({ configurations }) => configurations.some(one => one.name === name))
  const facts = ({ configurations, seeds, baseline, random }: Sweep): Readonly<Record<string, string>> => ({
    ...Object.fromEntries(
      configurations.flatMap(({ name, options: given }) => [
        [name, 'there'],
        ...Object.entries(given).flatMap(([key, one]) => (common(name) ? [[`${name}.${key}`, String(one)]] : []))
      ])
    ),
    seeds: seeds.join(', '),
    baseline: baseline ?? 'none',
    random: random ? `${random.cells} cells` : 'none'
  })
  const [old, fresh] = [facts(before), facts(after)]
  return [...new Set([...Object.keys(old), ...Object.keys(fresh)])]
    .filter(key => old[key] !== fresh[key])
    .map(key => `${key}: ${old[key] ?? 'not there'} -> ${fresh[key] ?? 'not there'}`)
}
