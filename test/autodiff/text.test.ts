/** What tensors say of themselves: in texts, on the console, and where numbers or JSON are wanted of them. */
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { showGraph } from '../../src/autodiff/graph.js'
import { input } from '../../src/autodiff/leaves.js'
import { ndarray, valuesText } from '../../src/autodiff/ndarray.js'
import { optimise } from '../../src/autodiff/passes.js'
import { $, grad, openReference } from '../../src/index.js'

const x = $.tensor(0.5)
const w = input({ shape: [2, 3], dtype: 'f32' }, 'weights.w')

describe('a tensor as a text', () => {
  it.each([
    [x, 'f32[] 0.5'],
    [
      $.tensor([
        [1, 2],
        [3, 1 / 3]
      ]),
      'f32[2,2] [[1, 2], [3, 0.3333]]'
    ],
    [$.tensor([3, 1], [2], 'u32'), 'u32[2] [3, 1]'],
    [w, "f32[2,3] 'weights.w'"],
    [$.mul(x, $.tanh(x)), 'f32[] mul(0.5, tanh(0.5))'],
    [$.sum($.exp($.neg(w)), [0]), 'f32[3] sum(exp(f32[2,3]), axes: [0])'],
    [$.add($.tensor([1, 2]), $.tensor([3, 4])), 'f32[2] add(f32[2], f32[2])']
  ])('%s', (tensor, text) => {
    expect(String(tensor)).toBe(text)
    expect(`${tensor}`).toBe(text)
    expect(inspect({ tensor })).toBe(`{ tensor: ${text} }`)
  })

  it('is short, however large the expression: shared nodes are not written out', () => {
    const large = Array.from({ length: 200 }).reduce<typeof x>(y => $.mul(y, y), x)
    expect(String(large)).toBe('f32[] mul(mul(f32[], f32[]), mul(f32[], f32[]))')
  })

  it('where passes have rebuilt it too', () => {
    const [output] = optimise({ inputs: [w], outputs: [$.exp($.mul($.add(w, 0), 1))] }).outputs
    expect(String(output)).toBe("f32[2,3] exp('weights.w')")
  })

  it('is no number: what would be NaN is refused', () => {
    const two = (value: unknown): number => (value as number) * 2
    expect(() => two(x)).toThrow(/arithmetic requires numbers, but got the tensor f32\[\] 0\.5; write \$\.mul/)
  })

  it('is no JSON: an expression has no numbers to be written', () => {
    expect(() => JSON.stringify({ w: grad(a => $.mul(a, a))(x) })).toThrow(/JSON requires numbers, but got the tensor/)
  })

  it('remains data: its own keys are those of a node', () => {
    expect(Object.keys(x)).toEqual(['primitive', 'inputs', 'attributes', 'shape', 'dtype'])
    expect({ ...x }).toEqual(x)
  })
})

describe('a stored tensor as a text', () => {
  it('says its values on the reference, and when it is gone', async () => {
    const session = openReference()
    const stored = await session.store({ w: [1, 2, 3] })
    expect(inspect(stored)).toBe('{ w: f32[3] stored [1, 2, 3] }')
    expect(() => JSON.stringify(stored)).toThrow(/JSON requires numbers, but got f32\[3\] stored \[1, 2, 3\]; read it/)
    session.release(stored)
    expect(String(stored.w)).toBe('f32[3] released')
  })
})

it('numbers are written as nested lists, in four digits, with long axes cut in the middle', () => {
  const count = (length: number, shape: readonly number[]) =>
    ndarray(
      Float64Array.from({ length }, (_, i) => i),
      shape
    )
  expect(valuesText(count(7, [7]))).toBe('[0, 1, 2, ..., 4, 5, 6]')
  expect(valuesText(count(6, [2, 3]))).toBe('[[0, 1, 2], [3, 4, 5]]')
  expect(valuesText(count(5, [5]), 3)).toBe('[0, 1, ..., 4]')
  expect(valuesText(ndarray([-0, Number.NaN, Number.NEGATIVE_INFINITY, 1e-12], [4]))).toBe(
    '[-0, NaN, -Infinity, 1e-12]'
  )
})

it('a graph as lines has names of inputs, values of constants, and what operations are told', () => {
  expect(showGraph($.sum($.mul(w, 2), [0]))).toBe(
    [
      "%0 = input 'weights.w' : f32[2,3]",
      '%1 = constant 2 : f32[]',
      '%2 = broadcast %1 {shape: [2,3]} : f32[2,3]',
      '%3 = mul %0 %2 : f32[2,3]',
      '%4 = sum %3 {axes: [0]} : f32[3]',
      'return %4'
    ].join('\n')
  )
})
