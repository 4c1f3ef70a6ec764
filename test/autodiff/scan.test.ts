/**
 * `scan`: its meaning, derivatives through it, batches of it, what is refused. On the reference; once on the device.
 */
import { describe, expect, it } from 'vitest'
import { checkGrads } from '../../src/autodiff/check.js'
import { grad } from '../../src/autodiff/grad.js'
import { ndarray } from '../../src/autodiff/ndarray.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { scan } from '../../src/autodiff/scan.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { vmap } from '../../src/autodiff/vmap.js'
import { backends, evaluateTree } from '../backends.js'
import { expectNear, numbers } from '../laws/tensors.js'

const steps = $.tensor([1, 2, 3, 4])
const zero = $.tensor(0)
const running = (carry: Tensor, x: Tensor) => [$.add(carry, x), $.mul(carry, x)] as const

describe('scan', () => {
  it('gives the last carry, and the results of all steps as rows', () => {
    const [last, rows] = scan(running, zero, steps)
    expect(numbers(last)).toEqual([10])
    expect(numbers(rows)).toEqual([0, 2, 9, 24])
  })

  it('takes and gives trees, whatever the order of keys', () => {
    type Carry = { readonly sum: Tensor; readonly count: Tensor }
    const f = ({ sum, count }: Carry, { x, y }: { readonly x: Tensor; readonly y: Tensor }) => {
      const next = { count: $.add(count, 1), sum: $.add(sum, $.mul(x, y)) }
      return [next, [next.sum, y] as const] as const
    }
    const ys = $.tensor([[1], [2], [3], [4]])
    const [last, [sums, same]] = scan(f, { sum: $.tensor([0]), count: $.tensor(0, [], 'i32') }, { x: steps, y: ys })
    expect([numbers(last.sum), numbers(last.count)]).toEqual([[30], [4]])
    expect([sums.shape, same.shape]).toEqual([[4, 1], [4, 1]]) // biome-ignore format: a row each
    expect(numbers(sums)).toEqual([1, 5, 14, 30])
  })

  it('differentiates in carry, steps and what is closed over, to order 2', () => {
    const loss = (w: Tensor, h: Tensor, xs: Tensor) => {
      const [last, all] = scan((a: Tensor, x: Tensor) => [$.tanh($.add($.mul(w, a), x)), $.mul(a, x)] as const, h, xs)
      return $.add(last, $.sum($.mul(all, all)))
    }
    checkGrads(loss, [$.tensor(0.7), $.tensor(0.2), $.tensor([0.1, -0.4, 0.3, 0.5])])
    expect(
      numbers(grad((h: Tensor) => scan((a: Tensor, x: Tensor) => [$.mul(a, x), a] as const, h, steps)[0])(zero))
    ).toEqual([24])
  })

  it('is batched by vmap', () => {
    const starts = $.tensor([0, 10])
    const got = vmap((start: Tensor) => scan(running, start, steps)[1])(starts)
    expectNear(numbers(got), [0, 2, 9, 24, 10, 22, 39, 64])
  })

  it('runs on the device', async () => {
    const xs = ndarray(
      Array.from({ length: 40 }, (_, i) => Math.sin(i)),
      [20, 2]
    )
    const f = (all: Tensor) =>
      grad((z: Tensor) =>
        $.sum(scan((a: Tensor, x: Tensor) => [$.tanh($.add(a, x)), a] as const, $.tensor([0, 0]), z)[1])
      )(all)
    const [device, reference] = [
      await evaluateTree(backends.gpu, f, [xs]),
      await evaluateTree(backends.reference, f, [xs])
    ]
    // float32, twenty steps of a map that contracts.
    expectNear([...device.data], [...reference.data], 1e-6)
  })
})

describe('what is refused', () => {
  it('xs without rows, or with rows of different numbers', () => {
    expect(() => scan(running, zero, zero)).toThrow(
      'scan requires xs with tensors of equally many rows, one for each step, but got f32[]; lay the steps along axis 0.'
    )
    expect(() => scan((a: Tensor, _: readonly Tensor[]) => [a, a] as const, zero, [steps, $.tensor([1])])).toThrow(
      'f32[4], f32[1]'
    )
    expect(() => scan((a: Tensor, _: readonly Tensor[]) => [a, a] as const, zero, [])).toThrow('[]')
  })

  it('a carry that changes, by path and step', () => {
    expect(() => scan((a, x) => [$.add($.reshape(a, [1]), x), a], zero, steps)).toThrow(
      'scan requires a carry that stays f32[], but got f32[1] after step 0; convert or reshape it, or begin with what it becomes.'
    )
    const f = ({ n }: { readonly n: Tensor }, x: Tensor) => [{ n: $.add($.convert(n, 'f32'), x) }, x] as const
    expect(() => scan(f, { n: $.tensor(0, [], 'i32') }, steps)).toThrow(
      "a carry that stays i32[] at 'n', but got f32[]"
    )
  })

  it('what is no pair', () => {
    expect(() => scan(((a: Tensor) => a) as never, zero, steps)).toThrow(
      'scan requires a function that gives [carry, y], but got f32[]'
    )
    expect(() => scan(3 as never, zero, steps)).toThrow('a function')
  })
})
