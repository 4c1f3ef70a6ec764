/**
 * From graphs to programs: chains of movements and exact operations, of whole numbers, must come out exactly, whatever
 * views of views, copies and shared slots they become. And the cases that are rare: many axes that cannot be merged,
 * more than a million elements.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type NdArray, ndarray } from '../../src/autodiff/ndarray.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { type Shape, sizeOf } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import { backends, evaluateOn } from '../backends.js'
import { anything, array, whole } from './values.js'

type Function = (...x: readonly Tensor[]) => readonly Tensor[]

const expectEqual = async (f: Function, args: readonly NdArray[]): Promise<void> => {
  const [got, wanted] = [await evaluateOn(backends.gpu, f, args), await evaluateOn(backends.reference, f, args)]
  wanted.forEach(({ data, shape }, i) => {
    expect(got[i]?.shape).toEqual(shape)
    const found = (got[i] as HostArray).data
    const wrong = data.findIndex((value, n) => value !== found[n])
    if (wrong >= 0) expect.fail(`result ${i} [${shape}], element ${wrong}: ${found[wrong]}, wanted ${data[wrong]}`)
  })
}

/** Whole numbers small enough for f32 to hold all sums exactly. */
const small = (x: Tensor): Tensor => $.minimum($.maximum(x, -100), 100)
const rotated = (x: Tensor, seed: number): number[] => x.shape.map((_, axis) => (axis + seed) % x.shape.length)
const vector = (x: Tensor): Tensor => (x.shape.length ? x : $.reshape(x, [1]))
const axisOf = (x: Tensor, seed: number): number => (x.shape.length ? seed % x.shape.length : 0)
const matching = (y: Tensor, shape: Shape): Tensor =>
  sizeOf(y.shape) === sizeOf(shape) ? $.reshape(y, shape) : $.broadcastTo($.max(y), shape)
const room = (x: Tensor): boolean => sizeOf(x.shape) <= 600 && x.shape.length <= 8
const shrunk = (x: Tensor): Tensor =>
  room(x)
    ? x
    : $.slice(
        x,
        x.shape.map(extent => [0, Math.ceil(extent / 2)])
      )

const steps: readonly ((x: Tensor, y: Tensor, seed: number) => Tensor)[] = [
  (x, _, seed) => $.transpose(x, rotated(x, seed)),
  x => $.transpose(x),
  (x, _, seed) => $.reshape(x, [...rotated(x, seed).map(axis => x.shape[axis] as number), 1]),
  x => $.reshape(x, [-1]),
  (x, _, seed) =>
    $.slice(
      x,
      x.shape.map((extent, axis) => [(seed >> axis) % extent, null, 1 + ((seed >> (axis + 3)) % 3)])
    ),
  (x, _, seed) =>
    $.pad(
      shrunk(x),
      x.shape.map((__, axis) => (seed >> axis) % 2),
      x.shape.map((__, axis) => (seed >> (axis + 4)) % 2),
      x.shape.map((__, axis) => (seed >> (axis + 8)) % 2)
    ),
  (x, _, seed) => (room(x) ? $.broadcastTo(x, [1 + (seed % 3), ...x.shape]) : x),
  (x, y, seed) => (room(x) ? $.concat([vector(x), vector(matching(y, x.shape)), vector(x)], axisOf(x, seed)) : x),
  (x, y) => small($.add(x, matching(y, x.shape))),
  (x, y) => $.where($.greater(x, 0), matching(y, x.shape), $.transpose(matching(x, [...x.shape].reverse()))),
  (x, y) => $.maximum(x, $.transpose(matching(y, [...x.shape].reverse()))),
  (x, _, seed) => small($.sum(vector(x), axisOf(x, seed), { keepDims: seed % 2 === 0 })),
  (x, _, seed) =>
    $.max(
      vector(x),
      vector(x)
        .shape.map((__, axis) => axis)
        .filter(axis => (seed >> axis) % 2)
    ),
  (x, _, seed) =>
    $.take(
      vector(x),
      $.convert($.broadcastTo($.tensor(seed % (x.shape[axisOf(x, seed)] ?? 1)), [2]), 'i32'),
      axisOf(x, seed)
    ),
  x => $.convert($.convert(x, 'i32'), 'f32')
]

const words = fc.nat({ max: 2 ** 20 })
const programs = fc.record({
  shapes: fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 5 }), { minLength: 1, maxLength: 2 }),
  seed: words,
  program: fc.array(fc.record({ step: fc.nat({ max: steps.length - 1 }), x: words, y: words, seed: words }), {
    minLength: 1,
    maxLength: 12
  })
})

describe('random programs', () => {
  it('give the same whole numbers on both backends, every value of the graph being an output', () =>
    fc.assert(
      fc.asyncProperty(programs, ({ shapes, seed, program }) =>
        expectEqual(
          (...x) => {
            const made = [...x]
            const pick = (word: number) => made[word % made.length] as Tensor
            for (const one of program)
              made.push((steps[one.step] as (typeof steps)[0])(pick(one.x), pick(one.y), one.seed))
            return made
          },
          shapes.map((shape, i) => array(whole(-9, 10), seed + 2 ** 32 * i, shape))
        )
      ),
      { numRuns: 60 }
    ))

  it('and when only the last value is one', () =>
    fc.assert(
      fc.asyncProperty(programs, ({ shapes, seed, program }) =>
        expectEqual(
          (...x) => {
            const made = [...x]
            const pick = (word: number) => made[Math.max(0, made.length - 1 - (word % 3))] as Tensor
            for (const one of program)
              made.push((steps[one.step] as (typeof steps)[0])(pick(one.x), pick(one.y), one.seed))
            return made.slice(-1)
          },
          shapes.map((shape, i) => array(whole(-9, 10), seed + 2 ** 32 * i, shape))
        )
      ),
      { numRuns: 60 }
    ))
})

describe('axes', () => {
  const cube = (rank: number): NdArray => array(whole(-9, 10), rank, Array<number>(rank).fill(2))
  const odd = (rank: number): number[] => [...Array(rank).keys()].filter(axis => axis % 2)
  const swapped = (rank: number): number[] => [...Array(rank).keys()].map(axis => axis ^ 1)

  it('more than a shader takes, none of which can be merged', () =>
    expectEqual(
      x => {
        const y = x as Tensor
        const reversed = $.transpose(y)
        return [
          $.add(y, reversed),
          $.where($.greater(y, $.transpose(y, swapped(10))), y, reversed),
          $.pad(reversed, Array(10).fill(1), Array(10).fill(0)),
          $.concat([y, reversed, $.transpose(y, swapped(10))], 5)
        ]
      },
      [cube(10)]
    ))

  it('more than four that are reduced, each between two that stay', () =>
    expectEqual(
      x => {
        const y = x as Tensor
        const turned = $.transpose(y, swapped(12))
        return [
          $.sum(y, odd(12)),
          $.max(y, odd(12)),
          $.sum(turned, odd(12)),
          $.max($.add(y, turned), odd(12)),
          $.sum(
            $.slice(
              turned,
              odd(12).map(() => [1])
            ),
            [1, 3, 6, 8, 10]
          )
        ]
      },
      [cube(12)]
    ))
})

describe('outputs', () => {
  const x = array(whole(-9, 10), 1, [3, 4])
  const cases: Readonly<Record<string, Function>> = {
    'that are the input, twice': y => [y as Tensor, y as Tensor],
    'that are views of the input': y => [
      $.transpose(y as Tensor),
      $.reshape(y as Tensor, [12]),
      $.slice(y as Tensor, [[0, 2]])
    ],
    'that are one node': y => {
      const sum = $.add(y as Tensor, 1)
      return [sum, $.transpose(sum), sum, $.reshape(sum, [12]), $.neg(sum)]
    },
    'that are constants': y => [
      $.tensor([1, 2]),
      $.tensor([1, 2]),
      $.broadcastTo($.tensor(3), [2, 2]),
      $.sum(y as Tensor)
    ],
    'of a function without use of its argument': () => [$.randomBits($.key(5), [9000])]
  }
  it.each(Object.entries(cases))('%s', (_, f) => expectEqual(f, [x]))
})

describe('more than a million elements', () => {
  const rows = 1103
  const columns = 997
  /** Whole numbers, so that every sum is exact up to 2^24. */
  const large = array(whole(-4, 5), 3, [rows, columns])

  it('mapped, dense and by strides, folded, and put together', () =>
    expectEqual(
      (x, y) => {
        const [a, b] = [x as Tensor, y as Tensor]
        const turned = $.transpose(a)
        return [
          $.add(a, $.mul(a, b)),
          $.sub(turned, $.reshape(a, [columns, rows])),
          $.slice($.concat([a, $.add(a, 1)]), [[1000], [5, 20]]),
          $.sum(a),
          $.sum(a, 0),
          $.sum(turned, 0),
          $.max($.mul(a, b)),
          $.max(a, 1),
          $.argmax(a),
          $.sum($.pad(a, [1, 1], [1, 1], [0, 1]), 0)
        ]
      },
      [large, array(whole(-4, 5), 4, [columns])]
    ))

  it('multiplied, convolved, pooled and drawn', () =>
    expectEqual(
      (x, y, w) => {
        const [a, b] = [x as Tensor, y as Tensor]
        const image = $.reshape(a, [1, 1, rows, columns])
        return [
          $.matmul(a, b),
          $.matmul($.slice(a, [[], [0, 8]]), $.slice($.transpose(a), [[0, 8]])),
          $.conv2d(image, w as Tensor, { padding: 1 }),
          $.maxPool2d(image, { kernel: 3, stride: 1, padding: 1 }),
          $.randomUniform($.tensor([3, 4], [2], 'u32'), [rows * columns])
        ]
      },
      [large, array(whole(-4, 5), 5, [columns, 8]), ndarray([1, 2, 1, 0, -3, 0, 1, 1, 2], [1, 1, 3, 3])]
    ))

  it('summed in float32 with the digits that a tree keeps', async () => {
    const numbers = array(anything, 6, [1_200_007])
    const f = (x: Tensor) => [$.sum(x)]
    const [got, wanted] = [
      await evaluateOn(backends.gpu, f as Function, [numbers]),
      await evaluateOn(backends.reference, f as Function, [numbers])
    ]
    const size = Array.from(numbers.data).reduce((total, value) => total + Math.abs(value), 0)
    expect(Math.abs((got[0]?.data[0] as number) - (wanted[0]?.data[0] as number))).toBeLessThan(1e-6 * size)
  })
})
