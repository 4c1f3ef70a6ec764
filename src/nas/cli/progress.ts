/** Progress: bars and lines on a terminal, lines elsewhere, lines of JSON with --json, nothing with --quiet. */
import cliProgress from 'cli-progress'
import type { Report } from '../../engine/index.js'
import type { Event } from '../run/events.js'
import { compiledLine, decisionLine, epochLine, stepText, tuningLine } from '../run/report.js'
import { clock } from '../text.js'
import type { TrainingEvent } from '../training/events.js'
import { trainingEpochLine, trainingStepText } from '../training/report.js'
import { complain, say } from './outputs.js'
import type { Holder } from './runlock.js'
import type { Outcome } from './runs.js'

/** What the command line says of progress. */
interface Given {
  readonly quiet?: boolean
  readonly json?: boolean
}

/** Lines, and a bar between them where one can be drawn; `total` is its end. */
const barsOf = ({ quiet, json }: Given, total: number) => {
  const terminal = process.stdout.isTTY && !quiet && !json
  const bar = terminal
    ? new cliProgress.SingleBar({
        format: '{bar} {value}/{total}  {text}',
        barCompleteChar: '#',
        barIncompleteChar: '-',
        barsize: 24,
        clearOnComplete: true,
        hideCursor: true,
        linewrap: false,
        stream: process.stdout
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
      say(text)
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

/** What the events of any run have. */
type RunEvent =
  | ({ readonly type: 'compiled'; readonly seconds: number } & Report)
  | { readonly type: 'step'; readonly epoch: number; readonly step: number; readonly steps: number }
  | { readonly type: 'epoch'; readonly epoch: number; readonly steps: number; readonly seconds: number }
  | { readonly type: 'decision' | 'tuning' }

/** How a run's events read: a step beside the bar, the others as lines; `left`: seconds until its last step. */
interface Texts<E extends RunEvent> {
  readonly step: (event: Extract<E, { readonly type: 'step' }>) => string
  readonly line: (event: Exclude<E, { readonly type: 'step' | 'compiled' }>, left: number) => string
}

/** Where a run is: its last step, and those that were done before it began here. */
export interface Span {
  readonly total: number
  readonly before: number
}

/** Writes progress. `now`: seconds of the clock that events are told by. */
const writerOf = <E extends RunEvent>(
  given: Given,
  backend: string,
  { total, before }: Span,
  now: () => number,
  texts: Texts<E>
) => {
  const { preparing, line, step, stop } = barsOf(given, total)
  const times = { start: 0 }
  /** Steps a second since the run began here. */
  const rateAt = (done: number): number => (done - before) / Math.max(now() - times.start, 1e-3)
  const isStep = (event: E): event is Extract<E, { readonly type: 'step' }> => event.type === 'step'
  const tell = (event: E): void => {
    if (event.type === 'compiled') times.start = event.seconds
    if (given.json) line(JSON.stringify(event))
    else if (event.type === 'compiled') line(compiledLine(event, backend))
    else if (isStep(event)) {
      const done = (event.epoch - 1) * event.steps + event.step
      const rate = rateAt(done)
      step(done, () => `${texts.step(event)}  ${rate.toPrecision(2)} steps/s  left ${clock((total - done) / rate)}`)
    } else {
      const done = event.type === 'epoch' ? event.epoch * event.steps : total
      line(texts.line(event as Exclude<E, { readonly type: 'step' | 'compiled' }>, (total - done) / rateAt(done)))
    }
  }
  return { preparing, tell, stop }
}

/** Writes the progress of a search. */
export const progressWriter = (given: Given, backend: string, span: Span, now: () => number) =>
  writerOf<Event>(given, backend, span, now, {
    step: stepText,
    line: (event, left) => {
      if (event.type === 'epoch') return epochLine(event, left, backend)
      return event.type === 'decision' ? decisionLine(event) : tuningLine(event)
    }
  })

/** Writes the progress of a training. */
export const trainingProgress = (given: Given, backend: string, span: Span, now: () => number) =>
  writerOf<TrainingEvent>(given, backend, span, now, {
    step: trainingStepText,
    line: (event, left) => trainingEpochLine(event, left, backend)
  })

/** Writes the progress of runs, of which there are `total`; undefined if nobody knows, as in a worker. */
export const runWriter = (given: Given, total: number | undefined) => {
  const { line, step, stop } = barsOf(given, total ?? 0)
  const state = { ended: 0 }
  const say = (text: string): void => {
    if (given.json) return given.quiet ? undefined : complain(text)
    line(text)
    if (total !== undefined) step(state.ended, () => 'runs')
  }
  const began = (name: string, how: 'anew' | 'again'): void =>
    say(`${name}  ${how === 'anew' ? 'started' : 'goes on from its checkpoint'}`)
  const waiting = (name: string, { pid, host }: Holder): void =>
    say(`${name}  waits for process ${pid} on ${host}, which is at it`)
  const ended = (name: string, outcome: Outcome): void => {
    if (outcome.kind !== 'interrupted') state.ended++
    if (given.json) return line(JSON.stringify({ type: 'run', name, ...outcome }))
    if (outcome.kind === 'done') {
      const { testAccuracy, seconds } = outcome.summary
      const accuracy =
        testAccuracy === null ? '' : `, test accuracy of the supernet ${(100 * testAccuracy).toFixed(1)} %`
      say(`${name}  done in ${seconds.toFixed(1)} s${accuracy}`)
    } else say(`${name}  ${outcome.kind === 'failed' ? `failed: ${outcome.message}` : 'interrupted'}`)
  }
  return { line: say, began, waiting, ended, stop }
}
export type RunWriter = ReturnType<typeof runWriter>
