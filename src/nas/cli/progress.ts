/** Progress: bars and lines on a terminal, lines elsewhere, nothing with --quiet. */
import cliProgress from 'cli-progress'
import type { Event } from '../events.js'
import { compiledLine, decisionLine, epochLine, stepText, tuningLine } from '../report.js'

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
