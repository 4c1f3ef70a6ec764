/** This engine as a contestant: `own.ts FOLDER WORKLOAD ADAPTER`. */
import * as E from 'fp-ts/lib/Either.js'
import {
  type Backend,
  type Compiled,
  compile,
  dispose,
  openDevice,
  read,
  release,
  run,
  store
} from '../src/engine/index.js'
import { pipelineKey } from '../src/kernels/pipeline.js'
import type { Plan } from '../src/kernels/plan.js'
import { waiting } from '../src/kernels/platform/wait.js'
import { totalOf, trafficOf } from '../src/kernels/profile.js'
import { comparedOf, succeed, worstError } from './check.js'
import { answer, type Started } from './contestant.js'
import { load, save } from './exchange.js'
import { WORKLOADS, type Workload } from './workloads.js'

const [folder, name, adapter] = process.argv.slice(2) as [string, string, string]

const planOf = ({ executable }: Compiled<never, unknown>): Plan => {
  if (!executable) throw new Error('a program for the device was wanted, but this is the reference: open a device')
  return executable.plan
}
const pipelinesOf = ({ dispatches }: Plan): ReadonlySet<string> => new Set(dispatches.map(pipelineKey))

/** A workload as it was compiled and run, to be timed and checked. */
interface Timed {
  readonly workload: Workload
  readonly backend: Backend
  readonly args: unknown
  readonly stored: never
  readonly plan: Plan
  /** What its first call gave. */
  readonly results: unknown
}

/**
 * Saves the results that the reference is to be compared with, at the size that it can do. What they say of the program
 * that is timed, in words.
 */
const saveResults = async ({ workload: { f, large }, backend, plan, results }: Timed): Promise<string | undefined> => {
  const keep = (values: unknown): void => save(folder, 'results-lambda-darts', values)
  if (!large) {
    keep(results)
    return undefined
  }
  const check = load(folder, 'check')
  const small = await succeed(backend, compile(f)(check as never))
  const held = (await succeed(backend, store(check))) as never as []
  const result = await succeed(backend, run(small)(...held))
  keep(await succeed(backend, read(result as never)))
  const [all, theirs] = [pipelinesOf(plan), pipelinesOf(planOf(small as never))]
  release([held, result])
  dispose(small)
  return `checked at batch 2, through ${[...all].filter(key => theirs.has(key)).length} of its ${all.size} pipelines`
}

/**
 * Runs it once more with each kernel's result held to the plain kernel's, on the same values; the first that differs is
 * an error. It is another program, with fewer operands a kernel, so that the results have to agree as well.
 */
const verify = async ({ workload, backend, args, stored, results }: Timed): Promise<string> => {
  const checking = await succeed(backend, compile(workload.f, { verify: true })(args as never))
  const result = await succeed(backend, run(checking)(...(stored as [])))
  const { path, error } = worstError(results, comparedOf(workload, await succeed(backend, read(result as never))))
  release(result)
  dispose(checking)
  if (!(error <= workload.tolerance))
    throw new Error(`its result ${path} is off by ${error.toExponential(1)} from the run whose kernels were checked`)
  const agreement = error === 0 ? 'to the last bit' : `up to ${error.toExponential(1)}`
  return `verified at its own size: ${checking.checks.length} comparisons of kernels with plain ones, and its results are theirs ${agreement}`
}

const start = async (): Promise<Started> => {
  const workload = WORKLOADS.find(one => one.name === name) as Workload
  const opened = await openDevice({ adapter })()
  if (E.isLeft(opened)) throw new Error(opened.left.message)
  const device = opened.right
  const backend: Backend = { kind: 'gpu', device }
  const done = () => waiting(device.info, device.device.queue.onSubmittedWorkDone())

  const args = load(folder, 'args')
  const stored = (await succeed(backend, store(args))) as never
  await done()
  const begun = performance.now()
  const compiled = await succeed(backend, compile(workload.f)(args as never))
  const result = await succeed(backend, run(compiled)(...(stored as [])))
  await done()
  const firstMs = performance.now() - begun

  const plan = planOf(compiled as never)
  const timed = { workload, backend, args, stored, plan, results: await succeed(backend, read(result as never)) }
  release(result)
  const note = await saveResults(timed)
  const { calls: dispatches, flops, peakBytes, lowerBoundBytes } = compiled.report
  const pipelines = pipelinesOf(plan).size
  return {
    first: {
      ...{ firstMs, adapter: device.info.name, flops, dispatches, pipelines, peakBytes, lowerBoundBytes },
      ...totalOf(trafficOf(plan)),
      ...(workload.name.startsWith('search step') ? { alone: true as const } : {}),
      ...(note === undefined ? {} : { note })
    },
    calls: async n => {
      for (let i = 0; i < n; i++) release(await succeed(backend, run(compiled)(...(stored as []))))
      await done()
    },
    verify: () => verify(timed)
  }
}

await answer(start)
