/**
 * Every space with every method, at the smallest size, on the adapter: two steps that end with finite numbers and a genotype of the space. `npm test`
 * takes one space of layers (that of stages has a story of its own), `npm run test:all` takes them all.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { configure, networkOf } from '../../src/nas/config.js'
import { select } from '../../src/nas/data/dataset.js'
import { decodeDigits } from '../../src/nas/data/digits.js'
import { formatGenotype, parseGenotype } from '../../src/nas/genotype.js'
import { METHODS, type Method, type MethodName } from '../../src/nas/methods.js'
import { prepare } from '../../src/nas/prepare.js'
import { type Event, search } from '../../src/nas/search.js'
import { SPACES, type Space } from '../../src/nas/space.js'
import { backends, succeed } from '../backends.js'
import { right } from '../kernels/results.js'

const all = Object.keys(SPACES).flatMap(space => (Object.keys(METHODS) as MethodName[]).map(method => ({ space, method })))
const cases = process.env['TEST_ALL'] ? all : [{ space: 's3', method: 'lambda-darts' } as const]

/** A driver on the CPU compiles hundreds of pipelines for a space, and a machine may have other work. */
const PATIENCE = 600_000

const digits = right(decodeDigits(gunzipSync(readFileSync(new URL('../../data/digits.csv.gz', import.meta.url)))))
const few = select(
  digits,
  Array.from({ length: 250 }, (_, i) => i)
)
const data = right(prepare(few, 0))

it.each(cases)(
  '$space with $method',
  async ({ space: name, method }) => {
    const space = SPACES[name] as Space
    const inner = (METHODS[method] as Method).innerSteps === true
    const given = {
      space: name,
      method,
      channels: '2',
      batch: '50',
      epochs: '1',
      ...(space.skeleton.kind === 'layers' ? { layers: '4' } : {}),
      ...(inner ? { innerSteps: '2' } : {})
    }
    const config = right(configure('digits', given))
    const net = right(networkOf(config, space, given, few))
    const events: Event[] = []
    const observer = {
      tell: (event: Event) => () => void events.push(event),
      interrupted: () => false,
      now: () => 0
    }
    const result = await succeed(backends.gpu, search(net, config, data, observer))
    expect(result.stopped).toBeNull()
    const steps = events.filter(event => event.type === 'step')
    expect(steps.length).toBe(inner ? 1 : 2)
    for (const step of steps)
      expect([step.finite, Number.isFinite(step.lambdaTrain), Number.isFinite(step.signValid)]).toEqual([1, true, true])
    expect(formatGenotype(right(parseGenotype(result.genotype)))).toBe(result.genotype)
    expect(Object.keys(result.mixtures)).toEqual(Object.keys(space.cells))
    expect(result.testImages).toBe(50)
  },
  PATIENCE
)
