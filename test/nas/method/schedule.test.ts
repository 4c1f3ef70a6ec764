/** Tables of the schedules at the first, the second, the middle and the last epoch. */
import { describe, expect, it } from 'vitest'
import { cosineRate, linearLambda } from '../../../src/nas/method/schedule.js'

describe('the learning rate', () => {
  // 0.001 + 0.012 (1 + cos(pi e / E)): from the published 0.025 along a cosine that would reach 0.001 at e = E.
  it.each([
    [0, 50, 0.025],
    [1, 50, 0.024976321],
    [25, 50, 0.013],
    [49, 50, 0.001023679],
    [0, 100, 0.025],
    [1, 100, 0.024994079],
    [50, 100, 0.013],
    [99, 100, 0.001005921],
    [0, 1, 0.025]
  ])('in epoch %d of %d is %d', (epoch, epochs, rate) =>
    expect(cosineRate(0.025, 0.001, epoch, epochs)).toBeCloseTo(rate, 9)
  )

  it('falls in every epoch, and stays where start and end are equal', () => {
    const rates = Array.from({ length: 30 }, (_, epoch) => cosineRate(0.1, 0, epoch, 30))
    for (const [i, rate] of rates.slice(1).entries()) expect(rate).toBeLessThan(rates[i] as number)
    expect(cosineRate(0.01, 0.01, 7, 30)).toBe(0.01)
  })
})

describe('lambda', () => {
  it.each([
    [0, 50, 0],
    [1, 50, 0.125 / 49],
    [25, 50, (0.125 * 25) / 49],
    [49, 50, 0.125],
    [0, 2, 0],
    [1, 2, 0.125],
    [0, 1, 0.125]
  ])('in epoch %d of %d is %d', (epoch, epochs, lambda) =>
    expect(linearLambda(0.125, epoch, epochs)).toBeCloseTo(lambda, 15)
  )
})
