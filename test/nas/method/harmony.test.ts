/** Per-cell gradients, Λ and its direction: what must hold whatever the network and its weights. In float64. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grad } from '../../../src/autodiff/grad.js'
import { meanPairwiseCosine, softmax } from '../../../src/autodiff/nn.js'
import * as $ from '../../../src/autodiff/ops/index.js'
import type { Tensor } from '../../../src/autodiff/tensor.js'
import {
  alphaGradientOf,
  differenceRegulariser,
  directionOf,
  mixturesOf,
  passOf
} from '../../../src/nas/method/harmony.js'
import { expectNear, numbers } from '../../laws/tensors.js'
import { batch, harmony, loss, net, problem } from '../problem.js'

const { weights, alpha, mixtures } = problem(1)
const train = batch(5)
const pass = passOf(loss)(weights, mixtures, train)

describe('per-cell gradients', () => {
  it('are one for each cell, of the shape of alpha, and differ', () => {
    expect(pass.cellGradients.length).toBe(net.cells.length)
    for (const { shape } of pass.cellGradients) expect(shape).toEqual(alpha['alpha']?.shape)
    expect(new Set(pass.cellGradients.map(g => numbers(g).join())).size).toBe(net.cells.length)
  })

  it('sum to dL/dp of the mixture that all cells share', () => {
    const shared = (p: Tensor) =>
      loss(
        weights,
        net.cells.map(() => p),
        train
      )[0]
    const sum = pass.cellGradients.reduce((a, b) => $.add(a, b))
    expectNear(numbers(sum), numbers(grad(shared)(softmax(alpha['alpha'] as Tensor))), 1e-14)
  })

  it('make dL/dalpha, which is that of the loss as a function of alpha', () => {
    const ofAlpha = (a: typeof alpha) => loss(weights, mixturesOf(net, a), train)[0]
    const got = numbers(alphaGradientOf(a => mixturesOf(net, a), alpha, pass.cellGradients))
    expectNear(got, numbers(grad(ofAlpha)(alpha)), 1e-14)
    // A softmax does not see a shift, so each row of its gradient sums to 0.
    for (let edge = 0; edge < 6; edge++)
      expect(Math.abs(got.slice(5 * edge, 5 * edge + 5).reduce((a, b) => a + b))).toBeLessThan(1e-15)
  })

  it('come with the loss and the gradient of the weights that a pass by itself has', () => {
    const ofWeights = (w: typeof weights) => loss(w, mixtures, train)[0]
    expect(numbers(pass.loss)).toEqual(numbers(ofWeights(weights)))
    expectNear(numbers(pass.weightGradient), numbers(grad(ofWeights)(weights)), 1e-14)
  })
})

/** Gradients of M cells, of n numbers each, none near zero. */
const cells = fc.tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 8 })).chain(([count, size]) => {
  const number = fc.integer({ min: -1000, max: 1000 }).map(n => n / 100)
  const cell = fc.array(number, { minLength: size, maxLength: size }).filter(g => Math.hypot(...g) > 0.1)
  return fc.array(cell, { minLength: count, maxLength: count })
})
const tensors = (gs: readonly (readonly number[])[]): Tensor[] => gs.map(g => $.tensor(g))
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, i) => sum + x * (b[i] as number), 0)
const Λ = (gs: readonly (readonly number[])[]): number => numbers(meanPairwiseCosine(tensors(gs)))[0] as number

describe('Λ', () => {
  it('is the mean over pairs of their cosines', () =>
    fc.assert(
      fc.property(cells, gs => {
        const pairs = gs.flatMap((g, i) => gs.slice(i + 1).map(h => dot(g, h) / Math.hypot(...g) / Math.hypot(...h)))
        expect(Λ(gs)).toBeCloseTo(pairs.reduce((a, b) => a + b) / pairs.length, 12)
      })
    ))

  it('is 1 where all cells agree, and does not see how large their gradients are', () =>
    fc.assert(
      fc.property(cells, fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 6, maxLength: 6 }), (gs, scales) => {
        const scaled = (list: typeof gs) => list.map((g, i) => g.map(x => (x * (scales[i] as number)) / 10))
        expect(Λ(scaled(gs.map(() => gs[0] as number[])))).toBeCloseTo(1, 12)
        expect(Λ(scaled(gs))).toBeCloseTo(Λ(gs), 12)
      })
    ))

  it('is -1 for two cells that oppose each other, and 0 for cells at right angles', () => {
    expect(
      Λ([
        [1, 2],
        [-2, -4]
      ])
    ).toBeCloseTo(-1, 14)
    expect(
      Λ([
        [3, 0, 0],
        [0, 1, 0],
        [0, 0, -2]
      ])
    ).toBe(0)
  })

  it('needs two cells', () => expect(() => meanPairwiseCosine([$.tensor([1, 2])])).toThrow('at least two vectors'))
})

describe('the direction', () => {
  it('is the closed form of dΛ/dg: c / |g_l| (I - u_l u_l^T) sum u_k', () =>
    fc.assert(
      fc.property(cells, gs => {
        const units = gs.map(g => g.map(x => x / Math.hypot(...g)))
        const sum = (gs[0] as number[]).map((_, i) => units.reduce((total, u) => total + (u[i] as number), 0))
        const c = 2 / (gs.length * (gs.length - 1))
        const wanted = gs.map((g, l) => {
          const u = units[l] as number[]
          const along = dot(u, sum)
          return sum.map((s, i) => (c / Math.hypot(...g)) * (s - along * (u[i] as number)))
        })
        const { direction, size } = directionOf(meanPairwiseCosine, tensors(gs))
        expectNear(numbers(direction), wanted.flat())
        expectNear(numbers(size), [Math.hypot(...wanted.flat())])
      })
    ))

  it('is at right angles to its gradient: scaling one cell changes nothing', () =>
    fc.assert(
      fc.property(cells, gs => {
        const { direction } = directionOf(meanPairwiseCosine, tensors(gs))
        direction.forEach((d, l) => {
          expect(Math.abs(dot(numbers(d), gs[l] as number[]))).toBeLessThan(1e-13)
        })
      })
    ))

  it('is 0 for a cell without a gradient, and what the others make of each other for the rest', () => {
    const [g, h] = [
      [1, 2],
      [3, -1]
    ]
    const { direction } = directionOf(meanPairwiseCosine, tensors([g as number[], [0, 0], h as number[]]))
    const alone = directionOf(meanPairwiseCosine, tensors([g as number[], h as number[]]))
    expect(numbers(direction[1] as Tensor)).toEqual([0, 0])
    // Of three pairs one counts, where of one pair one did.
    const others = [direction[0] as Tensor, direction[2] as Tensor]
    expectNear(
      numbers(others),
      numbers(alone.direction).map(d => d / 3)
    )
  })

  it('of cells without any gradient is 0, and so are the step and the quotient', () => {
    const none = mixtures.map(p => $.mul(p, 0))
    expect(numbers(directionOf(harmony, none).size)).toEqual([0])
    const { epsilon, gradient, passes } = differenceRegulariser({ forward: loss, backward: loss }, 1e-4)(
      weights,
      mixtures,
      train,
      directionOf(harmony, none)
    )
    expect(numbers(epsilon)).toEqual([0])
    expect(numbers(gradient).every(value => value === 0)).toBe(true)
    // Both passes are the training pass itself.
    for (const one of passes) expectNear(numbers(one.weightGradient), numbers(pass.weightGradient), 0)
  })

  it('of the network moves all cells together by epsilon0', () => {
    const { epsilon } = differenceRegulariser({ forward: loss, backward: loss }, 1e-3)(
      weights,
      mixtures,
      train,
      directionOf(harmony, pass.cellGradients)
    )
    const { size } = directionOf(harmony, pass.cellGradients)
    expectNear(numbers($.mul(epsilon, size)), [1e-3], 1e-15)
  })
})
