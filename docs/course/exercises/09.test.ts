import { $, evaluate, grad, nn, type Tensor } from 'lambda-darts/autodiff'
import { describe, expect, it } from 'vitest'
import { alphaGradient, deepest, margin } from './09.js'

describe('9.1 the margin of an edge', () => {
  it('is 0 where nothing is decided, and nearly 1 at a vertex', () => {
    expect(margin([1, 1, 1, 1, 1])).toBeCloseTo(0, 12)
    expect(margin([50, 0, 0, 0, 0])).toBeCloseTo(1, 12)
  })
  it('is the distance from the largest to the second largest', () => {
    expect(margin([Math.log(1), Math.log(2), Math.log(5)])).toBeCloseTo(3 / 8, 12)
  })
})

describe('9.2 what alpha hears', () => {
  it('is what grad gives, for any number of cells', () => {
    const [alpha, ...gradients] = $.split($.key(1), 4).map(key => $.randomNormal(key, [6, 5]))
    const along = (a: Tensor) =>
      gradients.map(g => $.sum($.mul(g, nn.softmax(a)))).reduce((sum, term) => $.add(sum, term))
    const [wanted, got] = [grad(along)(alpha as Tensor), alphaGradient(alpha as Tensor, gradients)].map(
      x => evaluate(x).data
    )
    expect(got?.length).toBe(30)
    wanted?.forEach((value, i) => {
      expect(got?.[i]).toBeCloseTo(value, 12)
    })
  })
  it('does not hear what is added to a whole row', () => {
    const alpha = $.randomNormal($.key(2), [6, 5])
    expect(Math.max(...evaluate($.abs(alphaGradient(alpha, [$.broadcastTo($.tensor(3), [6, 5])]))).data)).toBeLessThan(
      1e-12
    )
  })
})

describe('9.3 the deepest way through a cell', () => {
  const PLACES = [
    [0, 1],
    [0, 2],
    [1, 2],
    [0, 3],
    [1, 3],
    [2, 3]
  ] as const
  const cell = (...operations: string[]) =>
    PLACES.map(([from, to], i) => ({ from, to, operation: operations[i] as string }))
  const [none, pool, conv] = ['none', 'avg_pool_3x3', 'nor_conv_3x3']
  it('is 0 for pools, and 3 for convolutions', () => {
    expect(deepest(cell(pool, pool, pool, pool, pool, pool))).toBe(0)
    expect(deepest(cell(conv, conv, conv, conv, conv, conv))).toBe(3)
  })
  it('does not go through none', () => {
    expect(deepest(cell(conv, pool, none, pool, none, conv))).toBe(1)
    expect(deepest(cell(none, none, conv, none, conv, conv))).toBe(-1)
  })
})
