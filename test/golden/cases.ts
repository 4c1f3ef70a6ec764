/** What each golden operation means here: `op` of the metadata as a function of the differentiable inputs and the constants. */
import * as nn from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'

export interface Case {
  readonly op: string
  readonly attrs: Readonly<Record<string, never>> & { readonly [key: string]: unknown }
  readonly inputs: readonly string[]
  readonly constants: readonly string[]
}

type Build = (x: readonly Tensor[], attrs: Record<string, unknown>, constants: readonly Tensor[]) => Tensor

const pick = (x: readonly Tensor[], i: number): Tensor => x[i] as Tensor
const unary = (f: (x: Tensor) => Tensor): Build => x => f(pick(x, 0))
const binary = (f: (x: Tensor, y: Tensor) => Tensor): Build => x => f(pick(x, 0), pick(x, 1))
const affine = (x: readonly Tensor[]) => (x.length > 1 ? { scale: pick(x, 1), shift: pick(x, 2) } : undefined)
const dims = (attrs: Record<string, unknown>) => (attrs['dim'] as number[] | null) ?? undefined

export const builders: Readonly<Record<string, Build>> = {
  conv2d: (x, attrs) => {
    const y = $.conv2d(pick(x, 0), pick(x, 1), attrs)
    return x.length > 2 ? $.add(y, $.reshape(pick(x, 2), [-1, 1, 1])) : y
  },
  max_pool2d: (x, attrs) => $.maxPool2d(pick(x, 0), attrs as unknown as $.PoolOptions),
  avg_pool2d: (x, attrs) => $.avgPool2d(pick(x, 0), attrs as unknown as $.PoolOptions),
  batch_norm_train: (x, attrs) => nn.batchNorm(pick(x, 0), affine(x), attrs['eps'] as number).y,
  batch_norm_eval: (x, attrs, [mean, variance]) =>
    nn.batchNormEval(pick(x, 0), { mean: mean as Tensor, variance: variance as Tensor }, affine(x), attrs['eps'] as number),
  cosine: binary(nn.cosine),
  mean_cosine: unary(nn.meanPairwiseCosine),
  mean_sign_cosine: unary(nn.meanPairwiseSignCosine),
  weighted_sum: ([p, ...x], attrs) =>
    x
      .map((value, k) => $.mul($.reshape($.slice(p as Tensor, [[attrs['row'] as number, (attrs['row'] as number) + 1], [k, k + 1]]), []), value))
      .reduce((sum, value) => $.add(sum, value)),
  matmul: binary($.matmul),
  linear: x => nn.linear(pick(x, 0), pick(x, 1), x[2]),
  dot: binary(nn.dot),
  sum: (x, attrs) => $.sum(pick(x, 0), dims(attrs), { keepDims: attrs['keepdim'] as boolean }),
  mean: (x, attrs) => $.mean(pick(x, 0), dims(attrs), { keepDims: attrs['keepdim'] as boolean }),
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
  concat: (x, attrs) => $.concat(x, attrs['dim'] as number),
  strided_slice: (x, attrs) => $.slice(pick(x, 0), attrs['slices'] as $.SliceSpec[]),
  constant_pad: (x, attrs) => {
    const counts = attrs['pad'] as number[]
    const rank = pick(x, 0).shape.length
    const side = (offset: number) => Array.from({ length: rank }, (_, axis) => counts[2 * (rank - 1 - axis) + offset] ?? 0)
    return $.pad(pick(x, 0), side(0), side(1))
  },
  transpose: (x, attrs) => $.transpose(pick(x, 0), attrs['perm'] as number[]),
  reshape: (x, attrs) => $.reshape(pick(x, 0), attrs['shape'] as number[]),
  expand: (x, attrs) => $.broadcastTo(pick(x, 0), attrs['shape'] as number[]),
  softmax: (x, attrs) => nn.softmax(pick(x, 0), attrs['dim'] as number),
  log_softmax: (x, attrs) => nn.logSoftmax(pick(x, 0), attrs['dim'] as number),
  cross_entropy: (x, _, [target]) => nn.crossEntropy(pick(x, 0), target as Tensor)
}
