/**
 * Trained networks against an independent PyTorch program (`train/make.py`) on the same weights and images: logits, the
 * auxiliary head, two whole steps.
 */
import { describe, expect, it } from 'vitest'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import { tablesOf } from '../../src/nas/method/bilevel.js'
import { type TensorTable, unpack, unpackStatistics } from '../../src/nas/space/layers.js'
import { smoothedCrossEntropy } from '../../src/nas/training/loss.js'
import { type TrainingState, type TrainingStepOptions, trainingStep } from '../../src/nas/training/step.js'
import { backends, evaluateTree } from '../backends.js'
import { expectClose } from './close.js'
import {
  COUNT,
  fileOf,
  golden,
  hashed,
  imagesOf,
  modelOf,
  NAMES,
  type Name,
  readFile,
  readModel,
  uniform
} from './train/problem.js'

/** What PyTorch itself loses in float32 on these networks is some 1e-6 of the largest logit. */
const TOLERANCES = { reference: 1e-10, gpu: 2e-5 } as const
type Where = keyof typeof TOLERANCES

const bytesOf = ({ data }: HostArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** The factors of `make.py`: kept with probability 3/4. */
const factorsOf = (name: string): HostArray => {
  const seed = 7 + Array.from(name).reduce((sum, letter, k) => sum + letter.charCodeAt(0) * (k + 1), 0)
  return {
    shape: [COUNT, 1, 1, 1],
    dtype: 'f32',
    data: Float64Array.from({ length: COUNT }, (_, i) => (uniform(seed, i) < 0.75 ? 4 / 3 : 0))
  }
}

/** Logits in evaluation mode; logits, the auxiliary head's and the loss in training mode with dropped paths. */
const passesOf = (name: Name, where: Where) => {
  const { net, arrays } = readModel(name)
  const tables = tablesOf(net)
  const paths = Object.fromEntries(net.branches.map(branch => [branch, factorsOf(branch)]))
  const f = (
    { weights: vector, running, images, labels }: Readonly<Record<string, Tensor>>,
    factors: Readonly<Record<string, Tensor>>
  ) => {
    const weights = unpack(tables.weights, vector as Tensor)
    const statistics = unpackStatistics(tables.statistics, net.norms, running as Tensor)
    const evaluation = net.logits({ weights, running: statistics, paths: factors }, images as Tensor)
    const training = net.logits({ weights, paths: factors }, images as Tensor)
    const loss = smoothedCrossEntropy(training.y, labels as Tensor, 0.1)
    const beside = training.auxiliary
    return {
      evaluation: evaluation.y,
      training: training.y,
      loss: beside ? $.add(loss, $.mul(smoothedCrossEntropy(beside, labels as Tensor, 0.1), 0.4)) : loss,
      ...(beside ? { auxiliary: beside } : {})
    }
  }
  return evaluateTree(backends[where], f, [{ ...arrays, ...imagesOf(11) }, paths])
}

const OPTIONS: TrainingStepOptions = {
  momentum: 0.9,
  weightDecay: 5e-4,
  nesterov: true,
  clip: 1.5,
  dropsPaths: false,
  labelSmoothing: 0.1,
  auxiliary: 0.4
}

/** As `make.py`: of each tensor of a vector, by the order of names, its product with hashed numbers, and its length. */
const projections = ({ entries }: TensorTable, { data }: HostArray): readonly number[] =>
  entries
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ shape, offset }, n) => {
      const size = shape.reduce((product, extent) => product * extent, 1)
      const values = Array.from(data.slice(offset, offset + size))
      const against = hashed(300 + n, size)
      return [
        values.reduce((sum, value, i) => sum + value * (against[i] as number), 0),
        Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
      ]
    })

/** Each product is compared relative to the length of its tensor. */
const expectProjections = (label: string, got: readonly number[], want: readonly number[], tolerance: number): void => {
  expect(got.length, label).toBe(want.length)
  for (let i = 0; i < want.length; i += 2)
    expectClose(`${label}, tensor ${i / 2}`, got.slice(i, i + 2), want.slice(i, i + 2), tolerance)
}

const draw = { keep: $.tensor(1), key: $.tensor([0, 0], [2], 'u32') }

const batchOf = (seed: number) => {
  const { images, labels } = imagesOf(seed)
  return { images: $.tensor(images.data, images.shape), labels: $.tensor(labels.data, labels.shape, 'i32') }
}

const stepsOf = (name: Name) => {
  const { net, arrays } = readModel(name)
  const f = (weights: Tensor, running: Tensor) => {
    const step = (state: TrainingState, n: number) =>
      trainingStep(net, OPTIONS)(state, [batchOf(20 + 10 * n), batchOf(24 + 10 * n)], [draw, draw], $.tensor(0.1))
    const first = step({ weights, momentum: $.mul(weights, 0), running }, 0)
    const second = step(first.state, 1)
    return [first.state.weights, first.metrics, { ...second.state }, second.metrics] as const
  }
  return evaluateTree(backends.reference, f, [arrays.weights, arrays.running] as never)
}

describe.each(NAMES)('%s', name => {
  it('its file is what this package writes', () => expect(Buffer.compare(fileOf(name), readFile(name))).toBe(0))

  it('its file and back loses nothing', () => {
    const { arrays, ...rest } = readModel(name)
    const { arrays: written, ...meant } = modelOf(name)
    expect(JSON.stringify(rest)).toBe(JSON.stringify(meant))
    for (const part of ['weights', 'running'] as const)
      expect(Buffer.compare(bytesOf(arrays[part]), bytesOf(written[part]))).toBe(0)
  })

  it.each(['reference', 'gpu'] as const)(
    'logits in both modes, the auxiliary head and the loss, on the %s',
    async where => {
      const found = await passesOf(name, where)
      const wanted = golden(name)
      for (const key of ['evaluation', 'training', 'auxiliary', 'loss'] as const)
        expectClose(key, found[key]?.data ?? [], wanted[key] as readonly number[], TOLERANCES[where])
    }
  )

  it('two accumulated steps with Nesterov and a clip', async () => {
    const [weights, metrics, state, later] = await stepsOf(name)
    const wanted = golden(name)
    const tables = tablesOf(readModel(name).net)
    const check = (label: string, table: TensorTable, vector: HostArray) =>
      expectProjections(label, projections(table, vector), wanted[label] as readonly number[], 1e-10)
    expectClose('norm0', [metrics.data[3] as number], wanted['norm0'] as readonly number[], 1e-10)
    expectClose('norm1', [later.data[3] as number], wanted['norm1'] as readonly number[], 1e-10)
    check('weights0', tables.weights, weights)
    check('weights1', tables.weights, state.weights)
    check('momentum', tables.weights, state.momentum)
    check('running', tables.statistics, state.running)
  })
})
