/** What an adapter reaches: rows of the table are told as shares of it. */
import * as $ from '../src/autodiff/ops/index.js'
import { type AdapterInfo, type Backend, compile, openDevice, release, run, store } from '../src/engine/index.js'
import { scoped } from '../src/kernels/device.js'
import { waiting } from '../src/kernels/platform/wait.js'
import { median, right, succeed } from './check.js'

export interface Peaks {
  /** Read and written by a copy from buffer to buffer, a second. */
  readonly gigabytes: number
  /** Of this engine's product of two matrices of 1024 x 1024: no more than that is known of an adapter. */
  readonly gflops: number
}

const COPIED = 2 ** 26
const [TIMES, ROUNDS] = [4, 5]

/** Milliseconds of one of `TIMES` calls, the median of some rounds after one that is not counted. */
const timed = async (calls: () => Promise<void>): Promise<number> => {
  const times: number[] = []
  for (let i = 0; i <= ROUNDS; i++) {
    const start = performance.now()
    await calls()
    times.push((performance.now() - start) / TIMES)
  }
  return median(times.slice(1))
}

/** Measures an adapter by a copy of 64 MiB and a product of matrices. */
export const peaksOf = async ({ name }: AdapterInfo): Promise<Peaks> => {
  const device = right(await openDevice({ adapter: name })())
  const backend: Backend = { kind: 'gpu', device }
  const done = () => waiting(device.info, device.device.queue.onSubmittedWorkDone())
  const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  const [from, to] = right(
    await scoped(device, 'two buffers to copy', () =>
      [0, 1].map(() => device.device.createBuffer({ size: COPIED, usage }))
    )
  ) as [GPUBuffer, GPUBuffer]
  const copied = await timed(async () => {
    const encoder = device.device.createCommandEncoder()
    for (let i = 0; i < TIMES; i++) encoder.copyBufferToBuffer(i % 2 ? to : from, 0, i % 2 ? from : to, 0, COPIED)
    device.device.queue.submit([encoder.finish()])
    await done()
  })
  const matrix = { data: new Float32Array(1024 ** 2).fill(0.5), shape: [1024, 1024], dtype: 'f32' as const }
  const stored = await succeed(backend, store(matrix))
  const product = await succeed(backend, compile($.matmul)([stored, stored]))
  const multiplied = await timed(async () => {
    for (let i = 0; i < TIMES; i++) release(await succeed(backend, run(product)(stored, stored)))
    await done()
  })
  device.device.destroy()
  return { gigabytes: (2 * COPIED) / copied / 1e6, gflops: (2 * 1024 ** 3) / multiplied / 1e6 }
}

export const peaksText = ({ name, software }: AdapterInfo, { gigabytes, gflops }: Peaks): string =>
  `${name}${software ? ' (software)' : ''}: a copy reaches ${gigabytes.toFixed(1)} GB/s, a product of matrices ${gflops.toFixed(1)} GFLOP/s\n`
