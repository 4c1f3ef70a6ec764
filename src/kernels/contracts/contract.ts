/**
 * What a call does to memory, as its shader reads the call: from parameters, constants, text and workgroups alone, and
 * not from what whoever made the call had in mind. `validate` holds the two together, so that a kernel and its
 * parameters cannot disagree without a word.
 */
import type { Call, Region } from '../spec.js'

export interface Contract {
  /** The elements that are stored, those of each fold side by side by themselves. */
  readonly stores: readonly Region[]
  /**
   * Of each slot that is read, how many elements it must have: one more than the place of the furthest that is asked
   * for.
   */
  readonly needs: readonly number[]
  /**
   * Workgroups that it takes to store all of that, in x, y, z. Absent: the shader strides over whatever there is, with
   * any number of them in x.
   */
  readonly workgroups?: readonly [number, number, number]
  /** What does not fit together, if anything: shown after "but". */
  readonly wrong?: string
}

/** How a shader reads a call. */
export type Reading = (call: Call) => Contract

/** The words of a call's uniform, by place. */
export const wordsOf = ({ params }: Call) => {
  const at = (i: number): number => params[i] as number
  return { at, list: (from: number, count: number): readonly number[] => params.slice(from, from + count) }
}

/** A constant of a call, which must bring it. */
export const constantOf = ({ constants = {} }: Call, name: string): number => constants[name] as number

export const product = (values: readonly number[]): number => values.reduce((total, value) => total * value, 1)

/** The first complaint among those that hold. */
export const complaintOf = (checks: Readonly<Record<string, boolean>>): Pick<Contract, 'wrong'> => {
  const found = Object.entries(checks).find(([, holds]) => !holds)
  return found ? { wrong: found[0] } : {}
}

/** The words that `opaque` takes for zeros of which no compiler knows. */
export const zeros = (call: Call, words: readonly number[]): Readonly<Record<string, boolean>> => ({
  'the words that must be 0 are not': words.every(word => call.params[word] === 0)
})

/** One past the furthest place of a walk. Strides are never negative. */
export const reachOf = (offset: number, extents: readonly number[], strides: readonly number[]): number =>
  1 + extents.reduce((last, extent, k) => last + (extent - 1) * (strides[k] as number), offset)
