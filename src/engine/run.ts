/** Runs of compiled functions on stored tensors. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { interpret } from '../autodiff/interpret.js'
import type { NdArray } from '../autodiff/ndarray.js'
import { type Aval, checkOptions, describe, fail, show } from '../autodiff/shape.js'
import { isTensor, type Tensor } from '../autodiff/tensor.js'
import { inTree, type Leaf, leavesLike, leavesOf, rebuild } from '../autodiff/tree.js'
import { type DeviceBuffer, release as releaseBuffer } from '../kernels/buffers.js'
import { failureOf } from '../kernels/checks/judge.js'
import type { Check } from '../kernels/checks/report.js'
import type { Device } from '../kernels/device.js'
import { invalidArgument } from '../kernels/errors.js'
import { execute } from '../kernels/execute.js'
import type { Compiled } from './compile.js'
import { type Backend, catchShapeError, type Engine, type EngineError, type Env } from './effect.js'
import { arraysOf, elsewhere, keep, release } from './store.js'
import {
  isAval,
  isStored,
  isValue,
  type Stored,
  type StoredArguments,
  type StoredTensor,
  storedTensor
} from './values.js'

/** How a compiled function is run. */
export interface RunOptions {
  /** Arguments (by place) given away: their memory is free for the next run, and using them again is an error. */
  readonly donate?: readonly number[]
}

/** `argument 0 at 'w'`, for messages, of a path among the arguments. */
export const argumentAt = (path: string): string => {
  const [place, ...rest] = path.split('.')
  return `argument ${place}${inTree(rest.join('.'))}`
}

/** Tensors that a run which has begun was given for good. */
const givenAway = new WeakSet<StoredTensor>()

/** Why stored arguments do not fit, if they do not. */
const misfit = (
  backend: Backend,
  wanted: readonly Leaf<Aval>[],
  given: readonly StoredTensor[]
): EngineError | undefined => {
  for (const [i, { path, value }] of wanted.entries()) {
    const got = given[i] as StoredTensor
    const foreign = elsewhere(backend, ` as ${argumentAt(path)}`, got)
    if (foreign) return foreign
    if (show(value) !== show(got))
      return invalidArgument(
        `${show(value)} as ${argumentAt(path)}`,
        `it is ${show(got)}`,
        'pass that shape, or compile again'
      )
    if (!got.stored.live || givenAway.has(got))
      return invalidArgument(
        `a stored tensor as ${argumentAt(path)}`,
        'it was released or given away before',
        'use what the last run returned'
      )
  }
  return undefined
}

/**
 * The leaves of arguments, one by one (a list of numbers is one tensor, the list of arguments is not), in the order of
 * those that a function was compiled for. Throws a `ShapeError` where there are others.
 */
export const runArguments = <L>(
  wanted: readonly unknown[],
  args: readonly unknown[],
  isLeaf: (value: unknown) => value is L
): readonly Leaf<L>[] =>
  args.length === wanted.length
    ? wanted.flatMap((one, n) =>
        leavesLike('run', one, isAval, args[n], isLeaf, String(n), path => `as ${argumentAt(path)}`)
      )
    : fail(
        'run',
        `${wanted.length} arguments`,
        String(args.length),
        'pass one for each that the function was compiled for'
      )

/** The tensors of arguments in the order of those that a function was compiled for, if they are such. */
export const argumentsFor = <A extends readonly unknown[], R>(
  { args: wanted }: Compiled<A, R>,
  args: readonly unknown[],
  backend: Backend
): E.Either<EngineError, readonly StoredTensor[]> =>
  pipe(
    catchShapeError(() =>
      runArguments(wanted, args, isValue).map(({ path, value }) =>
        isStored(value)
          ? value
          : fail('run', `a stored tensor as ${argumentAt(path)}`, describe(value), 'put it on the backend with store')
      )
    ),
    E.chain(given => {
      const wrong = misfit(backend, leavesOf(wanted, isAval), given)
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

/** The results of a compiled function, as soon as they are on their way. */
const outputsOn =
  <A extends readonly unknown[], R>({ backend }: Env, compiled: Compiled<A, R>) =>
  (given: readonly StoredTensor[]): TE.TaskEither<EngineError, readonly StoredTensor['stored'][]> => {
    const { graph, executable, checks } = compiled
    if (backend.kind === 'reference')
      return TE.fromIO(() =>
        interpret(graph.outputs, bindingsOf(compiled, given)).map(array => ({ array, live: true }))
      )
    return executable
      ? pipe(
          execute(
            backend.device,
            executable,
            given.map(({ stored }) => stored as DeviceBuffer)
          ),
          TE.chain(judged(backend.device, checks))
        )
      : TE.left(
          invalidArgument(
            'a function compiled for the device',
            'it was compiled for the reference',
            'compile it with the backend that runs'
          )
        )
  }

/**
 * Runs a compiled function on stored arguments and gives a tree of stored results. Arguments are only read, unless they
 * are donated: from the moment the run begins these are gone. Left, and no result, if anything was wrong; then donated
 * arguments stay.
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
  env =>
  async () => {
    const checked = pipe(
      catchShapeError(() => checkOptions('run', options, ['donate'])),
      E.chain(() => argumentsFor(compiled, args, env.backend))
    )
    if (E.isLeft(checked)) return checked
    const { donate = [] } = options
    const wrong = wrongPlace(donate, args.length)
    if (wrong) return E.left(wrong)
    const donated = donate.flatMap(n => leavesOf(args[n], isStored).map(({ value }) => value))
    for (const tensor of donated) givenAway.add(tensor)
    const ran = await outputsOn(env, compiled)(checked.right)()
    for (const tensor of donated) givenAway.delete(tensor)
    if (E.isLeft(ran)) return ran
    release(donated)
    const outputs = leavesOf<Tensor>(compiled.result, isTensor)
    const tensors = ran.right.map((stored, i) => {
      const { shape, dtype } = (outputs[i] as Leaf<Tensor>).value
      return keep(env, storedTensor({ shape, dtype }, stored))
    })
    return E.right(rebuild(compiled.result, isTensor, tensors) as Stored<R>)
  }

/**
 * The outputs of a run that was checked, less its report; Left, and none of them, if the report says that something was
 * wrong.
 */
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
