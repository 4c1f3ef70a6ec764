/** Effects of the engine as values: what they need, what they give, and all that can go wrong. */
import * as E from 'fp-ts/lib/Either.js'
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js'
import { UnreachedError } from '../autodiff/grad.js'
import { ShapeError } from '../autodiff/shape.js'
import type { Device } from '../kernels/device.js'
import type { KernelError } from '../kernels/errors.js'
import type { StoredTensor } from './values.js'

/** All that can go wrong, as a value: `message` is one sentence with what was wanted, what was got and what to do. */
export type EngineError = KernelError | { readonly _tag: 'ShapeError' | 'UnreachedError'; readonly message: string }

/** How a function is compiled, and what is checked as it runs. */
export interface CompileOptions {
  /**
   * Told as kernels are compiled: on the device each is then run once, for drivers that compile when a kernel is first
   * run.
   */
  readonly progress?: (done: number, total: number) => void
  /**
   * False: a kernel for each node. It runs slower, and compiles in a fraction of the time, since the kernels are few
   * and small: for what runs once.
   */
  readonly fused?: boolean
  /**
   * True: as the function runs, each kernel's result is compared with that of the plain kernel of its kind on the same
   * values, and a run in which one differs is a Left that names the first: for an adapter or a driver that nobody has
   * tried. It takes several times as long. (The reference has no kernels.)
   */
  readonly verify?: boolean
  /**
   * True: results are filled with NaN before a run stores them, and a run that leaves an element as it was is a Left
   * that names it. For whoever writes kernels.
   */
  readonly poison?: boolean
}

/**
 * WebGPU, or the float64 interpreter. `fused`, `verify`, `poison`: what functions are compiled with that do not say
 * (see `CompileOptions`).
 */
export type Backend =
  | ({ readonly kind: 'gpu'; readonly device: Device } & Pick<CompileOptions, 'fused' | 'verify' | 'poison'>)
  | { readonly kind: 'reference' }

/** What an effect of the engine is given: where it runs, and what its scope has stored. */
export interface Env {
  readonly backend: Backend
  /** What was stored inside the innermost `scope`, if there is one. */
  readonly stored?: Set<StoredTensor>
}

/** An effect of the engine: give it an environment and it runs, to an error or a result. */
export type Engine<A> = ReaderTaskEither<Env, EngineError, A>

/** Runs something that may throw a `ShapeError` or an `UnreachedError`, which becomes a Left. */
export const catchShapeError = <A>(f: () => A): E.Either<EngineError, A> => {
  try {
    return E.right(f())
  } catch (error) {
    if (error instanceof ShapeError || error instanceof UnreachedError)
      return E.left({ _tag: error.name, message: error.message })
    throw error
  }
}

/**
 * Folds effects over items, in order, until `until` says to stop: the loop of a search or a training. The state goes in
 * and comes out; nothing else is kept.
 * @example
 * import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
 * import { fold } from 'lambda-darts'
 * const total = fold([1, 2, 3, 4], (sum: number) => sum > 5, (sum, item) => RTE.right(sum + item))(0)
 * await total({ backend: { kind: 'reference' } })() // { _tag: 'Right', right: 6 }
 */
export const fold =
  <S, X>(items: Iterable<X>, until: (state: S) => boolean, f: (state: S, item: X) => Engine<S>) =>
  (initial: S): Engine<S> =>
  env =>
  async () => {
    let state = initial
    for (const item of items) {
      if (until(state)) break
      const next = await f(state, item)(env)()
      if (E.isLeft(next)) return next
      state = next.right
    }
    return E.right(state)
  }
