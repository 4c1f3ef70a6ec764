/**
 * Which variant of a kernel runs, by the adapter's facts and the call's shape. Programs name the plain shaders; here a call is exchanged for calls of
 * a faster one where its conditions hold. Pure, and whatever no variant takes stays plain, so any shape works.
 *
 * To add a variant: a file in `shaders/` that says what it requires, an entry in `variants/` that checks it, and the test that holds it to the plain one.
 */
import type { Program } from './spec.js'
import { convolutions } from './variants/convolutions.js'
import { folds } from './variants/folds.js'
import { maps } from './variants/maps.js'
import { matmuls } from './variants/matmuls.js'
import type { Facts, Variant } from './variants/variant.js'
import { windows } from './variants/windows.js'

export type { Facts } from './variants/variant.js'

/** Families in the order in which they are tried. */
const FAMILIES = [maps, folds, convolutions, windows, matmuls]

const variantsOf = (shader: string): readonly Variant[] => FAMILIES.flatMap(family => family[shader] ?? [])

/** The program with every call that has a faster form exchanged for it. */
export const select = (program: Program, facts: Facts): Program => {
  const slots = [...program.slots]
  const calls = program.calls.flatMap(call => {
    for (const variant of variantsOf(call.shader)) {
      const chosen = variant(call, facts, slot => slots.push(slot) - 1, slots)
      if (chosen) return chosen
    }
    return [call]
  })
  return { ...program, slots, calls }
}
