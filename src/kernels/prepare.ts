/** From a plan to something that a run only has to encode: pipelines, constants, shared buffers, bind groups. */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import {
  type Arrangement,
  arrange,
  byLayout,
  type Groups,
  isExternal,
  type Part,
  partKey,
  partsOf,
  slotsOf
} from './bindings.js'
import { allocate, type DeviceBuffer, release } from './buffers.js'
import { type Device, scoped } from './device.js'
import { type Dispatch, workgroupsOf } from './dispatches.js'
import type { KernelError } from './errors.js'
import { givenBack, taken, tooManyGroupsLeft } from './mappings.js'
import { type Pipeline, pipelineKey, pipelineOf } from './pipeline.js'
import type { Plan } from './plan.js'
import type {
  GPUBindGroup,
  GPUBindGroupLayout,
  GPUBuffer,
  GPUBufferBinding,
  GPUComputePipeline,
  GPUDevice
} from './platform/webgpu.js'
import type { Loader } from './shader.js'
import type { Call } from './spec.js'

/** A bind group for the buffers `ids` of a set's external slots. */
interface Bound {
  readonly ids: readonly number[]
  readonly group: GPUBindGroup
}

/** Bindings that calls share. */
export interface BindingSet {
  /** Of the first call that binds it, for messages. */
  readonly label: string
  readonly part: Part
  readonly layout: GPUBindGroupLayout
  /** By call of the dispatch. */
  readonly parameters: readonly GPUBufferBinding[]
  /** The slots that are inputs or outputs; their buffers differ from run to run. */
  readonly external: readonly number[]
  /** The bind group, where all buffers are the executable's own. */
  readonly group: GPUBindGroup | undefined
  /** Bind groups made for external slots, the latest first. */
  readonly bound: Bound[]
}

/** One dispatch, ready to be encoded. */
export interface Step {
  readonly pipeline: GPUComputePipeline
  readonly calls: Dispatch
  readonly workgroups: Call['workgroups']
  /** By bind group. */
  readonly sets: readonly BindingSet[]
}

export interface Executable {
  /** What it was prepared for: nothing else can run it. */
  readonly device: GPUDevice
  readonly plan: Plan
  readonly steps: readonly Step[]
  /** By slot: the executable's own buffers. */
  readonly buffers: readonly (DeviceBuffer | undefined)[]
  /** Bind groups that a run makes at most. */
  readonly changing: number
  /** By output: ids of the buffers that held it lately, so that bind groups fit again. */
  readonly recent: readonly number[][]
  readonly owned: readonly DeviceBuffer[]
  readonly uniform: GPUBuffer
}

export interface PrepareOptions {
  readonly load?: Loader
  /** Calls with more bind groups than this get one for each buffer instead, see `bindings.ts`. */
  readonly mostGroups?: number
}

/** Offsets of uniform bindings on any device. */
const ALIGNMENT = 256

const uniformBytes = (params: readonly number[]): number => Math.max(16, Math.ceil(params.length / 4) * 16)

/** All different parameter blocks in one buffer, and by dispatch where that of each call lies. */
const packParameters = (dispatches: readonly Dispatch[]) => {
  const places = new Map<string, number>()
  let bytes = 0
  const offsetOf = ({ params }: Call): number => {
    const key = params.join()
    const offset = places.get(key) ?? bytes
    if (offset === bytes) bytes += Math.ceil(uniformBytes(params) / ALIGNMENT) * ALIGNMENT
    places.set(key, offset)
    return offset
  }
  const offsets = dispatches.map(calls => calls.map(offsetOf))
  const words = new Uint32Array(Math.max(bytes, ALIGNMENT) / 4)
  dispatches.forEach((calls, i) => {
    calls.forEach(({ params }, k) => {
      words.set(params, (offsets[i]?.[k] as number) / 4)
    })
  })
  return { words, offsets }
}

/** Binds buffers, each as large as its slot, so that `arrayLength` is right in a larger shared buffer too. */
export const bind = (
  device: Device,
  plan: Plan,
  { label, part, layout, parameters }: Pick<BindingSet, 'label' | 'part' | 'layout' | 'parameters'>,
  bufferOf: (slot: number) => GPUBuffer
): GPUBindGroup =>
  device.device.createBindGroup({
    label,
    layout,
    entries: part.map((one, binding) => ({
      binding,
      resource:
        one.type === 'uniform'
          ? (parameters[one.call] as GPUBufferBinding)
          : { buffer: bufferOf(one.slot), size: plan.bytes[one.slot] as number }
    }))
  })

/** One pipeline for each variant among the calls, compiled side by side. */
const pipelinesOf = async (
  device: Device,
  dispatches: readonly Dispatch[],
  arrangement: Arrangement,
  load: Loader | undefined
): Promise<E.Either<KernelError, ReadonlyMap<string, Pipeline>>> => {
  const variants = new Map(dispatches.map(calls => [pipelineKey(calls), calls]))
  const made = await Promise.all(
    [...variants].map(async ([key, calls]) => {
      const pipeline = await pipelineOf(device, calls, arrangement, load)()
      return E.map((ready: Pipeline) => [key, ready] as const)(pipeline)
    })
  )
  return E.map((pairs: readonly (readonly [string, Pipeline])[]) => new Map(pairs))(E.sequenceArray(made))
}

/** Bytes of the executable's own buffers: those that slots share, then the constants. */
const ownSizes = ({ shared, bytes, program }: Plan): number[] => [
  ...shared,
  ...program.constants.map(({ slot }) => bytes[slot] as number)
]

/** By slot: the executable's own buffers, of those that `ownSizes` asks for. */
const buffersOf = ({ program, places, shared }: Plan, owned: readonly DeviceBuffer[]): (DeviceBuffer | undefined)[] =>
  program.slots.map((_, slot) => {
    const place = places[slot]
    if (place?.kind === 'shared') return owned[place.index]
    return place?.kind === 'constant' ? owned[shared.length + place.index] : undefined
  })

/** Makes each set of bindings once: calls that bind the same buffers and parameters share one. */
const setsFor = (device: Device, plan: Plan, buffers: Executable['buffers']) => {
  const sets = new Map<string, BindingSet>()
  const setOf = (bindings: Pick<BindingSet, 'label' | 'part' | 'layout' | 'parameters'>): BindingSet => {
    const { part, parameters } = bindings
    const offsets = parameters.map(({ offset }) => offset as number)
    const key = partKey(plan, part, offsets)
    const known = sets.get(key)
    if (known) return known
    const external = isExternal(plan, part) ? slotsOf(part).filter(slot => !buffers[slot]) : []
    const own = (slot: number): GPUBuffer => (buffers[slot] as DeviceBuffer).buffer
    const group = external.length > 0 ? undefined : bind(device, plan, bindings, own)
    const set = { ...bindings, external: [...new Set(external)], group, bound: [] }
    sets.set(key, set)
    return set
  }
  return { sets, setOf }
}

/** The dispatches of a plan as they are encoded; `offsets` says where the parameters of each call lie in `uniform`. */
const stepsOf = (
  { dispatches }: Plan,
  { arrangement, offsets }: { readonly arrangement: Arrangement; readonly offsets: readonly (readonly number[])[] },
  pipelines: ReadonlyMap<string, Pipeline>,
  uniform: GPUBuffer,
  setOf: ReturnType<typeof setsFor>['setOf']
): Step[] =>
  dispatches.map((calls, i) => {
    const [{ label }] = calls
    const { pipeline, layouts } = pipelines.get(pipelineKey(calls)) as Pipeline
    const parameters = calls.map(({ params }, k) => ({
      buffer: uniform,
      offset: offsets[i]?.[k] as number,
      size: uniformBytes(params)
    }))
    const sets = partsOf(calls, arrangement).map((part, k) =>
      setOf({ label, part, layout: layouts[k] as GPUBindGroupLayout, parameters })
    )
    return { pipeline, calls, workgroups: workgroupsOf(calls), sets }
  })

/**
 * Makes a plan ready to run. `ShaderError` if a shader does not compile, `OutOfMemory` if the device has no room,
 * `InvalidProgram` if it refuses a call.
 */
export const prepare =
  (device: Device, plan: Plan, options: PrepareOptions = {}): TaskEither<KernelError, Executable> =>
  async () => {
    const { constants, outputs } = plan.program
    const { words, offsets } = packParameters(plan.dispatches)
    const { arrangement, groups } = arrange(plan, offsets, options.mostGroups)
    const refused = await tooManyGroupsLeft(device, groups)
    if (refused) return E.left(refused)
    const pipelines = await pipelinesOf(device, plan.dispatches, arrangement, options.load)
    if (E.isLeft(pipelines)) return pipelines
    const allocated = await allocate(device, ownSizes(plan))()
    if (E.isLeft(allocated)) return allocated
    const owned = allocated.right
    const buffers = buffersOf(plan, owned)

    let uniform: GPUBuffer | undefined
    const made = await scoped(device, 'bind groups for the program', (): Executable => {
      const { queue } = device.device
      uniform = device.device.createBuffer({
        size: words.byteLength,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST
      })
      queue.writeBuffer(uniform, 0, words)
      for (const { slot, data } of constants) queue.writeBuffer((buffers[slot] as DeviceBuffer).buffer, 0, data)
      const { sets, setOf } = setsFor(device, plan, buffers)
      const steps = stepsOf(plan, { arrangement, offsets }, pipelines.right, uniform, setOf)
      const changing = [...sets.values()].filter(({ external }) => external.length > 0).length
      taken(device.device, groups)
      return { device: device.device, plan, steps, buffers, changing, recent: outputs.map(() => []), owned, uniform }
    })
    if (E.isLeft(made)) {
      owned.forEach(release)
      uniform?.destroy()
    }
    return made
  }

const disposed = new WeakSet<GPUBuffer>()
export const isDisposed = ({ uniform }: Executable): boolean => disposed.has(uniform)

/** The bind groups that there are. */
const groupsIn = (steps: readonly Step[]): Groups => {
  const sets = new Set(steps.flatMap(step => step.sets))
  return byLayout([...sets].map(({ part, group, bound }) => [part, group ? 1 : bound.length]))
}

/** Gives back what an executable holds. Runs that were submitted still end well; later ones are refused. */
export const disposeExecutable = (executable: Executable): void => {
  if (isDisposed(executable)) return
  const { device, steps, owned, uniform } = executable
  givenBack(device, groupsIn(steps))
  owned.forEach(release)
  uniform.destroy()
  disposed.add(uniform)
}
