/**
 * The matchers, by vitest itself: what is right passes, what is wrong fails in the user's own quantities, a kink is
 * neither.
 */
import { describe, expect, it } from 'vitest'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import '../../src/vitest/index.js'
import { backends } from '../backends.js'

const cube = (x: Tensor): Tensor => $.mul(x, $.mul(x, x))
const wrong: (x: Tensor) => Tensor = $.customVjp(
  x => $.mul(x, x),
  g => [g]
)
const scaled = (weights: { readonly w: Tensor }, x: Tensor): { readonly y: Tensor } => ({
  y: $.mul(weights.w, wrong(x))
})

const messageOf = (assertion: () => void): string => {
  try {
    assertion()
  } catch (error) {
    if (error instanceof Error) return error.message
  }
  throw new Error('an assertion that fails was expected, but it passed')
}

describe('toHaveGradients', () => {
  it('passes for derivatives that are right, to the order that is asked for', () => {
    expect(cube).toHaveGradients([$.tensor([0.5, 1])])
    expect(cube).toHaveGradients([$.tensor([0.5, 1])], { order: 3 })
    expect(scaled).not.toHaveGradients([{ w: 2 }, Float32Array.of(1, 2)])
    expect(cube).toHaveGradients([[0.5, 1]])
  })
  it('fails for one that is wrong, at the simplest arguments', () => {
    expect(messageOf(() => expect(scaled).toHaveGradients([{ w: $.tensor(2.5) }, $.tensor([1.25, 2.5])]))).toBe(
      "checkGrads wanted the derivative of entry [0] of the result at 'y' in entry [0] of argument 1 to be 0 as central differences say, but got 1 (relative error 1) where argument 0 at 'w' = 1, argument 1 = [0]; mend the vjp that it comes from."
    )
  })
  it('can be turned round', () => {
    expect(wrong).not.toHaveGradients([$.tensor([1.25, 2.5])])
    expect(messageOf(() => expect(cube).not.toHaveGradients([$.tensor([1, 2])]))).toBe(
      'toHaveGradients wanted a derivative that is off, but all are as they should be.'
    )
  })
  it('says of a kink that it is one, either way round', () => {
    const relu = (x: Tensor): Tensor => $.relu(x)
    const kink =
      /^checkGrads wanted a point where the function is smooth, but relu changes its choice close to argument 0/
    expect(messageOf(() => expect(relu).toHaveGradients([$.tensor(0)]))).toMatch(kink)
    expect(messageOf(() => expect(relu).not.toHaveGradients([$.tensor(0)]))).toMatch(kink)
  })
  it('refuses what is no function and what a function does not take', () => {
    expect(() => (expect(3) as ReturnType<typeof expect<typeof cube>>).toHaveGradients([$.tensor(1)])).toThrow(
      'toHaveGradients requires a function, but got 3; write expect(x => ...).toHaveGradients.'
    )
    expect(() => expect(cube).toHaveGradients([$.tensor(1)], { order: 0 })).toThrow(/^checkGrads requires order/)
  })
})

describe('toHaveGradientsOn', () => {
  it('holds a device to the reference', async () => {
    await expect(cube).toHaveGradientsOn(backends.gpu, [$.tensor([0.5, 1])])
    // What is wrong on both is as on the reference.
    await expect(wrong).toHaveGradientsOn({ backend: backends.gpu }, [$.tensor([0.5, 1])])
  })
  it('holds the reference to central differences', async () => {
    await expect(cube).toHaveGradientsOn(backends.reference, [$.tensor([0.5, 1])])
    await expect(expect(wrong).toHaveGradientsOn(backends.reference, [$.tensor([0.5, 1])])).rejects.toThrow(
      /^checkGrads wanted the derivative of entry \[0\] of the result/
    )
    await expect(wrong).not.toHaveGradientsOn(backends.reference, [$.tensor([0.5, 1])])
  })
})
