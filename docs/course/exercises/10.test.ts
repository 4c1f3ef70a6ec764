import { $, checkGrads, evaluate, hessian, nn, type Tensor } from 'lambda-darts/autodiff'
import { describe, expect, it } from 'vitest'
import { bestStep, directional, pairwise } from './10.js'

const number = (x: Tensor): number => evaluate(x).data[0] as number
const vectors = $.split($.key(3), 4).map(key => $.randomNormal(key, [7]))

describe('10.1 harmony by its definition', () => {
  it('is that of nn', () => {
    expect(number(pairwise(vectors))).toBeCloseTo(number(nn.meanPairwiseCosine(vectors)), 12)
  })
  it('can be differentiated twice', () => {
    const [a, b, c] = vectors as [Tensor, Tensor, Tensor]
    expect(() => checkGrads((x: Tensor, y: Tensor) => pairwise([x, y, c]), [a, b], { order: 2 })).not.toThrow()
  })
})

describe('10.2 the best step', () => {
  it('is better than its neighbours', () => {
    for (const [rounding, third] of [
      [6e-8, 2],
      [1e-16, 0.5]
    ] as const) {
      const error = (epsilon: number) => (epsilon ** 2 * third) / 6 + rounding / epsilon
      const best = bestStep(rounding, third)
      expect(error(best)).toBeLessThan(error(best * 1.01))
      expect(error(best)).toBeLessThan(error(best / 1.01))
    }
  })
})

describe('10.3 the derivative of a gradient along a direction', () => {
  it('is the Hessian times the direction', () => {
    const f = (x: Tensor) => $.sum($.mul($.tanh(x), $.square(x)))
    const [x, v] = vectors as [Tensor, Tensor]
    const wanted = evaluate($.matmul(hessian(f)(x), $.reshape(v, [7, 1]))).data
    const got = evaluate(directional(f, x, v)).data
    expect(got.length).toBe(7)
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[i] as number, 10)
    })
  })
})
