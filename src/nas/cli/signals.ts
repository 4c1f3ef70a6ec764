/** Signals that end a run after the step at hand, with what was reached. */
import { complain } from './outputs.js'
import { INTERRUPTED } from './refusal.js'

export const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface Signals {
  readonly interrupted: () => boolean
  /** Stops listening. A terminal that is gone ends the process here. */
  readonly release: () => void
}

export const listenForSignals = (): Signals => {
  const signal = { interrupted: false, hungUp: false }
  const interrupt = (name: NodeJS.Signals): void => {
    // A terminal that is closed sends its signal more than once.
    if (name === 'SIGHUP') signal.hungUp = true
    else if (signal.interrupted) process.exit(INTERRUPTED) // a second Ctrl-C does not wait
    signal.interrupted = true
    complain('Interrupted: ending after this step.')
  }
  for (const name of ENDING) process.on(name, interrupt)
  return {
    interrupted: () => signal.interrupted,
    release: () => {
      for (const name of ENDING) process.off(name, interrupt)
      // Node aborts at its end if it cannot set back a terminal that is gone: then the signal ends the process.
      const terminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY)
      if (signal.hungUp && terminal) process.kill(process.pid, 'SIGHUP')
    }
  }
}
