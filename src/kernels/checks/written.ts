/** The check that looks for elements that no call has stored. */
import { placesOf, plainest } from '../regions.js'
import type { Call, Slot } from '../spec.js'
import { type Checked, Checking, fillOf, rowCheck, sizeOf } from './report.js'

/**
 * A NaN that no operation gives unless it is given it: hardware makes another payload, though some keeps one. As an
 * integer it is one among 2^32.
 */
export const POISON = 0x7fc0dead

/** What lies between the parts of a slot is written by nobody, so those that are rows are looked at one by one. */
const stretchesOf = (slot: Slot, writers: readonly Call[]) =>
  slot.gaps
    ? writers
        .flatMap(({ stores = [] }) => stores.map(plainest))
        .filter(({ strides }) => strides.every(stride => stride === 1))
        .map(region => ({ start: region.offset, count: placesOf(region) }))
    : [{ start: 0, count: sizeOf(slot) }]

/** Each slot is filled with NaN before anything is stored in it, and looked at when all has been. */
export const writtenChecked = ({ program, checks }: Checked): Checked => {
  const report = checks.length > 0 ? program.outputs.at(-1) : undefined
  const checking = new Checking(program.slots, checks, report)
  const writers = new Map<number, Call[]>()
  for (const call of program.calls) writers.set(call.write, [...(writers.get(call.write) ?? []), call])
  for (const call of program.calls) {
    const own = writers.get(call.write) as readonly Call[]
    const slot = program.slots[call.write] as Slot
    const isWatched = call.write !== report
    if (isWatched && own[0] === call)
      checking.calls.push(fillOf(POISON, call.write, sizeOf(slot), `poison of ${call.label}`))
    checking.calls.push(call)
    if (!isWatched || own.at(-1) !== call) continue
    for (const part of stretchesOf(slot, own))
      checking.add({ call, dtype: slot.dtype }, number => [
        rowCheck('check_written', call.write, { ...part, word: POISON }, number, checking.report)
      ])
  }
  return checking.finish(program, report === undefined ? program.outputs : program.outputs.slice(0, -1))
}
