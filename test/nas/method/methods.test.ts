/**
 * The methods, each against its formula on a small network; and selection by perturbation on a supernet made by hand.
 * In float64.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { describe, expect, it } from 'vitest'
import { meanPairwiseCosine } from '../../../src/autodiff/nn.js'
import * as $ from '../../../src/autodiff/ops/index.js'
import type { Tensor } from '../../../src/autodiff/tensor.js'
import { keyOf } from '../../../src/autodiff/threefry.js'
import { compile, type HostArray, read, run, type Stored, scope, store } from '../../../src/engine/index.js'
import { checkCombination, configure, stepOptions } from '../../../src/nas/configuration/config.js'
import { PRESETS } from '../../../src/nas/configuration/options.js'
import type { Part } from '../../../src/nas/data/dataset.js'
import {
  type Batches,
  type Rates,
  type State,
  type StepResult,
  stepOf,
  tablesOf
} from '../../../src/nas/method/bilevel.js'
import {
  type Alpha,
  alphaGradientOf,
  type Batch,
  directionOf,
  mixturesOf,
  pairCosines,
  passOf,
  randomDirectionOf
} from '../../../src/nas/method/harmony.js'
import { hypergradient, unrolled } from '../../../src/nas/method/hypergradient.js'
import { maskedMixtures, masksOf, openProjection, project } from '../../../src/nas/selection/perturbation.js'
import { type DecisionEvent, selectByPerturbation } from '../../../src/nas/selection/selection.js'
import { fixedMixing, withSupernetwork } from '../../../src/nas/selection/tuning.js'
import { unpack, type Weights } from '../../../src/nas/space/layers.js'
import { nb201 } from '../../../src/nas/space/space.js'
import type { Supernet } from '../../../src/nas/space/supernet.js'
import { backends, succeed } from '../../backends.js'
import { left, right } from '../../kernels/results.js'
import { expectNear, numbers } from '../../laws/tensors.js'
import { batch, batchArrays, harmony, loss, net, problem, stateArrays } from '../problem.js'

const backend = backends.reference
const SEED = 3
const RATE = 0.1
const KEY: HostArray = { data: Uint32Array.of(0, 1), shape: [2], dtype: 'u32' }
const scalar = (value: number): HostArray => ({ data: Float64Array.of(value), shape: [], dtype: 'f32' })
const configured = (given: Readonly<Record<string, string | boolean>>) => right(configure('digits', given))

const joined = (a: ReturnType<typeof batchArrays>, b: ReturnType<typeof batchArrays>) => {
  const both = (x: HostArray, y: HostArray): HostArray => ({
    ...x,
    data: (x.dtype === 'f32' ? Float64Array : Int32Array).from([...x.data, ...y.data]),
    shape: [2 * (x.shape[0] as number), ...x.shape.slice(1)]
  })
  return { images: both(a.images, b.images), labels: both(a.labels, b.labels) }
}

/** A step from the start, read back. */
const stepped = (
  given: Readonly<Record<string, string | boolean>>,
  train = batchArrays(5),
  state: unknown = stateArrays(SEED)
) => {
  const args = [state, { train, valid: batchArrays(9) }, { rate: scalar(RATE), lambda: scalar(0), key: KEY }]
  return succeed(
    backend,
    pipe(
      compile<[State, Batches, Rates], StepResult>(stepOf(net, stepOptions(configured(given))))(args as never),
      RTE.chain(compiled =>
        pipe(
          store(args as never),
          RTE.chain(stored => run(compiled)(...(stored as never as [never, never, never])))
        )
      ),
      RTE.chain(result => read(result as never as Stored<State>))
    )
  ) as never as Promise<{
    readonly state: {
      readonly weights: HostArray
      readonly momentum: HostArray
      readonly alpha: { readonly alpha: HostArray }
      readonly alphaGradient: { readonly alpha: HostArray }
      readonly adam: { readonly corrections: HostArray }
    }
    readonly cosines: { readonly alpha: HostArray }
  }>
}

const on =
  (data: Batch) =>
  (w: Weights, ps: readonly Tensor[]): readonly [Tensor, readonly []] => [loss(w, ps, data)[0], []]
const mixing = (alpha: Alpha) => mixturesOf(net, alpha)
const { table } = { table: tablesOf(net).weights }
const vector = (values: HostArray): Weights => unpack(table, $.tensor(Array.from(values.data)))

describe('darts2', () => {
  it.each(['exact', 'fd'] as const)(
    'moves alpha by the unrolled hypergradient (%s), at the weights before the step',
    async product => {
      const { state } = await stepped({ method: 'darts2', hypergradient: product, architectureFirst: true })
      const { weights, alpha, mixtures } = problem(SEED)
      const still = unpack(table, $.tensor(new Float64Array(table.size)))
      const options = { rate: $.tensor(RATE), momentum: 0.9, weightDecay: 3e-4, product }
      const { gradient } = unrolled(on(batch(5)), on(batch(9)), options)(weights, still, mixtures)
      expectNear(Array.from(state.alphaGradient.alpha.data), numbers(alphaGradientOf(mixing, alpha, gradient)), 1e-12)
    }
  )
})

describe('idarts', () => {
  it('takes T whole steps of the weights, then the implicit hypergradient at what they reached', async () => {
    const { state } = await stepped(
      { method: 'idarts', innerSteps: '2', neumann: '2' },
      joined(batchArrays(5), batchArrays(7))
    )
    // The weights are those of two steps of a method that leaves alpha alone.
    const first = await stepped({ method: 'fixed-alpha' }, batchArrays(5))
    const second = await stepped({ method: 'fixed-alpha' }, batchArrays(7), first.state)
    expectNear(Array.from(state.weights.data), Array.from(second.state.weights.data), 1e-13)
    expectNear(Array.from(state.momentum.data), Array.from(second.state.momentum.data), 1e-13)
    const reached = vector(state.weights)
    const { alpha, mixtures } = problem(SEED)
    const { gradient } = hypergradient(on(batch(7)), on(batch(9)), {
      rate: $.tensor(RATE),
      terms: 2,
      product: 'exact'
    })({ base: reached, reached }, mixtures)
    expectNear(Array.from(state.alphaGradient.alpha.data), numbers(alphaGradientOf(mixing, alpha, gradient)), 1e-12)
  })
})

describe('fixed-alpha', () => {
  it('trains the weights as darts does, and neither alpha nor Adam moves', async () => {
    const [fixed, darts] = [await stepped({ method: 'fixed-alpha' }), await stepped({ method: 'darts' })]
    expect(fixed.state.weights.data).toEqual(darts.state.weights.data)
    expect(Array.from(fixed.state.alpha.alpha.data)).toEqual(Array.from(stateArrays(SEED).alpha['alpha']?.data ?? []))
    expect(Array.from(fixed.state.adam.corrections.data)).toEqual([0, 0])
  })
})

describe('the cosines of pairs', () => {
  it('are 1 on the diagonal, and their mean over pairs is Λ', async () => {
    const { weights, mixtures } = problem(SEED)
    const { cellGradients } = passOf(loss)(weights, mixtures, batch(5))
    const matrix = numbers(pairCosines(net, cellGradients)['alpha'] as Tensor)
    const count = net.cells.length
    for (let l = 0; l < count; l++) expect(matrix[l * count + l]).toBeCloseTo(1, 12)
    const off = matrix.reduce((a, b) => a + b, 0) - count
    expect(off / (count * (count - 1))).toBeCloseTo(numbers(meanPairwiseCosine(cellGradients))[0] as number, 12)
    expectNear(Array.from((await stepped({ method: 'darts' })).cosines.alpha.data), matrix, 1e-13)
  })
})

describe('a random direction', () => {
  const gradients = [$.tensor([1, 2, 3]), $.tensor([2, -1, 0.5]), $.tensor([0, 0, 0])]
  it('is as long as that of harmony, moves the same cells, and is what its key says', () => {
    const random = (seed: number) => randomDirectionOf(meanPairwiseCosine, $.key(seed), gradients)
    const along = directionOf(meanPairwiseCosine, gradients)
    const norm = Math.hypot(...random(1).direction.flatMap(d => numbers(d)))
    expect(norm).toBeCloseTo(numbers(along.size)[0] as number, 12)
    expect(numbers(random(1).size)).toEqual(numbers(along.size))
    expect(numbers(random(1).direction[2] as Tensor)).toEqual([0, 0, 0])
    expect(numbers(random(1).direction)).toEqual(numbers(random(1).direction))
    expect(numbers(random(1).direction)).not.toEqual(numbers(random(2).direction))
  })

  it('of the network makes a step of Λ-DARTS another one', () => {
    const { weights, mixtures } = problem(SEED)
    const { cellGradients } = passOf(loss)(weights, mixtures, batch(5))
    const [along, random] = [directionOf(harmony, cellGradients), randomDirectionOf(harmony, $.key(5), cellGradients)]
    const [a, b] = [numbers(along.direction), numbers(random.direction)]
    const cosine = a.reduce((sum, x, i) => sum + x * (b[i] as number), 0) / (Math.hypot(...a) * Math.hypot(...b))
    expect(Math.abs(cosine)).toBeLessThan(0.5)
  })
})

describe('options that a method does not read are refused', () => {
  it.each([
    [
      'darts',
      { neumann: '2' },
      'Wanted --neumann with --method idarts, but got --method darts, which does not read it: leave one of them out.'
    ],
    [
      'darts2',
      { direction: 'random' },
      'Wanted --direction with --method lambda-darts, but got --method darts2, which does not read it: leave one of them out.'
    ],
    [
      'lambda-darts',
      { hypergradient: 'fd' },
      'Wanted --hypergradient with --method darts2 or idarts, but got --method lambda-darts, which does not read it: leave one of them out.'
    ],
    [
      'darts',
      { selectEpochs: '2' },
      'Wanted --select-epochs with --select perturbation, but got --select magnitude: leave one of them out.'
    ],
    [
      'fixed-alpha',
      {},
      'Wanted --select perturbation with --method fixed-alpha, whose alpha says nothing, but got --select magnitude: select by perturbation, or use another method.'
    ]
  ] as const)('%s with %j', (method, given, message) => {
    const all = { method, ...given }
    expect(left(checkCombination(configured(all), all)).message).toBe(message)
  })

  it('and those that it reads are not', () => {
    const given = { method: 'idarts', neumann: '3', hypergradient: 'fd', select: 'perturbation', selectEpochs: '0' }
    expect(right(checkCombination(configured(given), given)).neumann).toBe(3)
  })
})

/**
 * A supernet made by hand: two cells of NAS-Bench-201, whose logits are the image itself times the weight of one
 * operation on each edge, chosen by `best`. Whatever is taken away, only that operation is missed.
 */
const handMade = (best: readonly number[]): Supernet => ({
  space: nb201,
  config: { channels: 1, layers: 1, imageChannels: 1, size: [1, 3], classes: 3 },
  cells: ['cells.0', 'cells.1'].map(name => ({ name, type: 'alpha', reduction: false })),
  parameters: [{ name: 'scale', shape: [1], start: { kind: 'constant', value: 1 } }],
  norms: [{ name: 'norm', channels: 1 }],
  noises: [],
  branches: [],
  logits: ({ weights }, mixtures, images) => {
    const worth = mixtures.flatMap(mixture =>
      best.map((column, edge) =>
        $.reshape(
          $.slice(mixture, [
            [edge, edge + 1],
            [column, column + 1]
          ]),
          []
        )
      )
    )
    const scale = $.mul(
      $.reshape(weights['scale'] as Tensor, []),
      worth.reduce((a, b) => $.add(a, b))
    )
    return {
      y: $.mul($.reshape(images, [images.shape[0] as number, 3]), scale),
      moments: { norm: { mean: $.tensor([0]), variance: $.tensor([1]) } }
    }
  }
})

describe('masks', () => {
  it('gives a network the mixtures that its numbers say', () => {
    const alpha = [0.3, -0.2, 0.5, 0.1, 0.4]
    const row = alpha.map(a => Math.exp(a))
    const mixture = row.map(value => value / row.reduce((x, y) => x + y))
    const open = openProjection(nb201)
    const decided = project(open, { kind: 'operation', type: 'alpha', edge: 1 }, { type: 'alpha', edge: 1, column: 2 })
    const masks = masksOf(nb201, decided, { type: 'alpha', edge: 4, column: 0 })
    const got = fixedMixing(handMade([0]), masks)({ alpha: $.tensor(Array(6).fill(alpha).flat(), [6, 5]) })
    const want = maskedMixtures({ alpha: Array(6).fill(mixture) }, masks)['alpha'] ?? []
    expectNear(numbers(got[0] as Tensor), want.flat(), 1e-14)
  })
})

describe('selection by perturbation on the engine', () => {
  const images = 9
  const dataset: Part = {
    name: 'three lights',
    images: Float32Array.from({ length: 3 * images }, (_, i) => (i % 3 === Math.floor(i / 3) % 3 ? 1 : 0)),
    labels: Int32Array.from({ length: images }, (_, i) => i % 3),
    count: images,
    channels: 1,
    height: 1,
    width: 3,
    classNames: ['0', '1', '2'],
    normalisation: { mean: [0], deviation: [1] }
  }

  it.each([[[3, 0, 4, 1, 2, 3]], [[0, 0, 0, 0, 0, 0]]])(
    'keeps %j, what the supernet misses most, with training in between',
    async best => {
      const hand = handMade(best)
      const config = { ...PRESETS.digits, method: 'darts' as const, batch: 4, selectCriterion: 'loss' as const }
      const events: unknown[] = []
      const observer = { tell: (event: unknown) => () => void events.push(event), interrupted: () => false }
      const zeros = (...shape: readonly number[]): HostArray => ({
        data: new Float64Array(shape.reduce((a, b) => a * b, 1)),
        shape,
        dtype: 'f32'
      })
      const start = {
        weights: { ...zeros(1), data: Float64Array.of(1) },
        momentum: zeros(1),
        alpha: { alpha: zeros(6, 5) },
        alphaGradient: { alpha: zeros(6, 5) },
        adam: { first: { alpha: zeros(6, 5) }, second: { alpha: zeros(6, 5) }, corrections: zeros(2) },
        running: zeros(2)
      }
      const { projection, epochs } = await succeed(
        backend,
        scope(
          pipe(
            store(start as never),
            RTE.chain(state =>
              withSupernetwork(
                hand,
                config,
                { train: dataset, valid: dataset, test: dataset },
                observer
              )(network =>
                selectByPerturbation(nb201, network, {
                  key: keyOf(1),
                  criterion: 'loss',
                  interval: 1,
                  ignoreDropped: false
                })({
                  state: state as never,
                  owned: false,
                  stepsDone: 0,
                  failure: null
                })
              )
            )
          )
        )
      )
      expect((projection['alpha'] ?? []).map(({ chosen }) => chosen)).toEqual(best)
      expect(epochs).toBe(6)
      const decisions = events.filter((event): event is DecisionEvent => (event as DecisionEvent).type === 'decision')
      expect(decisions.length).toBe(6)
      // All nine images are judged, the one that is left over in its batch too: with three classes and equal logits the
      // loss is log 3.
      for (const { candidates } of decisions)
        for (const { loss: value } of candidates) expect(value).toBeLessThanOrEqual(Math.log(3) + 1e-12)
    }
  )
})
