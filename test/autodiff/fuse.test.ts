/**
 * What fusion promises: few kernels, limits that split and never fail. That values stay is shown by the laws of random
 * functions and programs.
 */
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import { ndarray } from '../../src/autodiff/ndarray.js'
import { batchNorm } from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { dot } from '../../src/autodiff/ops/index.js'
import { sizeOf } from '../../src/autodiff/shape.js'
import type { Shape, Tensor } from '../../src/autodiff/tensor.js'
import { type HostArray, lowered } from '../../src/engine/index.js'
import type { Program } from '../../src/kernels/spec.js'
import { backends, evaluateOn } from '../backends.js'
import { right } from '../kernels/results.js'

type Function = (...x: readonly Tensor[]) => unknown

const f32 = (...shape: readonly number[]) => ({ shape, dtype: 'f32' as const })
const programOf = (f: Function, shapes: readonly Shape[], storageBuffers = 16): Program => {
  const program = lowered(f as (...x: Tensor[]) => Tensor, { storageBuffers })(
    shapes.map(shape => f32(...shape)) as never
  )
  if (E.isLeft(program)) throw new Error(program.left.message)
  return program.right
}
const calls = (...args: Parameters<typeof programOf>): number => programOf(...args).calls.length

/** On the adapter as on the reference. */
const expectSame = async (
  f: (...x: readonly Tensor[]) => readonly Tensor[],
  shapes: readonly Shape[]
): Promise<void> => {
  const args = shapes.map((shape, k) =>
    ndarray(
      Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(1 + i + 7 * k)),
      shape
    )
  )
  const [got, wanted] = [await evaluateOn(backends.gpu, f, args), await evaluateOn(backends.reference, f, args)]
  wanted.forEach(({ data }, i) => {
    const largest = Math.max(...Array.from(data, Math.abs))
    const { data: found } = got[i] as HostArray
    data.forEach((value, n) => {
      expect(Math.abs(value - (found[n] as number))).toBeLessThanOrEqual(2e-6 * largest)
    })
  })
}

describe('batch norm in training mode', () => {
  const images = [8, 4, 6, 6]
  const forward = (x: Tensor, scale: Tensor, shift: Tensor) => batchNorm(x, { scale, shift }).y

  it.each([
    ['small', images],
    ['large', [32, 16, 32, 32]]
  ])('takes three kernels forward, %s', (_, shape) => {
    const channels = [shape[1] as number]
    expect(calls(forward, [shape, channels, channels])).toBeLessThanOrEqual(3)
  })

  it.each([
    ['small', images],
    ['large', [32, 16, 32, 32]]
  ])('and three backward, when the cotangent comes from its result, %s', (_, shape) => {
    const channels = [shape[1] as number]
    // |y|^2 / 2: its cotangent is y itself, so that nothing of the backward pass can be done on the way.
    const loss = (x: Tensor, scale: Tensor, shift: Tensor) => {
      const y = forward(x, scale, shift)
      return $.div(dot(y, y), 2)
    }
    const both = calls(
      (x: Tensor, scale: Tensor, shift: Tensor) => [
        grad((inputs: readonly Tensor[]) => loss(...(inputs as [Tensor, Tensor, Tensor])))([x, scale, shift])
      ],
      [shape, channels, channels]
    )
    // Two of the three results lie in one buffer, and are copied to buffers of their own.
    const copies = 2
    expect(both - copies).toBeLessThanOrEqual(6)
  })
})

describe('limits split', () => {
  const chain = (x: Tensor, y: Tensor, z: Tensor) =>
    Array.from({ length: 100 }).reduce<Tensor>(sum => $.add($.mul(sum, y), z), x)
  const summands = (...x: readonly Tensor[]) => [x.reduce((a, b) => $.add(a, $.mul(b, b)))]

  it('100 chained multiply-adds', async () => {
    expect(calls(chain, [[16], [16], [16]])).toBeLessThanOrEqual(6)
    await expectSame((...x) => [chain(...(x as [Tensor, Tensor, Tensor]))], [[16], [16], [16]])
  })

  it.each([8, 16])('40 summands, with %i storage buffers', async buffers => {
    const shapes = Array.from({ length: 40 }, () => [5, 3])
    const { calls: all } = programOf(summands, shapes, buffers)
    expect(Math.max(...all.map(({ reads }) => reads.length))).toBeLessThan(buffers)
    expect(all.length).toBeLessThanOrEqual(Math.ceil(39 / (buffers - 2)) + 1)
    await expectSame(summands, shapes)
  })

  it('12 inputs are one kernel where the adapter takes them', async () => {
    const shapes = Array.from({ length: 12 }, () => [7])
    expect(calls(summands, shapes, 16)).toBe(1)
    expect(calls(summands, shapes, 8)).toBeGreaterThan(1)
    await expectSame(summands, shapes)
  })

  it('whatever the adapter has', () => {
    for (const buffers of [5, 6, 8, 11]) {
      const shapes = Array.from({ length: 23 }, () => [2])
      const reads = programOf(summands, shapes, buffers).calls.map(call => call.reads.length)
      expect(Math.max(...reads)).toBe(buffers - 1)
    }
  })
})

describe('a fold over axes that do not merge', () => {
  // A product with its own transpose walks every axis by a stride of its own.
  const product = (x: Tensor) => $.mul($.exp(x), $.transpose(x))
  it.each([
    ['keeps more than a kernel walks', [0]],
    ['folds more than a kernel walks', [0, 1, 2, 4, 5]],
    ['keeps and folds as many as a kernel walks', [1, 3, 5]]
  ])('%s', async (_, axes) => {
    await expectSame(x => [$.sum(product(x as Tensor), axes)], [[2, 2, 2, 2, 2, 2]])
  })
  it('is finished in place with all that takes', async () => {
    const f = (x: Tensor, y: Tensor, z: Tensor) => $.div($.add($.sum(product(x), [0]), y), $.exp(z))
    const result = [2, 2, 2, 2, 2]
    await expectSame((x, y, z) => [f(x as Tensor, y as Tensor, z as Tensor)], [[2, ...result], result, result])
    expect(calls(f as Function, [[2, ...result], result, result])).toBe(2)
  })
})

it('a call says which node of how many it stores', () => {
  const { calls } = programOf((x: Tensor) => $.matmul($.matmul(x, x), x), [[4, 4]])
  expect(calls.map(({ label }) => label)).toEqual(['matmul f32[4,4] (node 2 of 3)', 'matmul f32[4,4] (node 3 of 3)'])
})

describe('a call says how many elements it reads', () => {
  it.each([
    ['of a broadcast, which repeats them', (x: Tensor, y: Tensor) => $.mul($.exp(x), y), [[6, 5], [5]], [30, 5]],
    ['of a part', (x: Tensor, y: Tensor) => $.mul($.slice(x, [[2, 5]]), y), [[6, 5], [5]], [15, 5]],
    [
      'in parts that share a call',
      (x: Tensor, y: Tensor) => $.concat([$.slice(x, [[0, 4]]), $.slice(x, [[2, 9]]), y]),
      [[30], [20]],
      [11, 20, 0, 0, 0, 0, 0, 0]
    ],
    ['in a fold', (x: Tensor, y: Tensor) => $.sum($.mul(x, $.reshape(y, [6, 1])), 0), [[6, 5], [6]], [30, 6]],
    [
      'in a product',
      (x: Tensor, y: Tensor) => $.matmul(x, y),
      [
        [6, 5],
        [5, 4]
      ],
      [30, 20]
    ]
  ])('%s', (_, f, shapes, covers) => {
    expect(programOf(f as Function, shapes as Shape[]).calls.map(call => call.covers)).toEqual([covers])
  })
})

describe('a kernel computes', () => {
  it('pointwise nodes where they are read, through broadcasts, transposes and slices', () => {
    const f = (x: Tensor, y: Tensor) =>
      $.mul($.transpose($.exp(x)), $.slice($.broadcastTo($.neg(y), [6, 3]), [[0, null, 2]]))
    expect(calls(f, [[3, 3], [3]])).toBe(1)
  })

  it('with as many numbers as there are', async () => {
    for (const count of [1, 3, 4, 5, 7, 8, 9, 15, 16, 17]) {
      const numbers = Array.from({ length: count }, (_, i) => 0.3 + i / 16)
      const f = (x: Tensor) => numbers.reduce((sum: Tensor, number) => $.add($.mul(sum, x), number), x)
      expect(calls(f, [[3, 5]]), `${count} numbers`).toBe(1)
      await expectSame(x => [f(x as Tensor)], [[3, 5]])
    }
  })

  it('what finishes a fold', () => {
    expect(calls((x: Tensor) => $.sqrt($.add($.mean(x, 1), 1)), [[4, 50]])).toBe(1)
    expect(calls((x: Tensor, y: Tensor) => $.mul($.sum(x, 1), $.exp(y)), [[4, 50], [4]])).toBe(1)
  })

  it('what finishes a fold, with all that is there before it', async () => {
    const product = (x: Tensor, y: Tensor) => $.mul($.sum($.reshape($.matmul(y, y), [2, 50]), 1), $.exp($.sum(x, 1)))
    const shapes = [
      [2, 30],
      [10, 10]
    ]
    expect(calls(product, shapes)).toBe(3)
    await expectSame((x, y) => [product(x as Tensor, y as Tensor)], shapes)
  })

  it('folds of one tensor side by side, rather than what finishes one by the other', async () => {
    for (const f of [$.add, (a: Tensor, b: Tensor) => $.mul(a, $.exp(b))]) {
      const sums = (x: Tensor) => f($.sqrt($.sum($.mul(x, x), 1)), $.sum(x, 1))
      const { calls } = programOf(sums, [[6, 40]])
      expect(calls.map(({ shader, constants }) => [shader, constants?.['RESULTS']])).toEqual([
        ['reduce', 2],
        ['map', undefined]
      ])
      await expectSame(x => [sums(x as Tensor)], [[6, 40]])
    }
  })

  it('sums of one tensor side by side', async () => {
    const sums = (x: Tensor, y: Tensor) => $.add($.div($.sum(x, 0), $.sum($.mul(x, x), 0)), $.sum($.mul(x, y), 0))
    const shapes = [
      [300, 5],
      [300, 5]
    ]
    expect(calls(sums, shapes)).toBe(2)
    await expectSame((x, y) => [sums(x as Tensor, y as Tensor)], shapes)
  })

  it('never a fold beside one that needs it', async () => {
    const needs = (between: (x: Tensor) => Tensor) => (x: Tensor) =>
      $.sum($.mul($.abs(x), between($.sum($.abs(x), 0))), 0)
    for (const [f, count] of [
      [needs($.sqrt), 2],
      [needs(mean => $.reshape($.matmul($.reshape(mean, [1, 5]), $.broadcastTo(mean, [5, 5])), [5])), 3]
    ] as const) {
      expect(calls(f as Function, [[30, 5]])).toBe(count)
      await expectSame(x => [f(x as Tensor)], [[30, 5]])
    }
  })

  it('folds side by side of one node that they read in different ways', async () => {
    const both = (x: Tensor, y: Tensor) => {
      const along = $.exp(y)
      const [rows, columns] = [$.reshape(along, [6, 1]), $.reshape(along, [1, 6])]
      return $.add($.sum($.mul(x, rows), 1), $.sum($.mul(x, columns), 1))
    }
    const shapes = [[6, 6], [6]]
    const folds = programOf(both as Function, shapes).calls.filter(({ shader }) => shader === 'reduce')
    expect(folds.map(({ constants }) => constants?.['RESULTS'])).toEqual([2])
    await expectSame((x, y) => [both(x as Tensor, y as Tensor)], shapes)
  })

  it('folds side by side into a slot that says whether it has gaps between them', () => {
    const sums = (x: Tensor) => [$.sum(x, 1), $.sum($.mul(x, x), 1)]
    const gapsOf = (rows: number) => {
      const { slots, calls } = programOf(sums as Function, [[rows, 40]])
      return slots[calls.find(({ shader }) => shader === 'reduce')?.write as number]?.gaps
    }
    expect([gapsOf(6), gapsOf(8)]).toEqual([true, undefined])
  })

  it('more is computed where it is read, where a launch is dear', () => {
    // A row of 40 numbers for each of 6 is stored, once a launch is cheaper than to compute it six times.
    const f = (x: Tensor, y: Tensor) => [$.add($.exp($.log(x)), y), $.mul($.exp($.log(x)), y)]
    const shapes = [[40], [2000, 40]]
    const kernels = (launch: number) => {
      const program = right(lowered(f, { storageBuffers: 16, launch })(shapes.map(shape => f32(...shape)) as never))
      return program.calls.length
    }
    expect([1e3, 1e9].map(kernels)).toEqual([3, 2])
  })

  it('a function of the images where a convolution and its filter gradient load them', async () => {
    const convolved = (x: Tensor, w: Tensor) => $.conv2d($.relu(x), w, { padding: 1 })
    const shapes = [
      [2, 3, 6, 6],
      [4, 3, 3, 3],
      [2, 4, 6, 6]
    ]
    const both = (x: Tensor, w: Tensor, g: Tensor) => [convolved(x, w), grad((w: Tensor) => dot(convolved(x, w), g))(w)]
    expect(programOf(both as Function, shapes).calls.map(({ shader }) => shader)).toEqual([
      'conv2d',
      'conv2d_filter_grad'
    ])
    await expectSame((x, w, g) => both(x as Tensor, w as Tensor, g as Tensor), shapes)
  })

  it('but not what must be stored anyway, is more than cheap, or needs other tensors', async () => {
    const shapes = [
      [2, 3, 6, 6],
      [4, 3, 3, 3]
    ]
    const of = (f: (x: Tensor) => Tensor) => (x: Tensor, w: Tensor) => $.conv2d(f(x), w, { padding: 1 })
    expect(calls((x, w) => [$.relu(x as Tensor), of($.relu)(x as Tensor, w as Tensor)], shapes)).toBe(2)
    expect(
      calls(
        of(x => $.sqrt($.exp($.exp(x)))),
        shapes
      )
    ).toBe(2)
    expect(
      calls(
        of(x => $.mul(x, $.slice(x, [[0, 1]]))),
        shapes
      )
    ).toBe(2)
    const filters = (x: Tensor, w: Tensor) => $.conv2d(x, $.relu(w), { padding: 1 })
    expect(calls(filters, shapes)).toBe(2)
  })

  it('parts of a concatenation in place', async () => {
    const parts = (x: Tensor, y: Tensor) =>
      $.concat([$.sum(x, 0), $.exp($.slice(y, [[0, 5]])), $.mul(y, 2), $.sum(x, 0)])
    const shapes = [[300, 5], [9]]
    expect(calls(parts, shapes)).toBe(5) // a sum in two places is a sum and two copies
    await expectSame((x, y) => [parts(x as Tensor, y as Tensor)], shapes)
  })

  it('small parts that are the same function of theirs in as few calls as it has operands for', async () => {
    const pieces = (x: Tensor, count: number) => Array.from({ length: count }, (_, i) => $.slice(x, [[i, 2 * i + 1]]))
    const sums = (...all: readonly Tensor[]) =>
      $.concat(all.flatMap((x, k) => [$.add(x, all[k ^ 1] as Tensor), $.mul(x, 3)]).slice(1))
    const shapes = Array.from({ length: 12 }, () => [50])
    // Sums of two operands and products with a number, of eight operands in a call.
    expect(calls(sums, shapes)).toBe(2 + 2)
    await expectSame((...x) => [sums(...(x as Tensor[]))], shapes)
    for (const buffers of [5, 8]) {
      const gathering = programOf(sums as Function, shapes, buffers).calls.filter(
        ({ shader }) => shader === 'gather_parts'
      )
      expect(Math.max(...gathering.map(({ reads }) => reads.length))).toBe(buffers - 1)
    }
    // Forty parts of one operand, sixteen in a call.
    const many = (x: Tensor) => $.concat(pieces(x, 40))
    expect(calls(many, [[90]])).toBe(3)
    await expectSame(x => [many(x as Tensor)], [[90]])
    // Up to four operands.
    const sumOf = (x: Tensor, count: number) => (k: number) =>
      pieces(x, 40)
        .slice(k, k + count)
        .map(y => $.slice(y, [[0, 4]]))
        .reduce((sum, y, n) => $.add($.mul(sum, n + 2), y))
    const wide = (count: number) => (x: Tensor) => $.concat([5, 9, 20, 33].map(sumOf(x, count)))
    expect([3, 4, 5].map(count => calls(wide(count) as Function, [[90]]))).toEqual([1, 1, 4])
    for (const count of [3, 4]) await expectSame(x => [wide(count)(x as Tensor)], [[90]])
    // Larger ones load by vec4, and two are not worth another kernel.
    expect(calls((x: Tensor, y: Tensor, z: Tensor) => $.concat([x, y, z]), [[2 ** 16], [2 ** 16], [2 ** 16]])).toBe(3)
    expect(calls((x: Tensor, y: Tensor) => $.concat([x, y]), [[9], [9]])).toBe(2)
  })
})

describe('what a convolution reads is computed where it loads', () => {
  const shapes = [
    [2, 3, 6, 6],
    [4, 3, 3, 3],
    [2, 3, 6, 6]
  ]
  const conv = (x: Tensor, w: Tensor) => $.conv2d(x, w, { padding: 1 })

  it('if that is cheap and of one tensor', () => {
    expect(calls((x: Tensor, w: Tensor) => conv($.relu(x), w), shapes.slice(0, 2))).toBe(1)
  })

  it('and is stored if it is of two, though nothing else reads it', async () => {
    const f = (x: Tensor, w: Tensor, y: Tensor) => conv($.add(x, y), w)
    expect(calls(f, shapes)).toBe(2)
    await expectSame((x, w, y) => [f(x as Tensor, w as Tensor, y as Tensor)], shapes)
  })
})
