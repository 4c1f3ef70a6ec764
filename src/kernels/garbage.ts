/** The collector, asked to look now: it does not know what else its objects hold (storage, memory maps), nor when that is scarce. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Collects garbage. */
export const collect = async (): Promise<void> => {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  if (typeof gc === 'function') gc()
  // What native objects hold is given back in the turns after.
  await nextTurn()
  await nextTurn()
}
