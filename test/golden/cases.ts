/**
 * What each golden operation means here: `op` of the metadata as a function of the differentiable inputs and the
 * constants.
 */
import { expect } from 'vitest'
import * as nn from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { factorizedReduce, type Layer, reluConvNorm } from '../../src/nas/space/layers.js'
import { OPERATIONS } from '../../src/nas/space/operations.js'
import { residualBlock } from '../../src/nas/space/supernet.js'

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
const window = (attrs: Attributes): $.PoolOptions => ({
  kernel: attrs['kernel'] as number,
  stride: attrs['stride'] as number,
  padding: attrs['padding'] as number
})
const dims = (attrs: Attributes) => (attrs['dim'] as number[] | null) ?? undefined

/** A block of the search's own layers, by the names of the official modules. */
const layerOf = (
  { module = '', args = [], library = '' }: Case,
  size: readonly [number, number]
): Layer | undefined => {
  const [first, second] = args as readonly [number, number]
  const name = 'block'
  if (module === 'ReLUConvBN') return reluConvNorm(name, first, second, args[2] as number, args[3] as number, false)
  if (module === 'FactorizedReduce') return factorizedReduce(name, first, second, false)
  if (module === 'ResNetBasicblock') return residualBlock(name, first, second)
  const build = OPERATIONS[module]
  if (!build) throw new Error(`the golden block '${module}' is not built here; add it to cases.ts`)
  // Those of NAS-Bench-201 are told channels in and out, those of the other spaces channels and stride.
  return build({
    name,
    channels: first,
    stride: library === 'nb201' ? 1 : second,
    size,
    affine: false,
    normAfterPool: false
  })
}

/** The blocks, in training mode; their weights come by name. */
const block: Build = ([x, ...w], golden) => {
  const input = x as Tensor
  const [batch, channels, height, width] = input.shape as readonly [number, number, number, number]
  const layer = layerOf(golden, [height, width])
  const names = golden.inputs.slice(1)
  expect(layer?.parameters.map(({ name }) => name) ?? []).toEqual(names.map(name => `block.${name}`))
  const weights = Object.fromEntries(names.map((name, i) => [`block.${name}`, w[i] as Tensor]))
  const stride = golden.library === 'nb201' ? 1 : (golden.args?.[1] as number)
  const y = layer
    ? layer.apply({ weights }, input).y
    : $.broadcastTo($.tensor(0), [batch, channels, Math.ceil(height / stride), Math.ceil(width / stride)])
  return golden.then_batch_norm ? nn.batchNorm(y).y : y
}

export const builders: Readonly<Record<string, Build>> = {
  conv2d: (x, { attrs = {} }) => {
    const y = $.conv2d(pick(x, 0), pick(x, 1), attrs)
    return x.length > 2 ? $.add(y, $.reshape(pick(x, 2), [-1, 1, 1])) : y
  },
  max_pool2d: (x, { attrs = {} }) => $.maxPool2d(pick(x, 0), window(attrs)),
  avg_pool2d: (x, { attrs = {} }) => $.avgPool2d(pick(x, 0), window(attrs)),
  batch_norm_train: (x, { attrs = {} }) => nn.batchNorm(pick(x, 0), affine(x), attrs['eps'] as number).y,
  batch_norm_eval: (x, { attrs = {} }, [mean, variance]) =>
    nn.batchNormEval(
      pick(x, 0),
      { mean: mean as Tensor, variance: variance as Tensor },
      affine(x),
      attrs['eps'] as number
    ),
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
  dot: binary($.dot),
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
    const side = (offset: number) =>
      Array.from({ length: rank }, (_, axis) => counts[2 * (rank - 1 - axis) + offset] ?? 0)
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
