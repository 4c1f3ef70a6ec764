/** This engine as a contestant: `own.ts FOLDER WORKLOAD ADAPTER [verify]`. */
import * as E from 'fp-ts/lib/Either.js'
import { type Backend, type Compiled, compile, dispose, openDevice, read, release, run, store } from '../src/engine.js'
import { variantKey } from '../src/kernels/pipeline.js'
import type { Program } from '../src/kernels/spec.js'
import { waiting } from '../src/kernels/wait.js'
import { succeed } from './check.js'
import { answer } from './contestant.js'
import { load, save } from './exchange.js'
import { totalTraffic } from './traffic.js'
import { WORKLOADS, type Workload } from './workloads.js'

const [folder, name, adapter, verify] = process.argv.slice(2) as [string, string, string, string | undefined]

const programOf = ({ executable }: Compiled<never, unknown>): Program => {
  if (!executable) throw new Error('a program for the device was wanted, but this is the reference: open a device')
  return executable.plan.program
}
const pipelinesOf = (program: Program): ReadonlySet<string> => new Set(program.calls.map(variantKey))

await answer(async () => {
  const { f, large } = WORKLOADS.find(workload => workload.name === name) as Workload
  const opened = await openDevice({ adapter })()
  if (E.isLeft(opened)) throw new Error(opened.left.message)
  const device = opened.right
  const backend: Backend = { kind: 'gpu', device }
  const done = () => waiting(device.device.queue.onSubmittedWorkDone())
  const put = async (args: unknown) => (await succeed(backend, store(args))) as never as []

  const args = load(folder, 'args')
  const stored = await put(args)
  await done()
  const start = performance.now()
  const compiled = await succeed(backend, compile(f)(args as never))
  const result = await succeed(backend, run(compiled)(...stored))
  await done()
  const firstMs = performance.now() - start

  const program = programOf(compiled as never)
  const pipelines = pipelinesOf(program)
  const results = async (stored: unknown) => save(folder, 'results-lambda-darts', await succeed(backend, read(stored as never)))
  /** Runs it once with each kernel's result compared to the plain kernel's, on the same values; the first that differs is an error. */
  const verified = async (): Promise<string> => {
    const checking = await succeed(backend, compile(f, { verify: true })(args as never))
    release(await succeed(backend, run(checking)(...stored)))
    dispose(checking)
    return `kernel by kernel (${checking.checks.length} comparisons)`
  }
  let note = {}
  if (large) {
    const check = load(folder, 'check')
    const small = await succeed(backend, compile(f)(check as never))
    const held = await put(check)
    const checked = await succeed(backend, run(small)(...held))
    await results(checked)
    const theirs = pipelinesOf(programOf(small as never))
    const shared = [...pipelines].filter(key => theirs.has(key)).length
    release([held, checked])
    dispose(small)
    const atBatch2 = `checked at batch 2, through ${shared} of its ${pipelines.size} pipelines`
    note = {
      note: verify ? `${atBatch2}, and ${await verified()} at its own size` : `${atBatch2}; --verify checks it at its own size`
    }
  } else await results(result)
  release(result)

  const { calls: dispatches, flops, peakBytes, lowerBoundBytes } = compiled.report
  return {
    first: {
      ...{ firstMs, adapter: device.info.name, flops, dispatches, pipelines: pipelines.size, peakBytes, lowerBoundBytes },
      ...totalTraffic(program),
      ...note
    },
    calls: async n => {
      for (let i = 0; i < n; i++) release(await succeed(backend, run(compiled)(...stored)))
      await done()
    }
  }
})
