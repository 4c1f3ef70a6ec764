/**
 * The check that holds each kernel to the plain one of its kind, on the same values, as a program runs: for adapters
 * and drivers that nobody has tried.
 *
 * How far two kernels may be apart follows from what they add up. Sums in another order differ by a few units in the
 * last place of the sum of the sizes of their terms, so that sum is computed as well, by the plain kernel on absolute
 * values; what finishes a fold is applied to the sum with and without that error. Maps compute the same text, and may
 * differ where compilers contract products and sums.
 */
import { type Facts, selectEach } from '../select.js'
import type { Call, DType, Program, Slot } from '../spec.js'
import { finishedBound, isSum, unfinished } from '../variants/folds.js'
import { type Checked, Checking, comparisonsOf, mapOf, sizeOf } from './report.js'

/** Of the sum of the terms' sizes: two sums, each within 3e-6 (test/laws/digits.test.ts). */
const SUM = 6e-6
/** Of the largest operand and the result: a few units in the last place of the polynomials in shaders/common.wgsl. */
const MAP = 4e-6

/** Plain shaders that are linear in these operands, whose sums of sizes are their results on absolute values. */
const LINEAR: Readonly<Record<string, readonly number[]>> = {
  matmul: [0, 1],
  conv2d: [0, 1],
  conv2d_input_grad: [0, 1],
  conv2d_filter_grad: [0, 1],
  window_sum: [0],
  window_spread: [0],
  window_scatter: [0]
}

/** How far apart two results may be: a slot of allowances, in units of `factor`. */
interface Allowance {
  readonly slot: number
  readonly factor: number
}

/**
 * A text of a map with other results. `around` makes them from the call of the text's own function and from its
 * operands.
 */
const wrapped = (text: string, around: (computed: string, operands: readonly string[]) => string): string => {
  const [, list = ''] = /fn compute\(([^)]*)\)/.exec(text) ?? []
  const operands = list.split(', ').filter(one => one !== '')
  const names = operands.map(one => one.slice(0, one.indexOf(':')))
  const floats = names.filter((_, k) => operands[k]?.endsWith(': f32'))
  return (
    `${text.replace('fn compute(', 'fn computed(')}\nfn compute(${list}) -> Value { return ` +
    `${around(`computed(${names.join(', ')})`, floats)}; }`
  )
}

const ABSOLUTE = 'alias Value = f32;\nfn compute(x0: f32) -> Value { return abs(x0); }'

/** What plain calls give on absolute values, computed beside the program. */
class Allowances {
  constructor(private readonly checking: Checking) {}

  /** The size of each element of a slot, as a hook makes it where there is one. */
  private sizes(slot: number, hook: string | undefined): number {
    const { shape } = this.checking.slots[slot] as Slot
    const made = this.checking.slot({ dtype: 'f32', shape })
    const text = hook === undefined ? ABSOLUTE : wrapped(hook, computed => `abs(${computed})`)
    this.checking.calls.push(mapOf(text, [slot], made, sizeOf({ dtype: 'f32', shape }), 'sizes'))
    return made
  }

  private beside(call: Call): number {
    const { shape } = this.checking.slots[call.write] as Slot
    const write = this.checking.slot({ dtype: 'f32', shape, gaps: true })
    const { fills: _, ...own } = call
    this.checking.calls.push({ ...own, write, label: `allowance of ${call.label}` })
    return write
  }

  private ofLinear({ hook, ...plain }: Call, operands: readonly number[]): Allowance {
    const reads = plain.reads.map((slot, k) =>
      operands.includes(k) ? this.sizes(slot, k === 0 ? hook : undefined) : slot
    )
    return { slot: this.beside({ ...plain, reads }), factor: SUM }
  }

  private ofMap(plain: Call): Allowance {
    const largest = (computed: string, operands: readonly string[]) =>
      [computed, ...operands].reduce((most, one) => (most === '' ? `abs(${one})` : `max(${most}, abs(${one}))`), '')
    const computes = plain.computes as NonNullable<Call['computes']>
    return {
      slot: this.beside({ ...plain, computes: { ...computes, text: wrapped(computes.text, largest) } }),
      factor: MAP
    }
  }

  private ofSum(plain: Call): Allowance {
    const folded = unfinished(plain)
    const text = wrapped(folded.computes.text, computed => `abs(${computed})`)
    const sizes = this.beside({ ...folded, computes: { ...folded.computes, text } })
    const finished = finishedBound(plain, sizes, SUM)
    return finished ? { slot: this.beside(finished), factor: 1 } : { slot: sizes, factor: SUM }
  }

  /** Of the results of a plain call; undefined: they have to be equal. */
  of(plain: Call, dtype: DType): Allowance | undefined {
    const linear = LINEAR[plain.shader]
    if (dtype !== 'f32') return undefined
    if (linear) return this.ofLinear(plain, linear)
    if (plain.shader === 'reduce') return isSum(plain) ? this.ofSum(plain) : undefined
    return plain.shader === 'map' || plain.shader === 'map_strided' ? this.ofMap(plain) : undefined
  }
}

/** The program by the fast kernels of an adapter, each compared with the plain one that it stands for. */
export const verified = (program: Program, facts: Facts): Checked => {
  const { slots, chosen } = selectEach(program, facts)
  const checking = new Checking(slots)
  const allowances = new Allowances(checking)
  for (const { plain, calls } of chosen) {
    checking.calls.push(...calls)
    if (calls.length === 1 && calls[0] === plain) continue
    const { dtype, shape } = slots[plain.write] as Slot
    const wanted = checking.slot({ dtype, shape, gaps: true })
    const { fills: _, ...own } = plain
    checking.calls.push({ ...own, write: wanted })
    const allowance = allowances.of(plain, dtype)
    const comparison = {
      ...{ got: plain.write, wanted, isFloat: dtype === 'f32' },
      ...{ allowed: allowance?.slot ?? wanted, factor: allowance?.factor ?? 0 }
    }
    const shader = calls.find(one => one.shader !== 'reduce')?.shader ?? 'reduce'
    for (const region of plain.stores ?? [])
      checking.add({ call: { ...plain, shader }, against: plain.shader, dtype }, number =>
        comparisonsOf(comparison, region, number, checking.report)
      )
  }
  return checking.finish(program, program.outputs)
}
