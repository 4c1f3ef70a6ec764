/**
 * Derivatives on a device are held to those of the reference: what is right passes, and a kernel that is wrong is found
 * and named.
 */
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { batchNorm, crossEntropy, linear } from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { bind, pointwise, primitive } from '../../src/autodiff/primitive.js'
import type { Primitive, Tensor } from '../../src/autodiff/tensor.js'
import { gradientFailure } from '../../src/engine/gradients.js'
import { backends, failure, succeed } from '../backends.js'

const onGpu = (check: ReturnType<typeof gradientFailure>) => succeed(backends.gpu, check)

const random = (seed: number, shape: readonly number[]): Tensor => $.randomNormal($.key(seed), shape)

/** A function of one number with its derivative, computed on the device as `expression` of WGSL says. */
const unary = (name: string, f: (x: number) => number, expression: string, slope: (x: Tensor) => Tensor) => {
  const record: Primitive = primitive({
    name,
    shape: ([x]) => E.right({ shape: x?.shape ?? [], dtype: 'f32' }),
    ...pointwise(f, expression),
    vjp: (g, [x]) => [$.mul(g, slope(x as Tensor))]
  })
  return (x: Tensor): Tensor => bind(record, [x], {})
}
const off = unary('off', x => x * x * x, 'a * a * a * 1.001', x => $.mul($.mul(x, x), 3)) // biome-ignore format: an operation
const offBelow = unary('off_below', x => x * x, 'a * a', x => $.mul(offSlope(x), 1)) // biome-ignore format: an operation
const offSlope = unary(
  'off_slope',
  x => 2 * x,
  'select(2.0 * a, 2.1 * a, a > 2.0)',
  () => $.tensor(2)
)

describe('lets pass', () => {
  it('a layer, a norm and a loss, to order 2, with integers among the arguments', async () => {
    const f = (weights: { w: Tensor; b: Tensor }, x: Tensor, labels: Tensor): Tensor =>
      crossEntropy(linear($.tanh(x), weights.w, weights.b), labels)
    const args = [
      { w: random(0, [7, 5]), b: random(1, [7]) },
      random(2, [6, 5]),
      $.tensor([0, 6, 3, 2, 1, 5], [6], 'i32')
    ] as const
    expect(await onGpu(gradientFailure(f, args))).toBeUndefined()
    const norm = (x: Tensor, w: Tensor): Tensor => $.tanh(batchNorm($.conv2d(x, w, { padding: 1 })).y)
    expect(await onGpu(gradientFailure(norm, [random(3, [2, 3, 6, 6]), random(4, [4, 3, 3, 3])]))).toBeUndefined()
  })
  it('what is ill conditioned, as far as float32 can say it', async () => {
    expect(await onGpu(gradientFailure(x => $.sub($.add(x, 1e4), 1e4), [random(5, [100])]))).toBeUndefined()
    expect(await onGpu(gradientFailure(x => $.log($.sub(x, 0.999)), [$.tensor([1, 1.001])]))).toBeUndefined()
    expect(await onGpu(gradientFailure(x => $.sum(x), [random(6, [10_000])]))).toBeUndefined()
  })
})

describe('finds', () => {
  it('a value that is wrong on the device alone', async () => {
    const error = await onGpu(gradientFailure(x => ({ y: off(x) }), [$.tensor([1, 3])]))
    expect(error).toMatchObject({
      against: 'reference',
      order: 0,
      output: { path: 'y' },
      inputs: [],
      wanted: expect.any(Number)
    })
    expect(error?.relativeError).toBeCloseTo(0.001, 5)
    expect(error?.message).toMatch(
      /^checkGrads wanted the value of entry \[\d\] of the result at 'y' to be \S+ on the device as on the float64 reference, but got \S+ \(relative error 0\.001\) where argument 0 = \[1, 3\]; mend the kernel that it comes from, or its reference\.$/
    )
  })
  it('a derivative that is: its entries, of the first order', async () => {
    const error = await onGpu(gradientFailure((s, x) => $.mul(offBelow(x), s), [$.tensor(2), $.tensor([1, 3, 1.5])]))
    expect(error).toMatchObject({ order: 1, output: { entry: [1] }, inputs: [{ argument: 1, path: '', entry: [1] }] })
    expect([error?.wanted, error?.got]).toEqual([12, expect.closeTo(12.6, 4)])
  })
  it('and the same at simpler arguments', async () => {
    const error = await onGpu(
      gradientFailure((s, x) => $.mul(offBelow(x), s), [$.tensor(1.234), $.tensor([1, 3.25, 1.5])], { shrink: true })
    )
    expect(error?.given.map(({ value }) => [...value.data])).toEqual([[1], [3]])
  })
})

describe('on the reference', () => {
  const wrong = $.customVjp(
    x => $.mul(x, x),
    g => [g]
  )
  it('central differences are what a derivative is held to', async () => {
    expect(
      await succeed(
        backends.reference,
        gradientFailure(x => $.tanh(x), [$.tensor([1, 2])])
      )
    ).toBeUndefined()
    const options = { shrink: true }
    const error = await succeed(
      backends.reference,
      gradientFailure(x => wrong(x), [$.tensor([1.25, 2.5])], options)
    )
    expect(error).toMatchObject({ against: 'differences', order: 1, got: 1 })
    expect(error?.given.map(({ value }) => [...value.data])).toEqual([[0]])
  })
})

describe('what cannot be checked is a Left', () => {
  it.each(['reference', 'gpu'] as const)('on the %s', async kind => {
    const message = await failure(
      backends[kind],
      gradientFailure(x => $.add(x, $.tensor([1, 2])), [$.tensor([1, 2, 3])])
    )
    expect(message).toMatch(/^add requires/)
    expect(
      await failure(
        backends[kind],
        gradientFailure(x => x, [$.tensor(1)], { order: 0 })
      )
    ).toMatch(/^checkGrads requires order/)
  })
})
