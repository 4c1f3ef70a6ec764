/**
 * A training from scratch: the same to the bit for the same seed, wherever it was interrupted; what ends it; what it
 * says.
 */
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import type { Snapshot } from '../../../src/nas/run/checkpoint.js'
import { trainingGoingOn } from '../../../src/nas/training/place.js'
import { train } from '../../../src/nas/training/train.js'
import { backends, succeed } from '../../backends.js'
import { right } from '../../kernels/results.js'
import { CELL, DARTS, recorder, type Tiny, tiny } from './tiny.js'

const run = async ({ net, config, data }: Tiny, where: keyof typeof backends = 'reference', record = recorder()) => ({
  result: await succeed(backends[where], train(net, config, data, record.observer)),
  ...record
})

/** Everything that is drawn or scheduled. */
const RICH = { dropPath: 0.4, cutout: 3, augmentation: 'standard', labelSmoothing: 0.1 } as const
const CASES = {
  'a cell of NAS-Bench-201': { problem: tiny(CELL, { ...RICH, nesterov: true }), everywhere: true },
  'in micro-batches': { problem: tiny(CELL, { ...RICH, accumulate: 2 }), everywhere: false },
  'a DARTS genotype with its auxiliary head': {
    problem: tiny(DARTS, { ...RICH, auxiliary: 0.4, batch: 16 }),
    everywhere: false
  }
}

/** Its place as a file has it. */
const throughJson = (moment: Snapshot): Snapshot => ({
  ...moment,
  position: JSON.parse(JSON.stringify(moment.position))
})

describe.each(Object.entries(CASES))('%s', (_, { problem, everywhere }) => {
  it('goes on from any moment as if nothing had happened, to the bit', async () => {
    const whole = await run(problem, 'reference', recorder(true))
    const steps = Math.floor(56 / problem.config.batch)
    expect(whole.result.stepsDone).toBe(2 * steps)
    expect(whole.moments.map(moment => moment.steps)).toEqual(Array.from({ length: 2 * steps + 1 }, (_unused, i) => i))
    for (const moment of (everywhere ? [1, steps, steps + 2] : [steps + 2]).map(i => whole.moments[i])) {
      const start = right(trainingGoingOn(problem.net, throughJson(moment as Snapshot)))
      const rest = recorder()
      const { net, config, data } = problem
      const result = await succeed(backends.reference, train(net, config, data, rest.observer, start))
      expect(result).toEqual(whole.result)
      const left = rest.told.filter(({ type }) => type !== 'compiled')
      expect(left).toEqual(whole.told.slice(-left.length))
    }
  })
})

it('another seed gives another training, the same seed the same', async () => {
  const [one, same, other] = await Promise.all([run(tiny(CELL)), run(tiny(CELL)), run(tiny(CELL, { seed: 1 }))])
  expect(one.told).toEqual(same.told)
  expect(one.result.arrays).toEqual(same.result.arrays)
  expect(one.told).not.toEqual(other.told)
})

it('micro-batches on the adapter come to what they do on the reference', async () => {
  const problem = tiny(CELL, { accumulate: 2, epochs: 1 })
  const [wanted, got] = [await run(problem), await run(problem, 'gpu')]
  const first = ({ told }: typeof wanted) =>
    told.find(event => event.type === 'step') as Extract<(typeof told)[number], { type: 'step' }>
  expect(first(got).loss).toBeCloseTo(first(wanted).loss, 4)
  expect(first(got).gradientNorm).toBeCloseTo(first(wanted).gradientNorm, 3)
  expect(got.result.last.loss).toBeCloseTo(wanted.result.last.loss, 2)
})

it('tells an epoch as the means of its steps, the best epoch as the first of the best', async () => {
  const { told, result } = await run(tiny(CELL, { epochs: 3 }))
  expect(told.map(({ type }) => type)).toEqual([
    'compiled',
    ...Array.from({ length: 3 }, () => [...Array(7).fill('step'), 'epoch']).flat()
  ])
  const epochs = told.filter(event => event.type === 'epoch')
  const steps = told.filter(event => event.type === 'step').slice(0, 7)
  const mean = steps.reduce((sum, { loss }) => sum + loss, 0) / 7
  expect(epochs[0]?.trainLoss).toBeCloseTo(mean, 12)
  expect(epochs[0]?.trainAccuracy).toBeCloseTo(steps.reduce((sum, { correct }) => sum + correct, 0) / 56, 12)
  expect(epochs.map(({ learningRate }) => learningRate)).toEqual(
    [0.05, 0.0375, 0.0125].map(rate => expect.closeTo(rate, 12))
  )
  const best = Math.max(...epochs.map(({ testTop1 }) => testTop1))
  expect(result.best?.epoch).toBe(epochs.find(({ testTop1 }) => testTop1 === best)?.epoch)
  expect(result.last).toEqual({ loss: epochs[2]?.testLoss, top1: epochs[2]?.testTop1, top5: epochs[2]?.testTop5 })
})

it('an interruption ends it at a step, with what was reached', async () => {
  const record = recorder()
  record.state.interruptAfter = 3
  const { result, moments } = await run(tiny(CELL), 'reference', record)
  expect(result.stopped).toEqual({ reason: 'interrupted' })
  // Those that the device had already are settled.
  expect(result.stepsDone).toBeGreaterThanOrEqual(3)
  expect(result.stepsDone).toBeLessThan(7)
  expect(moments.at(-1)?.steps).toBe(result.stepsDone)
  expect(result.last.loss).toBeGreaterThan(0)
})

it.each([1, 2])('a loss that is not finite ends it, and the first node is named (accumulate %d)', async accumulate => {
  const problem = tiny(CELL, { learningRate: 1e30, clip: 0, accumulate })
  const { result } = await run(problem)
  expect(result.stopped).toMatchObject({ reason: 'non-finite' })
  expect(JSON.stringify(result.stopped)).toMatch(
    /in step \d+ .* was the first that is not finite: lower --learning-rate, or clip/
  )
})

it('a moment of another network is refused', async () => {
  const { moments } = await run(tiny(CELL, { epochs: 1 }))
  const found = trainingGoingOn(tiny(CELL, { channels: 3 }).net, moments[0] as NonNullable<(typeof moments)[0]>)
  expect(E.isLeft(found) && found.left.message).toContain('f32[')
})
