/** Randomness: the published vectors of threefry, equal bits on both backends, and the moments of the distributions. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/autodiff/interpret.js'
import { ndarray } from '../../src/autodiff/ndarray.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { keyOf, normalOf, randomWords, threefry2x32 } from '../../src/autodiff/threefry.js'
import type { HostArray } from '../../src/engine/index.js'
import { backends, evaluateOn } from '../backends.js'

/**
 * Known answers of threefry2x32 with 20 rounds, from the authors' Random123 (file kat_vectors): key, counter, result.
 */
const known: readonly (readonly [$.Key, $.Key, $.Key])[] = [
  [[0, 0], [0, 0], [0x6b200159, 0x99ba4efe]], // biome-ignore format: a row each
  [[0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], [0x1cb996fc, 0xbb002be7]], // biome-ignore format: a row each
  [[0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3], [0xc4923a9c, 0x483df7a0]] // biome-ignore format: a row each
]

describe('threefry2x32', () => {
  it.each(known)('key %j, counter %j', (key, counter, result) => expect(threefry2x32(key, counter)).toEqual(result))

  it('is drawn block by block: word i is word i mod 2 of the counter (i / 2, 0)', () => {
    const key: $.Key = [0x13198a2e, 0x03707344]
    expect([...randomWords(key, 5)]).toEqual([0, 1, 2].flatMap(i => [...threefry2x32(key, [i, 0])]).slice(0, 5))
  })
})

describe('both backends', () => {
  it('draw equal bits and equal uniforms, and normals to rounding, of any shape and key', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            key: fc.tuple(fc.nat({ max: 2 ** 32 - 1 }), fc.nat({ max: 2 ** 32 - 1 })),
            count: fc.integer({ min: 1, max: 300 })
          }),
          { minLength: 1, maxLength: 8 }
        ),
        async draws => {
          const args = draws.map(({ key }) => ndarray(key, [2], 'u32'))
          const on = (kind: 'reference' | 'gpu') =>
            evaluateOn(
              backends[kind],
              (...keys) =>
                keys.flatMap((key, i) => {
                  const shape = [draws[i]?.count as number]
                  return [$.randomBits(key, shape), $.randomUniform(key, shape), $.randomNormal(key, shape)]
                }),
              args
            )
          const [device, reference] = [await on('gpu'), await on('reference')]
          draws.forEach(({ key, count }, i) => {
            const [bits, uniform, normal] = device.slice(3 * i, 3 * i + 3).map(({ data }) => Array.from(data)) as [
              number[],
              number[],
              number[]
            ]
            expect(bits).toEqual([...randomWords(key, count)])
            expect(uniform).toEqual(Array.from((reference[3 * i + 1] as HostArray).data))
            normal.forEach((value, n) => {
              const wanted = (reference[3 * i + 2] as HostArray).data[n] as number
              expect(Math.abs(value - wanted)).toBeLessThanOrEqual(2e-6 * Math.max(1, Math.abs(wanted)))
            })
          })
        }
      ),
      { numRuns: 10 }
    ))

  it('draw finite normals from the largest and the smallest word', async () => {
    // Seeds whose first two words have the upper 24 bits all 1 and all 0.
    const draws = await evaluateOn(
      backends.gpu,
      (...keys) => keys.map(key => $.randomNormal(key, [2])),
      [10082300, 10573324].map(seed => ndarray(keyOf(seed), [2], 'u32'))
    )
    const [largest, smallest] = [draws[0]?.data[0], draws[1]?.data[1]] as [number, number]
    expect(largest / normalOf(0xffffff18)).toBeCloseTo(1, 6)
    expect(smallest / normalOf(0x6e)).toBeCloseTo(1, 6)
    expect(largest).toBeCloseTo(-smallest, 6)
  })

  it('draw the first published vector from the key of 0', async () => {
    const [bits] = await evaluateOn(backends.gpu, key => [$.randomBits(key as Tensor, [2])], [
      ndarray([0, 0], [2], 'u32')
    ])
    expect([...(bits as HostArray).data]).toEqual(known[0]?.[2])
  })
})

describe('moments', () => {
  const count = 200_000
  const moments = (data: ArrayLike<number>, centre: number): number[] =>
    [1, 2, 3, 4].map(power => Array.from(data, x => (x - centre) ** power).reduce((sum, x) => sum + x, 0) / data.length)
  /** Each moment is off by at most five standard errors. The key is fixed, so that this never fails by chance. */
  const within = (got: readonly number[], wanted: readonly (readonly [mean: number, deviation: number])[]) =>
    wanted.forEach(([mean, deviation], i) => {
      expect(Math.abs((got[i] as number) - mean), `moment ${i + 1}`).toBeLessThan((5 * deviation) / Math.sqrt(count))
    })

  it('of the uniform on [0, 1)', () => {
    const { data } = evaluate($.randomUniform($.key(7), [count]))
    expect(data.every(u => u >= 0 && u < 1)).toBe(true)
    within(moments(data, 0.5), [
      [0, Math.sqrt(1 / 12)],
      [1 / 12, Math.sqrt(1 / 80 - 1 / 144)],
      [0, Math.sqrt(1 / 448)],
      [1 / 80, Math.sqrt(1 / 2304 - 1 / 6400)]
    ])
  })

  it('of the normal, and its tails', () => {
    const { data } = evaluate($.randomNormal($.key(7), [count]))
    within(moments(data, 0), [
      [0, 1],
      [1, Math.sqrt(2)],
      [0, Math.sqrt(15)],
      [3, Math.sqrt(96)]
    ])
    const beyond = (limit: number) => data.filter(x => Math.abs(x) > limit).length / count
    expect(beyond(1.959964)).toBeCloseTo(0.05, 2)
    expect(beyond(3)).toBeCloseTo(0.0027, 3)
  })

  it('the normal is the quantile function of the uniform, to the ends', () => {
    // Quantiles from tables, at word + 1/2 over 2^24.
    const at = (probability: number) => normalOf((Math.round(probability * 2 ** 24 - 0.5) << 8) >>> 0)
    expect(at(0.5 + 2 ** -25)).toBeCloseTo(0, 6)
    expect(at(0.975)).toBeCloseTo(1.959964, 5)
    expect(at(0.001)).toBeCloseTo(-3.090232, 4)
    expect(normalOf(0)).toBeCloseTo(-5.42, 1)
    expect(normalOf(0xffffffff)).toBeCloseTo(5.42, 1)
  })
})

describe('keys', () => {
  it('take seeds up to 2^53, each its own', () => {
    expect(keyOf(2 ** 32 + 5)).toEqual([1, 5])
    expect(keyOf(2 ** 53 - 1)).toEqual([2 ** 21 - 1, 2 ** 32 - 1])
  })
  it('are split into different ones, equally each time', () => {
    const words = $.split($.key(3), 4).map(key => evaluate(key).data.join())
    expect(new Set(words).size).toBe(4)
    expect($.split($.key(3), 4).map(key => evaluate(key).data.join())).toEqual(words)
  })
  it('are a tuple where their number is written out, else a list', () => {
    const pair: readonly [Tensor, Tensor] = $.split($.key(3))
    const three: readonly [Tensor, Tensor, Tensor] = $.split($.key(3), 3)
    const count: number = 5
    const many: readonly Tensor[] = $.split($.key(3), count)
    // @ts-expect-error: two keys are not three.
    const wrong: readonly [Tensor, Tensor, Tensor] = $.split($.key(3), 2)
    expect([pair, three, many, wrong].map(keys => keys.length)).toEqual([2, 3, count, 2])
  })
})
