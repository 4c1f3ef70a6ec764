import { $, evaluate, grad, type Shape, type Tensor } from 'lambda-darts'
import { describe, expect, it } from 'vitest'
import { depth, orderedOf, paths, unbroadcast } from './02.js'

const squared = (x: Tensor, times: number): Tensor => (times === 0 ? x : squared($.mul(x, x), times - 1))
const x = $.tensor(1)

describe('2.1 count the paths', () => {
  it('doubles with each squaring', () => {
    expect(paths(squared(x, 3), x)).toBe(8)
    expect(paths(squared(x, 40), x)).toBe(2 ** 40)
  })
  it('is none where nothing leads, and one to the node itself', () => {
    expect(paths(squared(x, 3), $.tensor(1))).toBe(0)
    expect(paths(x, x)).toBe(1)
  })
})

describe('2.2 how much can run at once', () => {
  it('is the longest chain', () => {
    const [sine, cosine] = [$.sin(x), $.cos($.exp(x))]
    expect(depth(x)).toBe(0)
    expect(depth($.add(sine, cosine))).toBe(3)
    expect(depth(squared(x, 40))).toBe(40)
  })
})

describe('2.3 transpose a broadcast', () => {
  const cases: [Shape, Shape][] = [
    [[2], [3, 2]],
    [
      [3, 1],
      [3, 2]
    ],
    [[], [2, 3]],
    [[1], [2, 1]],
    [
      [2, 1, 3],
      [4, 2, 5, 3]
    ],
    [
      [2, 3],
      [2, 3]
    ]
  ]
  it.each(cases)('from %j to %j', (from, to) => {
    const g = $.reshape($.sin($.arange(to.reduce((product, extent) => product * extent, 1))), to)
    const v = $.ones(from)
    const wanted = grad((one: Tensor) => $.sum($.mul(g, $.broadcastTo(one, to))))(v)
    const got = unbroadcast(g, from)
    expect(got.shape).toEqual(from)
    evaluate(got).data.forEach((number, i) => {
      expect(number).toBeCloseTo(evaluate(wanted).data[i] as number, 9)
    })
  })
})

describe('2.4 without recursion', () => {
  it('has each node once, behind its inputs', () => {
    const output = $.add($.sin(squared(x, 3)), squared(x, 2))
    const order = orderedOf(output)
    expect(order.length).toBe(1 + 3 + 1 + 2 + 1)
    expect(new Set(order).size).toBe(order.length)
    order.forEach((node, i) => {
      for (const input of node.inputs) expect(order.indexOf(input)).toBeLessThan(i)
      for (const input of node.inputs) expect(order.indexOf(input)).toBeGreaterThanOrEqual(0)
    })
    expect(order.at(-1)).toBe(output)
  })
  it('takes a chain of a hundred thousand', () => {
    const long = Array.from({ length: 100_000 }).reduce((one: Tensor) => $.neg(one), x)
    const order = orderedOf(long)
    expect(order.length).toBe(100_001)
    expect(order[0] === x && order.at(-1) === long).toBe(true)
  })
})
