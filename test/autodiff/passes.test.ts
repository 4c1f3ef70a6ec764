/** Passes keep every value, NaN and infinities included, and do what they are there for. On the reference. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { vjp } from '../../src/autodiff/grad.js'
import { countNodes, type Graph } from '../../src/autodiff/graph.js'
import { interpret } from '../../src/autodiff/interpret.js'
import { alias, input } from '../../src/autodiff/leaves.js'
import { siblings } from '../../src/autodiff/lowering/siblings.js'
import { type NdArray, ndarray } from '../../src/autodiff/ndarray.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { algebra, commonSubexpressions, constants, optimise } from '../../src/autodiff/passes.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { type RandomFunction, randomFunctions } from '../laws/graphs.js'
import * as laws from '../laws/tensors.js'
import { array, whole } from '../laws/values.js'

const passes = { algebra, constants, commonSubexpressions, optimise, siblings }

/** The graph of a function, its gradient and its second derivative, of inputs or of constants. */
const graphOf = ({ f, args }: RandomFunction, known: boolean): Graph => {
  const inputs = known ? laws.constants(args) : args.map(({ shape, dtype }, i) => input({ shape, dtype }, `x${i}`))
  const pulled = (...x: readonly Tensor[]): readonly Tensor[] => {
    const [y, pullback] = vjp<readonly Tensor[], readonly Tensor[]>(f, ...x)
    return [
      ...y,
      ...pullback(
        y.map((one, i) => laws.random(i, one)),
        { unreached: 'zero' }
      )
    ]
  }
  const first = pulled(...inputs)
  const [, pullback] = vjp<readonly Tensor[], readonly Tensor[]>(pulled, ...inputs)
  return {
    inputs,
    outputs: [
      ...first,
      ...pullback(
        first.map((one, i) => laws.random(i, one)),
        { unreached: 'zero' }
      )
    ]
  }
}

const valuesOf = ({ inputs, outputs }: Graph, args: readonly NdArray[]): number[] =>
  interpret(outputs, new Map(inputs.map((input, i) => [input, args[i] as NdArray]))).flatMap(({ data }) =>
    Array.from(data)
  )

/** Arguments with some numbers that are not finite, and zeros of both signs. */
const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -1]
const spoiled = (args: readonly NdArray[], seed: number): NdArray[] =>
  args.map((arg, k) => {
    const picks = array(whole(0, 20), seed + 2 ** 32 * k, arg.shape).data
    return { ...arg, data: arg.data.map((value, i) => special[picks[i] as number] ?? value) as Float64Array }
  })

/** Equal up to rounding; NaN stays NaN, infinities stay what they are. Of zeros, the sign may change. */
const expectSame = (got: readonly number[], wanted: readonly number[]): void => {
  const finite = (values: readonly number[]) => values.map(value => (Number.isFinite(value) ? value : 0))
  const others = (values: readonly number[]) => values.map(value => (Number.isFinite(value) ? 0 : value))
  expect(others(got)).toEqual(others(wanted))
  laws.expectNear(finite(got), finite(wanted), 1e-11)
}

describe.each(Object.entries(passes))('%s', (_, pass) => {
  it('keeps the values of random functions and their derivatives to order 2', () =>
    fc.assert(
      fc.property(randomFunctions(4), random => {
        const graph = graphOf(random, false)
        expectSame(valuesOf(pass(graph), random.args), valuesOf(graph, random.args))
      }),
      { numRuns: 40 }
    ))

  it('keeps NaN and infinities', () =>
    fc.assert(
      fc.property(randomFunctions(4), fc.nat({ max: 2 ** 20 }), (random, seed) => {
        const graph = graphOf(random, false)
        const args = spoiled(random.args, seed)
        expectSame(valuesOf(pass(graph), args), valuesOf(graph, args))
      }),
      { numRuns: 60 }
    ))

  it('keeps them where all is known', () =>
    fc.assert(
      fc.property(randomFunctions(3), fc.nat({ max: 2 ** 20 }), (random, seed) => {
        const args = spoiled(random.args, seed)
        const graph = graphOf({ ...random, args }, true)
        expectSame(valuesOf(pass(graph), args), valuesOf(graph, args))
      }),
      { numRuns: 30 }
    ))

  it('leaves inputs, and the shapes of outputs', () =>
    fc.assert(
      fc.property(randomFunctions(3), random => {
        const graph = graphOf(random, false)
        const after = pass(graph)
        expect(after.inputs).toBe(graph.inputs)
        expect(after.outputs.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
          graph.outputs.map(({ shape, dtype }) => ({ shape, dtype }))
        )
      }),
      { numRuns: 10 }
    ))
})

const x = input({ shape: [2, 3], dtype: 'f32' }, 'x')
const n = input({ shape: [3], dtype: 'i32' }, 'n')
const rewritten = (pass: (graph: Graph) => Graph, ...outputs: Tensor[]): readonly Tensor[] =>
  pass({ inputs: [x, n], outputs }).outputs

describe('algebra', () => {
  it.each<[string, Tensor, Tensor]>([
    ['x + 0', $.add(x, 0), x],
    ['0 + x', $.add(0, x), x],
    ['x - 0', $.sub(x, 0), x],
    ['x * 1', $.mul(x, $.tensor([1])), x],
    ['1 * x', $.mul($.broadcastTo($.reshape($.tensor(1), [1, 1]), [2, 3]), x), x],
    ['x / 1', $.div(x, 1), x],
    ['--x', $.neg($.neg(x)), x],
    ['n + 0', $.add(n, 0), n],
    ['alias', alias(x), x],
    ['stopGradient', $.stopGradient(x), x],
    [
      'customVjp',
      $.customVjp(
        y => alias(y),
        g => [g]
      )(x),
      x
    ]
  ])('%s goes', (_, before, after) => expect(rewritten(algebra, before)).toEqual([after]))

  it('x * -1 is -x, and a sum of a broadcast a product', () => {
    for (const before of [$.mul(x, -1), $.mul(-1, x)])
      expect(countNodes(rewritten(algebra, before))).toEqual({ input: 1, neg: 1 })
    expect(countNodes(rewritten(algebra, $.sum($.broadcastTo(x, [5, 2, 3]), 0)))).toMatchObject({ input: 1, mul: 1 })
    expect(countNodes(rewritten(algebra, $.sum($.broadcastTo(x, [5, 2, 3]), 1)))).toMatchObject({ sum: 1 })
  })

  it('a sum of a broadcast keeps its values', () => {
    const x = input({ shape: [2, 1], dtype: 'f32' }, 'x')
    const wide = $.broadcastTo(x, [5, 2, 3])
    for (const axes of [[0], [2], [0, 2], [1], [0, 1], [0, 1, 2]]) {
      const graph = { inputs: [x], outputs: [$.sum(wide, axes)] }
      const args = [ndarray([0.3, -2.5], [2, 1])]
      expectSame(valuesOf(optimise(graph), args), valuesOf(graph, args))
    }
  })

  it('an operation with a number keeps its values, on either side', () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1, -1, 0.3, -2.5]
    const x = input({ shape: [values.length], dtype: 'f32' }, 'x')
    for (const f of [$.add, $.sub, $.mul, $.div, $.maximum, $.minimum])
      for (const number of [0, 1, -1, 2])
        for (const before of [f(x, number), f(number, x), $.neg(f(x, number)), $.neg($.neg(f(number, x)))]) {
          const graph = { inputs: [x], outputs: [before] }
          const args = [ndarray(values, [values.length])]
          expectSame(valuesOf(optimise(graph), args), valuesOf(graph, args))
        }
  })

  it.each<[string, Tensor]>([
    ['0 * x', $.mul(x, 0)],
    ['x - x', $.sub(x, x)],
    ['x / x', $.div(x, x)],
    ['0 - x', $.sub(0, x)],
    ['1 / x', $.div(1, x)]
  ])('%s stays: x may be infinite or NaN, or the sign matters', (_, before) =>
    expect(countNodes(rewritten(algebra, before))).toEqual(countNodes([before]))
  )
})

describe('sums of parts', () => {
  const x = $.tensor([1, 2, 3])
  const at = (before: number, interior = 0) => $.pad(x, [before], [9 - before - 2 * interior], [interior])
  const names = (sum: Tensor) => countNodes(algebra({ inputs: [], outputs: [sum] }).outputs)

  it('that nowhere meet become one tensor, however many', () => {
    const sum = [at(0), at(3), at(6), at(9)].reduce((a, b) => $.add(a, b))
    expect(names(sum)).toEqual({ constant: 1, assemble: 1 })
    expect(names($.add(at(0, 1), at(1, 1)))).toEqual({ constant: 1, assemble: 1 })
  })

  it('that meet stay sums', () => {
    expect(names($.add(at(0), at(2)))).toMatchObject({ add: 1 })
    expect(names($.add(at(0, 1), at(2, 1)))).toMatchObject({ add: 1 })
    expect(names($.add(at(0, 1), at(3)))).toMatchObject({ add: 1 })
  })
})

describe('constants', () => {
  const zero = $.broadcastTo($.tensor(0), [2, 3])
  it('are computed once, repeated ones as one number', () => {
    expect(countNodes(rewritten(constants, $.exp($.add(zero, 1))))).toEqual({ constant: 1, broadcast: 1 })
    expect(countNodes(rewritten(constants, $.matmul($.tensor([[1, 2]]), $.tensor([[3], [4]]))))).toEqual({
      constant: 1
    })
    expect(countNodes(rewritten(constants, $.randomNormal($.key(3), [4])))).toEqual({ constant: 1 })
  })
  it('keep NaN, infinities and the sign of zero', () => {
    const values = laws.numbers(rewritten(constants, $.log($.tensor([-1, 0])), $.neg($.broadcastTo($.tensor(0), [1]))))
    expect(values).toEqual([Number.NaN, Number.NEGATIVE_INFINITY, -0])
  })
  it('of many elements are left to the device, and what depends on an input stays', () => {
    expect(countNodes(rewritten(constants, $.randomNormal($.key(3), [5000])))).toMatchObject({ random_normal: 1 })
    expect(countNodes(rewritten(constants, $.mul(x, zero)))).toMatchObject({ mul: 1 })
  })
})

describe('common subexpressions', () => {
  const twice = (make: () => Tensor) => countNodes(rewritten(commonSubexpressions, make(), make()))
  it('become one node, through any depth', () =>
    expect(twice(() => $.exp($.sum($.mul(x, 2), 1)))).toEqual({
      input: 1,
      constant: 1,
      broadcast: 1,
      mul: 1,
      sum: 1,
      exp: 1
    }))
  it('with equal keys too', () =>
    expect(twice(() => $.randomNormal($.key(3), [2]))).toMatchObject({ random_normal: 1 }))
  it.each<[string, Tensor, Tensor]>([
    ['attributes', $.sum(x, 0, { keepDims: false }), $.sum(x, 1)],
    ['order of operands', $.sub(x, $.exp(x)), $.sub($.exp(x), x)],
    ['constants', $.pow(x, 2), $.pow(x, 3)],
    ['signs of zero', $.tensor(0), $.tensor(-0)],
    ['dtypes', $.tensor(1), $.tensor(1, [], 'i32')],
    ['shapes', $.tensor([1]), $.tensor([[1]])],
    ['keys', $.randomBits($.key(1), [2]), $.randomBits($.key(2), [2])]
  ])('stay apart with different %s', (_, a, b) => {
    const [first, second] = rewritten(commonSubexpressions, a, b)
    expect(first).not.toBe(second)
  })
  it('never joins two inputs', () => {
    const twin = input({ shape: [2, 3], dtype: 'f32' }, 'x')
    const { outputs } = commonSubexpressions({ inputs: [x, twin], outputs: [$.exp(x), $.exp(twin)] })
    expect(outputs[0]).not.toBe(outputs[1])
  })
})

describe('constants beyond float32', () => {
  it('are left to the device', () => {
    const [large, list] = [$.tensor(1e30), $.tensor([1e30, 1])]
    for (const before of [$.mul(large, large), $.mul(list, list), $.sqrt($.mul(large, large))])
      expect(countNodes(rewritten(optimise, before))['mul']).toBe(1)
    expect(countNodes(rewritten(optimise, $.mul(large, 2)))).toEqual({ constant: 1 })
  })
})

describe('siblings', () => {
  const shape = [2, 4, 5, 5]
  const image = input({ shape, dtype: 'f32' }, 'x')
  const filters = Array.from({ length: 6 }, (_, k) =>
    input({ shape: k % 2 ? [4, 4, 1, 1] : [4, 4, 3, 3], dtype: 'f32' }, `w${k}`)
  )
  const inputs = [image, ...filters]
  const args = inputs
    .map((one, seed) => array(whole(-3, 3), seed, one.shape))
    .map(one => ({ ...one, data: one.data.map(v => v / 3) as Float64Array }))
  const convolved = (x: Tensor, k: number, w: Tensor) => $.conv2d(x, w, { padding: k % 2 ? 0 : 1 })

  /** An edge has two convolutions and an average pool. */
  const edge = (x: Tensor, k: number, ws: readonly Tensor[]) => {
    const mixed = [k, k + 1].map(i => $.tanh(convolved($.relu(x), i, ws[i] as Tensor)))
    return mixed.reduce((sum, y) => $.add(sum, y), $.mul($.avgPool2d(x, { kernel: 3, stride: 1, padding: 1 }), k + 1))
  }
  /** Three edges leave the input, and one another node. */
  const cell = (x: Tensor, ...ws: readonly Tensor[]) => {
    const node = edge(x, 0, ws)
    return $.add($.add(edge(x, 2, ws), edge(node, 4, ws)), edge(x, 4, ws))
  }
  const pulled = (...all: readonly Tensor[]): readonly Tensor[] => {
    const [y, pull] = vjp(cell as (...x: readonly Tensor[]) => Tensor, ...all)
    return pull($.exp(y))
  }
  const pulledTwice = (...all: readonly Tensor[]): readonly Tensor[] => {
    const [first, pull] = vjp(pulled, ...all)
    return pull(first.map($.tanh))
  }
  // Results that another kernel computes: what is a result itself is left as it is.
  const gradients = (order: 1 | 2): Graph =>
    optimise({ inputs, outputs: (order === 1 ? pulled : pulledTwice)(...inputs).map($.tanh) })
  const filter = (k: number): Tensor => filters[k] as Tensor
  const [w0, w1, w2] = [filter(0), filter(1), filter(2)]
  const counted = (graph: Graph) => countNodes(graph.outputs)

  it.each([1, 2] as const)('of a cell and its derivatives of order %i become one, with the same values', order => {
    const graph = gradients(order)
    const fewer = siblings(graph)
    expectSame(valuesOf(fewer, args), valuesOf(graph, args))
    for (const name of ['conv2d', 'conv2d_input_grad', 'conv2d_filter_grad', 'window_spread'])
      expect(counted(fewer)[name]).toBeLessThan(counted(graph)[name] as number)
  })

  it('are as few as there are tensors that edges leave', () => {
    const [before, after] = [gradients(1), siblings(gradients(1))].map(counted)
    // Four edges of two convolutions: three leave the input, one the other node.
    expect([before?.['conv2d'], after?.['conv2d']]).toEqual([8, 4])
    expect([before?.['conv2d_input_grad'], after?.['conv2d_input_grad']]).toEqual([8, 4])
    expect([before?.['conv2d_filter_grad'], after?.['conv2d_filter_grad']]).toEqual([8, 4])
    // The pools of the last two edges spread one cotangent, for the input and for the node: it stays.
    expect([before?.['window_spread'], after?.['window_spread']]).toEqual([3, 2])
  })

  it('keep what is not finite not finite', () => {
    const graph = gradients(1)
    for (let seed = 0; seed < 20; seed++) {
      const bad = spoiled(args, seed)
      expectSame(valuesOf(siblings(graph), bad), valuesOf(graph, bad))
    }
  })

  it.each<[string, Tensor[]]>([
    [
      'one of which needs the other',
      [w0, $.mul(w0, $.sum(convolved(image, 0, w0)))].map(w => $.tanh(convolved(image, 0, w)))
    ],
    ['that are results', [w0, w2].map(w => convolved(image, 0, w))],
    ['whose rows another kernel reads', [w0, w2].map(w => $.tanh($.conv2d(convolved(image, 0, w), w1)))],
    ['of other geometry', [$.tanh(convolved(image, 0, w0)), $.tanh($.conv2d(image, w2))]],
    ['of groups', [w0, w2].map(w => $.tanh($.conv2d(image, $.slice(w, [[], [0, 1]]), { groups: 4 })))],
    ['a term that is read elsewhere, too', [$.avgPool2d(image, { kernel: 3 })].flatMap(y => [$.add(y, $.tanh(y)), y])]
  ])('are left as they are: %s', (_, outputs) => {
    const graph = optimise({ inputs, outputs })
    expect(counted(siblings(graph))).toEqual(counted(graph))
  })

  it('do not come to wait for each other in a circle', () => {
    // Each pair could become one, but not both: the second of one needs the first of the other.
    const scaled = (x: Tensor, by: Tensor) => $.mul(x, $.sum($.tanh(by)))
    const a1 = convolved($.relu(image), 0, w0)
    const b1 = convolved($.tanh(image), 0, w0)
    const a2 = convolved($.relu(image), 0, scaled(w2, b1))
    const b2 = convolved($.tanh(image), 0, scaled(w2, a1))
    const graph = { inputs, outputs: [a1, a2, b1, b2].map($.tanh) }
    expectSame(valuesOf(siblings(graph), args), valuesOf(graph, args))
  })
})
