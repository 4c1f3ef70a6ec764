import { lowered, nn, type Tensor } from 'lambda-darts'
import { describe, expect, it } from 'vitest'
import { buffers, floor, type Life, passes, softmaxPasses } from './07.js'

/** Lives of one size, from a small generator: the same in each run. */
const randomLives = (seed: number): Life[] => {
  let state = seed
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  return Array.from({ length: 30 }, () => {
    const first = next(40)
    return { bytes: 1, first, last: first + next(8) }
  })
}

describe('7.1 passes over memory', () => {
  it('is traffic in units of the tensor', () => {
    expect(passes(2 ** 19, 2 ** 23)).toBe(4)
  })
  it('is right for the softmax of rows', () => {
    const either = lowered((x: Tensor) => nn.softmax(x))([{ shape: [1024, 1024], dtype: 'f32' }])
    if (either._tag === 'Left') throw new Error(either.left.message)
    const { calls } = either.right
    const elements = calls.map(({ covers = [], stores = [] }) => [
      ...covers,
      ...stores.map(({ extents }) => extents.reduce((a, b) => a * b, 1))
    ])
    const traffic = 4 * elements.flat().reduce((a, b) => a + b, 0)
    // What is of one number a row counts next to nothing.
    expect(Math.round(passes(2 ** 20, traffic))).toBe(softmaxPasses())
  })
})

describe('7.2 the floor', () => {
  it('is what is alive at once', () => {
    const lives = [
      { bytes: 4, first: 0, last: 2 },
      { bytes: 8, first: 1, last: 3 },
      { bytes: 16, first: 3, last: 4 }
    ]
    expect(floor(lives)).toBe(24)
    expect(floor(lives.slice(0, 2))).toBe(12)
    expect(floor([])).toBe(0)
  })
})

describe('7.3 sharing', () => {
  it.each([1, 2, 3, 4, 5])('gives each life a buffer of its own time, and takes no more than are needed (%i)', seed => {
    const lives = randomLives(seed)
    const given = buffers(lives)
    expect(given.length).toBe(lives.length)
    lives.forEach((a, i) => {
      lives.forEach((b, j) => {
        if (i < j && given[i] === given[j]) expect(a.last < b.first || b.last < a.first).toBe(true)
      })
    })
    const most = Math.max(...lives.map(({ first }) => lives.filter(b => b.first <= first && first <= b.last).length))
    expect(new Set(given).size).toBe(most)
  })
})
