/** How an interruption reaches the searches that this process has started. */
import { EventEmitter } from 'node:events'
import { listen } from './signals.js'

/** An interruption: told to all that run, each time that it is asked for. */
export interface Interruption {
  readonly happened: () => boolean
  readonly interrupt: () => void
  /** Calls `end` at each interruption; gives what ends that. */
  readonly each: (end: () => void) => () => void
}

export const interruption = (): Interruption => {
  const emitter = new EventEmitter().setMaxListeners(0)
  const state = { happened: false }
  return {
    happened: () => state.happened,
    interrupt: () => {
      state.happened = true
      emitter.emit('interrupt')
    },
    each: end => {
      emitter.on('interrupt', end)
      return () => void emitter.off('interrupt', end)
    }
  }
}

/** Interrupts at the signals that end a search, while `act` runs. */
export const untilSignal = async <A>(ending: Interruption, told: () => void, act: () => Promise<A>): Promise<A> => {
  const release = listen(() => {
    if (!ending.happened()) told()
    ending.interrupt()
  })
  try {
    return await act()
  } finally {
    release()
  }
}
