/**
 * Long sums keep their digits, whatever kernel adds them: terms of one sign, the worst case, are within TOLERANCE of
 * the sum of their sizes. A chain of n additions in float32 may lose n / 2 units in the last place (2^-24 of the sum);
 * sums here are cut into blocks and parts, so that no chain is longer than some 2,048 terms, of which random terms lose
 * about the square root: 1.4e-6 with a margin for four such levels.
 */
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import type { NdArray } from '../../src/autodiff/ndarray.js'
import { batchNorm } from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { dot, variance } from '../../src/autodiff/ops/index.js'
import type { Shape, Tensor } from '../../src/autodiff/tensor.js'
import { backends, evaluateOn } from '../backends.js'
import { array, type Fill } from './values.js'

const TOLERANCE = 3e-6

/** From 0 to 1, by a generator that is fast: millions of values. */
const positive: Fill = (seed, count) => {
  let state = seed + 1
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  })
}

type Function = (...x: readonly Tensor[]) => Tensor
const filterGradient =
  (options: Parameters<typeof $.conv2d>[2]): Function =>
  (x, g, w) =>
    grad((f: Tensor) => dot($.conv2d(x as Tensor, f, options), g as Tensor))(w as Tensor)
const inputGradient: Function = (x, g, w) =>
  grad((y: Tensor) => dot($.conv2d(y, w as Tensor, { padding: 1 }), g as Tensor))(x as Tensor)
const product: Function = (x, y) => $.matmul(x as Tensor, y as Tensor)

/**
 * Each chooses another kernel on at least one backend. All are linear in positive arguments, so that a result is the
 * sum of its terms' sizes.
 */
const cases: Readonly<Record<string, readonly [Function, readonly Shape[]]>> = {
  'a product of 2^20 terms': [
    product,
    [
      [1, 2 ** 20],
      [2 ** 20, 1]
    ]
  ],
  'products of 2^18 + 3 terms': [
    product,
    [
      [4, 2 ** 18 + 3],
      [2 ** 18 + 3, 8]
    ]
  ],
  'products of 4,100 terms in a batch': [
    product,
    [
      [3, 5, 4100],
      [3, 4100, 7]
    ]
  ],
  'a small product': [
    product,
    [
      [1, 60_000],
      [60_000, 1]
    ]
  ],
  'a transposed product': [
    (x, y) => $.matmul(x as Tensor, $.transpose(y as Tensor)),
    [
      [16, 16_388],
      [32, 16_388]
    ]
  ],
  'filters 1x1 over 2 million pixels': [
    filterGradient({}),
    [
      [1, 2, 1448, 1448],
      [1, 3, 1448, 1448],
      [3, 2, 1, 1]
    ]
  ],
  'filters 3x3 over a million pixels': [
    filterGradient({ padding: 1 }),
    [
      [1, 2, 1024, 1024],
      [1, 3, 1024, 1024],
      [3, 2, 3, 3]
    ]
  ],
  'filters 3x3 over odd images': [
    filterGradient({ padding: 1 }),
    [
      [2, 2, 723, 701],
      [2, 3, 723, 701],
      [3, 2, 3, 3]
    ]
  ],
  'depthwise filters': [
    filterGradient({ padding: 1, groups: 2 }),
    [
      [1, 2, 8192, 32],
      [1, 2, 8192, 32],
      [2, 1, 3, 3]
    ]
  ],
  'depthwise filters of stride 2': [
    filterGradient({ padding: 1, groups: 2, stride: 2 }),
    [
      [1, 2, 8192, 32],
      [1, 2, 4096, 16],
      [2, 1, 3, 3]
    ]
  ],
  'grouped filters': [
    filterGradient({ padding: 1, groups: 2 }),
    [
      [1, 4, 723, 701],
      [1, 4, 723, 701],
      [4, 2, 3, 3]
    ]
  ],
  'filters with rows of nine taps': [
    filterGradient({ padding: [1, 4], groups: 2, stride: [1, 2] }),
    [
      [1, 4, 511, 1023],
      [1, 4, 511, 512],
      [4, 2, 3, 9]
    ]
  ],
  'a convolution 1x1 of 4,100 channels': [
    (x, w) => $.conv2d(x as Tensor, w as Tensor),
    [
      [2, 4100, 4, 4],
      [8, 4100, 1, 1]
    ]
  ],
  'a convolution 3x3 of 516 channels': [
    (x, w) => $.conv2d(x as Tensor, w as Tensor, { padding: 1 }),
    [
      [2, 516, 8, 8],
      [8, 516, 3, 3]
    ]
  ],
  'a convolution 3x3 of 515 channels, odd': [
    (x, w) => $.conv2d(x as Tensor, w as Tensor, { padding: 1 }),
    [
      [1, 515, 7, 7],
      [9, 515, 3, 3]
    ]
  ],
  'a convolution of rare form': [
    (x, w) => $.conv2d(x as Tensor, w as Tensor, { stride: [1, 2], padding: 1 }),
    [
      [1, 2048, 5, 5],
      [4, 2048, 3, 3]
    ]
  ],
  'an input gradient 3x3 of 516 outputs': [
    inputGradient,
    [
      [1, 8, 8, 8],
      [1, 516, 8, 8],
      [516, 8, 3, 3]
    ]
  ],
  'an input gradient 3x3 of 515 outputs, odd': [
    inputGradient,
    [
      [1, 6, 7, 7],
      [1, 515, 7, 7],
      [515, 6, 3, 3]
    ]
  ],
  'a sum of 2^22': [x => $.sum(x as Tensor), [[2 ** 22]]],
  'sums of rows and of columns': [
    x => $.add($.sum(x as Tensor, 1), $.sum($.transpose(x as Tensor), 0)),
    [[3, 1_000_003]]
  ],
  'rows that are added to one': [
    x => $.scatterAdd(x as Tensor, $.tensor(new Int32Array(2 ** 16), [2 ** 16], 'i32'), 0, 1),
    [[2 ** 16, 2]]
  ],
  'windows of 64 x 64': [x => $.mul($.avgPool2d(x as Tensor, { kernel: 64 }), 4096), [[1, 1, 128, 128]]]
}

describe.each(['gpu', 'tiles'] as const)('on %s', kind => {
  it.each(Object.entries(cases))('%s', async (_, [f, shapes]) => {
    const args = shapes.map((shape, i): NdArray => array(positive, i, shape))
    const [got, wanted] = [
      await evaluateOn(backends[kind], (...x) => [f(...x)], args),
      await evaluateOn(backends.reference, (...x) => [f(...x)], args)
    ]
    const { data } = wanted[0] as (typeof wanted)[0]
    data.forEach((want, i) => {
      const found = got[0]?.data[i] as number
      if (!(Math.abs(found - want) <= TOLERANCE * want))
        expect.fail(`element ${i}: the device gives ${found}, the reference ${want}`)
    })
  })

  it('a channel that is constant normalises to 0, and its variance is 0', async () => {
    const values: NdArray = {
      data: new Float64Array(2000).fill(Math.fround(12345.678)),
      shape: [10, 2, 100],
      dtype: 'f32'
    }
    const f = (x: Tensor) => {
      const { y, moments } = batchNorm(x)
      return [y, moments.variance, variance(x), $.sub(moments.mean, 12345.678)]
    }
    const results = await evaluateOn(backends[kind], f as never, [values])
    for (const { data } of results) expect(new Set(Array.from(data, Math.abs))).toEqual(new Set([0]))
  })

  it('a spread that is small beside the mean keeps its digits', async () => {
    const noise = array(positive, 3, [64, 3, 32])
    const values: NdArray = { ...noise, data: Float64Array.from(noise.data, value => Math.fround(1000 + value / 8)) }
    const f = (x: Tensor) => [batchNorm(x).y]
    const [got, wanted] = [
      await evaluateOn(backends[kind], f as never, [values]),
      await evaluateOn(backends.reference, f as never, [values])
    ]
    // The mean is rounded to half a unit at 1000, 3e-5, and the deviation is 0.036.
    wanted[0]?.data.forEach((want, i) => {
      expect(Math.abs((got[0]?.data[i] as number) - want)).toBeLessThan(1e-3)
    })
  })
})
