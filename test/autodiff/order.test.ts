/**
 * Sorting, taking and scattering along axes, scans: on the reference and on both families of kernels, at the sizes
 * where another way is taken: within a block, beyond one, beyond what one launch may have in workgroups.
 */
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import { type NdArray, ndarray } from '../../src/autodiff/ndarray.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { dot } from '../../src/autodiff/ops/index.js'
import type { Shape, Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import { backends, evaluateOn } from '../backends.js'
import { anything, array, whole } from '../laws/values.js'

type Function = (...x: readonly Tensor[]) => readonly Tensor[]
const { NaN: nan, POSITIVE_INFINITY: inf } = Number

/** In loops: an assertion on arrays of a million elements would show them. */
const expectEqual = (got: HostArray | undefined, wanted: ArrayLike<number>): void => {
  const data = got?.data as ArrayLike<number>
  expect(data.length).toBe(wanted.length)
  for (let i = 0; i < wanted.length; i++)
    if (data[i] !== wanted[i] && !(Number.isNaN(data[i]) && Number.isNaN(wanted[i])))
      expect.fail(`element ${i}: ${data[i]}, wanted ${wanted[i]}`)
}

/** Every NaN behind all numbers, zeros of both signs equal. */
const compared = (a: number, b: number): number =>
  Number.isNaN(a) || Number.isNaN(b) ? Number(Number.isNaN(a)) - Number(Number.isNaN(b)) : Number(a > b) - Number(a < b)
/** The order of the last axis. */
const orderOf = ({ data, shape }: NdArray, descending = false): Int32Array => {
  const extent = shape.at(-1) as number
  const result = new Int32Array(data.length)
  for (let base = 0; base < data.length; base += extent) {
    const places = Array.from({ length: extent }, (_, i) => i)
    const sign = descending ? -1 : 1
    result.set(
      places.sort((a, b) => sign * compared(data[base + a] as number, data[base + b] as number)),
      base
    )
  }
  return result
}

const SPECIAL = [nan, inf, -inf, 0, -0, 2 ** -149, -(2 ** -149), 1]
/** Many ties, and all that floats have. */
const special = (seed: number, shape: Shape): NdArray => {
  const { data } = array(whole(-20, 20), seed, shape)
  return {
    data: data.map(value => (value < -8 ? (SPECIAL[value + 20] ?? value) : value)) as NdArray['data'],
    shape,
    dtype: 'f32'
  }
}

const shapes: readonly Shape[] = [
  [1],
  [3, 2],
  [5, 63],
  [4, 64],
  [3, 65],
  [129],
  [3, 130],
  [2, 1000],
  [3, 4096],
  [70_001, 9],
  [300_007]
]

describe.each(['reference', 'gpu', 'tiles'] as const)('on %s', kind => {
  const on = (f: Function, args: readonly NdArray[]) => evaluateOn(backends[kind], f, args)

  it.each(shapes.map(shape => [shape] as const))(
    'sorts rows of %j as a stable sort does, up and down, and takes what it finds',
    async shape => {
      const x = special(1, shape)
      const [up, down, values] = await on(
        y => [$.argsort(y as Tensor), $.argsort(y as Tensor, -1, { descending: true }), $.sort(y as Tensor)],
        [x]
      )
      const order = orderOf(x)
      const extent = shape.at(-1) as number
      expectEqual(up, order)
      expectEqual(down, orderOf(x, true))
      expectEqual(
        values,
        Float64Array.from(order, (place, at) => x.data[at - (at % extent) + place] as number)
      )
    }
  )

  it.each(['i32', 'u32'] as const)('sorts %s, its ends included', async dtype => {
    const ends = dtype === 'i32' ? [2 ** 31 - 1, -(2 ** 31), -1, 0, 1] : [2 ** 32 - 1, 2 ** 31, 0, 1, 2 ** 31 - 1]
    const x = ndarray(
      Array.from({ length: 133 }, (_, i) => ends[(i * 7) % 5] as number),
      [133],
      dtype
    )
    const [got] = await on(y => [$.argsort(y as Tensor)], [x])
    expectEqual(got, orderOf(x))
  })

  it('sorts along any axis, and its gradient goes back to where the values came from', async () => {
    const x = array(anything, 3, [5, 130, 3])
    const weights = array(anything, 4, [5, 130, 3])
    const [places, gradient] = await on(
      (y, w) => [$.argsort(y as Tensor, 1), grad((z: Tensor) => dot($.sort(z, 1), w as Tensor))(y as Tensor)],
      [x, weights]
    )
    const wanted = new Float64Array(x.data.length)
    for (let o = 0; o < 5; o++)
      for (let k = 0; k < 130; k++)
        for (let n = 0; n < 3; n++) {
          const at = (o * 130 + k) * 3 + n
          wanted[(o * 130 + (places?.data[at] as number)) * 3 + n] = weights.data[at] as number
        }
    expectEqual(gradient, wanted)
  })

  it('has the gradient of a sort of 2^20 elements', async () => {
    const count = 2 ** 20
    const x = ndarray(Float64Array.from({ length: count }, (_, i) => (i * 40_503) % count))
    const w = ndarray(Float64Array.from({ length: count }, (_, i) => i % 1000))
    const [values, gradient] = await on(
      (y, u) => [$.sort(y as Tensor), grad((z: Tensor) => dot($.sort(z), u as Tensor))(y as Tensor)],
      [x, w]
    )
    // 40,503 is odd, so the values are all whole numbers below 2^20, each once: each is its own place.
    expectEqual(
      values,
      Float64Array.from({ length: count }, (_, i) => i)
    )
    expectEqual(gradient, x.data.map(place => place % 1000) as Float64Array)
  })

  it('scatters as many elements as there are into one, into all, and into none', async () => {
    const count = 70_001
    const ones = ndarray(new Float64Array(count).fill(1))
    const spread = ndarray(
      Int32Array.from({ length: count }, (_, i) => (i * 7) % 1000),
      [count],
      'i32'
    )
    const [one, each] = await on(
      (x, at) => [
        $.scatterAdd(x as Tensor, $.mul(at as Tensor, 0), 0, 3),
        $.scatterAdd(x as Tensor, at as Tensor, 0, 1003)
      ],
      [ones, spread]
    )
    expectEqual(one, [count, 0, 0])
    const wanted = new Float64Array(1003)
    for (const place of spread.data) wanted[place] = (wanted[place] as number) + 1
    expectEqual(each, wanted)
  })

  it('makes a column NaN for an index out of range, and leaves the others', async () => {
    // Of columns of two: within, below, above, above by one at the end of those that are within, and all above.
    const at = ndarray([0, -1, 0, 2, 3, 1, 1, 5, 1, 2], [2, 5], 'i32')
    const [taken, added] = await on(
      (x, i) => [$.takeAlong(x as Tensor, i as Tensor, 0), $.scatterAddAlong(x as Tensor, i as Tensor, 0, 2)],
      [ndarray([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [2, 5]), at]
    )
    expectEqual(taken, [1, nan, 3, nan, nan, 6, 7, nan, 9, nan])
    expectEqual(added, [1, nan, nan, nan, nan, 6, nan, nan, nan, nan])
  })

  const scanned: readonly Shape[] = [[1], [63, 2], [64], [65, 3], [4096], [4161], [2, 300_001]]
  it.each(scanned.map(shape => [shape] as const))('adds up along the first and last axis of %j', async shape => {
    const x = array(whole(-9, 10), 5, shape)
    const f: Function = y => [
      $.cumsum(y as Tensor),
      $.cumsum(y as Tensor, 0, { reverse: true }),
      $.cumsum(y as Tensor, -1, { exclusive: true }),
      $.cumsum($.convert(y as Tensor, 'i32'), -1, { exclusive: true, reverse: true })
    ]
    const got = await on(f, [x])
    const summed = (axis: number, reverse: boolean, exclusive: boolean): Float64Array => {
      const inner = axis === 0 ? x.data.length / (shape[0] as number) : 1
      const extent = axis === 0 ? (shape[0] as number) : (shape.at(-1) as number)
      const result = new Float64Array(x.data.length)
      for (let column = 0; column < x.data.length / extent; column++) {
        const base = Math.floor(column / inner) * extent * inner + (column % inner)
        let total = 0
        for (let k = 0; k < extent; k++) {
          const at = base + (reverse ? extent - 1 - k : k) * inner
          if (!exclusive) total += x.data[at] as number
          result[at] = total
          if (exclusive) total += x.data[at] as number
        }
      }
      return result
    }
    expectEqual(got[0], summed(-1, false, false))
    expectEqual(got[1], summed(0, true, false))
    expectEqual(got[2], summed(-1, false, true))
    expectEqual(got[3], summed(-1, true, true))
  })

  it('turns round more elements than one launch has invocations', async () => {
    const count = 65_536 * 64 + 7
    const x = ndarray(Float64Array.from({ length: count }, (_, i) => i % 1_000_003))
    const [got] = await on(y => [$.flip(y as Tensor)], [x])
    expectEqual(got, x.data.toReversed())
  })
})
