/**
 * Where the two halves meet: `compile` turns a function of tensors into a plan, `run` executes the plan on stored tensors. All effects are
 * values of type `Engine<A>`; nothing happens until one is given its environment.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Graph, topological } from '../autodiff/graph.js'
import { interpret } from '../autodiff/interpret.js'
import { holds, input } from '../autodiff/leaves.js'
import { type LowerOptions, lower } from '../autodiff/lowering/lower.js'
import type { NdArray } from '../autodiff/ndarray.js'
import { optimise } from '../autodiff/passes.js'
import { type Aval, checkFunction, checkOptions, describe, ShapeError, show, sizeOf } from '../autodiff/shape.js'
import { isTensor, type Tensor } from '../autodiff/tensor.js'
import { type Leaf, leavesLike, leavesOf, rebuild, type WithLeaves } from '../autodiff/tree.js'
import { type DeviceBuffer, release as releaseBuffer } from '../kernels/buffers.js'
import { finiteChecked } from '../kernels/checks/finite.js'
import { failureOf } from '../kernels/checks/judge.js'
import type { Check, Checked } from '../kernels/checks/report.js'
import { verified } from '../kernels/checks/verified.js'
import { writtenChecked } from '../kernels/checks/written.js'
import { type AdapterInfo, type Device, listAdapters, openDevice } from '../kernels/device.js'
import { invalidArgument, type EngineError as KernelError } from '../kernels/errors.js'
import { disposeExecutable, execute, prepare, readback, upload } from '../kernels/execute.js'
import { pipelineCount } from '../kernels/pipeline.js'
import { plan as planProgram } from '../kernels/plan.js'
import type { Executable } from '../kernels/prepare.js'
import { type Facts, select } from '../kernels/select.js'
import type { Data, Program } from '../kernels/spec.js'
import { warmUp } from '../kernels/warm.js'

export type { AdapterInfo, Device }
export { listAdapters, openDevice }

/** All that can go wrong, as a value: `message` is one sentence with what was wanted, what was got and what to do. */
export type EngineError = KernelError | { readonly _tag: 'ShapeError'; readonly message: string }

/** WebGPU, or the float64 interpreter. `fused`, `verify`, `poison`: what functions are compiled with that do not say (see `CompileOptions`). */
export type Backend =
  | ({ readonly kind: 'gpu'; readonly device: Device } & Pick<CompileOptions, 'fused' | 'verify' | 'poison'>)
  | { readonly kind: 'reference' }

export interface Env {
  readonly backend: Backend
  /** What was stored inside the innermost `scope`, if there is one. */
  readonly stored?: Set<StoredTensor>
}

/** An effect of the engine: give it an environment and it runs, to an error or a result. */
export type Engine<A> = ReaderTaskEither<Env, EngineError, A>

/** A tensor that lives on a backend: a value, never changed. It holds memory until it is released, donated, or its scope ends. */
export interface StoredTensor extends Aval {
  readonly stored: DeviceBuffer | { readonly array: NdArray; live: boolean }
}
export type Stored<T> = WithLeaves<T, StoredTensor>

/** Arguments of a compiled function. */
export type StoredArguments<A extends readonly unknown[]> = { readonly [K in keyof A]: Stored<A[K]> }

export const isStored = (value: unknown): value is StoredTensor =>
  typeof value === 'object' && value !== null && 'stored' in value && 'dtype' in value

/** Values on the host: numbers of a shape. f32 is a Float32Array from the device and a Float64Array from the reference. */
export interface HostArray extends Aval {
  readonly data: Float32Array | Float64Array | Int32Array | Uint32Array
}
export const isHostArray = (value: unknown): value is HostArray =>
  typeof value === 'object' && value !== null && 'data' in value && ArrayBuffer.isView(value.data) && 'dtype' in value

/** What is known of a compiled function before it runs. */
export interface Report {
  readonly backend: string
  /** Nodes after the passes, and calls of shaders (dispatches). */
  readonly nodes: number
  readonly calls: number
  readonly flops: number
  /** All buffers of a run at once, and what no plan of this order could go below. 0 on the reference. */
  readonly peakBytes: number
  readonly lowerBoundBytes: number
  /** Pipelines that the device holds after compiling this one. */
  readonly pipelines: number
}

export interface Compiled<A extends readonly unknown[], R> {
  readonly report: Report
  readonly graph: Graph
  /** Trees whose leaves say dtype and shape. */
  readonly args: WithLeaves<A, Aval>
  readonly result: R
  readonly executable: Executable | undefined
  /** What the last output of the executable reports on, if it was compiled to be checked. */
  readonly checks: readonly Check[]
}

export const isAval = (value: unknown): value is Aval =>
  typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value

/** Runs something that may throw a `ShapeError`, which becomes a Left. */
const catchShapeError = <A>(f: () => A): E.Either<EngineError, A> => {
  try {
    return E.right(f())
  } catch (error) {
    if (error instanceof ShapeError) return E.left({ _tag: 'ShapeError', message: error.message })
    throw error
  }
}

export interface CompileOptions {
  /** Told as kernels are compiled: on the device each is then run once, for drivers that compile when a kernel is first run. */
  readonly progress?: (done: number, total: number) => void
  /** False: a kernel for each node. It runs slower, and compiles in a fraction of the time, since the kernels are few and small: for what runs once. */
  readonly fused?: boolean
  /**
   * True: as the function runs, each kernel's result is compared with that of the plain kernel of its kind on the same values, and a run in which one
   * differs is a Left that names the first: for an adapter or a driver that nobody has tried. It takes several times as long. (The reference has no kernels.)
   */
  readonly verify?: boolean
  /** True: results are filled with NaN before a run stores them, and a run that leaves an element as it was is a Left that names it. For whoever writes kernels. */
  readonly poison?: boolean
}

/** Operands of a kernel that the allowances of a verified program add. */
const MOST_ALLOWANCES = 4

/** What a launch of a GPU costs in bytes of memory traffic: 5.5 microseconds at the 0.8 TB/s of a map, on an H200. */
const LAUNCH_OF_GPUS = 4_400_000

/** How programs are lowered for an adapter of these facts, whose kernels may have so many storage buffers. */
export const loweringFor = ({ software }: Pick<Facts, 'software'>, storageBuffers: number): LowerOptions => ({
  storageBuffers,
  ...(software ? {} : { launch: LAUNCH_OF_GPUS })
})

/**
 * Up to so many calls share a dispatch of a GPU, each with a uniform of its own, of which WebGPU promises twelve. A software
 * adapter would compile for longer, and gain little.
 */
const MOST_TOGETHER = 8
export const callsTogether = ({ software }: Pick<Facts, 'software'>): number => (software ? 1 : MOST_TOGETHER)

/** The program of a graph for a device, with the checks that are asked for. */
const programFor = (graph: Graph, { info, limits }: Device, { fused, verify, poison }: CompileOptions): Checked => {
  const most = limits.maxStorageBuffersPerShaderStage
  const plain = lower(graph, { ...loweringFor(info, verify ? most - MOST_ALLOWANCES : most), fused: fused ?? true })
  const program = verify ? verified(plain, info) : { program: select(plain, info), checks: [] }
  return poison ? writtenChecked(program) : program
}

/** Traces `f` on arguments like `args` (trees of tensors, stored tensors or `{ shape, dtype }`) and simplifies the graph. Pure. */
const trace = <A extends readonly unknown[], R>(
  f: (...args: A) => R,
  args: unknown,
  options: CompileOptions
): E.Either<EngineError, { graph: Graph; result: R }> =>
  catchShapeError(() => {
    checkOptions('compile', options, ['progress', 'fused', 'verify', 'poison'])
    checkFunction('compile', f)
    const inputs = leavesOf(args, isAval).map(({ path, value: { shape, dtype } }) => input({ shape, dtype }, path))
    const result = f(...(rebuild(args, isAval, inputs) as A))
    const outputs = leavesOf<Tensor>(result, isTensor).map(({ value }) => value)
    return { graph: optimise({ inputs, outputs }), result }
  })

/**
 * Compiles `f` for arguments of the dtypes and shapes of `args`. On the device: traces, simplifies, lowers, plans, makes pipelines. Left for a
 * wrong shape inside `f`, a program over the adapter's limits, a shader that does not compile, a device without room.
 * @example compile((x: Tensor) => grad(loss)(x))([{ shape: [32, 10], dtype: 'f32' }])
 */
export const compile =
  <A extends readonly unknown[], R>(f: (...args: A) => R, given: CompileOptions = {}) =>
  (args: WithLeaves<A, Aval>): Engine<Compiled<A, R>> =>
  ({ backend }) =>
    pipe(
      TE.fromEither(trace(f, args, given)),
      TE.chain(({ graph, result }): TE.TaskEither<EngineError, Compiled<A, R>> => {
        const nodes = topological(graph.outputs)
        const flops = nodes.reduce((total, node) => total + (node.primitive.flops?.(node.inputs, node.attributes, node) ?? 0), 0)
        if (backend.kind === 'reference') {
          const report = {
            backend: 'reference',
            nodes: nodes.length,
            calls: nodes.length,
            flops,
            peakBytes: 0,
            lowerBoundBytes: 0,
            pipelines: 0
          }
          return TE.right({ report, graph, args, result, executable: undefined, checks: [] })
        }
        const { progress, ...options } = given
        const { device, kind: _, ...usual } = backend
        const { program, checks } = programFor(graph, device, { ...usual, ...options })
        // Checks write one report in their order: by levels they would come last, and keep every result until then.
        return pipe(
          TE.fromEither(planProgram(program, device.limits, checks.length === 0 ? callsTogether(device.info) : 1)),
          TE.chain(plan =>
            pipe(
              prepare(device, plan),
              TE.chainFirst(executable => (progress ? warmUp(device, executable, progress) : TE.right(undefined))),
              TE.map(executable => {
                const { dispatches, peakBytes, lowerBoundBytes } = plan
                const report = {
                  backend: device.info.name,
                  nodes: nodes.length,
                  calls: dispatches.length,
                  flops,
                  peakBytes,
                  lowerBoundBytes,
                  pipelines: pipelineCount(device)
                }
                return { report, graph, args, result, executable, checks }
              })
            )
          )
        )
      })
    )

/** Gives back what a compiled function holds on the device. */
export const dispose = <A extends readonly unknown[], R>({ executable }: Compiled<A, R>): void => {
  if (executable) disposeExecutable(executable)
}

const keep = (env: Env, tensor: StoredTensor): StoredTensor => {
  env.stored?.add(tensor)
  return tensor
}

const releaseTensor = ({ stored }: StoredTensor): void => {
  if ('array' in stored) stored.live = false
  else if (stored.live) releaseBuffer(stored)
}

/** Gives back the memory of all stored tensors in a tree. Released ones are passed over. */
export const release = (tree: unknown): void => {
  for (const { value } of findStored(tree)) releaseTensor(value)
}

/** Stored tensors anywhere in a value, also among numbers and texts. */
const findStored = (value: unknown): { value: StoredTensor }[] => {
  if (isStored(value)) return [{ value }]
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return []
  return Object.values(value).flatMap(findStored)
}

/** The leaves of a tree; Left where it holds something else. */
const found = <L>(tree: unknown, isLeaf: (value: unknown) => value is L): E.Either<EngineError, readonly Leaf<L>[]> =>
  catchShapeError(() => leavesOf(tree, isLeaf))

/** A tree of host arrays, stored. */
export type Storing<T> = T extends HostArray ? StoredTensor : { readonly [K in keyof T]: Storing<T[K]> }

/** Puts a tree of host arrays on the backend. */
export const store =
  <T>(tree: T): Engine<Storing<T>> =>
  env => {
    const { backend } = env
    const one = ({ path, value: { shape, dtype, data } }: Leaf<HostArray>): TE.TaskEither<EngineError, StoredTensor> => {
      if (data.length !== sizeOf(shape))
        return TE.left(
          invalidArgument(
            `${sizeOf(shape)} values for ${show({ shape, dtype })}`,
            `there are ${data.length}`,
            'give a shape that holds them all'
          )
        )
      const stranger = strangerIn({ shape, dtype, data }, backend)
      if (stranger !== undefined)
        return TE.left(
          invalidArgument(
            `numbers that ${describe(dtype)} holds at '${path}'`,
            `there is ${stranger}`,
            'choose another dtype, or round it'
          )
        )
      if (backend.kind === 'reference')
        return TE.right(keep(env, { shape, dtype, stored: { array: toReference({ shape, dtype, data }), live: true } }))
      return pipe(
        upload(backend.device, toDevice({ shape, dtype, data })),
        TE.map(stored => keep(env, { shape, dtype, stored }))
      )
    }
    return pipe(
      TE.fromEither(found(tree, isHostArray)),
      TE.chain(TE.traverseSeqArray(one)),
      TE.map(stored => rebuild(tree, isHostArray, stored) as Storing<T>)
    )
  }

/** A number that is not held by the dtype that it is to have; undefined where there is none. */
const strangerIn = ({ dtype, data }: HostArray, { kind }: Backend): string | undefined => {
  const own = { f32: Float32Array, i32: Int32Array, u32: Uint32Array }[dtype]
  if (own === undefined) return `the dtype ${describe(dtype)}, not f32, i32 or u32`
  if (data instanceof own || (dtype === 'f32' && kind === 'reference')) return undefined
  const stranger = data.find(value => !holds(dtype, value))
  return stranger === undefined ? undefined : String(stranger)
}

const toReference = ({ shape, dtype, data }: HostArray): NdArray => ({
  shape,
  dtype,
  data: dtype === 'f32' ? Float64Array.from(data) : dtype === 'i32' ? Int32Array.from(data) : Uint32Array.from(data)
})
const toDevice = ({ dtype, data }: HostArray): Data =>
  dtype === 'f32' ? new Float32Array(data) : dtype === 'i32' ? new Int32Array(data) : new Uint32Array(data)

export interface RunOptions {
  /** Arguments (by place) given away: their memory is free for the next run, and using them again is an error. */
  readonly donate?: readonly number[]
}

/** Refuses a tensor that lives on another backend than the one that runs. (Of two devices, `execute` tells which is meant.) */
const elsewhere = ({ kind }: Backend, path: string, { stored }: StoredTensor): EngineError | undefined => {
  const [here, there] = [kind === 'gpu' ? 'the device' : 'the reference', 'array' in stored ? 'the reference' : 'the device']
  return here === there
    ? undefined
    : invalidArgument(`a tensor stored on ${here} at '${path}'`, `it is on ${there}`, 'store it with the backend that runs')
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
const argumentsFor = <A extends readonly unknown[], R>(
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

/** The arrays of stored arguments on the reference. */
const arraysOf = (tensors: readonly StoredTensor[]): NdArray[] =>
  tensors.map(({ stored }) => (stored as { array: NdArray }).array)

/**
 * Runs a compiled function on stored arguments and gives a tree of stored results. Arguments are only read, unless they are donated. Left,
 * and no result, if anything was wrong.
 * @example run(step, { donate: [0] })(state, batch)
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
      const bindings = new Map(compiled.graph.inputs.map((node, i) => [node, arraysOf(given)[i] as NdArray]))
      return TE.fromIO(() => finish(interpret(compiled.graph.outputs, bindings).map(array => ({ array, live: true }))))
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

/** Brings a tree of stored tensors back as typed arrays, in one wait. */
export const read =
  <T>(tree: T): Engine<Read<T>> =>
  ({ backend }) => {
    const all = found(tree, isStored)
    if (E.isLeft(all)) return TE.left(all.left)
    const tensors = all.right
    const dead = tensors.find(({ value }) => !value.stored.live)
    if (dead)
      return TE.left(
        invalidArgument(`a stored tensor at '${dead.path}'`, 'it was released or given away before', 'read it before')
      )
    const foreign = tensors.map(({ path, value }) => elsewhere(backend, path, value)).find(error => error !== undefined)
    if (foreign) return TE.left(foreign)
    const filled = (data: readonly HostArray['data'][]) =>
      rebuild(
        tree,
        isStored,
        data.map((values, i) => ({ shape: tensors[i]?.value.shape, dtype: tensors[i]?.value.dtype, data: values }))
      ) as Read<T>
    if (backend.kind === 'reference') return TE.right(filled(arraysOf(tensors.map(({ value }) => value)).map(({ data }) => data)))
    const wanted = tensors.map(({ value }) => ({
      buffer: value.stored as DeviceBuffer,
      dtype: value.dtype,
      length: sizeOf(value.shape)
    }))
    return pipe(readback(backend.device, wanted), TE.map(filled))
  }

/** A tree of stored tensors, read. */
export type Read<T> = T extends StoredTensor ? HostArray : { readonly [K in keyof T]: Read<T[K]> }

/** Runs `body` and releases all that was stored in it but is not part of its result (everything, if it failed). */
export const scope =
  <A>(body: Engine<A>): Engine<A> =>
  env =>
  async () => {
    const stored = new Set<StoredTensor>()
    const result = await body({ ...env, stored })()
    const kept = new Set(E.isRight(result) ? findStored(result.right).map(({ value }) => value) : [])
    for (const tensor of stored) {
      if (kept.has(tensor)) env.stored?.add(tensor)
      else releaseTensor(tensor)
    }
    return result
  }

/** Traces and lowers without a device: what there is to look at. @example lowered(step)([state, batch]).calls */
export const lowered =
  <A extends readonly unknown[], R>(f: (...args: A) => R, options: LowerOptions = {}) =>
  (args: WithLeaves<A, Aval>): E.Either<EngineError, Program> =>
    pipe(
      trace(f, args, {}),
      E.map(({ graph }) => lower(graph, options))
    )

/**
 * The first node of a compiled function whose value is not finite on these arguments, in words; undefined if there is none. It replays the
 * function call by call (on the reference, node by node), so it is slow, and for the moment after something went wrong.
 */
export const firstNonFinite =
  <A extends readonly unknown[], R>(compiled: Compiled<A, R>) =>
  (...args: StoredArguments<A>): Engine<string | undefined> =>
  ({ backend }) => {
    const checked = argumentsFor('firstNonFinite', compiled, args, backend)
    if (E.isLeft(checked)) return TE.left(checked.left)
    const given = checked.right
    if (backend.kind === 'reference') {
      const bindings = new Map(compiled.graph.inputs.map((node, i) => [node, arraysOf(given)[i] as NdArray]))
      return TE.fromIO(() => {
        const found: string[] = []
        interpret(compiled.graph.outputs, bindings, (node, value) => {
          if (!found.length && node.dtype === 'f32' && !value.data.every(Number.isFinite))
            found.push(`${node.primitive.name} ${show(node)}`)
        })
        return found[0]
      })
    }
    const { device } = backend
    const { program, checks } = finiteChecked(lower(compiled.graph, { fused: false }))
    return pipe(
      TE.fromEither(planProgram(program, device.limits)),
      TE.chain(plan =>
        TE.bracket(
          prepare(device, plan),
          executable =>
            pipe(
              execute(
                device,
                executable,
                given.map(({ stored }) => stored as DeviceBuffer)
              ),
              TE.chain(([flag]) =>
                TE.bracket(
                  TE.right(flag as DeviceBuffer),
                  buffer => failureOf(device, checks, buffer),
                  buffer => TE.fromIO(() => releaseBuffer(buffer))
                )
              ),
              TE.map(failure => failure?.check.call.label)
            ),
          executable => TE.fromIO(() => disposeExecutable(executable))
        )
      )
    )
  }

/**
 * Folds effects over items, in order, until `until` says to stop: the loop of a search or a training. The state goes in and comes out; nothing
 * else is kept.
 * @example fold(batches, () => interrupted, (state, batch) => step(state, batch))(initial)
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
