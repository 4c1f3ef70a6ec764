/**
 * Compiled functions that check themselves as they run: `verify` and `poison`, on real programs and with a fault in a
 * kernel.
 */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import { batchNorm, crossEntropy, linear } from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { compile, dispose } from '../../src/engine/index.js'
import { bufferCounts } from '../../src/kernels/buffers.js'
import { backends, evaluateTree, failure, succeed } from '../backends.js'
import { device } from '../device.js'
import { anything, array, whole } from '../laws/values.js'

/** Exchanged by a test for a text with a fault. */
const spoil = vi.hoisted(() => ({ file: '', change: (text: string) => text }))
vi.mock('../../src/kernels/shader.js', async original => {
  const actual = await original<typeof import('../../src/kernels/shader.js')>()
  return {
    ...actual,
    loadShader: (file: string) =>
      file === spoil.file ? spoil.change(actual.loadShader(file)) : actual.loadShader(file)
  }
})
afterEach(() => {
  spoil.file = ''
})

/** The gradient of a small network's loss, and its second derivative along that. */
const network = (
  w: { readonly filters: Tensor; readonly wide: Tensor; readonly head: Tensor },
  x: Tensor,
  y: Tensor
) => {
  const loss = ({ filters, wide, head }: typeof w) => {
    const h = $.relu(batchNorm($.conv2d(x, filters, { padding: 1 })).y)
    const pooled = $.maxPool2d(batchNorm($.conv2d(h, wide, { padding: 1, groups: 4 })).y, {
      kernel: 3,
      stride: 2,
      padding: 1
    })
    return crossEntropy(linear($.mean($.avgPool2d(pooled, { kernel: 2 }), [2, 3]), head), y)
  }
  const gradient = grad(loss)
  const along = gradient(w)
  const slope = grad((v: typeof w) => {
    const g = gradient(v)
    const dots = [$.mul(g.filters, along.filters), $.mul(g.wide, along.wide), $.mul(g.head, along.head)]
    return dots.map(one => $.sum(one)).reduce((a, b) => $.add(a, b))
  })(w)
  return { gradient: along, slope }
}
const args = [
  {
    filters: array(anything, 1, [8, 3, 3, 3]),
    wide: array(anything, 2, [8, 2, 3, 3]),
    head: array(anything, 3, [10, 8])
  },
  array(anything, 4, [8, 3, 16, 16]),
  array(whole(0, 10), 5, [8], 'i32')
] as const

describe.each(['gpu', 'tiles'] as const)('on %s', kind => {
  it('a network, its gradient and second derivative are what they are without checks, fused or not', async () => {
    const plain = await evaluateTree(backends[kind], network as never, args as never)
    expect(await evaluateTree(backends[kind], network as never, args as never, { poison: true })).toEqual(plain)
    // A verified program has kernels of fewer operands, whose sums may be added in another order.
    const verified = await evaluateTree(backends[kind], network as never, args as never, { verify: true, poison: true })
    expect(Object.keys(verified as object)).toEqual(['gradient', 'slope'])
    await evaluateTree(backends[kind], network as never, args as never, { verify: true, fused: false })
  })
})

it('a wrong kernel fails the run with its name, and nothing stays on the device', async () => {
  const { liveBuffers } = bufferCounts(device)
  spoil.file = 'conv2d_row4.wgsl'
  spoil.change = text => text.replace('let has_left = column > 0;', 'let has_left = column >= 0;')
  const x = array(anything, 1, [4, 4, 8, 16])
  const w = array(anything, 2, [8, 4, 3, 3])
  const f = (image: Tensor, filter: Tensor) => $.conv2d(image, filter, { padding: 1 })
  await evaluateTree<[Tensor, Tensor], Tensor>(backends.gpu, f, [x, w])
  await expect(evaluateTree<[Tensor, Tensor], Tensor>(backends.gpu, f, [x, w], { verify: true })).rejects.toThrow(
    /Wanted call "conv2d f32\[4,8,8,16\] .*" to give by conv2d_row4 what conv2d gives, but element \d+ is .* where .* is right: use another adapter or the reference/
  )
  expect(bufferCounts(device).liveBuffers).toBe(liveBuffers)
})

it('on the reference there is nothing to check', async () => {
  const f = (x: Tensor) => $.mul(x, 2)
  const { data } = await evaluateTree<[Tensor], Tensor>(backends.reference, f, [array(anything, 1, [3])], {
    verify: true,
    poison: true
  })
  expect(data.length).toBe(3)
})

it('a part with zeros between its elements along ten axes is compared, too', async () => {
  const shape = [2, 3, 2, 2, 3, 2, 2, 1, 2, 4]
  const zeros = shape.map(() => 0)
  const f = (x: Tensor) =>
    $.pad(
      $.mul(x, 2),
      zeros,
      shape.map(() => 1),
      shape.map((_, axis) => (axis < 9 ? 1 : 0))
    )
  const x = array(anything, 1, shape)
  const [checked, plain] = [{ verify: true, poison: true }, {}].map(options =>
    evaluateTree<[Tensor], Tensor>(backends.gpu, f, [x], options)
  )
  expect(await checked).toEqual(await plain)
})

it('a program with nothing to verify is poisoned all the same', async () => {
  const f = (x: Tensor) => $.sub($.mul(x, 2), 1)
  const [x, y] = [array(anything, 1, [5]), array(anything, 1, [5])]
  const checked = await evaluateTree<[Tensor], Tensor>(backends.gpu, f, [x], {
    verify: true,
    poison: true,
    fused: false
  })
  expect(checked).toEqual(await evaluateTree<[Tensor], Tensor>(backends.gpu, f, [y], { fused: false }))
})

it('a backend may say so for all that it compiles', async () => {
  const compiled = await succeed(
    { ...backends.gpu, verify: true } as typeof backends.gpu,
    compile((x: Tensor) => $.sum(x))([{ shape: [9, 1024], dtype: 'f32' }])
  )
  expect(compiled.checks.length).toBeGreaterThan(0)
  dispose(compiled)
  expect(await failure(backends.gpu, compile((x: Tensor) => $.sum(x, 9))([{ shape: [3], dtype: 'f32' }]))).toMatch(
    /axis/
  )
})
