/**
 * What each case of large.json computes, by its name, as large.py does with torch: a function of its inputs, then its
 * constants.
 */
import * as nn from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'

export type Large = (...x: Tensor[]) => Tensor

const square = (x: Tensor): Tensor => $.mul(x, x)

const conv =
  (options: $.ConvOptions): Large =>
  (x: Tensor, w: Tensor) =>
    $.conv2d(x, w, options)

/** A depthwise convolution whose padding keeps the size at stride 1. */
const depthwise =
  (stride: number, dilation: number): Large =>
  (x: Tensor, w: Tensor) =>
    $.conv2d(x, w, {
      stride,
      dilation,
      padding: (dilation * ((w.shape[2] as number) - 1)) / 2,
      groups: w.shape[0] as number
    })

const products: Readonly<Record<string, Large>> = {
  'matmul of 257x1031 and 1031x129': $.matmul,
  'matmul, batched, broadcast': $.matmul,
  'conv2d 3x3': conv({ padding: 1 }),
  'conv2d 1x1': conv({}),
  'conv2d 3x3, stride 2': conv({ stride: 2, padding: 1 }),
  'conv2d 5x3, stride 2 and 1, dilation 2, three groups': conv({
    stride: [2, 1],
    padding: [4, 2],
    dilation: 2,
    groups: 3
  }),
  'depthwise 3x3, stride 1, dilation 1, 32 of 32x32': depthwise(1, 1),
  'depthwise 3x3, stride 2, dilation 1, 17 of 29x31': depthwise(2, 1),
  'depthwise 3x3, stride 1, dilation 2, 17 of 29x31': depthwise(1, 2),
  'depthwise 3x3, stride 2, dilation 2, 32 of 32x32': depthwise(2, 2),
  'depthwise 5x5, stride 1, dilation 1, 17 of 29x31': depthwise(1, 1),
  'depthwise 5x5, stride 2, dilation 1, 32 of 32x32': depthwise(2, 1),
  'depthwise 5x5, stride 1, dilation 2, 32 of 32x32': depthwise(1, 2),
  'depthwise 5x5, stride 2, dilation 2, 17 of 29x31': depthwise(2, 2)
}

const layers: Readonly<Record<string, Large>> = {
  'max pool 3x3 of squares, stride 2': x => $.maxPool2d(square(x), { kernel: 3, stride: 2, padding: 1 }),
  'max pool 2x2 of squares': x => $.maxPool2d(square(x), { kernel: 2 }),
  'average pool 3x3, stride 1': x => $.avgPool2d(x, { kernel: 3, stride: 1, padding: 1 }),
  'average pool 3x3, stride 2': x => $.avgPool2d(x, { kernel: 3, stride: 2, padding: 1 }),
  'batch norm': (x, scale, shift) => nn.batchNorm(x, { scale, shift }).y,
  'softmax of rows': x => nn.softmax(x),
  'softmax over the middle axis': x => nn.softmax(x, 1),
  'log softmax of rows': x => nn.logSoftmax(x),
  'log softmax over the middle axis': x => nn.logSoftmax(x, 1),
  'cross entropy': nn.crossEntropy
}

const reductions: Readonly<Record<string, Large>> = {
  'sum over axes 1 and 3 of five': x => $.sum(x, [1, 3]),
  'mean over axes 0, 2 and 4 of five': x => $.mean(x, [0, 2, 4]),
  'maximum over axes 1 and 4 of five': x => $.max(x, [1, 4]),
  'maximum over axis 2 of five': x => $.max(x, 2),
  'sum of 2^20 + 3': x => $.sum(x),
  'mean of 2^20 + 3 squares': x => $.mean(square(x)),
  'maximum of 2^20 + 3': x => $.max(x),
  'log of the sum of powers': x => $.log($.sum($.exp(x), 0)),
  norm: x => nn.norm(x),
  'norm of columns': x => nn.norm(x, 0),
  'mean pairwise cosine': nn.meanPairwiseCosine
}

const movement: Readonly<Record<string, Large>> = {
  take: (x, i) => $.take(x, i),
  'scatter-add': (x, i) => $.scatterAdd(x, i, 0, 1009),
  'one-hot': (x, i) => $.matmul($.oneHot(i, 67), x),
  'slices with steps': x => $.slice(x, [[1, null, 2], [null, null, 3], [5, 39, 7], [-20]]),
  'padding, zeros between too': x => $.pad(x, [2, 0, 3], [1, 4, 0], [1, 2, 4]),
  'concat along the middle axis': (...x) => $.concat(x, 1),
  'transposes of five axes': (x, y) => $.mul($.transpose(x, [3, 0, 4, 2, 1]), $.transpose(y, [1, 4, 0, 3, 2])),
  'additions along six axes': (x, y, z) => $.add($.add(x, y), z)
}

const pointwise: Readonly<Record<string, Large>> = {
  tanh: $.tanh,
  sigmoid: $.sigmoid,
  sqrt: $.sqrt,
  rsqrt: $.rsqrt,
  'third power': x => $.pow(x, 3),
  'power of 2.5': x => $.pow(x, 2.5),
  quotient: $.div,
  relu: $.relu,
  abs: $.abs,
  'maximum of pairs': $.maximum,
  'minimum of pairs': $.minimum,
  where: (x, y, c) => $.where($.greater(c, 0.25), x, y)
}

const convolved = (x: Tensor, [w, scale, shift]: readonly Tensor[], stride = 1): Tensor =>
  $.relu(
    nn.batchNorm($.conv2d(x, w as Tensor, { padding: 1, stride }), { scale: scale as Tensor, shift: shift as Tensor }).y
  )

/** Three convolutions, each with batch norm and ReLU, a global average, a linear layer: the loss of a batch. */
const network: Large = (...all) => {
  const [w, b, x, labels] = all.slice(9) as [Tensor, Tensor, Tensor, Tensor]
  const y = convolved(convolved(convolved(x, all.slice(0, 3)), all.slice(3, 6), 2), all.slice(6, 9))
  return nn.crossEntropy(nn.linear(nn.globalAvgPool(y), w, b), labels)
}

/** An edge of a search network: candidates weighted by a softmax; all but the skip connection end in a batch norm. */
const mixture: Large = (alpha: Tensor, one: Tensor, three: Tensor, x: Tensor) => {
  const window = { kernel: 3, stride: 1, padding: 1 }
  const pools = [$.avgPool2d(x, window), $.maxPool2d(x, window)]
  const convolutions = [$.conv2d($.relu(x), one), $.conv2d($.relu(x), three, { padding: 1 })]
  const candidates = [x, ...[...pools, ...convolutions].map(y => nn.batchNorm(y).y)]
  const p = nn.softmax(alpha)
  return candidates.map((y, k) => $.mul($.reshape($.slice(p, [[k, k + 1]]), []), y)).reduce((a, b) => $.add(a, b))
}

/** Several layers in a row: programs of hundreds of nodes. */
export const networks: Readonly<Record<string, Large>> = {
  'a small network': network,
  'a mixture of five candidates': mixture
}

export const large: Readonly<Record<string, Large>> = {
  ...products,
  ...layers,
  ...reductions,
  ...movement,
  ...pointwise,
  ...networks
}
