/**
 * Which variant of a kernel runs, by the adapter's facts and the call's shape. Programs name the plain shaders; here a
 * call is exchanged for calls of a faster one where its conditions hold. Pure, and whatever no variant takes stays
 * plain, so any shape works. To add a variant, see docs/adding-a-kernel.md.
 */
import type { Call, Program, Slot } from './spec.js'
import { convolutions } from './variants/convolutions.js'
import { folds, foldsOfGpus } from './variants/folds.js'
import { maps } from './variants/maps.js'
import { matmuls } from './variants/matmuls.js'
import { tiles } from './variants/tiles.js'
import type { Facts, Variant, Variants } from './variants/variant.js'
import { gathers, windows } from './variants/windows.js'

export type { Facts } from './variants/variant.js'

/** For every adapter. */
const EVERYWHERE: readonly Variants[] = [maps, gathers]
/** For software adapters: registers and the shuffles of subgroups of one size. */
const SHUFFLES: readonly Variants[] = [folds, convolutions, windows, matmuls]
/** For GPUs, and whatever else: workgroup tiles and registers, whatever the subgroups. */
const TILES: readonly Variants[] = [foldsOfGpus, tiles]

/**
 * Shuffles ask for this much. With subgroups of 4 (SwiftShader) most tiles took a half to a quarter of the plain
 * kernels' time, so they are taken there too.
 */
const LEAST_SUBGROUP = 8

/** The variants of a shader for an adapter, in the order in which they are tried. */
const variantsOf = (shader: string, { software, subgroupSize }: Facts): readonly Variant[] =>
  [...EVERYWHERE, ...(software && subgroupSize >= LEAST_SUBGROUP ? SHUFFLES : TILES)].flatMap(
    family => family[shader] ?? []
  )

/** A call, and those that are made instead of it: itself, where it has no faster form. */
export interface Chosen {
  readonly plain: Call
  readonly calls: readonly Call[]
}

/** All variants that there are. */
export const FAMILIES: readonly Variants[] = [...new Set([...EVERYWHERE, ...SHUFFLES, ...TILES])]

/** What is chosen for each call of a program, by which variants, and the program's slots with those that are new. */
export const selectEach = (
  program: Program,
  facts: Facts
): { readonly slots: readonly Slot[]; readonly chosen: readonly Chosen[]; readonly taken: readonly Variant[] } => {
  const slots = [...program.slots]
  const taken: Variant[] = []
  const choose = (call: Call): readonly Call[] => {
    for (const variant of variantsOf(call.shader, facts)) {
      const chosen = variant(call, facts, slot => slots.push(slot) - 1, slots)
      if (chosen) taken.push(variant)
      // Calls of other plain shaders, as the sums of a kernel that leaves its result in parts, have faster forms of
      // their own.
      if (chosen) return chosen.flatMap(one => (one.shader === call.shader ? [one] : choose(one)))
    }
    return [call]
  }
  const chosen = program.calls.map((plain): Chosen => ({ plain, calls: choose(plain) }))
  return { slots, chosen, taken }
}

/** The program with every call that has a faster form exchanged for it. */
export const select = (program: Program, facts: Facts): Program => {
  const { slots, chosen } = selectEach(program, facts)
  return { ...program, slots, calls: chosen.flatMap(({ calls }) => calls) }
}
