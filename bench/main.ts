/**
 * Checks each workload against the reference, then times it: the first call with its compile, and the median of warm ones.
 *
 * npm run bench                        the small workloads
 * npm run bench -- --all               all of them
 * npm run bench -- --only conv         those whose name contains "conv"
 * npm run bench -- --json FILE         rows as JSON as well
 * npm run bench -- --adapter NAME      on that adapter
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import { leavesOf } from '../src/autodiff/tree.js'
import {
  type Backend,
  compile,
  dispose,
  type Engine,
  type HostArray,
  isHostArray,
  openDevice,
  read,
  release,
  run,
  scope,
  store
} from '../src/engine.js'
import { WORKLOADS, type Workload } from './workloads.js'

const succeed = async <A>(backend: Backend, engine: Engine<A>): Promise<A> => {
  const result = await engine({ backend })()
  if (E.isLeft(result)) throw new Error(result.left.message)
  return result.right
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number

/** The largest error of corresponding leaves, each relative to the largest entry of what is expected; NaN if there is any. */
const worstError = (got: unknown, want: unknown): number => {
  const expected = leavesOf(want, isHostArray)
  const errors = leavesOf(got, isHostArray).map(({ value }, k) => {
    const reference = (expected[k] as { value: HostArray }).value.data
    let [largest, error] = [0, 0]
    for (let i = 0; i < reference.length; i++) {
      const [mine, right] = [value.data[i] as number, reference[i] as number]
      largest = Math.max(largest, Math.abs(right))
      error = Math.max(error, Math.abs(mine - right))
    }
    return error / (largest || 1)
  })
  return Math.max(0, ...errors)
}

const evaluate = async (
  backend: Backend,
  { f, compared = result => result }: Workload,
  args: readonly unknown[]
): Promise<unknown> =>
  compared(
    await succeed(
      backend,
      scope(env => async () => {
        const compiled = await succeed(backend, compile(f)(args as never))
        const stored = await store(args)(env)()
        if (E.isLeft(stored)) return stored
        const result = await run(compiled)(...(stored.right as never as []))(env)()
        if (E.isLeft(result)) return result
        const values = await read(result.right)(env)()
        dispose(compiled)
        return values
      })
    )
  )

export interface Row {
  readonly workload: string
  readonly engine: string
  readonly adapter: string
  readonly ms: number
  readonly firstMs: number
  readonly gflops: number
  readonly dispatches: number
  readonly pipelines: number
  readonly peakBytes: number
  readonly lowerBoundBytes: number
  readonly ok: boolean
  readonly error: number
  readonly checkedAt: string
}

/** Samples of at least this many milliseconds are taken, so that the grain of the wait does not count. */
const SAMPLE_MS = 60

const measure = async (backend: Backend, workload: Workload, adapter: string): Promise<Row> => {
  const args = workload.args()
  const start = performance.now()
  const compiled = await succeed(backend, compile(workload.f)(args as never))
  const stored = (await succeed(backend, store(args))) as never as []
  const once = async (): Promise<unknown> => succeed(backend, run(compiled)(...stored))
  const finish = async (result: unknown) => {
    const [first] = leavesOf(result, (value): value is never => typeof value === 'object' && value !== null && 'stored' in value)
    await succeed(backend, read(first?.value as never))
    release(result)
  }
  await finish(await once())
  const firstMs = performance.now() - start
  const timed = async (count: number): Promise<number> => {
    const from = performance.now()
    const results: unknown[] = []
    for (let i = 0; i < count; i++) results.push(await once())
    await finish(results.pop())
    results.forEach(release)
    return (performance.now() - from) / count
  }
  const single = await timed(1)
  const count = Math.max(1, Math.min(50, Math.round(SAMPLE_MS / single)))
  const samples: number[] = []
  for (let i = 0; i < (single > 5000 ? 1 : 5); i++) samples.push(await timed(count))
  const ms = median(samples)
  const { calls, flops, pipelines, peakBytes, lowerBoundBytes } = compiled.report
  dispose(compiled)
  release(stored)
  const checkArgs = workload.large ? workload.args(2) : args
  const error = worstError(
    await evaluate(backend, workload, checkArgs),
    await evaluate({ kind: 'reference' }, workload, checkArgs)
  )
  return {
    workload: workload.name,
    engine: 'lambda-darts',
    adapter,
    ms,
    firstMs,
    gflops: flops / ms / 1e6,
    dispatches: calls,
    pipelines,
    peakBytes,
    lowerBoundBytes,
    ok: error <= workload.tolerance,
    error,
    checkedAt: workload.large ? 'batch 2' : 'full size'
  }
}

const { values: options } = parseArgs({
  options: { all: { type: 'boolean' }, only: { type: 'string' }, json: { type: 'string' }, adapter: { type: 'string' } }
})
const opened = await openDevice(options.adapter === undefined ? {} : { adapter: options.adapter })()
if (E.isLeft(opened)) {
  process.stderr.write(`${opened.left.message}\n`)
  process.exit(2)
}
const { info } = opened.right
const adapter = `${info.name}${info.software ? ' (software)' : ''}`
const backend: Backend = { kind: 'gpu', device: opened.right }
const chosen = WORKLOADS.filter(({ name, large }) =>
  options.only === undefined ? options.all || !large : name.includes(options.only)
)
process.stdout.write(`adapter: ${adapter}\n`)
const cells = (row: readonly string[]) =>
  `${(row[0] ?? '').padEnd(50)}${row
    .slice(1)
    .map(cell => cell.padStart(12))
    .join('')}\n`
process.stdout.write(
  cells(['workload', 'ms', 'first ms', 'GFLOP/s', 'dispatches', 'pipelines', 'peak MiB', 'bound MiB', 'error', 'ok'])
)
const rows: Row[] = []
for (const workload of chosen) {
  const row = await measure(backend, workload, adapter)
  rows.push(row)
  const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1)
  process.stdout.write(
    cells([
      row.workload,
      row.ms.toFixed(2),
      row.firstMs.toFixed(0),
      row.gflops.toFixed(2),
      String(row.dispatches),
      String(row.pipelines),
      mebibytes(row.peakBytes),
      mebibytes(row.lowerBoundBytes),
      row.error.toExponential(1),
      row.ok ? (workload.large ? 'ok at B2' : 'ok') : 'WRONG'
    ])
  )
}
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(rows, null, 2)}\n`)
process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1
