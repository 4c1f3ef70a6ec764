/**
 * Which calls go into one dispatch. A GPU takes as long to begin a dispatch as for a small kernel's work, so calls of one
 * kernel that do not wait for each other share one: its workgroups in z are theirs, one call after another.
 *
 * The order is by levels, what has to be dispatched before: calls of a level read and write nothing of each other's.
 */
import { MOST_WORKGROUPS } from './agreement.js'
import { bindingsOf } from './bindings.js'
import type { Call } from './spec.js'

/** Calls of one kernel that are computed side by side. */
export type Dispatch = readonly [Call, ...Call[]]

/** What decides the kernel of a call. Calls of equal keys can be computed in one dispatch. */
export const kernelKey = ({ shader, op, constants, reads }: Call): string => {
  const sorted = Object.entries(constants ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([shader, op, sorted, reads.length])
}

/** By call, the dispatches on the longest way to what it reads. */
const levelsOf = (calls: readonly Call[]): readonly number[] => {
  /** By slot: the level at which all that was written so far is there, and that at which others may write besides. */
  const there = new Map<number, number>()
  const open = new Map<number, number>()
  return calls.map(({ reads, write, stores, fills }) => {
    const isApart = stores !== undefined && fills === undefined
    const after = [...reads.map(slot => there.get(slot)), isApart ? open.get(write) : there.get(write)]
    const level = after.reduce<number>((most, one) => Math.max(most, (one ?? -1) + 1), 0)
    there.set(write, Math.max(level, there.get(write) ?? 0))
    if (!isApart) open.set(write, level)
    return level
  })
}

/** Whether calls bind few enough buffers for one dispatch, and no buffer to read that another writes. */
const fits = (calls: Dispatch, mostBuffers: number): boolean => {
  const buffers = bindingsOf(calls).bindings.filter(({ type }) => type !== 'uniform').length
  const depth = calls.reduce((total, { workgroups }) => total + workgroups[2], 0)
  const written = new Set(calls.map(({ write }) => write))
  return buffers <= mostBuffers && depth <= MOST_WORKGROUPS && calls.every(({ reads }) => !reads.some(slot => written.has(slot)))
}

/** Shaders that stride over what is there, by as many workgroups in x as are launched: it may be more than a call asks for. */
const STRIDING: ReadonlySet<string> = new Set(['map', 'map_strided', 'map_rows', 'reduce', 'gather_parts'])

/** What a dispatch launches: in x as many as any of its calls wants, in z all of them. */
export const workgroupsOf = (calls: Dispatch): Call['workgroups'] => {
  const [{ workgroups }] = calls
  return [Math.max(...calls.map(one => one.workgroups[0])), workgroups[1], workgroups[2] * calls.length]
}

/** Up to `most` calls of a kernel, of a level and of as many workgroups, in each dispatch; one: each call by itself, in their order. */
export const dispatchesOf = (calls: readonly Call[], most: number, mostBuffers: number): readonly Dispatch[] => {
  if (most === 1) return calls.map(call => [call])
  const levels = levelsOf(calls)
  const open = new Map<string, Dispatch[]>()
  const byLevel: Dispatch[][][] = []
  calls.forEach((call, i) => {
    const level = levels[i] as number
    const [x, ...others] = call.workgroups
    const key = [level, STRIDING.has(call.shader) ? '' : x, others, kernelKey(call)].join(' ')
    const dispatches = open.get(key) ?? []
    if (!open.has(key)) {
      open.set(key, dispatches)
      byLevel[level] = [...(byLevel[level] ?? []), dispatches]
    }
    const last = dispatches.at(-1)
    const longer: Dispatch | undefined = last && last.length < most ? [...last, call] : undefined
    if (longer && fits(longer, mostBuffers)) dispatches[dispatches.length - 1] = longer
    else dispatches.push([call])
  })
  return byLevel.flat(2)
}
