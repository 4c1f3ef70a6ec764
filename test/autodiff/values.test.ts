/**
 * Composites against PyTorch's values, with their derivatives of order 1 and 2, on both backends; and by hand where
 * there is no such function.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import { evaluate } from '../../src/autodiff/interpret.js'
import { ndarray } from '../../src/autodiff/ndarray.js'
import * as nn from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { backends, evaluateOn } from '../backends.js'
import { expectNear, numbers } from '../laws/tensors.js'

interface Golden {
  readonly inputs: Readonly<Record<'x' | 'y' | 'p' | 'half', readonly (readonly number[])[]>>
  readonly cases: Readonly<
    Record<
      string,
      { readonly shape: readonly number[] } & Readonly<Record<'value' | 'first' | 'second', readonly number[]>>
    >
  >
}
const golden = JSON.parse(readFileSync(new URL('../golden/composites.json', import.meta.url), 'utf8')) as Golden
const { x, y, p, half } = golden.inputs
const [targets, probabilities, halves] = [$.tensor(y), $.tensor(p), $.tensor(half)]
const labels = $.tensor([0, 5, 2, 2], [4], 'i32')
const row = (a: Tensor, i: number): Tensor => $.reshape($.slice(a, [[i, i + 1]]), [-1])
const affine = { scale: $.linspace(0.5, 2, 6), shift: $.linspace(-1, 1, 6) }

const functions: Readonly<Record<string, (a: Tensor) => Tensor>> = {
  mse: a => nn.mse(a, targets),
  l1: a => nn.l1(a, targets),
  huber: a => nn.huber(a, targets, { delta: 0.7 }),
  binaryCrossEntropy: a => nn.binaryCrossEntropy(a, halves),
  klDivergence: a => nn.klDivergence(nn.logSoftmax(a), probabilities),
  crossEntropy: a => nn.crossEntropy(a, labels),
  crossEntropySoft: a => nn.crossEntropy(a, probabilities),
  softplus: nn.softplus,
  logSigmoid: nn.logSigmoid,
  silu: nn.silu,
  gelu: nn.gelu,
  elu: a => nn.elu(a, 0.8),
  leakyRelu: a => nn.leakyRelu(a, 0.2),
  layerNorm: a => nn.layerNorm(a, affine),
  groupNorm: a => nn.groupNorm($.reshape(a, [2, 6, 2]), 3, affine),
  variance: a => $.variance(a, 0, { correction: 1 }),
  std: a => $.std(a),
  logSumExp: a => $.logSumExp(a),
  prod: a => $.prod(a, 1),
  min: a => $.min(a, 1),
  triu: a => $.triu(a, 1),
  tril: a => $.tril(a, -1),
  repeat: a => $.repeat(a, 2, 0),
  tile: a => $.tile(a, [2, 1, 3]),
  stack: a => $.stack([a, $.mul(a, a)], 1),
  outer: a => $.outer(row(a, 0), row(a, 1)),
  trace: $.trace,
  diag: a => $.diag(row(a, 0)),
  clamp: a => $.clamp(a, -1, 1.5)
}
it('are all of the file', () => expect(Object.keys(functions)).toEqual(Object.keys(golden.cases)))

/** Relative to the largest entry: float64 with variances in two passes; float32 with some dozens of roundings. */
const TOLERANCE = { reference: 1e-11, gpu: 1e-5 } as const

describe.each(['reference', 'gpu'] as const)('on the %s', kind => {
  it('the composites, their gradients and the gradients of these are those of PyTorch', async () => {
    const all = (a: Tensor) =>
      Object.values(functions).flatMap(f => {
        const value = f(a)
        const weights = $.reshape(
          $.linspace(
            1,
            2,
            value.shape.reduce((n, extent) => n * extent, 1)
          ),
          value.shape
        )
        const first = grad((b: Tensor) => $.sum($.mul(f(b), weights)))
        const second = grad((b: Tensor) => $.sum($.square(first(b))), { unreached: 'zero' })
        return [value, first(a), second(a)]
      })
    const values = await evaluateOn(backends[kind], a => all(a as Tensor), [ndarray(x.flat(), [4, 6])])
    for (const [i, [name, { shape, value, first, second }]] of Object.entries(golden.cases).entries()) {
      expect(values[3 * i]?.shape, name).toEqual(shape)
      for (const [k, wanted] of [value, first, second].entries()) {
        const scale = wanted.reduce((most, one) => Math.max(most, Math.abs(one)), 0)
        const got = Array.from(values[3 * i + k]?.data as ArrayLike<number>)
        got.forEach((one, n) => {
          const off = Math.abs(one - (wanted[n] as number))
          if (!(off <= TOLERANCE[kind] * Math.max(scale, 1)))
            expect.fail(`${name}, order ${k}, entry ${n}: ${one}, wanted ${wanted[n]}`)
        })
      }
    }
  })
})

describe('by hand', () => {
  const list = (a: Tensor): number[] => Array.from(evaluate(a).data)
  it('tensors of numbers that follow a rule', () => {
    expect(list($.arange(4))).toEqual([0, 1, 2, 3])
    expect(list($.arange(2, 8, 3, 'i32'))).toEqual([2, 5])
    expect(list($.arange(1, 0, -0.5))).toEqual([1, 0.5])
    expect(list($.linspace(0, 1, 5))).toEqual([0, 0.25, 0.5, 0.75, 1])
    expect(list($.linspace(3, 7, 1))).toEqual([3])
    expect(list($.eye(2, 3))).toEqual([1, 0, 0, 0, 1, 0])
    expect(list($.onesLike($.tensor([1, 2], [2], 'i32')))).toEqual([1, 1])
    expect($.zeros([2, 1], 'u32')).toMatchObject({ shape: [2, 1], dtype: 'u32' })
  })

  it('axes, and conditions', () => {
    const a = $.reshape($.arange(6), [2, 1, 3])
    expect($.squeeze(a).shape).toEqual([2, 3])
    expect($.squeeze(a, 1).shape).toEqual([2, 3])
    expect($.expandDims(a, -1).shape).toEqual([2, 1, 3, 1])
    expect($.swapAxes(a, 0, -1).shape).toEqual([3, 1, 2])
    expect(list($.any($.greater(a, 4), [1, 2]))).toEqual([0, 1])
    expect(list($.all($.less(a, 3), [1, 2]))).toEqual([1, 0])
    expect(list($.argmin($.tensor([3, 1, 1])))).toEqual([1])
    expect(
      list(
        $.diag(
          $.tensor([
            [1, 2],
            [3, 4]
          ])
        )
      )
    ).toEqual([1, 4])
  })

  it('the gradient of a product is right at zeros', () => {
    expect(numbers(grad((a: Tensor) => $.prod(a))($.tensor([0, 2, 3])))).toEqual([6, 0, 0])
    expect(numbers(grad((a: Tensor) => $.prod(a))($.tensor([0, 2, 0])))).toEqual([0, 0, 0])
  })

  it('dropout drops about the rate, by the key, and keeps the mean', () => {
    const dropped = numbers(nn.dropout($.key(5), $.ones([10_000]), 0.25))
    const zeros = dropped.filter(one => one === 0).length
    // Four deviations of a count of 10,000 at 1/4.
    expect(Math.abs(zeros - 2500)).toBeLessThan(174)
    expect(new Set(dropped).size).toBe(2)
    expectNear([Math.max(...dropped)], [4 / 3])
    expect(numbers(nn.dropout($.key(5), $.ones([10_000]), 0.25))).toEqual(dropped)
  })

  it.each([
    [
      'labels of another dtype',
      () => nn.crossEntropy($.zeros([2, 3]), $.zeros([2], 'u32')),
      'crossEntropy requires logits f32[B,K]'
    ],
    [
      'weights that do not fit',
      () => nn.linear($.zeros([2, 3]), $.zeros([3, 4])),
      'linear requires x f32[..., I], w f32[O, I]'
    ],
    ['integers for a softmax', () => nn.softmax($.zeros([2], 'i32')), 'softmax requires a tensor of dtype f32'],
    [
      'shapes that differ',
      () => nn.mse($.zeros([2]), $.zeros([3])),
      'mse requires predictions and targets, f32 of one shape'
    ],
    [
      'groups that do not divide',
      () => nn.groupNorm($.zeros([2, 3, 4]), 2),
      'groupNorm requires x[B,C,...] and groups that divide C'
    ],
    [
      'a rate of 1',
      () => nn.dropout($.key(0), $.zeros([2]), 1),
      'dropout requires a rate from 0 to below 1, but got 1'
    ],
    ['no tensors', () => $.stack([]), 'stack requires a list of at least one tensor'],
    ['an axis that is not 1', () => $.squeeze($.zeros([2, 1]), 0), 'squeeze requires axes of extent 1'],
    [
      'a correction of the count',
      () => $.variance($.zeros([2]), 0, { correction: 2 }),
      'variance requires a correction below'
    ],
    ['no numbers', () => $.arange(0), 'arange requires at least one number on the way']
  ])('%s: the refusal is in the name of the call', (_, refused, message) => expect(refused).toThrow(message))
})
