/** Hypergradients on small problems whose answers are known: quadratics, and smooth losses of random functions. */

import { fc, it } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { grad } from '../../../src/autodiff/grad.js'
import { evaluate } from '../../../src/autodiff/interpret.js'
import * as $ from '../../../src/autodiff/ops/index.js'
import { dot } from '../../../src/autodiff/ops/index.js'
import type { Tensor } from '../../../src/autodiff/tensor.js'
import { keyOf, normalOf, randomWords } from '../../../src/autodiff/threefry.js'
import {
  differenceProduct,
  exactProduct,
  hypergradient,
  type Loss,
  lookAhead,
  neumannSeries,
  unrolled
} from '../../../src/nas/method/hypergradient.js'

const N = 4
/** Normal numbers from a seed: nothing that shrinks towards zero, where differences vanish. */
const normals = (...shape: readonly number[]) =>
  fc.nat().map(seed =>
    $.tensor(
      Array.from(
        randomWords(
          keyOf(seed),
          shape.reduce((a, b) => a * b, 1)
        ),
        normalOf
      ),
      shape
    )
  )
const vector = normals(N)
const matrix = normals(N, N)
const valuesOf = (x: Tensor): number[] => Array.from(evaluate(x).data)
const size = (x: readonly number[]): number => Math.hypot(...x)
const distance = (x: readonly number[], y: readonly number[]): number =>
  size(x.map((value, i) => value - (y[i] as number)))

const times = (m: Tensor, x: Tensor): Tensor => $.reshape($.matmul(m, $.reshape(x, [N, 1])), [N])
const onlyValue =
  (f: (w: Tensor, a: Tensor) => Tensor): Loss<Tensor, Tensor, readonly []> =>
  (w, a) => [f(w, a), []]

/** Smooth losses in which weights and alpha meet in no simple way. */
const smooth = (m: Tensor, n: Tensor, shift: number) =>
  onlyValue((w, a) =>
    $.add($.mean($.tanh($.add($.mul(times(m, w), a), times(n, a)))), $.mul(0.1, $.sum($.mul($.sub(w, shift), w))))
  )

const problem = fc.record({ m: matrix, n: matrix, w: vector, a: vector, b: vector, q: vector })
const sgd = { momentum: 0.9, weightDecay: 3e-4 }

/** Of numbers near 1 in float64. */
const EXACT = 1e-12

describe('the unrolled hypergradient', () => {
  it.prop([problem])('is the first-order gradient where the rate is 0', ({ m, n, w, a, b }) => {
    const [train, valid] = [smooth(m, n, 0.3), smooth(n, m, -0.2)]
    const { gradient } = unrolled(train, valid, { ...sgd, rate: $.tensor(0), product: 'exact' })(w, b, a)
    const first = valuesOf(grad((alpha: Tensor) => valid(w, alpha)[0])(a))
    expect(distance(valuesOf(gradient), first)).toBeLessThan(EXACT)
  })

  it.prop([problem, fc.double({ min: 0.01, max: 1, noNaN: true })])(
    'is what differentiating through the step ahead gives',
    ({ m, n, w, a, b }, eta) => {
      const [train, valid] = [smooth(m, n, 0.3), smooth(n, m, -0.2)]
      const rate = $.tensor(eta)
      const { gradient } = unrolled(train, valid, { ...sgd, rate, product: 'exact' })(w, b, a)
      const through = grad((alpha: Tensor) => {
        const slope = grad((weights: Tensor) => train(weights, alpha)[0])(w)
        return valid(lookAhead(sgd, rate, slope, b, w), alpha)[0]
      })(a)
      expect(distance(valuesOf(gradient), valuesOf(through))).toBeLessThan(EXACT)
    }
  )

  it.prop([problem])('fd approaches exact with slope 2 in the length of the step', ({ m, n, w, a, q }) => {
    const loss = smooth(m, n, 0.3)
    const exact = valuesOf(exactProduct(loss)(w, a, q).product)
    const errors = [0.02, 0.01].map(length =>
      distance(valuesOf(differenceProduct(loss, length)(w, a, q).product), exact)
    )
    const [coarse, fine] = errors as [number, number]
    fc.pre(coarse > 1e-8) // float64 has no digits left for a smaller error
    expect(Math.log2(coarse / fine)).toBeGreaterThan(1.9)
    expect(Math.log2(coarse / fine)).toBeLessThan(2.1)
  })

  it('moves the weights by the length in all, and not at all along a direction of zeros', () => {
    const loss = onlyValue((w, a) => dot($.mul(w, w), a))
    const at = $.tensor([1, 2, 3, 4])
    const moved = differenceProduct(loss)(at, at, $.tensor([0, 3, 4, 0]))
    expect(valuesOf(moved.epsilon)).toEqual([0.01 / 5])
    expect(distance(valuesOf(moved.product), [0, 12, 24, 0])).toBeLessThan(1e-10)
    const still = differenceProduct(loss)(at, at, $.tensor([0, 0, 0, 0]))
    expect(valuesOf(still.product)).toEqual([0, 0, 0, 0])
  })
})

/** L_train = (w - B a) H (w - B a) / 2 with H = R R^T / 16 + I / 2: the best weights are B a. */
const quadratic = fc.record({ r: matrix, b: matrix, a: vector, c: vector }).map(({ r, b, a, c }) => {
  const hessianTimes = (x: Tensor): Tensor => $.add($.div(times(r, times($.transpose(r), x)), 16), $.div(x, 2))
  const best = times(b, a)
  const train = onlyValue((w, alpha) => {
    const gap = $.sub(w, times(b, alpha))
    return $.div(dot(gap, hessianTimes(gap)), 2)
  })
  const valid = onlyValue((w, alpha) => $.add($.div(dot($.sub(w, c), $.sub(w, c)), 2), dot(alpha, c)))
  return { train, valid, hessianTimes, best, a, b, c }
})

describe('the Neumann series', () => {
  it.prop([quadratic], { numRuns: 20 })(
    'solves the linear system in the limit: the implicit hypergradient of a quadratic',
    ({ train, valid, best, a, b, c }) => {
      const { gradient } = hypergradient(train, valid, { rate: $.tensor(0.3), terms: 150, product: 'exact' })(
        { base: best, reached: best },
        a
      )
      const closed = $.add(times($.transpose(b), $.sub(best, c)), c) // d/da of L_val(B a, a)
      expect(distance(valuesOf(gradient), valuesOf(closed))).toBeLessThan(1e-8)
    }
  )

  it.prop([quadratic, fc.integer({ min: 0, max: 6 })])(
    'telescopes: rate H q = v - (1 - rate H)^(K + 1) v',
    ({ hessianTimes, c }, terms) => {
      const rate = $.tensor(0.2)
      const q = neumannSeries(hessianTimes, c, rate, terms)
      const left = Array.from({ length: terms + 1 }).reduce<Tensor>(t => $.sub(t, $.mul(rate, hessianTimes(t))), c)
      expect(distance(valuesOf($.mul(rate, hessianTimes(q))), valuesOf($.sub(c, left)))).toBeLessThan(EXACT)
    }
  )

  it.prop([problem])('of no terms is the vector itself: the second-order term of DARTS', ({ m, n, w, a }) => {
    const [train, valid] = [smooth(m, n, 0.3), smooth(n, m, -0.2)]
    const rate = $.tensor(0.5)
    const { gradient, solution } = hypergradient(train, valid, { rate, terms: 0, product: 'exact' })(
      { base: w, reached: w },
      a
    )
    const v = grad((weights: Tensor) => valid(weights, a)[0])(w)
    const product = grad((alpha: Tensor) => dot(grad((x: Tensor) => train(x, alpha)[0])(w), v))(a)
    const direct = grad((alpha: Tensor) => valid(w, alpha)[0])(a)
    expect(distance(valuesOf(solution), valuesOf(v))).toBeLessThan(EXACT)
    expect(distance(valuesOf(gradient), valuesOf($.sub(direct, $.mul(rate, product))))).toBeLessThan(EXACT)
  })
})
