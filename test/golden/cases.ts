/** What each golden operation means here: `op` of the metadata as a function of the differentiable inputs and the constants. */
import * as nn from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'

export interface Case {
  readonly op: string
  readonly attrs?: Readonly<Record<string, unknown>>
  readonly inputs: readonly string[]
  readonly constants?: readonly string[]
  /** Of blocks. */
  readonly module?: string
  readonly args?: readonly (number | boolean)[]
  readonly library?: string
  readonly then_batch_norm?: boolean
}

type Attributes = Record<string, unknown>
type Build = (x: readonly Tensor[], golden: Case, constants: readonly Tensor[]) => Tensor

const pick = (x: readonly Tensor[], i: number): Tensor => x[i] as Tensor
const unary =
  (f: (x: Tensor) => Tensor): Build =>
  x =>
    f(pick(x, 0))
const binary =
  (f: (x: Tensor, y: Tensor) => Tensor): Build =>
  x =>
    f(pick(x, 0), pick(x, 1))
const affine = (x: readonly Tensor[]) => (x.length > 1 ? { scale: pick(x, 1), shift: pick(x, 2) } : undefined)
const dims = (attrs: Attributes) => (attrs['dim'] as number[] | null) ?? undefined

/** A square convolution of the search spaces: ReLU before, batch norm after where the block says so. */
const conv = (x: Tensor, w: Tensor, stride: number, dilation = 1): Tensor =>
  $.conv2d(x, w, {
    stride,
    dilation,
    padding: [w.shape[2] as number, w.shape[3] as number].map(k => ((k - 1) / 2) * dilation) as [number, number],
    groups: (x.shape[1] as number) / (w.shape[1] as number)
  })
const norm = (x: Tensor, scale?: Tensor, shift?: Tensor): Tensor =>
  nn.batchNorm(x, scale && shift ? { scale, shift } : undefined).y
const factorized = (x: Tensor, first: Tensor, second: Tensor): Tensor => {
  const y = $.relu(x)
  return norm($.concat([conv(y, first, 2), conv($.slice(y, [[], [], [1], [1]]), second, 2)], 1))
}
const separable = (x: Tensor, depthwise: Tensor, pointwise: Tensor, stride: number, dilation = 1): Tensor =>
  norm(conv(conv($.relu(x), depthwise, stride, dilation), pointwise, 1))

/** The blocks, in training mode; their weights come in the order of use. */
const block: Build = ([x, ...w], { module = '', args = [], library = '', then_batch_norm }) => {
  const input = x as Tensor
  const at = (i: number) => w[i] as Tensor
  const stride = (library === 'nb201' || module === 'ReLUConvBN' ? 1 : args[1]) as number
  const body = (): Tensor => {
    if (module === 'ReLUConvBN' || module.startsWith('nor_conv')) return norm(conv($.relu(input), at(0), stride))
    if (module === 'FactorizedReduce' || module === 'skip_connect') return factorized(input, at(0), at(1))
    if (module.startsWith('sep_conv')) return separable(separable(input, at(0), at(1), stride), at(2), at(3), 1)
    if (module.startsWith('dil_conv')) return separable(input, at(0), at(1), stride, 2)
    if (module === 'conv_7x1_1x7')
      return norm(
        $.conv2d($.conv2d($.relu(input), at(0), { stride: [1, stride], padding: [0, 3] }), at(1), {
          stride: [stride, 1],
          padding: [3, 0]
        })
      )
    if (module === 'max_pool_3x3') return $.maxPool2d(input, { kernel: 3, stride, padding: 1 })
    if (module === 'avg_pool_3x3') return $.avgPool2d(input, { kernel: 3, stride, padding: 1 })
    if (module === 'none') return $.where($.greater($.slice(input, [[], [], [0, null, stride], [0, null, stride]]), 0), 0, 0)
    if (module === 'ResNetBasicblock') {
      const main = norm(conv($.relu(norm(conv($.relu(input), at(0), 2), at(1), at(2))), at(3), 1), at(4), at(5))
      return $.add(main, conv($.avgPool2d(input, { kernel: 2 }), at(6), 1))
    }
    throw new Error(`the golden block '${module}' is not built here; add it to cases.ts`)
  }
  return then_batch_norm ? norm(body()) : body()
}

export const builders: Readonly<Record<string, Build>> = {
  conv2d: (x, { attrs = {} }) => {
    const y = $.conv2d(pick(x, 0), pick(x, 1), attrs)
    return x.length > 2 ? $.add(y, $.reshape(pick(x, 2), [-1, 1, 1])) : y
  },
  max_pool2d: (x, { attrs = {} }) => $.maxPool2d(pick(x, 0), attrs as unknown as $.PoolOptions),
  avg_pool2d: (x, { attrs = {} }) => $.avgPool2d(pick(x, 0), attrs as unknown as $.PoolOptions),
  batch_norm_train: (x, { attrs = {} }) => nn.batchNorm(pick(x, 0), affine(x), attrs['eps'] as number).y,
  batch_norm_eval: (x, { attrs = {} }, [mean, variance]) =>
    nn.batchNormEval(pick(x, 0), { mean: mean as Tensor, variance: variance as Tensor }, affine(x), attrs['eps'] as number),
  cosine: binary(nn.cosine),
  mean_cosine: unary(nn.meanPairwiseCosine),
  mean_sign_cosine: unary(nn.meanPairwiseSignCosine),
  weighted_sum: ([p, ...x], { attrs = {} }) =>
    x
      .map((value, k) =>
        $.mul(
          $.reshape(
            $.slice(p as Tensor, [
              [attrs['row'] as number, (attrs['row'] as number) + 1],
              [k, k + 1]
            ]),
            []
          ),
          value
        )
      )
      .reduce((sum, value) => $.add(sum, value)),
  matmul: binary($.matmul),
  linear: x => nn.linear(pick(x, 0), pick(x, 1), x[2]),
  dot: binary(nn.dot),
  sum: (x, { attrs = {} }) => $.sum(pick(x, 0), dims(attrs), { keepDims: attrs['keepdim'] as boolean }),
  mean: (x, { attrs = {} }) => $.mean(pick(x, 0), dims(attrs), { keepDims: attrs['keepdim'] as boolean }),
  norm2: unary(x => nn.norm(x)),
  add: binary($.add),
  sub: binary($.sub),
  mul: binary($.mul),
  div: binary($.div),
  exp: unary($.exp),
  log: unary($.log),
  sqrt: unary($.sqrt),
  rsqrt: unary($.rsqrt),
  abs: unary($.abs),
  neg: unary($.neg),
  relu: unary($.relu),
  global_avg_pool: unary(nn.globalAvgPool),
  concat: (x, { attrs = {} }) => $.concat(x, attrs['dim'] as number),
  strided_slice: (x, { attrs = {} }) => $.slice(pick(x, 0), attrs['slices'] as $.SliceSpec[]),
  constant_pad: (x, { attrs = {} }) => {
    const counts = attrs['pad'] as number[]
    const rank = pick(x, 0).shape.length
    const side = (offset: number) => Array.from({ length: rank }, (_, axis) => counts[2 * (rank - 1 - axis) + offset] ?? 0)
    return $.pad(pick(x, 0), side(0), side(1))
  },
  transpose: (x, { attrs = {} }) => $.transpose(pick(x, 0), attrs['perm'] as number[]),
  reshape: (x, { attrs = {} }) => $.reshape(pick(x, 0), attrs['shape'] as number[]),
  expand: (x, { attrs = {} }) => $.broadcastTo(pick(x, 0), attrs['shape'] as number[]),
  softmax: (x, { attrs = {} }) => nn.softmax(pick(x, 0), attrs['dim'] as number),
  log_softmax: (x, { attrs = {} }) => nn.logSoftmax(pick(x, 0), attrs['dim'] as number),
  block,
  cross_entropy: (x, _, [target]) => nn.crossEntropy(pick(x, 0), target as Tensor)
}
