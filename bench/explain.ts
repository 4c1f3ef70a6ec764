/**
 * Where the time of a workload goes, kernel by kernel: the prepared plan on its real buffers, with a timestamp on
 * either side of each call.
 */
import { leavesOf } from '../src/autodiff/tree.js'
import { type AdapterInfo, type Backend, compile, isStored, openDevice, run, store } from '../src/engine/index.js'
import { allocate, type DeviceBuffer } from '../src/kernels/buffers.js'
import { type Device, scoped } from '../src/kernels/device.js'
import { pipelineKey } from '../src/kernels/pipeline.js'
import { waiting } from '../src/kernels/platform/wait.js'
import { bind, type Executable, type Step } from '../src/kernels/prepare.js'
import { median, right, succeed } from './check.js'
import { trafficOf } from './traffic.js'
import type { Workload } from './workloads.js'

/** Calls of one shader that compute the same expression on the same shape. */
interface Kernel {
  readonly shader: string
  readonly what: string
  readonly count: number
  readonly ms: number
  readonly flops: number
  readonly bytes: number
}

type Groups = (step: Step) => readonly GPUBindGroup[]

const dispatch = (
  pass: GPUComputePassEncoder,
  { pipeline, workgroups }: Step,
  groups: readonly GPUBindGroup[]
): void => {
  pass.setPipeline(pipeline)
  for (const [i, group] of groups.entries()) pass.setBindGroup(i, group)
  pass.dispatchWorkgroups(...workgroups)
}

/** Timestamps of one query set: WebGPU's own limit. */
const MOST_QUERIES = 4096

/** Milliseconds of each dispatch in one run, by timestamps. */
const byTimestamps = async (device: Device, steps: readonly Step[], groupsOf: Groups): Promise<readonly number[]> => {
  const gpu = device.device
  const sets = Array.from({ length: Math.ceil((2 * steps.length) / MOST_QUERIES) }, () =>
    gpu.createQuerySet({ type: 'timestamp', count: MOST_QUERIES })
  )
  const size = sets.length * MOST_QUERIES * 8
  const resolved = gpu.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC })
  const staging = gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  right(
    await scoped(device, 'the device to take a profile', () => {
      const encoder = gpu.createCommandEncoder()
      steps.forEach((step, i) => {
        const beginningOfPassWriteIndex = (2 * i) % MOST_QUERIES
        const querySet = sets[Math.floor((2 * i) / MOST_QUERIES)] as GPUQuerySet
        const pass = encoder.beginComputePass({
          timestampWrites: { querySet, beginningOfPassWriteIndex, endOfPassWriteIndex: beginningOfPassWriteIndex + 1 }
        })
        dispatch(pass, step, groupsOf(step))
        pass.end()
      })
      sets.forEach((set, i) => {
        encoder.resolveQuerySet(set, 0, MOST_QUERIES, resolved, i * MOST_QUERIES * 8)
      })
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, size)
      gpu.queue.submit([encoder.finish()])
    })
  )
  await waiting(device.info, staging.mapAsync(GPUMapMode.READ))
  const stamps = new BigInt64Array(staging.getMappedRange())
  const times = steps.map((_, i) => Number((stamps[2 * i + 1] as bigint) - (stamps[2 * i] as bigint)) / 1e6)
  for (const one of [...sets, resolved, staging]) one.destroy()
  return times
}

/** Where there are no timestamps: each different dispatch alone, often enough to take this long. */
const ALONE_MS = 20

/** Milliseconds of each dispatch, by repetition on the same buffers. */
const byRepetition = async (device: Device, steps: readonly Step[], groupsOf: Groups): Promise<readonly number[]> => {
  const known = new Map<string, number>()
  const timed = async (step: Step, times: number): Promise<number> => {
    const start = performance.now()
    right(
      await scoped(device, 'the device to take a call', () => {
        const encoder = device.device.createCommandEncoder()
        const pass = encoder.beginComputePass()
        for (let i = 0; i < times; i++) dispatch(pass, step, groupsOf(step))
        pass.end()
        device.device.queue.submit([encoder.finish()])
      })
    )
    await waiting(device.info, device.device.queue.onSubmittedWorkDone())
    return performance.now() - start
  }
  const times: number[] = []
  for (const step of steps) {
    const key = JSON.stringify([pipelineKey(step.calls), ...step.calls.map(({ params }) => params)])
    let ms = known.get(key)
    for (let count = 1; ms === undefined; count *= 4) {
      const all = await timed(step, count)
      if (all >= ALONE_MS || count >= 4096) ms = all / count
    }
    known.set(key, ms)
    times.push(ms)
  }
  return times
}

/** `mul+add f32[2,3] (node 7 of 9)` without its place. */
const expression = (label: string): string => label.replace(/ \(node \d+ of \d+\)$/, '')

const MOST_NAMES = 6

/** An expression that fits on a line: of many operations the first and how many there are. */
const brief = (what: string): string => {
  const [names = '', ...shape] = what.split(' ')
  const all = names.split('+')
  const shown = all.length <= MOST_NAMES ? names : `${all.slice(0, MOST_NAMES).join('+')}+... (${all.length})`
  return [shown, ...shape].join(' ')
}

const gather = (executable: Executable, times: readonly number[], by: (step: Step) => string): readonly Kernel[] => {
  const traffic = trafficOf(executable.plan)
  const kernels = new Map<string, Kernel>()
  executable.steps.forEach((step, i) => {
    const [{ shader, label }] = step.calls
    const own = traffic[i] as (typeof traffic)[number]
    const before = kernels.get(by(step)) ?? { shader, what: expression(label), count: 0, ms: 0, flops: 0, bytes: 0 }
    kernels.set(by(step), {
      ...before,
      count: before.count + 1,
      ms: before.ms + (times[i] as number),
      flops: before.flops + step.calls.reduce((sum, { flops }) => sum + flops, 0),
      bytes: before.bytes + own.readBytes + own.writtenBytes
    })
  })
  return [...kernels.values()].sort((a, b) => b.ms - a.ms)
}

const MOST_LINES = 40

const print = (kernels: readonly Kernel[], total: number, what: (kernel: Kernel) => string): void => {
  const cells = (values: readonly string[]) => values.map(value => value.padStart(9)).join('')
  const heads = cells(['times', 'ms', 'share', 'GFLOP/s', 'GB/s'])
  process.stdout.write(`${'shader'.padEnd(26)}${heads}  ${kernels.some(one => what(one) !== '') ? 'computes' : ''}\n`)
  const show = (kernel: Kernel) => {
    const { shader, count, ms, flops, bytes } = kernel
    const rates = [flops / ms / 1e6, bytes / ms / 1e6].map(rate => rate.toFixed(2))
    const text = cells([String(count), ms.toFixed(3), `${((100 * ms) / total).toFixed(1)} %`, ...rates])
    process.stdout.write(`${shader.padEnd(26)}${text}  ${what(kernel)}\n`)
  }
  kernels.slice(0, MOST_LINES).forEach(show)
  const rest = kernels.slice(MOST_LINES)
  if (rest.length === 0) return
  const sum = (of: (kernel: Kernel) => number) => rest.reduce((all, kernel) => all + of(kernel), 0)
  show({
    ...{ shader: `${rest.length} others`, what: '' },
    ...{ count: sum(({ count }) => count), ms: sum(({ ms }) => ms), flops: sum(({ flops }) => flops) },
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
  const device = right(
    await openDevice({ adapter: adapter.name, flags: ['disable-dawn-features=timestamp_quantization'] })()
  )
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
  const { plan, steps } = executable
  const outputs = right(
    await allocate(
      device,
      plan.program.outputs.map(slot => plan.bytes[slot] as number)
    )()
  )
  const buffers = executable.buffers.slice()
  plan.program.inputs.forEach((slot, i) => {
    buffers[slot] = leavesOf(stored, isStored)[i]?.value.stored as DeviceBuffer
  })
  plan.program.outputs.forEach((slot, i) => {
    buffers[slot] = outputs[i]
  })
  const groups = new Map(
    steps.map(step => [
      step,
      step.sets.map(set => set.group ?? bind(device, plan, set, slot => (buffers[slot] as DeviceBuffer).buffer))
    ])
  )
  const groupsOf: Groups = step => groups.get(step) ?? []
  const stamped = device.device.features.has('timestamp-query')
  const profiles: (readonly number[])[] = []
  const wholes: number[] = []
  for (let i = 0; i < runs; i++) {
    profiles.push(await (stamped ? byTimestamps : byRepetition)(device, steps, groupsOf))
    wholes.push(await whole())
  }
  const times = steps.map((_, i) => median(profiles.map(profile => profile[i] as number)))
  const total = times.reduce((a, b) => a + b, 0)
  const way = stamped ? 'timestamps' : 'repetition of each dispatch alone'
  process.stdout.write(
    `\n${name}\n${device.info.name}${device.info.software ? ' (software)' : ''}: ${steps.length} dispatches, kernels ${total.toFixed(2)} ms by ${way}, ` +
      `the whole ${median(wholes).toFixed(2)} ms, medians of ${runs}\n\n`
  )
  print(
    gather(executable, times, ({ calls }) => calls[0].shader),
    total,
    () => ''
  )
  process.stdout.write('\n')
  print(
    gather(
      executable,
      times,
      ({ calls: [call, ...others] }) => `${call.shader} ${others.length} ${expression(call.label)}`
    ),
    total,
    ({ what }) => brief(what)
  )
}
