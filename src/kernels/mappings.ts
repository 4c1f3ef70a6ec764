/**
 * Mesa's software driver makes a memory map for each bind group. A process has as many as Linux allows
 * (`vm.max_map_count`), and one that asks for more is killed without a word: so a program with many calls is held to
 * what is left before its groups are made, and so are runs with ever new arguments.
 */
import { countOf, type Groups } from './bindings.js'
import type { Device } from './device.js'
import { type KernelError, outOfMemory } from './errors.js'
import { platform } from './platform/node.js'
import type { GPUDevice } from './platform/webgpu.js'

/** Programs with fewer bind groups are not looked at. */
const FEW = 64
/**
 * Groups that runs make for other arguments until the next look. Those that were put out of use for them hold their
 * maps until the collector has been there, so a program leaves room for as many.
 */
const MANY = 4096
/**
 * Maps that stay for what follows: buffers, the programs of an evaluation (after a search of S5 a ninth of its own
 * groups), and groups that runs put out of use.
 */
const spareFor = (groups: number): number => MANY + Math.max(512, Math.ceil(groups / 6))

/** Why so many bind groups cannot be made, if they cannot, where `fresh` of them need maps of their own. */
export const tooManyGroups = ({ info }: Device, groups: number, fresh = groups): KernelError | undefined => {
  const there = info.software && info.vendor === 'mesa' && groups > FEW ? platform.memoryMaps() : undefined
  const wanted = (there?.has ?? 0) + fresh + spareFor(groups)
  if (!there || wanted <= there.most) return undefined
  const enough = 2 ** Math.ceil(Math.log2(wanted))
  return outOfMemory(
    `memory maps for ${groups} bind groups, as the software adapter makes them`,
    `Linux allows a process ${there.most}, of which ${there.has} are taken`,
    `raise that with \`sudo sysctl -w vm.max_map_count=${enough}\`, or make the program smaller`
  )
}

/**
 * By layout: groups of programs that were disposed of. A layout keeps their maps, and new groups of that layout take
 * them over: a second program like the first needs hardly any more.
 */
const idle = new WeakMap<GPUDevice, Map<string, number>>()
const idleOf = (device: GPUDevice): Map<string, number> => {
  const counts = idle.get(device) ?? new Map<string, number>()
  idle.set(device, counts)
  return counts
}

/** Counts the groups that a program may have. */
export const taken = (device: GPUDevice, groups: Groups): void => {
  const counts = idleOf(device)
  for (const [layout, count] of groups) counts.set(layout, Math.max(0, (counts.get(layout) ?? 0) - count))
}
/** Counts the groups that a program had. */
export const givenBack = (device: GPUDevice, groups: Groups): void => {
  const counts = idleOf(device)
  for (const [layout, count] of groups) counts.set(layout, (counts.get(layout) ?? 0) + count)
}

/** Of so many groups those for which no other has left its map. */
const freshOf = (device: GPUDevice, groups: Groups): number => {
  const counts = idleOf(device)
  return [...groups].reduce((total, [layout, count]) => total + Math.max(0, count - (counts.get(layout) ?? 0)), 0)
}

/**
 * Lets go of groups that nobody uses: the collector does not know that their maps are scarce, and the device takes
 * them back with the next work that is done.
 */
const collect = async ({ device, info }: Device): Promise<void> => {
  await platform.collectGarbage()
  device.queue.submit([])
  await platform.waiting(info, device.queue.onSubmittedWorkDone())
}

/** Why so many groups cannot be made, if they cannot even when garbage is collected, and only `fresh` need maps. */
const tooManyCollected = async (device: Device, groups: number, fresh: number): Promise<KernelError | undefined> => {
  if (!tooManyGroups(device, groups)) return undefined
  await collect(device)
  return tooManyGroups(device, groups, fresh)
}

/** Why the bind groups of a program cannot be made, if they cannot even when garbage is collected. */
export const tooManyGroupsLeft = (device: Device, groups: Groups): Promise<KernelError | undefined> =>
  tooManyCollected(device, countOf(groups), freshOf(device.device, groups))

const lately = new WeakMap<Device, number>()

/**
 * Counts groups that runs make for arguments that changed. Why no more can be made, if a run that makes `most` may be
 * one too many.
 */
export const tooManyChanges = async (device: Device, most: number): Promise<KernelError | undefined> => {
  if ((lately.get(device) ?? 0) + most <= MANY) return undefined
  lately.set(device, 0)
  return tooManyCollected(device, most, most)
}
export const changed = (device: Device): void => {
  lately.set(device, (lately.get(device) ?? 0) + 1)
}
