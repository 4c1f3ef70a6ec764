/** What sweeps and workers are told of the processes that they start. */
import { availableParallelism, freemem } from 'node:os'
import * as E from 'fp-ts/lib/Either.js'
import { listAdapters } from '../../engine/index.js'
import { parseOption } from '../configuration/options.js'
import { orRefuse } from './refusal.js'

export const JOBS = {
  flag: '--jobs <n>',
  help: 'searches at once (default: 1 on a GPU; else one for two cores and each free GiB)',
  least: 1,
  most: 1024,
  whole: true
} as const
export const LOST_AFTER = {
  flag: '--lost-after <seconds>',
  help: 'how long a process that is at a run may be silent before another takes the run',
  least: 1,
  most: 3600
} as const

/** Seconds of the command line in milliseconds. */
export const lostAfterOf = (text: string): number => 1000 * (orRefuse(parseOption(LOST_AFTER, text)) as number)

/**
 * How many searches at once, if nobody says: one on a GPU, which one fills; on the CPU, by a software adapter or the
 * reference, one for two cores and for each free GiB.
 */
export const usualJobs = async (
  places: readonly { readonly backend?: unknown; readonly adapter?: unknown }[]
): Promise<number> => {
  const onCpu = Math.max(1, Math.min(Math.floor(availableParallelism() / 2), Math.floor(freemem() / 2 ** 30)))
  if (places.every(({ backend }) => backend === 'reference')) return onCpu
  const adapters = await listAdapters()()
  return E.isRight(adapters) && adapters.right.some(({ software }) => !software) ? 1 : onCpu
}
