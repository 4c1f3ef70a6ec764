/** A small problem for tests of the search: a network, weights, alpha and two batches, as constants. */
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import { tablesOf } from '../../src/nas/method/bilevel.js'
import { type Alpha, type Batch, harmonyOf, lossOf, mixturesOf } from '../../src/nas/method/harmony.js'
import { initialState } from '../../src/nas/method/initialise.js'
import { unpack, type Weights } from '../../src/nas/space/layers.js'
import { mapRecord, nb201 } from '../../src/nas/space/space.js'
import { type Supernet, supernet } from '../../src/nas/space/supernet.js'
import { anything, array, whole } from '../laws/values.js'

const CLASSES = 3

export const net: Supernet = supernet(nb201, {
  channels: 2,
  layers: 1,
  imageChannels: 1,
  size: [8, 8],
  classes: CLASSES
})

/** The loss of the network, and the harmony of its cells. */
export const loss = lossOf(net)
export const harmony = harmonyOf(net, { regulariser: 'corr', regulariseReduce: false })

const constant = ({ data, shape, dtype }: HostArray): Tensor => $.tensor(data, shape, dtype)

/** Four random images of a seed, with random labels. */
export const batchArrays = (seed: number): { readonly images: HostArray; readonly labels: HostArray } => ({
  images: array(anything, seed, [4, 1, 8, 8]),
  labels: array(whole(0, CLASSES), seed + 1, [4], 'i32')
})
export const batch = (seed: number): Batch => {
  const { images, labels } = batchArrays(seed)
  return { images: constant(images), labels: constant(labels) }
}

/** The state at the start, but for alpha, which is as far from equal mixtures as after a long search. */
export const stateArrays = (seed: number) => {
  const state = initialState(net, [seed, 0])
  return { ...state, alpha: mapRecord(state.alpha, ({ shape }) => array(anything, seed + 2, shape)) }
}

export const problem = (
  seed: number
): { readonly weights: Weights; readonly alpha: Alpha; readonly mixtures: readonly Tensor[] } => {
  const state = stateArrays(seed)
  const alpha = mapRecord(state.alpha, constant)
  return { weights: unpack(tablesOf(net).weights, constant(state.weights)), alpha, mixtures: mixturesOf(net, alpha) }
}
