/** Where the time of a compiled function goes: by parts that its author names, by shader, and by kernel. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { resultOf } from '../autodiff/fusion/roots.js'
import { topological } from '../autodiff/graph.js'
import { input } from '../autodiff/leaves.js'
import { type Lowered, type LoweredKernel, type LowerOptions, lowering } from '../autodiff/lowering/lower.js'
import { optimise } from '../autodiff/passes.js'
import { isTensor, type Tensor } from '../autodiff/tensor.js'
import { leaves, leavesOf, rebuild, type Tree } from '../autodiff/tree.js'
import { type DeviceBuffer, release } from '../kernels/buffers.js'
import type { Device } from '../kernels/device.js'
import { execute } from '../kernels/execute.js'
import { platform } from '../kernels/platform/node.js'
import type { Executable } from '../kernels/prepare.js'
import { dispatchTimes, hasTimestamps, type KernelTime, kernelTimes } from '../kernels/profile.js'
import { type Facts, selectEach } from '../kernels/select.js'
import type { Call } from '../kernels/spec.js'
import { type Compiled, lowerOptionsFor } from './compile.js'
import { catchShapeError, type Engine, type EngineError } from './effect.js'
import { argumentsFor } from './run.js'
import { isAval, type StoredArguments } from './values.js'

/** A part of a function: its name, and what it is there to compute. */
export interface FunctionPart {
  readonly part: string
  readonly outputs: Tree
}

/** What a part takes. */
export interface PartTime {
  readonly part: string
  readonly dispatches: number
  readonly ms: number
}

/** Where the time of a run goes, in milliseconds, medians over `runs`. */
export interface Profile {
  /** From submission to the end, and the sum over the dispatches. */
  readonly whole: number
  readonly kernels: number
  readonly runs: number
  /** In the order of the parts, those of one name together, and `rest` last. */
  readonly parts: readonly PartTime[]
  readonly byShader: readonly KernelTime[]
  readonly byKernel: readonly KernelTime[]
}

/** Why there is no profile. */
export interface NoProfile {
  readonly missing: string
}

/** What no part is there for. */
export const REST = 'rest'

/**
 * By node, the part that it belongs to: of a list in order, the first whose outputs depend on it. What none depends on
 * is missing.
 */
export const partsByNode = (
  parts: readonly { readonly part: string; readonly outputs: readonly Tensor[] }[]
): ReadonlyMap<Tensor, string> => {
  const found = new Map<Tensor, string>()
  for (const { part, outputs } of parts)
    for (const node of topological(outputs, one => found.has(one))) if (!found.has(node)) found.set(node, part)
  return found
}

/** A function that is compiled once more, but for its kernels: with its parts, as it was lowered. */
const traced = <A extends readonly unknown[]>(
  f: (...args: A) => { readonly result: unknown; readonly parts: readonly FunctionPart[] },
  args: unknown,
  options: LowerOptions
): {
  readonly lowered: Lowered
  readonly parts: readonly { readonly part: string; readonly outputs: readonly Tensor[] }[]
} => {
  const inputs = leavesOf(args, isAval).map(({ path, value: { shape, dtype } }) => input({ shape, dtype }, path))
  const { result, parts } = f(...(rebuild(args, isAval, inputs) as A))
  const results = leavesOf<Tensor>(result, isTensor).map(({ value }) => value)
  const marked = parts.map(({ part, outputs }) => ({ part, tensors: leaves(outputs) }))
  // Behind the results, so that these are rewritten as if they were alone.
  const { outputs } = optimise({ inputs, outputs: [...results, ...marked.flatMap(({ tensors }) => tensors)] })
  const lowered = lowering({ inputs, outputs: outputs.slice(0, results.length) }, options)
  const starts = marked.map((_, i) =>
    marked.slice(0, i).reduce((sum, { tensors }) => sum + tensors.length, results.length)
  )
  return {
    lowered,
    parts: marked.map(({ part, tensors }, i) => ({
      part,
      outputs: outputs.slice(starts[i], (starts[i] as number) + tensors.length).map(lowered.now)
    }))
  }
}

/** What a call is known by, in a program and in another that was made like it. */
const keyOf = ({ label, write }: Call): string => `${write} ${label}`

/** By call of what a device is given, what is known of its kernel. */
const callsBy = (
  { program, kernels }: Lowered,
  facts: Facts,
  of: (kernel: LoweredKernel, place: number) => string
): ReadonlyMap<string, string> => {
  const { chosen } = selectEach(program, facts)
  return new Map(
    kernels.flatMap((kernel, i) =>
      chosen
        .slice(kernel.from, kernel.to)
        .flatMap(({ calls }) => calls.map(call => [keyOf(call), of(kernel, i)] as const))
    )
  )
}

/** By call, its part. */
const partsByCall = ({ lowered, parts }: ReturnType<typeof traced>, facts: Facts): ReadonlyMap<string, string> => {
  const ofNode = partsByNode(parts)
  return callsBy(lowered, facts, ({ root }) => ofNode.get(resultOf(root)) ?? REST)
}

/** Times by part; of a dispatch whose calls are of several each has its share. */
const timesByPart = (
  names: readonly string[],
  { steps }: Executable,
  times: readonly number[],
  partOf: ReadonlyMap<string, string>
): readonly PartTime[] => {
  const shares = steps.flatMap(({ calls }, i) =>
    calls.map(call => ({
      part: partOf.get(keyOf(call)) ?? REST,
      share: 1 / calls.length,
      ms: (times[i] as number) / calls.length
    }))
  )
  return [...new Set([...names, REST])].map(part => {
    const own = shares.filter(one => one.part === part)
    const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)
    return { part, dispatches: sumOf(own.map(({ share }) => share)), ms: sumOf(own.map(({ ms }) => ms)) }
  })
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

/** Milliseconds of a whole run, from its submission until the device has done it. */
const wholeTime =
  (device: Device, executable: Executable, inputs: readonly DeviceBuffer[]): TE.TaskEither<EngineError, number> =>
  async () => {
    await platform.waiting(device.info, device.device.queue.onSubmittedWorkDone())
    const start = performance.now()
    const ran = await execute(device, executable, inputs)()
    if (E.isLeft(ran)) return ran
    await platform.waiting(device.info, device.device.queue.onSubmittedWorkDone())
    ran.right.forEach(release)
    return E.right(performance.now() - start)
  }

/** Runs of a profile: their medians are what is told. */
const RUNS = 3

const measured = (
  device: Device,
  executable: Executable,
  inputs: readonly DeviceBuffer[],
  { names, partOf }: { readonly names: readonly string[]; readonly partOf: ReadonlyMap<string, string> }
): TE.TaskEither<EngineError, Profile> =>
  pipe(
    dispatchTimes(device, executable, inputs, RUNS),
    TE.bindTo('runs'),
    TE.bind('whole', () => wholeTime(device, executable, inputs)),
    TE.map(({ runs, whole }) => {
      const times = executable.steps.map((_, i) => median(runs.map(run => run[i] as number)))
      return {
        whole,
        kernels: times.reduce((sum, ms) => sum + ms, 0),
        runs: RUNS,
        parts: timesByPart(names, executable, times, partOf),
        byShader: kernelTimes(executable, times, 'shader'),
        byKernel: kernelTimes(executable, times, 'kernel')
      }
    })
  )

/** Why a compiled function has no profile, if it has none. */
const reasonAgainst = <A extends readonly unknown[], R>(
  { executable, checks }: Compiled<A, R>,
  device: Device | undefined
): string | undefined => {
  if (!device || !executable) return 'The reference has no kernels to be timed.'
  if (!hasTimestamps(device)) return `The adapter ${device.info.name} has no timestamps.`
  return checks.length > 0 ? 'Kernels that are checked as they run take another time.' : undefined
}

/** What a compiled function was lowered to, and its profile with a part for each kernel, named by its place. */
export interface KernelProfile {
  readonly lowered: Lowered
  readonly profile: Profile
}

/** Where the time of a compiled function goes, kernel by kernel of the graph that it was made of. */
export const profileKernels =
  <A extends readonly unknown[], R>(compiled: Compiled<A, R>) =>
  (...args: StoredArguments<A>): Engine<KernelProfile | NoProfile> =>
  ({ backend }) => {
    const device = backend.kind === 'gpu' ? backend.device : undefined
    const missing = reasonAgainst(compiled, device)
    if (missing !== undefined || !device) return TE.right({ missing: missing ?? '' })
    const { fused = true } = backend.kind === 'gpu' ? backend : {}
    const lowered = lowering(compiled.graph, lowerOptionsFor(device, { fused }))
    const names = lowered.kernels.map((_, i) => String(i))
    const partOf = callsBy(lowered, device.info, (_, i) => String(i))
    return pipe(
      TE.fromEither(argumentsFor(compiled, args, backend)),
      TE.chain(given =>
        measured(
          device,
          compiled.executable as Executable,
          given.map(({ stored }) => stored as DeviceBuffer),
          { names, partOf }
        )
      ),
      TE.map(profile => ({ lowered, profile }))
    )
  }

/**
 * Where the time of a compiled function goes on `args`, which are only read; its results are dropped. `f` is the same
 * function again with its parts, in the order in which they are computed: a kernel belongs to the first part whose
 * outputs depend on what it computes. Nothing that was compiled is changed by that. Where there are no timestamps it
 * says so, since other ways take minutes.
 */
export const profileOf =
  <A extends readonly unknown[], R>(
    compiled: Compiled<A, R>,
    f: (...args: A) => { readonly result: R; readonly parts: readonly FunctionPart[] }
  ) =>
  (...args: StoredArguments<A>): Engine<Profile | NoProfile> =>
  ({ backend }) => {
    const device = backend.kind === 'gpu' ? backend.device : undefined
    const missing = reasonAgainst(compiled, device)
    if (missing !== undefined || !device) return TE.right({ missing: missing ?? '' })
    const options = lowerOptionsFor(device, backend.kind === 'gpu' && backend.fused === false ? { fused: false } : {})
    return pipe(
      TE.fromEither(argumentsFor(compiled, args, backend)),
      TE.bindTo('given'),
      TE.bind('known', () =>
        TE.fromEither(
          catchShapeError(() => {
            const again = traced(f, compiled.args, options)
            return { names: again.parts.map(({ part }) => part), partOf: partsByCall(again, device.info) }
          })
        )
      ),
      TE.chain(({ given, known }) =>
        measured(
          device,
          compiled.executable as Executable,
          given.map(({ stored }) => stored as DeviceBuffer),
          known
        )
      )
    )
  }
