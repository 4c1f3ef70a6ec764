/**
 * Every method improves on chance within a short run, on the adapter, on the real digits: a supernet that is searched for two epochs, and one
 * whose cell was selected by perturbation, classify images that they never saw. `npm test` takes two of them, `npm run test:all` all.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import type { Backend } from '../../src/engine.js'
import { configure, networkOf } from '../../src/nas/config.js'
import { decodeDigits } from '../../src/nas/data/digits.js'
import { prepare } from '../../src/nas/prepare.js'
import { search } from '../../src/nas/search.js'
import { nb201 } from '../../src/nas/space.js'
import { succeed } from '../backends.js'
import { device } from '../device.js'
import { right } from '../kernels/results.js'

const all = [
  ['darts', { method: 'darts' }],
  ['darts2', { method: 'darts2' }],
  ['idarts', { method: 'idarts', batch: '12' }],
  ['lambda-darts by the difference quotient', { derivative: 'fd' }],
  ['lambda-darts by the exact derivative', { derivative: 'exact' }],
  ['selection by perturbation', { method: 'darts', epochs: '1', select: 'perturbation' }]
] as const
const cases = process.env['TEST_ALL'] ? all : ([all[0], all[3]] as const)

/** A kernel for each operation: those of one method serve the others. */
const backend: Backend = { kind: 'gpu', device, fused: false }
const PATIENCE = 300_000

const digits = right(decodeDigits(gunzipSync(readFileSync(new URL('../../data/digits.csv.gz', import.meta.url)))))
const data = right(prepare(digits, 0))

/** Ten classes: chance is 0.1, and this is beyond it by twelve standard deviations of 361 guesses. */
const FAR_FROM_CHANCE = 0.3

it.each(cases)(
  '%s',
  async (_, options) => {
    const given = { channels: '2', batch: '24', epochs: '2', ...options }
    const config = right(configure('digits', given))
    const net = right(networkOf(config, nb201, given, digits))
    const result = await succeed(
      backend,
      search(net, config, data, { tell: () => () => {}, interrupted: () => false, now: () => 0 })
    )
    expect(result.stopped).toBeNull()
    expect(result.testImages).toBe(361)
    expect(result.testAccuracy).toBeGreaterThan(FAR_FROM_CHANCE)
  },
  PATIENCE
)
