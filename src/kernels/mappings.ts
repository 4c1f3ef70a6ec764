/**
 * Mesa's software driver makes a memory map for each bind group. A process has as many as Linux allows
 * (`vm.max_map_count`), and one that asks for more is killed without a word: so a program with many calls is held to
 * what is left before its groups are made, and so are runs with ever new arguments.
 */
import type { Device } from './device.js'
import { type KernelError, outOfMemory } from './errors.js'
import { platform } from './platform/node.js'

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

/** Why so many more bind groups cannot be made, if they cannot. */
export const tooManyGroups = ({ info }: Device, groups: number): KernelError | undefined => {
  const there = info.software && info.vendor === 'mesa' && groups > FEW ? platform.memoryMaps() : undefined
  const wanted = (there?.has ?? 0) + groups + spareFor(groups)
  if (!there || wanted <= there.most) return undefined
  const enough = 2 ** Math.ceil(Math.log2(wanted))
  return outOfMemory(
    `memory maps for ${groups} bind groups, as the software adapter makes them`,
    `Linux allows a process ${there.most}, of which ${there.has} are taken`,
    `raise that with \`sudo sysctl -w vm.max_map_count=${enough}\`, or make the program smaller`
  )
}

/** Why so many more bind groups cannot be made, if they cannot even when garbage is collected. */
export const tooManyGroupsLeft = async (device: Device, groups: number): Promise<KernelError | undefined> => {
  if (!tooManyGroups(device, groups)) return undefined
  // Groups that were put out of use hold their maps until the collector has been there, and it does not know that these
  // are scarce.
  await platform.collectGarbage()
  return tooManyGroups(device, groups)
}

const lately = new WeakMap<Device, number>()

/**
 * Counts groups that runs make for arguments that changed. Why no more can be made, if a run that makes `most` may be
 * one too many.
 */
export const tooManyChanges = async (device: Device, most: number): Promise<KernelError | undefined> => {
  if ((lately.get(device) ?? 0) + most <= MANY) return undefined
  lately.set(device, 0)
  return tooManyGroupsLeft(device, most)
}
export const changed = (device: Device): void => {
  lately.set(device, (lately.get(device) ?? 0) + 1)
}
