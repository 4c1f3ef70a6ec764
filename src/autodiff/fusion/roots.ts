/** What fusion makes of a graph: kernels, each with the nodes that it computes, as values. */
import type { DType } from '../../kernels/spec.js'
import type { View } from '../ndarray.js'
import type { Shape } from '../shape.js'
import type { Tensor } from '../tensor.js'

export interface FuseOptions {
  /** Inputs of a kernel: the adapter's storage buffers, less the one that is written. */
  readonly inputs: number
  /** False: every node has a kernel of its own, as a replay that looks for a node wants it. */
  readonly fused: boolean
  /** What a launch costs, in bytes of memory traffic. */
  readonly launch: number
}

/** Steps of a kernel. */
export const MOST_STEPS = 40

/**
 * A stored tensor, as an index of a kernel's space reads it: `view` has the space's shape, over the tensor's elements
 * in order.
 */
export interface Access {
  readonly node: Tensor
  readonly view: View
}

/** What a step reads: an input, an earlier step, or a number. */
export interface Source {
  readonly kind: 'input' | 'step' | 'number'
  readonly index: number
}

/** What a kernel computes at each index of its space: `steps` in order, each from inputs, numbers and earlier steps. */
export interface Body {
  readonly shape: Shape
  readonly inputs: readonly Access[]
  readonly numbers: readonly { readonly value: number; readonly dtype: DType }[]
  readonly steps: readonly { readonly node: Tensor; readonly operands: readonly Source[] }[]
  readonly result: Source
}

/** A kernel, or several that write one tensor. */
export type Root =
  | { readonly kind: 'map'; readonly node: Tensor; readonly body: Body }
  /** Folds of one operand space over the same axes, side by side. */
  | { readonly kind: 'fold'; readonly body: Body; readonly folds: readonly Fold[] }
  /** Parts that their own kernels do not write in place. */
  | {
      readonly kind: 'regions'
      readonly node: Tensor
      readonly parts: readonly { readonly body: Body; readonly region: View }[]
    }
  /**
   * With a hook: what the elements of the kernel's operand of that name are, computed from those of the access when
   * they are loaded.
   */
  | { readonly kind: 'shader'; readonly node: Tensor; readonly operands: readonly Access[]; readonly hook?: Body }
  | { readonly kind: 'constant'; readonly node: Tensor }

/** The tensor that a root is of; of folds side by side the first. */
export const resultOf = (root: Root): Tensor => (root.kind === 'fold' ? (root.folds[0] as Fold).node : root.node)

/** The nodes that a root computes, those that it stores among them. What is computed where it is read is in several. */
export const computedBy = (root: Root): readonly Tensor[] => {
  const stepsOf = (body: Body | undefined): readonly Tensor[] => body?.steps.map(({ node }) => node) ?? []
  if (root.kind === 'fold')
    return [
      ...stepsOf(root.body),
      ...root.folds.flatMap(({ node, fold, finish }) => [fold, ...stepsOf(finish?.body), node])
    ]
  if (root.kind === 'regions') return [...root.parts.flatMap(({ body }) => stepsOf(body)), root.node]
  if (root.kind === 'constant') return [root.node]
  return [...stepsOf(root.kind === 'map' ? root.body : root.hook), root.node]
}

/**
 * A fold of `value`, a source of its root's body; `node`, which is stored, is the fold itself or what `finish` makes of
 * it.
 */
export interface Fold {
  readonly node: Tensor
  readonly fold: Tensor
  readonly value: Source
  readonly finish?: Finish
}

/**
 * What is done to each result of a fold: `body` over the results, its inputs by `tails` the fold itself (`OWN`) or
 * inputs of the root's body.
 */
export interface Finish {
  readonly body: Body
  readonly tails: readonly number[]
}
export const OWN = -1

/** A stored tensor that lies inside another: its elements in order, from `offset` on. */
export interface Placement {
  readonly within: Tensor
  readonly offset: number
}

export interface Fusion {
  /** In an order that can be computed; those that are placed in a whole come before it. */
  readonly roots: readonly Root[]
  readonly placements: ReadonlyMap<Tensor, Placement>
  /** Where each output is read. */
  readonly outputs: readonly Access[]
}

export const kindOf = (node: Tensor) => node.primitive.kernel?.kind

/** Of what is much smaller than a space, a kernel of that space loads one element for a row of four. */
export const isSmall = (size: number, space: number): boolean => size * 8 <= space

/** Where `one` stands in a list that it is added to if there is none like it. */
export const placeIn = <T>(list: T[], one: T, same: (a: T, b: T) => boolean): number => {
  for (let i = 0; i < list.length; i++) if (same(list[i] as T, one)) return i
  return list.push(one) - 1
}
export const sameAccess = (a: Access, b: Access): boolean =>
  a.node === b.node &&
  a.view.offset === b.view.offset &&
  a.view.strides.every((stride, k) => stride === b.view.strides[k])
export const sameNumber = (a: Body['numbers'][number], b: Body['numbers'][number]): boolean =>
  Object.is(a.value, b.value) && a.dtype === b.dtype
