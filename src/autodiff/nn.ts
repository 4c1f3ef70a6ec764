/** Composites of neural networks: ordinary functions over primitives. Second derivatives come for free. */

import { centreOf, spreadOf } from './moments.js'
import {
  abs,
  add,
  concat,
  customVjp,
  div,
  dot,
  equal,
  greater,
  less,
  matmul,
  mean,
  mul,
  oneHot,
  type ReduceOptions,
  reshape,
  rsqrt,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  tensor,
  transpose,
  where
} from './ops/index.js'
import { axesOf, checkFunction, checkOptions, describe, fail, named, show, sizeOf } from './shape.js'
import { isTensor, requireDtype, requireTensor, type Tensor } from './tensor.js'

export * from './activations.js'
export * from './losses.js'
/** At home among the operations; people look for them here too. */
export * from './softmax.js'

/** Without the axes that a reduction has left with extent 1. */
const withoutAxes = (x: Tensor, axes: readonly number[]): Tensor =>
  reshape(
    x,
    x.shape.filter((_, axis) => !axes.includes(axis))
  )

/** Learnable scale and shift of a layer norm, f32[N] each for a last axis of N. */
export interface LayerAffine {
  readonly scale: Tensor
  readonly shift: Tensor
}

/** x less its mean, by its deviation, over `axes`. */
const normalised = (x: Tensor, axes: readonly number[], epsilon: number): Tensor =>
  mul(sub(x, centreOf(x, axes)), rsqrt(add(spreadOf(x, axes), epsilon)))

/**
 * The last axis normalised by its own mean and biased variance (Ba et al., 2016), and scaled and shifted by f32[N] each
 * if given.
 * @example nn.layerNorm(x, { scale: $.ones([3]), shift: $.zeros([3]) }) // f32[4,3]
 */
export const layerNorm = (x: Tensor, parameters?: LayerAffine, epsilon = 1e-5): Tensor =>
  named('layerNorm', () => {
    requireDtype('layerNorm', x, 'f32')
    const extent = x.shape.at(-1) ?? fail('layerNorm', 'a tensor with at least one axis', show(x), 'reshape it')
    const normal = normalised(x, [x.shape.length - 1], epsilon)
    if (parameters === undefined) return normal
    const fits = [parameters?.scale, parameters?.shift].every(
      one => isTensor(one) && one.shape.join() === String(extent)
    )
    if (!fits)
      fail('layerNorm', `parameters { scale, shift }, f32[${extent}] each`, describe(parameters), 'give both, or none')
    return add(mul(normal, parameters.scale), parameters.shift)
  })

/**
 * Channels (axis 1) in `groups` groups, each normalised with all its positions by its own mean and biased variance (Wu
 * and He, 2018), and scaled and shifted by f32[C] each if given.
 * @example nn.groupNorm(images, 4)
 */
export const groupNorm = (x: Tensor, groups: number, parameters?: Affine, epsilon = 1e-5): Tensor =>
  named('groupNorm', () => {
    const [batch, channels] = requireDtype('groupNorm', x, 'f32').shape
    if (
      batch === undefined ||
      channels === undefined ||
      !Number.isInteger(groups) ||
      groups < 1 ||
      channels % groups !== 0
    )
      return fail(
        'groupNorm',
        'x[B,C,...] and groups that divide C',
        `${show(x)} and ${describe(groups)}`,
        'choose other groups'
      )
    return affine(reshape(normalised(reshape(x, [batch, groups, -1]), [2], epsilon), x.shape), parameters)
  })

/** Learnable scale and shift of a batch norm, f32[C] each. */
export interface Affine {
  readonly scale: Tensor
  readonly shift: Tensor
}

/** Statistics of the channels, f32[C] each. */
export interface Moments {
  readonly mean: Tensor
  readonly variance: Tensor
}

/** f32[C] laid along axis 1. */
const perChannel = (x: Tensor, rank: number): Tensor =>
  reshape(x, [x.shape[0] as number, ...Array<number>(rank - 2).fill(1)])

const affine = (x: Tensor, parameters: Affine | undefined): Tensor => {
  if (parameters === undefined) return x
  if (!isTensor(parameters?.scale) || !isTensor(parameters.shift))
    fail('batchNorm', 'parameters { scale, shift }, f32[C] each', describe(parameters), 'give both, or none')
  return add(mul(x, perChannel(parameters.scale, x.shape.length)), perChannel(parameters.shift, x.shape.length))
}

/**
 * Batch norm in training mode: channels (axis 1) normalised by the batch's own mean and biased variance. The statistics
 * are outputs, never hidden state; `variance` among them is the unbiased one, which running statistics keep (see
 * `updateRunning`).
 */
export const batchNorm = (
  x: Tensor,
  parameters?: Affine,
  epsilon = 1e-5
): { readonly y: Tensor; readonly moments: Moments } =>
  named('batchNorm', () => {
    const axes = [...requireTensor('batchNorm', x).shape.keys()].filter(axis => axis !== 1)
    if (x.shape.length < 2)
      fail('batchNorm', 'x[B,C,...]', show(x), 'give it an axis for the batch and one for the channels')
    const channels = x.shape[1] as number
    const count = sizeOf(x.shape) / channels
    if (count < 2)
      fail(
        'batchNorm',
        'at least two values a channel in training mode',
        `${count} in ${show(x)}`,
        'use a larger batch or image, or evaluation mode'
      )
    const centre = centreOf(x, axes)
    const centred = sub(x, centre)
    const spread = spreadOf(x, axes)
    const normal = mul(centred, rsqrt(add(spread, epsilon)))
    return {
      y: affine(normal, parameters),
      moments: { mean: reshape(centre, [channels]), variance: reshape(mul(spread, count / (count - 1)), [channels]) }
    }
  })

/** Batch norm in evaluation mode: channels normalised by running statistics. */
export const batchNormEval = (x: Tensor, running: Moments, parameters?: Affine, epsilon = 1e-5): Tensor =>
  named('batchNormEval', () => {
    const rank = requireTensor('batchNormEval', x).shape.length
    if (rank < 2) fail('batchNormEval', 'x[B,C,...]', show(x), 'give it an axis for the batch and one for the channels')
    if (!isTensor(running?.mean) || !isTensor(running.variance))
      fail('batchNormEval', 'running { mean, variance }, f32[C] each', describe(running), 'give both')
    const normal = mul(sub(x, perChannel(running.mean, rank)), perChannel(rsqrt(add(running.variance, epsilon)), rank))
    return affine(normal, parameters)
  })

/** Running statistics after a batch: running (1 - momentum) + batch momentum. */
export const updateRunning = (running: Tensor, batch: Tensor, momentum = 0.1): Tensor =>
  named('updateRunning', () => add(mul(running, 1 - momentum), mul(batch, momentum)))

/** x w^T + b: x f32[...,I], w f32[O,I], b f32[O]. @example nn.linear(x, $.transpose(w), weights.b) // f32[4,2] */
export const linear = (x: Tensor, w: Tensor, b?: Tensor): Tensor => {
  const [inputs, weights] = [requireTensor('linear', x), requireTensor('linear', w)]
  const fits = inputs.shape.length >= 1 && weights.shape.length === 2 && inputs.shape.at(-1) === weights.shape[1]
  const fitsBias =
    b === undefined || (requireTensor('linear', b).shape.join() === String(weights.shape[0]) && b.dtype === 'f32')
  if (!fits || !fitsBias || inputs.dtype !== 'f32' || weights.dtype !== 'f32')
    fail(
      'linear',
      'x f32[..., I], w f32[O, I] and b f32[O]',
      [inputs, weights, ...(b ? [b] : [])].map(show).join(', '),
      'transpose or reshape one of them'
    )
  const y = matmul(x, transpose(w))
  return b ? add(y, b) : y
}

/** Mean over the pixels: f32[B,C,H,W] -> f32[B,C]. */
export const globalAvgPool = (x: Tensor): Tensor =>
  requireTensor('globalAvgPool', x).shape.length === 4 && x.dtype === 'f32'
    ? mean(x, [2, 3])
    : fail('globalAvgPool', 'images f32[B,C,H,W]', show(x), 'reshape them')

/**
 * `f` of `x` where `x` is not 0, else 0; with derivatives 0 there, to every order. Only 0 is left out: what `f` makes
 * of a NaN comes out.
 * @example nn.unlessZero(nn.norm(x), length => $.div(x, length)) // x / |x|, and 0 for the zero vector
 */
export const unlessZero = (x: Tensor, f: (x: Tensor) => Tensor): Tensor => {
  checkFunction('unlessZero', f)
  requireDtype('unlessZero', x, 'f32')
  const isZero = equal(x, 0)
  return where(isZero, 0, f(where(isZero, 1, x)))
}

/**
 * Sums of squares beyond these lose digits, or are 0 or infinite though their terms are not: squares are then taken of
 * x times a power of two, which is exact. Any sum of float32's own range is within [LEAST, MOST] after that.
 */
const [LEAST, MOST] = [2 ** -90, 2 ** 90]
const [RAISE, LOWER] = [2 ** 100, 2 ** -84]

/** The norm of whatever size, `axes` keeping their place. Three sums of squares, on one way through x. */
const sizeOfVectors = (x: Tensor, axes: readonly number[]): Tensor => {
  const root = (scale: number): Tensor => mul(sqrt(sum(square(mul(x, scale)), axes, { keepDims: true })), 1 / scale)
  const usual = sum(square(x), axes, { keepDims: true })
  return where(greater(usual, MOST), root(LOWER), where(less(usual, LEAST), root(RAISE), sqrt(usual)))
}

/**
 * Its derivative is x / |x|, whose own comes of this one: that of the sums would meet what is infinite of the two not
 * chosen.
 */
const lengths = (axes: readonly number[]): ((x: Tensor) => Tensor) =>
  customVjp(
    x => sizeOfVectors(x as Tensor, axes),
    (g, [x]) => [
      mul(
        g,
        unlessZero(lengths(axes)(x as Tensor), length => div(x as Tensor, length))
      )
    ]
  )

/**
 * Euclidean norm over `axes` (all by default), of vectors of any size; at the zero vector its gradient is 0, and its
 * second derivative.
 */
export const norm = (x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor =>
  named('norm', () => {
    const { keepDims = false } = checkOptions('norm', options, ['keepDims'])
    const found = axesOf('norm', axes, requireTensor('norm', x).shape.length)
    const length = lengths(found)(x)
    return keepDims ? length : withoutAxes(length, found)
  })

/**
 * x times a power of two for each vector along `axis`, so that its sum of squares is neither 0 nor infinite unless it
 * is.
 */
const scaled = (x: Tensor, axis: number): Tensor => {
  const size = stopGradient(sum(square(x), axis, { keepDims: true }))
  return mul(x, where(greater(size, MOST), LOWER, where(less(size, LEAST), RAISE, 1)))
}

/** x / |x| along `axis`; 0 where x is 0. */
const unit = (x: Tensor, axis: number): Tensor => {
  const y = scaled(x, axis)
  return mul(y, unlessZero(sum(square(y), axis, { keepDims: true }), rsqrt))
}

const flat = (x: Tensor): Tensor => reshape(x, [1, -1])

/** The cosine of the angle between two tensors taken as vectors; 0 if either is 0. */
export const cosine = (x: Tensor, y: Tensor): Tensor => named('cosine', () => dot(unit(flat(x), 1), unit(flat(y), 1)))

/** Rows of a matrix, or tensors that become rows. */
export type Rows = Tensor | readonly Tensor[]

const asRows = (name: string, rows: Rows): Tensor => {
  const matrix = Array.isArray(rows)
    ? concat((rows as readonly Tensor[]).map(flat))
    : requireTensor(name, rows as Tensor)
  if (matrix.shape.length !== 2 || (matrix.shape[0] as number) < 2)
    fail(name, 'at least two vectors', show(matrix), 'pass f32[M,n] with M >= 2, or a list of tensors of one size')
  return matrix
}

/** The products of all pairs of rows, f32[M,M]; 0 for a row with itself. */
const pairs = (rows: Tensor): Tensor => {
  const count = rows.shape[0] as number
  return where(equal(identity(count), 1), 0, matmul(rows, transpose(rows)))
}

/** The sum over ordered pairs as a mean over pairs. */
const meanOfPairs = (values: Tensor): Tensor => {
  const count = values.shape[0] as number
  return div(sum(values), count * (count - 1))
}

/**
 * Λ, `corr`: the mean over pairs of rows of their cosines, u = g / |g| (0 where g = 0). The pairs are summed
 * themselves: the closed form (|sum u|^2 - sum |u|^2) / (M (M - 1)) takes a small number from one near M, and loses
 * 1e-5 of a small Λ in float32.
 */
export const meanPairwiseCosine = (rows: Rows): Tensor =>
  named('meanPairwiseCosine', () => meanOfPairs(pairs(unit(asRows('meanPairwiseCosine', rows), 1))))

/**
 * `signcorr`: the mean over pairs of (g_i . g_j) / (|g_i| . |g_j|), absolute values elementwise; a pair with nothing in
 * common counts 0.
 */
export const meanPairwiseSignCosine = (rows: Rows): Tensor =>
  named('meanPairwiseSignCosine', () => {
    const g = scaled(asRows('meanPairwiseSignCosine', rows), 1)
    return meanOfPairs(unlessZero(pairs(abs(g)), sizes => div(pairs(g), sizes)))
  })

/** The identity matrix, f32[size,size]. */
const identity = (size: number): Tensor =>
  oneHot(
    tensor(
      Int32Array.from({ length: size }, (_, i) => i),
      [size],
      'i32'
    ),
    size
  )
