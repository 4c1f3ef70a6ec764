/**
 * Optimisers, clipping and schedules against PyTorch's values over several steps, on both backends; first weights by
 * their deviations.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { kaimingNormal, kaimingUniform, xavierNormal, xavierUniform } from '../../src/autodiff/initialisers.js'
import { ndarray } from '../../src/autodiff/ndarray.js'
import * as $ from '../../src/autodiff/ops/index.js'
import {
  adam,
  adamW,
  clipByGlobalNorm,
  clipFactor,
  cosineDecay,
  globalNorm,
  sgd,
  warmUp
} from '../../src/autodiff/optim.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { leaves } from '../../src/autodiff/tree.js'
import { backends, evaluateOn, evaluateTree } from '../backends.js'
import { expectNear, numbers } from '../laws/tensors.js'

interface Weights {
  readonly bias: readonly number[]
  readonly layer: readonly (readonly number[])[]
}
interface Golden {
  readonly rate: number
  readonly start: Weights
  readonly gradients: readonly Weights[]
  readonly cases: readonly {
    readonly name: string
    readonly optimiser: 'sgd' | 'adam' | 'adamW'
    readonly options: object
    readonly weights: readonly Weights[]
  }[]
  readonly clips: readonly { readonly limit: number; readonly norm: number; readonly gradient: Weights }[]
  readonly cosine: { readonly least: number; readonly rates: readonly number[] }
}
const optimisers = { sgd, adam, adamW }
const initialisers = { kaimingNormal, kaimingUniform, xavierNormal, xavierUniform }
const golden = JSON.parse(readFileSync(new URL('../golden/optim.json', import.meta.url), 'utf8')) as Golden

const flat = ({ bias, layer }: Weights): number[] => [...bias, ...layer.flat()]
const tree = ({ bias, layer }: Weights) => ({ bias: $.tensor(bias), layer: $.tensor(layer) })
const arrays = ({ bias, layer }: Weights) => ({ bias: ndarray(bias), layer: ndarray(layer.flat(), [2, 3]) })
/** Five steps in float32, each with a dozen roundings of 6e-8; the reference counts in float64. */
const TOLERANCE = { reference: 1e-13, gpu: 4e-6 } as const

describe.each(['reference', 'gpu'] as const)('on the %s', kind => {
  it.each(golden.cases)('$name has the steps of PyTorch', async ({ optimiser, options, weights }) => {
    const { init, update } = optimisers[optimiser](options as never)
    type Tensors = { readonly bias: Tensor; readonly layer: Tensor }
    const f = (start: Tensors, gradients: readonly Tensors[]): readonly Tensor[] => {
      let at = { weights: start, state: init(start) as never }
      return gradients.flatMap(gradient => {
        at = update(gradient, at.state, at.weights, golden.rate) as never
        return leaves(at.weights)
      })
    }
    const args = [arrays(golden.start), golden.gradients.map(arrays)] as const
    const values = await evaluateTree(backends[kind], f as never, args as never)
    const got = (values as readonly { readonly data: ArrayLike<number> }[]).flatMap(({ data }) => Array.from(data))
    expectNear(got, weights.flatMap(flat), TOLERANCE[kind])
  })

  it('schedules of a step are those of PyTorch, with a warm-up before them', async () => {
    const { least, rates } = golden.cosine
    const schedule = cosineDecay({ rate: golden.rate, steps: rates.length - 1, least })
    const all = [...rates.keys(), rates.length + 3]
    const f = (...steps: readonly Tensor[]) => [...steps.map(schedule), ...steps.map(warmUp(4, schedule))]
    const values = await evaluateOn(
      backends[kind],
      f,
      all.map(step => ndarray([step], [], 'i32'))
    )
    const wanted = [...rates, least]
    const warm = wanted.map((rate, step) => rate * Math.min(1, (step + 1) / 4))
    expectNear(
      values.flatMap(({ data }) => Array.from(data)),
      [...wanted, ...warm],
      kind === 'gpu' ? 1e-8 : 1e-15
    )
  })
})

describe('optimisers', () => {
  const { start, gradients, rate } = golden
  const [gradient] = gradients as [Weights]

  it('take their rate from the options, or with an update, as a number or a tensor', () => {
    const at = (options: object, now?: number | Tensor) =>
      numbers(sgd(options).update(tree(gradient), { buffer: [] }, tree(start), now).weights)
    expect(at({ rate })).toEqual(at({}, rate))
    expect(at({ rate: 7 }, $.tensor(rate))).toEqual(at({ rate }))
  })

  it('have a state of what they need', () => {
    expect(sgd({ rate }).init(tree(start))).toEqual({ buffer: [] })
    expect(numbers(sgd({ rate, momentum: 0 }).init(tree(start)))).toEqual(flat(start).map(() => 0))
    const { state } = adam({ rate }).update(tree(gradient), adam().init(tree(start)), tree(start))
    expectNear(numbers(state.corrections), [0.1, 0.001])
  })

  it.each([
    ['no rate', () => sgd({}).update(tree(gradient), { buffer: [] }, tree(start)), 'sgd requires a rate, but got none'],
    [
      'a rate for each weight',
      () => adam({ rate: $.tensor([1, 2]) }).update(tree(gradient), adam().init(tree(start)), tree(start)),
      'adam requires a rate that is a number or a scalar, but got f32[2]'
    ],
    [
      "no momentum for Nesterov's",
      () => sgd({ nesterov: true }),
      'sgd requires a momentum with nesterov, but got none'
    ],
    [
      'a state without momentum',
      () => sgd({ rate, momentum: 0.9 }).update(tree(gradient), { buffer: [] }, tree(start)),
      "sgd's buffer requires a record at the root, but got a list"
    ],
    ['betas of 1', () => adamW({ betas: [0.9, 1] }), 'adamW requires betas of 0 or more, below 1, but got 1'],
    ['one beta', () => adam({ betas: 0.9 as never }), 'adam requires two betas, but got 0.9'],
    ['a decay below 0', () => adam({ weightDecay: -1 }), 'adam requires a weightDecay of 0 or more, but got -1'],
    ['misspelt options', () => adam({ learningRate: 1 } as never), "but got 'learningRate'"],
    [
      'another tree',
      () => sgd({ rate }).update({ bias: $.tensor(1) } as never, { buffer: [] }, tree(start)),
      "sgd's gradient requires a leaf or branch at 'layer', but got none"
    ],
    ['no steps', () => cosineDecay({ rate, steps: 0 }), 'cosineDecay requires steps of 1 or more, but got 0']
  ])('refuse %s', (_, refused, message) => expect(refused).toThrow(message))
})

describe('clipping', () => {
  it.each(golden.clips)('to $limit is that of PyTorch', ({ limit, norm, gradient }) => {
    const [whole] = golden.gradients as [Weights]
    expectNear(numbers(globalNorm(tree(whole))), [norm])
    expectNear(numbers(clipByGlobalNorm(tree(whole), limit)), flat(gradient))
  })

  it('leaves a gradient within the limit as it is, bit for bit, and brings others to the limit', () => {
    for (const norm of [0, 1e-30, 4.9, 5 - 1e-6]) expect(numbers(clipFactor($.tensor(norm), 5))).toEqual([1])
    for (const norm of [5, 5.1, 50, 1e6]) {
      const [factor] = numbers(clipFactor($.tensor(norm), 5)) as [number]
      expect(factor).toBe(5 / (norm + 1e-6))
      expect(factor * norm).toBeLessThan(5)
    }
  })

  it('keeps a norm that is not a number, so that it is found', () =>
    expect(numbers(clipFactor($.tensor(Number.NaN), 5))).toEqual([Number.NaN]))

  it('measures several tensors together', () => {
    expect(numbers(globalNorm([$.tensor([[1, 2]]), $.tensor(4), $.tensor([2])]))).toEqual([5])
    expect(numbers(globalNorm({ a: $.tensor([0, 0]) }))).toEqual([0])
  })
})

describe('first weights', () => {
  const shape = [40, 50, 3, 3]
  const [fanIn, fanOut] = [50 * 9, 40 * 9]
  it.each([
    ['kaimingNormal', {}, Math.sqrt(2 / fanIn)],
    ['kaimingNormal', { fan: 'out', gain: 1 }, Math.sqrt(1 / fanOut)],
    ['kaimingUniform', {}, Math.sqrt(2 / fanIn)],
    ['xavierNormal', {}, Math.sqrt(2 / (fanIn + fanOut))],
    ['xavierUniform', { gain: 5 / 3 }, (5 / 3) * Math.sqrt(2 / (fanIn + fanOut))]
  ] as const)('%s %o have the deviation of their fans, and the bound of a uniform', (name, options, deviation) => {
    const values = numbers(initialisers[name]($.key(3), shape, options as never))
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length
    const spread = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length)
    // Of 18,000 numbers: the mean lies within 5 deviations / sqrt(18,000), the deviation within 3 %.
    expect(Math.abs(mean)).toBeLessThan((5 * deviation) / Math.sqrt(values.length))
    expect(Math.abs(spread / deviation - 1)).toBeLessThan(0.03)
    const most = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / deviation
    if (name.endsWith('Uniform')) expect(Math.abs(most / Math.sqrt(3) - 1)).toBeLessThan(1e-3)
    else expect(most).toBeGreaterThan(3)
  })

  it('follow from the key', () => {
    const at = (seed: number) => numbers(xavierNormal($.key(seed), [4, 3]))
    expect(at(1)).toEqual(at(1))
    expect(at(1)).not.toEqual(at(2))
  })

  it.each([
    [
      'vectors',
      () => kaimingNormal($.key(0), [3]),
      'kaimingNormal requires a shape [outputs, inputs, ...], but got [3]'
    ],
    ['another fan', () => kaimingUniform($.key(0), [3, 2], { fan: 'both' as never }), "but got 'both'"],
    [
      'a gain of 0',
      () => xavierUniform($.key(0), [3, 2], { gain: 0 }),
      'xavierUniform requires a gain above 0, but got 0'
    ]
  ])('refuse %s', (_, refused, message) => expect(refused).toThrow(message))
})
