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
    const flips = flipsBetween({ outputs: f(before) }, { outputs: f(after) })
    expect(Object.keys(flips).sort()).toEqual(['abs', 'max', 'min', 'relu'])
    expect(flips['relu']?.total).toBe(8)
    expect(
      Object.keys(flips)
        .sort()
        .map(name => count(flips, name))
    ).toEqual([2, 2, 1, 4])
    expect(flipsBetween({ outputs: [$.tanh(before)] }, { outputs: [$.tanh(after)] })).toEqual({})
  })

  it('of a pool are windows whose largest pixel moved', () => {
    const image = (corner: number): Tensor =>
      $.tensor([corner, 2, 0, 1, 0, 1, 3, 0, 5, 0, 0, 0, 0, 0, 0, 1], [1, 1, 4, 4])
    const f = (x: Tensor): Tensor[] => [$.maxPool2d(x, { kernel: 2 })]
    const flips = flipsBetween({ outputs: f(image(1)) }, { outputs: f(image(3)) })
    expect(flips['window_argmax']?.total).toBe(4)
    expect(count(flips, 'window_argmax')).toBe(1)
  })

  it('of a sort are places where another element comes; the order of indices is none', () => {
    const f = (x: Tensor): Tensor[] => [$.sort(x), $.scatterAdd(x, $.tensor([1, 0, 1], [3], 'i32'), 0, 2)]
    const flips = flipsBetween({ outputs: f($.tensor([1, 3, 2])) }, { outputs: f($.tensor([1, 2, 3])) })
    expect(Object.keys(flips)).toEqual(['sort_blocks'])
    expect(flips['sort_blocks']?.total).toBe(3)
    expect(count(flips, 'sort_blocks')).toBe(2)
  })

  it('of comparisons, roundings and maxima over axes are listed where they are asked for', () => {
    const f = (x: Tensor): Tensor[] => [
      ...[$.floor(x), $.ceil(x), $.round(x), $.trunc(x), $.sign(x), $.rem(x, 2), $.max(x), $.argmax(x)],
      $.where($.less(x, 0), $.mul(x, 0.1), x)
    ]
    const choices = (x: Tensor) => choicesOf(f(x), [], { all: true })
    const names = choices($.tensor([1])).map(({ primitive }) => primitive)
    expect([...names].sort()).toEqual(
      ['argmax', 'ceil', 'floor', 'less', 'reduce_max', 'rem', 'round', 'sign', 'trunc'].sort()
    )
    expect(choicesOf(f($.tensor([1])))).toEqual([])
    const values = (x: readonly number[]) =>
      Object.fromEntries(
        choices($.tensor(x)).map(({ primitive, choice }) => [primitive, Array.from(evaluate(choice).data)])
      )
    expect(values([-4.6, 2.4])).toEqual({
      floor: [-5, 2],
      ceil: [-4, 3],
      round: [-5, 2],
      trunc: [-4, 2],
      sign: [-1, 1],
      rem: [-2, 1],
      reduce_max: [0, 1],
      argmax: [1],
      less: [1, 0]
    })
  })

  it('a ReLU exactly at zero counts as one that is off, as its derivative has it', () => {
    const [off, on] = [$.relu($.tensor([0, 0])), $.relu($.tensor([-1, 1]))]
    expect(count(flipsBetween({ outputs: [off] }, { outputs: [on] }), 'relu')).toBe(1)
  })

  it('inside a function with a derivative of its own are not counted, those before it are', () => {
    const softplus = $.customVjp(
      x => $.sub($.relu(x as Tensor), $.log($.sigmoid($.abs(x as Tensor)))),
      (g, [x]) => [$.mul(g, $.sigmoid(x as Tensor))]
    )
    const f = (x: Tensor): Tensor => softplus($.minimum(softplus(x), $.tensor(0.5)))
    const flips = flipsBetween({ outputs: [f($.tensor([-1, 1]))] }, { outputs: [f($.tensor([1, -1]))] })
    expect(Object.keys(flips)).toEqual(['min'])
    expect(count(flips, 'min')).toBe(2)
  })

  it('before the arguments of a function are not its own', () => {
    const f = (x: Tensor): Tensor => $.relu($.sub(x, 1))
    const points = [$.abs($.tensor([0.5, 0.5])), $.abs($.tensor([-2, 0.5]))] as const
    const flips = flipsBetween(
      { outputs: [f(points[0])], from: [points[0]] },
      { outputs: [f(points[1])], from: [points[1]] }
    )
    expect(Object.keys(flips)).toEqual(['relu'])
    expect(count(flips, 'relu')).toBe(1)
  })

  it('need two values of one function', () => {
    expect(() => flipsBetween({ outputs: [$.relu($.tensor([1]))] }, { outputs: [$.abs($.tensor([1]))] })).toThrow(
      'call one function at two points'
    )
    expect(choicesOf([$.exp($.tensor([1]))])).toEqual([])
  })
})
