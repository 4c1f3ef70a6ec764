/** Runs of compiled functions on stored tensors. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { interpret } from '../autodiff/interpret.js'
import type { NdArray } from '../autodiff/ndarray.js'
import { type Aval, checkOptions, describe, show } from '../autodiff/shape.js'
import { isTensor, type Tensor } from '../autodiff/tensor.js'
import { leavesLike, leavesOf, rebuild } from '../autodiff/tree.js'
import { type DeviceBuffer, release as releaseBuffer } from '../kernels/buffers.js'
import { failureOf } from '../kernels/checks/judge.js'
import type { Check } from '../kernels/checks/report.js'
import type { Device } from '../kernels/device.js'
import { invalidArgument } from '../kernels/errors.js'
import { execute } from '../kernels/execute.js'
import type { Executable } from '../kernels/prepare.js'
import type { Compiled } from './compile.js'
import { type Backend, catchShapeError, type Engine, type EngineError } from './effect.js'
import { arraysOf, elsewhere, keep, release } from './store.js'
import { isAval, isStored, type Stored, type StoredArguments, type StoredTensor } from './values.js'

/** How a compiled function is run. */
export interface RunOptions {
  /** Arguments (by place) given away: their memory is free for the next run, and using them again is an error. */
  readonly donate?: readonly number[]
}

/** Why stored arguments do not fit, if they do not. */
const misfit = (
  backend: Backend,
  wanted: readonly { path: string; value: Aval }[],
  given: readonly StoredTensor[]
): EngineError | undefined => {
  for (const [i, { path, value }] of wanted.entries()) {
    const got = given[i] as StoredTensor
    const foreign = elsewhere(backend, path, got)
    if (foreign) return foreign
    if (show(value) !== show(got))
      return invalidArgument(`${show(value)} at '${path}'`, `it is ${show(got)}`, 'pass that shape, or compile again')
    if (!got.stored.live)
      return invalidArgument(
        `a stored tensor at '${path}'`,
        'it was released or given away before',
        'use what the last run returned'
      )
  }
  return undefined
}

/** The tensors of arguments in the order of those that a function was compiled for, if they are such. */
export const argumentsFor = <A extends readonly unknown[], R>(
  what: string,
  compiled: Compiled<A, R>,
  args: unknown,
  backend: Backend
): E.Either<EngineError, readonly StoredTensor[]> =>
  pipe(
    catchShapeError(() => leavesLike(what, compiled.args, isAval, args, isStored).map(({ value }) => value)),
    E.chain(given => {
      const wrong = misfit(backend, leavesOf(compiled.args, isAval), given)
      return wrong ? E.left(wrong) : E.right(given)
    })
  )

/** Why places do not name arguments, if they do not. */
const wrongPlace = (donate: readonly number[], count: number): EngineError | undefined =>
  Array.isArray(donate) && donate.every(n => Number.isInteger(n) && n >= 0 && n < count)
    ? undefined
    : invalidArgument(`donate to be places among the ${count} arguments`, `it is ${describe(donate)}`, 'count from 0')

/** What the inputs of a compiled function are bound to on the reference. */
export const bindingsOf = <A extends readonly unknown[], R>(
  { graph }: Compiled<A, R>,
  given: readonly StoredTensor[]
): ReadonlyMap<Tensor, NdArray> => {
  const arrays = arraysOf(given)
  return new Map(graph.inputs.map((node, i) => [node, arrays[i] as NdArray]))
}

/**
 * Runs a compiled function on stored arguments and gives a tree of stored results. Arguments are only read, unless they are donated. Left,
 * and no result, if anything was wrong.
 * @example
 * import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { $, compile, type HostArray, read, run, store, type Tensor } from 'lambda-darts'
 * const program = pipe(
 *   RTE.Do,
 *   RTE.bind('square', () => compile((x: Tensor) => $.mul(x, x))([$.tensor(0)])),
 *   RTE.bind('three', () => store<HostArray>({ shape: [], dtype: 'f32', data: new Float32Array([3]) })),
 *   RTE.chain(({ square, three }) => run(square, { donate: [0] })(three)),
 *   RTE.chain(read)
 * )
 * await program({ backend: { kind: 'reference' } })() // { _tag: 'Right', right: 9 }
 */
export const run =
  <A extends readonly unknown[], R>(compiled: Compiled<A, R>, options: RunOptions = {}) =>
  (...args: StoredArguments<A>): Engine<Stored<R>> =>
  env => {
    const { backend } = env
    const checked = pipe(
      catchShapeError(() => checkOptions('run', options, ['donate'])),
      E.chain(() => argumentsFor('run', compiled, args, backend))
    )
    if (E.isLeft(checked)) return TE.left(checked.left)
    const given = checked.right
    const { donate = [] } = options
    const wrong = wrongPlace(donate, args.length)
    if (wrong) return TE.left(wrong)
    const outputs = leavesOf<Tensor>(compiled.result, isTensor).map(({ value }) => value)
    const finish = (stored: readonly StoredTensor['stored'][]): Stored<R> => {
      for (const n of donate) release(args[n])
      const tensors = stored.map((one, i) =>
        keep(env, { shape: (outputs[i] as Tensor).shape, dtype: (outputs[i] as Tensor).dtype, stored: one })
      )
      return rebuild(compiled.result, isTensor, tensors) as Stored<R>
    }
    if (backend.kind === 'reference') {
      return TE.fromIO(() =>
        finish(interpret(compiled.graph.outputs, bindingsOf(compiled, given)).map(array => ({ array, live: true })))
      )
    }
    return pipe(
      execute(
        backend.device,
        compiled.executable as Executable,
        given.map(({ stored }) => stored as DeviceBuffer)
      ),
      TE.chain(judged(backend.device, compiled.checks)),
      TE.map(finish)
    )
  }

/** The outputs of a run that was checked, less its report; Left, and none of them, if the report says that something was wrong. */
const judged =
  (device: Device, checks: readonly Check[]) =>
  (outputs: readonly DeviceBuffer[]): TE.TaskEither<EngineError, readonly DeviceBuffer[]> => {
    if (checks.length === 0) return TE.right(outputs)
    const [results, report] = [outputs.slice(0, -1), outputs.at(-1) as DeviceBuffer]
    return TE.bracket<EngineError, readonly DeviceBuffer[], readonly DeviceBuffer[]>(
      TE.right(results),
      () =>
        pipe(
          failureOf(device, checks, report),
          TE.chain(failure => (failure === undefined ? TE.right(results) : TE.left(failure.error)))
        ),
      (_, judgement) =>
        TE.fromIO(() => {
          releaseBuffer(report)
          if (E.isLeft(judgement)) results.forEach(releaseBuffer)
        })
    )
  }
