/**
 * Tensors are values: immutable nodes of an expression graph. Object identity names a node; there is no tape and no
 * global state. Everything else in this folder reads or builds these nodes.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import type { DType } from '../kernels/spec.js'
import type { Attributes, Kernel } from './kernel.js'
import type { NdArray } from './ndarray.js'
import { type Aval, describe, fail, type Shape, type ShapeError, show } from './shape.js'

export type { Attributes, Aval, DType, Shape }

/**
 * A node: what is computed (`primitive`, `attributes`), from what (`inputs`), and its abstract value (`shape`,
 * `dtype`).
 */
export interface Tensor extends Aval {
  readonly primitive: Primitive
  readonly inputs: readonly Tensor[]
  readonly attributes: Attributes
}

/** The cotangents of a primitive's inputs; `null` for an operand that carries none (an index, a condition). */
export type Cotangents = readonly (Tensor | null)[]

/**
 * An operation, all of it in one place. Methods are compared bivariantly, so that a record with its own attributes is a
 * `Primitive`.
 *
 * `vjp` is `'zero'` where the derivative is zero almost everywhere (sign, comparisons); absent where there is none, and
 * then a cotangent that arrives throws.
 */
export interface Primitive<A extends Attributes = Attributes> {
  readonly name: string
  /** The shape rule: the abstract value of the result, or what was required, what was got and the cure. */
  shape(inputs: readonly Aval[], attributes: A): Either<ShapeError, Aval>
  /** The meaning: float64 on the CPU. */
  reference(inputs: readonly NdArray[], attributes: A, out: Aval): NdArray['data']
  /** How `lower` turns a node into calls of shaders: data. Absent for the two leaves, `input` and `constant`. */
  readonly kernel?: Kernel
  readonly vjp?: 'zero' | Vjp<A>
  /**
   * What `vmap` makes of a node `out`: its results for a whole batch at once, with the batch as axis 0. All of `inputs`
   * have that axis, those that are the same for every example by a broadcast. Absent for the leaves, and where there is
   * none; then `vmap` throws.
   */
  batch?(inputs: readonly Tensor[], attributes: NoInfer<A>, out: Tensor, batch: Batching): Tensor
  /** Multiply-adds (each counts two) for reports. Absent: none worth counting. */
  flops?(inputs: readonly Aval[], attributes: A, out: Aval): number
}

/** Pulls the cotangent `g` of the result `out` back to the inputs, in primitives: hence derivatives of any order. */
export type Vjp<A extends Attributes = Attributes> = {
  bivariant(g: Tensor, inputs: readonly Tensor[], attributes: A, out: Tensor): Cotangents
}['bivariant']

/** What a batching rule may ask besides its inputs. */
export interface Batching {
  readonly size: number
  /** For each input the tensor itself, without the batch's axis, if it is the same for every example. */
  readonly shared: readonly (Tensor | undefined)[]
  /** Another function, batched as the node is, also in what it closes over; arguments and results have the axis 0. */
  map(
    f: (...args: readonly Tensor[]) => readonly (Tensor | null)[],
    args: readonly Tensor[]
  ): readonly (Tensor | null)[]
}

/** Whether a value is a tensor. */
export const isTensor = (value: unknown): value is Tensor =>
  typeof value === 'object' && value !== null && 'primitive' in value && 'inputs' in value

/** Refuses what is no tensor with a sentence: the first line of every operation that looks at its argument's shape. */
export const requireTensor = (name: string, value: Tensor): Tensor =>
  isTensor(value) ? value : fail(name, 'a tensor', describe(value), 'make one of numbers: tensor(2)')

/** Refuses a tensor of another dtype at once; for composites. */
export const requireDtype = (name: string, x: Tensor, dtype: DType): Tensor =>
  requireTensor(name, x).dtype === dtype
    ? x
    : fail(name, `a tensor of dtype ${dtype}`, show(x), `convert it: convert(x, '${dtype}')`)
