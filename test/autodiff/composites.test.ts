/**
 * Operations composed of others: derivatives of order 1 and 2 by central differences, where no primitive's law looks at
 * them.
 */
import { describe, expect, it } from 'vitest'
import { checkGrads } from '../../src/autodiff/check.js'
import { hessian } from '../../src/autodiff/grad.js'
import { evaluate } from '../../src/autodiff/interpret.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Shape, Tensor } from '../../src/autodiff/tensor.js'
import { anything, array, type Fill, spread } from '../laws/values.js'

const drawn = (fill: Fill, seed: number, shape: Shape): Tensor => {
  const { data } = array(fill, seed, shape)
  return $.tensor(data, shape)
}
const x = (...shape: readonly number[]): Tensor => drawn(spread, 1, shape)
const w = (...shape: readonly number[]): Tensor => drawn(anything, 2, shape)
type Function = (...x: readonly Tensor[]) => Tensor
const at = (list: readonly number[], shape: Shape): Tensor => $.tensor(list, shape, 'i32')

const cases: Readonly<Record<string, readonly [f: Function, args: readonly Tensor[]]>> = {
  sort: [y => $.sort(y as Tensor, 0), [x(4, 3)]],
  'the largest two': [y => $.topK(y as Tensor, 2)[0], [x(3, 4)]],
  'a quantile between two': [y => $.quantile(y as Tensor, 0.4), [x(3, 5)]],
  median: [y => $.median(y as Tensor, 0, { keepDims: true }), [x(4, 3)]],
  'takeAlong with rows that broadcast': [y => $.takeAlong(y as Tensor, at([0, 2, 2], [1, 3]), 1), [x(2, 4)]],
  'scatterAddAlong with rows that broadcast': [
    y => $.scatterAddAlong(y as Tensor, at([0, 2, 2], [1, 3]), 1, 4),
    [x(2, 3)]
  ],
  'cumsum in blocks': [y => $.cumsum(y as Tensor, 0, { reverse: true, exclusive: true }), [x(67)]],
  'the exclusive sums of one element': [y => $.cumsum(y as Tensor, 0, { exclusive: true }), [x(1, 3)]],
  cumprod: [y => $.cumprod(y as Tensor), [x(2, 5)]],
  'cumprod with zeros': [y => $.cumprod(y as Tensor), [$.tensor([2, 0, 3, 0, 5])]],
  cummax: [y => $.cummax(y as Tensor), [x(2, 5)]],
  cummin: [y => $.cummin(y as Tensor, 0), [x(5, 2)]],
  'a scan from the end': [
    y => $.associativeScan((a, b) => $.add($.mul(a, b), 0), y as Tensor, 0, { reverse: true }),
    [x(5)]
  ],
  flip: [y => $.flip(y as Tensor), [x(2, 3)]],
  roll: [y => $.roll(y as Tensor, -4, 0), [x(3, 2)]],
  diagonal: [y => $.diagonal(y as Tensor, { offset: 1 }), [x(2, 3, 4)]],
  diff: [y => $.diff(y as Tensor, 0, 2), [x(4, 2)]],
  'a product by einsum': [(a, b) => $.einsum('bij,bjk->bik', a as Tensor, b as Tensor), [x(2, 3, 2), w(2, 2, 3)]],
  'a quadratic form by einsum': [
    (a, b) => $.einsum('i,ij,j->', a as Tensor, b as Tensor, a as Tensor),
    [x(3), w(3, 3)]
  ],
  'a trace': [a => $.einsum('ii', a as Tensor), [x(3, 3)]],
  convTranspose2d: [
    (a, b) => $.convTranspose2d(a as Tensor, b as Tensor, { stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
    [x(1, 4, 2, 3), w(4, 1, 3, 2)]
  ],
  conv1d: [(a, b) => $.conv1d(a as Tensor, b as Tensor, { padding: 1, dilation: 2 }), [x(2, 2, 5), w(3, 2, 2)]],
  convTranspose1d: [(a, b) => $.convTranspose1d(a as Tensor, b as Tensor, { stride: 2 }), [x(1, 2, 3), w(2, 2, 2)]],
  'adaptive pooling': [y => $.adaptiveAvgPool2d(y as Tensor, [2, 3]), [x(1, 2, 3, 4)]],
  maxPool1d: [y => $.maxPool1d(y as Tensor, { kernel: 3, stride: 2, padding: 1 }), [x(1, 2, 6)]],
  avgPool1d: [y => $.avgPool1d(y as Tensor, { kernel: 3, stride: 2, padding: 1 }), [x(1, 2, 6)]],
  resize: [y => $.resize(y as Tensor, [5, 2]), [x(1, 1, 3, 4)]],
  'cubic resize': [y => $.resize(y as Tensor, [5], { mode: 'cubic', alignCorners: true }), [x(2, 3)]],
  'nearest resize': [y => $.resize(y as Tensor, [5, 2], { mode: 'nearest' }), [x(1, 1, 3, 4)]]
}

describe('has the derivatives of order 1 and 2 that central differences have', () => {
  // Squared, so that the second derivative of what is linear says something.
  it.each(Object.entries(cases))('%s', (_, [f, args]) =>
    checkGrads((...y) => $.mul(f(...y), f(...y)), args, { order: 2 })
  )
})

it('the Hessian of a product over zeros is that of the polynomial', () => {
  const last = (y: Tensor): Tensor => $.reshape($.sliceAlong($.cumprod(y), 0, [2]), [])
  expect(Array.from(evaluate(hessian(last)($.tensor([0, 0, 3]))).data)).toEqual([0, 3, 0, 3, 0, 0, 0, 0, 0])
})

it('a value that is not finite stays within its windows', () => {
  const y = $.tensor([1, 2, Number.POSITIVE_INFINITY, 4, 5, 6, 7], [1, 1, 7])
  expect(Array.from(evaluate($.avgPool1d(y, { kernel: 2, stride: 1 })).data)).toEqual([
    1.5,
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    4.5,
    5.5,
    6.5
  ])
  expect(Array.from(evaluate($.adaptiveAvgPool2d($.reshape(y, [7, 1]), [3, 1])).data)).toEqual([
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    6
  ])
})
