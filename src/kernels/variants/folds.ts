/** Folds by vec4, and long ones in two steps. */
import { fourOp } from '../op.js'
import type { Call, Computes, Slot } from '../spec.js'
import { alongRow, numbersOf, padded, powerOfTwo, type Variant, type Variants, WORKGROUP } from './variant.js'

/** The parts of a fold's call, by the names of `reduce.wgsl`. */
const foldOf = (call: Call) => {
  const { params, reads, constants = {} } = call
  const [kept, reduced, results] = ['KEPT', 'REDUCED', 'RESULTS'].map(name => constants[name]) as [number, number, number]
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

type Fold = ReturnType<typeof foldOf>

const foldCall = (call: Call, { outputs, count, lanes, kept, reduced, starts, numbers, walks }: Fold): Call => ({
  ...call,
  constants: {
    KEPT: kept.length,
    REDUCED: reduced.length,
    RESULTS: starts.length
  },
  params: [
    ...[outputs, count, lanes, 0],
    ...[...padded(kept, 4), ...padded(reduced, 4)],
    ...[...padded(starts, 4), ...Array<number>(8).fill(0)],
    ...walks.flatMap(walk => [...padded(walk.kept, 4), ...padded(walk.reduced, 4), walk.offset, 0, 0, 0]),
    ...numbers
  ],
  workgroups: [Math.ceil((outputs * lanes) / WORKGROUP), 1, 1]
})

interface Cut {
  /** Fewer results than this leave workgroups idle; a fold at least so long is worth two calls. */
  readonly few: number
  readonly long: number
  readonly most: number
}
/** Elements that a part of a fold has at least. */
const PART = 1024

/** A long fold into few results, by parts of its outermost axis and a fold of the parts. */
const foldParts =
  ({ few, long, most }: Cut): Variant =>
  (call, facts, newSlot, slots) => {
    const { computes } = call
    const whole = foldOf(call)
    const { outputs, count, kept, reduced, starts, walks } = whole
    const extent = reduced.at(-1) as number
    const limit = Math.min(most, Math.floor(count / PART))
    const parts = Array.from({ length: limit }, (_, i) => limit - i).find(n => extent % n === 0) ?? 1
    if (outputs >= few || count < long || kept.length === 4 || parts === 1 || !computes) return undefined
    const { finish, tails = [], ...unfinished } = computes
    const { dtype } = slots[call.write] as Slot
    const partial = newSlot({ dtype, shape: [starts.length, parts, outputs] })
    const first = foldCall(
      { ...call, computes: unfinished, write: partial, label: `parts of ${call.label}` },
      {
        ...whole,
        outputs: outputs * parts,
        count: count / parts,
        kept: [...kept, parts],
        reduced: [...reduced.slice(0, -1), extent / parts],
        starts: starts.map((_, j) => j * parts * outputs),
        walks: walks.map(walk => ({ ...walk, kept: [...walk.kept, ((walk.reduced.at(-1) as number) * extent) / parts] }))
      }
    )
    return [
      ...(reduce4(first, facts, newSlot, slots) ?? [first]),
      foldOfParts(call, {
        dtype,
        partial,
        parts,
        outputs,
        starts,
        kept,
        numbers: whole.numbers,
        // What finishes the results is read along them.
        tails: tails.map(({ k, place }) => {
          const { kept: along, offset } = walks[place] as Fold['walks'][number]
          return { k, slot: call.reads[place] as number, walk: { kept: along, reduced: [0], offset } }
        }),
        fold: computes.fold as string,
        ...(finish === undefined ? {} : { finish })
      })
    ]
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
const foldOfParts = (call: Call, { dtype, partial, parts, outputs, starts, numbers, kept, fold, finish, tails }: Parts): Call => {
  const names = starts.map((_, j) => `x${j}`)
  const type = starts.length === 1 ? dtype : `vec${starts.length}<${dtype}>`
  const along = kept.map((_, axis) => kept.slice(0, axis).reduce((product, extent) => product * extent, 1))
  return foldCall(
    {
      shader: 'reduce',
      computes: {
        text: [
          `alias Value = ${type};`,
          `fn compute(${names.map(name => `${name}: ${dtype}`).join(', ')}) -> Value { return Value(${names.join(', ')}); }`
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
export const sumOfParts = (call: Call, parts: Pick<Parts, 'partial' | 'parts' | 'outputs'> & { readonly start: number }): Call =>
  foldOfParts(call, {
    ...parts,
    dtype: 'f32',
    starts: [parts.start],
    numbers: [0, 0, 0, 0],
    kept: [parts.outputs],
    fold: SUM,
    tails: []
  })

/** Elements from which on vec4s are worth what they cost to compile: about three times as much. */
const LARGE = 2 ** 16

/** `reduce4`: every operand dense or constant along the innermost folded axis. */
const reduce4: Variant = (call, { software }, _, slots) => {
  const { computes } = call
  const whole = foldOf(call)
  const { count, reduced, walks } = whole
  const inner = reduced[0] ?? 1
  const dense = walks.map(walk => alongRow({ strides: walk.reduced, offset: walk.offset }, walk.kept))
  if (whole.outputs * count < LARGE) return undefined
  if (computes === undefined || inner % 4 !== 0 || dense.includes(undefined) || !dense.includes(true)) return undefined
  const unit = (k: number) => (dense[k] ? 4 : 1)
  const scaled = (strides: readonly number[], k: number) => strides.map(stride => stride / unit(k))
  // A GPU wants neighbours to load side by side; a barrier is what costs on a software adapter.
  const few = count <= 64 ? 1 : count <= 1024 ? 8 : WORKGROUP
  const lanes = software ? few : Math.min(WORKGROUP, powerOfTwo(Math.ceil(count / 16)))
  return [
    foldCall(
      {
        ...call,
        shader: 'reduce4',
        op: fourOp(
          { ...call, computes },
          slots,
          dense as boolean[],
          'array<Value, 4>',
          walks.map(walk => walk.reduced.every(stride => stride === 0))
        )
      },
      {
        ...whole,
        count: count / 4,
        lanes,
        reduced: [inner / 4, ...reduced.slice(1)],
        walks: walks.map((walk, k) => ({
          kept: scaled(walk.kept, k),
          reduced: [walk.reduced[0] as number, ...scaled(walk.reduced.slice(1), k)],
          offset: walk.offset / unit(k)
        }))
      }
    )
  ]
}

/** For software adapters. */
export const folds: Variants = { reduce: [foldParts({ few: 16, long: 16384, most: 16 }), reduce4] }

/** For GPUs: `reduce` and `reduce4` are trees in workgroup memory already, a workgroup a result, so what they need is more workgroups. */
export const foldsOfGpus: Variants = { reduce: [foldParts({ few: 256, long: 4096, most: 64 }), reduce4] }
