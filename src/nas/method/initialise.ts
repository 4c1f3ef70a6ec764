/** The state that a search starts from, from a key. */

import { type Aval, sizeOf } from '../../autodiff/shape.js'
import { type Key, normalOf, randomWords, threefry2x32, uniformOf } from '../../autodiff/threefry.js'
import type { HostArray } from '../../engine/index.js'
import { concatenate } from '../../formats/array.js'
import type { LayerNeeds } from '../space/layers.js'
import { mapRecord, operationCount } from '../space/space.js'
import type { Supernet } from '../space/supernet.js'
import { tablesOf } from './bilevel.js'

/** An independent key for each use of one: the block of the key at (n, 1), which no draw of numbers uses. */
export const foldIn = (key: Key, n: number): Key => threefry2x32(key, [n, 1])

/** 0..n-1 in an order that a key decides: sorted by random words, ties by index. */
export const permutation = (key: Key, n: number): readonly number[] => {
  const words = randomWords(key, n)
  return Array.from({ length: n }, (_, i) => i).sort((a, b) => (words[a] as number) - (words[b] as number) || a - b)
}

const f32 = (...shape: readonly number[]): Aval => ({ shape, dtype: 'f32' })

/** The dtypes and shapes of a state, which are known without drawing a number. */
export const stateShapes = (net: Supernet) => {
  const { weights, statistics } = tablesOf(net)
  const alpha = mapRecord(net.space.cells, cell => f32(cell.edges.length, operationCount(cell)))
  return {
    weights: f32(weights.size),
    momentum: f32(weights.size),
    alpha,
    alphaGradient: alpha,
    adam: { first: alpha, second: alpha, corrections: f32(2) },
    running: f32(statistics.size)
  }
}

/** Values of a shape: zeros, if none are given. */
export const filled = (aval: Aval, data: Float32Array = new Float32Array(sizeOf(aval.shape))): HostArray => ({
  ...aval,
  data
})

/**
 * All weights of a network as one vector: uniform in +-1/sqrt(fan in), constants where batch norms have them, PyTorch's
 * defaults.
 */
export const initialWeights = ({ parameters }: LayerNeeds, key: Key): Float32Array =>
  concatenate(
    parameters.map(({ shape, start }, n) => {
      if (start.kind === 'constant') return Float32Array.from({ length: sizeOf(shape) }, () => start.value)
      const bound = 1 / Math.sqrt(start.fanIn)
      return Float32Array.from(randomWords(foldIn(key, n), sizeOf(shape)), word => (2 * uniformOf(word) - 1) * bound)
    })
  )

/** 1e-3 N(0, 1). */
const initialAlpha = ({ shape }: Aval, key: Key): Float32Array =>
  Float32Array.from(randomWords(key, sizeOf(shape)), word => 1e-3 * normalOf(word))

/** Running statistics before the first step, as one vector: mean 0 and variance 1. */
export const initialRunning = (net: LayerNeeds): Float32Array =>
  concatenate(
    tablesOf(net).statistics.entries.map(({ name, shape }) =>
      Float32Array.from({ length: sizeOf(shape) }, () => (name.endsWith('.running_var') ? 1 : 0))
    )
  )

/**
 * State before the first step: weights as PyTorch starts them, alpha 1e-3 N(0, 1), empty optimisers, statistics at mean
 * 0 and variance 1.
 */
export const initialState = (net: Supernet, key: Key) => {
  const shapes = stateShapes(net)
  return {
    weights: filled(shapes.weights, initialWeights(net, key)),
    momentum: filled(shapes.momentum),
    alpha: mapRecord(shapes.alpha, (aval, _, n) =>
      filled(aval, initialAlpha(aval, foldIn(key, net.parameters.length + n)))
    ),
    alphaGradient: mapRecord(shapes.alphaGradient, aval => filled(aval)),
    adam: {
      first: mapRecord(shapes.adam.first, aval => filled(aval)),
      second: mapRecord(shapes.adam.second, aval => filled(aval)),
      corrections: filled(shapes.adam.corrections)
    },
    running: filled(shapes.running, initialRunning(net))
  }
}
