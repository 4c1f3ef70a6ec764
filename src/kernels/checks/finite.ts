/** The check that looks for the first number that is not finite. */
import type { Program, Slot } from '../spec.js'
import { type Checked, Checking, rowCheck, sizeOf } from './report.js'

/** After each call that completes a slot of f32, a check of it. The only output is the report. */
export const finiteChecked = (program: Program): Checked => {
  const checking = new Checking(program.slots)
  const completes = new Map(program.calls.map(call => [call.write, call]))
  for (const call of program.calls) {
    checking.calls.push(call)
    const slot = program.slots[call.write] as Slot
    if (completes.get(call.write) !== call || slot.dtype !== 'f32') continue
    checking.add({ call, dtype: 'f32' }, number => [
      rowCheck('check_finite', call.write, { start: 0, count: sizeOf(slot) }, number, checking.report)
    ])
  }
  return checking.finish(program, [])
}
