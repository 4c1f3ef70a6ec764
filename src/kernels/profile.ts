/**
 * Where the time of a run goes: the prepared dispatches on their real buffers, each with a timestamp on either side, or
 * where an adapter has none each by itself, often enough.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { allocate, type DeviceBuffer, release } from './buffers.js'
import { type Device, scoped } from './device.js'
import type { KernelError } from './errors.js'
import { tooManyChanges } from './mappings.js'
import { pipelineKey } from './pipeline.js'
import type { Plan } from './plan.js'
import { platform } from './platform/node.js'
import { bind, type Executable, type Step } from './prepare.js'
import { BYTES, type Program } from './spec.js'

type Groups = (step: Step) => readonly GPUBindGroup[]
/** Milliseconds of each dispatch in one run. */
type Times = Promise<E.Either<KernelError, readonly number[]>>

const dispatch = (
  pass: GPUComputePassEncoder,
  { pipeline, workgroups }: Step,
  groups: readonly GPUBindGroup[]
): void => {
  pass.setPipeline(pipeline)
  for (const [i, group] of groups.entries()) pass.setBindGroup(i, group)
  pass.dispatchWorkgroups(...workgroups)
}

/** Whether an adapter says when dispatches began and ended. */
export const hasTimestamps = ({ device }: Device): boolean => device.features.has('timestamp-query')

/** Timestamps of one query set: WebGPU's own limit. */
const MOST_QUERIES = 4096

/** By timestamps. */
const byTimestamps = async (device: Device, steps: readonly Step[], groupsOf: Groups): Times => {
  const gpu = device.device
  const size = Math.ceil((2 * steps.length) / MOST_QUERIES) * MOST_QUERIES * 8
  const made = await scoped(device, 'the device to take a profile', () => {
    const sets = Array.from({ length: size / MOST_QUERIES / 8 }, () =>
      gpu.createQuerySet({ type: 'timestamp', count: MOST_QUERIES })
    )
    const resolved = gpu.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC })
    const staging = gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
    const encoder = gpu.createCommandEncoder()
    steps.forEach((step, i) => {
      const beginningOfPassWriteIndex = (2 * i) % MOST_QUERIES
      const querySet = sets[Math.floor((2 * i) / MOST_QUERIES)] as GPUQuerySet
      const pass = encoder.beginComputePass({
        timestampWrites: { querySet, beginningOfPassWriteIndex, endOfPassWriteIndex: beginningOfPassWriteIndex + 1 }
      })
      dispatch(pass, step, groupsOf(step))
      pass.end()
    })
    sets.forEach((set, i) => {
      encoder.resolveQuerySet(set, 0, MOST_QUERIES, resolved, i * MOST_QUERIES * 8)
    })
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size)
    gpu.queue.submit([encoder.finish()])
    return { staging, all: [...sets, resolved, staging] }
  })
  if (E.isLeft(made)) return made
  const { staging, all } = made.right
  await platform.waiting(device.info, staging.mapAsync(GPUMapMode.READ))
  const stamps = new BigInt64Array(staging.getMappedRange())
  const times = steps.map((_, i) => Number((stamps[2 * i + 1] as bigint) - (stamps[2 * i] as bigint)) / 1e6)
  for (const one of all) one.destroy()
  return E.right(times)
}

/** Where there are no timestamps: each different dispatch alone, often enough to take this long. */
const ALONE_MS = 20
const MOST_REPETITIONS = 4096

/** By repetition on the same buffers. */
const byRepetition = async (device: Device, steps: readonly Step[], groupsOf: Groups): Times => {
  const known = new Map<string, number>()
  const timed = async (step: Step, times: number): Promise<E.Either<KernelError, number>> => {
    const start = performance.now()
    const submitted = await scoped(device, 'the device to take a call', () => {
      const encoder = device.device.createCommandEncoder()
      const pass = encoder.beginComputePass()
      for (let i = 0; i < times; i++) dispatch(pass, step, groupsOf(step))
      pass.end()
      device.device.queue.submit([encoder.finish()])
    })
    if (E.isLeft(submitted)) return submitted
    await platform.waiting(device.info, device.device.queue.onSubmittedWorkDone())
    return E.right(performance.now() - start)
  }
  const times: number[] = []
  for (const step of steps) {
    const key = JSON.stringify([pipelineKey(step.calls), ...step.calls.map(({ params }) => params)])
    let ms = known.get(key)
    for (let count = 1; ms === undefined; count *= 4) {
      const all = await timed(step, count)
      if (E.isLeft(all)) return all
      if (all.right >= ALONE_MS || count >= MOST_REPETITIONS) ms = all.right / count
    }
    known.set(key, ms)
    times.push(ms)
  }
  return E.right(times)
}

/** The buffers of a run on `inputs`, and what is to be released after it. */
const buffersFor = async (
  device: Device,
  { plan, buffers: own }: Executable,
  inputs: readonly DeviceBuffer[]
): Promise<
  E.Either<KernelError, { readonly of: (slot: number) => DeviceBuffer; readonly outputs: readonly DeviceBuffer[] }>
> => {
  const { program, bytes } = plan
  const made = await allocate(
    device,
    program.outputs.map(slot => bytes[slot] as number)
  )()
  if (E.isLeft(made)) return made
  const buffers = own.slice()
  program.inputs.forEach((slot, i) => {
    buffers[slot] = inputs[i]
  })
  program.outputs.forEach((slot, i) => {
    buffers[slot] = made.right[i]
  })
  return E.right({ of: slot => buffers[slot] as DeviceBuffer, outputs: made.right })
}

/** Milliseconds of each dispatch, `runs` times, on buffers that are there. */
const timesOf = async (
  device: Device,
  { plan, steps }: Executable,
  of: (slot: number) => DeviceBuffer,
  runs: number
): Promise<E.Either<KernelError, readonly (readonly number[])[]>> => {
  const bound = await scoped(
    device,
    'bind groups for a profile',
    () =>
      new Map(
        steps.map(step => [step, step.sets.map(set => set.group ?? bind(device, plan, set, slot => of(slot).buffer))])
      )
  )
  if (E.isLeft(bound)) return bound
  const timed = hasTimestamps(device) ? byTimestamps : byRepetition
  const all: (readonly number[])[] = []
  for (let i = 0; i < runs; i++) {
    const times = await timed(device, steps, step => bound.right.get(step) ?? [])
    if (E.isLeft(times)) return times
    all.push(times.right)
  }
  return E.right(all)
}

/**
 * Milliseconds of each dispatch of a run on `inputs`, in the order of the executable's steps, `runs` times. The results
 * of those runs are dropped, the inputs only read. Left for what the device refuses.
 */
export const dispatchTimes =
  (
    device: Device,
    executable: Executable,
    inputs: readonly DeviceBuffer[],
    runs: number
  ): TaskEither<KernelError, readonly (readonly number[])[]> =>
  async () => {
    const refused = await tooManyChanges(device, executable.changing)
    if (refused) return E.left(refused)
    const buffers = await buffersFor(device, executable, inputs)
    if (E.isLeft(buffers)) return buffers
    const { of, outputs } = buffers.right
    const times = await timesOf(device, executable, of, runs)
    outputs.forEach(release)
    return times
  }

/** Bytes that a dispatch must move. */
export interface Traffic {
  readonly readBytes: number
  readonly writtenBytes: number
}

const elementsOf = ({ slots }: Program, slot: number): number => (slots[slot]?.shape ?? []).reduce((a, b) => a * b, 1)

/**
 * By dispatch: each operand is read once (of a view only the elements that it covers, a broadcast's once), the result
 * is written once. What a kernel reads again for each output or keeps in registers is its own affair: this is what the
 * fusion decides.
 */
export const trafficOf = ({ program, dispatches }: Pick<Plan, 'program' | 'dispatches'>): readonly Traffic[] => {
  const writers = new Map<number, number>() // parts of a concatenation share their slot
  for (const { write } of program.calls) writers.set(write, (writers.get(write) ?? 0) + 1)
  return dispatches.map(calls =>
    totalOf(
      calls.map(({ reads, covers, write }) => ({
        readBytes: BYTES * reads.reduce((sum, slot, i) => sum + (covers?.[i] ?? elementsOf(program, slot)), 0),
        writtenBytes: (BYTES * elementsOf(program, write)) / (writers.get(write) as number)
      }))
    )
  )
}

/** The traffic of all together. */
export const totalOf = (all: readonly Traffic[]): Traffic =>
  all.reduce(
    (sum, { readBytes, writtenBytes }) => ({
      readBytes: sum.readBytes + readBytes,
      writtenBytes: sum.writtenBytes + writtenBytes
    }),
    { readBytes: 0, writtenBytes: 0 }
  )

/** `mul+add f32[2,3] (node 7 of 9)` without its place. */
const expression = (label: string): string => label.replace(/ \(node \d+ of \d+\)$/, '')

/** Names of an expression that are written out. */
const MOST_NAMES = 6

/** An expression that fits on a line: of many operations the first and how many there are. */
const brief = (what: string): string => {
  const [names = '', ...shape] = what.split(' ')
  const all = names.split('+')
  const shown = all.length <= MOST_NAMES ? names : `${all.slice(0, MOST_NAMES).join('+')}+... (${all.length})`
  return [shown, ...shape].join(' ')
}

/** Dispatches that are alike: how often they occur, and what they take together. */
export interface KernelTime {
  readonly shader: string
  /** What they compute, of which shape; empty where they differ in that. */
  readonly computes: string
  readonly dispatches: number
  readonly ms: number
  readonly flops: number
  readonly bytes: number
}

/**
 * By shader, or by kernel (dispatches of one shader that compute the same on the same shape), the longest first.
 * `times`: milliseconds of each dispatch.
 */
export const kernelTimes = (
  { plan, steps }: Pick<Executable, 'plan' | 'steps'>,
  times: readonly number[],
  by: 'shader' | 'kernel'
): readonly KernelTime[] => {
  const traffic = trafficOf(plan)
  const kernels = new Map<string, KernelTime>()
  steps.forEach(({ calls }, i) => {
    const [{ shader, label }, ...others] = calls
    const key = by === 'shader' ? shader : `${shader} ${others.length} ${expression(label)}`
    const { readBytes, writtenBytes } = traffic[i] as Traffic
    const before = kernels.get(key)
    kernels.set(key, {
      shader,
      computes: by === 'shader' ? '' : brief(expression(label)),
      dispatches: (before?.dispatches ?? 0) + 1,
      ms: (before?.ms ?? 0) + (times[i] as number),
      flops: (before?.flops ?? 0) + calls.reduce((sum, { flops }) => sum + flops, 0),
      bytes: (before?.bytes ?? 0) + readBytes + writtenBytes
    })
  })
  return [...kernels.values()].sort((a, b) => b.ms - a.ms)
}
