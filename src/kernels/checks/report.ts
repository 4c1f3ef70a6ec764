/**
 * Programs with checks in them: calls that look at what others have stored, and a report that says of each check which
 * element was wrong first.
 */
import { ofFewAxes, stretch } from '../regions.js'
import type { Call, DType, Program, Region, Slot } from '../spec.js'

/** What a check is about, for messages. */
export interface Check {
  readonly call: Call
  /** The shader that it is held to. */
  readonly against?: string
  /** Of the elements that are compared. */
  readonly dtype: DType
}

/** A program whose last output is the report, u32[checks, 4], if there are checks. */
export interface Checked {
  readonly program: Program
  readonly checks: readonly Check[]
}

/**
 * A check's words of the report: the first element that is wrong; for comparisons the bits of what it is, and of what
 * it should be.
 */
export const WORDS = 4
/** No element is wrong. */
export const FINE = 0xffffffff

export const sizeOf = ({ shape }: Slot): number => shape.reduce((product, extent) => product * extent, 1)

const base = { flops: 0, workgroups: [1, 1, 1] as const }
const groupsFor = (count: number): readonly [number, number, number] => [Math.ceil(count / 256), 1, 1]
/** The numbers that a map brings with its parameters: none. */
const NO_NUMBERS = [0, 0, 0, 0]

/** A map over all elements of slots of one size. `text`: `alias Value` and `compute`. */
export const mapOf = (text: string, reads: readonly number[], write: number, count: number, label: string): Call => ({
  ...base,
  shader: 'map',
  computes: { text, inputs: reads.length, numbers: 1 },
  params: [count, 0, 0, 0, ...[write, ...reads].flatMap(() => [0, 1, 0, 0]), ...NO_NUMBERS],
  reads,
  write,
  stores: [stretch(0, count)],
  workgroups: groupsFor(count),
  label
})

/** The same word in all elements of a slot, whatever its dtype, before others write it. */
export const fillOf = (word: number, write: number, count: number, label: string): Call => ({
  ...mapOf(`alias Value = u32;\nfn compute() -> Value { return ${word}u; }`, [], write, count, label),
  fills: true
})

/** A check of `count` elements in a row, from `start` on. */
export const rowCheck = (
  shader: 'check_finite' | 'check_written',
  slot: number,
  { start, count, word = 0 }: { readonly start: number; readonly count: number; readonly word?: number },
  number: number,
  report: number
): Call => ({
  ...base,
  shader,
  params: [count, number, start, word],
  reads: [slot],
  write: report,
  stores: [],
  workgroups: groupsFor(count),
  label: 'check'
})

/** Axes of the shader that compares. */
const MOST_AXES = 8
const eight = (values: readonly number[]): readonly number[] => [
  ...values,
  ...Array<number>(MOST_AXES - values.length).fill(0)
]
const bitsOf = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] as number

/**
 * Slots of a comparison: what was stored, what should have been, and of floats how far they may be apart, in units of
 * `factor`.
 */
export interface Comparison {
  readonly got: number
  readonly wanted: number
  readonly allowed: number
  readonly factor: number
  readonly isFloat: boolean
}

/** The calls that compare a region of two slots, and put the first element that differs into the report. */
export const comparisonsOf = (
  comparison: Comparison,
  region: Region,
  number: number,
  report: number
): readonly Call[] => ofFewAxes(region, MOST_AXES).flatMap(part => comparisonOf(comparison, part, number, report))

/** Two calls: the first finds the place, the second tells what is there. */
const comparisonOf = (
  { got, wanted, allowed, factor, isFloat }: Comparison,
  { offset, extents, strides }: Region,
  number: number,
  report: number
): readonly Call[] => {
  const count = extents.reduce((product, extent) => product * extent, 1)
  const [inner, steps] = [extents.toReversed(), strides.toReversed()]
  return [0, 1].map(second => ({
    ...base,
    shader: 'check_equal',
    params: [
      ...[count, number, extents.length, Number(isFloat)],
      ...eight(inner),
      ...eight(steps),
      ...[offset, bitsOf(factor), second, 0]
    ],
    reads: [got, wanted, allowed],
    write: report,
    stores: [],
    workgroups: groupsFor(count),
    label: 'check'
  }))
}

/** A program under way to be checked: checks are numbered as they are added. */
export class Checking {
  readonly checks: Check[]
  readonly slots: Slot[]
  readonly calls: Call[] = []
  /** The slot of the report. It is given its size in the end. */
  readonly report: number

  constructor(slots: readonly Slot[], checks: readonly Check[] = [], report?: number) {
    this.slots = [...slots]
    this.checks = [...checks]
    this.report = report ?? this.slot({ dtype: 'u32', shape: [WORDS] })
  }

  readonly slot = (slot: Slot): number => this.slots.push(slot) - 1

  add(check: Check, calls: (number: number) => readonly Call[]): void {
    this.calls.push(...calls(this.checks.push(check) - 1))
  }

  /** The program, which starts the report and has it as its last output, if there is anything to report. */
  finish(program: Program, outputs: readonly number[]): Checked {
    const words = WORDS * Math.max(1, this.checks.length)
    const slots = this.slots.with(this.report, { dtype: 'u32', shape: [words] })
    const others = this.calls.filter(call => call.write !== this.report || !call.fills)
    if (this.checks.length === 0) return { program: { ...program, slots, calls: others, outputs }, checks: [] }
    const start = fillOf(FINE, this.report, words, 'report')
    return {
      program: { ...program, slots, calls: [start, ...others], outputs: [...outputs, this.report] },
      checks: this.checks
    }
  }
}
