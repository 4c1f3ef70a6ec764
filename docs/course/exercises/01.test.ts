import { describe, expect, it } from 'vitest'
import { add, derivatives, div, grad, mul, ordered, sin, type Value, value } from '../01-a-value-and-its-derivative.js'
import { jacobian, log, peak, pencil, pow } from './01.js'

describe('1.1 with a pencil', () => {
  it('has the numbers and the derivatives', () => {
    const [x, y] = [value(3), value(4)]
    const a = add(x, y)
    const c = mul(a, x)
    const received = derivatives(c)
    const step = (one: Value) => ({ number: one.number, derivative: received.get(one) })
    expect(pencil()).toEqual({ x: step(x), y: step(y), a: step(a), c: step(c) })
  })
})

describe('1.2 two more operations', () => {
  it.each([0.5, 1, 3])('log has the derivative 1 / x at %s', x => {
    expect(log(value(x)).number).toBeCloseTo(Math.log(x), 12)
    expect(grad(log)(x)[0]).toBeCloseTo(1 / x, 12)
  })
  it.each([2, 3, 0.5, -1])('x to the power %s has its derivative', exponent => {
    expect(pow(value(1.5), exponent).number).toBeCloseTo(1.5 ** exponent, 12)
    expect(grad(x => pow(x, exponent))(1.5)[0]).toBeCloseTo(exponent * 1.5 ** (exponent - 1), 12)
  })
  it('has the derivative of a constant for the power 0, at 0 too', () => {
    expect(pow(value(0), 0).number).toBe(1)
    expect(grad(x => pow(x, 0))(0)[0]).toBeCloseTo(0, 12)
  })
})

describe('1.3 several results', () => {
  it('gives a row for each result', () => {
    const rows = jacobian((x, y) => [mul(x as Value, y as Value), sin(x as Value)])(2, 3)
    expect(rows).toEqual([
      [3, 2],
      [Math.cos(2), 0]
    ])
  })
})

describe('1.4 what has to be remembered', () => {
  const newton = (steps: number): Value => {
    const a = value(2)
    return Array.from({ length: steps }).reduce((root: Value) => mul(add(root, div(a, root)), 0.5), value(1))
  }
  it('is all for a sum whose terms are there before it', () => {
    const [x, y] = [value(1), value(2)]
    expect(peak(add(x, y))).toBe(3)
  })
  it('does not grow with the steps of an iteration, whose graph does', () => {
    expect(ordered(newton(40)).length).toBeGreaterThan(6 * ordered(newton(5)).length)
    expect(peak(newton(40))).toBe(peak(newton(5)))
    expect(peak(newton(40))).toBeLessThan(7)
  })
})
