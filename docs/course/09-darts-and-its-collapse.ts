// What docs/course/09-darts-and-its-collapse.md exports. Written by `npm run course -- --pictures`: change it there.

import { $, nn, type Tensor } from 'lambda-darts'
import { nb201 } from 'lambda-darts'
import { type Batch, type Supernet, supernet, tablesOf } from 'lambda-darts'
import { type AdamState, type Alpha, alphaGradientOf, grad, mixturesOf, optim, type SgdState, valueAuxAndGrad } from 'lambda-darts'
import { evaluate, formatGenotype, genotypeOf, initialState, type Session } from 'lambda-darts'
import { digits } from './digits.js'
import { plot } from 'lambda-darts/pictures'

type Operation = (x: Tensor) => Tensor

/** All operations on x, weighed by softmax(alpha) and added. */
export const mixed = (candidates: readonly Operation[], alpha: Tensor, x: Tensor): Tensor => {
  const p = nn.softmax(alpha)
  const terms = candidates.map((operation, i) => $.mul($.slice(p, [[i, i + 1]]), operation(x)))
  return terms.reduce((a, b) => $.add(a, b))
}

export const edges = Object.values(nb201.cells).flatMap(cell => cell.edges)
export const operations = edges[0]?.operations ?? []
operations // ['none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3']
operations.length ** edges.length // 15625

/** Three cells, one in each stage, with 8, 16 and 32 channels; between stages the image is halved. */
export const net = supernet(nb201, { channels: 8, layers: 1, imageChannels: 1, size: [8, 8], classes: 10 })

/**
 * The logits of a network. All weights are one vector, so that an optimiser is a handful of kernels; layers see views
 * of it by name. Mixtures: p of each cell.
 */
export const logitsOf =
  (net: Supernet) =>
  (w: Tensor, mixtures: readonly Tensor[], images: Tensor): Tensor => {
    const named = tablesOf(net).weights.entries.map(({ name, shape, offset }) => {
      const size = shape.reduce((product, extent) => product * extent, 1)
      return [name, $.reshape($.slice(w, [[offset, offset + size]]), shape)]
    })
    return net.logits({ weights: Object.fromEntries(named) }, mixtures, images).y
  }

/** Its loss on a batch. */
export const lossOf =
  (net: Supernet) =>
  (w: Tensor, mixtures: readonly Tensor[], { images, labels }: Batch): Tensor =>
    nn.crossEntropy(logitsOf(net)(w, mixtures, images), labels)

const sgd = optim.sgd({ momentum: 0.9, weightDecay: 3e-4 })
const adam = optim.adam({ rate: 0.03, betas: [0.5, 0.999], weightDecay: 1e-3 })

export type State = { weights: Tensor; momentum: SgdState; alpha: Alpha; moments: AdamState<Alpha> }

/** What the weights go down: for DARTS the loss. Chapter 10 puts another here. */
export type Objective = (w: Tensor, mixtures: readonly Tensor[], train: Batch, lambda: Tensor) => Tensor

/** A step of a search: State x Batch x Batch -> State, and what is seen on the way. */
export const stepWith =
  (objective: Objective) => (now: State, train: Batch, valid: Batch, rate: Tensor, lambda: Tensor) => {
    const mixtures = mixturesOf(net, now.alpha)
    const slope = grad((w: Tensor) => objective(w, mixtures, train, lambda))(now.weights)
    const { weights, state: momentum } = sgd.update(optim.clipByGlobalNorm(slope, 5), now.momentum, now.weights, rate)

    const { value, aux, gradient } = valueAuxAndGrad((ps: readonly Tensor[]) => {
      const guesses = logitsOf(net)(weights, ps, valid.images)
      const right = $.mean($.convert($.equal($.argmax(guesses, 1), valid.labels), 'f32'))
      return [nn.crossEntropy(guesses, valid.labels), right] as const
    })(mixtures)
    const pulled = alphaGradientOf(alpha => mixturesOf(net, alpha), now.alpha, gradient)
    const { weights: alpha, state: moments } = adam.update(pulled, now.moments, now.alpha)

    const gradients = $.concat(gradient.map(g => $.reshape(g, [1, edges.length, operations.length])))
    return { state: { weights, momentum, alpha, moments }, seen: { loss: value, accuracy: aux, gradients } }
  }

/** 0 to n - 1 in an order that a seed decides. */
const shuffled = (seed: number, n: number): readonly number[] => [
  ...evaluate($.argsort($.randomUniform($.key(seed), [n]))).data
]
/** Digits at some places, from -1 to 1, with their classes. */
const batchOf = (places: readonly number[]) => ({
  images: {
    shape: [places.length, 1, 8, 8],
    dtype: 'f32' as const,
    data: Float32Array.from(
      places.flatMap(i => [...digits.images.subarray(64 * i, 64 * i + 64)]),
      v => v / 8 - 1
    )
  },
  labels: Int32Array.from(places, i => digits.labels[i] as number)
})
export const [batch, epochs, half] = [64, 6, 718]

/** Batches of an epoch: training and validation images, each part in a new order. */
const batchesOf = (seed: number, epoch: number) => {
  const all = shuffled(seed, digits.count)
  const [train, valid] = [0, 1].map(part =>
    shuffled(1000 * seed + 2 * epoch + part, half).map(i => all[part * half + i] as number)
  )
  const at = (part: readonly number[] = [], n: number) => batchOf(part.slice(n * batch, (n + 1) * batch))
  return Array.from({ length: Math.floor(half / batch) }, (_, n) => [at(train, n), at(valid, n)] as const)
}

const start = (seed: number) => {
  const { weights, alpha } = initialState(net, [0, seed])
  const empty = { shape: [6, 5], dtype: 'f32' as const, data: new Float32Array(30) }
  const moments = { first: { alpha: empty }, second: { alpha: empty }, corrections: [0, 0] }
  return { weights, momentum: { buffer: new Float32Array(weights.data.length) }, alpha, moments }
}

export const prepared = (gpu: Session, objective: Objective) => {
  const [[train, valid] = [batchOf([]), batchOf([])]] = batchesOf(0, 0)
  return gpu.compile(stepWith(objective), [start(0), train, valid, 0, 0], { donate: [0] })
}

/** What an epoch came to: means over its steps, and softmax(alpha) at its end, a row an edge. */
export interface Epoch {
  readonly epoch: number
  readonly loss: number
  readonly accuracy: number
  /** -dL/dp of each cell: by cell, edge and operation. */
  readonly wishes: Tensor
  readonly harmony: number
  readonly alpha: readonly number[]
  readonly mixture: readonly (readonly number[])[]
}
const cube = ({ data }: { readonly data: ArrayLike<number> }): Tensor => $.tensor([...Array.from(data)], [3, 6, 5])
const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length

export const search = async (
  gpu: Session,
  step: Awaited<ReturnType<typeof prepared>>,
  { seed = 0, lambda = 0 } = {}
): Promise<Epoch[]> => {
  let state: Awaited<ReturnType<typeof step>>['state'] = await gpu.store(start(seed))
  const told: Epoch[] = []
  for (let epoch = 0; epoch < epochs; epoch++) {
    const rate = 0.001 + 0.002 * (1 + Math.cos((Math.PI * epoch) / epochs))
    const seen = []
    for (const [train, valid] of batchesOf(seed, epoch)) {
      const next = await step(state, train, valid, rate, (lambda * epoch) / (epochs - 1))
      state = next.state
      seen.push(next.seen)
    }
    const numbers = await gpu.read(seen)
    const { data } = (await gpu.read(state.alpha))['alpha'] ?? { data: [] }
    told.push({
      epoch: epoch + 1,
      loss: mean(numbers.map(one => one.loss.data[0] as number)),
      accuracy: mean(numbers.map(one => one.accuracy.data[0] as number)),
      wishes: $.neg(
        $.div(
          numbers.map(one => cube(one.gradients)).reduce((a, b) => $.add(a, b)),
          numbers.length
        )
      ),
      harmony: mean(
        numbers.map(one => evaluate(nn.meanPairwiseCosine($.reshape(cube(one.gradients), [3, 30]))).data[0] as number)
      ),
      alpha: [...data],
      mixture: edges.map((_, e) => [...evaluate(nn.softmax($.tensor([...data.slice(5 * e, 5 * e + 5)]))).data])
    })
  }
  return told
}

export const cellFound = (told: readonly Epoch[]): string =>
  formatGenotype(genotypeOf(nb201, { alpha: told.at(-1)?.alpha ?? [] }))

/** How many edges have an operation without weights. */
export const withoutWeights = (cell: string): number => cell.match(/(none|skip_connect|avg_pool_3x3)~/g)?.length ?? 0

/** How softmax(alpha) of each edge goes over the epochs. */
export const mixturesPlot = (told: readonly Epoch[]): Promise<string> => {
  const values = told.flatMap(({ epoch, mixture }) =>
    mixture.flatMap((row, e) =>
      row.map((p, o) => ({ epoch, p, operation: operations[o], edge: `${edges[e]?.from} to ${edges[e]?.to}` }))
    )
  )
  return plot({
    data: { values },
    facet: { field: 'edge', type: 'nominal', title: null },
    columns: 3,
    spec: {
      width: 150,
      height: 90,
      mark: { type: 'line', point: true },
      encoding: {
        x: { field: 'epoch', type: 'quantitative', axis: { tickMinStep: 1 } },
        y: { field: 'p', type: 'quantitative', title: 'softmax(alpha)' },
        color: { field: 'operation', type: 'nominal', sort: [...operations], title: null },
        shape: { field: 'operation', type: 'nominal', sort: [...operations], title: null }
      }
    }
  })
}
