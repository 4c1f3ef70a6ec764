/**
 * Mesa's software driver makes a memory map for each bind group. A process has as many as Linux allows (`vm.max_map_count`), and one that asks for more
 * is killed without a word: so a program with many calls is held to what is left before its groups are made.
 */
import { readFileSync } from 'node:fs'
import type { Device } from './device.js'
import { type EngineError, outOfMemory } from './errors.js'

/** Programs with fewer bind groups are not looked at: to count the maps of a process takes a while. */
const FEW = 4096
/** Maps for what else the process may do. */
const SPARE = 1024

/** What Linux allows, and how many the process has; undefined where it is not Linux. */
const maps = (): { readonly most: number; readonly has: number } | undefined => {
  try {
    const most = Number(readFileSync('/proc/sys/vm/max_map_count', 'utf8'))
    return { most, has: readFileSync('/proc/self/maps', 'utf8').split('\n').length }
  } catch {
    return undefined
  }
}

/** Why so many more bind groups cannot be made, if they cannot. */
export const tooManyGroups = ({ info }: Device, groups: number): EngineError | undefined => {
  const there = info.software && info.vendor === 'mesa' && groups > FEW ? maps() : undefined
  if (!there || there.has + groups + SPARE <= there.most) return undefined
  const enough = 2 ** Math.ceil(Math.log2(there.has + groups + SPARE))
  return outOfMemory(
    `memory maps for ${groups} bind groups, as the software adapter makes them`,
    `Linux allows a process ${there.most}, of which ${there.has} are taken`,
    `raise that with \`sudo sysctl -w vm.max_map_count=${enough}\`, or make the program smaller`
  )
}
