/** Lines where nothing else would be said for long. */

/** A clock in seconds, and what it does later; gives what calls that off. */
export interface Timer {
  readonly now: () => number
  readonly later: (seconds: number, act: () => void) => () => void
}

export const systemTimer: Timer = {
  now: () => performance.now() / 1000,
  later: (seconds, act) => {
    const timeout = setTimeout(act, 1000 * seconds).unref()
    return () => clearTimeout(timeout)
  }
}

/** How long nothing is said at most, in seconds. */
export const SILENCE = 30

/**
 * Says what is under way whenever nothing was said for `SILENCE`, by the clock, and as soon as something happens where
 * long work kept the clock from it.
 */
export const heartbeat = (speak: (text: string) => void, { now, later }: Timer) => {
  const state = { text: (): string | undefined => undefined, said: now(), off: () => {} }
  const isOverdue = (): boolean => now() - state.said >= SILENCE
  const beat = (): void => {
    if (!isOverdue()) return
    const text = state.text()
    if (text !== undefined) speak(text)
    state.said = now()
  }
  const arm = (): void => {
    state.off = later(Math.max(state.said + SILENCE - now(), 0), () => {
      beat()
      arm()
    })
  }
  arm()
  return {
    /** What is under way from now on, as it would be said; undefined: nothing is. */
    doing: (text: () => string | undefined): void => {
      state.text = text
      beat()
    },
    /** Something else was said. */
    said: (): void => {
      state.said = now()
    },
    stop: (): void => state.off()
  }
}
