/**
 * What the official code of S1 to S5 does otherwise than that of NAS-Bench-201, and which cells are held in harmony. In
 * float64.
 */
import { describe, expect, it } from 'vitest'
import { grad } from '../../../src/autodiff/grad.js'
import { meanPairwiseCosine, meanPairwiseSignCosine } from '../../../src/autodiff/nn.js'
import * as $ from '../../../src/autodiff/ops/index.js'
import type { Tensor } from '../../../src/autodiff/tensor.js'
import type { WithLeaves } from '../../../src/autodiff/tree.js'
import type { HostArray } from '../../../src/engine/index.js'
import { configure, stepOptions } from '../../../src/nas/configuration/config.js'
import { PRESETS, type SearchConfig } from '../../../src/nas/configuration/options.js'
import {
  type Batches,
  METRICS,
  type Metric,
  type Rates,
  type State,
  stepOf,
  tablesOf
} from '../../../src/nas/method/bilevel.js'
import {
  alphaGradientOf,
  differenceRegulariser,
  directionOf,
  exactRegulariser,
  harmonyOf,
  lossOf,
  mixturesOf,
  passOf,
  regularisedCells
} from '../../../src/nas/method/harmony.js'
import { initialState } from '../../../src/nas/method/initialise.js'
import { type Activation, unpack } from '../../../src/nas/space/layers.js'
import { mapRecord, SPACES, type Space } from '../../../src/nas/space/space.js'
import { type Supernet, supernet } from '../../../src/nas/space/supernet.js'
import { backends, evaluateTree } from '../../backends.js'
import { right } from '../../kernels/results.js'
import { expectNear, numbers } from '../../laws/tensors.js'
import { anything, array, whole } from '../../laws/values.js'

const network = (space: string, layers = 4, activation: Activation = 'relu'): Supernet =>
  supernet(SPACES[space] as Space, { channels: 2, layers, imageChannels: 1, size: [8, 8], classes: 3, activation })

const constant = ({ data, shape, dtype }: HostArray): Tensor => $.tensor(data, shape, dtype)
const batchArrays = (seed: number) => ({
  images: array(anything, seed, [3, 1, 8, 8]),
  labels: array(whole(0, 3), seed + 1, [3], 'i32')
})
const batch = (seed: number) => ({
  images: constant(batchArrays(seed).images),
  labels: constant(batchArrays(seed).labels)
})
const stateArrays = (net: Supernet) => {
  const state = initialState(net, [4, 0])
  return { ...state, alpha: mapRecord(state.alpha, ({ shape }) => array(anything, 6, shape)) }
}
const problem = (net: Supernet) => {
  const state = stateArrays(net)
  const alpha = mapRecord(state.alpha, constant)
  return { weights: unpack(tablesOf(net).weights, constant(state.weights)), alpha, mixtures: mixturesOf(net, alpha) }
}

const scalar = (value: number): HostArray => ({ data: Float64Array.of(value), shape: [], dtype: 'f32' })

type Result = { readonly state: State; readonly metrics: Tensor }
/** A step from the start at lambda 0.5, read back. */
const stepped = async (net: Supernet, given: Readonly<Record<string, string | boolean>>) => {
  const config: SearchConfig = right(configure('digits', given))
  const rates = {
    rate: scalar(0.1),
    lambda: scalar(0.5),
    key: { data: Uint32Array.of(3, 4), shape: [2], dtype: 'u32' as const }
  }
  const args = [stateArrays(net), { train: batchArrays(5), valid: batchArrays(9) }, rates]
  const { state, metrics } = (await evaluateTree<[State, Batches, Rates], Result>(
    backends.reference,
    stepOf(net, stepOptions(config)),
    args as never
  )) as WithLeaves<Result, HostArray>
  return { state, metric: (name: Metric) => metrics.data[METRICS.indexOf(name)] as number }
}

describe('the order of a step', () => {
  const net = network('s2')
  const darts = { method: 'darts' }

  it('alpha first: its gradient is that of the weights before the step, and the weights see alpha as it is after', async () => {
    const { state, metric } = await stepped(net, { ...darts, architectureFirst: true })
    const { weights, alpha, mixtures } = problem(net)
    const validation = passOf(lossOf(net))(weights, mixtures, batch(9))
    const gradient = alphaGradientOf(a => mixturesOf(net, a), alpha, validation.cellGradients)
    for (const kind of ['normal', 'reduce'])
      expectNear(Array.from(state.alphaGradient[kind]?.data as Float64Array), numbers(gradient[kind] as Tensor))
    const after = mixturesOf(
      net,
      mapRecord(state.alpha, leaf => constant(leaf))
    )
    expect(metric('trainLoss')).toBeCloseTo(numbers(lossOf(net)(weights, after, batch(5))[0])[0] as number, 12)
  })

  it('weights first: they see alpha as it was, and alpha the weights as they are after', async () => {
    const { state, metric } = await stepped(net, darts)
    const { weights, mixtures } = problem(net)
    expect(metric('trainLoss')).toBeCloseTo(numbers(lossOf(net)(weights, mixtures, batch(5))[0])[0] as number, 12)
    const after = unpack(tablesOf(net).weights, constant(state.weights))
    expect(metric('validLoss')).toBeCloseTo(numbers(lossOf(net)(after, mixtures, batch(9))[0])[0] as number, 12)
  })

  it('is that of the space in the published presets', () => {
    for (const [name, preset] of Object.entries(PRESETS))
      expect(stepOptions(preset).architectureFirst, name).toBe(/^paper-s/.test(name))
  })
})

describe('the noise of a step', () => {
  it('replayed, leaves the difference quotient what harmony makes of it; fresh in each pass, it is almost all noise', async () => {
    const net = network('s4')
    const [replayed, fresh] = [
      await stepped(net, { epsilon0: '1e-4' }),
      await stepped(net, { epsilon0: '1e-4', noise: 'fresh' })
    ]
    expect(replayed.metric('lambdaTrain')).toBe(fresh.metric('lambdaTrain'))
    expect(fresh.metric('regulariserNorm')).toBeGreaterThan(100 * replayed.metric('regulariserNorm'))
  })

  it('in a space without noise is none: both are one step', async () => {
    const net = network('s3')
    const [replayed, fresh] = [await stepped(net, {}), await stepped(net, { noise: 'fresh' })]
    expect(fresh.state.weights.data).toEqual(replayed.state.weights.data)
  })
})

describe('the cells in harmony', () => {
  const net = network('s3', 6)
  const { weights, mixtures } = problem(net)
  const gradients = passOf(lossOf(net))(weights, mixtures, batch(5)).cellGradients
  const at = (...cells: readonly number[]): readonly Tensor[] => cells.map(l => gradients[l] as Tensor)

  it('are the normal ones, or those of each kind by itself', () => {
    expect(regularisedCells(net.cells, false)).toEqual([[0, 1, 3, 5]])
    expect(regularisedCells(net.cells, true)).toEqual([
      [0, 1, 3, 5],
      [2, 4]
    ])
  })

  it('make the mean of their own pairs; kinds are added', () => {
    const value = (regulariser: 'corr' | 'signcorr', regulariseReduce: boolean) =>
      numbers(harmonyOf(net, { regulariser, regulariseReduce })(gradients))[0] as number
    const of = (mean: typeof meanPairwiseCosine, cells: readonly Tensor[]) => numbers(mean(cells))[0] as number
    expect(value('corr', false)).toBe(of(meanPairwiseCosine, at(0, 1, 3, 5)))
    expect(value('corr', true)).toBeCloseTo(
      of(meanPairwiseCosine, at(0, 1, 3, 5)) + of(meanPairwiseCosine, at(2, 4)),
      14
    )
    expect(value('signcorr', false)).toBe(of(meanPairwiseSignCosine, at(0, 1, 3, 5)))
  })

  it('alone have a direction: the mixtures of the others stay where they are', () => {
    const zero = (regulariseReduce: boolean) =>
      directionOf(harmonyOf(net, { regulariser: 'corr', regulariseReduce }), gradients).direction.map(d =>
        numbers(d).every(value => value === 0)
      )
    expect(zero(false)).toEqual([false, false, true, false, true, false])
    expect(zero(true)).toEqual([false, false, false, false, false, false])
  })

  it('by signcorr have the direction that is its derivative, at right angles to each gradient', () => {
    const harmony = harmonyOf(net, { regulariser: 'signcorr', regulariseReduce: false })
    const { direction } = directionOf(harmony, gradients)
    // The closed form: c sum over j of (g_j - D / A sign(g_l) |g_j|) / A, with D and A the products of the gradients
    // and of their absolute values.
    const cells = [0, 1, 3, 5]
    const g = cells.map(l => numbers(gradients[l] as Tensor))
    const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0)
    const abs = (a: readonly number[]) => a.map(Math.abs)
    const c = 2 / (4 * 3)
    cells.forEach((l, k) => {
      const own = g[k] as readonly number[]
      const wanted = own.map((x, i) =>
        g.reduce((sum, other, j) => {
          if (j === k) return sum
          const [D, A] = [dot(own, other), dot(abs(own), abs(other))]
          const y = other[i] as number
          return sum + (c * (y - (D / A) * Math.sign(x) * Math.abs(y))) / A
        }, 0)
      )
      const found = numbers(direction[l] as Tensor)
      expectNear(found, wanted)
      expect(Math.abs(dot(found, own))).toBeLessThan(1e-14)
    })
    const again = grad((gs: readonly Tensor[]) => harmony(gs), { unreached: 'zero' })(gradients)
    expect(numbers(again)).toEqual(numbers(direction))
  })

  it('must be two or more', () =>
    expect(() => harmonyOf(network('s2', 3), { regulariser: 'corr', regulariseReduce: false })).toThrow(
      "harmony requires at least two cells of each kind that is regularised, but got 1 of the kind 'normal' among 3; use more layers"
    ))
})

describe('on a network without kinks', () => {
  // S2 and S3 have no pools, so softplus leaves nothing that is not smooth.
  const net = network('s3', 4, 'softplus')
  const { weights, mixtures } = problem(net)
  const loss = lossOf(net)
  const { cellGradients } = passOf(loss)(weights, mixtures, batch(5))

  it.each(['corr', 'signcorr'] as const)('the quotient of %s converges to the derivative with slope 2', regulariser => {
    const harmony = harmonyOf(net, { regulariser, regulariseReduce: true })
    const direction = directionOf(harmony, cellGradients)
    const exact = numbers(exactRegulariser(loss)(weights, mixtures, batch(5), direction).gradient)
    const norm = (values: readonly number[]) => Math.hypot(...values)
    const errors = [4e-2, 2e-2, 1e-2].map(epsilon0 => {
      const quotient = differenceRegulariser({ forward: loss, backward: loss }, epsilon0)
      const values = numbers(quotient(weights, mixtures, batch(5), direction).gradient)
      return norm(values.map((value, i) => value - (exact[i] as number))) / norm(exact)
    })
    expect(Math.log2((errors[1] as number) / (errors[2] as number)), `errors ${errors.join(', ')}`).toBeCloseTo(2, 1)
    expect(errors[2]).toBeLessThan(0.1)
  })
})
