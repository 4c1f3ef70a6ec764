/** Signals that end a run after the step at hand, with what was reached. */
import { complain } from './outputs.js'
import { INTERRUPTED } from './refusal.js'

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Calls `each` at every signal that ends a run. Gives what ends that; a terminal that is gone ends the process then.
 */
export const listen = (each: (name: NodeJS.Signals) => void): (() => void) => {
  const seen = { hangup: false }
  const on = (name: NodeJS.Signals): void => {
    if (name === 'SIGHUP') seen.hangup = true
    each(name)
  }
  for (const name of ENDING) process.on(name, on)
  return () => {
    for (const name of ENDING) process.off(name, on)
    // Node aborts at its end if it cannot set back a terminal that is gone: then the signal ends the process.
    const terminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY)
    if (seen.hangup && terminal) process.kill(process.pid, 'SIGHUP')
  }
}

export interface Signals {
  readonly interrupted: () => boolean
  /** Stops listening. A terminal that is gone ends the process here. */
  readonly release: () => void
}

export const listenForSignals = (): Signals => {
  const signal = { interrupted: false }
  const release = listen(name => {
    // A second Ctrl-C does not wait; a terminal that is closed sends its signal more than once.
    if (signal.interrupted && name !== 'SIGHUP') process.exit(INTERRUPTED)
    signal.interrupted = true
    complain('Interrupted: ending after this step.')
  })
  return { interrupted: () => signal.interrupted, release }
}
