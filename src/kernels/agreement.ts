/**
 * Whether calls do what they say: what a call's shader makes of its parameters is what the call says that it stores,
 * what it asks of the slots that it reads is there, and the calls of each slot store every element once. In every
 * build, before anything runs: a kernel whose parameters belong to another one gives wrong numbers without a word.
 */
import { CONTRACTS, type Contract } from './contracts/index.js'
import { areDisjoint, isInjective, lastOf, placesOf, plainest, samePlaces } from './regions.js'
import type { Call, Program, Region, Slot } from './spec.js'

/** What was wanted, and what was got instead. */
export interface Disagreement {
  readonly wanted: string
  readonly got: string
}

/** WebGPU's own limit of workgroups in one dimension. */
export const MOST_WORKGROUPS = 65_535

const sizeOf = ({ shape }: Slot): number => shape.reduce((product, extent) => product * extent, 1)

const show = (regions: readonly Region[]): string =>
  regions
    .map(plainest)
    .map(
      ({ offset, extents, strides }) =>
        `${extents.join(' x ') || '1'} by ${strides.join(', ') || '1'} from ${offset} on`
    )
    .join('; ') || 'nothing'

/** What is wrong between a call and its shader, if anything. */
const wrongWith = (call: Call, slots: readonly Slot[]): string | undefined => {
  const reading = CONTRACTS[call.shader]
  if (!reading) return undefined
  const contract: Contract = reading(call)
  const { stores, needs, wrong } = contract
  if (wrong !== undefined) return wrong
  if (needs.length !== call.reads.length)
    return `its shader reads ${needs.length} slots, and the call brings ${call.reads.length}`
  if (call.stores === undefined) return 'it does not say what it stores'
  const said = call.stores
  if (stores.length !== said.length || !stores.every((region, j) => samePlaces(region, said[j] as Region)))
    return `its shader stores ${show(stores)}, where ${show(said)} is meant`
  const short = needs.findIndex((need, k) => !(need <= sizeOf(slots[call.reads[k] as number] as Slot)))
  if (short >= 0)
    return (
      `it asks for ${needs[short]} elements of read ${short}, which has ` +
      `${sizeOf(slots[call.reads[short] as number] as Slot)}`
    )
  return wrongWorkgroups(call, contract)
}

const wrongWorkgroups = ({ workgroups }: Call, contract: Contract): string | undefined => {
  const wanted = contract.workgroups
  if (wanted === undefined)
    return workgroups[1] * workgroups[2] === 1 ? undefined : 'it strides along x, and launches along y or z'
  if (wanted.some(count => count > MOST_WORKGROUPS))
    return `it takes ${wanted.join(' x ')} workgroups, and ${MOST_WORKGROUPS} can be launched`
  return wanted.every((count, axis) => count === workgroups[axis])
    ? undefined
    : `it launches ${workgroups.join(' x ')} workgroups, and ${wanted.join(' x ')} store all of its result`
}

/** What is wrong with all that is stored in a slot, if anything. */
const wrongWithSlot = (slot: Slot, calls: readonly Call[]): string | undefined => {
  if (calls.some(({ stores }) => stores === undefined)) return undefined
  const size = sizeOf(slot)
  const regions = calls.filter(({ fills }) => !fills).flatMap(({ stores }) => stores as readonly Region[])
  const outside = regions.find(region => region.offset < 0 || lastOf(region) >= size)
  if (outside) return `${show([outside])} lies outside its ${size} elements`
  const folded = regions.find(region => !isInjective(region))
  if (folded) return `${show([folded])} stores an element twice`
  const total = regions.reduce((sum, region) => sum + placesOf(region), 0)
  const filled = calls.some(({ fills, stores }) => fills && stores?.some(region => placesOf(region) === size))
  if (total < size && !filled && !slot.gaps && total > 0)
    return `${size - total} of its ${size} elements are never stored`
  const twice = overlap(regions)
  return twice && `${show(twice)} meet`
}

/** Two regions that have a place in common, if there are any. */
const overlap = (regions: readonly Region[]): readonly Region[] | undefined => {
  const sorted = [...regions].sort((a, b) => a.offset - b.offset)
  let open: Region[] = []
  for (const region of sorted) {
    open = open.filter(one => lastOf(one) >= region.offset)
    const met = open.find(one => !areDisjoint(one, region))
    if (met) return [met, region]
    open.push(region)
  }
  return undefined
}

/** The first call, or the first slot, that does not keep what it says. */
export const disagreement = ({ calls, slots }: Program): Disagreement | undefined => {
  const writers = new Map<number, Call[]>()
  for (const [i, call] of calls.entries()) {
    const got = wrongWith(call, slots)
    if (got !== undefined)
      return { wanted: `call ${i} "${call.label}" (${call.shader}) to be what its shader makes of it`, got }
    const others = writers.get(call.write)
    if (others) others.push(call)
    else writers.set(call.write, [call])
  }
  for (const [slot, own] of writers) {
    const { dtype, shape } = slots[slot] as Slot
    const got = wrongWithSlot(slots[slot] as Slot, own)
    if (got !== undefined)
      return {
        wanted:
          `the ${own.length} calls from "${own[0]?.label}" on to store each element of slot ${slot} ` +
          `(${dtype}[${shape.join(',')}]) once`,
        got
      }
  }
  return undefined
}
