/** Runs of whole programs. A run that had any error gives no result. */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { MOST_BOUND } from './bindings.js'
import { allocateScoped, collectIfGrown, type DeviceBuffer, discard, trimPool } from './buffers.js'
import { complaint, type Device, scoped } from './device.js'
import { invalidArgument, type KernelError } from './errors.js'
import { changed, tooManyChanges } from './mappings.js'
import { platform } from './platform/node.js'
import { type BindingSet, bind, type Executable, isDisposed } from './prepare.js'

/**
 * Runs that the device may have before it: enough to keep it busy, few enough to bound the memory of what is pending.
 */
const MOST_IN_FLIGHT = 3

interface Lane {
  /** Resolves when the run before may encode. */
  tail: Promise<void>
  readonly inFlight: Promise<void>[]
}
const lanes = new WeakMap<Device, Lane>()

const laneOf = (device: Device): Lane => {
  const lane = lanes.get(device) ?? { tail: Promise.resolve(), inFlight: [] }
  lanes.set(device, lane)
  return lane
}

/**
 * Waits for the runs asked for before to have encoded, for room in flight, and for the `room` that a run makes. What
 * follows the await runs before the next turn.
 */
const turn = <A>(lane: Lane, room: () => Promise<A>): Promise<A> => {
  const taken = lane.tail.then(async () => {
    while (lane.inFlight.length >= MOST_IN_FLIGHT) await lane.inFlight.shift()
    return room()
  })
  lane.tail = taken.then(
    () => undefined,
    () => undefined
  )
  return taken
}

const refusal = (device: Device, executable: Executable, inputs: readonly DeviceBuffer[]): KernelError | undefined => {
  const { plan } = executable
  const wanted = plan.program.inputs
  if (isDisposed(executable)) return invalidArgument('an executable', 'it was disposed of', 'prepare the plan again')
  if (executable.device !== device.device)
    return invalidArgument(
      'a program compiled for this device',
      'it was compiled for another',
      'compile it on the device that runs'
    )
  if (inputs.length !== wanted.length) {
    return invalidArgument(
      `${wanted.length} inputs`,
      `there are ${inputs.length}`,
      'pass one buffer for each input of the program'
    )
  }
  for (const [i, slot] of wanted.entries()) {
    const { bytes, live, device: home } = inputs[i] as DeviceBuffer
    const named = `input ${i} to be`
    if (!live)
      return invalidArgument(
        `${named} on the device`,
        'it was released or given away before',
        'pass what the last run returned'
      )
    if (home !== device)
      return invalidArgument(`${named} on the device of the run`, 'it is on another', 'upload it there')
    if (bytes !== plan.bytes[slot]) {
      const { dtype, shape } = plan.program.slots[slot] ?? { dtype: '', shape: [] }
      return invalidArgument(
        `${named} ${dtype}[${shape.join(',')}], ${plan.bytes[slot]} bytes`,
        `it has ${bytes}`,
        'pass that shape'
      )
    }
  }
  return undefined
}

const sameIds = (
  ids: readonly number[],
  external: readonly number[],
  buffers: readonly (DeviceBuffer | undefined)[]
): boolean => {
  for (let i = 0; i < external.length; i++) if (buffers[external[i] as number]?.id !== ids[i]) return false
  return true
}

const groupFor = (
  device: Device,
  { plan }: Executable,
  set: BindingSet,
  buffers: readonly (DeviceBuffer | undefined)[]
): GPUBindGroup => {
  for (const { ids, group } of set.bound) if (sameIds(ids, set.external, buffers)) return group
  const group = bind(device, plan, set, slot => (buffers[slot] as DeviceBuffer).buffer)
  changed(device)
  set.bound.unshift({ ids: set.external.map(slot => (buffers[slot] as DeviceBuffer).id), group })
  set.bound.splice(MOST_BOUND)
  return group
}

/** Dispatches of a command buffer: the device begins with the first ones while the rest is encoded. */
const PIECE = 256

const encode = (
  device: Device,
  executable: Executable,
  steps: Executable['steps'],
  buffers: readonly (DeviceBuffer | undefined)[]
): GPUCommandBuffer => {
  const encoder = device.device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  let current: GPUComputePipeline | undefined
  const bound: GPUBindGroup[] = []
  for (const { pipeline, sets, workgroups } of steps) {
    if (pipeline !== current) {
      current = pipeline
      pass.setPipeline(current)
    }
    for (let i = 0; i < sets.length; i++) {
      const set = sets[i] as BindingSet
      const group = set.group ?? groupFor(device, executable, set, buffers)
      if (group === bound[i]) continue
      pass.setBindGroup(i, group)
      bound[i] = group
    }
    const [x, y, z] = workgroups
    pass.dispatchWorkgroups(x, y, z)
  }
  pass.end()
  return encoder.finish()
}

/**
 * Runs on `inputs` and gives new buffers, one for each output, as soon as the run is submitted and known to be valid;
 * the device may still be at work. Runs keep the order in which they were asked for. Inputs are only read and stay the
 * caller's. Left, and nothing held, if the inputs do not fit, the device is lost, out of memory, or complained about
 * anything.
 */
export const execute =
  (
    device: Device,
    executable: Executable,
    inputs: readonly DeviceBuffer[]
  ): TaskEither<KernelError, readonly DeviceBuffer[]> =>
  async () => {
    const lane = laneOf(device)
    const full = await turn(lane, async () => {
      await collectIfGrown(device)
      return tooManyChanges(device, executable.changing)
    })
    const refused = complaint(device) ?? refusal(device, executable, inputs) ?? full
    if (refused) return E.left(refused)

    const { plan, recent } = executable
    const outputs: DeviceBuffer[] = []
    const ran = await scoped(device, 'the device to take a run', () => {
      const buffers = executable.buffers.slice()
      plan.program.inputs.forEach((slot, i) => {
        buffers[slot] = inputs[i]
      })
      plan.program.outputs.forEach((slot, i) => {
        const output = allocateScoped(device, plan.bytes[slot] as number, recent[i])
        outputs.push(output)
        buffers[slot] = output
      })
      const { steps } = executable
      for (let at = 0; at < steps.length; at += PIECE)
        device.device.queue.submit([encode(device, executable, steps.slice(at, at + PIECE), buffers)])
      lane.inFlight.push(
        platform.waiting(device.info, device.device.queue.onSubmittedWorkDone()).then(undefined, () => undefined)
      )
    })
    if (E.isLeft(ran)) {
      outputs.forEach(discard)
      if (ran.left._tag === 'OutOfMemory') trimPool(device)
      // A bind group that was refused must not be found again.
      for (const { sets } of executable.steps) for (const { bound } of sets) bound.length = 0
      return ran
    }
    outputs.forEach(({ id }, i) => {
      const ids = recent[i] as number[]
      if (!ids.includes(id)) ids.unshift(id)
      ids.splice(MOST_BOUND)
    })
    return E.right(outputs)
  }

export { disposeExecutable, prepare } from './prepare.js'
export { readback, upload } from './transfer.js'
