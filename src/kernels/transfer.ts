/** Values between typed arrays and the device. */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { allocateScoped, collectIfGrown, type DeviceBuffer, discard } from './buffers.js'
import { complaint, type Device, scoped, settledComplaint } from './device.js'
import { invalidArgument, type KernelError, outOfMemory, readbackFailed } from './errors.js'
import { platform } from './platform/node.js'
import { BYTES, type Data, type DType } from './spec.js'
import { paddedBytes } from './validate.js'

/** Puts values on the device. `InvalidArgument` for no values, `OutOfMemory` if there is no room for them. */
export const upload =
  (device: Device, data: Data): TaskEither<KernelError, DeviceBuffer> =>
  async () => {
    const bytes = paddedBytes(data.length)
    if (bytes === 0) return E.left(invalidArgument('values to upload', 'the array is empty', 'leave empty tensors out'))
    const most = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize)
    if (bytes > most) return E.left(outOfMemory(`an upload of ${bytes} bytes`, `this adapter binds at most ${most}`))
    await collectIfGrown(device)
    let handle: DeviceBuffer | undefined
    const done = await scoped(device, `an upload of ${bytes} bytes`, () => {
      handle = allocateScoped(device, bytes)
      device.device.queue.writeBuffer(handle.buffer, 0, data)
      return handle
    })
    if (E.isLeft(done) && handle) discard(handle)
    return done
  }

/** What to read: the first `length` elements of a buffer. */
export interface Wanted {
  readonly buffer: DeviceBuffer
  readonly dtype: DType
  readonly length: number
}

/** Staging buffers that small reads use again: to make one takes a quarter of such a read. Each is a power of two. */
const idle = new WeakMap<Device, GPUBuffer[]>()
const [LEAST_STAGING, MOST_STAGING, MOST_IDLE] = [2 ** 12, 2 ** 20, 8]

const takeStaging = (device: Device, bytes: number): GPUBuffer => {
  const size = bytes > MOST_STAGING ? bytes : Math.max(LEAST_STAGING, 2 ** Math.ceil(Math.log2(bytes)))
  const buffers = idle.get(device) ?? []
  const found = buffers.findIndex(buffer => buffer.size === size)
  return found >= 0
    ? (buffers.splice(found, 1)[0] as GPUBuffer)
    : device.device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
}

/** Of a buffer that was read; any other is destroyed. */
const giveStaging = (device: Device, buffer: GPUBuffer): void => {
  const buffers = idle.get(device) ?? []
  if (buffer.size > MOST_STAGING || buffers.length === MOST_IDLE) return buffer.destroy()
  buffer.unmap()
  idle.set(device, [...buffers, buffer])
}

const copyOf = (mapped: ArrayBuffer, offset: number, { dtype, length }: Wanted): Data => {
  const bytes = mapped.slice(offset, offset + length * BYTES)
  return dtype === 'f32' ? new Float32Array(bytes) : dtype === 'i32' ? new Int32Array(bytes) : new Uint32Array(bytes)
}

/**
 * Brings values back, all in one copy and one wait, after all runs submitted before. `InvalidArgument` for a released
 * or too small buffer, `Readback` or `DeviceLost` if the device does not deliver.
 */
export const readback =
  (device: Device, wanted: readonly Wanted[]): TaskEither<KernelError, readonly Data[]> =>
  async () => {
    const refused = complaint(device) ?? wanted.map(refusal(device)).find(error => error !== undefined)
    if (refused) return E.left(refused)
    const offsets: number[] = []
    let size = 0
    for (const { length } of wanted) {
      offsets.push(size)
      size += length * BYTES
    }
    if (size === 0) return E.right(wanted.map(one => copyOf(new ArrayBuffer(0), 0, one)))
    if (size > device.limits.maxBufferSize) {
      return E.left(
        outOfMemory(
          `to read ${size} bytes at once`,
          `this adapter allows ${device.limits.maxBufferSize}`,
          'read less at once'
        )
      )
    }
    let staging: GPUBuffer | undefined
    const copied = await scoped(device, `to read ${size} bytes`, () => {
      const made = takeStaging(device, size)
      staging = made
      const encoder = device.device.createCommandEncoder()
      wanted.forEach(({ buffer, length }, i) => {
        encoder.copyBufferToBuffer(buffer.buffer, 0, made, offsets[i] as number, length * BYTES)
      })
      device.device.queue.submit([encoder.finish()])
      return made
    })
    try {
      if (E.isLeft(copied)) return copied
      await platform.waiting(device.info, copied.right.mapAsync(GPUMapMode.READ, 0, size))
      const mapped = copied.right.getMappedRange(0, size)
      const data = wanted.map((one, i) => copyOf(mapped, offsets[i] as number, one))
      giveStaging(device, copied.right)
      staging = undefined
      return E.right(data)
    } catch (reason) {
      const got = reason instanceof Error ? reason.message || reason.name : String(reason)
      return E.left((await settledComplaint(device)) ?? readbackFailed(`${size} bytes from the device`, got))
    } finally {
      staging?.destroy()
    }
  }

const refusal =
  (device: Device) =>
  ({ buffer, length }: Wanted, i: number): KernelError | undefined => {
    if (!buffer.live)
      return invalidArgument(`value ${i} to be on the device`, 'it was released or given away', 'read it before')
    if (buffer.device !== device)
      return invalidArgument(`value ${i} to be on this device`, 'it is on another', 'read it there')
    if (length * BYTES > buffer.bytes) {
      return invalidArgument(
        `${length} elements of value ${i}`,
        `it has ${buffer.bytes / BYTES}`,
        'read no more than it has'
      )
    }
    return undefined
  }
