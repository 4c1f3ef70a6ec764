/** Constants from arrays, numbers from tensors, and products that keep their terms. */
import { expect } from 'vitest'
import { evaluate } from '../../src/autodiff/interpret.js'
import type { NdArray } from '../../src/autodiff/ndarray.js'
import { mul, tensor } from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { Tree } from '../../src/autodiff/tree.js'
import { leaves } from '../../src/autodiff/tree.js'
import { anything, array } from './values.js'

export const constants = (arrays: readonly NdArray[]): Tensor[] =>
  arrays.map(({ data, shape, dtype }) => tensor(data, shape, dtype))

/** Random f32 of a tensor's shape. */
export const random = (seed: number, like: Tensor): Tensor => tensor(array(anything, seed, like.shape).data, like.shape)

/** All numbers of a tree, in order, on the reference. */
export const numbers = (tree: Tree): number[] => evaluate(leaves(tree)).flatMap(({ data }) => Array.from(data))

/** The terms of the inner product of two lists of tensors. */
export const products = (a: readonly Tensor[], b: readonly Tensor[]): number[] =>
  numbers(a.map((one, i) => mul(one, b[i] as Tensor)))

/**
 * Sums of two lists of terms agree to rounding; `tolerance` is relative to the sizes of the terms, and at least to 1.
 */
export const expectEqualSums = (a: readonly number[], b: readonly number[], tolerance = 1e-12): void => {
  const total = (terms: readonly number[]) => terms.reduce((sum, term) => sum + term, 0)
  const size = [...a, ...b].reduce((sum, term) => sum + Math.abs(term), 1)
  expect(Math.abs(total(a) - total(b))).toBeLessThanOrEqual(tolerance * size)
}

/** Numbers agree to rounding; `tolerance` is relative to the largest of them, and at least 1. */
export const expectNear = (got: readonly number[], want: readonly number[], tolerance = 1e-12): void => {
  expect(got.length).toBe(want.length)
  const scale = want.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
  got.forEach((value, i) => {
    const distance = Object.is(value, want[i]) ? 0 : Math.abs(value - (want[i] as number))
    expect(distance, `entry ${i}: ${value}, wanted ${want[i]}`).toBeLessThanOrEqual(tolerance * scale)
  })
}
