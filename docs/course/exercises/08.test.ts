import { $, checkGrads, evaluate, nn, optim, type Tensor } from 'lambda-darts/autodiff'
import { describe, expect, it } from 'vitest'
import { clipped, drift, nesterov, normalised } from './08.js'

const numbers = (x: Tensor): readonly number[] => [...evaluate(x).data]
const close = (got: Tensor, wanted: Tensor): void => {
  const [a, b] = [numbers(got), numbers(wanted)]
  expect(a.length).toBe(b.length)
  a.forEach((value, i) => {
    expect(value).toBeCloseTo(b[i] as number, 10)
  })
}
const [w, g, b] = $.split($.key(8), 3).map(key => ({
  a: $.randomNormal(key, [3, 2]),
  c: $.randomUniform(key, [4])
})) as [Record<'a' | 'c', Tensor>, Record<'a' | 'c', Tensor>, Record<'a' | 'c', Tensor>]

describe('8.1 batch norm by hand', () => {
  const x = $.randomNormal($.key(9), [6, 3])
  it('is that of nn', () => close(normalised(x), nn.batchNorm(x).y))
  it('has derivatives of first and second order', () => {
    expect(() => checkGrads((x: Tensor) => normalised(x), [x], { order: 2 })).not.toThrow()
  })
})

describe('8.2 momentum that looks ahead', () => {
  it('is that of optim, twice in a row', () => {
    const { init, update } = optim.sgd({ rate: 0.1, momentum: 0.9, nesterov: true })
    const first = update(g, init(w), w)
    const second = update(b, first.state, first.weights)
    const mine = nesterov(w, g, { a: $.mul(w.a, 0), c: $.mul(w.c, 0) }, 0.1)
    const then = nesterov(mine.weights, b, mine.sums, 0.1)
    for (const name of ['a', 'c'] as const) close(then.weights[name] as Tensor, second.weights[name])
  })
})

describe('8.3 what is left of the start', () => {
  it('is all of it at first, and what updateRunning leaves', () => {
    expect(drift(0.1, 0)).toBe(1)
    let running = $.tensor(0)
    for (let n = 0; n < 10; n++) running = nn.updateRunning(running, $.tensor(1), 0.1)
    expect(drift(0.1, 10)).toBeCloseTo(1 - (numbers(running)[0] as number), 12)
  })
})

describe('8.4 clipping', () => {
  it('shortens all alike', () => {
    const short = clipped(g, 0.5)
    expect(numbers(optim.globalNorm(short))[0]).toBeCloseTo(0.5, 10)
    close($.div(short['a'] as Tensor, g.a), $.broadcastTo($.div($.sum(short['c'] as Tensor), $.sum(g.c)), [3, 2]))
  })
  it('leaves what is short', () => close(clipped(g, 1000)['a'] as Tensor, g.a))
})
