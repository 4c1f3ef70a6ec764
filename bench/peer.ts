/**
 * A JavaScript peer as a contestant: `peer.ts FOLDER ENGINE WORKLOAD ADAPTER BACKEND`. It gets the adapter that we
 * measure on, through the same package, our throttled wait, and counters around the device, so that it needs no
 * knowledge of who measures it.
 */
import { pathToFileURL } from 'node:url'
import { create, globals } from 'webgpu'
import type { HostArray } from '../src/engine/index.js'
import { describe } from '../src/kernels/device.js'
import { waiting } from '../src/kernels/platform/wait.js'
import { answer } from './contestant.js'
import { load, save } from './exchange.js'

const [folder, engine, workload, adapter, backend] = process.argv.slice(2) as [string, string, string, string, string]

/** As many calls as this engine has before it waits. */
const MOST_IN_FLIGHT = 3

/** What `peers/ENGINE.mjs` exports as `enter`: everything after the arguments are on the device. */
interface Peer {
  /** Begins one call; results stay on the device. */
  readonly call: () => unknown
  /** Resolves when the device has done it. */
  readonly done: (result: unknown) => Promise<unknown>
  readonly read: (result: unknown) => Promise<Record<string, HostArray>>
  readonly free: (result: unknown) => void
}
type Enter = (workload: string, args: readonly unknown[]) => Promise<Peer>

Object.assign(globalThis, globals)
const gpu = create([`backend=${backend}`, `adapter=${adapter}`])
// Some versions of Node have a navigator of their own, which cannot be assigned to.
Object.defineProperty(globalThis, 'navigator', {
  value: { gpu, userAgent: 'node', hardwareConcurrency: 2 },
  configurable: true
})

/** Exchanges a method for one that does something around it. */
const around = (
  type: { readonly prototype: unknown },
  method: string,
  wrap: (call: () => unknown, args: readonly unknown[], target: object) => unknown
): void => {
  const prototype = type.prototype as Record<string, (...args: unknown[]) => unknown>
  const original = prototype[method] as (...args: unknown[]) => unknown
  prototype[method] = function (this: object, ...args: unknown[]) {
    return wrap(() => original.apply(this, args), args, this)
  }
}
const pinned: unknown[] = [gpu]
Object.assign(globalThis, { pinned })

const found = (await gpu.requestAdapter()) as GPUAdapter
pinned.push(found)
const info = describe(found, [{ backend, name: adapter }])
const throttled = (call: () => unknown) => waiting(info, call() as Promise<unknown>)
around(GPUBuffer, 'mapAsync', throttled)
around(GPUQueue, 'onSubmittedWorkDone', throttled)

const counts = { dispatches: 0, pipelines: 0, bytes: 0, peakBytes: 0 }
const counted = (what: 'dispatches' | 'pipelines') => (call: () => unknown) => {
  counts[what]++
  return call()
}
around(GPUComputePassEncoder, 'dispatchWorkgroups', counted('dispatches'))
around(GPUComputePassEncoder, 'dispatchWorkgroupsIndirect', counted('dispatches'))
around(GPUDevice, 'createComputePipeline', counted('pipelines'))
around(GPUDevice, 'createComputePipelineAsync', counted('pipelines'))
const sizes = new WeakMap<object, number>()
around(GPUDevice, 'createBuffer', (call, [descriptor]) => {
  const { size, usage } = descriptor as GPUBufferDescriptor
  const buffer = call() as object
  if (usage & GPUBufferUsage.STORAGE) {
    sizes.set(buffer, size)
    counts.bytes += size
    counts.peakBytes = Math.max(counts.peakBytes, counts.bytes)
  }
  return buffer
})
around(GPUBuffer, 'destroy', (call, _, buffer) => {
  counts.bytes -= sizes.get(buffer) ?? 0
  sizes.delete(buffer)
  return call()
})
/** Errors that nobody caught: the work was dropped, so the row is wrong whatever the numbers say. */
const complaints: string[] = []
around(GPUAdapter, 'requestDevice', async call => {
  const device = (await call()) as GPUDevice
  pinned.push(device)
  device.addEventListener('uncapturederror', event => {
    event.preventDefault()
    complaints.push(event.error.message)
  })
  return device
})
await answer(async () => {
  const { enter } = (await import(pathToFileURL(new URL(`peers/${engine}.mjs`, import.meta.url).pathname).href)) as {
    enter: Enter
  }
  const { call, done, read, free } = await enter(workload, load(folder, 'args') as readonly unknown[])
  const start = performance.now()
  const result = call()
  await done(result)
  const firstMs = performance.now() - start
  save(folder, `results-${engine}`, await read(result))
  free(result)
  const calls = async (n: number): Promise<void> => {
    const pending: Promise<void>[] = []
    for (let i = 0; i < n; i++) {
      if (pending.length >= MOST_IN_FLIGHT) await pending.shift()
      const one = call()
      pending.push(done(one).then(() => free(one)))
    }
    await Promise.all(pending)
  }
  const before = counts.dispatches
  await calls(1)
  const dispatches = counts.dispatches - before
  if (complaints.length > 0) throw new Error(`the device refused: ${complaints[0]}`)
  const { pipelines, peakBytes } = counts
  const unknown = { flops: null, lowerBoundBytes: null, readBytes: null, writtenBytes: null }
  return { first: { firstMs, adapter, dispatches, pipelines, peakBytes, ...unknown }, calls }
})
