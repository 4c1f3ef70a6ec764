/** What is said while a run goes on, by a clock of the test: nothing here waits. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Timer } from '../../../src/nas/cli/heartbeat.js'
import { progressWriter, runWriter, type Span, workWriter } from '../../../src/nas/cli/progress.js'
import { PRESETS } from '../../../src/nas/configuration/options.js'
import type { Event } from '../../../src/nas/run/events.js'
import { nb201 } from '../../../src/nas/space/space.js'

/** A clock that a test moves; what was to be done later is done on the way, at its time. */
const testTimer = () => {
  const state = { now: 0, due: [] as { readonly at: number; readonly act: () => void }[] }
  const timer: Timer = {
    now: () => state.now,
    later: (seconds, act) => {
      const one = { at: state.now + seconds, act }
      state.due.push(one)
      return () => {
        state.due = state.due.filter(other => other !== one)
      }
    }
  }
  const pass = (seconds: number): void => {
    const end = state.now + seconds
    for (;;) {
      const next = state.due.toSorted((a, b) => a.at - b.at)[0]
      if (!next || next.at > end) break
      state.due = state.due.filter(other => other !== next)
      state.now = next.at
      next.act()
    }
    state.now = end
  }
  return { timer, pass, waiting: () => state.due.length }
}

const said = { stdout: [] as string[], stderr: [] as string[] }
beforeEach(() => {
  said.stdout = []
  said.stderr = []
  vi.spyOn(process.stdout, 'write').mockImplementation(text => said.stdout.push(String(text).trimEnd()) > 0)
  vi.spyOn(process.stderr, 'write').mockImplementation(text => said.stderr.push(String(text).trimEnd()) > 0)
})
afterEach(() => vi.restoreAllMocks())

const PROBLEM = { space: nb201, config: PRESETS.digits }
const span: Span = {
  total: 20,
  before: 0,
  step: 10,
  after: 100,
  costs: { 'batches judged': 1, 'steps trained': 5, 'images tested': 0.5 }
}
const compiled = {
  type: 'compiled',
  seconds: 0,
  backend: 'gpu',
  nodes: 1,
  calls: 1,
  flops: 0,
  peakBytes: 0,
  lowerBoundBytes: 0,
  pipelines: 1
} as const
const step = (epoch: number, n: number) =>
  ({ type: 'step', epoch, step: n, steps: 10, trainLoss: 0.5 }) as Extract<Event, { type: 'step' }>

const searching = (given: { readonly quiet?: boolean; readonly json?: boolean } = {}, of = span) => {
  const { timer, pass, waiting } = testTimer()
  const writer = progressWriter(given, PROBLEM, 'gpu', of, timer.now, timer)
  return { ...writer, pass, waiting }
}

describe('without a terminal', () => {
  it('says every half minute what is under way: compiling, kernels, steps', () => {
    const { tell, underWay, pass, stop, waiting } = searching()
    pass(29)
    expect(said.stdout).toEqual([])
    pass(32)
    expect(said.stdout).toEqual(['0/20  compiling', '0/20  compiling'])
    for (const done of [1, 2, 3]) {
      underWay?.('kernels compiled', done, 40)
      pass(10)
    }
    expect(said.stdout.slice(2)).toEqual(['3/40  kernels compiled'])
    tell(compiled)
    pass(20)
    tell(step(1, 1))
    pass(20)
    expect(said.stdout.slice(4)).toEqual(['1/20  epoch 1  step 1/10  loss 0.500  0.050 steps/s  left 9:40'])
    stop()
    expect(waiting()).toBe(0)
  })

  it('says so as soon as it can where work kept the clock waiting', () => {
    const { tell, stop } = (() => {
      const clock = { now: 0 }
      const timer: Timer = { now: () => clock.now, later: () => () => {} }
      const writer = progressWriter({}, PROBLEM, 'gpu', span, timer.now, timer)
      clock.now = 100
      return writer
    })()
    tell(step(1, 1))
    expect(said.stdout[0]).toMatch(/^1\/20 {2}epoch 1/)
    stop()
  })

  it('a line of something else counts', () => {
    const { tell, pass } = searching()
    pass(25)
    tell(compiled)
    pass(29)
    expect(said.stdout.length).toBe(1)
    pass(1)
    expect(said.stdout.length).toBe(2)
  })

  it('with --quiet nothing; with --json events alone, and what is under way beside them', () => {
    const quiet = searching({ quiet: true })
    expect(quiet.underWay).toBeUndefined()
    quiet.tell(compiled)
    quiet.pass(100)
    expect([said.stdout, said.stderr]).toEqual([[], []])
    const { tell, underWay, pass } = searching({ json: true })
    underWay?.('kernels compiled', 1, 40)
    pass(30)
    tell(compiled)
    expect(said.stdout).toEqual([JSON.stringify(compiled)])
    expect(said.stderr).toEqual(['1/40  kernels compiled'])
  })
})

describe('the time left', () => {
  /** What the text of the step at hand says of it, half a minute later. */
  const leftOf = (text: string | undefined) => /left (.*)$/.exec(text ?? '')?.[1]

  it('has the selection and the test in it, and is not 0 while they last', () => {
    const { tell, underWay, pass } = searching()
    tell(compiled)
    // A second a step, each of which costs 10: what follows costs as much as 10 more.
    for (let n = 1; n <= 20; n++) {
      pass(1)
      tell(step(Math.ceil(n / 10), ((n - 1) % 10) + 1))
    }
    pass(60)
    expect(said.stdout.map(leftOf).slice(-2)).toEqual(['0:10', '0:10'])
    // Once it goes on, by how fast it is: after 40 s 40 of 100 are done, 35 of them since the first.
    for (let n = 1; n <= 8; n++) {
      underWay?.('steps trained', n, 8)
      pass(5)
    }
    expect(leftOf(said.stdout.at(-1))).toBe('1:08')
    for (let n = 1; n <= 10; n++) underWay?.('batches judged', n, 10)
    pass(30)
    expect(said.stdout.at(-1)).toMatch(/^10\/10 {2}batches judged {2}left 1:/)
  })

  it('is not said where nobody knows: a run that goes on in its selection', () => {
    const { tell, underWay, pass } = searching({}, { ...span, before: 20 })
    tell(compiled)
    underWay?.('batches judged', 1, 10)
    pass(30)
    expect(said.stdout.at(-1)).toBe('1/10  batches judged')
    underWay?.('batches judged', 2, 10)
    pass(30)
    expect(leftOf(said.stdout.at(-1))).toBeDefined()
  })
})

it('runs of a sweep: how many are over, which are under way and for how long; an idle worker says nothing', () => {
  const { timer, pass } = testTimer()
  const { began, ended, stop } = runWriter({}, 5, timer)
  began('darts-seed0', 'anew')
  pass(90)
  expect(said.stdout.slice(1)).toEqual([
    '0/5  runs; under way: darts-seed0 for 0:30',
    '0/5  runs; under way: darts-seed0 for 1:00',
    '0/5  runs; under way: darts-seed0 for 1:30'
  ])
  ended('darts-seed0', { kind: 'interrupted' })
  pass(90)
  expect(said.stdout.length).toBe(5)
  for (const name of ['a', 'b', 'c', 'd']) began(name, 'again')
  pass(30)
  expect(said.stdout.at(-1)).toBe('0/5  runs; under way: a for 0:30, b for 0:30 and 2 more')
  stop()
})

it('a diagnosis says how far it has come', () => {
  const { timer, pass } = testTimer()
  const { underWay, stop } = workWriter({ json: true }, timer)
  underWay('quotients taken', 2, 5)
  pass(30)
  expect([said.stdout, said.stderr]).toEqual([[], ['2/5  quotients taken']])
  stop()
})
