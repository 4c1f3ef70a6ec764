/**
 * Which calls go into one dispatch. A GPU takes as long to begin a dispatch as for a small kernel's work, so calls of
 * one kernel that do not wait for each other share one: its workgroups in z are theirs, one call after another.
 *
 * The order is by levels, what has to be dispatched before: calls of a level read and write nothing of each other's.
 */
import { MOST_WORKGROUPS } from './agreement.js'
import type { Call } from './spec.js'

/** Calls of one kernel that are computed side by side. */
export type Dispatch = readonly [Call, ...Call[]]

/** What is bound: a slot, or the parameters of a dispatch's call of that number. */
export type Binding =
  | { readonly type: 'uniform'; readonly call: number }
  | { readonly type: 'storage' | 'read-only-storage'; readonly slot: number }

/**
 * All that a dispatch binds, those of its first call as `spec.ts` says, and for each call where its bindings are among
 * them. A slot that calls bind at the same place is bound once: what is written must be.
 */
export const bindingsOf = (
  calls: Dispatch
): { readonly bindings: readonly Binding[]; readonly places: readonly (readonly number[])[] } => {
  const bindings: Binding[] = []
  const slotsOf = (call: number) => [undefined, calls[call]?.write, ...(calls[call]?.reads ?? [])]
  const places: number[][] = []
  calls.forEach((_, call) => {
    places.push(
      slotsOf(call).map((slot, k) => {
        const earlier = slot === undefined ? -1 : places.findIndex((_own, one) => slotsOf(one)[k] === slot)
        if (earlier >= 0) return places[earlier]?.[k] as number
        const type = k === 1 ? 'storage' : 'read-only-storage'
        return bindings.push(slot === undefined ? { type: 'uniform', call } : { type, slot }) - 1
      })
    )
  })
  return { bindings, places }
}

/** What decides the kernel of a call. Calls of equal keys can be computed in one dispatch. */
export const kernelKey = ({ shader, op, constants, reads }: Call): string => {
  const sorted = Object.entries(constants ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([shader, op, sorted, reads.length])
}

/**
 * It stores elements that no other call stores. Others, those that fill and those of which it is not known, keep their
 * place among the calls of their slot.
 */
const isApart = ({ stores, fills }: Call): boolean => stores !== undefined && fills === undefined

/** By call, the dispatches on the longest way to what it needs. */
const levelsOf = (calls: readonly Call[]): number[] => {
  /** By slot: the level of the last that writes it, of the last that reads it, and of the last that is not apart. */
  const [written, read, closed] = [new Map<number, number>(), new Map<number, number>(), new Map<number, number>()]
  const atLeast = (levels: Map<number, number>, slot: number, level: number): void => {
    levels.set(slot, Math.max(level, levels.get(slot) ?? 0))
  }
  return calls.map(call => {
    const { reads, write } = call
    const before = isApart(call) ? [closed.get(write)] : [written.get(write), read.get(write)]
    const level = [...reads.map(slot => written.get(slot)), ...before].reduce<number>(
      (most, one) => Math.max(most, (one ?? -1) + 1),
      0
    )
    atLeast(written, write, level)
    for (const slot of reads) atLeast(read, slot, level)
    if (!isApart(call)) closed.set(write, level)
    return level
  })
}

/** What a call may keep alive while it waits for others of its kernel, in bytes. */
const LIGHT = 2 ** 21

/**
 * Levels at which light calls are as late as what reads them allows: there they meet others. Heavy ones are early, and
 * free what they read.
 */
const settled = (calls: readonly Call[], bytes: readonly number[]): readonly number[] => {
  const levels = levelsOf(calls)
  /** By slot: the level of the first that reads it, and of the first that is not apart. */
  const [read, closed] = [new Map<number, number>(), new Map<number, number>()]
  const atMost = (bounds: Map<number, number>, slot: number, level: number): void => {
    bounds.set(slot, Math.min(level, bounds.get(slot) ?? Number.POSITIVE_INFINITY))
  }
  for (let i = calls.length - 1; i >= 0; i--) {
    const call = calls[i] as Call
    const { reads, write } = call
    const isLight = reads.reduce((total, slot) => total + (bytes[slot] as number), 0) <= LIGHT
    const latest = [read.get(write), closed.get(write), ...reads.map(slot => closed.get(slot))].filter(
      one => one !== undefined
    )
    if (isLight && isApart(call) && latest.length > 0)
      levels[i] = Math.max(levels[i] as number, Math.min(...latest) - 1)
    for (const slot of reads) atMost(read, slot, levels[i] as number)
    if (!isApart(call)) atMost(closed, write, levels[i] as number)
  }
  return levels
}

/** Whether calls bind few enough buffers for one dispatch, and no buffer to read that another writes. */
const fits = (calls: Dispatch, mostBuffers: number): boolean => {
  const buffers = bindingsOf(calls).bindings.filter(({ type }) => type !== 'uniform').length
  const depth = calls.reduce((total, { workgroups }) => total + workgroups[2], 0)
  const written = new Set(calls.map(({ write }) => write))
  return (
    buffers <= mostBuffers &&
    depth <= MOST_WORKGROUPS &&
    calls.every(({ reads }) => !reads.some(slot => written.has(slot)))
  )
}

/**
 * Shaders that stride over what is there, by as many workgroups in x as are launched: it may be more than a call asks
 * for.
 */
const STRIDING: ReadonlySet<string> = new Set(['map', 'map_strided', 'map_rows', 'reduce', 'gather_parts'])

/** What a dispatch launches: in x as many workgroups as the call that wants most, in z those of all calls. */
export const workgroupsOf = (calls: Dispatch): Call['workgroups'] => {
  const [{ workgroups }] = calls
  return [Math.max(...calls.map(one => one.workgroups[0])), workgroups[1], workgroups[2] * calls.length]
}

/**
 * Up to `most` calls of a kernel, of a level and of as many workgroups, in each dispatch; one: each call by itself, in
 * their order.
 */
export const dispatchesOf = (
  calls: readonly Call[],
  bytes: readonly number[],
  most: number,
  mostBuffers: number
): readonly Dispatch[] => {
  if (most === 1) return calls.map(call => [call])
  const levels = settled(calls, bytes)
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
