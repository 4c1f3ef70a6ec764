/**
 * A NaN in an argument is never answered by a number: what depends on it is NaN, in values and in gradients, on both
 * backends.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import * as nn from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { adam, clipFactor, globalNorm, sgd } from '../../src/autodiff/optim.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { backends, evaluateOn } from '../backends.js'
import { anything, array } from '../laws/values.js'

const [ROWS, COLUMNS] = [3, 4]
const rate = $.tensor(0.1)
const labels = $.tensor(Int32Array.of(0, 3, 1), [3], 'i32')
const zeros = (x: Tensor) => $.mul($.stopGradient($.where($.equal(x, x), x, 0)), 0)

/** A function of x f32[3,4], and which of its results depend on the element at (row, column). */
type Reach = 'all' | 'row' | 'column' | 'element'
const functions: Readonly<Record<string, readonly [(x: Tensor) => Tensor, Reach]>> = {
  norm: [x => nn.norm(x), 'all'],
  'norm of rows': [x => nn.norm(x, 1), 'row'],
  globalNorm: [x => globalNorm([x, x]), 'all'],
  clipped: [x => $.mul(x, clipFactor(globalNorm([x]), 1)), 'all'],
  variance: [x => $.variance(x, 0), 'column'],
  batchNorm: [x => nn.batchNorm(x).y, 'column'],
  softmax: [x => nn.softmax(x), 'row'],
  logSoftmax: [x => nn.logSoftmax(x), 'row'],
  logSumExp: [x => $.logSumExp(x, -1), 'row'],
  crossEntropy: [x => nn.crossEntropy(x, labels), 'all'],
  softplus: [x => nn.softplus(x), 'element'],
  clamp: [x => $.clamp(x, -1, 1), 'element'],
  cosine: [x => nn.cosine(x, $.add($.mul(x, x), 1)), 'all'],
  meanPairwiseCosine: [x => nn.meanPairwiseCosine(x), 'all'],
  meanPairwiseSignCosine: [x => nn.meanPairwiseSignCosine(x), 'all'],
  updateRunning: [x => nn.updateRunning(x, zeros(x)), 'element'],
  'sgd, by its gradient': [
    x => sgd({ momentum: 0.9 }).update(x, { buffer: zeros(x) }, zeros(x), rate).weights,
    'element'
  ],
  'adam, by its gradient': [
    x =>
      adam({ rate: 0.1 }).update(x, { first: zeros(x), second: zeros(x), corrections: $.tensor([0, 0]) }, zeros(x))
        .weights,
    'element'
  ]
}

const depends = (reach: Reach, index: number, place: number, size: number): boolean => {
  const [row, column] = [Math.floor(place / COLUMNS), place % COLUMNS]
  if (reach === 'all') return true
  if (reach === 'row') return size === ROWS ? index === row : Math.floor(index / COLUMNS) === row
  if (reach === 'column') return index % COLUMNS === column
  return index === place
}

describe.each(['reference', 'gpu'] as const)('on the %s', kind => {
  it('values that depend on a NaN are NaN, and no others', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(ROWS * COLUMNS - 1), fc.nat(1000), async (place, seed) => {
        const x = array(anything, seed, [ROWS, COLUMNS])
        x.data[place] = Number.NaN
        const got = await evaluateOn(backends[kind], (y: Tensor) => Object.values(functions).map(([f]) => f(y)), [
          x
        ] as never)
        Object.entries(functions).forEach(([name, [, reach]], k) => {
          const { data } = got[k] as { data: ArrayLike<number> }
          Array.from(data).forEach((value, i) => {
            if (Number.isNaN(value) !== depends(reach, i, place, data.length))
              expect.fail(`${name}, NaN at ${place}: result ${i} is ${value}`)
          })
        })
      }),
      { numRuns: 12 }
    ))

  it('gradients of what is NaN are not numbers at the element itself', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(ROWS * COLUMNS - 1), fc.nat(1000), async (place, seed) => {
        const x = array(anything, seed, [ROWS, COLUMNS])
        x.data[place] = Number.NaN
        const gradients = (y: Tensor) =>
          Object.values(functions).map(([f]) => grad((z: Tensor) => $.sum($.mul(f(z), f(z))))(y))
        const got = await evaluateOn(backends[kind], gradients, [x] as never)
        Object.keys(functions).forEach((name, k) => {
          const value = (got[k] as { data: ArrayLike<number> }).data[place]
          if (!Number.isNaN(value)) expect.fail(`the gradient of ${name} at its NaN is ${value}`)
        })
      }),
      { numRuns: 8 }
    ))
})
