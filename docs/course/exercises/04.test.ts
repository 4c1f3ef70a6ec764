import { $, evaluate, grad, hessian, mixedHvp, type Tensor } from 'lambda-darts'
import { describe, expect, it } from 'vitest'
import { ordered } from '../02-the-graph.js'
import { derivative, gradientPenaltySlope, mixed, trace } from './04.js'

const numbers = (x: Tensor): number[] => [...evaluate(x).data]
const close = (got: Tensor, wanted: Tensor): void => {
  expect(got.shape).toEqual(wanted.shape)
  numbers(got).forEach((number, i) => {
    expect(number).toBeCloseTo(numbers(wanted)[i] as number, 9)
  })
}
const x = $.tensor([0.5, -1, 2])
const f = (a: Tensor): Tensor => $.add($.prod(a), $.sum($.mul($.sin(a), $.square(a))))

describe('4.1 the nth derivative', () => {
  it.each([0, 1, 2, 3, 4])('of sin, to order %s', n => {
    const wanted = [Math.sin, Math.cos, (a: number) => -Math.sin(a), (a: number) => -Math.cos(a)][n % 4]
    expect(numbers(derivative($.sin, n)($.tensor(0.7)))[0]).toBeCloseTo(wanted?.(0.7) as number, 12)
  })
})

describe('4.2 the trace of a Hessian', () => {
  it('is the sum of its diagonal', () => {
    close(trace(f, x), $.sum($.diagonal(hessian(f)(x))))
  })
  it('has no matrix in it', () => {
    const long = $.sin($.arange(40))
    const sum = (a: Tensor): Tensor => $.sum($.mul(a, $.sin(a)))
    expect(ordered(trace(sum, long)).every(({ shape }) => shape.length < 2)).toBe(true)
  })
})

describe("4.3 the gradient of a gradient's size", () => {
  it('is the gradient of what it says', () => {
    close(gradientPenaltySlope(f, x), grad((a: Tensor) => $.mul(0.5, $.sum($.square(grad(f)(a)))))(x))
  })
})

describe('4.4 a mixed derivative', () => {
  const g = (a: Tensor, b: Tensor): Tensor => $.sum($.mul($.sin($.mul(a, b)), $.add(a, b)))
  it('is d/dx <df/dy, v>', () => {
    const [y, v] = [$.tensor([1, 2, -0.5]), $.tensor([3, -1, 1])]
    close(mixed(g, x, y, v), mixedHvp(g, x, y, v))
  })
  it('keeps the two apart where both are one tensor', () => {
    const v = $.tensor([3, -1, 1])
    close(mixed(g, x, x, v), mixedHvp(g, x, x, v))
  })
})
