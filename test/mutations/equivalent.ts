/** Planted faults that are none: the line means the same with them, and why. */
export interface Equivalent {
  readonly file: string
  /** The line with the fault in it. */
  readonly after: string
  readonly why: string
}

/** A typed array takes no notice of what is written past its end. */
const PAST = 'nothing is kept of what is written past the end of a typed array'

export const EQUIVALENT: readonly Equivalent[] = [
  {
    file: 'src/autodiff/grad.ts',
    after: 'return work(leaves(forward)) <= work(leaves(reverse)) ? forward : reverse',
    why: 'of two ways that cost the same either may be taken'
  },
  { file: 'src/autodiff/ops/pointwise.ts', after: 'for (let i = 0; i <= result.length; i++) {', why: PAST },
  {
    file: 'src/autodiff/primitive.ts',
    after: 'for (let i = 0; i <= result.length; i++) result[i] = of(da?.[i] as number, db?.[i] as number, dc?.[i] as number)',
    why: PAST
  },
  {
    file: 'src/autodiff/ops/random.ts',
    after: 'return Math.SQRT2 * x * (w <= 5 ? horner(CENTRAL, w - 2.5) : horner(TAIL, Math.sqrt(w) - 3))',
    why: 'both polynomials give the same there'
  }
]
