/**
 * Derivatives as expectations of vitest.
 *
 * @example
 * import { expect } from 'vitest'
 * import { $, type Tensor } from 'lambda-darts'
 * import 'lambda-darts/vitest'
 * expect((x: Tensor) => $.mul(x, $.mul(x, x))).toHaveGradients([[0.5, 1]])
 */
import * as E from 'fp-ts/lib/Either.js'
import { expect } from 'vitest'
import { CheckError, type CheckOptions, checkGrads } from '../autodiff/check.js'
import { describe, fail } from '../autodiff/shape.js'
import type { Tree } from '../autodiff/tree.js'
import { type Backend, constantsOf, type GivenArguments, gradientFailure } from '../engine/index.js'

/** A function whose derivatives can be checked; a test that gives something else fails. */
type Checked = (...args: readonly Tree[]) => Tree

const functionOf = (name: string, value: unknown): Checked =>
  typeof value === 'function'
    ? (value as Checked)
    : fail(name, 'a function', describe(value), `write expect(x => ...).${name}`)

/** A backend, or a session that has one. */
export type OnBackend = Backend | { readonly backend: Backend }

/**
 * What a matcher says: a function passes without an error. One that has a kink at the point neither passes nor fails
 * to.
 */
const verdict = (error: CheckError | undefined, isNot: boolean) => ({
  pass: error?.kink === undefined ? error === undefined : isNot,
  message: () => error?.message ?? 'toHaveGradients wanted a derivative that is off, but all are as they should be.'
})

const caught = (check: () => void): CheckError | undefined => {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof CheckError) return error
    throw error
  }
}

const SHRINKING: CheckOptions = { shrink: true }

expect.extend({
  toHaveGradients(received: unknown, args: GivenArguments<readonly Tree[]>, options?: CheckOptions) {
    const f = functionOf('toHaveGradients', received)
    return verdict(
      caught(() => checkGrads(f, constantsOf(args), { ...SHRINKING, ...options })),
      this.isNot
    )
  },
  async toHaveGradientsOn(
    received: unknown,
    on: OnBackend,
    args: GivenArguments<readonly Tree[]>,
    options?: CheckOptions
  ) {
    const f = functionOf('toHaveGradientsOn', received)
    const backend = 'backend' in on ? on.backend : on
    const result = await gradientFailure(f, args, { ...SHRINKING, ...options })({ backend })()
    if (E.isLeft(result)) throw new Error(result.left.message)
    return verdict(result.right, this.isNot)
  }
})

/** The arguments of a function that is to be checked. */
type ArgumentsOf<F> = F extends (...args: infer A extends readonly Tree[]) => Tree ? GivenArguments<A> : never

declare module 'vitest' {
  interface Matchers<T> {
    /**
     * Derivatives are as central differences have them, in float64, to order 2 unless the options say another. A
     * failure names the entry of the result, the entries of the arguments and the order, at the simplest arguments that
     * were found to fail.
     */
    readonly toHaveGradients: (args: ArgumentsOf<T>, options?: CheckOptions) => void
    /**
     * The value and the derivatives on a device are as on the float64 reference; on the reference, as
     * `toHaveGradients`.
     */
    readonly toHaveGradientsOn: (on: OnBackend, args: ArgumentsOf<T>, options?: CheckOptions) => Promise<void>
  }
}
