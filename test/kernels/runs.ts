/** Programs run on the device from arrays to arrays, for tests of kernels. */
import { release } from '../../src/kernels/buffers.js'
import { disposeExecutable, execute, prepare, readback, upload } from '../../src/kernels/execute.js'
import { plan } from '../../src/kernels/plan.js'
import type { Data, Program, Slot } from '../../src/kernels/spec.js'
import { device } from '../device.js'
import { right } from './results.js'

export const sizeOf = ({ shape }: Slot): number => shape.reduce((a, b) => a * b, 1)

/** What a program gives with up to `most` calls in a dispatch, and how many dispatches that are. */
export const run = async (
  program: Program,
  inputs: readonly Data[],
  most = 1
): Promise<{ readonly results: readonly Data[]; readonly dispatches: number }> => {
  const planned = right(plan(program, device.limits, most))
  const executable = right(await prepare(device, planned)())
  const held = await Promise.all(inputs.map(async data => right(await upload(device, data)())))
  const outputs = right(await execute(device, executable, held)())
  const wanted = outputs.map((buffer, i) => {
    const slot = program.slots[program.outputs[i] as number] as Slot
    return { buffer, dtype: slot.dtype, length: sizeOf(slot) }
  })
  const results = right(await readback(device, wanted)())
  for (const buffer of [...held, ...outputs]) release(buffer)
  disposeExecutable(executable)
  return { results, dispatches: planned.dispatches.length }
}
