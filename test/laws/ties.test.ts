/**
 * Ties, on all backends, at sizes of every variant (rows of vec4s and single values, small and from 2^16 elements on):
 * a maximum, its place and a pool's go to the first element, `maximum` and `minimum` halve the cotangent, also where
 * they run along an axis, and what sorts leaves equal elements in their order. Values are few, so that nearly all are
 * tied; wanted is what a loop says that knows only the convention.
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

/** How much of each element is in each of a row's running maxima, `isFirst` the comparison, or minima. */
const runningShares = (row: readonly number[], isFirst: (a: number, b: number) => boolean): readonly Float64Array[] => {
  // By doubling: in each step an element is joined with the one that many places before, and takes the shares of both.
  let [values, shares] = [row, row.map((_, at): Float64Array => Float64Array.from(row, (__, i) => Number(i === at)))]
  for (let step = 1; step < row.length; step *= 2) {
    const joined = values.map((b, at): readonly [number, Float64Array] => {
      const second = shares[at] as Float64Array
      if (at < step) return [b, second]
      const [a, first] = [values[at - step] as number, shares[at - step] as Float64Array]
      if (a === b) return [a, first.map((one, i) => (one + (second[i] as number)) / 2)]
      return isFirst(a, b) ? [a, first] : [b, second]
    })
    values = joined.map(([value]) => value)
    shares = joined.map(([, share]) => share)
  }
  return shares
}

const runningGradient = (x: NdArray, g: NdArray, isFirst: (a: number, b: number) => boolean): Float64Array => {
  const [rows, columns] = x.shape as readonly [number, number]
  const gradient = new Float64Array(rows * columns)
  for (let base = 0; base < rows * columns; base += columns)
    runningShares(Array.from(x.data.subarray(base, base + columns)), isFirst).forEach((share, at) => {
      const h = g.data[base + at] as number
      for (let i = 0; i < columns; i++) gradient[base + i] = (gradient[base + i] as number) + h * (share[i] as number)
    })
  return gradient
}

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

  describe.each([
    [5, 3],
    [33, 16],
    [7, 65],
    [40, 64],
    [3, 1000],
    [70, 1000]
  ])('rows, %i by %i,', (rows, columns) => {
    const [x, g] = [words(1, [rows, columns], 4), cotangent([rows, columns])]
    /** The places of each row's elements in their order, equal ones in that of their places. */
    const orders = (values: NdArray, compare: (a: number, b: number) => number): readonly (readonly number[])[] =>
      Array.from({ length: rows }, (_, row) => {
        const at = (place: number): number => values.data[row * columns + place] as number
        return Array.from({ length: columns }, (__, place) => place).sort((i, j) => compare(at(i), at(j)) || i - j)
      })
    const rising = orders(x, (a, b) => a - b)
    const falling = orders(x, (a, b) => b - a)
    /** The cotangent of the element that came to each place, by shares of those of the results. */
    const gradientOf = (
      share: (row: number, rank: number) => number,
      order: readonly (readonly number[])[]
    ): Float64Array => {
      const gradient = new Float64Array(rows * columns)
      order.forEach((places, row) => {
        places.forEach((place, rank) => {
          gradient[row * columns + place] = share(row, rank)
        })
      })
      return gradient
    }
    const ofPlace = (row: number, rank: number): number => g.data[row * columns + rank] as number

    it('sorted, both ways, leave equal elements in their order', () =>
      sameOn(
        kind,
        (y, h) => [
          $.argsort(y as Tensor),
          $.argsort(y as Tensor, -1, { descending: true }),
          grad(weighted(z => $.sort(z), h as Tensor))(y as Tensor),
          grad(weighted(z => $.sort(z, -1, { descending: true }), h as Tensor))(y as Tensor)
        ],
        [x, g],
        [rising.flat(), falling.flat(), gradientOf(ofPlace, rising), gradientOf(ofPlace, falling)]
      ))

    it('sorted with zeros of both signs, infinities and NaN: zeros are equal, NaN are, and stand last', async () => {
      const odd = [0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1]
      const values = words(4, [rows, columns], odd.length)
      const y = { ...values, data: values.data.map(one => odd[one] as number) as typeof values.data }
      const size = (a: number): number => (Number.isNaN(a) ? 1e9 : Math.max(-1e8, Math.min(1e8, a)))
      const both = (z: Tensor) => [$.argsort(z), $.argsort(z, -1, { descending: true })]
      const wanted = [orders(y, (a, b) => size(a) - size(b)), orders(y, (a, b) => size(b) - size(a))]
      await sameOn(
        kind,
        z => both(z as Tensor),
        [y],
        wanted.map(order => order.flat())
      )
    })

    it('have the first of equal elements among their largest', () => {
      const k = Math.min(columns, 3)
      const largest = (y: Tensor): Tensor => $.topK(y, k)[0]
      const share = (row: number, rank: number): number => (rank < k ? (g.data[row * k + rank] as number) : 0)
      return sameOn(
        kind,
        (y, h) => [
          $.topK(y as Tensor, k)[1],
          grad(weighted(largest, $.reshape($.slice($.reshape(h as Tensor, [-1]), [[0, rows * k]]), [rows, k])))(
            y as Tensor
          )
        ],
        [x, g],
        [falling.flatMap(places => places.slice(0, k)), gradientOf(share, falling)]
      )
    })

    it('have one of equal elements in the middle, or the two whose places are there', () => {
      const [low, high] = [Math.floor((columns - 1) / 2), Math.ceil((columns - 1) / 2)]
      const share = (row: number, rank: number): number =>
        rank === low || rank === high ? (g.data[row] as number) / (low === high ? 1 : 2) : 0
      const ofRows = (h: Tensor) => $.reshape($.slice($.reshape(h, [-1]), [[0, rows]]), [rows])
      return sameOn(
        kind,
        (y, h) => [grad(weighted(z => $.median(z), ofRows(h as Tensor)))(y as Tensor)],
        [x, g],
        [gradientOf(share, rising)]
      )
    })
  })

  it.each([
    [5, 3],
    [33, 16],
    [7, 65],
    [1000, 70]
  ])(
    'running maxima and minima of rows, %i by %i, halve the cotangent wherever two are joined',
    async (rows, columns) => {
      const [x, g] = [tied([rows, columns]), cotangent([rows, columns])]
      const [rising, falling] = [runningGradient(x, g, (a, b) => a > b), runningGradient(x, g, (a, b) => a < b)]
      const gradient = (f: (y: Tensor) => Tensor) => (y: Tensor, h: Tensor) => grad(weighted(f, h))(y)
      await sameOn(
        kind,
        (y, h) => [$.cummax, $.cummin].map(f => gradient(z => f(z))(y as Tensor, h as Tensor)),
        [x, g],
        [rising, falling]
      )
    }
  )
})
