/**
 * Shapes, and values of a domain from a seed: what samplers are made of. Values are those of float32, so that both
 * backends get the same.
 */

import fc from 'fast-check'
import { allocate, type NdArray } from '../../src/autodiff/ndarray.js'
import { type Shape, sizeOf } from '../../src/autodiff/shape.js'
import { keyOf, randomWords, uniformOf } from '../../src/autodiff/threefry.js'
import type { DType } from '../../src/kernels/spec.js'

/** Numbers of a domain, decided by a seed. */
export type Fill = (seed: number, count: number) => ArrayLike<number>

const uniform = (seed: number, count: number): Float64Array =>
  Float64Array.from(randomWords(keyOf(seed), count), uniformOf)

/** Evenly from `low` to `high`. */
export const between =
  (low: number, high: number): Fill =>
  (seed, count) =>
    uniform(seed, count).map(u => low + (high - low) * u)

export const anything = between(-2, 2)
export const positive = between(0.4, 3)
/** Away from 0, on both sides. */
export const nonzero: Fill = (seed, count) => uniform(seed, count).map(u => (u < 0.5 ? -0.3 - 4 * u : 4 * u - 1.7))
/** No two closer than 0.1: nothing here is a tie, or becomes one when it is moved a little. */
export const spread: Fill = (seed, count) => {
  const u = uniform(seed, count)
  const order = [...u.keys()].sort((a, b) => (u[a] as number) - (u[b] as number))
  const values = new Float64Array(count)
  order.forEach((place, rank) => {
    values[place] = (rank - count / 2) * 0.2 + 0.1 * (u[place] as number)
  })
  return values
}
export const whole =
  (low: number, high: number): Fill =>
  (seed, count) =>
    uniform(seed, count).map(u => Math.floor(low + (high - low) * u))

export const array = (fill: Fill, seed: number, shape: Shape, dtype: DType = 'f32'): NdArray => {
  const data = allocate(dtype, sizeOf(shape))
  data.set(Array.from(fill(seed, data.length), dtype === 'f32' ? Math.fround : Math.trunc))
  return { data, shape, dtype }
}

/** How large samples are. Integers are tried where a primitive takes them, if `integers`. */
export interface Limits {
  readonly rank: number
  readonly extent: number
  readonly size: number
  readonly integers: boolean
}

export const extents = ({ extent }: Limits): fc.Arbitrary<number> => fc.integer({ min: 1, max: extent })

export const shapes = (limits: Limits, least = 0, most = limits.rank): fc.Arbitrary<Shape> =>
  fc.array(extents(limits), { minLength: least, maxLength: most }).filter(shape => sizeOf(shape) <= limits.size)

export const subset = (count: number, least = 0): fc.Arbitrary<number[]> =>
  fc.subarray([...Array(count).keys()], { minLength: least })

export const permutations = (count: number): fc.Arbitrary<number[]> => {
  const all = [...Array(count).keys()]
  return fc.shuffledSubarray(all, { minLength: count, maxLength: count })
}
