/** The step: which passes it has, and what its options change. In float64; whole official steps are in test/golden. */
import { describe, expect, it } from 'vitest'
import { countNodes } from '../../../src/autodiff/graph.js'
import { tensor } from '../../../src/autodiff/ops/index.js'
import type { Tensor } from '../../../src/autodiff/tensor.js'
import { compile, dispose, type HostArray, read, run, store } from '../../../src/engine/index.js'
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
import { alphaGradientOf, mixturesOf, passOf } from '../../../src/nas/method/harmony.js'
import { pack, unpack, type Weights } from '../../../src/nas/space/layers.js'
import { backends, succeed } from '../../backends.js'
import { right } from '../../kernels/results.js'
import { expectNear, numbers } from '../../laws/tensors.js'
import { batch, batchArrays, loss, net, problem, stateArrays } from '../problem.js'

const backend = backends.reference
const configured = (given: Readonly<Record<string, string | boolean>>): SearchConfig =>
  right(configure('digits', given))
const scalar = (value: number): HostArray => ({ data: Float64Array.of(value), shape: [], dtype: 'f32' })

const KEY: HostArray = { data: Uint32Array.of(0, 1), shape: [2], dtype: 'u32' }

const SEED = 3
const compiled = (config: SearchConfig) =>
  succeed(
    backend,
    compile<[State, Batches, Rates], { readonly state: State; readonly metrics: Tensor }>(
      stepOf(net, stepOptions(config))
    )([
      stateArrays(SEED),
      { train: batchArrays(5), valid: batchArrays(9) },
      { rate: scalar(0), lambda: scalar(0), key: KEY }
    ] as never)
  )

const counts = async (config: SearchConfig): Promise<Readonly<Record<string, number>>> =>
  countNodes((await compiled(config)).graph.outputs)

/** A step from the start, read back. */
const stepped = async (config: SearchConfig, lambda: number) => {
  const step = await compiled(config)
  const args = [
    stateArrays(SEED),
    { train: batchArrays(5), valid: batchArrays(9) },
    { rate: scalar(0.1), lambda: scalar(lambda), key: KEY }
  ]
  const next = await succeed(
    backend,
    run(step)(...((await succeed(backend, store(args as never))) as never as [never, never, never]))
  )
  const { state, metrics } = (await succeed(backend, read(next))) as unknown as {
    state: Readonly<Record<'weights' | 'momentum' | 'running', HostArray>> &
      Readonly<Record<'alpha' | 'alphaGradient', { readonly alpha: HostArray }>>
    metrics: HostArray
  }
  return { state, metric: (name: Metric) => metrics.data[METRICS.indexOf(name)] as number }
}

/** Weights by name, from their vector. */
const weightsOf = (vector: readonly number[]): Weights => unpack(tablesOf(net).weights, tensor(vector))

const convolutions = net.parameters.filter(({ shape }) => shape.length === 4).length

describe('first-order DARTS', () => {
  it('has a training and a validation pass and no more: each convolution twice, its filter gradient once', async () => {
    const darts = await counts(configured({ method: 'darts' }))
    expect(darts['conv2d']).toBe(2 * convolutions)
    expect(darts['conv2d_filter_grad']).toBe(convolutions)
  })

  it('is what a lambda of 0 is, node by node', async () => {
    const darts = await counts(configured({ method: 'darts' }))
    expect(await counts(configured({ lambda: '0' }))).toEqual(darts)
    expect(await counts(configured({ lambda: '0', derivative: 'exact' }))).toEqual(darts)
  })

  it('lacks what Λ-DARTS has: two more passes, or a second backward pass', async () => {
    const gradients = async (given: Readonly<Record<string, string>>) =>
      (await counts(configured(given)))['conv2d_filter_grad'] as number
    expect(await gradients({ derivative: 'fd' })).toBe(3 * convolutions)
    expect(await gradients({ derivative: 'exact' })).toBeGreaterThan(convolutions)
  })
})

describe('a step', () => {
  it.each(['fd', 'exact'])(
    'of Λ-DARTS (%s) in the epoch where lambda is 0 is one of DARTS, though its passes run',
    async derivative => {
      const [plain, full] = [
        await stepped(configured({ method: 'darts' }), 0),
        await stepped(configured({ derivative }), 0)
      ]
      expect(full.metric('regulariserNorm')).toBeGreaterThan(0)
      expect(plain.metric('regulariserNorm')).toBe(0)
      const parts = ({ state: { weights, alpha, running } }: typeof full) => [weights, alpha.alpha, running]
      for (const [i, part] of parts(full).entries())
        expectNear(Array.from(part.data), Array.from((parts(plain)[i] as HostArray).data), 1e-13)
    }
  )

  it('with lambda above 0 is another, by either estimate', async () => {
    const ends = await Promise.all(
      [{ method: 'darts' }, { derivative: 'fd' }, { derivative: 'exact' }].map(given => stepped(configured(given), 0.5))
    )
    expect(new Set(ends.map(({ state }) => state.weights.data.join())).size).toBe(3)
    for (const { metric } of ends) expect(metric('finite')).toBe(1)
  })

  it('changes alpha by the validation batch at the new weights, and the weights by the training batch', async () => {
    const { state, metric } = await stepped(configured({ method: 'darts' }), 0)
    const { weights, alpha, mixtures } = problem(SEED)
    const training = passOf(loss)(weights, mixtures, batch(5))
    expect(metric('trainLoss')).toBe(numbers(training.loss)[0])
    const gradient = numbers(pack(tablesOf(net).weights, training.weightGradient))
    expect(metric('gradientNorm')).toBeCloseTo(Math.hypot(...gradient), 12)
    const start = stateArrays(SEED).weights.data
    const clip = Math.min(1, 5 / (Math.hypot(...gradient) + 1e-6))
    const descended = gradient.map((g, i) => (start[i] as number) - 0.1 * (clip * g + 3e-4 * (start[i] as number)))
    expectNear(Array.from(state.weights.data), descended)
    const moved = weightsOf(descended)
    const validation = passOf(loss)(moved, mixturesOf(net, alpha), batch(9))
    expect(metric('validLoss')).toBeCloseTo(numbers(validation.loss)[0] as number, 12)
    expectNear(
      Array.from(state.alphaGradient.alpha.data),
      numbers(alphaGradientOf(a => mixturesOf(net, a), alpha, validation.cellGradients))
    )
  })
})

it('on the device, the check of a step sees one NaN and one infinity among weights, images and alpha', async () => {
  const spoilt = (array: HostArray, place: number, value: number): HostArray => {
    const data = Float64Array.from(array.data)
    data[(place + data.length) % data.length] = value
    return { ...array, data }
  }
  const rates = { rate: scalar(0.1), lambda: scalar(0.5), key: KEY }
  const [state, train, valid] = [stateArrays(SEED), batchArrays(5), batchArrays(9)]
  type Step = { readonly state: State; readonly metrics: Tensor }
  const step = await succeed(
    backends.gpu,
    compile<[State, Batches, Rates], Step>(stepOf(net, stepOptions(configured({ method: 'darts' }))))([
      state,
      { train, valid },
      rates
    ] as never)
  )
  const finite = async (changed: object, batches: object = {}): Promise<number> => {
    const args = await succeed(
      backends.gpu,
      store([{ ...state, ...changed }, { train, valid, ...batches }, rates] as never)
    )
    const { metrics } = await succeed(backends.gpu, run(step)(...(args as never as [never, never, never])))
    return (await succeed(backends.gpu, read(metrics))).data[METRICS.indexOf('finite')] as number
  }
  expect(await finite({})).toBe(1)
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    for (const place of [0, 101, -1])
      expect([value, place, await finite({ weights: spoilt(state.weights, place, value) })]).toEqual([value, place, 0])
    for (const name of ['train', 'valid']) {
      const images = spoilt(train.images, 7, value)
      expect([value, name, await finite({}, { [name]: { ...train, images } })]).toEqual([value, name, 0])
    }
    // Of minus infinity the softmax is 0, and nothing is wrong with that.
    const alpha = spoilt(state.alpha.alpha as HostArray, 1, value)
    expect([value, await finite({ alpha: { alpha } })]).toEqual([value, value === Number.NEGATIVE_INFINITY ? 1 : 0])
  }
  dispose(step)
})

describe('quirks of the official code, each an option', () => {
  it('the clip measures the weights alone, or with them the gradient of alpha', async () => {
    const [principled, faithful] = [
      await stepped(configured({ method: 'darts' }), 0),
      await stepped(configured({ method: 'darts', clipIncludesAlpha: true }), 0)
    ]
    const { weights, alpha, mixtures } = problem(SEED)
    // In the first step there is no gradient from before: what is included is that of the training pass.
    const stale = Math.hypot(
      ...numbers(
        alphaGradientOf(a => mixturesOf(net, a), alpha, passOf(loss)(weights, mixtures, batch(5)).cellGradients)
      )
    )
    expect(stale).toBeGreaterThan(0)
    expect(faithful.metric('gradientNorm')).toBeCloseTo(Math.hypot(principled.metric('gradientNorm'), stale), 12)
  })

  it('running statistics see the training pass alone, or every pass', async () => {
    const [principled, faithful] = [
      await stepped(configured({}), 0.25),
      await stepped(configured({ statistics: 'all-passes' }), 0.25)
    ]
    const { mean } = passOf(loss)(problem(SEED).weights, problem(SEED).mixtures, batch(5)).moments['stem.1'] as {
      mean: Tensor
    }
    const seen = numbers(mean)
    // 0 before, and a tenth of the batch's mean is kept a pass. The stem comes before all mixtures, so T, F and B see
    // the same.
    const { offset } = tablesOf(net).statistics.entries.find(({ name }) => name === 'stem.1.running_mean') as {
      offset: number
    }
    const kept = ({ state }: typeof principled) => Array.from(state.running.data.slice(offset, offset + seen.length))
    expectNear(
      kept(principled),
      seen.map(value => 0.1 * value)
    )
    const { weights } = faithful.state
    const valid = passOf(loss)(weightsOf(Array.from(weights.data)), problem(SEED).mixtures, batch(9)).moments[
      'stem.1'
    ] as {
      mean: Tensor
    }
    const last = numbers(valid.mean)
    expectNear(
      kept(faithful),
      seen.map((value, i) => (1 - 0.9 ** 3) * value * 0.9 + 0.1 * (last[i] as number))
    )
  })

  it('are off in a plain run and on in the published one', () => {
    expect(stepOptions(PRESETS.digits)).toMatchObject({ clipIncludesAlpha: false, statisticsFromAllPasses: false })
    expect(stepOptions(PRESETS['paper-nb201'])).toMatchObject({
      clipIncludesAlpha: true,
      statisticsFromAllPasses: true
    })
  })
})
