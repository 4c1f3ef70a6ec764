/** Progress: bars and lines on a terminal, lines elsewhere, nothing with --quiet. */
import cliProgress from 'cli-progress'
import type { Event } from '../events.js'
import { compiledLine, decisionLine, epochLine, stepText, tuningLine } from '../report.js'
import type { TrainingEvent } from '../training/events.js'
import { trainingEpochLine, trainingStepText } from '../training/report.js'
import type { Outcome } from './runs.js'

/** What the command line says of progress. */
interface Given {
  readonly quiet?: boolean
  readonly json?: boolean
}

/** Lines, and a bar between them where one can be drawn; `total` is its end. */
const barsOf = ({ quiet, json }: Given, total: number) => {
  const stream = json ? process.stderr : process.stdout
  const terminal = Boolean(stream.isTTY) && !quiet
  const bar = terminal
    ? new cliProgress.SingleBar({
        format: '{bar} {value}/{total}  {text}',
        barCompleteChar: '#',
        barIncompleteChar: '-',
        barsize: 24,
        clearOnComplete: true,
        hideCursor: true,
        linewrap: false,
        stream
      })
    : undefined
  const state = { shown: false }
  return {
    /** Only where a bar can be drawn: the driver compiles in the first step anyway. */
    preparing: bar
      ? (done: number, of: number): void => {
          if (done === 1) bar.start(of, 0, { text: '' })
          state.shown = done < of
          bar.update(done, { text: 'kernels compiled' })
          if (done === of) bar.stop()
        }
      : undefined,
    line: (text: string): void => {
      if (quiet) return
      if (state.shown) bar?.stop()
      stream.write(`${text}\n`)
      state.shown = false
    },
    step: (done: number, text: () => string): void => {
      if (!bar) return
      if (!state.shown) bar.start(total, 0, { text: '' })
      state.shown = true
      bar.update(done, { text: text() })
    },
    stop: (): void => {
      if (state.shown) bar?.stop()
    }
  }
}

/** Writes the progress of a search. */
export const progressWriter = (given: Given, backend: string, total: number) => {
  const { preparing, line, step, stop } = barsOf(given, total)
  const times = { start: 0 }
  const tell = (event: Event): void => {
    if (event.type === 'compiled') {
      times.start = event.seconds
      line(compiledLine(event, backend))
    } else if (event.type === 'epoch') line(epochLine(event, event.seconds - times.start, backend))
    else if (event.type === 'decision') line(decisionLine(event))
    else if (event.type === 'tuning') line(tuningLine(event))
    else step((event.epoch - 1) * event.steps + event.step, () => stepText(event))
  }
  return { preparing, tell, stop }
}

/** Writes the progress of a training. */
export const trainingProgress = (given: Given, backend: string, total: number) => {
  const { preparing, line, step, stop } = barsOf(given, total)
  const times = { start: 0 }
  const tell = (event: TrainingEvent): void => {
    if (event.type === 'compiled') {
      times.start = event.seconds
      line(compiledLine(event, backend))
    } else if (event.type === 'epoch') line(trainingEpochLine(event, event.seconds - times.start, backend))
    else step((event.epoch - 1) * event.steps + event.step, () => trainingStepText(event))
  }
  return { preparing, tell, stop }
}

/** Writes the progress of runs, of which there are `total`; undefined if nobody knows, as in a worker. */
export const runWriter = (given: Given, total: number | undefined) => {
  const { line, step, stop } = barsOf(given, total ?? 0)
  const state = { ended: 0 }
  const say = (text: string): void => {
    line(text)
    if (total !== undefined) step(state.ended, () => 'runs')
  }
  const ended = (name: string, outcome: Outcome): void => {
    if (outcome.kind !== 'interrupted') state.ended++
    if (outcome.kind === 'done') {
      const { testAccuracy, seconds } = outcome.summary
      const accuracy = testAccuracy === null ? '' : `, test accuracy of the supernet ${(100 * testAccuracy).toFixed(1)} %`
      say(`${name}  done in ${seconds.toFixed(1)} s${accuracy}`)
    } else say(`${name}  ${outcome.kind === 'failed' ? `failed: ${outcome.message}` : 'interrupted'}`)
  }
  return { line: say, ended, stop }
}
export type RunWriter = ReturnType<typeof runWriter>
