/** Programs on the device: shaders that fail, calls that it refuses, and results that are right. */
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { bufferCounts, type DeviceBuffer, leakedBuffers, release, trimPool } from '../../src/kernels/buffers.js'
import { openDevice } from '../../src/kernels/device.js'
import { disposeExecutable, execute, prepare, readback, upload } from '../../src/kernels/execute.js'
import { pipelineCount } from '../../src/kernels/pipeline.js'
import { plan } from '../../src/kernels/plan.js'
import { platform } from '../../src/kernels/platform/node.js'
import type { Executable } from '../../src/kernels/prepare.js'
import type { Data, Program } from '../../src/kernels/spec.js'
import { dtypeOf } from '../../src/kernels/validate.js'
import { warmUp } from '../../src/kernels/warm.js'
import { device } from '../device.js'
import { anyProgram, call, floats, inputsOf, loader, mapCall, mapProgram, runApart, u32 } from './programs.js'
import { left, right } from './results.js'

const boundless = {
  maxStorageBuffersPerShaderStage: Number.POSITIVE_INFINITY,
  maxStorageBufferBindingSize: Number.POSITIVE_INFINITY
}

const prepared = async (program: Program, own: Record<string, string> = {}, mostGroups?: number): Promise<Executable> =>
  right(
    await prepare(device, right(plan(program, device.limits)), {
      load: loader(own),
      ...(mostGroups === undefined ? {} : { mostGroups })
    })()
  )
const failed = async (program: Program, own: Record<string, string> = {}) =>
  left(await prepare(device, right(plan(program, boundless)), { load: loader(own) })())
const uploaded = (data: readonly Data[]): Promise<DeviceBuffer[]> =>
  Promise.all(data.map(async one => right(await upload(device, one)())))
const read = async (executable: Executable, outputs: readonly DeviceBuffer[]): Promise<readonly Data[]> => {
  const { slots, outputs: places } = executable.plan.program
  const wanted = outputs.map((buffer, i) => {
    const { dtype, shape } = slots[places[i] as number] ?? { dtype: 'f32', shape: [] }
    return { buffer, dtype, length: shape.reduce((a, b) => a * b, 1) }
  })
  return right(await readback(device, wanted)())
}
/** All of it: prepares, uploads, runs, reads, and gives everything back. */
const run = async (
  program: Program,
  inputs: readonly Data[],
  own: Record<string, string> = {},
  mostGroups?: number
): Promise<readonly Data[]> => {
  const executable = await prepared(program, own, mostGroups)
  const held = await uploaded(inputs)
  const outputs = right(await execute(device, executable, held)())
  const values = await read(executable, outputs)
  for (const buffer of [...held, ...outputs]) release(buffer)
  disposeExecutable(executable)
  return values
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a shader that does not compile', () => {
  const broken = {
    'a.wgsl':
      '// one\n//! include "b.wgsl"\n// three\n@compute @workgroup_size(1) fn main() {\n  //! op\n  let x = 1;\n  //! end\n}',
    'b.wgsl': '// one\n// two\nfn helper() -> u32 { return missing; }'
  }
  const fine = { ...broken, 'b.wgsl': 'fn helper() {}' }
  const program = (given: object = {}): Program => ({
    ...mapProgram(4),
    calls: [call({ shader: 'a', write: 1, reads: [0], ...given })]
  })

  it('is told by the file and line as they were written', async () => {
    const error = await failed(program(), broken)
    expect(error).toMatchObject({ _tag: 'ShaderError', file: 'b.wgsl', line: 3 })
    expect(error.message).toMatch(/b\.wgsl.*line 3.*missing.*fn helper/)
    const last = { ...fine, 'a.wgsl': `${fine['a.wgsl']}\nfn other() -> u32 { return 1.5; }` }
    expect(await failed(program(), last)).toMatchObject({ _tag: 'ShaderError', file: 'a.wgsl', line: 9 })
  })

  it("is told at the block, where a call's own text is wrong", async () => {
    const error = await failed(program({ op: 'let y = 1;\nlet z = y + nothing;' }), fine)
    expect(error).toMatchObject({
      _tag: 'ShaderError',
      file: 'a.wgsl',
      line: 5,
      message: expect.stringContaining('let z = y + nothing;')
    })
  })

  it('is told at its entry point, where constants or bindings are not those of the call', async () => {
    expect(await failed(program({ constants: { tile: 4 } }), fine)).toMatchObject({
      _tag: 'ShaderError',
      file: 'a.wgsl',
      line: 4,
      message: expect.stringContaining('tile')
    })
    const bound =
      '\n@group(0) @binding(1) var<storage, read> y: array<u32>;\n@compute @workgroup_size(1) fn main() { _ = y[0]; }'
    expect(await failed(program(), { 'a.wgsl': bound })).toMatchObject({ _tag: 'ShaderError', file: 'a.wgsl', line: 3 })
    expect(await failed(program(), { 'a.wgsl': 'fn helper() {}' })).toMatchObject({
      _tag: 'ShaderError',
      file: 'a.wgsl',
      line: 1
    })
  })

  it('is told when a file is missing or a directive is wrong', async () => {
    expect(await failed(program(), {})).toMatchObject({ _tag: 'ShaderError', file: 'a.wgsl', line: 1 })
    expect(await failed(program(), { 'a.wgsl': '\n//! ops' })).toMatchObject({
      _tag: 'ShaderError',
      file: 'a.wgsl',
      line: 2
    })
  })

  it('leaves nothing behind: corrected, it runs', async () => {
    const before = [bufferCounts(device).liveBuffers, pipelineCount(device)]
    const wrong = mapProgram(3, 'f32', { op: 'return a +;' })
    expect((await failed(wrong))._tag).toBe('ShaderError')
    expect((await failed(wrong))._tag).toBe('ShaderError')
    expect([bufferCounts(device).liveBuffers, pipelineCount(device)]).toEqual(before)
    expect(await run(mapProgram(3, 'f32', { op: 'return a + 10;' }), [floats(3)])).toEqual([
      Float32Array.of(11, 12, 13)
    ])
  })

  it('fails alone: the program of the other shaders runs', async () => {
    const { slots } = mapProgram(4)
    const two = { ...mapProgram(4), slots: [...slots, ...slots], calls: [mapCall(slots, 0, 1), ...program().calls] }
    expect(left(await prepare(device, right(plan(two, boundless)), { load: loader(broken) })())._tag).toBe(
      'ShaderError'
    )
    expect(await run(mapProgram(3, 'f32', { op: 'return a + 10;' }), [floats(3)])).toEqual([
      Float32Array.of(11, 12, 13)
    ])
  })
})

describe('warming up', () => {
  it('dispatches each pipeline once, tells of it, and leaves nothing behind', async () => {
    const { slots } = mapProgram(4)
    const three = [...slots, ...slots.slice(1)]
    const two: Program = {
      ...mapProgram(4),
      slots: three,
      calls: [mapCall(three, 0, 1), mapCall(three, 1, 2, { op: 'return a + 2;' })],
      outputs: [2]
    }
    const executable = await prepared(two)
    const before = bufferCounts(device).liveBuffers
    const told: number[][] = []
    right(await warmUp(device, executable, (done, total) => told.push([done, total]))())
    expect(told).toEqual([
      [1, 2],
      [2, 2]
    ])
    expect(bufferCounts(device).liveBuffers).toBe(before)
    disposeExecutable(executable)
  })
})

describe('what the device refuses', () => {
  const over = () => mapProgram(device.limits.maxStorageBufferBindingSize / 4 + 4)

  it('a binding over the limit is refused with both sizes before anything is made', () => {
    const error = left(plan(over(), device.limits))
    const most = device.limits.maxStorageBufferBindingSize
    expect(error._tag).toBe('InvalidProgram')
    expect(error.message).toMatch(
      new RegExp(`call 0 "map-f32" to bind slot . .*it takes ${most + 16} bytes, .* at most ${most} bytes`)
    )
  })

  it('a bind group that is not valid gives no result, and holds nothing', async () => {
    const executable = right(await prepare(device, right(plan(over(), boundless)), { load: loader() })())
    const { liveBuffers } = bufferCounts(device)
    const bytes = executable.plan.bytes[0] as number
    const buffer = device.device.createBuffer({ size: bytes, usage: GPUBufferUsage.STORAGE })
    const x: DeviceBuffer = { id: -1, bytes, buffer, device, live: true }
    for (let i = 0; i < 2; i++) {
      const error = left(await execute(device, executable, [x])())
      expect(error).toMatchObject({
        _tag: 'InvalidProgram',
        message: expect.stringMatching(/the device to take a run.*the device refused.*map-f32/)
      })
      expect(bufferCounts(device).liveBuffers).toBe(liveBuffers)
    }
    buffer.destroy()
    disposeExecutable(executable)
  })

  it('bind groups that are not valid are refused when the program is prepared', async () => {
    const { liveBuffers } = bufferCounts(device)
    const one = over()
    const slots = [u32(4), ...one.slots.slice(1), u32(4)]
    const large = { ...one, slots: [...slots, ...one.slots], inputs: [0], outputs: [2] }
    const error = await failed({
      ...large,
      calls: [mapCall(large.slots, 0, 4), mapCall(large.slots, 4, 3), mapCall(large.slots, 3, 2)]
    })
    expect(error).toMatchObject({
      _tag: 'InvalidProgram',
      message: expect.stringContaining('bind groups for the program')
    })
    expect(bufferCounts(device).liveBuffers).toBe(liveBuffers)
    trimPool(device)
  })

  it('a call with more bindings than there may be', async () => {
    const reads = new Array<number>(device.limits.maxStorageBuffersPerShaderStage).fill(0)
    const program = { ...mapProgram(4), calls: [call({ shader: 'map-f32', params: [4], reads, write: 1 })] }
    expect(left(plan(program, device.limits)).message).toContain(`at most ${reads.length - 1} besides`)
    expect((await failed(program))._tag).toBe('InvalidProgram')
  })

  it('a dispatch that is not valid gives no result, and the next one runs', async () => {
    const executable = await prepared(mapProgram(4))
    const x = await uploaded([floats(4)])
    const { liveBuffers } = bufferCounts(device)
    const wrong = {
      ...executable,
      steps: executable.steps.map(step => ({ ...step, workgroups: [65_536, 1, 1] as const }))
    }
    expect(left(await execute(device, wrong, x)())).toMatchObject({
      _tag: 'InvalidProgram',
      message: expect.stringMatching(/65536.*65535/)
    })
    expect(bufferCounts(device).liveBuffers).toBe(liveBuffers)
    expect(await read(executable, right(await execute(device, executable, x)()))).toEqual([Float32Array.of(2, 4, 6, 8)])
  })

  it('a buffer that was destroyed behind its back fails the run, and the next one runs', async () => {
    const executable = await prepared(mapProgram(4))
    const [x, spoilt] = await uploaded([floats(4), floats(4)])
    spoilt?.buffer.destroy()
    expect(left(await execute(device, executable, [spoilt as DeviceBuffer])())._tag).toBe('InvalidProgram')
    expect(left(await readback(device, [{ buffer: spoilt as DeviceBuffer, dtype: 'f32', length: 4 }])())._tag).toBe(
      'InvalidProgram'
    )
    expect(await read(executable, right(await execute(device, executable, [x as DeviceBuffer])()))).toEqual([
      Float32Array.of(2, 4, 6, 8)
    ])
  })

  it('nor is it used again when its handle is collected', async () => {
    const bytes = 48_112
    const spoil = async (): Promise<void> => {
      const [spoilt] = await uploaded([new Float32Array(bytes / 4)])
      spoilt?.buffer.destroy()
    }
    const before = bufferCounts(device).liveBytes
    await spoil()
    for (let i = 0; i < 20 && bufferCounts(device).liveBytes > before; i++) await platform.collectGarbage()
    expect(bufferCounts(device).liveBytes).toBeLessThanOrEqual(before)
    const [next] = (await uploaded([new Float32Array(bytes / 4).fill(3)])) as [DeviceBuffer]
    const [values] = right(await readback(device, [{ buffer: next, dtype: 'f32', length: bytes / 4 }])())
    expect(values?.every(value => value === 3)).toBe(true)
    release(next)
  })
})

describe('what fails once', () => {
  it('a bind group: the next run makes it anew', async () => {
    const slots = [...mapProgram(4).slots, ...mapProgram(4).slots]
    const executable = await prepared({ ...mapProgram(4), slots, calls: [mapCall(slots, 0, 2), mapCall(slots, 2, 1)] })
    const x = await uploaded([floats(4)])
    const create = device.device.createBindGroup.bind(device.device)
    vi.spyOn(device.device, 'createBindGroup').mockImplementationOnce(given => create({ ...given, entries: [] }))
    expect(left(await execute(device, executable, x)())._tag).toBe('InvalidProgram')
    expect(await read(executable, right(await execute(device, executable, x)()))).toEqual([
      Float32Array.of(4, 8, 12, 16)
    ])
  })

  it('a map: the readback is told as failed, and the next one brings the values', async () => {
    const [buffer] = (await uploaded([floats(4)])) as [DeviceBuffer]
    const { mapAsync } = GPUBuffer.prototype
    vi.spyOn(GPUBuffer.prototype, 'mapAsync').mockImplementationOnce(function (this: GPUBuffer, mode) {
      const mapped = mapAsync.call(this, mode)
      this.destroy()
      return mapped
    })
    const wanted = [{ buffer, dtype: 'f32' as const, length: 4 }]
    expect(left(await readback(device, wanted)())).toMatchObject({
      _tag: 'Readback',
      message: expect.stringContaining('16 bytes')
    })
    expect(right(await readback(device, wanted)())).toEqual([floats(4)])
  })
})

describe('what a caller may not pass', () => {
  const refusedWith = async (inputs: readonly DeviceBuffer[], executable: Executable, message: RegExp) => {
    const { liveBuffers } = bufferCounts(device)
    const error = left(await execute(device, executable, inputs)())
    expect(error).toMatchObject({ _tag: 'InvalidArgument', message: expect.stringMatching(message) })
    expect(bufferCounts(device).liveBuffers).toBe(liveBuffers)
  }

  it('a released input, and a released buffer to read', async () => {
    const executable = await prepared(mapProgram(4))
    const [x] = (await uploaded([floats(4)])) as [DeviceBuffer]
    release(x)
    release(x)
    // The storage below is used again, which must not bring the old handle back to life.
    const [again] = (await uploaded([floats(4)])) as [DeviceBuffer]
    expect(again.id).toBe(x.id)
    await refusedWith([x], executable, /input 0 .*released or given away before/)
    expect(left(await readback(device, [{ buffer: x, dtype: 'f32', length: 4 }])())).toMatchObject({
      _tag: 'InvalidArgument',
      message: expect.stringMatching(/value 0 .*released or given away/)
    })
    release(again)
  })

  it('an input that is given away while its run waits for its turn', async () => {
    const executable = await prepared(mapProgram(4))
    const [x] = (await uploaded([floats(4)])) as [DeviceBuffer]
    const pending = execute(device, executable, [x])()
    release(x)
    expect(left(await pending)._tag).toBe('InvalidArgument')
  })

  it('too few or too many inputs, or one of another size', async () => {
    const executable = await prepared(mapProgram(4))
    const [x, longer] = (await uploaded([floats(4), floats(5)])) as [DeviceBuffer, DeviceBuffer]
    await refusedWith([], executable, /1 inputs, but there are 0/)
    await refusedWith([x, x], executable, /1 inputs, but there are 2/)
    await refusedWith([longer], executable, /input 0 to be f32\[4\], 16 bytes, but it has 32/)
    expect(left(await readback(device, [{ buffer: x, dtype: 'f32', length: 5 }])())).toMatchObject({
      _tag: 'InvalidArgument'
    })
    expect(left(await upload(device, floats(0))())).toMatchObject({ _tag: 'InvalidArgument' })
  })

  it('a buffer of another device', async () => {
    const executable = await prepared(mapProgram(4))
    const other = right(await openDevice()())
    const foreign = right(await upload(other, floats(4))())
    await refusedWith([foreign], executable, /input 0 .*on another/)
    expect(left(await readback(device, [{ buffer: foreign, dtype: 'f32', length: 4 }])())._tag).toBe('InvalidArgument')
  })

  it.each([
    ['with buffers of its own', { ...mapProgram(4), slots: [...mapProgram(4).slots, ...mapProgram(4).slots] }],
    ['without', mapProgram(4)]
  ])('an executable %s that was disposed of', async (_, program) => {
    const { slots } = program
    const executable = await prepared(
      slots.length > 2 ? { ...program, calls: [mapCall(slots, 0, 2), mapCall(slots, 2, 1)] } : program
    )
    const x = await uploaded([floats(4)])
    const pending = right(await execute(device, executable, x)())
    disposeExecutable(executable)
    disposeExecutable(executable)
    await refusedWith(x, executable, /disposed of/)
    expect(await read(executable, pending)).toEqual([floats(4).map(value => value * 2 ** executable.steps.length)])
  })
})

describe('values', () => {
  const extremes = {
    f32: Float32Array.of(0, -0, 1.5, -3.25e30, 2 ** -140, Number.POSITIVE_INFINITY, Number.NaN),
    i32: Int32Array.of(0, 1, -1, 2 ** 31 - 1, -(2 ** 31)),
    u32: Uint32Array.of(0, 1, 2 ** 31, 2 ** 32 - 1, 0x7fc00000)
  }

  it.each(Object.entries(extremes))('of %s come back as they went', async (dtype, data) => {
    const [buffer] = (await uploaded([data])) as [DeviceBuffer]
    expect(right(await readback(device, [{ buffer, dtype: dtypeOf(data), length: data.length }])())).toEqual([data])
    expect(dtypeOf(data)).toBe(dtype)
    release(buffer)
  })

  it.each([
    ['f32', Float32Array.of(1.5, -2, 1e10)],
    ['i32', Int32Array.of(5, -7, 2 ** 30)],
    ['u32', Uint32Array.of(5, 7, 2 ** 31)]
  ] as const)('of %s are computed in that dtype', async (dtype, data) => {
    const [doubled] = await run(mapProgram(data.length, dtype), [data])
    expect(doubled).toEqual(data.map(value => value * 2))
  })

  it('of many buffers come in one read, in parts and in any order', async () => {
    const data: Data[] = [floats(5), Int32Array.of(-1, 2), Uint32Array.of(9), floats(7)]
    const held = await uploaded(data)
    const wanted = held.map((buffer, i) => ({
      buffer,
      dtype: dtypeOf(data[i] as Data),
      length: (data[i] as Data).length
    }))
    const copies = vi.spyOn(device.device, 'createCommandEncoder')
    const parts = [...[...wanted].reverse(), { buffer: held[0] as DeviceBuffer, dtype: 'f32' as const, length: 2 }]
    expect(right(await readback(device, parts)())).toEqual([...[...data].reverse(), floats(2)])
    expect(copies).toHaveBeenCalledTimes(1)
    expect(right(await readback(device, [])())).toEqual([])
    const none = { buffer: held[1] as DeviceBuffer, dtype: 'i32' as const, length: 0 }
    expect(right(await readback(device, [none])())).toEqual([new Int32Array(0)])
    expect(right(await readback(device, [none, ...wanted.slice(2)])())).toEqual([new Int32Array(0), ...data.slice(2)])
    held.forEach(release)
  })

  it('of few bytes use a staging buffer again, also side by side; a large one is given back', async () => {
    const few = Array.from({ length: 20 }, (_, i) => Float32Array.of(i, i + 0.5))
    const held = await uploaded(few)
    const read = () => Promise.all(held.map(buffer => readback(device, [{ buffer, dtype: 'f32', length: 2 }])()))
    expect((await read()).map(right)).toEqual(few.map(one => [one]))
    const [made, freed] = [vi.spyOn(device.device, 'createBuffer'), vi.spyOn(GPUBuffer.prototype, 'destroy')]
    for (const buffer of held.slice(0, 5)) right(await readback(device, [{ buffer, dtype: 'f32', length: 2 }])())
    expect([made, freed].map(({ mock }) => mock.calls.length)).toEqual([0, 0])
    const [large] = (await uploaded([new Float32Array(2 ** 19)])) as [DeviceBuffer]
    made.mockClear()
    right(await readback(device, [{ buffer: large, dtype: 'f32', length: 2 ** 19 }])())
    expect([made, freed].map(({ mock }) => mock.calls.length)).toEqual([1, 1])
    for (const buffer of [...held, large]) release(buffer)
  })

  it('of views are those of the view', async () => {
    const [buffer] = (await uploaded([floats(10).subarray(3, 6)])) as [DeviceBuffer]
    expect(right(await readback(device, [{ buffer, dtype: 'f32', length: 3 }])())).toEqual([Float32Array.of(4, 5, 6)])
    release(buffer)
  })
})

describe('programs', () => {
  it('of any form give what plain arrays give, with shared buffers, constants and several writes to a slot', async () => {
    await fc.assert(
      fc.asyncProperty(anyProgram(25), fc.constantFrom(undefined, 0), async (program, mostGroups) => {
        const outputs = await run(program, inputsOf(program), {}, mostGroups)
        expect(outputs.map(one => [...one])).toEqual(runApart(program))
      }),
      { numRuns: 120 }
    )
  })

  it('of more sets of buffers than a process has memory maps run: there are as many bind groups as buffers', async () => {
    const many = 300
    const slots = Array.from({ length: many + 2 }, () => u32(4))
    const first = Array.from({ length: many }, (_, i) => i)
    const calls = [
      ...first.map(i => call({ shader: 'mix1', params: [0, 4, i, 4], reads: [many], write: i })),
      ...first.flatMap(i =>
        first.map(j => call({ shader: 'mix3', params: [0, 4, j, 4, 4, 4], reads: [i, j, many], write: many + 1 }))
      )
    ]
    const program = { slots, calls, inputs: [many], outputs: [many + 1], constants: [] }
    expect(calls.length).toBeGreaterThan(65_530)
    const groups = vi.spyOn(device.device, 'createBindGroup')
    const [values] = await run(program, inputsOf(program))
    expect([[...(values as Data)]]).toEqual(runApart(program))
    // Buffers that are read, buffers that are written, and twice as many blocks of parameters.
    expect(groups.mock.calls.length).toBeLessThan(6 * many)
  })

  it('take constants of all dtypes, uploaded once', async () => {
    const dtypes = ['f32', 'i32', 'u32'] as const
    const datas = [Float32Array.of(0.5, 1), Int32Array.of(-3, 4), Uint32Array.of(5, 6)]
    const slots = [...dtypes, ...dtypes].map(dtype => ({ dtype, shape: [2] }))
    const program: Program = {
      slots,
      calls: dtypes.map((_, i) => mapCall(slots, i, i + 3)),
      inputs: [],
      outputs: [3, 4, 5],
      constants: datas.map((data, slot) => ({ slot, data }))
    }
    const executable = await prepared(program)
    const writes = vi.spyOn(device.device.queue, 'writeBuffer')
    for (let i = 0; i < 2; i++) {
      const outputs = right(await execute(device, executable, [])())
      expect(await read(executable, outputs)).toEqual(datas.map(data => data.map(value => value * 2)))
      outputs.forEach(release)
    }
    expect(writes).not.toHaveBeenCalled()
    disposeExecutable(executable)
  })

  it('bind a slot by its own size where it shares a larger buffer', async () => {
    const measure = `@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<u32>;
@compute @workgroup_size(1) fn main() { y[0] = arrayLength(&x); y[1] = arrayLength(&y); }`
    // 1 (large) is dead when 3 (small) is written, and lends it its buffer.
    const slots = [4, 100, 100, 4, 4].map(u32)
    const chain = [0, 1, 2].map(from => call({ shader: 'mix1', params: [0, 4, 0, 4], reads: [from], write: from + 1 }))
    const calls = [...chain, call({ shader: 'measure', reads: [3], write: 4 })]
    const program: Program = { slots, calls, inputs: [0], outputs: [4], constants: [] }
    expect(right(plan(program, device.limits)).shared).toEqual([400, 400])
    const [lengths] = await run(program, [Uint32Array.of(1, 2, 3, 4)], { 'measure.wgsl': measure })
    expect([...(lengths ?? [])].slice(0, 2)).toEqual([4, 4])
  })

  it('keep equal parameters once', async () => {
    const slots = Array.from({ length: 50 }, () => u32(4))
    const calls = slots
      .slice(1)
      .map((_, i) => call({ shader: 'mix1', params: [0, 4, i % 2, 4], reads: [i], write: i + 1 }))
    const executable = await prepared({ slots, calls, inputs: [0], outputs: [49], constants: [] })
    expect(executable.uniform.size).toBe(2 * 256)
    disposeExecutable(executable)
  })

  it('share one pipeline between calls that differ in sizes and buffers only', async () => {
    const at = (n: number, given: object = {}) => mapProgram(n, 'f32', { op: 'return a * f32(factor) - 1;', ...given })
    const before = pipelineCount(device)
    for (const n of [3, 4, 50]) await run(at(n), [floats(n)])
    expect(pipelineCount(device)).toBe(before + 1)
    expect(await run(at(2, { constants: { factor: 3 } }), [floats(2)])).toEqual([Float32Array.of(2, 5)])
    expect(await run(at(2, { constants: { factor: 5 } }), [floats(2)])).toEqual([Float32Array.of(4, 9)])
    expect(pipelineCount(device)).toBe(before + 3)
  })

  it('reach every element of more than a million, by more workgroups than a dispatch may have', async () => {
    const n = 1_100_000 // at 16 a workgroup: 68,750
    const program = mapProgram(n)
    expect(program.calls[0]?.workgroups[0]).toBeGreaterThan(65_535)
    const x = Float32Array.from({ length: n }, (_, i) => i)
    const [y] = await run(program, [x])
    expect(y).toHaveLength(n)
    expect(y?.findIndex((value, i) => value !== 2 * i)).toBe(-1)
  })

  it('see what ran before them, in the order in which they were asked for', async () => {
    const executable = await prepared(mapProgram(4, 'f32', { op: 'return a + 1;' }))
    let [x] = (await uploaded([new Float32Array(4)])) as [DeviceBuffer]
    for (let i = 0; i < 20; i++) {
      const [y] = right(await execute(device, executable, [x])()) as [DeviceBuffer]
      release(x)
      x = y
    }
    const asked = Array.from({ length: 10 }, () => execute(device, executable, [x])())
    expect(await read(executable, [x])).toEqual([new Float32Array(4).fill(20)])
    for (const result of await Promise.all(asked)) {
      expect(await read(executable, right(result))).toEqual([new Float32Array(4).fill(21)])
      right(result).forEach(release)
    }
    release(x)
  })
})

describe('over many runs', () => {
  it('nothing is made any more after the first three, and nothing piles up', async () => {
    const slots = mapProgram(8).slots
    const wide = [...slots, ...slots, ...slots]
    const executable = await prepared({
      slots: wide,
      calls: [mapCall(wide, 0, 2), mapCall(wide, 2, 3), mapCall(wide, 3, 1), mapCall(wide, 3, 4)],
      inputs: [0, 5],
      outputs: [1, 4],
      constants: []
    })
    let held = await uploaded([floats(8), floats(8)])
    trimPool(device)
    const step = async () => {
      const next = right(await execute(device, executable, held)())
      held.forEach(release)
      held = [...next]
    }
    for (let i = 0; i < 3; i++) await step()
    const before = bufferCounts(device)
    const buffers = vi.spyOn(device.device, 'createBuffer')
    const groups = vi.spyOn(device.device, 'createBindGroup')
    const pipelines = pipelineCount(device)
    for (let i = 0; i < 200; i++) {
      await step()
      expect(bufferCounts(device)).toEqual(before)
    }
    expect(buffers).not.toHaveBeenCalled()
    expect(groups).not.toHaveBeenCalled()
    expect(pipelineCount(device)).toBe(pipelines)
    const { liveBuffers } = before
    held.forEach(release)
    disposeExecutable(executable)
    expect(bufferCounts(device).liveBuffers).toBe(liveBuffers - 2 - executable.plan.shared.length)
  })

  it('handles that are lost without a release are counted', async () => {
    const { setFlagsFromString } = await import('node:v8')
    const { runInNewContext } = await import('node:vm')
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const before = leakedBuffers()
    await uploaded([floats(4)])
    for (let i = 0; i < 20 && leakedBuffers() === before; i++) {
      gc()
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    expect(leakedBuffers()).toBeGreaterThan(before)
  })
})
