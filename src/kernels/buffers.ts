/**
 * Storage on the device. The collector does not see how much memory a GPU buffer holds, so buffers are released by hand
 * and used again: a released one waits in a pool for the next wish of its size.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type Device, scoped } from './device.js'
import { type KernelError, outOfMemory } from './errors.js'
import { platform } from './platform/node.js'
import type { GPUBuffer } from './platform/webgpu.js'

/** Storage that someone holds until `release`. A handle is never used again, the buffer and its `id` are. */
export interface DeviceBuffer {
  /** Names the buffer below, for caches of bind groups. */
  readonly id: number
  readonly bytes: number
  readonly buffer: GPUBuffer
  readonly device: Device
  /** False once released. */
  readonly live: boolean
}

interface Idle {
  readonly id: number
  readonly buffer: GPUBuffer
}

/** What a handle holds. */
type Held = Pick<DeviceBuffer, 'buffer' | 'bytes' | 'device'>

interface Pool {
  /** By size, the size that was used last at the end. */
  readonly idle: Map<number, Idle[]>
  idleBytes: number
  liveBuffers: number
  liveBytes: number
  /** As much that is live calls for a collection of garbage, which does not see it. */
  enough: number
}

/** Less than this is not worth a collection. */
const FEW_BYTES = 512 * (1 << 20)
/**
 * Each buffer counts as so much more: the smallest takes some 4 KiB of the host on Mesa's software driver, and there
 * may be many.
 */
const OVERHEAD = 1 << 15
const weightOf = ({ liveBytes, liveBuffers }: Pool): number => liveBytes + liveBuffers * OVERHEAD
/** More than this is not kept for later. */
const MOST_IDLE_BYTES = 256 * (1 << 20)

const pools = new WeakMap<Device, Pool>()
let nextId = 1
let leaked = 0
/**
 * Storage whose handle was collected is destroyed, and not used again: nobody says that it is sound. Only a net, which
 * counts: the memory may long have been missed.
 */
const net = new FinalizationRegistry<Held>(held => {
  leaked += 1
  leave(held)
  held.buffer.destroy()
})

const poolOf = (device: Device): Pool => {
  const pool = pools.get(device) ?? {
    idle: new Map(),
    idleBytes: 0,
    liveBuffers: 0,
    liveBytes: 0,
    enough: FEW_BYTES
  }
  pools.set(device, pool)
  return pool
}

/** Handles of this process that were collected without having been released: each is a leak in the calling code. */
export const leakedBuffers = (): number => leaked

export interface BufferCounts {
  readonly liveBuffers: number
  readonly liveBytes: number
  readonly idleBytes: number
}
/** What is held on a device, and what waits in its pool. */
export const bufferCounts = (device: Device): BufferCounts => {
  const { liveBuffers, liveBytes, idleBytes } = poolOf(device)
  return { liveBuffers, liveBytes, idleBytes }
}

/** Takes a waiting buffer of this size, one of `preferred` if it can. */
const take = (pool: Pool, bytes: number, preferred: readonly number[]): Idle | undefined => {
  const waiting = pool.idle.get(bytes)
  if (!waiting) return undefined
  const liked = waiting.findLastIndex(({ id }) => preferred.includes(id))
  const [one] = waiting.splice(liked < 0 ? waiting.length - 1 : liked, 1)
  pool.idle.delete(bytes)
  if (waiting.length > 0) pool.idle.set(bytes, waiting)
  pool.idleBytes -= bytes
  return one
}

/**
 * A buffer with undefined content. To be called inside `scoped`, which tells whether the device had room for it.
 * `preferred` are ids of buffers for which bind groups exist.
 */
export const allocateScoped = (device: Device, bytes: number, preferred: readonly number[] = []): DeviceBuffer => {
  const pool = poolOf(device)
  const { id, buffer } = take(pool, bytes, preferred) ?? {
    id: nextId++,
    buffer: device.device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    })
  }
  const handle = { id, bytes, buffer, device, live: true }
  net.register(handle, { bytes, buffer, device }, handle)
  pool.liveBuffers += 1
  pool.liveBytes += bytes
  return handle
}

/** Buffers of these sizes, all or none. `OutOfMemory` if the device has no room or does not allow one so large. */
export const allocate =
  (device: Device, sizes: readonly number[]): TaskEither<KernelError, readonly DeviceBuffer[]> =>
  async () => {
    const { maxBufferSize } = device.limits
    const large = sizes.find(bytes => bytes > maxBufferSize)
    if (large !== undefined)
      return E.left(outOfMemory(`a buffer of ${large} bytes`, `this adapter allows at most ${maxBufferSize}`))
    const made: DeviceBuffer[] = []
    const wanted = `${sizes.length} buffers of ${sizes.reduce((total, bytes) => total + bytes, 0)} bytes`
    const result = await scoped(device, wanted, () => {
      for (const bytes of sizes) made.push(allocateScoped(device, bytes))
      return made
    })
    if (E.isLeft(result)) {
      made.forEach(discard)
      trimPool(device)
    }
    return result
  }

const end = (handle: DeviceBuffer): boolean => {
  if (!handle.live) return false
  ;(handle as { live: boolean }).live = false
  net.unregister(handle)
  return true
}

const leave = ({ device, bytes }: Held): Pool => {
  const pool = poolOf(device)
  pool.liveBuffers -= 1
  pool.liveBytes -= bytes
  return pool
}

/** Gives the storage back; work that was submitted before still sees it. A second release of a handle does nothing. */
export const release = (handle: DeviceBuffer): void => {
  if (!end(handle)) return
  const { id, buffer, bytes, device } = handle
  const pool = leave(handle)
  const waiting = pool.idle.get(bytes) ?? []
  waiting.push({ id, buffer })
  pool.idle.delete(bytes)
  pool.idle.set(bytes, waiting)
  pool.idleBytes += bytes
  trimPool(device, MOST_IDLE_BYTES)
}

/** Releases a buffer that may not be sound: it is destroyed, never used again. */
export const discard = (handle: DeviceBuffer): void => {
  if (!end(handle)) return
  leave(handle)
  handle.buffer.destroy()
}

/** Destroys waiting buffers until at most `most` bytes wait, sizes that were not used for long first. */
export const trimPool = (device: Device, most = 0): void => {
  const pool = poolOf(device)
  for (const [bytes, waiting] of pool.idle) {
    while (pool.idleBytes > most && waiting.length > 0) {
      waiting.shift()?.buffer.destroy()
      pool.idleBytes -= bytes
    }
    if (waiting.length === 0) pool.idle.delete(bytes)
  }
}

/**
 * Collects garbage once what is live has doubled since the last time: handles that nobody has any more hold storage
 * until then, and the collector does not know how much.
 */
export const collectIfGrown = async (device: Device): Promise<void> => {
  const pool = poolOf(device)
  if (weightOf(pool) < pool.enough) return
  await platform.collectGarbage()
  pool.enough = Math.max(FEW_BYTES, 2 * weightOf(pool))
}
