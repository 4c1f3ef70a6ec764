/**
 * What a step of a search costs, for each space and method: seconds from tracing to plan, kernels, peak bytes, and on
 * the adapter seconds until the first step is done (the driver's compile among them) and seconds for a step after that,
 * the median of some. `node --import tsx bench/searches.ts --help` lists its options.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { Command } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { keyOf } from '../src/autodiff/threefry.js'
import {
  type Backend,
  callsTogether,
  type Device,
  dispose,
  lowered,
  loweringFor,
  openDevice,
  release,
  store
} from '../src/engine/index.js'
import { plan } from '../src/kernels/plan.js'
import { select } from '../src/kernels/select.js'
import { configure, searchNetwork, stepOptions } from '../src/nas/configuration/config.js'
import type { SearchConfig } from '../src/nas/configuration/options.js'
import { decodeDigits } from '../src/nas/data/digits.js'
import { stepOf } from '../src/nas/method/bilevel.js'
import { initialState } from '../src/nas/method/initialise.js'
import { SPACES, type Space } from '../src/nas/space/space.js'
import type { Supernet } from '../src/nas/space/supernet.js'
import { prepareSearch } from '../src/nas/steps/prepare.js'
import { batchesOf, compileStep, runStep, stepExample } from '../src/nas/steps/steps.js'
import { median, right, succeed } from './check.js'

const options = new Command('node --import tsx bench/searches.ts')
  .description(
    'What a search step costs: each space with each method on the digits, 4 channels, batch 32, 5 layers or 3 cells.'
  )
  .option('--only <parts>', 'the rows whose names contain one of these, by comma', list => list.split(','))
  .option('--plan', 'planning alone, without a device; then of the largest step too: s5, 8 layers, C16, B64, exact')
  .option('--unfused', 'a kernel for each operation')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ readonly only?: readonly string[]; readonly plan?: boolean; readonly unfused?: boolean }>()
const fused = !options.unfused

type Given = Readonly<Record<string, string>>
const METHODS: Readonly<Record<string, Given>> = {
  darts: { method: 'darts' },
  'lambda-darts fd': { derivative: 'fd' },
  'lambda-darts exact': { derivative: 'exact' },
  darts2: { method: 'darts2' },
  idarts: { method: 'idarts' }
}
const usual = { channels: '4', batch: '32', epochs: '2' }
const rows: readonly (readonly [string, Given])[] = [
  ...Object.keys(SPACES).flatMap(space =>
    Object.entries(METHODS).map(([name, given]) => [`${space} ${name}`, { ...usual, space, ...given }] as const)
  ),
  ...(options.plan
    ? [
        [
          'largest: s5 exact L8 C16 B64',
          { ...usual, space: 's5', derivative: 'exact', layers: '8', channels: '16', batch: '64' }
        ] as const
      ]
    : [])
]
const chosen = rows.filter(([name]) => options.only?.some(part => name.includes(part)) ?? true)

const digits = right(decodeDigits(gunzipSync(readFileSync(new URL('../data/digits.csv.gz', import.meta.url)))))
const data = right(prepareSearch({ train: digits, test: null }, { seed: 0 }))
/** Steps that are timed: as many as take a second, within these. */
const LEAST_STEPS = 3
const MOST_STEPS = 11

const device = options.plan ? undefined : right(await openDevice()())
const limits = device?.limits ?? {
  maxBufferSize: 2 ** 40,
  maxStorageBufferBindingSize: 2 ** 40,
  maxUniformBufferBindingSize: 2 ** 16,
  maxStorageBuffersPerShaderStage: 10
}
const facts = device?.info ?? { subgroupSize: 8, software: true }
const secondsSince = (start: number): number => (performance.now() - start) / 1000

/**
 * Seconds until the first step is done, and for a step after that; undefined, with the reason on standard error, where
 * the device refuses it.
 */
const stepSeconds = async (
  device: Device,
  net: Supernet,
  config: SearchConfig
): Promise<{ readonly first: number; readonly step: number } | undefined> => {
  const backend: Backend = { kind: 'gpu', device, fused }
  const key = keyOf(0)
  const items = batchesOf(config, data, key, 0).map((batch, step) => ({ epoch: 0, step, ...batch }))
  const began = performance.now()
  const made = await compileStep(net, config, data)({ backend })()
  if (E.isLeft(made)) {
    process.stderr.write(`${made.left.message}\n`)
    return undefined
  }
  let state = await succeed(backend, store(initialState(net, key)))
  const step = async (n: number): Promise<number> => {
    const before = performance.now()
    const item = items[n % items.length] as (typeof items)[number]
    const next = await succeed(backend, runStep(made.right, data)(state, item, { rate: 0.025, lambda: 0.125, key }))
    release(state)
    state = next.state
    return secondsSince(before)
  }
  await step(0)
  const first = secondsSince(began)
  const times: number[] = []
  while (times.length < LEAST_STEPS || (times.length < MOST_STEPS && times.reduce((a, b) => a + b) < 1))
    times.push(await step(times.length + 1))
  release(state)
  dispose(made.right)
  return { first, step: median(times) }
}

process.stdout.write(`${device ? device.info.name : 'no device'}, ${fused ? 'fused' : 'unfused'}\n\n`)
process.stdout.write(
  '| space and method | planned in s | kernels | peak MiB | first step s | step s |\n| --- | ---: | ---: | ---: | ---: | ---: |\n'
)
for (const [name, given] of chosen) {
  const config = right(configure('digits', given))
  const net = right(searchNetwork(config, SPACES[config.space] as Space, given, digits))
  const start = performance.now()
  const program = right(
    lowered(stepOf(net, stepOptions(config)), { ...loweringFor(facts, limits.maxStorageBuffersPerShaderStage), fused })(
      stepExample(net, config, data) as never
    )
  )
  const planned = right(plan(select(program, facts), limits, callsTogether(facts)))
  const planSeconds = secondsSince(start)
  const cells = [planSeconds.toFixed(2), String(planned.dispatches.length), (planned.peakBytes / 2 ** 20).toFixed(1)]
  const timed = device ? await stepSeconds(device, net, config) : undefined
  cells.push(...(timed ? [timed.first.toFixed(1), timed.step.toFixed(3)] : ['-', '-']))
  process.stdout.write(`| ${[name, ...cells].join(' | ')} |\n`)
}
process.exit()
