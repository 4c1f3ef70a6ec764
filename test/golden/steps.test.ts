/**
 * Golden steps: three official search steps in a row, every tensor of the state after each; float32 where nothing is
 * divided by epsilon.
 */
import { describe, expect, it } from 'vitest'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { WithLeaves } from '../../src/autodiff/tree.js'
import { compile, type HostArray, read, run, store } from '../../src/engine/index.js'
import {
  type Batches,
  METRICS,
  type Rates,
  type State,
  type StepOptions,
  stepOf,
  tablesOf
} from '../../src/nas/method/bilevel.js'
import { backends, succeed } from '../backends.js'
import { expectClose } from './close.js'
import { goldenFiles } from './files.js'
import { golden, goldenNetwork, host, perKind, reorder, scalar, scaleOf, weightVector, zeros } from './supernets.js'

/**
 * An independent program reached 1e-12 (Adam's second moment and statistics 5e-12) and 1e-6; the bounds leave room for
 * another order of sums.
 */
const tolerance = { reference: 1e-10, gpu: 4e-6, tiles: 4e-6 }

const files = goldenFiles('steps')
it('finds golden steps', () => expect(files.length).toBeGreaterThan(0))

describe.each(files)('$name', ({ read: open }) => {
  const file = open()
  const { config, hyper, net, table } = goldenNetwork(file, 'in/step1.train.x')
  const tables = tablesOf(net)
  const isDarts = config.reg === undefined || config.reg === 'none' || config.lambda === 0
  const isStages = net.space.skeleton.kind === 'stages'
  const options: StepOptions = {
    method: config.unrolled ? 'darts2' : isDarts ? 'darts' : 'lambda-darts',
    regularised: !isDarts,
    derivative: 'fd',
    regulariser: config.reg === 'signcorr' ? 'signcorr' : 'corr',
    regulariseReduce: false,
    epsilon0: config.epsilon_0,
    direction: 'harmony',
    hypergradient: 'fd',
    innerSteps: 1,
    neumann: 0,
    alignment: 'last-pass',
    momentum: hyper.momentum,
    weightDecay: hyper.weight_decay,
    clip: hyper.grad_clip,
    adam: {
      rate: hyper.arch_learning_rate,
      betas: hyper.arch_betas,
      epsilon: 1e-8,
      weightDecay: hyper.arch_weight_decay
    },
    architectureFirst: !isStages,
    noise: 'fresh',
    clipIncludesAlpha: isStages,
    statisticsFromAllPasses: true
  }
  const alpha = Object.fromEntries(
    Object.keys(net.space.cells).map(kind => [kind, host(golden(file, `in/alpha.${kind}`))])
  )
  const empty = Object.fromEntries(Object.entries(alpha).map(([kind, { shape }]) => [kind, zeros(shape)]))
  const start = {
    weights: weightVector(file, tables.weights),
    momentum: zeros([tables.weights.size]),
    alpha,
    alphaGradient: empty,
    adam: { first: empty, second: empty, corrections: zeros([2]) },
    running: {
      ...zeros([tables.statistics.size]),
      data: Float64Array.from(
        tables.statistics.entries.flatMap(({ name, shape }) =>
          Array<number>(shape[0] as number).fill(name.endsWith('var') ? 1 : 0)
        )
      )
    }
  }
  const batches = (n: number) => ({
    train: { images: host(golden(file, `in/step${n}.train.x`)), labels: host(golden(file, `in/step${n}.train.y`)) },
    valid: { images: host(golden(file, `in/step${n}.val.x`)), labels: host(golden(file, `in/step${n}.val.y`)) }
  })
  const rates = {
    rate: scalar(hyper.lr),
    lambda: scalar(config.lambda),
    key: { data: Uint32Array.of(0, 0), shape: [2], dtype: 'u32' as const }
  }
  const steps = Number(file.metadata['steps'] ?? 3)

  const kinds = isDarts && !config.unrolled ? (['reference', 'gpu', 'tiles'] as const) : (['reference'] as const)
  it.each(kinds)('every tensor after every step, on the %s', async kind => {
    const backend = backends[kind]
    type Result = { readonly state: State; readonly metrics: Tensor }
    const compiled = await succeed(
      backend,
      compile<[State, Batches, Rates], Result>(stepOf(net, options))([start, batches(1), rates] as never)
    )
    let state = await succeed(backend, store(start))
    for (let n = 1; n <= steps; n++) {
      const batch = await succeed(backend, store(batches(n)))
      const rate = await succeed(backend, store(rates))
      const next = await succeed(backend, run(compiled)(state, batch as never, rate as never))
      state = next.state
      const values = (await succeed(backend, read(next))) as WithLeaves<Result, HostArray>
      const metric = (name: (typeof METRICS)[number]) => [values.metrics.data[METRICS.indexOf(name)] as number]
      const data = (tree: Readonly<Record<string, HostArray>>) =>
        Object.fromEntries(Object.entries(tree).map(([name, leaf]) => [name, leaf.data]))
      const after: Record<string, ArrayLike<number>> = {
        params: reorder(values.state.weights.data, tables.weights, table),
        momentum: reorder(values.state.momentum.data, tables.weights, table),
        ...perKind('alpha', data(values.state.alpha)),
        ...perKind('adam_m', data(values.state.adam.first)),
        ...perKind('adam_v', data(values.state.adam.second)),
        train_loss: metric('trainLoss'),
        Lambda_train: metric('lambdaTrain'),
        Lambda_val: metric('lambdaValid'),
        ...Object.fromEntries(
          tables.statistics.entries.map(({ name, shape, offset }) => [
            `bn.${name}`,
            values.state.running.data.slice(offset, offset + (shape[0] as number))
          ])
        )
      }
      const expected = [...file.tensors.keys()]
        .filter(name => name.startsWith(`step${n}/`))
        .map(name => name.slice(`step${n}/`.length))
      expect(Object.keys(after).sort()).toEqual(expected.sort())
      for (const name of expected)
        expectClose(
          `step${n}/${name}`,
          after[name] as ArrayLike<number>,
          golden(file, `step${n}/${name}`).data,
          tolerance[kind],
          // On a device these are steps of DARTS, of one batch for the weights and one for alpha.
          scaleOf(`step${n}/${name}`, file, kind === 'reference' ? 0 : 2 * n)
        )
    }
  })
})
