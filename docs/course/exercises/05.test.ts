import { $, CheckError, checkGrads, type Tensor } from 'lambda-darts'
import { describe, expect, it } from 'vitest'
import { bestStep, findsAverage, findsLimited, findsProduct, quotient } from './05.js'

describe('5.1 four points', () => {
  const error = (h: number): number => Math.abs(quotient(Math.exp, 1, h) - Math.E)
  it('has an error of h^4', () => {
    expect(error(1 / 16)).toBeLessThan(1e-5)
    for (const h of [1 / 8, 1 / 16, 1 / 32]) {
      expect(error(h) / error(h / 2)).toBeGreaterThan(15)
      expect(error(h) / error(h / 2)).toBeLessThan(17)
    }
  })
  it('is exact for polynomials of degree 4', () => {
    expect(quotient(x => x ** 4 - 2 * x ** 3 + x, 1.5, 0.25)).toBeCloseTo(4 * 1.5 ** 3 - 6 * 1.5 ** 2 + 1, 12)
  })
  it('asks for f at four points', () => {
    const asked: number[] = []
    quotient(x => asked.push(x), 1, 0.25)
    expect(asked.sort((a, b) => a - b)).toEqual([0.5, 0.75, 1.25, 1.5])
  })
})

describe('5.2 the best step', () => {
  it('is about the cube root of u for functions of ordinary size', () => {
    expect(bestStep(2 ** -53, 1, 3) / Math.cbrt(2 ** -53)).toBeCloseTo(1, 9)
    expect(bestStep(2 ** -24, 1, 3) / Math.cbrt(2 ** -24)).toBeCloseTo(1, 9)
  })
  it.each([
    [2 ** -53, 0.8, 3.6864],
    [2 ** -24, 0.8, -3.6864],
    [2 ** -24, -1000, 0.01]
  ])('leaves the smallest error: u %d, f %d, third derivative %d', (u, value, third) => {
    const error = (h: number): number => (h ** 2 * Math.abs(third)) / 6 + (u * Math.abs(value)) / h
    const best = bestStep(u, value, third)
    expect(error(best)).toBeLessThan(error(best * 1.01))
    expect(error(best)).toBeLessThan(error(best / 1.01))
  })
})

describe('5.3 where is it wrong?', () => {
  type Rule = (g: Tensor, x: Tensor) => Tensor
  const ruled = (f: (x: Tensor) => Tensor, rule: Rule): ((x: Tensor) => Tensor) => {
    const made = $.customVjp(
      x => f(x as Tensor),
      (g, [x]) => [rule(g, x as Tensor)]
    )
    return x => made(x) as Tensor
  }
  /** The product of all entries. */
  const product = ruled(
    x => $.prod(x),
    (g, x) => $.mul(g, x)
  )
  /** x, but 1 + (x - 1) / 4 above 1. */
  const limited = ruled(
    x => $.where($.greater(x, 1), $.add(0.75, $.mul(0.25, x)), x),
    (g, x) => $.where($.greater(x, 1), $.mul(0.75, g), g)
  )
  /** The mean of all entries. */
  const average = ruled(
    x => $.mean(x),
    (g, x) => $.div($.broadcastTo(g, x.shape), Math.min(x.shape[0] ?? 0, 16))
  )

  it.each([
    ['product', product, [1, 1], findsProduct],
    ['limited', limited, [-0.7, 0.3], findsLimited],
    ['average', average, [0.1, -0.5, 2], findsAverage]
  ] as const)('%s', (_, f, passes, finds) => {
    checkGrads(f, [$.tensor(passes)], { order: 1 })
    const found = finds()
    expect(found.shape.length).toBe(1)
    try {
      checkGrads(f, [found], { order: 1 })
    } catch (error) {
      if (!(error instanceof CheckError)) throw error
      expect(error.kink).toBeUndefined()
      expect(Number.isFinite(error.wanted)).toBe(true)
      return
    }
    throw new Error('the check passes there too')
  })
})
