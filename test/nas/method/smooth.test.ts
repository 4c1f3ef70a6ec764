/**
 * The two estimates of -dΛ/dw on the network of the search with its kinks taken out: x sigmoid(x) stands for ReLU, so
 * everything is smooth and the paper's difference quotient must converge to the derivative, with the square of its
 * step. In float64.
 */
import { describe, expect, it, vi } from 'vitest'
import { checkGrads } from '../../../src/autodiff/check.js'
import { meanPairwiseCosine } from '../../../src/autodiff/nn.js'
import * as $ from '../../../src/autodiff/ops/index.js'
import type { Tensor } from '../../../src/autodiff/tensor.js'
import { zipTrees } from '../../../src/autodiff/tree.js'
import { differenceRegulariser, directionOf, exactRegulariser, passOf } from '../../../src/nas/method/harmony.js'
import { numbers } from '../../laws/tensors.js'
import { batch, harmony, loss, problem } from '../problem.js'

vi.mock('../../../src/autodiff/ops/index.js', async original => {
  const all = await original<typeof import('../../../src/autodiff/ops/index.js')>()
  return { ...all, relu: (x: Tensor) => all.mul(x, all.sigmoid(x)) }
})

const { weights, mixtures } = problem(2)
const train = batch(8)
const cellGradients = passOf(loss)(weights, mixtures, train).cellGradients
const direction = directionOf(harmony, cellGradients)
const { gradient } = exactRegulariser(loss)(weights, mixtures, train, direction)
const exact = numbers(gradient)
const norm = (values: readonly number[]): number => Math.hypot(...values)

it('there are no kinks', () => expect(numbers($.relu($.tensor(-1)))[0]).toBeCloseTo(-1 / (1 + Math.E), 14))

describe('on a smooth network', () => {
  it('the gradients of a pass are those of central differences, in weights and in the mixtures of all cells', () =>
    checkGrads((w: typeof weights, ps: readonly Tensor[]) => loss(w, ps, train)[0], [weights, mixtures], { order: 1 }))

  it('the exact estimate is minus the derivative of Λ, by central differences', () => {
    const agreement = (w: typeof weights) => meanPairwiseCosine(passOf(loss)(w, mixtures, train).cellGradients)
    const moved = (step: number): number =>
      numbers(agreement(zipTrees(weights, [gradient], (w, g) => $.add(w, $.mul(g, step / norm(exact))))))[0] as number
    const slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
    expect(slope / -norm(exact)).toBeCloseTo(1, 6)
    // So a small step against it, as SGD takes, raises Λ on this batch.
    expect(moved(-1e-3)).toBeGreaterThan(moved(0))
  })

  it('the difference quotient converges to it with slope 2', () => {
    const errors = [4e-2, 2e-2, 1e-2, 5e-3].map(epsilon0 => {
      const quotient = numbers(
        differenceRegulariser({ forward: loss, backward: loss }, epsilon0)(weights, mixtures, train, direction).gradient
      )
      return norm(quotient.map((value, i) => value - (exact[i] as number))) / norm(exact)
    })
    for (const [i, error] of errors.slice(1).entries())
      expect(Math.log2((errors[i] as number) / error), `errors ${errors.join(', ')}`).toBeCloseTo(2, 1)
    expect(errors.at(-1)).toBeLessThan(1e-3)
  })
})
