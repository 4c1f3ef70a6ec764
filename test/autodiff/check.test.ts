/** checkGrads finds what is wrong, says where, and lets pass what is right. */
import { describe, expect, it } from 'vitest'
import { CheckError, type CheckOptions, checkGrads } from '../../src/autodiff/check.js'
import { crossEntropy, linear } from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { Tree } from '../../src/autodiff/tree.js'

const caught = <A extends readonly Tree[]>(
  f: (...args: A) => Tree,
  args: readonly [...A],
  options?: CheckOptions
): CheckError => {
  try {
    checkGrads(f, args, options)
  } catch (error) {
    if (error instanceof CheckError) return error
    throw error
  }
  throw new Error('a CheckError was expected, but the check passed')
}

describe('lets pass', () => {
  it('a function with a result of any form, to order 3', () =>
    checkGrads(
      (x, w) => ({ y: $.tanh($.matmul(x, w)), sum: [$.sum($.mul(x, x))] }),
      [$.tensor([[1, 2]]), $.tensor([[0.1], [0.2]])],
      { order: 3 }
    ))

  it('trees, with integers among the arguments', () =>
    checkGrads(
      (weights: { w: Tensor; b: readonly Tensor[] }, x: Tensor, labels: Tensor) =>
        crossEntropy(linear(x, weights.w, weights.b[0]), labels),
      [
        { w: $.tensor([[1, 0.5], [-1, 2], [0.3, -0.2]]), b: [$.tensor([0.1, 0.2, -0.3])] }, // biome-ignore format: rows
        $.tensor([[0.4, -1], [2, 1]]), // biome-ignore format: rows
        $.tensor([2, 0], [2], 'i32')
      ]
    ))

  it('derivatives that are zero, whatever the rounding', () => {
    checkGrads(x => $.stopGradient($.mul(x, 0)), [$.tensor([1, 2])])
    checkGrads(x => $.sub($.mul(x, 3), $.add(x, $.add(x, x))), [$.tensor([0.1, 0.7])])
  })

  it('functions of large and of small values', () => {
    checkGrads(x => $.mul($.tanh(x), 1e8), [$.tensor([0.3])])
    checkGrads(x => $.mul($.tanh(x), 1e-4), [$.tensor([0.3])])
  })
})

describe('finds', () => {
  /** The identity, but entry [1, 0] has the wrong derivative. */
  const wrong = $.customVjp(x => $.mul(x, 1), g => [$.mul(g, $.tensor([[1, 1], [1.001, 1]]))]) // biome-ignore format: rows

  it('the argument and the entry where a derivative is worst', () => {
    const args = [$.tensor(2), { layers: [{ w: $.tensor([[1, 2], [3, 4]]) }] }] as const // biome-ignore format: rows
    const error = caught((scale: Tensor, tree: (typeof args)[1]) => $.sum($.mul(wrong(tree.layers[0].w), scale)), args)
    expect(error).toMatchObject({
      against: 'differences',
      order: 1,
      output: { path: '', entry: [] },
      inputs: [{ argument: 1, path: 'layers.0.w', entry: [1, 0] }]
    })
    expect(error.wanted).toBeCloseTo(2, 8)
    expect(error.got).toBeCloseTo(2.002, 12)
    expect(error.relativeError).toBeCloseTo(0.002 / 2.002, 8)
    expect(error.given.map(({ value }) => [...value.data])).toEqual([[2], [1, 2, 3, 4]])
    expect(error.message).toBe(
      "checkGrads wanted the derivative of the result in entry [1,0] of argument 1 at 'layers.0.w' to be 2 as central differences say, but got 2.002 (relative error 0.001) where argument 0 = 2, argument 1 at 'layers.0.w' = [[1, 2], [3, 4]]; mend the vjp that it comes from."
    )
  })

  it('the entry of the result, in the quantities of whoever wrote the function', () => {
    const error = caught((x: Tensor) => ({ y: [$.sum(x), wrong($.mul(x, 3))] }), [$.tensor([[1, 2], [3, 4]])]) // biome-ignore format: rows
    expect(error).toMatchObject({ output: { path: 'y.1', entry: [1, 0] }, inputs: [{ argument: 0, entry: [1, 0] }] })
    expect(error.wanted).toBeCloseTo(3, 8)
    expect(error.got).toBeCloseTo(3.003, 12)
  })

  it('the worst of several, and one among thousands', () => {
    const scale = (factors: readonly number[]) => $.customVjp(x => $.mul(x, 1), g => [$.mul(g, $.tensor(factors))]) // biome-ignore format: a rule
    expect(caught(scale([1, 1.001, 1, 1.5]), [$.tensor([1, 1, 1, 1])]).inputs[0]?.entry).toEqual([3])
    const many = Array.from({ length: 5000 }, (_, i) => (i === 4321 ? 1.1 : 1))
    const found = caught(scale(many), [$.tensor(many)], { order: 1 })
    expect([found.output.entry, found.inputs[0]?.entry]).toEqual([[4321], [4321]])
  })

  it('a rule that is right once and wrong when it is differentiated', () => {
    const flat = $.customVjp(
      x => $.mul(x, x),
      (g, [x]) => [$.mul($.mul(g, 2), $.stopGradient(x as Tensor))]
    )
    checkGrads(flat, [$.tensor([1, 2])], { order: 1 })
    const error = caught(flat, [$.tensor([1, 2])])
    const { entry } = error.output
    expect(error).toMatchObject({ order: 2, got: 0, inputs: [{ entry }, { entry }] })
    expect(error.wanted).toBeCloseTo(2, 8)
    expect(error.message).toMatch(
      /^checkGrads wanted the second derivative of entry (\[\d\]) of the result in entry \1 of argument 0 and in entry \1 of argument 0 to be 2 as/
    )
  })

  it('a kink at the point, and none beside it', () => {
    const error = caught($.relu, [$.tensor([1, 0])])
    expect(error).toMatchObject({ kink: 'relu', inputs: [{ entry: [1] }], got: 0 })
    expect(error.message).toBe(
      'checkGrads wanted a point where the function is smooth, but relu changes its choice close to entry [1] of argument 0 where argument 0 = [1, 0], at which differences give 0.5 for the derivative of entry [1] of the result in entry [1] of argument 0, and the rules 0; move the argument away from the kink, or take a smaller eps.'
    )
    checkGrads($.relu, [$.tensor([1, 1e-3])])
    expect(caught((x: Tensor) => $.max(x), [$.tensor([1, 1])]).kink).toBe('reduce_max')
    const halved = $.customVjp($.relu, (g, [x]) => [$.mul(g, $.where($.greater(x as Tensor, 0), 0.5, 0))])
    expect(caught(x => $.relu(halved(x)), [$.tensor([1])]).kink).toBeUndefined()
  })

  it('derivatives and values that are not numbers', () => {
    expect(caught(x => $.sum($.sqrt(x)), [$.tensor([1, 0])]).inputs[0]?.entry).toEqual([1])
    const error = caught(x => $.sum($.log(x)), [$.tensor([-1])])
    expect(error.got).toBe(-1)
    expect(error.message).toBe(
      'checkGrads wanted a point around which the function is finite, but got one where argument 0 = [-1] at which differences give NaN for the derivative of the result in entry [0] of argument 0, and the rules -1; move the arguments to where it is.'
    )
  })
})

describe('options', () => {
  const steep = $.customVjp(
    x => $.mul(x, x),
    (g, [x]) => [$.mul(g, $.mul(x as Tensor, 2.0001))]
  )

  it('tolerance decides how wrong is wrong', () => {
    expect(caught(steep, [$.tensor(3)], { order: 1 }).got).toBeCloseTo(6.0003, 12)
    checkGrads(steep, [$.tensor(3)], { order: 1, tolerance: 1e-3 })
  })
  it('eps decides how far the difference looks', () => {
    expect(caught(x => $.pow(x, 3), [$.tensor(1)], { order: 1, eps: 0.1 }).wanted).toBeCloseTo(3.01, 8)
    caught($.relu, [$.tensor([1e-3])], { eps: 1e-2 })
  })
  it('seed decides the direction, and nothing else does', () => {
    const message = (seed: number) => caught(x => $.sum(steep(x)), [$.tensor([1, 2, 3])], { seed }).message
    expect(message(1)).toBe(message(1))
    const doubled = $.customVjp(
      x => $.mul(x, 1),
      g => [$.mul(g, 2)]
    )
    // All entries are equally wrong, relative to their sizes: the direction decides which is named.
    const named = (seed: number) => caught(doubled, [$.tensor([1, 1, 1])], { seed, order: 1 }).inputs[0]?.entry[0]
    expect(new Set([...Array(20).keys()].map(named)).size).toBe(3)
  })
  it('what cannot be differentiated is refused', () => {
    expect(() => checkGrads(x => x, [$.tensor([1], [1], 'i32')])).toThrow(
      'checkGrads requires an f32 argument, but got i32[1]; pass what is to be differentiated.'
    )
    expect(() => checkGrads(x => $.convert(x, 'i32'), [$.tensor(1)])).toThrow(
      'checkGrads requires an f32 tensor in the result, but got i32[]; return what is to be differentiated.'
    )
  })
  it.each([{ order: 0 }, { order: 1.5 }, { eps: 0 }, { eps: Number.NaN }, { tolerance: -1 }, { seed: -1 }])(
    '%o is refused',
    options =>
      expect(() => checkGrads(x => x, [$.tensor(1)], options)).toThrow(
        /^checkGrads requires \w+ to be .+, but got .+\.$/
      )
  )
})

describe('shrinks', () => {
  const shrunk = <A extends readonly Tree[]>(
    f: (...args: A) => Tree,
    args: readonly [...A]
  ): readonly (readonly number[])[] => caught(f, args, { shrink: true }).given.map(({ value }) => [...value.data])
  const random = (seed: number, shape: readonly number[]): Tensor => $.sub($.randomUniform($.key(seed), shape), 0.3)

  it('arguments to the shapes that a function takes, and to simple numbers', () => {
    const wrong = $.customVjp(x => $.tanh(x), (g, [x]) => [$.mul(g, $.sub(1.1, $.pow($.tanh(x as Tensor), 2)))]) // biome-ignore format: a rule
    const layer = (x: Tensor, w: Tensor, b: Tensor) => wrong($.add($.matmul(x, w), b))
    expect(shrunk(layer, [random(0, [8, 5]), random(1, [5, 6]), random(2, [6])])).toEqual([[0], [0], [0]])
  })
  it('no further than where it still fails: the value has to be above two, in a row of two at least', () => {
    const late = $.customVjp(x => $.mul(x, 1), (g, [x]) => [$.where($.greater(x as Tensor, 2), $.mul(g, 2), g)]) // biome-ignore format: a rule
    const f = (x: Tensor): Tensor => $.sum($.mul(late(x), $.slice(x, [[1, 2]])))
    expect(shrunk(f, [$.tensor([0.123, 1.456, 2.71, 0.5, 0.25])])).toEqual([[3, 1]])
  })
  it('integers in their shape only, so that indices stay in range', () => {
    const wrong = $.customVjp(
      x => $.mul(x, x),
      g => [g]
    )
    const f = (x: Tensor, rows: Tensor): Tensor => wrong($.take(x, rows, 0))
    const [x, rows] = shrunk(f, [random(0, [4, 3]), $.tensor([3, 1, 2], [3], 'i32')]) as [number[], number[]]
    expect([x.length, rows.length]).toEqual([expect.any(Number), 1])
    expect([3, 1, 2]).toContain(rows[0])
    expect(x.length).toBeGreaterThan(rows[0] as number)
  })
})
