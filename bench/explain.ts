/**
 * Where the time of a workload goes, kernel by kernel: the prepared plan on its real buffers, with a timestamp on
 * either side of each call.
 */
import { leavesOf } from '../src/autodiff/tree.js'
import { type AdapterInfo, type Backend, compile, isStored, openDevice, run, store } from '../src/engine/index.js'
import type { DeviceBuffer } from '../src/kernels/buffers.js'
import { EXACT_TIMESTAMPS } from '../src/kernels/device.js'
import { waiting } from '../src/kernels/platform/wait.js'
import type { Executable } from '../src/kernels/prepare.js'
import { dispatchTimes, hasTimestamps, type KernelTime, kernelTimes } from '../src/kernels/profile.js'
import { median, right, succeed } from './check.js'
import type { Workload } from './workloads.js'

const MOST_LINES = 40

const print = (kernels: readonly KernelTime[], total: number): void => {
  const cells = (values: readonly string[]) => values.map(value => value.padStart(9)).join('')
  const heads = cells(['times', 'ms', 'share', 'GFLOP/s', 'GB/s'])
  process.stdout.write(
    `${'shader'.padEnd(26)}${heads}  ${kernels.some(({ computes }) => computes !== '') ? 'computes' : ''}\n`
  )
  const show = ({ shader, computes, dispatches, ms, flops, bytes }: KernelTime) => {
    const rates = [flops / ms / 1e6, bytes / ms / 1e6].map(rate => rate.toFixed(2))
    const text = cells([String(dispatches), ms.toFixed(3), `${((100 * ms) / total).toFixed(1)} %`, ...rates])
    process.stdout.write(`${shader.padEnd(26)}${text}  ${computes}\n`)
  }
  kernels.slice(0, MOST_LINES).forEach(show)
  const rest = kernels.slice(MOST_LINES)
  if (rest.length === 0) return
  const sum = (of: (kernel: KernelTime) => number) => rest.reduce((all, kernel) => all + of(kernel), 0)
  show({
    ...{ shader: `${rest.length} others`, computes: '' },
    ...{ dispatches: sum(({ dispatches }) => dispatches), ms: sum(({ ms }) => ms), flops: sum(({ flops }) => flops) },
    bytes: sum(({ bytes }) => bytes)
  })
}

/** A profile takes at least so long, where a run is short. */
const PROFILE_MS = 2000
const MOST_RUNS = 11

/**
 * Prints the profile of a workload: by shader, then by kernel, the most expensive first. Times are medians over runs.
 */
export const explain = async ({ name, f, args }: Workload, adapter: AdapterInfo): Promise<void> => {
  const device = right(await openDevice({ adapter: adapter.name, flags: [EXACT_TIMESTAMPS] })())
  const backend: Backend = { kind: 'gpu', device }
  const given = args()
  const stored = await succeed(backend, store(given))
  const compiled = await succeed(backend, compile(f)(given as never))
  const done = () => waiting(device.info, device.device.queue.onSubmittedWorkDone())
  const whole = async (): Promise<number> => {
    const start = performance.now()
    await succeed(backend, run(compiled)(...(stored as never as [])))
    await done()
    return performance.now() - start
  }
  await whole() // compiles in the driver
  const single = await whole()
  const runs = Math.max(1, Math.min(MOST_RUNS, Math.round(PROFILE_MS / single)))
  const executable = compiled.executable as Executable
  const { steps } = executable
  const inputs = leavesOf(stored, isStored).map(({ value }) => value.stored as DeviceBuffer)
  const profiles: (readonly number[])[] = []
  const wholes: number[] = []
  for (let i = 0; i < runs; i++) {
    profiles.push(...right(await dispatchTimes(device, executable, inputs, 1)()))
    wholes.push(await whole())
  }
  const times = steps.map((_, i) => median(profiles.map(profile => profile[i] as number)))
  const total = times.reduce((a, b) => a + b, 0)
  const way = hasTimestamps(device) ? 'timestamps' : 'repetition of each dispatch alone'
  process.stdout.write(
    `\n${name}\n${device.info.name}${device.info.software ? ' (software)' : ''}: ${steps.length} dispatches, kernels ${total.toFixed(2)} ms by ${way}, ` +
      `the whole ${median(wholes).toFixed(2)} ms, medians of ${runs}\n\n`
  )
  print(kernelTimes(executable, times, 'shader'), total)
  process.stdout.write('\n')
  print(kernelTimes(executable, times, 'kernel'), total)
}
