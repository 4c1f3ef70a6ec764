/** Results that rounding's choices explain are told from wrong ones. */
import { describe, expect, it } from 'vitest'
import { evaluate } from '../../bench/check.js'
import { type Explained, excuse, explained } from '../../bench/kinks.js'
import type { Workload } from '../../bench/workloads.js'
import { grad } from '../../src/autodiff/grad.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { PoolOptions } from '../../src/autodiff/ops/window.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import { backends } from '../backends.js'

const list = (...values: readonly number[]): HostArray => ({
  data: Float32Array.from(values),
  shape: [values.length],
  dtype: 'f32'
})
const workload = (f: Workload['f']): Workload => ({ name: 'a function', f, args: () => [], tolerance: 1e-5 })
type Formula = (x: Tensor) => Tensor | readonly Tensor[]
/**
 * What explains the results of `timed` on the device, if choices as `shown` makes them there do; the reference computes
 * `wanted`.
 */
const explainedOf = async (
  x: HostArray,
  timed: Formula,
  wanted: Formula = timed,
  shown: Formula = timed
): Promise<Explained> => {
  const got = await evaluate(backends.gpu, workload(timed), [x])
  let calls = 0
  return explained(
    backends.gpu,
    workload((...args: [Tensor]) => (calls++ === 0 ? shown : wanted)(...args)),
    [x],
    got
  )
}

const FAR = 1e8
/** In float32 1 + 1e8 is 1e8, so that the difference is 0 there, and 1 in float64. */
const afar = (x: Tensor): Tensor => $.sub($.add(x, FAR), FAR)
const slopes = (f: (x: Tensor) => Tensor) => (x: Tensor) => grad((y: Tensor) => $.sum(f(y)))(x)

describe('a result that is off', () => {
  it.each([
    ['a ReLU', slopes(x => $.relu(afar(x))), list(1, 3e8)],
    ['an absolute value', slopes(x => $.abs(afar(x))), list(1, 3e8)],
    ['a maximum of two', slopes(x => $.maximum(afar(x), 0.5)), list(1, 3e8)],
    ['a place among others', slopes(x => $.max($.reshape(afar(x), [2, 2]), 1)), list(0, 1, 3e8, 2e8)],
    [
      'a window',
      slopes(x => $.maxPool2d($.reshape(afar(x), [1, 1, 2, 4]), { kernel: 2 })),
      list(0, 3e8, 0, 0, 0, 0, 0, 1)
    ]
  ])('is right where %s was decided by rounding, and says so', async (_, f, x) => {
    const found = await explainedOf(x, f)
    expect(found.flips).toBeGreaterThan(0)
    expect(found.margin).toBeLessThan(1e-8)
    expect(found.distance.error).toBe(0)
    expect(excuse(found, 1e-5)).toMatch(
      /^\d of \d+ choices .* were decided by rounding, at most \d\.\de-\d+ apart; with the same choices it is off by 0/
    )
  })

  it('is wrong where the same choices give another', async () => {
    const relu = slopes(x => $.relu(afar(x)))
    const found = await explainedOf(
      list(1, 3e8),
      slopes(x => $.mul($.relu(afar(x)), 1.01)),
      relu
    )
    expect(found.flips).toBe(1)
    expect(excuse(found, 1e-5)).toBeUndefined()
  })

  it('is wrong where only the run that shows its choices is right', async () => {
    const relu = slopes(x => $.relu(afar(x)))
    const found = await explainedOf(
      list(1, 3e8),
      slopes(x => $.mul($.relu(afar(x)), 1.01)),
      relu,
      relu
    )
    expect(found.flips).toBe(1)
    expect(found.distance.error).toBeCloseTo(0.01)
    expect(excuse(found, 1e-5)).toBeUndefined()
  })

  const above = (least: number) => slopes(x => $.mul($.convert($.greater($.tensor(least), x), 'f32'), x))
  const pool = (options: PoolOptions) => slopes(x => $.maxPool2d($.reshape(x, [1, 1, 2, 4]), options))
  const placeIn = (x: Tensor, rows: Tensor) => $.argmax($.reshape($.concat([$.mul(x, rows), x]), [2, 4]))
  it.each<[string, HostArray, Formula, Formula]>([
    ['that rounding does not explain', list(0.2, 1, -1), above(0), above(0.5)],
    ['among small numbers that rounding does not explain', list(2e-6, 4e-6), above(3e-6), above(0)],
    [
      'of a pixel of another window',
      list(0, 7, 7, 0, 0, 0, 0, 0),
      pool({ kernel: 3, stride: 2, padding: 1 }),
      pool({ kernel: 2 })
    ],
    [
      'of a place in another row',
      list(0, 1, 1, 1),
      x => placeIn(x, $.tensor([1, 0, 1, 1])),
      x => $.argmax($.reshape(x, [2, 2]))
    ]
  ])('is wrong where a choice was made %s', async (_, x, timed, wanted) => {
    const found = await explainedOf(x, timed, wanted)
    expect(found.flips).toBeGreaterThan(0)
    expect(found.distance.error).toBe(0)
    expect(excuse(found, 1e-5)).toBeUndefined()
  })

  it('is wrong where all choices agree', async () => {
    const found = await explainedOf(
      list(1, 2),
      x => $.mul(x, 1.01),
      x => $.mul(x, 1)
    )
    expect(excuse(found, 1e-5)).toBeUndefined()
  })
})
