/** What a variant of a kernel is, and what several of them need. */
import { MOST_WORKGROUPS } from '../agreement.js'
import type { Turns } from '../op.js'
import type { Call, Slot } from '../spec.js'

/** What variants may depend on. */
export interface Facts {
  /** Invocations of a subgroup where all have one size, else 0. */
  readonly subgroupSize: number
  readonly software: boolean
}

/** New slots are numbered on from the program's own. */
export type NewSlot = (slot: Slot) => number

/** A faster form of a call, or undefined where its conditions do not hold. */
export type Variant = (
  call: Call,
  facts: Facts,
  newSlot: NewSlot,
  slots: readonly Slot[]
) => readonly Call[] | undefined

/** By plain shader, the variants that are tried, in order. */
export type Variants = Readonly<Record<string, readonly Variant[]>>

/** How an operand walks: the result first, then the inputs. Strides are innermost first. */
export interface Walk {
  readonly strides: readonly number[]
  readonly offset: number
}

/**
 * Whether along the innermost axis the operand is dense (true) or repeats one value (false), in whole vec4s; undefined:
 * neither.
 */
export const alongRow = ({ strides, offset }: Walk, others: readonly number[] = []): boolean | undefined => {
  if (strides[0] === 0) return false
  const aligned = [offset, ...strides.slice(1), ...others].every(n => n % 4 === 0)
  return strides[0] === 1 && aligned ? true : undefined
}

/**
 * Turns of four where `wanted` and every operand allows it (by `alongRow`, the result, if it is among them, first),
 * else single ones. `unitOf` says in which units the offset and the outer strides of an operand then are.
 */
export const turnsOf = (wanted: boolean, along: readonly (boolean | undefined)[]): Turns =>
  wanted && !along.includes(undefined)
    ? { width: 4, dense: along.map(one => one === true) }
    : { width: 1, dense: along.map(() => false) }

/** Elements of a unit of operand `k`. */
export const unitOf = ({ width, dense }: Turns, k: number): number => (dense[k] ? width : 1)

/** The same turns, of the inputs alone. */
export const ofInputs = ({ width, dense: [, ...inputs] }: Turns): Turns => ({ width, dense: inputs })

/** Elements from which on vec4s are worth what they cost to compile: a half to two thirds more. */
export const LARGE = 2 ** 16

/**
 * Each different walk once, in their order, and which of them each operand takes. Those that are `fixed` while a kernel
 * takes its turns have each their own, which costs little: so one text serves them, wherever in their slots they are.
 */
export const different = <T>(
  walks: readonly T[],
  fixed: readonly boolean[] = []
): { readonly walks: readonly T[]; readonly places: readonly number[] } => {
  const keys = walks.map((walk, k) => (fixed[k] ? `${k}` : JSON.stringify(walk)))
  const first = [...new Set(keys)]
  return { walks: first.map(key => walks[keys.indexOf(key)] as T), places: keys.map(key => first.indexOf(key)) }
}

export const padded = (values: readonly number[], length: number): number[] => [
  ...values,
  ...Array<number>(length - values.length).fill(0)
]

/** The numbers at the end of a call's parameters. */
export const numbersOf = ({ params, computes }: Call): readonly number[] =>
  params.slice(params.length - 4 * (computes?.numbers ?? 0))

export const WORKGROUP = 64
export const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(n))
/**
 * Workgroups for so many turns: an invocation takes several, so that starting it counts little, as long as there are
 * enough to keep all cores busy. A software adapter has few of those.
 */
export const launches = (turns: number, { software }: Facts): number => {
  const [enough, most] = software ? [512, 16] : [2 ** 17, 4]
  return Math.ceil(turns / WORKGROUP / Math.min(most, Math.max(1, turns / enough)))
}

/** The largest multiple of `of`, at most `most`, that divides `total`; `of` if there is none. */
export const greatestDivisor = (total: number, of: number, most: number): number => {
  for (let size = Math.floor(most / of) * of; size > of; size -= of) if (total % size === 0) return size
  return of
}

/**
 * A variant that does not stride over the workgroups beyond those that can be launched is none where there are more.
 */
export const dispatchable = (calls: readonly Call[]): readonly Call[] | undefined =>
  calls.every(({ workgroups }) => workgroups.every(count => count <= MOST_WORKGROUPS)) ? calls : undefined

/** Rows of vec4s whose neighbours are the neighbouring lanes': no row straddles two subgroups. */
export const rowsFit = (width: number, size: number): boolean => width % 4 === 0 && size % (width / 4) === 0
