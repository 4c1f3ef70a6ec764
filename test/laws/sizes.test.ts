/**
 * Programs of the sizes at which other kernels are chosen than for small tensors, values and gradients, with the
 * kernels of both families. Each was wrong once, while every test of small tensors passed: a gradient that only repeats
 * a number has no dense operand to decide by.
 */
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import type { NdArray } from '../../src/autodiff/ndarray.js'
import { batchNorm, softmax } from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { dot } from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { compile } from '../../src/engine/index.js'
import { backends, evaluateOn, failure } from '../backends.js'
import { device } from '../device.js'
import { anything, array, spread, whole } from './values.js'

type Function = (...x: readonly Tensor[]) => readonly Tensor[]

/** Relative to the largest entry of each result: sums of up to 2^17 terms, added in another order. */
const TOLERANCE = 2e-5

const expectAgreement = async (kind: 'gpu' | 'tiles', f: Function, args: readonly NdArray[]): Promise<void> => {
  const [got, wanted] = [await evaluateOn(backends[kind], f, args), await evaluateOn(backends.reference, f, args)]
  wanted.forEach(({ data, shape }, i) => {
    const largest = Array.from(data).reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    expect(got[i]?.shape).toEqual(shape)
    const wrong = data.findIndex((value, n) => !(Math.abs((got[i]?.data[n] as number) - value) <= TOLERANCE * largest))
    expect(wrong, `result ${i}: ${got[i]?.data[wrong]} at ${wrong}, wanted ${data[wrong]}`).toBe(-1)
  })
}

const channels = 16
const image = (seed: number, batch = 32) => array(anything, seed, [batch, channels, 32, 32])
/** A mixed operation of five, as on an edge of NAS-Bench-201. */
const edge = (one: Tensor, three: Tensor, alpha: Tensor, x: Tensor): Tensor => {
  const p = softmax(alpha)
  const pool = { kernel: 3, stride: 1, padding: 1 }
  const outputs = [
    x,
    batchNorm($.conv2d($.relu(x), one)).y,
    batchNorm($.conv2d($.relu(x), three, { padding: 1 })).y,
    $.avgPool2d(x, pool),
    $.maxPool2d(x, pool)
  ]
  return outputs.map((y, o) => $.mul($.reshape($.slice(p, [[o, o + 1]]), []), y)).reduce((a, b) => $.add(a, b))
}

const programs: Readonly<Record<string, readonly [Function, readonly NdArray[]]>> = {
  'the gradient of a sum of 131,072 elements': [
    x => [grad((y: Tensor) => $.sum(y))(x as Tensor)],
    [array(anything, 1, [4, 8, 64, 64])]
  ],
  'a number in 65,536 places': [() => [$.broadcastTo($.tensor(3), [256, 256])], []],
  'an argument in 65,536 places, and one in 262,144 by rows': [
    (x, y) => [$.broadcastTo(x as Tensor, [256, 256]), $.broadcastTo(y as Tensor, [64, 64, 64])],
    [array(anything, 1, []), array(anything, 2, [64, 1, 1])]
  ],
  'a column that is repeated and doubled': [
    x => [$.mul($.broadcastTo($.reshape(x as Tensor, [64, 1]), [64, 1024]), 2)],
    [array(anything, 1, [64])]
  ],
  'a repeated row, and a number added to it': [
    x => [$.add($.broadcastTo(x as Tensor, [3, 65_536]), 1)],
    [array(whole(-9, 10), 1, [3, 1])]
  ],
  'a repeated column that is folded': [
    x => [$.sum($.exp($.broadcastTo($.reshape(x as Tensor, [64, 1]), [64, 1024])), 0)],
    [array(anything, 1, [64])]
  ],
  'the filter gradient of a convolution, a mean over the image, a product': [
    (x, w, v) => [
      grad((f: Tensor) => dot($.mean($.conv2d(x as Tensor, f, { padding: 1 }), [2, 3]), v as Tensor))(w as Tensor)
    ],
    [array(anything, 1, [8, 3, 32, 32]), array(anything, 2, [8, 3, 3, 3]), array(anything, 3, [8, 8])]
  ],
  'the gradient of a max-pool and a mean over the image': [
    (x, v) => [
      grad((y: Tensor) => dot($.mean($.maxPool2d(y, { kernel: 3, stride: 1, padding: 1 }), [2, 3]), v as Tensor))(
        x as Tensor
      )
    ],
    [array(spread, 1, [8, 8, 32, 32]), array(anything, 2, [8, 8])]
  ],
  'the mixed derivative of an edge of five operations at batch 32': [
    (one, three, alpha, x, g, v) => [
      ...grad((w: readonly Tensor[]) =>
        dot(
          grad((a: Tensor) => dot(edge(w[0] as Tensor, w[1] as Tensor, a, x as Tensor), g as Tensor))(alpha as Tensor),
          v as Tensor
        )
      )([one as Tensor, three as Tensor])
    ],
    [
      array(anything, 1, [channels, channels, 1, 1]),
      array(anything, 2, [channels, channels, 3, 3]),
      array(anything, 3, [5]),
      image(4),
      image(5),
      array(anything, 6, [5])
    ]
  ],
  'the mixed derivative of that edge and a mean over the image': [
    (one, three, alpha, x, g, v) => [
      ...grad((w: readonly Tensor[]) =>
        dot(
          grad((a: Tensor) => dot($.mean(edge(w[0] as Tensor, w[1] as Tensor, a, x as Tensor), [2, 3]), g as Tensor))(
            alpha as Tensor
          ),
          v as Tensor
        )
      )([one as Tensor, three as Tensor])
    ],
    [
      array(anything, 1, [channels, channels, 1, 1]),
      array(anything, 2, [channels, channels, 3, 3]),
      array(anything, 3, [5]),
      image(4),
      array(anything, 5, [32, channels]),
      array(anything, 6, [5])
    ]
  ]
}

describe.each(['gpu', 'tiles'] as const)('on %s', kind => {
  it.each(Object.entries(programs))('%s', (_, [f, args]) => expectAgreement(kind, f, args))

  it('a tensor as large as a binding may be, by a map, a transpose and folds, and its gradient; one that is larger is refused', async () => {
    const backend = backends[kind]
    const most = device.limits.maxStorageBufferBindingSize / 4
    // What a software adapter allows; a GPU allows gigabytes, of which nothing else is chosen by size.
    const count = Math.min(most, 2 ** 25)
    const rows = 2 ** 13
    const data = Float32Array.from({ length: count }, (_, i) => (i % 1021) - 510)
    const f = (x: Tensor) => {
      const y = $.add($.mul(x, 2), 1)
      return [$.sum(y, 1), $.max($.transpose(y), 0), grad((z: Tensor) => $.sum($.mul(z, z)))(x)]
    }
    const shape = [rows, count / rows]
    const got = await evaluateOn(backend, f as never, [{ data, shape, dtype: 'f32' }])
    for (let row = 0; row < rows; row++) {
      let [sum, largest] = [0, Number.NEGATIVE_INFINITY]
      for (let i = row * (count / rows); i < (row + 1) * (count / rows); i++) {
        const y = 2 * (data[i] as number) + 1
        sum += y
        largest = Math.max(largest, y)
      }
      // Whole numbers below 2^24: exact in any order.
      if (got[0]?.data[row] !== sum || got[1]?.data[row] !== largest)
        expect.fail(`row ${row}: ${got[0]?.data[row]} and ${got[1]?.data[row]}, wanted ${sum} and ${largest}`)
    }
    const gradient = got[2]?.data as Float32Array
    for (let i = 0; i < count; i++)
      if (gradient[i] !== 2 * (data[i] as number))
        expect.fail(`the gradient at ${i}: ${gradient[i]}, wanted ${2 * (data[i] as number)}`)
    const larger = compile((x: Tensor) => $.neg(x))([{ shape: [most + 1], dtype: 'f32' }])
    expect(await failure(backend, larger)).toMatch(
      /it takes \d+ bytes, and this adapter binds at most \d+ bytes: lower/
    )
  })

  it('the mixed derivative of the sum of an edge at batch 32: batch norms sum to 0 whatever the filters are', async () => {
    const f: Function = (one, three, alpha, x, v) => [
      ...grad((w: readonly Tensor[]) =>
        dot(
          grad((a: Tensor) => $.sum(edge(w[0] as Tensor, w[1] as Tensor, a, x as Tensor)))(alpha as Tensor),
          v as Tensor
        )
      )([one as Tensor, three as Tensor])
    ]
    const args = [
      array(anything, 1, [channels, channels, 1, 1]),
      array(anything, 2, [channels, channels, 3, 3]),
      array(anything, 3, [5]),
      image(4),
      array(anything, 6, [5])
    ]
    // 32,768 values near 1 add up to 0 in each channel: what is left is their rounding.
    const largest = (await evaluateOn(backends[kind], f, args)).flatMap(({ data }) => Array.from(data, Math.abs))
    expect(Math.max(...largest)).toBeLessThan(32_768 * 1e-6)
  })
})
