/** Folds by vec4, and long ones in two steps. */
import { opOf } from '../op.js'
import { stretch } from '../regions.js'
import type { Call, Computes, Slot } from '../spec.js'
import {
  alongRow,
  different,
  LARGE,
  numbersOf,
  padded,
  powerOfTwo,
  turnsOf,
  unitOf,
  type Variant,
  type Variants,
  WORKGROUP
} from './variant.js'

/** The parts of a fold's call, by the names of `reduce.wgsl`. */
const foldOf = (call: Call) => {
  const { params, reads, constants = {} } = call
  const [kept, reduced, results] = ['KEPT', 'REDUCED', 'RESULTS'].map(name => constants[name]) as [
    number,
    number,
    number
  ]
  return {
    outputs: params[0] as number,
    count: params[1] as number,
    lanes: params[2] as number,
    kept: params.slice(4, 4 + kept),
    reduced: params.slice(8, 8 + reduced),
    /** Where the results of each of the folds side by side begin. */
    starts: params.slice(12, 12 + results),
    numbers: numbersOf(call),
    walks: reads.map((_, k) => {
      const start = 24 + 12 * k
      return {
        kept: params.slice(start, start + kept),
        reduced: params.slice(start + 4, start + 4 + reduced),
        offset: params[start + 8] as number
      }
    })
  }
}

type Parsed = ReturnType<typeof foldOf>
/** A fold as its uniform says it; operands that walk alike may share a walk. */
type Fold = Omit<Parsed, 'walks'> & { readonly walks: readonly Parsed['walks'][number][] }

const foldCall = (call: Call, { outputs, count, lanes, kept, reduced, starts, numbers, walks }: Fold): Call => ({
  ...call,
  constants: {
    KEPT: kept.length,
    REDUCED: reduced.length,
    RESULTS: starts.length,
    ...(lanes > WORKGROUP ? { SIZE: lanes } : {})
  },
  params: [
    ...[outputs, count, lanes, 0],
    ...[...padded(kept, 4), ...padded(reduced, 4)],
    ...[...padded(starts, 4), ...Array<number>(8).fill(0)],
    ...walks.flatMap(walk => [...padded(walk.kept, 4), ...padded(walk.reduced, 4), walk.offset, 0, 0, 0]),
    ...numbers
  ],
  workgroups: [Math.ceil((outputs * lanes) / Math.max(lanes, WORKGROUP)), 1, 1]
})

interface Cut {
  /** Fewer results than this leave workgroups idle; a fold at least so long is worth two calls. */
  readonly few: number
  readonly long: number
  readonly most: number
}
/** Elements that a part of a fold has at least. */
const PART = 1024

/**
 * Into how many parts, multiples of `unit`, an axis is cut, and how long each is: the last may be shorter, where no
 * number near `most` divides the axis.
 */
const cutOf = (extent: number, most: number, unit: number): { readonly parts: number; readonly each: number } => {
  const alike = Array.from({ length: most }, (_, i) => most - i).find(n => extent % (n * unit) === 0) ?? 1
  const each = alike > most / 2 ? extent / alike : Math.ceil(extent / most / unit) * unit
  return { parts: Math.ceil(extent / each), each }
}

/** How the parts of a long fold lie: `number` parts from `from` on, each of `length` indices of the outermost axis. */
interface Stretch {
  readonly from: number
  readonly number: number
  readonly length: number
}

/** The parts of an axis of this extent, in stretches of equal ones: the last part may be shorter. */
const stretchesOf = (extent: number, each: number): Stretch[] => {
  const full = Math.floor(extent / each)
  const rest = extent - full * each
  return [{ from: 0, number: full, length: each }, ...(rest > 0 ? [{ from: full, number: 1, length: rest }] : [])]
}

/** partial[j][from + p][i] = fold j of the stretch's part p alone, without what finishes it, for each result i. */
const foldOfStretch = (
  call: Call & { readonly computes: Computes },
  whole: Parsed,
  { partial, parts, each }: { readonly partial: number; readonly parts: number; readonly each: number },
  { from, number, length }: Stretch
): Call => {
  const { finish: _, tails: __, ...computes } = call.computes
  const { outputs, count, kept, reduced, walks } = whole
  const extent = reduced.at(-1) as number
  const starts = whole.starts.map((_, j) => (j * parts + from) * outputs)
  return foldCall(
    {
      ...call,
      computes,
      write: partial,
      stores: starts.map(start => stretch(start, number * outputs)),
      label: `parts of ${call.label}`,
      flops: (call.flops * number * length) / extent
    },
    {
      ...whole,
      outputs: outputs * number,
      count: (count / extent) * length,
      kept: [...kept, number],
      reduced: [...reduced.slice(0, -1), length],
      starts,
      walks: walks.map(walk => {
        const along = walk.reduced.at(-1) as number
        return { ...walk, kept: [...walk.kept, along * length], offset: walk.offset + from * each * along }
      })
    }
  )
}

/** A long fold into few results, by parts of its outermost axis and a fold of the parts. */
const foldParts =
  ({ few, long, most }: Cut, reduce: Variant): Variant =>
  (call, facts, newSlot, slots) => {
    const { computes } = call
    const whole = foldOf(call)
    const { outputs, count, kept, reduced, starts, numbers, walks } = whole
    const limit = Math.min(most, Math.floor(count / PART))
    if (outputs >= few || count < long || kept.length === 4 || limit < 2 || !computes) return undefined
    const extent = reduced.at(-1) as number
    const { parts, each } = cutOf(extent, limit, reduced.length === 1 ? 4 : 1)
    if (parts === 1) return undefined
    const { fold, finish, tails = [] } = computes
    const { dtype } = slots[call.write] as Slot
    const partial = newSlot({ dtype, shape: [starts.length, parts, outputs] })
    const first = stretchesOf(extent, each).map(one =>
      foldOfStretch({ ...call, computes }, whole, { partial, parts, each }, one)
    )
    // What finishes the results is read along them.
    const finishing = tails.map(({ k, place }) => {
      const { kept: along, offset } = walks[place] as Fold['walks'][number]
      return { k, slot: call.reads[place] as number, walk: { kept: along, reduced: [0], offset } }
    })
    const last = foldOfParts(call, {
      ...{ dtype, partial, parts, outputs, starts, numbers, kept },
      fold: fold as string,
      tails: finishing,
      ...(finish === undefined ? {} : { finish })
    })
    return [...first, last].flatMap(one => reduce(one, facts, newSlot, slots) ?? [one])
  }

const SUM = `alias Element = f32;
fn part(a: Value, j: u32) -> Element { return a; }
fn identity() -> Value { return Value(0); }
fn combine(a: Value, b: Value) -> Value { return a + b; }`

interface Parts extends Pick<Computes, 'finish'> {
  readonly dtype: Slot['dtype']
  /** The slot that holds them, [folds, parts, outputs]. */
  readonly partial: number
  readonly parts: number
  readonly outputs: number
  readonly starts: number[]
  readonly numbers: readonly number[]
  /** Extents of the results, innermost first. */
  readonly kept: number[]
  readonly fold: string
  /** The inputs of `finish`. */
  readonly tails: readonly { readonly k: number; readonly slot: number; readonly walk: Fold['walks'][number] }[]
}

/** Parts up to which one invocation adds them. */
const MOST_ALONE = 16

/** result[start_j + i] = finish(combine over parts of partial[j][part][i]), for each fold j of a call. */
const foldOfParts = (
  call: Call,
  { dtype, partial, parts, outputs, starts, numbers, kept, fold, finish, tails }: Parts
): Call => {
  const names = starts.map((_, j) => `x${j}`)
  const type = starts.length === 1 ? dtype : `vec${starts.length}<${dtype}>`
  const along = denseAlong(kept)
  return foldCall(
    {
      shader: 'reduce',
      computes: {
        text: [
          `alias Value = ${type};`,
          `fn compute(${names.map(name => `${name}: ${dtype}`).join(', ')}) -> Value { return ` +
            `Value(${names.join(', ')}); }`
        ].join('\n'),
        inputs: starts.length,
        numbers: numbers.length / 4,
        fold,
        tails: tails.map(({ k }, i) => ({ k, place: starts.length + i })),
        ...(finish === undefined ? {} : { finish })
      },
      params: [],
      reads: [...starts.map(() => partial), ...tails.map(({ slot }) => slot)],
      write: call.write,
      stores: starts.map(start => stretch(start, outputs)),
      workgroups: [1, 1, 1],
      label: `sum of parts of ${call.label}`,
      flops: parts * outputs * starts.length
    },
    {
      outputs,
      count: parts,
      lanes: outputs < WORKGROUP && parts > MOST_ALONE ? WORKGROUP : 1,
      kept,
      reduced: [parts],
      starts,
      numbers,
      walks: [
        ...starts.map((_, j) => ({ kept: along, reduced: [outputs], offset: j * parts * outputs })),
        ...tails.map(({ walk }) => walk)
      ]
    }
  )
}

/** result[start + i] = sum over parts of partial[part][i], for a kernel that left its result in parts. */
export const sumOfParts = (
  call: Call,
  parts: Pick<Parts, 'partial' | 'parts' | 'outputs'> & { readonly start: number }
): Call =>
  foldOfParts(call, {
    ...parts,
    dtype: 'f32',
    starts: [parts.start],
    numbers: [0, 0, 0, 0],
    kept: [parts.outputs],
    fold: SUM,
    tails: []
  })

/** Whether a fold adds up. */
export const isSum = ({ computes }: Call): boolean => computes?.fold?.includes('return a + b;') === true

/** A fold without what finishes its results. */
export const unfinished = (call: Call): Call & { readonly computes: Computes } => {
  const { finish: _, tails: __, ...computes } = call.computes as Computes
  const fold = foldOf(call)
  const { inputs } = computes
  return {
    ...foldCall({ ...call, reads: call.reads.slice(0, inputs) }, { ...fold, walks: fold.walks.slice(0, inputs) }),
    computes
  }
}

/**
 * What finishes a fold, as a bound: how far its results move where each of the folds is off by `factor` of the value in
 * `sizes`, which lies as they do, and a little of them for rounding. Undefined: nothing finishes it.
 */
export const finishedBound = (call: Call, sizes: number, factor: number): Call | undefined => {
  const computes = call.computes as Computes
  const { finish, tails = [] } = computes
  if (finish === undefined) return undefined
  const fold = foldOf(call)
  const { kept, reduced, starts, walks } = fold
  const along = denseAlong(kept)
  const first = 1000 // after the names of all others
  const errors = starts.map((_, j) => `tail${first + j}(at)`).join(', ')
  const bound = [
    'fn finish(a: Value, at: array<u32, OPERANDS>) -> Value {',
    `  let error = Value(${errors}) * ${factor};`,
    '  let exact = finished(a, at);',
    `  return max(abs(finished(a + error, at) - exact), abs(finished(a - error, at) - exact)) + ${factor} * ` +
      'abs(exact);',
    '}'
  ].join('\n')
  return foldCall(
    {
      ...call,
      computes: {
        ...computes,
        finish: `${finish.replace('fn finish(', 'fn finished(')}\n${bound}`,
        tails: [...tails, ...starts.map((_, j) => ({ k: first + j, place: walks.length + j }))]
      },
      reads: [...call.reads, ...starts.map(() => sizes)]
    },
    {
      ...fold,
      walks: [...walks, ...starts.map(start => ({ kept: along, reduced: reduced.map(() => 0), offset: start }))]
    }
  )
}

/** The strides of results that lie one after another, innermost first. */
const denseAlong = (kept: readonly number[]): number[] =>
  kept.map((_, axis) => kept.slice(0, axis).reduce((product, extent) => product * extent, 1))

/** Turns of a fold that one lane takes alone. */
const FEW_TURNS = 16
/** Workgroups of one subgroup: the rest of the results are taken in turns. */
const MOST_SUBGROUPS = 64

/** Whether lanes are joined by shuffles, and how many share a result. */
interface Joining {
  readonly shuffles: boolean
  readonly lanes: (turns: number, subgroupSize: number) => number
}

/**
 * By vec4 where every operand is dense or constant along the innermost folded axis, and by `reduce_shuffle` where lanes
 * are joined by shuffles.
 */
const reduceBy =
  ({ shuffles, lanes: lanesOf }: Joining): Variant =>
  (call, { subgroupSize: size }, _, slots) => {
    const { computes } = call
    const whole = foldOf(call)
    const { outputs, count, reduced, walks } = whole
    if (computes === undefined) return undefined
    const inner = reduced[0] ?? 1
    const along = walks.map(walk => alongRow({ strides: walk.reduced, offset: walk.offset }, walk.kept))
    const turns = turnsOf(outputs * count >= LARGE && inner % 4 === 0 && along.includes(true), along)
    const perResult = count / turns.width
    const lanes = lanesOf(perResult, size)
    if (turns.width === 1 && !shuffles && lanes <= WORKGROUP) return undefined
    const fixed = walks.map(walk => walk.reduced.every(stride => stride === 0))
    const scaled = different(
      walks.map((walk, k): Fold['walks'][number] => {
        const by = (strides: readonly number[]) => strides.map(stride => stride / unitOf(turns, k))
        return {
          kept: by(walk.kept),
          reduced: [...walk.reduced.slice(0, 1), ...by(walk.reduced.slice(1))],
          offset: walk.offset / unitOf(turns, k)
        }
      }),
      fixed
    )
    const op = opOf({ ...call, computes }, slots, { turns, fixed, walks: scaled.places.map(place => place + 1) })
    const chosen = foldCall(
      { ...call, op },
      {
        ...whole,
        count: perResult,
        lanes,
        reduced: reduced.map((extent, axis) => (axis === 0 ? extent / turns.width : extent)),
        walks: scaled.walks
      }
    )
    return [
      shuffles
        ? {
            ...chosen,
            shader: 'reduce_shuffle',
            constants: { ...chosen.constants, S: size },
            workgroups: [Math.min(MOST_SUBGROUPS, Math.ceil((outputs * lanes) / size)), 1, 1]
          }
        : chosen
    ]
  }

const family = (cut: Cut, joining: Joining): Variants => {
  const whole = reduceBy(joining)
  return { reduce: [foldParts(cut, whole), whole] }
}

/** For software adapters. */
export const folds = family(
  { few: 16, long: 16384, most: 16 },
  { shuffles: true, lanes: (turns, size) => (turns <= FEW_TURNS ? 1 : size) }
)

/** Lanes that WebGPU promises a workgroup. */
const MOST_LANES = 256

/**
 * For GPUs: `reduce` is a tree in workgroup memory already, a workgroup a result, so what it needs is lanes, as
 * neighbours load side by side, and for what is too long for one workgroup more of those.
 */
export const foldsOfGpus = family(
  { few: 256, long: 2 ** 16 + 1, most: 64 },
  { shuffles: false, lanes: turns => Math.min(MOST_LANES, powerOfTwo(Math.ceil(turns / 4))) }
)
