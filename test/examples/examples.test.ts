/** The examples run as they stand, on the adapter of the machine, and come to what they say. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {})
})
afterEach(() => {
  vi.restoreAllMocks()
})

it('regression: the coefficients of the parabola, within some error bars', async () => {
  const { coefficients, atLeast } = await import('../../examples/regression.js')
  expect(atLeast.every(bar => bar > 0.005 && bar < 0.02)).toBe(true)
  for (const [i, truth] of [1, -2, 3].entries())
    expect(Math.abs((coefficients[i] as number) - truth)).toBeLessThan(5 * (atLeast[i] as number))
})

it('convnet: most digits that it has not seen', async () => {
  const { accuracy } = await import('../../examples/convnet.js')
  expect(accuracy).toBeGreaterThan(0.9)
})

it('physics: the sine, from its differential equation', async () => {
  const { error } = await import('../../examples/physics.js')
  expect(error).toBeLessThan(0.01)
})

it('hypergradient: a rate as good as the best of a grid', async () => {
  const { rate, losses, byGrid } = await import('../../examples/hypergradient.js')
  expect(rate).toBeGreaterThan(0.1)
  expect(losses[0]).toBeGreaterThan(1)
  expect(losses.at(-1)).toBeLessThan(1.2 * Math.min(...byGrid))
})

it('influence: what leaving an image out does, to a third', async () => {
  const { predicted, measured } = await import('../../examples/influence.js')
  expect(Math.abs(measured)).toBeGreaterThan(0.01)
  expect(predicted / measured).toBeGreaterThan(2 / 3)
  expect(predicted / measured).toBeLessThan(3 / 2)
})

it('own-space: a cell of the space, by a search of all its epochs', async () => {
  const { genotype, testAccuracy, epochsDone } = await import('../../examples/own-space.js')
  expect(epochsDone).toBe(2)
  expect(genotype).toMatch(/^\|\w+~0\|\+\|\w+~0\|\w+~1\|$/)
  expect(testAccuracy).toBeGreaterThan(0.3)
})

it('there is no example that is not run', () => {
  const files = readdirSync(fileURLToPath(new URL('../../examples', import.meta.url))).filter(name =>
    name.endsWith('.ts')
  )
  expect(files.filter(name => name !== 'digits.ts').toSorted()).toEqual(
    ['convnet', 'hypergradient', 'influence', 'own-space', 'physics', 'regression'].map(name => `${name}.ts`)
  )
})
