/** From a plan to something that a run only has to encode: pipelines, constants, shared buffers, bind groups. */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type Arrangement, arrange, isExternal, type Part, partKey, partsOf } from './bindings.js'
import { allocate, type DeviceBuffer, release } from './buffers.js'
import { type Device, scoped } from './device.js'
import type { EngineError } from './errors.js'
import { tooManyGroups } from './mappings.js'
import { type Pipeline, pipelineOf, variantKey } from './pipeline.js'
import type { Plan } from './plan.js'
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
  readonly parameters: GPUBufferBinding
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
  readonly call: Call
  /** By bind group. */
  readonly sets: readonly BindingSet[]
}

export interface Executable {
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

/** All different parameter blocks in one buffer, and where that of each call lies. */
const packParameters = (calls: readonly Call[]) => {
  const places = new Map<string, number>()
  let bytes = 0
  const offsets = calls.map(({ params }) => {
    const key = params.join()
    const offset = places.get(key) ?? bytes
    if (offset === bytes) bytes += Math.ceil(uniformBytes(params) / ALIGNMENT) * ALIGNMENT
    places.set(key, offset)
    return offset
  })
  const words = new Uint32Array(Math.max(bytes, ALIGNMENT) / 4)
  calls.forEach(({ params }, i) => {
    words.set(params, (offsets[i] as number) / 4)
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
    entries: part.slots.map((slot, binding) => ({
      binding,
      resource: slot === undefined ? parameters : { buffer: bufferOf(slot), size: plan.bytes[slot] as number }
    }))
  })

/** One pipeline for each variant among the calls, compiled side by side. */
const pipelinesOf = async (
  device: Device,
  calls: readonly Call[],
  arrangement: Arrangement,
  load: Loader | undefined
): Promise<E.Either<EngineError, ReadonlyMap<string, Pipeline>>> => {
  const variants = new Map(calls.map(call => [variantKey(call), call]))
  const made = await Promise.all(
    [...variants].map(async ([key, call]) => {
      const pipeline = await pipelineOf(device, call, arrangement, load)()
      return E.map((ready: Pipeline) => [key, ready] as const)(pipeline)
    })
  )
  return E.map((pairs: readonly (readonly [string, Pipeline])[]) => new Map(pairs))(E.sequenceArray(made))
}

/**
 * Makes a plan ready to run. `ShaderError` if a shader does not compile, `OutOfMemory` if the device has no room, `InvalidProgram`
 * if it refuses a call.
 */
export const prepare =
  (device: Device, plan: Plan, options: PrepareOptions = {}): TaskEither<EngineError, Executable> =>
  async () => {
    const { constants, outputs, slots } = plan.program
    const { words, offsets } = packParameters(plan.calls)
    const { arrangement, groups } = arrange(plan, offsets, options.mostGroups)
    const refused = tooManyGroups(device, groups)
    if (refused) return E.left(refused)
    const pipelines = await pipelinesOf(device, plan.calls, arrangement, options.load)
    if (E.isLeft(pipelines)) return pipelines

    const sizes = [...plan.shared, ...constants.map(({ slot }) => plan.bytes[slot] as number)]
    const owned = await allocate(device, sizes)()
    if (E.isLeft(owned)) return owned
    const constantAt = plan.shared.length
    const ownBuffer = (slot: number): DeviceBuffer | undefined => {
      const place = plan.places[slot]
      if (place?.kind === 'shared') return owned.right[place.index]
      return place?.kind === 'constant' ? owned.right[constantAt + place.index] : undefined
    }
    const buffers = slots.map((_, slot) => ownBuffer(slot))

    let uniform: GPUBuffer | undefined
    const made = await scoped(device, 'bind groups for the program', (): Executable => {
      uniform = device.device.createBuffer({ size: words.byteLength, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST })
      device.device.queue.writeBuffer(uniform, 0, words)
      for (const [i, { data }] of constants.entries()) {
        device.device.queue.writeBuffer((owned.right[constantAt + i] as DeviceBuffer).buffer, 0, data)
      }
      const sets = new Map<string, BindingSet>()
      const setOf = (label: string, part: Part, layout: GPUBindGroupLayout, parameters: GPUBufferBinding): BindingSet => {
        const key = partKey(plan, part, parameters.offset as number)
        const known = sets.get(key)
        if (known) return known
        const external = isExternal(plan, part) ? part.slots.filter(slot => slot !== undefined && !buffers[slot]) : []
        const group =
          external.length > 0
            ? undefined
            : bind(device, plan, { label, part, layout, parameters }, slot => (buffers[slot] as DeviceBuffer).buffer)
        const set = { label, part, layout, parameters, external: [...new Set(external)] as number[], group, bound: [] }
        sets.set(key, set)
        return set
      }
      const steps = plan.calls.map((call, i): Step => {
        const { pipeline, layouts } = pipelines.right.get(variantKey(call)) as Pipeline
        const parameters = { buffer: uniform as GPUBuffer, offset: offsets[i] as number, size: uniformBytes(call.params) }
        const parts = partsOf(call, arrangement)
        return {
          pipeline,
          call,
          sets: parts.map((part, k) => setOf(call.label, part, layouts[k] as GPUBindGroupLayout, parameters))
        }
      })
      const changing = [...sets.values()].filter(({ external }) => external.length > 0).length
      return { plan, steps, buffers, changing, recent: outputs.map(() => []), owned: owned.right, uniform }
    })
    if (E.isLeft(made)) {
      owned.right.forEach(release)
      uniform?.destroy()
    }
    return made
  }

const disposed = new WeakSet<GPUBuffer>()

/** Gives back what an executable holds. Runs that were submitted still end well; later ones are refused. */
export const disposeExecutable = ({ owned, uniform }: Executable): void => {
  owned.forEach(release)
  uniform.destroy()
  disposed.add(uniform)
}

export const isDisposed = ({ uniform }: Executable): boolean => disposed.has(uniform)
