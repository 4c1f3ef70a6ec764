/** Progress: bars and lines on a terminal, lines elsewhere, nothing with --quiet. */
import cliProgress from 'cli-progress'
import type { Event } from '../events.js'
import { compiledLine, decisionLine, epochLine, stepText, tuningLine } from '../report.js'
import type { Outcome } from './runs.js'

/** Writes progress: bars and lines on a terminal, lines elsewhere, nothing with --quiet. */
export const progressWriter = (
  { quiet, json }: { readonly quiet?: boolean; readonly json?: boolean },
  backend: string,
  total: number
) => {
  const stream = json ? process.stderr : process.stdout
  const line = (text: string) => void stream.write(`${text}\n`)
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
  const times = { start: 0, shown: false }
  const withoutBar = (text: string) => {
    if (times.shown) bar?.stop()
    line(text)
    times.shown = false
  }
  return {
    /** Only where a bar can be drawn: the driver compiles in the first step anyway. */
    preparing: bar
      ? (done: number, of: number): void => {
          if (done === 1) bar.start(of, 0, { text: '' })
          times.shown = done < of
          bar.update(done, { text: 'kernels compiled' })
          if (done === of) bar.stop()
        }
      : undefined,
    tell: (event: Event): void => {
      if (quiet) return
      if (event.type === 'compiled') {
        times.start = event.seconds
        withoutBar(compiledLine(event, backend))
      } else if (event.type === 'epoch') withoutBar(epochLine(event, event.seconds - times.start, backend))
      else if (event.type === 'decision') withoutBar(decisionLine(event))
      else if (event.type === 'tuning') withoutBar(tuningLine(event))
      else if (bar) {
        if (!times.shown) bar.start(total, 0, { text: '' })
        times.shown = true
        bar.update((event.epoch - 1) * event.steps + event.step, { text: stepText(event) })
      }
    },
    stop: (): void => {
      if (times.shown) bar?.stop()
    }
  }
}

/** Progress of runs: a bar of so many and lines on a terminal, lines elsewhere, nothing with --quiet. */
export const runWriter = ({ quiet, json }: { readonly quiet?: boolean; readonly json?: boolean }, total: number | undefined) => {
  const stream = json ? process.stderr : process.stdout
  const bar =
    stream.isTTY && !quiet
      ? new cliProgress.SingleBar({ format: '{bar} {value}/{total} runs', clearOnComplete: true, barsize: 24, stream })
      : undefined
  const state = { done: 0 }
  const line = (text: string): void => {
    if (quiet) return
    bar?.stop()
    stream.write(`${text}\n`)
    bar?.start(total ?? 0, state.done)
  }
  return {
    line,
    ended: (name: string, outcome: Outcome): void => {
      if (outcome.kind !== 'interrupted') state.done++
      if (outcome.kind === 'done') {
        const { testAccuracy, seconds } = outcome.summary
        const accuracy = testAccuracy === null ? '' : `, test accuracy of the supernet ${(100 * testAccuracy).toFixed(1)} %`
        line(`${name}  done in ${seconds.toFixed(1)} s${accuracy}`)
      } else line(`${name}  ${outcome.kind === 'failed' ? `failed: ${outcome.message}` : 'interrupted'}`)
    },
    stop: (): void => void bar?.stop()
  }
}
export type RunWriter = ReturnType<typeof runWriter>
