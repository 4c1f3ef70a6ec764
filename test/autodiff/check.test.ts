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
    expect(error).toMatchObject({ argument: "argument 1 at 'layers.0.w'", entry: [1, 0], order: 1 })
    expect(error.wanted).toBeCloseTo(2, 8)
    expect(error.got).toBeCloseTo(2.002, 12)
    expect(error.message).toMatch(
      /^checkGrads wanted the derivative of order 1 in argument 1 at 'layers\.0\.w', entry \[1,0\], to be \S+ as central differences say, but got 2\.00\d+; mend the vjp it comes from, or .+\.$/
    )
  })

  it('a rule that is right once and wrong when it is differentiated', () => {
    const flat = $.customVjp(
      x => $.mul(x, x),
      (g, [x]) => [$.mul($.mul(g, 2), $.stopGradient(x as Tensor))]
    )
    checkGrads(flat, [$.tensor([1, 2])], { order: 1 })
    expect(caught(flat, [$.tensor([1, 2])])).toMatchObject({ order: 2, got: 0 })
  })

  it('a kink at the point, and none beside it', () => {
    expect(caught($.relu, [$.tensor([1, 0])])).toMatchObject({ entry: [1], got: 0 })
    checkGrads($.relu, [$.tensor([1, 1e-3])])
  })

  it('derivatives and values that are not numbers', () => {
    expect(caught(x => $.sum($.sqrt(x)), [$.tensor([1, 0])]).entry).toEqual([1])
    expect(caught(x => $.sum($.log(x)), [$.tensor([-1])]).got).toBe(-1)
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
    const weighted = (seed: number) => caught(steep, [$.tensor([1, 2, 3])], { seed, order: 1 }).wanted
    expect(weighted(1)).not.toBe(weighted(2))
  })
  it('what cannot be differentiated is refused', () =>
    expect(() => checkGrads(x => x, [$.tensor([1], [1], 'i32')])).toThrow(
      'checkGrads requires an f32 argument, but got i32[1]; pass what is to be differentiated.'
    ))
})
