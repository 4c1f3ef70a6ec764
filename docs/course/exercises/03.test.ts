import { $, checkGrads, evaluate, grad, hessian, type Tensor } from 'lambda-darts'
import { describe, expect, it } from 'vitest'
import { lengthRule, outerRule, rotationRule, softplusRule } from './03.js'

const numbers = (x: Tensor): number[] => [...evaluate(x).data]
const x = $.tensor([0.5, -1, 2])

describe('3.1 softplus', () => {
  const softplus = $.customVjp(
    a => $.log($.add(1, $.exp(a as Tensor))),
    (g, [a]) => [softplusRule(g, a as Tensor)]
  )
  it('is right to the second order', () => {
    checkGrads(softplus, [x])
  })
  it('is right where exp x is infinite', () => {
    expect(numbers(softplusRule($.tensor([1]), $.tensor([1000])))).toEqual([1])
  })
})

describe('3.2 a rotation of places', () => {
  const rotated = $.customVjp(
    a => $.concat([$.sliceAlong(a as Tensor, 0, [2, 3]), $.sliceAlong(a as Tensor, 0, [0, 2])], 0),
    g => [rotationRule(g)]
  )
  it('is right to the second order', () => {
    expect(numbers(rotated(x))).toEqual([2, 0.5, -1])
    checkGrads(rotated, [x])
  })
})

describe('3.3 the outer product', () => {
  const outer = $.customVjp(
    (a, b) => $.mul($.reshape(a as Tensor, [-1, 1]), b as Tensor),
    (g, [a, b]) => [...outerRule(g, a as Tensor, b as Tensor)]
  )
  it('is right to the second order', () => {
    checkGrads((a: Tensor, b: Tensor) => outer(a, b), [x, $.tensor([3, -0.5])])
  })
})

describe('3.4 the length of a vector', () => {
  const length = $.customVjp(
    a => $.sqrt($.sum($.square(a as Tensor))),
    (g, [a]) => [lengthRule(g, a as Tensor)]
  )
  it('is right to the second order', () => {
    checkGrads(length, [x])
    expect(evaluate(hessian(length)(x)).shape).toEqual([3, 3])
  })
  it('gives zeros at zero', () => {
    expect(numbers(grad(length)($.zeros([3])))).toEqual([0, 0, 0])
  })
})
