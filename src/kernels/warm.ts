/**
 * Pipelines are compiled by some drivers (Mesa's among them) when they are first dispatched, one after another,
 * whatever was promised before. Here each is dispatched once before the first run, so that its time is spent where
 * progress can be shown, and the first run is one like the others.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { allocate, release } from './buffers.js'
import { type Device, scoped } from './device.js'
import type { KernelError } from './errors.js'
import { platform } from './platform/node.js'
import { bind, type Executable, type Step } from './prepare.js'

/**
 * Dispatches a step of each pipeline once, and waits for it. Inputs and outputs are stood in for; what is computed
 * means nothing.
 */
export const warmUp =
  (
    device: Device,
    executable: Executable,
    progress: (done: number, total: number) => void
  ): TaskEither<KernelError, void> =>
  async () => {
    const first = new Map(executable.steps.toReversed().map(step => [step.pipeline, step]))
    let done = 0
    for (const step of first.values()) {
      const warmed = await dispatchOnce(device, executable, step)
      if (E.isLeft(warmed)) return warmed
      progress(++done, first.size)
    }
    return E.right(undefined)
  }

const dispatchOnce = async (
  device: Device,
  { plan, buffers }: Executable,
  step: Step
): Promise<E.Either<KernelError, void>> => {
  const external = [...new Set(step.sets.flatMap(set => set.external))]
  const standIns = await allocate(
    device,
    external.map(slot => plan.bytes[slot] as number)
  )()
  if (E.isLeft(standIns)) return standIns
  const bufferOf = (slot: number): GPUBuffer =>
    (buffers[slot] ?? standIns.right[external.indexOf(slot)])?.buffer as GPUBuffer
  const submitted = await scoped(device, `the first dispatch of ${step.calls[0].shader}`, () => {
    const encoder = device.device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    pass.setPipeline(step.pipeline)
    for (const [i, set] of step.sets.entries()) pass.setBindGroup(i, set.group ?? bind(device, plan, set, bufferOf))
    const [x, y, z] = step.workgroups
    pass.dispatchWorkgroups(x, y, z)
    pass.end()
    device.device.queue.submit([encoder.finish()])
  })
  // A device that is lost meanwhile says so in the next run.
  await platform.waiting(device.info, device.device.queue.onSubmittedWorkDone()).then(undefined, () => undefined)
  standIns.right.forEach(release)
  return submitted
}
