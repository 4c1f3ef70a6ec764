/**
 * Progress: bars and lines on a terminal; elsewhere lines, one every half minute at least; lines of JSON with --json,
 * nothing with --quiet.
 */
import cliProgress from 'cli-progress'
import type { Report } from '../../engine/index.js'
import type { SearchConfig } from '../configuration/options.js'
import type { Event } from '../run/events.js'
import { compiledLine, decisionLine, epochLine, stepText, tuningLine } from '../run/report.js'
import type { Space } from '../space/space.js'
import type { Doing, UnderWay } from '../steps/underway.js'
import { clock } from '../text.js'
import type { TrainingEvent } from '../training/events.js'
import { trainingEpochLine, trainingStepText } from '../training/report.js'
import { heartbeat, systemTimer, type Timer } from './heartbeat.js'
import { complain, say } from './outputs.js'
import type { Holder } from './runlock.js'
import type { Outcome } from './runs.js'

/** What the command line says of progress. */
interface Given {
  readonly quiet?: boolean
  readonly json?: boolean
}

/** Where progress is written. `line`: of an event; `doing`: how far something has come, undefined: nothing goes on. */
interface Writing {
  readonly line: (text: string) => void
  readonly doing: (done: number, total: number, text: () => string | undefined) => void
  readonly stop: () => void
}

const silent: Writing = { line: () => {}, doing: () => {}, stop: () => {} }

/** Lines, and a bar between them. */
const barred = (): Writing => {
  const bar = new cliProgress.SingleBar({
    format: '{bar} {value}/{total}  {text}',
    barCompleteChar: '#',
    barIncompleteChar: '-',
    barsize: 24,
    clearOnComplete: true,
    hideCursor: true,
    linewrap: false,
    stream: process.stdout
  })
  const state = { shown: false }
  const stop = (): void => {
    if (state.shown) bar.stop()
    state.shown = false
  }
  return {
    line: text => {
      stop()
      say(text)
    },
    doing: (done, total, text) => {
      if (!state.shown) bar.start(total, 0, { text: '' })
      state.shown = true
      bar.setTotal(total)
      bar.update(done, { text: text() ?? '' })
    },
    stop
  }
}

/** Lines alone. With --json standard output has the events; what is said between them goes to standard error. */
const lined = ({ json }: Given, timer: Timer): Writing => {
  const { doing, said: justSaid, stop } = heartbeat(json ? complain : say, timer)
  return {
    line: text => {
      justSaid()
      say(text)
    },
    doing: (done, total, text) =>
      doing(() => {
        const said = text()
        return said === undefined ? undefined : `${done}/${total}  ${said}`
      }),
    stop
  }
}

const writing = (given: Given, timer: Timer): Writing => {
  if (given.quiet) return silent
  return process.stdout.isTTY && !given.json ? barred() : lined(given, timer)
}

/** What the events of any run have. */
type RunEvent =
  | ({ readonly type: 'compiled'; readonly seconds: number } & Report)
  | { readonly type: 'step'; readonly epoch: number; readonly step: number; readonly steps: number }
  | { readonly type: 'epoch'; readonly epoch: number; readonly steps: number; readonly seconds: number }
  | { readonly type: 'decision' | 'tuning' }

/** How a run's events read: a step while it goes on, the others as lines; `left`: seconds until the run's end. */
interface Texts<E extends RunEvent> {
  readonly step: (event: Extract<E, { readonly type: 'step' }>) => string
  readonly line: (event: Exclude<E, { readonly type: 'step' | 'compiled' }>, left: number) => string
}

/** What a run has to do. Costs are in any unit, the same for all of them. */
export interface Span {
  /** Its steps, those that were done before it began here, and what one costs. */
  readonly total: number
  readonly before: number
  readonly step: number
  /** What follows the last step costs in all, and one of what it is made of. */
  readonly after: number
  readonly costs: Readonly<Partial<Record<Doing, number>>>
}

/** The seconds that a run has left, as it goes on. */
const timeLeft = ({ total, before, step, after, costs }: Span, now: () => number) => {
  const state = { start: 0, stepped: 0, steps: before, after: 0, at: { what: '' as Doing | '', done: 0 } }
  const follows = { since: undefined as number | undefined, first: 0 }
  const rate = (done: number, seconds: number): number => done / Math.max(seconds, 1e-3)
  const stepsPerSecond = (): number => rate(state.steps - before, state.stepped - state.start)
  return {
    begin: (): void => {
      state.start = now()
    },
    stepped: (steps: number): void => {
      state.steps = steps
      state.stepped = now()
    },
    /** Told of what follows the last step. */
    followed: (what: Doing, done: number): void => {
      const cost = costs[what]
      if (cost === undefined || state.steps < total) return
      const before = state.at.what === what && done > state.at.done ? state.at.done : 0
      state.at = { what, done }
      state.after += cost * (done - before)
      if (follows.since !== undefined) return
      follows.since = now()
      follows.first = state.after
    },
    stepsPerSecond,
    /** By how fast the steps were; after the last one by how fast that is which follows. */
    left: (): number => {
      const followed = state.after - follows.first
      const speed = followed > 0 ? rate(followed, now() - (follows.since ?? 0)) : step * stepsPerSecond()
      return (step * (total - state.steps) + Math.max(0, after - state.after)) / speed
    }
  }
}

/** ` left 1:30`, or nothing where nobody knows: nothing was done yet. */
const leftText = (seconds: number): string => (Number.isFinite(seconds) ? `  left ${clock(seconds)}` : '')

/** Writes progress. `now`: seconds of the clock that events are told by. */
const writerOf = <E extends RunEvent>(
  given: Given,
  backend: string,
  span: Span,
  now: () => number,
  texts: Texts<E>,
  timer: Timer
) => {
  const { line, doing, stop } = writing(given, timer)
  const time = timeLeft(span, now)
  doing(span.before, span.total, () => 'compiling')
  const isStep = (event: E): event is Extract<E, { readonly type: 'step' }> => event.type === 'step'
  const stepLine = (event: Extract<E, { readonly type: 'step' }>) => () =>
    `${texts.step(event)}  ${time.stepsPerSecond().toPrecision(2)} steps/s${leftText(time.left())}`
  const tell = (event: E): void => {
    if (event.type === 'compiled') time.begin()
    if (isStep(event)) {
      const done = (event.epoch - 1) * event.steps + event.step
      time.stepped(done)
      doing(done, span.total, stepLine(event))
    }
    if (given.json) line(JSON.stringify(event))
    else if (event.type === 'compiled') line(compiledLine(event, backend))
    else if (!isStep(event)) line(texts.line(event as Exclude<E, { readonly type: 'step' | 'compiled' }>, time.left()))
  }
  const underWay: UnderWay = (what, done, total) => {
    time.followed(what, done)
    doing(done, total, () => `${what}${what in span.costs ? leftText(time.left()) : ''}`)
  }
  return { underWay: given.quiet ? undefined : underWay, tell, stop }
}

/** Writes the progress of a search. */
export const progressWriter = (
  given: Given,
  { space, config }: { readonly space: Space; readonly config: Pick<SearchConfig, 'data'> },
  backend: string,
  span: Span,
  now: () => number,
  timer = systemTimer
) =>
  writerOf<Event>(
    given,
    backend,
    span,
    now,
    {
      step: stepText,
      line: (event, left) => {
        if (event.type === 'epoch') return epochLine(space, config.data, event, left)
        return event.type === 'decision' ? decisionLine(event) : tuningLine(event)
      }
    },
    timer
  )

/** Writes the progress of a training. */
export const trainingProgress = (given: Given, backend: string, span: Span, now: () => number, timer = systemTimer) =>
  writerOf<TrainingEvent>(given, backend, span, now, { step: trainingStepText, line: trainingEpochLine }, timer)

/** Writes how far something has come that tells no events. */
export const workWriter = (given: Given, timer = systemTimer) => {
  const { line, doing, stop } = writing(given, timer)
  const underWay: UnderWay = (what, done, total) => doing(done, total, () => what)
  return { underWay, line, stop }
}

/** `a, b and 3 more`. */
const someOf = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more` : names.join(', ')

/** Writes the progress of runs, of which there are `total`; undefined if nobody knows, as in a worker. */
export const runWriter = (given: Given, total: number | undefined, timer = systemTimer) => {
  const { line, doing, stop } = total === undefined && !given.quiet ? lined(given, timer) : writing(given, timer)
  const state = { ended: 0 }
  const running = new Map<string, number>()
  const going = (): string | undefined => {
    const minutes = [...running].map(([name, since]) => `${name} for ${clock(timer.now() - since)}`)
    return running.size === 0 ? undefined : `runs; under way: ${someOf(minutes)}`
  }
  const say = (text: string): void => {
    if (given.json && !given.quiet) complain(text)
    else line(text)
    doing(state.ended, total ?? state.ended + running.size, going)
  }
  const began = (name: string, how: 'anew' | 'again'): void => {
    running.set(name, timer.now())
    say(`${name}  ${how === 'anew' ? 'started' : 'goes on from its checkpoint'}`)
  }
  const waiting = (name: string, { pid, host }: Holder): void =>
    say(`${name}  waits for process ${pid} on ${host}, which is at it`)
  const ended = (name: string, outcome: Outcome): void => {
    running.delete(name)
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
