/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The engine as promises: a backend that is open, and what a first program needs of it. Beneath it lie the effects of
 * `effect.ts`, which compose; `perform` is the door between the two.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import type { Aval } from '../autodiff/shape.js'
import type { Tensor } from '../autodiff/tensor.js'
import type { Tree } from '../autodiff/tree.js'
import { openDevice } from '../kernels/device.js'
import { invalidArgument } from '../kernels/errors.js'
import { type Compiled, compile, dispose, type Report } from './compile.js'
import type { Backend, CompileOptions, Engine, EngineError } from './effect.js'
import { avalsOf, runOn, store } from './given.js'
import type { RunOptions } from './run.js'
import { read, release } from './store.js'
import type { GivenArguments, Read, Storable, Stored, Storing, Value } from './values.js'

/** What promises of the engine reject with: `error` is the tagged error, `message` its sentence. */
export class EngineFailure extends Error {
  override readonly name = 'EngineFailure'
  constructor(readonly error: EngineError) {
    super(error.message)
  }
}

/** A compiled function: arguments in, a tree of stored results out. */
export interface Step<A extends readonly unknown[], R> {
  (...args: GivenArguments<A>): Promise<Stored<R>>
  /** What is known of it: calls, floating point operations, bytes. */
  readonly report: Report
  /** For the effects: `run(step.compiled)`. */
  readonly compiled: Compiled<A, R>
  /** Gives back what it holds on the device. */
  readonly dispose: () => void
  readonly [Symbol.dispose]: () => void
}

/** A function of tensors, or of trees of them. */
export type Traced<A extends readonly Tree[], R> = (...args: A) => R
/** Examples of arguments: values, or only their dtypes and shapes. */
export type Examples<A extends readonly unknown[]> = GivenArguments<A, Value | Aval>

/** A backend that is open. Its functions need no `this`. */
export interface Session {
  /** The adapter's name, or `reference`. */
  readonly name: string
  readonly backend: Backend
  /**
   * Compiles a function, runs it once and gives a tree of stored results: for what runs once.
   * @example await gpu.read(gpu.run(grad(x => $.mul(x, $.tanh(x))), 0.5)) // 0.8553...
   */
  readonly run: {
    <A extends readonly Tensor[], R extends Tree>(f: Traced<A, R>, ...args: GivenArguments<A>): Promise<Stored<R>>
    <A extends readonly Tree[], R extends Tree>(f: Traced<A, R>, ...args: GivenArguments<A>): Promise<Stored<R>>
  }
  /**
   * Compiles a function for arguments like the examples, of which only dtypes and shapes matter: for what runs often.
   * @example
   * using step = await gpu.compile(grad(loss), [weights, x, labels])
   * await step(weights, x, labels) // { w: f32[3,2], b: f32[2] }
   */
  readonly compile: {
    <A extends readonly Tensor[], R extends Tree>(
      f: Traced<A, R>,
      examples: Examples<A>,
      options?: CompileOptions & RunOptions
    ): Promise<Step<A, R>>
    <A extends readonly Tree[], R extends Tree>(
      f: Traced<A, R>,
      examples: Examples<A>,
      options?: CompileOptions & RunOptions
    ): Promise<Step<A, R>>
  }
  /**
   * Puts a tree of values on the backend.
   * @example await gpu.store({ w: [[1, 2], [3, 4]], b: [0, 0] }) // { w: f32[2,2], b: f32[2] }
   */
  readonly store: <const T>(tree: T & Storable<T>) => Promise<Storing<T>>
  /**
   * Brings a tree of stored tensors, or a promise of one, back as arrays.
   * @example (await gpu.read(gpu.run(f, x))).data.length // 1
   */
  readonly read: <T>(tree: T | PromiseLike<T>) => Promise<Read<T>>
  /** Gives back the memory of all stored tensors in a tree. What nobody has any more is given back in time. */
  readonly release: (tree: unknown) => void
  /** Performs an effect on this backend. @example await gpu.perform(compile(f)([x])) */
  readonly perform: <A>(effect: Engine<A>) => Promise<A>
  /** Closes the device: all that is stored on it is gone. */
  readonly dispose: () => void
  readonly [Symbol.dispose]: () => void
}

/** Performs an effect: its Left becomes a rejection. */
const performOn =
  (backend: Backend) =>
  async <A>(effect: Engine<A>): Promise<A> => {
    const result = await effect({ backend })()
    if (E.isLeft(result)) throw new EngineFailure(result.left)
    return result.right
  }

const stepOf = <A extends readonly unknown[], R>(
  perform: Session['perform'],
  compiled: Compiled<A, R>,
  options: RunOptions
): Step<A, R> => {
  const run = runOn(compiled, options)
  const end = (): void => dispose(compiled)
  return Object.assign((...args: GivenArguments<A>) => perform(run(...args)), {
    report: compiled.report,
    compiled,
    dispose: end,
    [Symbol.dispose]: end
  })
}

/** Compiles a function for arguments like the examples. */
const compiledFor = <A extends readonly unknown[], R>(
  f: (...args: A) => R,
  examples: Examples<A>,
  options: CompileOptions
): Engine<Compiled<A, R>> =>
  pipe(
    RTE.fromEither(avalsOf<A>(examples)),
    RTE.chain(avals => compile(f, options)(avals))
  )

const sessionOn = (backend: Backend, name: string, close: () => void): Session => {
  let isOpen = true
  const perform: Session['perform'] = effect =>
    isOpen
      ? performOn(backend)(effect)
      : Promise.reject(
          new EngineFailure(invalidArgument('a session that is open', 'this one was disposed of', 'open another'))
        )
  const end = (): void => {
    if (isOpen) close()
    isOpen = false
  }
  return {
    name,
    backend,
    perform,
    run: <A extends readonly Tree[], R extends Tree>(f: Traced<A, R>, ...args: GivenArguments<A>) =>
      perform(
        RTE.bracket(
          compiledFor<A, R>(f, args, { fused: false }),
          compiled => runOn(compiled)(...args),
          compiled => RTE.fromIO(() => dispose(compiled))
        )
      ),
    compile: async <A extends readonly Tree[], R extends Tree>(
      f: Traced<A, R>,
      examples: Examples<A>,
      { donate, ...options }: CompileOptions & RunOptions = {}
    ) => stepOf(perform, await perform(compiledFor<A, R>(f, examples, options)), donate ? { donate } : {}),
    store: ((tree: unknown) => perform(store(tree))) as Session['store'],
    read: async tree => perform(read(await tree)),
    release,
    dispose: end,
    [Symbol.dispose]: end
  }
}

/**
 * Opens the adapter whose name contains `adapter`, else the one that the system prefers; it may run on the CPU, and
 * `name` says so. Rejects with an `EngineFailure` where there is none.
 * @example
 * const gpu = await openGpu()
 * console.log(await gpu.read(gpu.run(grad(x => $.mul(x, $.tanh(x))), 0.5)))
 */
export const openGpu = async (options: { readonly adapter?: string } = {}): Promise<Session> => {
  const opened = await openDevice(options)()
  if (E.isLeft(opened)) throw new EngineFailure(opened.left)
  const device = opened.right
  return sessionOn({ kind: 'gpu', device }, device.info.name, () => device.device.destroy())
}

/**
 * The float64 reference, which needs no adapter: slow, and what all else is held to.
 * @example const reference = openReference()
 */
export const openReference = (): Session => sessionOn({ kind: 'reference' }, 'reference', () => undefined)
