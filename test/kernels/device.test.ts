/** Adapters by name, and what a device says when it is lost, full, or complains where nobody listens. */
import { describe, expect, it, vi } from 'vitest'
import { allocate, bufferCounts, release } from '../../src/kernels/buffers.js'
import { type Device, describe as describeAdapter, listAdapters, openDevice, scoped } from '../../src/kernels/device.js'
import { execute, prepare, readback, upload } from '../../src/kernels/execute.js'
import { plan } from '../../src/kernels/plan.js'
import { device } from '../device.js'
import { floats, loader, mapProgram } from './programs.js'
import { left, right } from './results.js'

const load = loader()
const runnable = async (on: Device, n = 8) =>
  right(await prepare(on, right(plan(mapProgram(n), on.limits)), { load })())

describe('adapters', () => {
  it('are listed, each by a name that opens it', async () => {
    const adapters = right(await listAdapters()())
    expect(adapters.length).toBeGreaterThan(0)
    expect(adapters.map(({ name }) => name)).toContain(device.info.name)
    for (const { name } of adapters) {
      expect(right(await openDevice({ adapter: name })()).info.name).toBe(name)
      const part = name.slice(0, 6).toUpperCase()
      expect(right(await openDevice({ adapter: part })()).info.name).toContain(name.slice(0, 6))
    }
  })

  it('of an unknown name are refused with the names there are', async () => {
    const names = right(await listAdapters()()).map(({ name }) => name)
    const error = left(await openDevice({ adapter: 'Voodoo 2' })())
    expect(error).toMatchObject({ _tag: 'NoAdapter', available: names })
    for (const part of ['"Voodoo 2"', ...names]) expect(error.message).toContain(part)
  })

  it('are missed with a cure where there is no driver', async () => {
    const { VK_DRIVER_FILES } = process.env
    process.env.VK_DRIVER_FILES = '/nowhere.json'
    try {
      for (const options of [{}, { adapter: device.info.name }]) {
        expect(left(await openDevice(options)())).toMatchObject({
          _tag: 'NoAdapter',
          available: [],
          message: expect.stringMatching(/a WebGPU adapter.*npm run adapter/)
        })
      }
      expect(right(await listAdapters()())).toEqual([])
    } finally {
      if (VK_DRIVER_FILES === undefined) Reflect.deleteProperty(process.env, 'VK_DRIVER_FILES')
      else process.env.VK_DRIVER_FILES = VK_DRIVER_FILES
    }
  })

  it('are described by what they say of themselves, and by the name that they are listed by', () => {
    const info = { device: 'Card 5 X', description: '', vendor: 'v', architecture: 'a', isFallbackAdapter: false }
    const sizes = { subgroupMinSize: 8, subgroupMaxSize: 8 }
    const described = (own: object, names: readonly string[], features: readonly string[] = ['subgroups']) =>
      describeAdapter(
        { info: { ...info, ...sizes, ...own } as GPUAdapterInfo, features: new Set(features) as GPUSupportedFeatures },
        names.map(name => ({ backend: `backend of ${name}`, name }))
      )
    const own = { vendor: 'v', architecture: 'a', software: false, subgroupSize: 8 }
    expect(described({}, ['Other', 'Card (5) X'])).toEqual({
      ...own,
      name: 'Card (5) X',
      backend: 'backend of Card (5) X'
    })
    expect(described({}, ['Other'])).toEqual({ ...own, name: 'Other', backend: 'backend of Other' })
    expect(described({}, ['Other', 'Another'])).toEqual({ ...own, name: 'Card 5 X', backend: 'unknown' })
    expect(described({ device: '', description: 'Some card' }, [])).toMatchObject({ name: 'Some card' })
    for (const software of [{ isFallbackAdapter: true }, { architecture: 'software' }, { device: 'llvmpipe (LLVM)' }])
      expect(described(software, [])).toMatchObject({ software: true })
    expect(described({ subgroupMaxSize: 16 }, [])).toMatchObject({ subgroupSize: 0 })
    expect(described({}, [], [])).toMatchObject({ subgroupSize: 0 })
  })

  it('are never fakes', async () => {
    expect(left(await openDevice({ adapter: 'null backend' })())._tag).toBe('NoAdapter')
  })
})

describe('a device that is destroyed', () => {
  const second = async () => {
    const on = right(await openDevice()())
    const executable = await runnable(on)
    const x = right(await upload(on, floats(8))())
    const [y] = right(await execute(on, executable, [x])())
    if (!y) throw new Error('a result is missing')
    return { on, executable, x, y }
  }
  const calls = {
    execute: ({ on, executable, x }: Awaited<ReturnType<typeof second>>) => execute(on, executable, [x])(),
    readback: ({ on, y }: Awaited<ReturnType<typeof second>>) =>
      readback(on, [{ buffer: y, dtype: 'f32', length: 8 }])(),
    upload: ({ on }: Awaited<ReturnType<typeof second>>) => upload(on, floats(4))(),
    allocate: ({ on }: Awaited<ReturnType<typeof second>>) => allocate(on, [16])(),
    'prepare with a known shader': ({ on, executable }: Awaited<ReturnType<typeof second>>) =>
      prepare(on, executable.plan, { load })(),
    'prepare with a new shader': ({ on }: Awaited<ReturnType<typeof second>>) =>
      prepare(on, right(plan(mapProgram(8, 'f32', { op: 'return a + 1;' }), on.limits)), { load })()
  }

  it.each(Object.entries(calls))('fails %s right after', async (_, run) => {
    const all = await second()
    all.on.device.destroy()
    expect(left(await run(all))).toMatchObject({ _tag: 'DeviceLost', reason: 'destroyed' })
    expect(left(await run(all))._tag).toBe('DeviceLost')
  })

  it.each(Object.entries(calls))('fails %s that was under way', async (_, run) => {
    for (const turns of [0, 1, 2, 4, 8, 16]) {
      const all = await second()
      const pending = run(all)
      for (let i = 0; i < turns; i++) await (turns > 4 ? new Promise(resolve => setImmediate(resolve)) : undefined)
      all.on.device.destroy()
      const result = await pending
      // What was done before the loss may be told as done, what comes after may not.
      if (result._tag === 'Left') expect(result.left).toMatchObject({ _tag: 'DeviceLost' })
      expect(left(await run(all))._tag).toBe('DeviceLost')
    }
  })

  it('fails a readback that waits for it', async () => {
    const { on, y } = await second()
    const { mapAsync } = GPUBuffer.prototype
    const map = vi.spyOn(GPUBuffer.prototype, 'mapAsync').mockImplementationOnce(function (this: GPUBuffer, mode) {
      const mapped = mapAsync.call(this, mode)
      on.device.destroy()
      return mapped
    })
    const result = await readback(on, [{ buffer: y, dtype: 'f32', length: 8 }])()
    expect(map).toHaveBeenCalledTimes(1)
    expect(left(result)._tag).toBe('DeviceLost')
    map.mockRestore()
  })

  it('holds nothing for runs that failed, and does not touch other devices', async () => {
    const { on, executable, x } = await second()
    const { liveBuffers } = bufferCounts(on)
    on.device.destroy()
    for (let i = 0; i < 10; i++) left(await execute(on, executable, [x])())
    expect(bufferCounts(on).liveBuffers).toBe(liveBuffers)
    const mine = right(await upload(device, floats(4))())
    expect(right(await readback(device, [{ buffer: mine, dtype: 'f32', length: 4 }])())).toEqual([floats(4)])
    release(mine)
  })
})

describe('memory', () => {
  it('refuses a buffer over the largest the adapter has, and holds nothing', async () => {
    const before = bufferCounts(device)
    const { maxBufferSize } = device.limits
    const error = left(await allocate(device, [16, maxBufferSize + 16])())
    expect(error._tag).toBe('OutOfMemory')
    for (const size of [maxBufferSize, maxBufferSize + 16]) expect(error.message).toContain(`${size}`)
    expect(bufferCounts(device).liveBuffers).toBe(before.liveBuffers)
  })

  it('tells when the device has no room, holds nothing, and goes on', async () => {
    const before = bufferCounts(device).liveBuffers
    // A software adapter dies where it really has no room, so the device is made to say so: this scope is the first to
    // be closed.
    const close = vi.spyOn(device.device, 'popErrorScope').mockImplementationOnce(async () => {
      await GPUDevice.prototype.popErrorScope.call(device.device)
      return new GPUOutOfMemoryError('no room')
    })
    const error = await allocate(device, [16, 32])().finally(() => close.mockRestore())
    expect(left(error)).toMatchObject({
      _tag: 'OutOfMemory',
      message: expect.stringMatching(/2 buffers of 48 bytes.*no room/)
    })
    expect(bufferCounts(device)).toMatchObject({ liveBuffers: before, idleBytes: 0 })
    const next = right(await allocate(device, [16, 32])())
    next.forEach(release)
  })

  it('keeps what is released for later, a few MiB of it at any rate', async () => {
    const [before, bytes] = [bufferCounts(device).idleBytes, 4 * (1 << 20)]
    right(await allocate(device, [bytes])()).forEach(release)
    expect(bufferCounts(device).idleBytes).toBeGreaterThanOrEqual(Math.max(before, bytes))
  })

  it('refuses an upload over the largest binding', async () => {
    const most = device.limits.maxStorageBufferBindingSize
    const small = { ...device, limits: { ...device.limits, maxStorageBufferBindingSize: 64 } }
    release(right(await upload(small, floats(16))()))
    const error = left(await upload(small, floats(17))())
    expect(error).toMatchObject({ _tag: 'OutOfMemory', message: expect.stringMatching(/80 bytes.*at most 64/) })
    expect(most).toBeGreaterThan(80)
  })
})

describe('an error that no scope caught', () => {
  const complain = () =>
    device.device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE })

  it('fails the next run, once', async () => {
    const executable = await runnable(device)
    const x = right(await upload(device, floats(8))())
    const { liveBuffers } = bufferCounts(device)
    complain()
    expect(left(await execute(device, executable, [x])())).toMatchObject({
      _tag: 'InvalidProgram',
      message: expect.stringMatching(/1 failed unseen, first: .*MapRead/)
    })
    expect(bufferCounts(device).liveBuffers).toBe(liveBuffers)
    const results = right(await execute(device, executable, [x])())
    expect(
      right(
        await readback(
          device,
          results.map(buffer => ({ buffer, dtype: 'f32', length: 2 }))
        )()
      )
    ).toEqual([Float32Array.of(2, 4)])
    for (const buffer of [...results, x]) release(buffer)
  })

  it('is not printed, and stops the run before it is submitted', async () => {
    const executable = await runnable(device)
    const x = right(await upload(device, floats(8))())
    const told = new Promise<boolean>(resolve => {
      device.device.addEventListener('uncapturederror', event => resolve(event.defaultPrevented), { once: true })
    })
    complain()
    expect(await told).toBe(true)
    const submit = vi.spyOn(device.device.queue, 'submit')
    expect(left(await execute(device, executable, [x])())._tag).toBe('InvalidProgram')
    expect(submit).not.toHaveBeenCalled()
    submit.mockRestore()
    release(x)
  })

  it('fails an upload, which then holds nothing', async () => {
    const { liveBuffers } = bufferCounts(device)
    complain()
    expect(left(await upload(device, floats(8))())._tag).toBe('InvalidProgram')
    expect(bufferCounts(device).liveBuffers).toBe(liveBuffers)
  })

  it('fails a readback too', async () => {
    const x = right(await upload(device, floats(8))())
    complain()
    await new Promise(resolve => setImmediate(resolve))
    expect(left(await readback(device, [{ buffer: x, dtype: 'f32', length: 8 }])())._tag).toBe('InvalidProgram')
    release(x)
  })

  it('does not stay with the shader that was compiled meanwhile', async () => {
    const fresh = right(plan(mapProgram(8, 'f32', { op: 'return a * 5;' }), device.limits))
    complain()
    expect(left(await prepare(device, fresh, { load })())._tag).toBe('InvalidProgram')
    right(await prepare(device, fresh, { load })())
  })
})

it('work in a scope that throws is told, and later work is not blamed', async () => {
  const error = left(
    await scoped(device, 'work', () => {
      throw new Error('thrown on purpose')
    })
  )
  expect(error).toMatchObject({ _tag: 'InvalidProgram', message: expect.stringContaining('thrown on purpose') })
  expect(right(await scoped(device, 'work', () => 1))).toBe(1)
})
