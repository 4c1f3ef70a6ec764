/**
 * Ties, on all backends, at sizes of every variant (rows of vec4s and single values, small and from 2^16 elements on): a maximum, its place and
 * a pool's go to the first element, `maximum` and `minimum` halve the cotangent. Values are few, so that nearly all are tied; wanted is what a loop
 * says that knows only the convention.
 */
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import { type NdArray, ndarray } from '../../src/autodiff/ndarray.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { sizeOf } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { randomWords } from '../../src/autodiff/threefry.js'
import { backends, evaluateOn } from '../backends.js'

const words = (seed: number, shape: readonly number[], many: number): NdArray =>
  ndarray(Array.from(randomWords([seed, 1], sizeOf(shape)), word => word % many), shape) // biome-ignore format: one array
/** Whole numbers, so that sums of cotangents are exact in any order. */
const tied = (shape: readonly number[]): NdArray => words(1, shape, 2)
const cotangent = (shape: readonly number[]): NdArray => words(2, shape, 64)

const sameOn = async (
  kind: keyof typeof backends,
  f: (...x: readonly Tensor[]) => readonly Tensor[],
  args: readonly NdArray[],
  wanted: readonly ArrayLike<number>[]
): Promise<void> => {
  const got = await evaluateOn(backends[kind], f, args)
  wanted.forEach((values, i) => {
    const data = got[i]?.data ?? []
    expect(data.length).toBe(values.length)
    for (let n = 0; n < values.length; n++)
      if (data[n] !== values[n]) expect.fail(`result ${i}, element ${n}: ${data[n]} instead of ${values[n]}`)
  })
}
const weighted = (f: (x: Tensor) => Tensor, g: Tensor) => (x: Tensor) => $.sum($.mul(f(x), g))

describe.each(['reference', 'gpu', 'tiles'] as const)('on %s', kind => {
  it.each([
    [5, 3],
    [33, 16],
    [7, 65],
    [64, 1024],
    [3, 66_000]
  ])('the maximum of rows, %i by %i, and its place are the first', async (rows, columns) => {
    const [x, g] = [tied([rows, columns]), cotangent([rows])]
    const place = Array.from({ length: rows }, (_, row) => {
      const values = x.data.slice(row * columns, (row + 1) * columns)
      return values.indexOf(Math.max(...values.slice(0, 64), 0) as never)
    })
    const gradient = new Float64Array(rows * columns)
    place.forEach((at, row) => {
      gradient[row * columns + at] = g.data[row] as number
    })
    const max = (y: Tensor): Tensor => $.max(y, 1)
    await sameOn(kind, (y, h) => [$.argmax(y as Tensor, 1), grad(weighted(max, h as Tensor))(y as Tensor)], [x, g], [place, gradient]) // biome-ignore format: one call
  })

  it.each([7, 64, 70_000])('maximum and minimum of %i pairs halve the cotangent', async count => {
    const [x, y, g] = [tied([count]), words(3, [count], 2), cotangent([count])]
    const half = (first: (a: number, b: number) => boolean) =>
      Array.from(x.data, (a, i) => {
        const [b, h] = [y.data[i] as number, g.data[i] as number]
        return a === b ? h / 2 : first(a, b) ? h : 0
      })
    const gradient = (f: typeof $.maximum) => (a: Tensor, b: Tensor, h: Tensor) => grad(weighted(z => f(z, b), h))(a)
    await sameOn(
      kind,
      (a, b, h) => [$.maximum, $.minimum].map(f => gradient(f)(a as Tensor, b as Tensor, h as Tensor)),
      [x, y, g],
      [half((a, b) => a > b), half((a, b) => a < b)]
    )
  })

  it.each([
    [5, 1, 1],
    [7, 2, 1],
    [16, 1, 1],
    [32, 1, 0],
    [33, 2, 0],
    [64, 1, 1]
  ])('a pool of an image %i wide, stride %i, padding %i, goes to the first pixel', async (extent, stride, padding) => {
    const shape = [2, 3, extent, extent]
    const out = Math.floor((extent + 2 * padding - 3) / stride) + 1
    const [x, g] = [tied(shape), cotangent([2, 3, out, out])]
    const gradient = new Float64Array(sizeOf(shape))
    for (let n = 0; n < g.data.length; n++) {
      const [plane, row, column] = [Math.floor(n / out / out), Math.floor(n / out) % out, n % out]
      let best = -1
      for (let k = 0; k < 9; k++) {
        const [i, j] = [row * stride - padding + Math.floor(k / 3), column * stride - padding + (k % 3)]
        const at = (plane * extent + i) * extent + j
        if (i < 0 || j < 0 || i >= extent || j >= extent) continue
        if (best < 0 || (x.data[at] as number) > (x.data[best] as number)) best = at
      }
      gradient[best] = (gradient[best] as number) + (g.data[n] as number)
    }
    const pool = (y: Tensor): Tensor => $.maxPool2d(y, { kernel: 3, stride, padding })
    await sameOn(kind, (y, h) => [grad(weighted(pool, h as Tensor))(y as Tensor)], [x, g], [gradient])
  })
})
