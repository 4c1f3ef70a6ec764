/** What Python's pickles hold, as values. */
import { latin1 } from '../bytes.js'

/** An array of numpy, its numbers as they lie in the file. */
export interface PickleArray {
  readonly _tag: 'array'
  readonly shape: readonly number[]
  /** As numpy writes it: byte order (`<`, `>`, or `|` for single bytes), kind (b, i, u, f) and bytes of a number. */
  readonly dtype: string
  /** Whether the first axis, not the last, lies closest together. */
  readonly fortran: boolean
  readonly data: Uint8Array
}

/** What stands for a function or a class that arrays are made of. */
export interface PickleGlobal {
  readonly _tag: 'global'
  readonly name: string
}

/** A numpy dtype by itself. */
export interface PickleDtype {
  readonly _tag: 'dtype'
  readonly dtype: string
}

/** A dict: keys that are bytes (all texts of Python 2 are) are texts by latin1 here. */
export type PickleDict = ReadonlyMap<string | number, PickleValue>

/**
 * A Python value. Whole numbers beyond 2^53 are bigints, bytes and texts of Python 2 are bytes, lists and tuples are
 * both lists.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PickleValue[]
  | PickleDict
  | PickleArray
  | PickleGlobal
  | PickleDtype

/** Keys and names have at most so many letters: they are looked at again and again. */
export const MOST_KEY_LENGTH = 1024

/** The text of a short text, or of short bytes as latin1; undefined of anything else. */
export const textOf = (value: PickleValue | undefined): string | undefined =>
  typeof value === 'string'
    ? value
    : value instanceof Uint8Array && value.length <= MOST_KEY_LENGTH
      ? latin1(value)
      : undefined

/** Whether a value is an array, a dtype or a global. */
export const isTagged = <T extends 'array' | 'dtype' | 'global'>(
  value: PickleValue | undefined,
  tag: T
): value is Extract<PickleValue, { readonly _tag: T }> =>
  typeof value === 'object' && value !== null && '_tag' in value && value._tag === tag
