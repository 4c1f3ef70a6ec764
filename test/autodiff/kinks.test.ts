/** Counting the choices of piecewise primitives that differ between two points. */
import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/autodiff/interpret.js'
import { choicesOf, flipsBetween } from '../../src/autodiff/kinks.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'

const count = (flips: ReturnType<typeof flipsBetween>, primitive: string): number =>
  evaluate(flips[primitive]?.flipped as Tensor).data[0] as number

describe('flips', () => {
  it('of every piecewise primitive are counted; smooth ones have none', () => {
    const f = (x: Tensor): Tensor[] => [
      $.relu(x),
      $.abs(x),
      $.maximum(x, $.neg(x)),
      $.minimum(x, $.tensor(0.5)),
      $.tanh($.relu($.mul(x, 2)))
    ]
    const [before, after] = [$.tensor([-1, -0.1, 0.2, 1]), $.tensor([-1, 0.1, 0.3, -1])]
    const flips = flipsBetween(f(before), f(after))
    expect(Object.keys(flips).sort()).toEqual(['abs', 'max', 'min', 'relu'])
    expect(flips['relu']?.total).toBe(8)
    expect(
      Object.keys(flips)
        .sort()
        .map(name => count(flips, name))
    ).toEqual([2, 2, 1, 4])
    expect(flipsBetween([$.tanh(before)], [$.tanh(after)])).toEqual({})
  })

  it('of a pool are windows whose largest pixel moved', () => {
    const image = (corner: number): Tensor => $.tensor([corner, 2, 0, 1, 0, 1, 3, 0, 5, 0, 0, 0, 0, 0, 0, 1], [1, 1, 4, 4])
    const f = (x: Tensor): Tensor[] => [$.maxPool2d(x, { kernel: 2 })]
    const flips = flipsBetween(f(image(1)), f(image(3)))
    expect(flips['window_argmax']?.total).toBe(4)
    expect(count(flips, 'window_argmax')).toBe(1)
  })

  it('a ReLU exactly at zero counts as one that is off, as its derivative has it', () => {
    expect(count(flipsBetween([$.relu($.tensor([0, 0]))], [$.relu($.tensor([-1, 1]))]), 'relu')).toBe(1)
  })

  it('need two values of one function', () => {
    expect(() => flipsBetween([$.relu($.tensor([1]))], [$.abs($.tensor([1]))])).toThrow('call one function at two points')
    expect(choicesOf([$.exp($.tensor([1]))])).toEqual([])
  })
})
