/** Composites of neural networks: ordinary functions over primitives. Second derivatives come for free. */
import {
  abs,
  add,
  concat,
  customVjp,
  div,
  equal,
  exp,
  greater,
  isFinite,
  less,
  log,
  matmul,
  max,
  maximum,
  mean,
  minimum,
  mul,
  oneHot,
  type ReduceOptions,
  relu,
  reshape,
  rsqrt,
  sigmoid,
  slice,
  sqrt,
  stopGradient,
  sub,
  sum,
  tensor,
  transpose,
  where
} from './ops/index.js'
import { axesOf, checkFunction, checkOptions, describe, fail, show, sizeOf } from './shape.js'
import { isTensor, requireTensor, type Tensor } from './tensor.js'

const square = (x: Tensor): Tensor => mul(x, x)

/** Without the axes that a reduction has left with extent 1. */
const withoutAxes = (x: Tensor, axes: readonly number[]): Tensor =>
  reshape(
    x,
    x.shape.filter((_, axis) => !axes.includes(axis))
  )

/**
 * The mean over `axes`, which keep their place, added up from the first value along them, a constant to every derivative: values that are all equal have
 * themselves as their mean, to the last bit, and what is small beside the mean keeps its digits.
 */
const centreOf = (x: Tensor, axes: readonly number[]): Tensor => {
  const specs = x.shape.map((_, axis) => (axes.includes(axis) ? [0, 1] : []))
  const first = stopGradient(slice(x, specs))
  return add(first, mean(sub(x, first), axes, { keepDims: true }))
}

/**
 * The mean squared distance from the mean, over `axes`, which keep their place. Its derivative is 2 (x - mean) / N: what x does to the mean
 * adds nothing, since distances from a mean add up to 0, and is not computed.
 */
const spreadOf = (x: Tensor, axes: readonly number[]): Tensor => {
  const count = axes.reduce((product, axis) => product * (x.shape[axis] as number), 1)
  const centred = (y: Tensor) => sub(y, centreOf(y, axes))
  return customVjp(
    y => mean(square(centred(y)), axes, { keepDims: true }),
    (g, [y]) => [mul(mul(g, 2 / count), centred(y as Tensor))]
  )(x)
}

/** The mean squared distance from the mean (biased), in two passes: mean((x - mean)^2) keeps its digits where E[x^2] - mean^2 loses them. */
export const variance = (x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor => {
  const { keepDims = false } = checkOptions('variance', options, ['keepDims'])
  const found = axesOf('variance', axes, requireTensor('variance', x).shape.length)
  const spread = spreadOf(x, found)
  return keepDims ? spread : withoutAxes(spread, found)
}

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
const perChannel = (x: Tensor, rank: number): Tensor => reshape(x, [x.shape[0] as number, ...Array<number>(rank - 2).fill(1)])

const affine = (x: Tensor, parameters: Affine | undefined): Tensor => {
  if (parameters === undefined) return x
  if (!isTensor(parameters?.scale) || !isTensor(parameters.shift))
    fail('batchNorm', 'parameters { scale, shift }, f32[C] each', describe(parameters), 'give both, or none')
  return add(mul(x, perChannel(parameters.scale, x.shape.length)), perChannel(parameters.shift, x.shape.length))
}

/**
 * Batch norm in training mode: channels (axis 1) normalised by the batch's own mean and biased variance. The statistics are outputs, never
 * hidden state; `variance` among them is the unbiased one, which running statistics keep (see `updateRunning`).
 */
export const batchNorm = (x: Tensor, parameters?: Affine, epsilon = 1e-5): { readonly y: Tensor; readonly moments: Moments } => {
  const axes = [...requireTensor('batchNorm', x).shape.keys()].filter(axis => axis !== 1)
  if (x.shape.length < 2) fail('batchNorm', 'x[B,C,...]', show(x), 'give it an axis for the batch and one for the channels')
  const channels = x.shape[1] as number
  const count = sizeOf(x.shape) / channels
  if (count < 2)
    fail(
      'batch norm in training mode',
      'at least two values a channel',
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
}

/** Batch norm in evaluation mode: channels normalised by running statistics. */
export const batchNormEval = (x: Tensor, running: Moments, parameters?: Affine, epsilon = 1e-5): Tensor => {
  const rank = requireTensor('batchNormEval', x).shape.length
  if (!isTensor(running?.mean) || !isTensor(running.variance))
    fail('batchNormEval', 'running { mean, variance }, f32[C] each', describe(running), 'give both')
  const normal = mul(sub(x, perChannel(running.mean, rank)), perChannel(rsqrt(add(running.variance, epsilon)), rank))
  return affine(normal, parameters)
}

/** Running statistics after a batch: running (1 - momentum) + batch momentum. */
export const updateRunning = (running: Tensor, batch: Tensor, momentum = 0.1): Tensor =>
  add(mul(running, 1 - momentum), mul(batch, momentum))

/** x shifted by its maximum, which is a constant to every derivative: the result does not depend on it. */
const shifted = (x: Tensor, axis: number): Tensor => sub(x, stopGradient(max(x, axis, { keepDims: true })))

/** e^x / sum e^x along `axis`. */
export const softmax = (x: Tensor, axis = -1): Tensor => {
  const powers = exp(shifted(x, axis))
  return div(powers, sum(powers, axis, { keepDims: true }))
}

/** log(sum of e^x) over `axis`, without overflow; minus infinity where all x are. */
export const logSumExp = (x: Tensor, axis = -1, options: ReduceOptions = {}): Tensor => {
  const { keepDims = false } = checkOptions('logSumExp', options, ['keepDims'])
  const found = axesOf('logSumExp', axis, requireTensor('logSumExp', x).shape.length)
  const top = stopGradient(max(x, axis, { keepDims: true }))
  // e^(x - top) of infinities is NaN: they are taken as they are.
  const shift = where(isFinite(top), top, 0)
  const total = add(log(sum(exp(sub(x, shift)), axis, { keepDims: true })), shift)
  return keepDims ? total : withoutAxes(total, found)
}

/** log(1 + e^x), without overflow. Its derivative is sigmoid(x), at 0 too, where a composition of relu and abs has a kink. */
export const softplus: (x: Tensor) => Tensor = customVjp(
  x => sub(relu(x as Tensor), log(sigmoid(abs(x as Tensor)))),
  (g, [x]) => [mul(g, sigmoid(x as Tensor))]
)

/**
 * x within bounds. Its derivative is 1 from bound to bound, both included, where `minimum` of `maximum` has a half.
 * @example nn.clamp($.tensor([-1, 3, 7]), 0, 6) // [0, 3, 6]
 */
export const clamp = (x: Tensor, least: number, most: number): Tensor => {
  if (!(least <= most)) fail('clamp', 'bounds of which the first is not above the second', `${least} and ${most}`, 'swap them')
  return customVjp(
    y => minimum(maximum(y as Tensor, least), most),
    (g, [y]) => [where(add(less(y as Tensor, least), greater(y as Tensor, most)), 0, g)]
  )(x)
}

/** log softmax(x), without forming the softmax. */
export const logSoftmax = (x: Tensor, axis = -1): Tensor => {
  const y = shifted(x, axis)
  return sub(y, log(sum(exp(y), axis, { keepDims: true })))
}

/** Mean over rows of -log softmax(logits)[label]: logits f32[B,K], labels i32[B]. A label out of range gives NaN. */
export const crossEntropy = (logits: Tensor, labels: Tensor): Tensor => {
  const [batch, classes] = requireTensor('crossEntropy', logits).shape
  requireTensor('crossEntropy', labels)
  if (logits.shape.length !== 2 || labels.shape.length !== 1 || labels.shape[0] !== batch)
    fail(
      'crossEntropy',
      'logits f32[B,K] and labels i32[B]',
      `${show(logits)} and ${show(labels)}`,
      'give one label for each row'
    )
  const hot = oneHot(labels, classes as number)
  // A select where hot is 0, so that a logit of minus infinity elsewhere does no harm; a product, so that a NaN row stays one.
  return div(sum(where(equal(hot, 0), 0, mul(hot, logSoftmax(logits)))), -(batch as number))
}

/** x w^T + b: x f32[B,I], w f32[O,I], b f32[O]. */
export const linear = (x: Tensor, w: Tensor, b?: Tensor): Tensor => {
  const y = matmul(x, transpose(w))
  return b ? add(y, b) : y
}

/** Mean over the pixels: f32[B,C,H,W] -> f32[B,C]. */
export const globalAvgPool = (x: Tensor): Tensor => mean(x, [2, 3])

/** Sum of products of all elements. */
export const dot = (x: Tensor, y: Tensor): Tensor => sum(mul(x, y))

/**
 * `f` of `x` where `x` is not 0, else 0; with derivatives 0 there, to every order. Only 0 is left out: what `f` makes of a NaN comes out.
 * @example nn.unlessZero(nn.norm(x), length => $.div(x, length)) // x / |x|, and 0 for the zero vector
 */
export const unlessZero = (x: Tensor, f: (x: Tensor) => Tensor): Tensor => {
  checkFunction('unlessZero', f)
  const isZero = equal(x, 0)
  return where(isZero, 0, f(where(isZero, 1, x)))
}

/**
 * Sums of squares beyond these lose digits, or are 0 or infinite though their terms are not: squares are then taken of x
 * times a power of two, which is exact. Any sum of float32's own range is within [LEAST, MOST] after that.
 */
const [LEAST, MOST] = [2 ** -90, 2 ** 90]
const [RAISE, LOWER] = [2 ** 100, 2 ** -84]

/** The norm of whatever size, `axes` keeping their place. Three sums of squares, on one way through x. */
const sizeOfVectors = (x: Tensor, axes: readonly number[]): Tensor => {
  const root = (scale: number): Tensor => mul(sqrt(sum(square(mul(x, scale)), axes, { keepDims: true })), 1 / scale)
  const usual = sum(square(x), axes, { keepDims: true })
  return where(greater(usual, MOST), root(LOWER), where(less(usual, LEAST), root(RAISE), sqrt(usual)))
}

/** Its derivative is x / |x|, whose own comes of this one: that of the sums would meet what is infinite of the two not chosen. */
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

/** Euclidean norm over `axes` (all by default), of vectors of any size; at the zero vector its gradient is 0, and its second derivative. */
export const norm = (x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor => {
  const { keepDims = false } = checkOptions('norm', options, ['keepDims'])
  const found = axesOf('norm', axes, requireTensor('norm', x).shape.length)
  const length = lengths(found)(x)
  return keepDims ? length : withoutAxes(length, found)
}

/** x times a power of two for each vector along `axis`, so that its sum of squares is neither 0 nor infinite unless it is. */
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
export const cosine = (x: Tensor, y: Tensor): Tensor => dot(unit(flat(x), 1), unit(flat(y), 1))

/** Rows of a matrix, or tensors that become rows. */
export type Rows = Tensor | readonly Tensor[]

const asRows = (name: string, rows: Rows): Tensor => {
  const matrix = Array.isArray(rows) ? concat((rows as readonly Tensor[]).map(flat)) : requireTensor(name, rows as Tensor)
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
 * Λ, `corr`: the mean over pairs of rows of their cosines, u = g / |g| (0 where g = 0). The pairs are summed themselves: the closed form
 * (|sum u|^2 - sum |u|^2) / (M (M - 1)) takes a small number from one near M, and loses 1e-5 of a small Λ in float32.
 */
export const meanPairwiseCosine = (rows: Rows): Tensor => meanOfPairs(pairs(unit(asRows('meanPairwiseCosine', rows), 1)))

/** `signcorr`: the mean over pairs of (g_i . g_j) / (|g_i| . |g_j|), absolute values elementwise; a pair with nothing in common counts 0. */
export const meanPairwiseSignCosine = (rows: Rows): Tensor => {
  const g = scaled(asRows('meanPairwiseSignCosine', rows), 1)
  return meanOfPairs(unlessZero(pairs(abs(g)), sizes => div(pairs(g), sizes)))
}

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
