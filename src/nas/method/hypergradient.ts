/**
 * Gradients of a validation loss in alpha that see how the weights follow alpha. With v = dL_val/dw at the weights that
 * were reached,
 *
 *   dL_val/dalpha - rate * d²L_train/(dalpha dw) q,   q = sum_{k=0..K} (1 - rate H)^k v,   H = d²L_train/dw²
 *
 * is DARTS' second order (Liu et al., ICLR 2019) for K = 0 and weights one step ahead, and iDARTS (Zhang et al., ICML
 * 2021), the implicit function theorem with a truncated Neumann series for the inverse of H, for K > 0 and the weights
 * after T steps. Nothing here knows of networks: weights and alpha are trees, losses are functions.
 */
import { hvp, mixedHvp, valueAuxAndGrad } from '../../autodiff/grad.js'
import { norm, unlessZero } from '../../autodiff/nn.js'
import * as $ from '../../autodiff/ops/index.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { leaves, type Tree, zipTrees } from '../../autodiff/tree.js'
import { type SgdStepOptions, sgdStep } from './optim.js'

/** A loss of weights and alpha, and whatever else its forward pass saw. */
export type Loss<W extends Tree, A extends Tree, X extends Tree> = (weights: W, alpha: A) => readonly [Tensor, X]

/** A loss at a point: its value, what else was seen, and its gradient. */
export interface Evaluated<G extends Tree, X extends Tree> {
  readonly value: Tensor
  readonly aux: X
  readonly gradient: G
}

/** All numbers of a tree, in the order of its leaves. */
export const flat = (tree: Tree): Tensor => $.concat(leaves(tree).map(leaf => $.reshape(leaf, [-1])))

/** x + scale * y, leaf by leaf. */
export const axpy = <T extends Tree>(scale: Tensor, y: T, x: T): T =>
  zipTrees(x, [y], (a, b) => $.add(a, $.mul(scale, b as Tensor)))

/** The central difference of a function along a direction, with a displacement of a given length. */
export interface Difference<P extends Tree, R extends Tree> {
  /** (f(x + epsilon d) - f(x - epsilon d)) / (2 epsilon), leaf by leaf; 0 where d is 0. */
  readonly quotient: R
  /** length / size. 0 where size is 0. */
  readonly epsilon: Tensor
  /** x + epsilon d and x - epsilon d. */
  readonly points: readonly [P, P]
}

/**
 * What changes of a function along `direction` at `x`: epsilon = length / size, where `size` is the direction's norm
 * unless another is given. The function is given twice, for the point ahead and for the one behind (they differ only
 * where each draws noise of its own); `of` picks what is differenced from what it returns.
 */
export const centralDifference = <P extends Tree, F, R extends Tree>(
  [f, g]: readonly [(x: P) => F, (x: P) => F],
  of: (result: F) => R,
  x: P,
  direction: P,
  length: Tensor | number,
  size: Tensor = norm(flat(direction))
): Difference<P, R> & { readonly results: readonly [F, F] } => {
  const epsilon = unlessZero(size, one => $.div(length, one))
  const points = [axpy(epsilon, direction, x), axpy($.neg(epsilon), direction, x)] as const
  const results = [f(points[0]), g(points[1])] as const
  // By the size, since an infinite one makes epsilon 0 too, and that must be seen.
  const isZero = $.equal(size, 0)
  const scale = $.where(isZero, 0, $.div(0.5, $.where(isZero, 1, epsilon)))
  const quotient = zipTrees(of(results[0]), [of(results[1])], (plus, minus) =>
    $.mul(scale, $.sub(plus, minus as Tensor))
  )
  return { quotient, epsilon, points, results }
}

/**
 * The product of the mixed second derivative with a direction of the weights, and the passes that it took beyond the
 * plain ones.
 */
export interface MixedProduct<W extends Tree, A extends Tree, X extends Tree> {
  readonly product: A
  /** R of the difference quotient; 0 for the exact product. */
  readonly epsilon: Tensor
  readonly passes: readonly Evaluated<A, X>[]
  /** The weights that those passes were at. */
  readonly points: readonly W[]
}

/** How the mixed product is had: by differentiating twice, or by the papers' difference of two gradients. */
export type ProductKind = 'exact' | 'fd'

/** The papers' step: weights are moved by 0.01 in all. */
export const WEIGHT_STEP = 0.01

/** Both orders cost the same for a loss; naming one spares building the other. */
const ORDER = { order: 'reverse-over-reverse' } as const

/** d²L/(dalpha dw) q = d/dalpha <dL/dw, q>, exactly. */
export const exactProduct =
  <W extends Tree, A extends Tree, X extends Tree>(loss: Loss<W, A, X>) =>
  (weights: W, alpha: A, q: W): MixedProduct<W, A, X> => ({
    product: mixedHvp((a: A, w: W) => loss(w, a)[0], alpha, weights, q, ORDER),
    epsilon: $.tensor(0),
    passes: [],
    points: []
  })

/** The same by (dL/dalpha at w + R q, minus that at w - R q) / (2 R), R = length / size (DARTS' code: 0.01 / |v|). */
export const differenceProduct =
  <W extends Tree, A extends Tree, X extends Tree>(loss: Loss<W, A, X>, length: Tensor | number = WEIGHT_STEP) =>
  (weights: W, alpha: A, q: W, size?: Tensor): MixedProduct<W, A, X> => {
    const at = (w: W): Evaluated<A, X> => valueAuxAndGrad((a: A) => loss(w, a))(alpha)
    const { quotient, epsilon, points, results } = centralDifference(
      [at, at],
      ({ gradient }) => gradient,
      weights,
      q,
      length,
      size
    )
    return { product: quotient, epsilon, passes: results, points }
  }

/**
 * q_K = sum_{k=0..K} (1 - rate H)^k v by t_0 = v, t_k = t_{k-1} - rate H t_{k-1}: K Hessian-vector products. rate q_K
 * tends to H^-1 v where 0 < rate < 2 / largest eigenvalue and H is positive definite, which it need not be.
 */
export const neumannSeries = <W extends Tree>(hessianTimes: (v: W) => W, v: W, rate: Tensor, terms: number): W =>
  Array.from({ length: terms }).reduce<{ readonly t: W; readonly q: W }>(
    ({ t, q }) => {
      const next = axpy($.neg(rate), hessianTimes(t), t)
      return { t: next, q: axpy($.tensor(1), next, q) }
    },
    { t: v, q: v }
  ).q

/** How a hypergradient is approximated. */
export interface HypergradientOptions {
  /** The rate of the inner steps. */
  readonly rate: Tensor
  /** K, terms of the Neumann series beyond the first; 0 is DARTS. */
  readonly terms: number
  readonly product: ProductKind
  /** How far `fd` moves the weights in all (default 0.01). */
  readonly length?: Tensor | number
}

/** The gradient of a validation loss in alpha, through the weights that follow alpha, and what it was made of. */
export interface Hypergradient<W extends Tree, A extends Tree, X extends Tree> {
  readonly gradient: A
  /** The validation loss at the weights that were reached, and its own gradient in alpha: the first-order part. */
  readonly validation: Evaluated<A, X>
  /** v = dL_val/dw there, and q. */
  readonly vector: W
  readonly solution: W
  readonly mixed: MixedProduct<W, A, X>
}

/**
 * The hypergradient. `weights.reached` are those that the validation loss is taken at (w' of DARTS, w_T of iDARTS),
 * `weights.base` those that the training loss' second derivatives are taken at (w of DARTS, w_T of iDARTS). R of `fd`
 * is 0.01 / |v|, also along q: as in the code.
 */
export const hypergradient =
  <W extends Tree, A extends Tree, X extends Tree>(
    train: Loss<W, A, X>,
    valid: Loss<W, A, X>,
    options: HypergradientOptions
  ) =>
  (weights: { readonly base: W; readonly reached: W }, alpha: A): Hypergradient<W, A, X> => {
    const { rate, terms, product, length } = options
    const { value, aux, gradient } = valueAuxAndGrad((w: W, a: A) => valid(w, a), {
      argnums: [0, 1],
      unreached: 'zero'
    })(weights.reached, alpha)
    const [vector, direct] = gradient as readonly [W, A]
    const hessianTimes = (t: W): W => hvp((w: W) => train(w, alpha)[0], weights.base, t, ORDER)
    const solution = neumannSeries(hessianTimes, vector, rate, terms)
    const mixed =
      product === 'exact'
        ? exactProduct(train)(weights.base, alpha, solution)
        : differenceProduct(train, length)(weights.base, alpha, solution, norm(flat(vector)))
    return {
      gradient: axpy($.neg(rate), mixed.product, direct),
      validation: { value, aux, gradient: direct },
      vector,
      solution,
      mixed
    }
  }

/**
 * w' = w - rate (momentum b + dL_train/dw + decay w), the weights one step of SGD ahead: no clip, no regulariser,
 * although the real step may have both (DARTS' code). Leaf by leaf.
 */
export const lookAhead = <W extends Tree>(
  options: SgdStepOptions,
  rate: Tensor,
  gradient: W,
  buffer: W,
  weights: W
): W => sgdStep(options, rate, gradient, buffer, weights).values

/**
 * The whole of DARTS' second order: the training gradient at `weights`, the weights one step ahead, the hypergradient
 * there.
 */
export const unrolled =
  <W extends Tree, A extends Tree, X extends Tree>(
    train: Loss<W, A, X>,
    valid: Loss<W, A, X>,
    options: Omit<HypergradientOptions, 'terms'> & SgdStepOptions
  ) =>
  (
    weights: W,
    buffer: W,
    alpha: A
  ): Hypergradient<W, A, X> & { readonly training: Evaluated<W, X>; readonly ahead: W } => {
    const training = valueAuxAndGrad((w: W) => train(w, alpha), { unreached: 'zero' })(weights)
    const ahead = lookAhead(options, options.rate, training.gradient, buffer, weights)
    return {
      ...hypergradient(train, valid, { ...options, terms: 0 })({ base: weights, reached: ahead }, alpha),
      training,
      ahead
    }
  }
