/** From a function of tensors to a program that a backend can run. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Graph, topological } from '../autodiff/graph.js'
import { input } from '../autodiff/leaves.js'
import { type LowerOptions, lower } from '../autodiff/lowering/lower.js'
import { optimise } from '../autodiff/passes.js'
import { type Aval, checkFunction, checkOptions } from '../autodiff/shape.js'
import { isTensor, type Tensor } from '../autodiff/tensor.js'
import { leavesOf, rebuild, type WithLeaves } from '../autodiff/tree.js'
import type { Check, Checked } from '../kernels/checks/report.js'
import { verified } from '../kernels/checks/verified.js'
import { writtenChecked } from '../kernels/checks/written.js'
import type { Device } from '../kernels/device.js'
import { disposeExecutable, prepare } from '../kernels/execute.js'
import { pipelineCount } from '../kernels/pipeline.js'
import { plan as planProgram } from '../kernels/plan.js'
import type { Executable } from '../kernels/prepare.js'
import { type Facts, select } from '../kernels/select.js'
import type { Program } from '../kernels/spec.js'
import { warmUp } from '../kernels/warm.js'
import { type CompileOptions, catchShapeError, type Engine, type EngineError } from './effect.js'
import { isAval } from './values.js'

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

/**
 * A function that is ready to run on arguments of fixed shapes: give it to `run`, and to `dispose` when it is no longer
 * wanted.
 */
export interface Compiled<A extends readonly unknown[], R> {
  readonly report: Report
  readonly graph: Graph
  /** Trees whose leaves say dtype and shape. */
  readonly args: WithLeaves<A, Aval>
  readonly result: R
  /** @internal */
  readonly executable: Executable | undefined
  /**
   * What the last output of the executable reports on, if it was compiled to be checked.
   * @internal
   */
  readonly checks: readonly Check[]
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
 * Up to so many calls share a dispatch of a GPU, each with a uniform of its own, of which WebGPU promises twelve. A
 * software adapter would compile for longer, and gain little.
 */
const MOST_TOGETHER = 8
export const callsTogether = ({ software }: Pick<Facts, 'software'>): number => (software ? 1 : MOST_TOGETHER)

/** How programs are lowered for a device. */
export const lowerOptionsFor = ({ info, limits }: Device, { fused = true, verify }: CompileOptions): LowerOptions => {
  const most = limits.maxStorageBuffersPerShaderStage
  return { ...loweringFor(info, verify ? most - MOST_ALLOWANCES : most), fused }
}

/** The program of a graph for a device, with the checks that are asked for. */
const programFor = (graph: Graph, device: Device, { verify, poison, ...options }: CompileOptions): Checked => {
  const { info } = device
  const plain = lower(graph, lowerOptionsFor(device, { ...options, ...(verify ? { verify } : {}) }))
  const program = verify ? verified(plain, info) : { program: select(plain, info), checks: [] }
  return poison ? writtenChecked(program) : program
}

/**
 * Traces `f` on arguments like `args` (trees of tensors, stored tensors or `{ shape, dtype }`) and simplifies the
 * graph. Pure.
 */
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
 * Compiles `f` for arguments of the dtypes and shapes of `args`. On the device: traces, simplifies, lowers, plans,
 * makes pipelines. Left for a wrong shape inside `f`, a program over the adapter's limits, a shader that does not
 * compile, a device without room.
 * @example compile(f)([{ shape: [4, 3], dtype: 'f32' }])
 */
export const compile =
  <A extends readonly unknown[], R>(f: (...args: A) => R, given: CompileOptions = {}) =>
  (args: WithLeaves<A, Aval>): Engine<Compiled<A, R>> =>
  ({ backend }) =>
    pipe(
      TE.fromEither(trace(f, args, given)),
      TE.chain(({ graph, result }): TE.TaskEither<EngineError, Compiled<A, R>> => {
        const nodes = topological(graph.outputs)
        const flops = nodes.reduce(
          (total, node) => total + (node.primitive.flops?.(node.inputs, node.attributes, node) ?? 0),
          0
        )
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
export const dispose = <A extends readonly unknown[], R>(compiled: Compiled<A, R>): void => {
  if (compiled.executable) disposeExecutable(compiled.executable)
}

/** Traces and lowers without a device: what there is to look at. @example lowered(grad(loss))([weights, x, labels]) */
export const lowered =
  <A extends readonly unknown[], R>(f: (...args: A) => R, options: LowerOptions = {}) =>
  (args: WithLeaves<A, Aval>): E.Either<EngineError, Program> =>
    pipe(
      trace(f, args, {}),
      E.map(({ graph }) => lower(graph, options))
    )
