/**
 * Bind groups follow from the buffers that they bind, not from calls: calls of the same buffers share one. A call's bindings come in one group, or, in
 * programs of so many calls that there would be too many of those, in one for each buffer: then there are as many groups as buffers, but each call sets
 * up to four of them.
 */
import type { Plan } from './plan.js'
import type { Call } from './spec.js'

/** Where a binding of `spec.ts` (0: parameters, 1: written, 2 and on: read) lies in a shader: its group, and its number in there. */
export type Arrangement = (binding: number) => readonly [group: number, binding: number]

export const together: Arrangement = binding => [0, binding]
/** The last of the four groups that WebGPU promises holds all that is left. */
const LAST = 3
export const apart: Arrangement = binding => [Math.min(binding, LAST), Math.max(0, binding - LAST)]

/** Groups that a program may have with all bindings of a call in one: half of the memory maps that Linux gives a process, see `mappings.ts`. */
const MOST_TOGETHER = 2 ** 15
/** Groups kept for the same bindings of inputs and outputs, whose buffers differ from run to run. */
export const MOST_BOUND = 4

/** A shader's text, written with all bindings in group 0, in an arrangement. */
export const arranged = (code: string, arrangement: Arrangement): string =>
  code.replace(/@group\(0\) @binding\((\d+)\)/g, (_, text: string) => {
    const [group, binding] = arrangement(Number(text))
    return `@group(${group}) @binding(${binding})`
  })

/** What one bind group of a call binds: `slots` in the order of its bindings, undefined for the parameters. */
export interface Part {
  readonly types: readonly GPUBufferBindingType[]
  readonly slots: readonly (number | undefined)[]
}

/** The bind groups of a call. */
export const partsOf = ({ write, reads }: Pick<Call, 'write' | 'reads'>, arrangement: Arrangement): readonly Part[] => {
  const slots = [undefined, write, ...reads]
  const types = slots.map((_, k): GPUBufferBindingType => (k === 0 ? 'uniform' : k === 1 ? 'storage' : 'read-only-storage'))
  const groups = slots.map((_, k) => arrangement(k)[0])
  return [...new Set(groups)].map(group => ({
    types: types.filter((_, k) => groups[k] === group),
    slots: slots.filter((_, k) => groups[k] === group)
  }))
}

/** What decides a bind group. Sizes belong to it: slots of different sizes share buffers. `parameters` is where the call's numbers lie. */
export const partKey = ({ places, bytes }: Pick<Plan, 'places' | 'bytes'>, { types, slots }: Part, parameters: number): string =>
  slots
    .map((slot, k) => {
      if (slot === undefined) return parameters
      const place = places[slot]
      return `${types[k]} ${place?.kind} ${place?.index} ${bytes[slot]}`
    })
    .join()

/** Whether buffers of a part differ from run to run. */
export const isExternal = ({ places }: Pick<Plan, 'places'>, { slots }: Part): boolean =>
  slots.some(slot => slot !== undefined && (places[slot]?.kind === 'input' || places[slot]?.kind === 'output'))

/** The most bind groups that a plan has at once. `parameters` tells for each call where its numbers lie. */
export const groupsOf = (plan: Plan, parameters: readonly number[], arrangement: Arrangement): number => {
  const parts = new Map(
    plan.calls.flatMap((call, i) =>
      partsOf(call, arrangement).map(part => [partKey(plan, part, parameters[i] as number), part] as const)
    )
  )
  return [...parts.values()].reduce((total, part) => total + (isExternal(plan, part) ? MOST_BOUND : 1), 0)
}

/** How a plan's bindings are arranged, and how many groups that makes. */
export const arrange = (
  plan: Plan,
  parameters: readonly number[],
  most = MOST_TOGETHER
): { readonly arrangement: Arrangement; readonly groups: number } => {
  const groups = groupsOf(plan, parameters, together)
  return groups <= most ? { arrangement: together, groups } : { arrangement: apart, groups: groupsOf(plan, parameters, apart) }
}
