/**
 * The largest eigenvalue of a Hessian that is only known by its products with vectors. That of the validation loss in
 * alpha grows before a search collapses (Zela et al., ICLR 2020: RobustDARTS). The method is Lanczos' (1950) with every
 * vector kept orthogonal to all before it.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { hvp } from '../../autodiff/grad.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { keyOf, normalOf, randomWords } from '../../autodiff/threefry.js'
import { leavesOf, rebuild, type Tree } from '../../autodiff/tree.js'
import {
  type Compiled,
  compile,
  dispose,
  type Engine,
  fold,
  isStored,
  read,
  run,
  type StoredTensor,
  scope,
  store
} from '../../engine/index.js'
import { flat } from '../method/hypergradient.js'
import { tableOf, unpack } from '../space/layers.js'

type Vector = readonly number[]

const dot = (x: Vector, y: Vector): number => x.reduce((sum, value, i) => sum + value * (y[i] as number), 0)
const scaled = (x: Vector, factor: number): Vector => x.map(value => value * factor)

/** The part of x that is orthogonal to every vector of an orthonormal list. */
const orthogonal = (x: Vector, to: readonly Vector[]): Vector =>
  to.reduce<Vector>((left, q) => {
    const along = dot(left, q)
    return left.map((value, i) => value - along * (q[i] as number))
  }, x)

/** Orthonormal vectors q_1..q_k (and the next one), and the tridiagonal matrix Q^T H Q. */
export interface Lanczos {
  readonly basis: readonly Vector[]
  readonly diagonal: Vector
  /** Below the diagonal; the last entry is what is left over: 0 once the vectors span all that H makes of the first. */
  readonly coupling: Vector
}

export const startLanczos = (direction: Vector): Lanczos => ({
  basis: [scaled(direction, 1 / Math.sqrt(dot(direction, direction)))],
  diagonal: [],
  coupling: []
})

/** Takes H q for the last vector q of the basis. */
export const lanczosStep = ({ basis, diagonal, coupling }: Lanczos, product: Vector): Lanczos => {
  const q = basis.at(-1) as Vector
  const rest = orthogonal(orthogonal(product, basis), basis)
  // Within rounding of the product nothing is left; and in as many dimensions as there are, nothing can be.
  const length = basis.length === q.length ? 0 : Math.sqrt(dot(rest, rest))
  const left = length > 1e-14 * Math.sqrt(dot(product, product)) ? length : 0
  return {
    basis: left > 0 ? [...basis, scaled(rest, 1 / left)] : basis,
    diagonal: [...diagonal, dot(q, product)],
    coupling: [...coupling, left]
  }
}

/** How many eigenvalues of a tridiagonal matrix lie below x: negative pivots of its elimination (Sturm). */
const countBelow = (diagonal: Vector, coupling: Vector, x: number): number =>
  diagonal.reduce<{ readonly pivot: number; readonly below: number }>(
    ({ pivot, below }, entry, i) => {
      const next = entry - x - (i === 0 ? 0 : (coupling[i - 1] as number) ** 2 / (pivot || Number.MIN_VALUE))
      return { pivot: next, below: below + (next < 0 ? 1 : 0) }
    },
    { pivot: 1, below: 0 }
  ).below

/** Enough to halve an interval down to neighbouring float64 numbers. */
const HALVINGS = 80

/** All eigenvalues of a symmetric tridiagonal matrix, ascending, by bisection between Gershgorin's bounds. */
export const tridiagonalEigenvalues = (diagonal: Vector, coupling: Vector): Vector => {
  const radius = diagonal.map(
    (_, i) => Math.abs(coupling[i - 1] ?? 0) + (i + 1 < diagonal.length ? Math.abs(coupling[i] ?? 0) : 0)
  )
  const low = Math.min(...diagonal.map((entry, i) => entry - (radius[i] as number)))
  const high = Math.max(...diagonal.map((entry, i) => entry + (radius[i] as number)))
  return diagonal.map((_, index) => {
    const [from, to] = Array.from({ length: HALVINGS }).reduce<readonly [number, number]>(
      ([a, b]) => {
        const middle = (a + b) / 2
        return countBelow(diagonal, coupling, middle) > index ? [a, middle] : [middle, b]
      },
      [low, high]
    )
    return (from + to) / 2
  })
}

/** The ends of a spectrum, as far as they were found. */
export interface Spectrum {
  readonly largest: number
  readonly smallest: number
  /** An eigenvalue lies within this of `largest`. */
  readonly residual: number
  /** Hessian-vector products that it took. */
  readonly products: number
}

/**
 * What the tridiagonal matrix knows. The residual of its largest eigenvalue t is the last coupling times the last entry
 * s of t's unit eigenvector, s^2 = prod_j (t - m_j) / (t - t_j) over the eigenvalues m_j of the matrix without its last
 * row, and its own t_j < t.
 */
export const spectrumOf = ({ diagonal, coupling }: Lanczos): Spectrum => {
  const values = tridiagonalEigenvalues(diagonal, coupling)
  const inner = tridiagonalEigenvalues(diagonal.slice(0, -1), coupling)
  const largest = values.at(-1) as number
  const share = inner.reduce((product, m, j) => {
    const gap = largest - (values[j] as number)
    return gap > 0 ? product * Math.min(1, Math.max(0, (largest - m) / gap)) : product
  }, 1)
  return {
    largest,
    smallest: values[0] as number,
    residual: (coupling.at(-1) as number) * Math.sqrt(share),
    products: diagonal.length
  }
}

/** How the largest eigenvalues of a Hessian are looked for. */
export interface SpectrumOptions {
  /** At most this many products (default 24). */
  readonly products?: number
  /** Ends when the residual is at most this times the largest eigenvalue in size (default 1e-3). */
  readonly tolerance?: number
}

/** Whether enough is known. */
export const isSettled = ({ largest, smallest, residual }: Spectrum, tolerance: number): boolean =>
  residual <= tolerance * Math.max(Math.abs(largest), Math.abs(smallest))

/** A direction that no structure of the problem knows of: normal numbers of a fixed key. */
export const arbitraryDirection = (size: number): Vector => Array.from(randomWords(keyOf(0), size), normalOf)

/** A tree of stored tensors, whatever tree. */
export type StoredTree = StoredTensor | readonly StoredTree[] | { readonly [key: string]: StoredTree }

const leavesIn = (tree: StoredTree): readonly StoredTensor[] => leavesOf(tree, isStored).map(({ value }) => value)

type Leaves = readonly Tensor[]

/** A Hessian as its product with a vector, compiled for arguments of certain shapes. */
export interface HessianProduct {
  readonly compiled: Compiled<[Leaves, Tensor, Leaves], Tensor>
  /** The number of rows. */
  readonly size: number
}

/**
 * Compiles the product of the Hessian of `loss` in its first argument with a vector. Both arguments are trees: what the
 * Hessian is taken in, and all else that the loss depends on. Give `compiled` back with `dispose`.
 */
export const compileHessian =
  <A extends Tree, C extends Tree>(loss: (alpha: A, context: C) => Tensor) =>
  (alpha: StoredTree, context: StoredTree): Engine<HessianProduct> => {
    const [at, rest] = [leavesIn(alpha), leavesIn(context)]
    const table = tableOf(at.map(({ shape }, n) => ({ name: String(n), shape })))
    const product = (a: Leaves, direction: Tensor, c: Leaves): Tensor => {
      const parts = unpack(table, direction)
      const value = (leaves: Leaves): Tensor =>
        loss(rebuild(alpha, isStored, leaves) as A, rebuild(context, isStored, c) as C)
      return flat(
        hvp(
          value,
          a,
          a.map((_, n) => parts[n] as Tensor),
          { order: 'reverse-over-reverse' }
        )
      )
    }
    return pipe(
      compile<[Leaves, Tensor, Leaves], Tensor>(product)([at, { shape: [table.size], dtype: 'f32' }, rest]),
      RTE.map(compiled => ({ compiled, size: table.size }))
    )
  }

/** The extreme eigenvalues of a compiled Hessian at a point. */
export const spectrumAt =
  ({ compiled, size }: HessianProduct, { products = 24, tolerance = 1e-3 }: SpectrumOptions = {}) =>
  (alpha: StoredTree, context: StoredTree): Engine<Spectrum> => {
    const [at, rest] = [leavesIn(alpha), leavesIn(context)]
    const times = (v: Vector): Engine<Vector> =>
      scope(
        pipe(
          store({ data: Float64Array.from(v), shape: [size], dtype: 'f32' as const }),
          RTE.chain(direction => run(compiled)(at, direction, rest)),
          RTE.chain(read),
          RTE.map(({ data }) => Array.from<number>(data))
        )
      )
    return pipe(
      fold<Lanczos, number>(
        Array.from({ length: Math.min(products, size) }, (_, i) => i),
        state => state.diagonal.length > 0 && isSettled(spectrumOf(state), tolerance),
        (state, _) =>
          pipe(
            times(state.basis.at(-1) as Vector),
            RTE.map(result => lanczosStep(state, result))
          )
      )(startLanczos(arbitraryDirection(size))),
      RTE.map(spectrumOf)
    )
  }

/** The extreme eigenvalues of the Hessian of `loss` in its first argument, by exact Hessian-vector products. */
export const hessianSpectrum =
  <A extends Tree, C extends Tree>(loss: (alpha: A, context: C) => Tensor, options: SpectrumOptions = {}) =>
  (alpha: StoredTree, context: StoredTree): Engine<Spectrum> =>
    RTE.bracket(
      compileHessian(loss)(alpha, context),
      hessian => spectrumAt(hessian, options)(alpha, context),
      ({ compiled }) => RTE.fromIO(() => dispose(compiled))
    )
