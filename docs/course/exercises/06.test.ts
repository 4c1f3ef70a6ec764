import { describe, expect, it } from 'vitest'
import { bestTile, isNaNBits, loads, sum, taken } from './06.js'

describe('6.1 loads', () => {
  it('counts those of the chapter', () => {
    expect(loads(256, 1, 1)).toBe(2 * 256 ** 3)
    expect(loads(256, 4, 4)).toBe((2 * 256 ** 3) / 4)
    expect(loads(64, 16, 4)).toBe(4 * 16 * 64 * 20)
  })
  it('finds the best tile of 64', () => {
    const [rows, columns] = bestTile()
    expect(rows * columns).toBe(64)
    for (const one of [1, 2, 4, 8, 16, 32, 64])
      expect(one + 64 / one, `${one} x ${64 / one}`).toBeGreaterThanOrEqual(rows + columns)
  })
})

describe('6.2 a grid stride', () => {
  it.each([
    [64, 1000],
    [7, 7],
    [100, 3],
    [1, 5]
  ])('takes each element once: %i invocations, %i elements', (size, n) => {
    const all = Array.from({ length: size }, (_, id) => taken(id, size, n)).flat()
    expect([...all].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i))
  })
  it('gives neighbours to neighbours, so that memory is read in its order', () => {
    expect([taken(0, 4, 10)[0], taken(1, 4, 10)[0], taken(0, 4, 10)[1]]).toEqual([0, 1, 4])
  })
})

describe('6.3 a sum that keeps its digits', () => {
  it('is right to a rounding or two for a million tenths', () => {
    const tenth = Math.fround(0.1)
    const got = sum(Array.from({ length: 1_000_000 }, () => tenth))
    expect(Math.fround(got)).toBe(got)
    expect(Math.abs(got / (1_000_000 * tenth) - 1)).toBeLessThan(2e-7)
  })
  it('adds what there is', () => {
    expect(sum([])).toBe(0)
    expect(sum([1, 2, 3.5])).toBe(6.5)
  })
})

describe('6.4 a NaN by its bits', () => {
  const bitsOf = (x: number): number => new Uint32Array(Float32Array.of(x).buffer)[0] as number
  it('finds every NaN, and nothing else', () => {
    for (const x of [0, -0, 1, -2.5, 3e38, 1e-45, Infinity, -Infinity]) expect(isNaNBits(bitsOf(x)), `${x}`).toBe(false)
    for (const bits of [0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0xffffffff])
      expect(isNaNBits(bits), bits.toString(16)).toBe(true)
  })
})
