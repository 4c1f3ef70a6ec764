/**
 * Every space with every method, at the smallest size, on the adapter: steps that end with finite numbers and a
 * genotype of the space, read off by magnitude, and of each space once by perturbation. `npm test` takes one space of
 * layers (that of stages has a story of its own) with fused kernels; `npm run test:all` takes besides all of them with
 * a kernel for each operation (`--unfused`), since a driver on the CPU compiles the hundreds of fused kernels of each
 * space and method for minutes. What fusion does to values is no matter of spaces: see `laws/lowering` and `golden`.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { configure, searchNetwork } from '../../src/nas/configuration/config.js'
import { subset } from '../../src/nas/data/dataset.js'
import { decodeDigits } from '../../src/nas/data/digits.js'
import { formatGenotype, parseGenotype } from '../../src/nas/genotypes/genotype.js'
import { METHODS, type Method, type MethodName } from '../../src/nas/method/methods.js'
import type { Event } from '../../src/nas/run/events.js'
import { search } from '../../src/nas/run/search.js'
import { planOf } from '../../src/nas/selection/perturbation.js'
import { SPACES, type Space } from '../../src/nas/space/space.js'
import { prepareSearch } from '../../src/nas/steps/prepare.js'
import { succeed, withDevice } from '../backends.js'
import { right } from '../kernels/results.js'

interface Case {
  readonly space: string
  readonly method: MethodName
  readonly selection: 'magnitude' | 'perturbation'
  readonly kernels: 'fused' | 'unfused'
  /** So many decisions of a selection are made; all, if it does not say. */
  readonly decisions?: number
}

/** A selection in S5 asks a software driver for a minute's work that says nothing more after the first decisions. */
const FIRST_DECISIONS = 4

/** By perturbation a search of `darts` goes on where it would have been read off by magnitude, so that is there too. */
const all: readonly Case[] = Object.keys(SPACES).flatMap(space =>
  (Object.keys(METHODS) as MethodName[]).map((method): Case => {
    const selection = method === 'darts' ? 'perturbation' : 'magnitude'
    const first = space === 's5' && method === 'darts' ? { decisions: FIRST_DECISIONS } : {}
    return { space, method, selection, kernels: 'unfused', ...first }
  })
)
const cases: readonly Case[] = [
  { space: 's3', method: 'lambda-darts', selection: 'magnitude', kernels: 'fused' },
  ...(process.env['TEST_ALL'] ? all : [])
]

/** A driver on the CPU compiles for a minute, and a machine may have other work. */
const PATIENCE = 600_000

const digits = right(decodeDigits(gunzipSync(readFileSync(new URL('../../data/digits.csv.gz', import.meta.url)))))
const BATCH = 50
/** Two batches of each part; one where each candidate of a selection has to be judged on the whole part. */
const imagesFor = ({ selection }: Case) => {
  const count = selection === 'perturbation' ? 125 : 250
  return subset(
    digits,
    Array.from({ length: count }, (_, i) => i)
  )
}

it.each(cases)(
  '$space with $method, selected by $selection, kernels $kernels',
  async one => {
    const space = SPACES[one.space] as Space
    const inner = (METHODS[one.method] as Method).innerSteps === true
    const given = {
      space: one.space,
      method: one.method,
      select: one.selection,
      channels: '2',
      batch: String(BATCH),
      epochs: '1',
      ...(one.selection === 'perturbation' ? { selectEpochs: '0' } : {}),
      ...(space.skeleton.kind === 'layers' ? { layers: '4' } : {}),
      ...(inner ? { innerSteps: '2' } : {})
    }
    const images = imagesFor(one)
    const data = right(prepareSearch({ train: images, test: null }, { seed: 0 }))
    const config = right(configure('digits', given))
    const net = right(searchNetwork(config, space, given, images))
    const events: Event[] = []
    const observer = {
      tell: (event: Event) => () => void events.push(event),
      interrupted: () => events.filter(({ type }) => type === 'decision').length === one.decisions,
      now: () => 0
    }
    const result = await withDevice(device =>
      succeed({ kind: 'gpu', device, fused: one.kernels === 'fused' }, search(net, config, data, observer))
    )
    expect(result.stopped === null).toBe(one.decisions === undefined)
    const steps = events.filter(event => event.type === 'step')
    expect(steps.length).toBe(data.train.count / BATCH / (inner ? 2 : 1))
    for (const step of steps)
      expect([step.finite, Number.isFinite(step.lambdaTrain), Number.isFinite(step.signValid)]).toEqual([1, true, true])
    expect(formatGenotype(right(parseGenotype(result.genotype)))).toBe(result.genotype)
    expect(Object.keys(result.mixtures)).toEqual(Object.keys(space.cells))
    expect(result.testImages).toBe(data.test.count)
    if (one.selection === 'magnitude') return
    // Each edge is decided, then each input that a node has too many; every candidate was judged by all images.
    const decisions = events.filter(event => event.type === 'decision')
    const plan = planOf(space, [0, 0]).flat()
    const dropped = plan.reduce((total, decision) => {
      if (decision.kind === 'operation') return total
      const edges = space.cells[decision.type]?.edges.filter(({ to }) => to === decision.node) ?? []
      return total + edges.length - 2
    }, 0)
    const operations = plan.filter(({ kind }) => kind === 'operation').length
    const made = ['operation', 'inputs'].map(kind => decisions.filter(one => one.kind === kind).length)
    expect(made).toEqual(one.decisions === undefined ? [operations, dropped] : [one.decisions, 0])
    for (const { candidates } of decisions)
      for (const { accuracy, loss } of candidates) {
        expect((accuracy as number) * BATCH).toBeCloseTo(Math.round((accuracy as number) * BATCH), 9)
        expect(loss).toSatisfy(Number.isFinite)
      }
    // An operation that was chosen is all that is left of its edge.
    const rows = Object.values(result.mixtures).flat()
    const decided = rows.filter(({ weights }) => Object.values(weights).every(value => value === 0 || value === 1))
    expect(decided.length).toBe(one.decisions ?? rows.length)
  },
  PATIENCE
)
