/** What is measured: functions of tensors with their arguments. To add a workload, add an entry. */

import { grad, hvp, valueAndGrad } from '../src/autodiff/grad.js'
import { batchNorm, crossEntropy, linear, softmax } from '../src/autodiff/nn.js'
import * as $ from '../src/autodiff/ops/index.js'
import { dot } from '../src/autodiff/ops/index.js'
import type { Shape, Tensor } from '../src/autodiff/tensor.js'
import { normalOf, randomWords } from '../src/autodiff/threefry.js'
import { mapTree, zipTrees } from '../src/autodiff/tree.js'
import type { HostArray } from '../src/engine/index.js'
import { stepOptions } from '../src/nas/configuration/config.js'
import { PRESETS } from '../src/nas/configuration/options.js'
import { stepOf } from '../src/nas/method/bilevel.js'
import { initialState } from '../src/nas/method/initialise.js'
import { nb201 } from '../src/nas/space/space.js'
import { supernet } from '../src/nas/space/supernet.js'

/** Arguments may be any trees of host arrays; `f` takes tensors in their place and gives a tree. */
export interface Workload {
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: each workload has trees of its own
  readonly f: (...args: any[]) => any
  /** The batch, where there is one, may be made smaller for a check. */
  readonly args: (batch?: number) => readonly unknown[]
  /** Largest error, relative to each result's largest entry. */
  readonly tolerance: number
  /** Checked at batch 2: above 5 GFLOP the reference takes too long. */
  readonly large?: boolean
  /** Takes minutes, most of them for the reference. */
  readonly slow?: boolean
  /** Which results are compared, by path; all, unless this leaves some out. */
  readonly compared?: (path: string) => boolean
}

const normal = (seed: number, shape: Shape, scale = 1): HostArray => {
  const size = shape.reduce((a, b) => a * b, 1)
  return { data: Float32Array.from(randomWords([seed, 7], size), word => scale * normalOf(word)), shape, dtype: 'f32' }
}
const labels = (batch: number, classes: number): HostArray => ({
  data: Int32Array.from(randomWords([3, batch], batch), word => word % classes),
  shape: [batch],
  dtype: 'i32'
})

const matmul = (n: number): Workload => ({
  name: `matmul ${n}`,
  f: $.matmul,
  args: () => [normal(1, [n, n]), normal(2, [n, n])],
  tolerance: 1e-5
})

const images = (batch = 32): Shape => [batch, 16, 32, 32]
const forwardBackward =
  (f: (...x: readonly Tensor[]) => Tensor, count: number) =>
  (...all: readonly Tensor[]) => {
    const [x, cotangent] = [all.slice(0, count), all[count] as Tensor]
    return [f(...x), ...grad((inputs: readonly Tensor[]) => dot(f(...inputs), cotangent))(x)]
  }

const convolution = (x: Tensor, w: Tensor): Tensor => $.conv2d(x, w, { padding: 1 })

interface Network {
  readonly convolutions: readonly Tensor[]
  readonly scales: readonly Tensor[]
  readonly shifts: readonly Tensor[]
  readonly head: Tensor
}
const cnnLoss = ({ convolutions, scales, shifts, head }: Network, x: Tensor, y: Tensor): Tensor => {
  const features = convolutions.reduce(
    (h, w, i) => $.relu(batchNorm(convolution(h, w), { scale: scales[i] as Tensor, shift: shifts[i] as Tensor }).y),
    x
  )
  return crossEntropy(linear($.mean(features, [2, 3]), head), y)
}
const cnnWeights = () => ({
  convolutions: [normal(1, [16, 3, 3, 3], 0.2), ...[2, 3, 4].map(seed => normal(seed, [16, 16, 3, 3], 0.1))],
  scales: [0, 1, 2, 3].map(() => ({ data: new Float32Array(16).fill(1), shape: [16], dtype: 'f32' as const })),
  shifts: [0, 1, 2, 3].map(() => ({ data: new Float32Array(16), shape: [16], dtype: 'f32' as const })),
  head: normal(5, [10, 16], 0.2)
})
const descend = <T extends object>(weights: T, gradient: T): T =>
  zipTrees(weights as never, [gradient as never], (w, g) => $.sub(w, $.mul(g, 0.05))) as T

const mlpLoss = (layers: readonly { readonly w: Tensor; readonly b: Tensor }[], x: Tensor, y: Tensor): Tensor =>
  crossEntropy(
    layers.reduce((h, { w, b }, i) => (i + 1 < layers.length ? $.relu(linear(h, w, b)) : linear(h, w, b)), x),
    y
  )

/** A mixed operation of five, as on an edge of NAS-Bench-201. */
const mixed = (w: { readonly one: Tensor; readonly three: Tensor }, alpha: Tensor, x: Tensor): Tensor => {
  const p = softmax(alpha)
  const outputs = [
    x,
    batchNorm($.conv2d($.relu(x), w.one)).y,
    batchNorm(convolution($.relu(x), w.three)).y,
    $.avgPool2d(x, { kernel: 3, stride: 1, padding: 1 }),
    $.maxPool2d(x, { kernel: 3, stride: 1, padding: 1 })
  ]
  return outputs.map((y, o) => $.mul($.reshape($.slice(p, [[o, o + 1]]), []), y)).reduce((a, b) => $.add(a, b))
}

const searchStep = (
  channels: number,
  cells: number,
  batch: number,
  size: number,
  derivative: 'fd' | 'exact'
): Workload => {
  const net = supernet(nb201, { channels, layers: cells, imageChannels: 3, size: [size, size], classes: 10 })
  const batchOf = (n: number) => ({ images: normal(9, [n, 3, size, size]), labels: labels(n, 10) })
  const scalar = (value: number): HostArray => ({ data: Float32Array.of(value), shape: [], dtype: 'f32' })
  return {
    name: `search step C${channels} N${cells} B${batch} ${size}x${size} ${derivative}`,
    f: stepOf(net, { ...stepOptions(PRESETS.digits), derivative }),
    // The quotient by 2 epsilon amplifies rounding by 1e4, so `fd` is checked with lambda 0; the work is the same.
    args: (n = batch) => [
      initialState(net, [0, 1]),
      { train: batchOf(n), valid: batchOf(n) },
      { rate: scalar(0.025), lambda: scalar(0), key: { data: Uint32Array.of(0, 1), shape: [2], dtype: 'u32' } }
    ],
    // At batch 2 a ReLU of the large network at its kink moves the validation's dL/dalpha by more than any tolerance,
    // in float64 too.
    compared: path =>
      channels === 16
        ? !/^state[.](alphaGradient|adam)|^metrics/.test(path)
        : derivative === 'exact' || path.startsWith('state.'),
    tolerance: 2e-5,
    large: channels === 16,
    slow: channels > 4
  }
}

export const WORKLOADS: readonly Workload[] = [
  matmul(256),
  matmul(512),
  matmul(1024),
  {
    name: 'conv 3x3 B32 C16 32x32 forward',
    f: convolution,
    args: batch => [normal(1, images(batch)), normal(2, [16, 16, 3, 3], 0.1)],
    tolerance: 1e-5
  },
  {
    name: 'conv 3x3 B32 C16 32x32 forward+dx+dw',
    f: forwardBackward(convolution as (...x: readonly Tensor[]) => Tensor, 2),
    args: batch => [normal(1, images(batch)), normal(2, [16, 16, 3, 3], 0.1), normal(3, images(batch))],
    tolerance: 1e-5
  },
  {
    name: 'depthwise 3x3 forward+backward',
    f: forwardBackward((x, w) => $.conv2d(x, w, { padding: 1, groups: 16 }), 2),
    args: batch => [normal(1, images(batch)), normal(2, [16, 1, 3, 3]), normal(3, images(batch))],
    tolerance: 1e-5
  },
  {
    name: 'depthwise 5x5 dilation 2 forward+backward',
    f: forwardBackward((x, w) => $.conv2d(x, w, { padding: 4, dilation: 2, groups: 16 }), 2),
    args: batch => [normal(1, images(batch)), normal(2, [16, 1, 5, 5]), normal(3, images(batch))],
    tolerance: 1e-5
  },
  {
    name: 'batch norm forward+backward',
    f: forwardBackward((x, scale, shift) => batchNorm(x, { scale: scale as Tensor, shift: shift as Tensor }).y, 3),
    args: batch => [normal(1, images(batch)), normal(2, [16]), normal(3, [16]), normal(4, images(batch))],
    tolerance: 1e-5
  },
  {
    name: 'max-pool 3x3 forward+backward',
    f: forwardBackward(x => $.maxPool2d(x, { kernel: 3, stride: 1, padding: 1 }), 1),
    args: batch => [normal(1, images(batch)), normal(2, images(batch))],
    tolerance: 1e-5
  },
  {
    name: 'average-pool 3x3 forward+backward',
    f: forwardBackward(x => $.avgPool2d(x, { kernel: 3, stride: 1, padding: 1 }), 1),
    args: batch => [normal(1, images(batch)), normal(2, images(batch))],
    tolerance: 1e-5
  },
  { name: 'sum of 1M', f: (x: Tensor) => $.sum(x), args: () => [normal(1, [1 << 20])], tolerance: 1e-4 },
  {
    name: 'elementwise chain on 1M',
    f: (x: Tensor, y: Tensor) => $.tanh($.add($.mul($.relu($.sub($.mul(x, 1.5), y)), y), 0.25)),
    args: () => [normal(1, [1 << 20]), normal(2, [1 << 20])],
    tolerance: 1e-5
  },
  {
    name: '100 chained multiply-adds on 16',
    f: (x: Tensor, y: Tensor) => Array.from({ length: 100 }).reduce<Tensor>(z => $.add($.mul(z, 0.99), y), x),
    args: () => [normal(1, [16]), normal(2, [16])],
    tolerance: 1e-5
  },
  {
    name: 'MLP 784-256-128-10 B128 SGD step',
    f: (layers: readonly { readonly w: Tensor; readonly b: Tensor }[], x: Tensor, y: Tensor) => {
      const [loss, gradient] = valueAndGrad((l: typeof layers) => mlpLoss(l, x, y))(layers)
      return { loss, layers: descend(layers, gradient) }
    },
    args: (batch = 128) => [
      [
        [784, 256],
        [256, 128],
        [128, 10]
      ].map(([inputs, outputs], i) => ({
        w: normal(i, [outputs as number, inputs as number], 0.05),
        b: normal(i + 9, [outputs as number], 0.05)
      })),
      normal(7, [batch, 784]),
      labels(batch, 10)
    ],
    tolerance: 1e-5
  },
  {
    name: 'CNN SGD step (4 x conv-BN-ReLU C16, B32 32x32)',
    f: (weights: Network, x: Tensor, y: Tensor) => {
      const [loss, gradient] = valueAndGrad(w => cnnLoss(w as never, x, y))(weights as never)
      return { loss, weights: descend(weights, gradient as never) }
    },
    args: (batch = 32) => [cnnWeights(), normal(8, [batch, 3, 32, 32]), labels(batch, 10)],
    tolerance: 2e-5
  },
  {
    name: 'HVP of that CNN',
    f: (weights: Network, x: Tensor, y: Tensor) =>
      hvp(
        w => cnnLoss(w as never, x, y),
        weights as never,
        mapTree(weights as never, (w: Tensor) => $.mul(w, 0.5)) as never
      ),
    args: (batch = 32) => [cnnWeights(), normal(8, [batch, 3, 32, 32]), labels(batch, 10)],
    tolerance: 2e-3
  },
  {
    name: 'mixed derivative of a mixed operation of five',
    f: (w: { readonly one: Tensor; readonly three: Tensor }, alpha: Tensor, x: Tensor, g: Tensor, v: Tensor) =>
      grad(u => dot(grad((a: Tensor) => dot(mixed(u as never, a, x), g))(alpha), v))(w as never),
    args: batch => [
      { one: normal(1, [16, 16, 1, 1], 0.2), three: normal(2, [16, 16, 3, 3], 0.1) },
      normal(3, [5]),
      normal(4, images(batch)),
      normal(5, images(batch)),
      normal(6, [5])
    ],
    tolerance: 1e-4
  },
  searchStep(4, 1, 32, 16, 'fd'),
  searchStep(4, 1, 32, 16, 'exact'),
  searchStep(8, 1, 32, 16, 'fd'),
  searchStep(8, 1, 32, 16, 'exact'),
  searchStep(16, 5, 64, 32, 'fd'),
  searchStep(16, 5, 64, 32, 'exact')
]
