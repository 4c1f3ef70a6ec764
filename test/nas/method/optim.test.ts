/** The optimisers against the formulas, written out in float64 for numbers one by one, over several steps. */
import { describe, expect, it } from 'vitest'
import * as $ from '../../../src/autodiff/ops/index.js'
import type { Tensor } from '../../../src/autodiff/tensor.js'
import { type AdamState, adam, clipFactor, globalNorm, sgd } from '../../../src/nas/method/optim.js'
import { expectNear, numbers } from '../../laws/tensors.js'

/** Gradients of five steps, of three numbers each: of both signs, large and tiny, and zero. */
const gradients = [
  [0.5, -2, 1e-4],
  [0.4, 3, -1e-4],
  [0, -1, 2e-4],
  [-0.7, 0, 0],
  [1, 100, 1e-8]
]
const start = [1, -0.25, 3]

describe('SGD', () => {
  it('keeps momentum, adds decay to the gradient, and starts with an empty buffer', () => {
    const options = { momentum: 0.9, weightDecay: 3e-4 }
    const rates = [0.025, 0.025, 0.013, 0.001, 0.001]
    const values = [...start]
    const buffer = [0, 0, 0]
    let [w, b] = [$.tensor(start), $.tensor([0, 0, 0])]
    gradients.forEach((gradient, step) => {
      const rate = rates[step] as number
      gradient.forEach((g, i) => {
        buffer[i] = 0.9 * (buffer[i] as number) + g + 3e-4 * (values[i] as number)
        values[i] = (values[i] as number) - rate * (buffer[i] as number)
      })
      const next = sgd(options, $.tensor(rate), $.tensor(gradient), b, w)
      ;[w, b] = [next.values, next.buffer]
      expectNear(numbers(w), values)
      expectNear(numbers(b), buffer)
    })
    expect(values[1]).not.toBeCloseTo(-0.25, 2) // it moved
  })
})

describe('Adam', () => {
  it('corrects both moments for their start, adds decay to the gradient, and epsilon outside the root', () => {
    const options = { rate: 3e-4, betas: [0.5, 0.999], epsilon: 1e-8, weightDecay: 1e-3 } as const
    const values = [...start]
    const [first, second] = [
      [0, 0, 0],
      [0, 0, 0]
    ]
    const zero = $.tensor([0, 0, 0])
    let w: Tensor = $.tensor(start)
    let state: AdamState = { first: zero, second: zero, corrections: $.tensor([0, 0]) }
    gradients.forEach((gradient, step) => {
      gradient.forEach((raw, i) => {
        const g = raw + 1e-3 * (values[i] as number)
        first[i] = 0.5 * (first[i] as number) + 0.5 * g
        second[i] = 0.999 * (second[i] as number) + 0.001 * g * g
        const corrected = (first[i] as number) / (1 - 0.5 ** (step + 1))
        const scale = Math.sqrt((second[i] as number) / (1 - 0.999 ** (step + 1))) + 1e-8
        values[i] = (values[i] as number) - (3e-4 * corrected) / scale
      })
      const next = adam(options, $.tensor(gradient), state, w)
      ;[w, state] = [next.values, next.state]
      expectNear(numbers(w), values)
      expectNear(numbers(state.first), first)
      expectNear(numbers(state.second), second)
      expectNear(numbers(state.corrections), [1 - 0.5 ** (step + 1), 1 - 0.999 ** (step + 1)])
    })
  })

  it('moves every number by the rate in its first step, whatever the size of its gradient', () => {
    const zero = $.tensor([0, 0])
    const { values } = adam(
      { rate: 0.01, betas: [0.9, 0.999], epsilon: 1e-12, weightDecay: 0 },
      $.tensor([1e3, -1e-3]),
      { first: zero, second: zero, corrections: $.tensor([0, 0]) },
      zero
    )
    expectNear(numbers(values), [-0.01, 0.01], 1e-8)
  })
})

describe('clipping', () => {
  it('leaves a gradient within the limit as it is, bit for bit, and brings others to the limit', () => {
    for (const norm of [0, 1e-30, 4.9, 5 - 1e-6]) expect(numbers(clipFactor($.tensor(norm), 5))).toEqual([1])
    for (const norm of [5, 5.1, 50, 1e6]) {
      const [factor] = numbers(clipFactor($.tensor(norm), 5)) as [number]
      expect(factor).toBe(5 / (norm + 1e-6))
      expect(factor * norm).toBeLessThan(5)
    }
  })

  it('keeps a norm that is not a number, so that it is found', () => {
    expect(numbers(clipFactor($.tensor(Number.NaN), 5))).toEqual([Number.NaN])
  })

  it('measures several tensors together', () => {
    expect(numbers(globalNorm([$.tensor([[1, 2]]), $.tensor(4), $.tensor([2])]))).toEqual([5])
    expect(numbers(globalNorm([$.tensor([0, 0])]))).toEqual([0])
  })
})
