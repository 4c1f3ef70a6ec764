/**
 * How a primitive becomes calls of shaders, as data: `lower` reads it. Five forms cover every primitive, and two of
 * them (`view`, `regions`) are also the meaning of the primitive, so that its reference is derived from them.
 */
import type { View } from './ndarray.js'
import type { Aval } from './shape.js'

/**
 * What a primitive is told besides its inputs (axes, strides, a constant's data): JSON, but for the data of a constant.
 */
export type Attributes = Readonly<Record<string, unknown>>

/** How a primitive becomes calls of shaders. */
export type Kernel = MapKernel | ViewKernel | RegionsKernel | ReduceKernel | ShaderKernel

/**
 * One value from one value of each input, at the same index. `expression` is WGSL over a, b, c. Fusion composes these
 * texts.
 */
export interface MapKernel {
  readonly kind: 'map'
  expression(attributes: Attributes): string
  /** The file of shaders/ with the functions that it calls, where common.wgsl has them not. */
  readonly include?: string
}

/**
 * The same elements read in another way: no work. `undefined` where the strides cannot say it; then the input is copied
 * first.
 */
export interface ViewKernel {
  readonly kind: 'view'
  view(input: View, attributes: Attributes, out: Aval): View | undefined
}

/** The result is put together from whole inputs, each written to a region of it; what no region covers is zero. */
export interface RegionsKernel {
  readonly kind: 'regions'
  regions(
    inputs: readonly Aval[],
    attributes: Attributes,
    out: Aval
  ): { readonly fill: boolean; readonly parts: readonly View[] }
}

/** A fold over the axes `axes` of the only input. `identity` and `combine` (over a, b) are WGSL. */
export interface ReduceKernel {
  readonly kind: 'reduce'
  readonly identity: string
  readonly combine: string
}

/**
 * A shader file of its own. Its uniform begins with the operands' offsets (in elements, padded to a multiple of four
 * words), then come `params`. Operands are dense unless `strided` names the axes from which on the rows may lie
 * anywhere: then their strides follow.
 */
export interface ShaderKernel {
  readonly kind: 'shader'
  readonly shader: string
  /**
   * Values of the file's `override` constants: for what the driver must know, since each value is a pipeline of its
   * own.
   */
  constants?(inputs: readonly Aval[], attributes: Attributes, out: Aval): Readonly<Record<string, number>>
  /** Replaces the file's op block. */
  op?(inputs: readonly Aval[], attributes: Attributes, out: Aval): string
  params(inputs: readonly Aval[], attributes: Attributes, out: Aval): readonly number[]
  /** Invocations wanted; 64 make a workgroup. Absent: one for each element of the result. */
  invocations?(inputs: readonly Aval[], attributes: Attributes, out: Aval): number
  /** Operands may be any view of rank 3, their strides are passed after the offsets (matmul: transposes are free). */
  readonly strided?: boolean
  /**
   * The operand whose elements pass through the file's `load`: a pointwise function of them is computed there, if it
   * keeps no kernel of its own.
   */
  readonly hook?: number
  /**
   * The word after the operands' offsets says where in its buffer the result begins, so that it can be written into a
   * larger one.
   */
  readonly placed?: boolean
}
