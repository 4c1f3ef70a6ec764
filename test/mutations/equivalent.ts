/** Planted faults that are none: the line means the same with them, and why. */
export interface Equivalent {
  readonly file: string
  /** The line with the fault in it. */
  readonly after: string
  readonly why: string
}

export const EQUIVALENT: readonly Equivalent[] = []
