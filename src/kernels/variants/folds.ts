/** Folds by vec4, and long ones in two steps. */
import type { Call, Slot } from '../spec.js'
import { alongRow, loadText4, padded, type Variant, type Variants, WORKGROUP } from './variant.js'

/** The parts of a fold's call, by the names of `reduce.wgsl`. */
const foldOf = ({ params, reads, constants = {} }: Call) => {
  const [kept, reduced] = [constants['KEPT'] as number, constants['REDUCED'] as number]
  return {
    outputs: params[0] as number,
    count: params[1] as number,
    kept: params.slice(4, 4 + kept),
    reduced: params.slice(8, 8 + reduced),
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

const foldCall = (call: Call, { outputs, count, kept, reduced, walks }: Fold): Call => ({
  ...call,
  constants: { LANES: call.constants?.['LANES'] as number, KEPT: kept.length, REDUCED: reduced.length },
  params: [
    ...[outputs, count, 0, 0],
    ...[...padded(kept, 4), ...padded(reduced, 4)],
    ...Array<number>(12).fill(0),
    ...walks.flatMap(walk => [...padded(walk.kept, 4), ...padded(walk.reduced, 4), walk.offset, 0, 0, 0])
  ],
  workgroups: [Math.ceil((outputs * (call.constants?.['LANES'] as number)) / WORKGROUP), 1, 1]
})

/** Fewer results than this leave workgroups idle; a fold longer than that is worth two calls. */
const FEW_RESULTS = 16
const LONG_FOLD = 16384
const MOST_FOLD_PARTS = 16

/** A long fold into few results, by parts of its outermost axis and a fold of the parts. */
const foldParts: Variant = (call, facts, newSlot, slots) => {
  const whole = foldOf(call)
  const { outputs, count, kept, reduced, walks } = whole
  const extent = reduced.at(-1) as number
  const parts = Array.from({ length: MOST_FOLD_PARTS }, (_, i) => MOST_FOLD_PARTS - i).find(n => extent % n === 0) ?? 1
  if (outputs >= FEW_RESULTS || count < LONG_FOLD || kept.length === 4 || parts === 1 || call.fold === undefined) return undefined
  const { dtype } = slots[call.write] as Slot
  const partial = newSlot({ dtype, shape: [parts, outputs] })
  const first = foldCall(
    { ...call, write: partial, label: `parts of ${call.label}` },
    {
      outputs: outputs * parts,
      count: count / parts,
      kept: [...kept, parts],
      reduced: [...reduced.slice(0, -1), extent / parts],
      walks: walks.map(walk => ({ ...walk, kept: [...walk.kept, ((walk.reduced.at(-1) as number) * extent) / parts] }))
    }
  )
  return [...(reduce4(first, facts, newSlot, slots) ?? [first]), foldOfParts(call, dtype, partial, parts, outputs)]
}

/** result[i] = combine over parts of partial[part][i]. */
export const foldOfParts = (call: Call, dtype: Slot['dtype'], partial: number, parts: number, outputs: number): Call => {
  const plain = `alias Value = ${dtype};
fn compute(x0: ${dtype}) -> Value { return x0; }
const OPERANDS = 2u;
@group(0) @binding(2) var<storage, read> in0: array<${dtype}>;
fn value(at: array<u32, OPERANDS>) -> Value { return compute(in0[at[1]]); }`
  return foldCall(
    {
      shader: 'reduce',
      op: `${plain}\n${call.fold ?? SUM}`,
      constants: { LANES: 1 },
      params: [],
      reads: [partial],
      write: call.write,
      workgroups: [1, 1, 1],
      label: `sum of parts of ${call.label}`,
      flops: parts * outputs
    },
    { outputs, count: parts, kept: [outputs], reduced: [parts], walks: [{ kept: [1], reduced: [outputs], offset: 0 }] }
  )
}
const SUM = 'fn identity() -> Value { return Value(0); }\nfn combine(a: Value, b: Value) -> Value { return a + b; }'

/** `reduce4`: every operand dense or constant along the innermost folded axis. */
const reduce4: Variant = (call, _, __, slots) => {
  const { outputs, count, kept, reduced, walks } = foldOf(call)
  const inner = reduced[0] ?? 1
  const dense = walks.map(walk => alongRow({ strides: walk.reduced, offset: walk.offset }, walk.kept))
  if (call.compute === undefined || inner % 4 !== 0 || dense.includes(undefined) || !dense.includes(true)) return undefined
  const unit = (k: number) => (dense[k] ? 4 : 1)
  const scaled = (strides: readonly number[], k: number) => strides.map(stride => stride / unit(k))
  const lanes = count <= 64 ? 1 : count <= 1024 ? 8 : WORKGROUP
  return [
    foldCall(
      {
        ...call,
        shader: 'reduce4',
        op: `${loadText4(call, slots, dense as boolean[])}\n${call.fold}`,
        constants: { LANES: lanes }
      },
      {
        outputs,
        count: count / 4,
        kept,
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

export const folds: Variants = { reduce: [foldParts, reduce4] }
