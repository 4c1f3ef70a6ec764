/** Results that rounding's choices explain are told from wrong ones. */
import { describe, expect, it } from 'vitest'
import { excuse, explained } from '../../bench/kinks.js'
import type { Workload } from '../../bench/workloads.js'
import { grad } from '../../src/autodiff/grad.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine.js'
import { backends } from '../backends.js'

const list = (...values: readonly number[]): HostArray => ({
  data: Float32Array.from(values),
  shape: [values.length],
  dtype: 'f32'
})
const workload = (f: Workload['f']): Workload => ({ name: 'a function', f, args: () => [], tolerance: 1e-5 })
/** Another function at each call: the device computes the first, the reference the second. */
const firstAndThen = (first: (x: Tensor) => Tensor, then: (x: Tensor) => Tensor): Workload['f'] => {
  let calls = 0
  return x => (calls++ === 0 ? first : then)(x)
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
    ['a window', slopes(x => $.maxPool2d($.reshape(afar(x), [1, 1, 2, 4]), { kernel: 2 })), list(0, 3e8, 0, 0, 0, 0, 0, 1)]
  ])('is right where %s was decided by rounding, and says so', async (_, f, x) => {
    const found = await explained(backends.gpu, workload(f), [x])
    expect(found.flips).toBeGreaterThan(0)
    expect(found.margin).toBeLessThan(1e-8)
    expect(found.distance.error).toBe(0)
    expect(excuse(found, 1e-5)).toMatch(
      /^\d of \d+ choices .* were decided by rounding, at most \d\.\de-\d+ apart; with the same choices it is off by 0/
    )
  })

  it('is wrong where the same choices give another', async () => {
    const f = firstAndThen(
      slopes(x => $.mul($.relu(afar(x)), 1.01)),
      slopes(x => $.relu(afar(x)))
    )
    const found = await explained(backends.gpu, workload(f), [list(1, 3e8)])
    expect(found.flips).toBe(1)
    expect(excuse(found, 1e-5)).toBeUndefined()
  })

  it('is wrong where a choice was made that rounding does not explain', async () => {
    const f = firstAndThen(
      slopes(x => $.mul($.convert($.greater(x, 0), 'f32'), x)),
      slopes(x => $.mul($.convert($.greater(x, 0.5), 'f32'), x))
    )
    const found = await explained(backends.gpu, workload(f), [list(0.2, 1, -1)])
    expect([found.flips, found.distance.error]).toEqual([1, 0])
    expect(excuse(found, 1e-5)).toBeUndefined()
  })

  it('is wrong where all choices agree', async () => {
    const f = firstAndThen(
      x => $.mul(x, 1.01),
      x => $.mul(x, 1)
    )
    expect(excuse(await explained(backends.gpu, workload(f), [list(1, 2)]), 1e-5)).toBeUndefined()
  })
})
