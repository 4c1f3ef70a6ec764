/** The state that a search starts from, from a key. */

import type { Key } from '../autodiff/ops/random.js'
import { normalOf, randomWords, threefry2x32, uniformOf } from '../autodiff/ops/random.js'
import { sizeOf } from '../autodiff/shape.js'
import type { HostArray } from '../engine.js'
import { tablesOf } from './bilevel.js'
import type { Supernet } from './supernet.js'

/** An independent key for each use of one: the block of the key at (n, 1), which no draw of numbers uses. */
export const foldIn = (key: Key, n: number): Key => threefry2x32(key, [n, 1])

const vector = (data: Float32Array): HostArray => ({ data, shape: [data.length], dtype: 'f32' })
const zeros = (shape: readonly number[]): HostArray => ({ data: new Float32Array(sizeOf(shape)), shape, dtype: 'f32' })

/** Uniform weights in +-1/sqrt(fan in), constants where batch norms have them: PyTorch's defaults. */
const initialWeights = (net: Supernet, key: Key): Float32Array =>
  Float32Array.from(
    net.parameters.flatMap(({ shape, start }, n) => {
      if (start.kind === 'constant') return Array<number>(sizeOf(shape)).fill(start.value)
      const bound = 1 / Math.sqrt(start.fanIn)
      return Array.from(randomWords(foldIn(key, n), sizeOf(shape)), word => (2 * uniformOf(word) - 1) * bound)
    })
  )

/** State before the first step: weights as PyTorch starts them, alpha 1e-3 N(0, 1), empty optimisers, statistics at mean 0 and variance 1. */
export const initialState = (net: Supernet, key: Key) => {
  const tables = tablesOf(net)
  const shape = [net.space.edges.length, net.space.operations.length]
  const alpha = Float32Array.from(randomWords(foldIn(key, net.parameters.length), sizeOf(shape)), word => 1e-3 * normalOf(word))
  const running = tables.statistics.entries.flatMap(entry =>
    Array<number>(sizeOf(entry.shape)).fill(entry.name.endsWith('.running_var') ? 1 : 0)
  )
  return {
    weights: vector(initialWeights(net, key)),
    momentum: zeros([tables.weights.size]),
    alpha: { data: alpha, shape, dtype: 'f32' as const },
    alphaGradient: zeros(shape),
    adam: { first: zeros(shape), second: zeros(shape), corrections: zeros([2]) },
    running: vector(Float32Array.from(running))
  }
}
