/**
 * Bind groups follow from the buffers that they bind, not from calls: calls of the same buffers share one. A call's
 * bindings come in one group, or, in programs of so many calls that there would be too many of those, in one for each
 * buffer: then there are as many groups as buffers, but each call sets up to four of them.
 */
import { type Binding, bindingsOf, type Dispatch } from './dispatches.js'
import type { Plan } from './plan.js'

/**
 * Where a binding of `spec.ts` (0: parameters, 1: written, 2 and on: read) lies in a shader: its group, and its number
 * in there.
 */
export type Arrangement = (binding: number) => readonly [group: number, binding: number]

export const together: Arrangement = binding => [0, binding]
/** The last of the four groups that WebGPU promises holds all that is left. */
const LAST = 3
export const apart: Arrangement = binding => [Math.min(binding, LAST), Math.max(0, binding - LAST)]

/**
 * Groups that a program may have with all bindings of a call in one: half of the memory maps that Linux gives a
 * process, see `mappings.ts`.
 */
const MOST_TOGETHER = 2 ** 15
/** Groups kept for the same bindings of inputs and outputs, whose buffers differ from run to run. */
export const MOST_BOUND = 4

/** A shader's text, written with all bindings in group 0, in an arrangement. */
export const arranged = (code: string, arrangement: Arrangement): string =>
  code.replace(/@group\(0\) @binding\((\d+)\)/g, (_, text: string) => {
    const [group, binding] = arrangement(Number(text))
    return `@group(${group}) @binding(${binding})`
  })

/** What one bind group of a dispatch binds, in the order of its bindings. */
export type Part = readonly Binding[]

/** The bind groups of a dispatch. */
export const partsOf = (calls: Dispatch, arrangement: Arrangement): readonly Part[] => {
  const { bindings } = bindingsOf(calls)
  const groups = bindings.map((_, k) => arrangement(k)[0])
  return [...new Set(groups)].map(group => bindings.filter((_, k) => groups[k] === group))
}

export const slotsOf = (part: Part): readonly number[] =>
  part.flatMap(one => (one.type === 'uniform' ? [] : [one.slot]))

/**
 * What decides a bind group. Sizes belong to it: slots of different sizes share buffers. `parameters` is where the
 * calls' numbers lie.
 */
export const partKey = (
  { places, bytes }: Pick<Plan, 'places' | 'bytes'>,
  part: Part,
  parameters: readonly number[]
): string =>
  part
    .map(one => {
      if (one.type === 'uniform') return parameters[one.call]
      const place = places[one.slot]
      return `${one.type} ${place?.kind} ${place?.index} ${bytes[one.slot]}`
    })
    .join()

/** Whether buffers of a part differ from run to run. */
export const isExternal = ({ places }: Pick<Plan, 'places'>, part: Part): boolean =>
  slotsOf(part).some(slot => places[slot]?.kind === 'input' || places[slot]?.kind === 'output')

/** What decides the layout of a bind group. */
export const layoutKey = (part: Part): string => part.map(({ type }) => type).join()

/** Bind groups by `layoutKey`. */
export type Groups = ReadonlyMap<string, number>

/** Parts with how many groups each has, by layout. */
export const byLayout = (counts: Iterable<readonly [Part, number]>): Groups => {
  const groups = new Map<string, number>()
  for (const [part, count] of counts) groups.set(layoutKey(part), (groups.get(layoutKey(part)) ?? 0) + count)
  return groups
}

export const countOf = (groups: Groups): number => [...groups.values()].reduce((total, count) => total + count, 0)

/**
 * The most bind groups that a plan has at once. `parameters` tells for each dispatch where the numbers of its calls
 * lie.
 */
export const groupsOf = (plan: Plan, parameters: readonly (readonly number[])[], arrangement: Arrangement): Groups => {
  const parts = new Map(
    plan.dispatches.flatMap((calls, i) =>
      partsOf(calls, arrangement).map(part => [partKey(plan, part, parameters[i] as readonly number[]), part] as const)
    )
  )
  return byLayout([...parts.values()].map(part => [part, isExternal(plan, part) ? MOST_BOUND : 1]))
}

/** How a plan's bindings are arranged, and how many groups that makes. */
export const arrange = (
  plan: Plan,
  parameters: readonly (readonly number[])[],
  most = MOST_TOGETHER
): { readonly arrangement: Arrangement; readonly groups: Groups } => {
  const groups = groupsOf(plan, parameters, together)
  return countOf(groups) <= most
    ? { arrangement: together, groups }
    : { arrangement: apart, groups: groupsOf(plan, parameters, apart) }
}
