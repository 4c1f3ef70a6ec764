/**
 * A run as a value: what its folder tells, read back and checked. Reports and verdicts are made from it. Numbers that
 * are not finite are null in JSON; here they are NaN.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts/lib/index.js'
import { SearchConfig } from '../configuration/options.js'
import { type InputError, inputError } from '../errors.js'
import { METRICS, type Metric } from '../method/bilevel.js'
import type { DecisionEvent } from '../selection/selection.js'
import type { TuningEvent } from '../selection/tuning.js'
import { SPACES, type Space } from '../space/space.js'
import { decodeJson, decodeValue, parseSpace } from '../space/spacefile.js'
import type { CompiledEvent, StepEvent } from './events.js'
import { StepProfile } from './profile.js'

const number = new t.Type<number, number | null, unknown>(
  'a number',
  t.number.is,
  (value, context) => (value === null ? t.success(Number.NaN) : t.number.validate(value, context)),
  t.identity
)
const text = t.string
const byName = <C extends t.Mixed>(codec: C) => t.readonly(t.record(t.string, codec))
const listOf = <C extends t.Mixed>(codec: C) => t.readonlyArray(codec)
const orNull = <C extends t.Mixed>(codec: C) => t.union([codec, t.null])
/** A type of numbers by their names. */
const numbers = <K extends string>(names: readonly K[]) =>
  t.readonly(t.type(Object.fromEntries(names.map(name => [name, number])) as Readonly<Record<K, typeof number>>))

const Compiled = t.intersection([
  t.type({ type: t.literal('compiled'), backend: text }),
  numbers(['seconds', 'nodes', 'calls', 'flops', 'peakBytes', 'lowerBoundBytes', 'pipelines'])
])

const Step = t.intersection([
  t.type({ type: t.literal('step') }),
  numbers(['epoch', 'step', 'steps']),
  numbers<Metric>(METRICS)
])

const EdgeMixture = t.intersection([
  numbers(['from', 'to', 'entropy', 'largest', 'margin']),
  t.readonly(t.type({ weights: byName(number) }))
])
const Mixtures = byName(listOf(EdgeMixture))

/** What a table of NAS-Bench-201 says of a cell, by column. */
const Score = byName(
  t.intersection([
    numbers(['accuracy', 'rank', 'percentile', 'regret']),
    t.readonly(t.type({ isomorphic: t.readonly(t.tuple([number, number])) }))
  ])
)

const EPOCH_NUMBERS = [
  ...['epoch', 'epochs', 'steps', 'trainLoss', 'validLoss', 'trainAccuracy', 'validAccuracy', 'lambdaTrain'],
  ...['lambdaValid', 'gradientNorm', 'regulariserNorm', 'learningRate', 'lambda']
] as const

const EpochSummaryCodec = t.intersection([
  numbers(EPOCH_NUMBERS),
  t.readonly(
    t.type({
      genotype: text,
      cosines: byName(listOf(number)),
      mixtures: Mixtures,
      operations: byName(byName(number)),
      eigenvalue: orNull(numbers(['largest', 'residual'])),
      quotient: orNull(numbers(['error', 'cosine', 'norm', 'exactNorm', 'reluFlips', 'poolFlips'])),
      alpha: byName(listOf(number))
    })
  )
])

/** An epoch of a search with its seconds since the start and, where a table was given, the score of its cell. */
export const EpochRecord = t.intersection([
  t.type({ type: t.literal('epoch') }),
  numbers(['seconds']),
  EpochSummaryCodec,
  t.partial({ score: Score })
])
export type EpochRecord = t.TypeOf<typeof EpochRecord>

const Candidate = t.readonly(
  t.type({ from: number, operation: orNull(text), accuracy: orNull(number), loss: orNull(number), magnitude: number })
)
const Decision: t.Type<DecisionEvent, unknown, unknown> = t.readonly(
  t.type({
    type: t.literal('decision'),
    epoch: number,
    kind: t.keyof({ operation: null, inputs: null }),
    cell: text,
    to: number,
    candidates: listOf(Candidate),
    outcome: t.readonly(t.type({ from: number, operation: orNull(text) }))
  })
)

const Tuning = t.intersection([
  t.type({ type: t.literal('tuning') }),
  numbers(['epoch', 'trainLoss', 'validLoss', 'trainAccuracy', 'validAccuracy'])
])

/** Whether something is good news, a reason to doubt the cell, or one to discard it. */
const Tone = t.keyof({ good: null, doubt: null, bad: null })
export type Tone = t.TypeOf<typeof Tone>

/** One thing that a verdict found: a sentence, and what to do where something can be done. */
export const Finding = t.readonly(t.type({ kind: text, tone: Tone, sentence: text, cure: orNull(text) }))
export type Finding = t.TypeOf<typeof Finding>

const MarginCodec = t.intersection([
  numbers(['from', 'to', 'weight', 'uniform']),
  t.readonly(t.type({ kept: t.boolean, chosen: text, runnerUp: orNull(text), runnerUpWeight: orNull(number) }))
])

/** What a search came to, for a person: whether to trust its cell, and why. */
export const Verdict = t.readonly(
  t.type({ tone: Tone, headline: text, findings: listOf(Finding), margins: byName(listOf(MarginCodec)) })
)
export type Verdict = t.TypeOf<typeof Verdict>

const Stopped = t.union([
  t.readonly(t.type({ reason: t.literal('interrupted') })),
  t.readonly(t.type({ reason: t.literal('non-finite'), message: text })),
  t.null
])

const Adapter = t.readonly(
  t.type({ name: text, vendor: text, architecture: text, backend: text, software: t.boolean, subgroupSize: number })
)

/** What a cell drawn at random reaches, by column of a table of NAS-Bench-201: exact, over all cells. */
export const Random = byName(numbers(['cells', 'mean', 'median', 'best']))
export type Random = t.TypeOf<typeof Random>

/** A cell that was trained from scratch, and what share of the test images it gets right; `stopped`: not finite. */
export const Trained = t.readonly(t.type({ genotype: text, testAccuracy: number, stopped: t.boolean }))
export type Trained = t.TypeOf<typeof Trained>

/** With `--baseline`: the found cell and random cells of its space, trained alike; `wanted`: how many were asked for. */
export const Baseline = t.readonly(
  t.type({ wanted: number, epochs: number, channels: number, found: orNull(Trained), random: listOf(Trained) })
)
export type Baseline = t.TypeOf<typeof Baseline>

/** The result of a search as `summary.json` has it. */
export const Summary = t.intersection([
  t.readonly(
    t.type({
      genotype: text,
      connected: t.boolean,
      operations: byName(byName(number)),
      cells: byName(listOf(listOf(t.readonly(t.type({ operation: text, from: number }))))),
      mixtures: Mixtures,
      lastEpoch: orNull(EpochSummaryCodec),
      stopped: Stopped,
      verdict: Verdict,
      config: SearchConfig,
      /** The arguments of the command line: of that which ended the run, where it was resumed. */
      command: listOf(text),
      /** Of this package, and of what it ran on. */
      version: text,
      versions: t.readonly(t.type({ node: text, webgpu: text })),
      adapter: t.union([t.literal('reference'), Adapter])
    })
  ),
  numbers(['testAccuracy', 'testImages', 'epochsDone', 'stepsDone', 'seconds']),
  t.partial({ score: Score, random: Random, baseline: Baseline })
])
export type Summary = t.TypeOf<typeof Summary>

/** A run as its folder tells it: what a report draws, and what a verdict is given again. */
export interface RunRecord {
  /** The last part of its folder. */
  readonly name: string
  readonly config: SearchConfig
  readonly space: Space
  /** Null where the run ended before its step was compiled. */
  readonly compiled: CompiledEvent | null
  readonly steps: readonly StepEvent[]
  readonly epochs: readonly EpochRecord[]
  readonly decisions: readonly DecisionEvent[]
  readonly tunings: readonly TuningEvent[]
  /** Null where no epoch was the last, or the folder is of an earlier version. */
  readonly profile: StepProfile | null
  /** Null while it runs, or where it ended without one. */
  readonly summary: Summary | null
}

/** The texts of a run folder's files: those that are not there are undefined. */
export interface RunFiles {
  readonly config: string
  readonly events: string
  readonly summary?: string | undefined
  readonly space?: string | undefined
  readonly profile?: string | undefined
}

type LoggedEvent = CompiledEvent | StepEvent | EpochRecord | DecisionEvent | TuningEvent

const EVENTS: Readonly<Record<LoggedEvent['type'], t.Decoder<unknown, LoggedEvent>>> = {
  compiled: Compiled,
  step: Step,
  epoch: EpochRecord,
  decision: Decision,
  tuning: Tuning
}
const Typed = t.type({ type: t.keyof(EVENTS) }, 'an event of a search')

const CURE = 'it was altered or is of another version: run the search again'

/** Each line that is whole; the last one may be under way. */
const decodeEvents = (content: string): E.Either<InputError, readonly LoggedEvent[]> =>
  pipe(
    content.split('\n').slice(0, -1),
    E.traverseReadonlyArrayWithIndex((i, line) => {
      const what = `line ${i + 1} of events.jsonl`
      return pipe(
        line,
        decodeJson(Typed, what, CURE),
        E.chain(event => decodeValue(EVENTS[event.type], what, CURE)(event))
      )
    })
  )

const optional = <A>(codec: t.Decoder<unknown, A>, name: string, content: string | undefined) =>
  content === undefined ? E.right<InputError, A | null>(null) : decodeJson(codec, name, CURE)(content)

/** The space of a configuration: one of those that are known by name, or the one that the folder holds. */
const spaceOf = ({ space }: SearchConfig, content: string | undefined): E.Either<InputError, Space> => {
  if (content !== undefined) return parseSpace(content)
  return Object.hasOwn(SPACES, space)
    ? E.right(SPACES[space] as Space)
    : E.left(inputError(`the file space.json beside a config.json of the space '${space}'`, 'none', CURE))
}

/**
 * A run from the texts of its files. `name`: the last part of its folder. Left, with file and line, for what is none.
 *
 * @example decodeRun('darts', { config: JSON.stringify(PRESETS.digits), events: '' })._tag // 'Right'
 */
export const decodeRun = (
  name: string,
  { config, events, summary, space, profile }: RunFiles
): E.Either<InputError, RunRecord> =>
  pipe(
    E.Do,
    E.bind('config', () => decodeJson(SearchConfig, 'config.json', CURE)(config)),
    E.bind('space', ({ config: of }) => spaceOf(of, space)),
    E.bind('told', () => decodeEvents(events)),
    E.bind('summary', () => optional(Summary, 'summary.json', summary)),
    E.bind('profile', () => optional(StepProfile, 'profile.json', profile)),
    E.map(({ told, ...rest }) => {
      const of = <K extends LoggedEvent['type']>(type: K) =>
        told.filter((event): event is Extract<LoggedEvent, { readonly type: K }> => event.type === type)
      return {
        name,
        ...rest,
        compiled: of('compiled')[0] ?? null,
        steps: of('step'),
        epochs: of('epoch'),
        decisions: of('decision'),
        tunings: of('tuning')
      }
    })
  )
