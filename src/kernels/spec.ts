/**
 * The types of a program: a list of calls of shaders over numbered slots. This is all that the two halves of the engine
 * share. `autodiff/lower` writes programs, `kernels` runs them; neither knows anything else of the other.
 */

/**
 * Element types of device storage. Conditions are `u32` (0 or 1): WGSL has no `bool` in storage. Every element takes 4
 * bytes.
 */
export type DType = 'f32' | 'i32' | 'u32'

/** The bytes of one element, of any dtype. */
export const BYTES = 4

/** A value of a program: one buffer, dense, row-major. Slots are numbered by their place in `Program.slots`. */
export interface Slot {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** Between its parts are elements that no call writes or reads. */
  readonly gaps?: true
}

/** The places `offset + sum index[k] * strides[k]` for every index below `extents`, in elements of a slot. */
export interface Region {
  readonly offset: number
  readonly extents: readonly number[]
  readonly strides: readonly number[]
}

/** Typed arrays that hold what a slot holds, one for each dtype. */
export interface DataOf {
  readonly f32: Float32Array<ArrayBuffer>
  readonly i32: Int32Array<ArrayBuffer>
  readonly u32: Uint32Array<ArrayBuffer>
}
/** The values of a dtype on the host. */
export type Data = DataOf[DType]

/**
 * What a map or a fold computes, as WGSL, but for how operands are loaded: shaders differ in that, and `op.ts` knows
 * how.
 */
export interface Computes {
  /** `alias Value`, and `fn compute(x0, x1, ...) -> Value`. */
  readonly text: string
  /** How many of `reads`, from the first on, `compute` takes. */
  readonly inputs: number
  /** vec4s at the end of `params`, which the texts read as `P.numbers`. */
  readonly numbers: number
  /** Of folds: `alias Element`, `part`, `identity` and `combine`. */
  readonly fold?: string
  /**
   * Of folds: `finish`, where results are not stored as they are. What it calls `tail<k>(at)` is bound at `place` among
   * `reads`.
   */
  readonly finish?: string
  readonly tails?: readonly { readonly k: number; readonly place: number }[]
}

/**
 * One dispatch. Bindings: 0 is the uniform (`params`), 1 is the slot written (`read_write`), 2.. are the slots read
 * (`read`). A slot that is written is never among those read in the same call: WebGPU refuses a buffer with both
 * usages.
 */
export interface Call {
  /** Name of a file in `shaders/`, without `.wgsl`. */
  readonly shader: string
  /** Replaces the file's `//! op` block; absent: the block that stands in the file. */
  readonly op?: string
  /** Of maps and folds, instead of `op`: what is computed, from which the op block is made. */
  readonly computes?: Computes
  /**
   * Instead of `op`, of shaders with a function `load`: `compute(x0) -> Value`, what each element of the first operand
   * is when it is loaded.
   */
  readonly hook?: string
  /** Values for the file's `override` constants. */
  readonly constants?: Readonly<Record<string, number>>
  /** The uniform's 32-bit words, in the order of the shader's struct (padded to 16 bytes by the runtime). */
  readonly params: readonly number[]
  readonly reads: readonly number[]
  /** How many elements of each of `reads` the call looks at, where that may be less than the slot. For reports only. */
  readonly covers?: readonly number[]
  readonly write: number
  /**
   * What it stores of `write`, each element once; of folds side by side each by itself. `validate` holds it to what the
   * shader makes of the call's parameters, and all calls of a slot to its elements. Absent for shaders that have no
   * contract (`contracts/`).
   */
  readonly stores?: readonly Region[]
  /** It writes before others what they leave as it is. */
  readonly fills?: true
  /**
   * Workgroups wanted in x, y, z. Shaders loop with a grid stride, so the runtime may launch fewer and nothing is lost.
   */
  readonly workgroups: readonly [number, number, number]
  /** What a person is told about this call when it fails: the primitive, its shape, its place in the graph. */
  readonly label: string
  /** Multiply-adds count two. For reports only. */
  readonly flops: number
}

/** A program: calls of kernels over numbered slots. */
export interface Program {
  readonly slots: readonly Slot[]
  /** In an order that can be executed. A slot may be written by several calls (parts of a concatenation). */
  readonly calls: readonly Call[]
  /** Slots that the caller fills, in the order of the arguments' leaves. Never written by a call. */
  readonly inputs: readonly number[]
  /**
   * Slots that hold the results, in the order of the result's leaves. All different, none of them an input or a
   * constant.
   */
  readonly outputs: readonly number[]
  /** Slots uploaded once, when the plan is made. Never written by a call. */
  readonly constants: readonly { readonly slot: number; readonly data: Data }[]
}
