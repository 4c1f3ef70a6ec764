/** Golden steps: three official search steps in a row, every tensor of the state after each; float32 where nothing is divided by epsilon. */
import { describe, expect, it } from 'vitest'
import { compile, type HostArray, read, run, store } from '../../src/engine.js'
import type { StepOptions } from '../../src/nas/bilevel.js'
import { type Batches, METRICS, type Rates, type State, stepOf, tablesOf } from '../../src/nas/bilevel.js'
import { backends, succeed } from '../backends.js'
import { expectClose } from './close.js'
import { goldenFiles } from './files.js'
import { golden, goldenNetwork, host, reorder, SPACES, scalar, spaceOf, weightVector, zeros } from './supernets.js'

/** An independent program reached 1e-12 (Adam's second moment and statistics 5e-12) and 1e-6; the bounds leave room for another order of sums. */
const tolerance = { reference: 1e-10, gpu: 1e-5 }

/** Λ is a mean of cosines of both signs: its rounding is that of numbers near 1, however small it is. */
const COSINE = 1

const files = goldenFiles('steps')
it('finds golden steps', () => expect(files.length).toBeGreaterThan(0))

describe.each(files)('$name', ({ read: open }) => {
  const file = open()
  const space = spaceOf(file)
  if (!SPACES[space]) {
    it.skip(`space ${space} is not built yet`, () => {})
    return
  }
  const { config, hyper, net, table } = goldenNetwork(file, 'in/step1.train.x')
  const tables = tablesOf(net)
  const isDarts = config.reg !== 'corr' || config.lambda === 0
  const options: StepOptions = {
    method: isDarts ? 'darts' : 'lambda-darts',
    derivative: 'fd',
    epsilon0: config.epsilon_0,
    momentum: hyper.momentum,
    weightDecay: hyper.weight_decay,
    clip: hyper.grad_clip,
    adam: { rate: hyper.arch_learning_rate, betas: hyper.arch_betas, epsilon: 1e-8, weightDecay: hyper.arch_weight_decay },
    clipIncludesAlpha: true,
    statisticsFromAllPasses: true
  }
  const alphaShape = golden(file, 'in/alpha.alpha').shape
  const start = {
    weights: { ...weightVector(file, tables.weights) },
    momentum: zeros([tables.weights.size]),
    alpha: host(golden(file, 'in/alpha.alpha')),
    alphaGradient: zeros(alphaShape),
    adam: { first: zeros(alphaShape), second: zeros(alphaShape), corrections: zeros([2]) },
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
  const rates = { rate: scalar(hyper.lr), lambda: scalar(config.lambda) }
  const steps = Number(file.metadata['steps'] ?? 3)

  const kinds = isDarts ? (['reference', 'gpu'] as const) : (['reference'] as const)
  it.each(kinds)('every tensor after every step, on the %s', async kind => {
    const backend = backends[kind]
    const compiled = await succeed(
      backend,
      compile<[State, Batches, Rates], ReturnType<ReturnType<typeof stepOf>>>(stepOf(net, options))([
        start,
        batches(1),
        rates
      ] as never)
    )
    let state = (await succeed(backend, store(start as never))) as never
    for (let n = 1; n <= steps; n++) {
      const batch = (await succeed(backend, store(batches(n) as never))) as never
      const rate = (await succeed(backend, store(rates as never))) as never
      const next = await succeed(backend, run(compiled)(state, batch, rate))
      state = next.state as never
      const values = (await succeed(backend, read(next))) as unknown as {
        state: Record<string, HostArray> & { adam: Record<string, HostArray> }
        metrics: HostArray
      }
      const metric = (name: (typeof METRICS)[number]) => [values.metrics.data[METRICS.indexOf(name)] as number]
      const after: Record<string, ArrayLike<number>> = {
        params: reorder((values.state['weights'] as HostArray).data, tables.weights, table),
        momentum: reorder((values.state['momentum'] as HostArray).data, tables.weights, table),
        'alpha.alpha': (values.state['alpha'] as HostArray).data,
        'adam_m.alpha': (values.state.adam['first'] as HostArray).data,
        'adam_v.alpha': (values.state.adam['second'] as HostArray).data,
        train_loss: metric('trainLoss'),
        Lambda_train: metric('lambdaTrain'),
        Lambda_val: metric('lambdaValid'),
        ...Object.fromEntries(
          tables.statistics.entries.map(({ name, shape, offset }) => [
            `bn.${name}`,
            (values.state['running'] as HostArray).data.slice(offset, offset + (shape[0] as number))
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
          name.startsWith('Lambda') ? COSINE : 0
        )
    }
  })
})
