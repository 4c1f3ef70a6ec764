/**
 * What is no argument gets a sentence: literals that a dtype does not hold, options that there are not, anything at all
 * where a tensor is wanted.
 */
import { describe, expect, it } from 'vitest'
import * as grads from '../../src/autodiff/grad.js'
import * as nn from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { ShapeError } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'

const x = $.tensor([
  [1, 2],
  [3, -4]
])
const integers = $.tensor(Int32Array.of(1, 2), [2], 'i32')
const image = $.tensor(new Float32Array(16), [1, 1, 4, 4])
const filter = $.tensor(new Float32Array(9), [1, 1, 3, 3])
const loose = (f: unknown) => f as (...args: readonly unknown[]) => unknown

describe('numbers beside tensors', () => {
  it.each([
    [
      'half of a condition',
      () => $.mul($.greater(x, 0), 0.5),
      'mul requires a number that u32 holds, as the other operand is, but got 0.5'
    ],
    [
      'a condition and a number below 0',
      () => $.add($.greater(x, 0), -1),
      'a number that u32 holds, as the other operand is, but got -1'
    ],
    [
      'integers and a half',
      () => $.add(integers, 0.5),
      'add requires a number that i32 holds, as the other operand is, but got 0.5'
    ],
    [
      'integers and a NaN',
      () => $.maximum(integers, Number.NaN),
      'a number that i32 holds, as the other operand is, but got NaN'
    ],
    ['integers and too much', () => $.mul(2 ** 31, integers), 'but got 2147483648'],
    [
      'what float32 takes for infinite',
      () => $.mul(x, 1e39),
      'mul requires a number that f32 holds, as the other operand is, but got 1e+39'
    ],
    [
      'a branch of integers',
      () => $.where($.greater(integers, 1), integers, 0.5),
      'where requires a number that i32 holds'
    ],
    [
      'a difference of conditions',
      () => $.sub($.greater(x, 0), 1),
      'sub requires signed operands, but got u32[2,2], u32[2,2]; convert the operand'
    ],
    ['a constant', () => $.tensor([1, 0.5], [2], 'i32'), 'tensor requires numbers that i32 holds, but got 0.5'],
    ['a constant below 0', () => $.tensor(-1, [], 'u32'), 'tensor requires numbers that u32 holds, but got -1'],
    ['an array of floats', () => $.tensor(Float32Array.of(1, 3e9), [2], 'i32'), 'but got 3000000000'],
    [
      'an array beyond float32',
      () => $.tensor(Float64Array.of(1, 1e300)),
      'tensor requires numbers that f32 holds, but got 1e+300'
    ]
  ])('%s', (_, refused, message) => {
    expect(refused).toThrow(ShapeError)
    expect(refused).toThrow(message)
  })

  it('that the dtype holds are taken: infinities, NaN, the ends of the integers', () => {
    for (const value of [Number.POSITIVE_INFINITY, Number.NaN, 3e38, -0, 1e-46])
      expect($.mul(x, value).dtype).toBe('f32')
    for (const value of [-(2 ** 31), 2 ** 31 - 1]) expect($.add(integers, value).dtype).toBe('i32')
    for (const value of [0, 2 ** 32 - 1]) expect($.mul($.greater(x, 0), value).dtype).toBe('u32')
  })
})

describe('typed arrays', () => {
  it.each([
    [new Float32Array(2), 'f32'],
    [new Float64Array(2), 'f32'],
    [new Int8Array(2), 'i32'],
    [new Int16Array(2), 'i32'],
    [new Int32Array(2), 'i32'],
    [new Uint8Array(2), 'u32'],
    [new Uint8ClampedArray(2), 'u32'],
    [new Uint16Array(2), 'u32'],
    [new Uint32Array(2), 'u32']
  ] as const)('%o keeps its kind of number, which is %s here', (values, dtype) => {
    expect($.tensor(values)).toMatchObject({ shape: [2], dtype })
    expect($.tensor(values, [1, 2], 'f32')).toMatchObject({ shape: [1, 2], dtype: 'f32' })
  })

  it.each([
    [
      'integers of 64 bits',
      () => $.tensor(new BigInt64Array(2) as never),
      'but got BigInt64Array; make one of it: Float64Array'
    ],
    ['a view without numbers', () => $.tensor(new DataView(new ArrayBuffer(8)) as never), 'but got DataView'],
    ['a dtype that there is not', () => $.tensor([1], [1], 'f64' as never), "a dtype f32, i32 or u32, but got 'f64'"]
  ])('%s are refused', (_, refused, message) => {
    expect(refused).toThrow(ShapeError)
    expect(refused).toThrow(message)
  })
})

describe('options', () => {
  it.each([
    [
      'of a sum',
      () => $.sum(x, 0, { keepdims: true } as never),
      "sum requires options among keepDims, but got 'keepdims'; write keepDims."
    ],
    ['of a mean', () => $.mean(x, 0, { keep_dims: true } as never), "but got 'keep_dims'; write keepDims."],
    ['of a maximum', () => $.max(x, 0, { dims: true } as never), "but got 'dims'; leave it out."],
    ['of a norm', () => nn.norm(x, 0, { keepDim: true } as never), "but got 'keepDim'; write keepDims."],
    ['of a variance', () => $.variance(x, 0, { keepdim: true } as never), "but got 'keepdim'; write keepDims."],
    [
      'of a convolution',
      () => $.conv2d(image, filter, { strides: 2 } as never),
      "conv2d requires options among stride, padding, dilation, groups, but got 'strides'; write stride."
    ],
    [
      'of a pool',
      () => $.maxPool2d(image, { kernel: 2, strides: 2 } as never),
      "maxPool2d requires options among kernel, stride, padding, but got 'strides'"
    ],
    ['of another pool', () => $.avgPool2d(image, { kernelSize: 2 } as never), "but got 'kernelSize'; write kernel."],
    [
      'four paddings',
      () => $.conv2d(image, filter, { padding: [0, 1, 0, 1] as never }),
      'conv2d requires padding as a number, or as two for height and width, but got [0,1,0,1]'
    ],
    ['a word for a padding', () => $.conv2d(image, filter, { padding: 'same' as never }), "but got 'same'"],
    [
      'a word for the padding of a pool',
      () => $.maxPool2d(image, { kernel: 2, padding: 'same' as never }),
      "padding 'same'"
    ],
    [
      'options where axes are',
      () => $.sum(x, { keepDims: true } as never),
      'sum requires an axis or a list of axes, but got { keepDims }'
    ],
    [
      'of a gradient',
      () => grads.grad((y: Tensor) => $.sum(y), { argNums: 0 } as never)(x),
      "grad requires options among argnums, unreached, but got 'argNums'; write argnums."
    ],
    [
      'an order that there is not',
      () => grads.hvp($.sum, x, x, { order: 'forward' as never }),
      "but got 'forward'; leave it out, or name one."
    ]
  ])('%s', (_, refused, message) => {
    expect(refused).toThrow(ShapeError)
    expect(refused).toThrow(message)
  })
})

describe('what is no argument', () => {
  it.each([
    [
      'a number for a tensor',
      () => $.sum(2 as never),
      'sum requires a tensor, but got 2; make one of numbers: tensor(2).'
    ],
    [
      'scale alone',
      () => nn.batchNorm(image, { scale: $.tensor([1]) } as never),
      'batchNorm requires parameters { scale, shift }, f32[C] each, but got { scale }; give both, or none.'
    ],
    [
      'the mean alone',
      () => nn.batchNormEval(image, { mean: $.tensor([1]) } as never),
      'batchNormEval requires running { mean, variance }'
    ],
    [
      'a function that gives a number',
      () => grads.grad((() => 2) as never)(x),
      'grad requires a function with a scalar f32 result, but got 2'
    ],
    [
      'a function that gives numbers',
      () => grads.vjp((() => [2]) as never, x),
      "a tree requires tensors, lists and records of them, but got 2 at '0'"
    ],
    [
      'what a function gives',
      () => grads.grad($.sum(x) as never)(x),
      'grad requires a function, but got f32[]; pass x => ..., not what it gives.'
    ]
  ])('%s', (_, refused, message) => {
    expect(refused).toThrow(ShapeError)
    expect(refused).toThrow(message)
  })

  it('a power of a number is that of a scalar', () => expect($.pow(2, 3).shape).toEqual([]))

  const strange: readonly unknown[] = [
    ...[undefined, null, 2, -1, 0.5, Number.NaN, 'same', true, () => 2, new Float32Array(2)],
    ...[[], [1, 2], [0, 1, 0, 1], [x], {}, { keepdims: true }, { strides: 2 }, x, integers, image],
    ...[$.tensor(3), $.ones([3, 5]), $.zeros([2, 2], 'u32'), $.key(0)],
    ...[
      { scale: integers, shift: x },
      { mean: $.ones([3, 5]), variance: image }
    ]
  ]
  const functions = Object.entries({ ...$, ...nn, ...grads }).filter(
    ([, f]) => typeof f === 'function' && f !== grads.UnreachedError
  )
  it.each(functions)('%s answers anything with a result or a sentence of its own', (name, f) => {
    const lists = strange.flatMap(a => [
      [a],
      ...strange.flatMap(b => [
        [a, b],
        [x, a, b],
        [a, integers, b],
        [image, a, b],
        [x, x, a, b],
        [x, [1, 1], [1, 1], a],
        [image, filter, a]
      ])
    ])
    for (const list of lists) {
      try {
        const result = loose(f)(...list)
        if (typeof result === 'function') loose(result)(x as Tensor)
      } catch (error) {
        if (!(error instanceof ShapeError || error instanceof grads.UnreachedError))
          throw new Error(`${list.map(String).join('; ')}`, { cause: error })
        // A graph, as derivatives take it, is refused by whoever meets what is wrong with it.
        if (error instanceof ShapeError && !(name in grads)) expect(error.primitive).toBe(name)
        expect(error.message).toMatch(/^.+ requires [^\n]+, but got [^\n]*; [^\n]+\.$/)
      }
    }
  })
})
