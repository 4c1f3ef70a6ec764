/** What compiled steps hold on the device: as much after two hundred as after three, and nothing in the end. */
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { expect, it } from 'vitest'
import { valueAndGrad } from '../../src/autodiff/grad.js'
import { crossEntropy, linear } from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { mapTree, zipTrees } from '../../src/autodiff/tree.js'
import { compile, dispose, type HostArray, read, release, run, scope, store } from '../../src/engine/index.js'
import { bufferCounts, leakedBuffers } from '../../src/kernels/buffers.js'
import { backends, succeed } from '../backends.js'
import { device } from '../device.js'
import { anything, array, whole } from '../laws/values.js'

const backend = backends.gpu

interface State {
  readonly [key: string]: { readonly [name: string]: Tensor }
  readonly weights: { readonly [name: string]: Tensor; readonly w: Tensor; readonly b: Tensor }
  readonly momentum: { readonly [name: string]: Tensor }
}
interface Batch {
  readonly [key: string]: Tensor
  readonly x: Tensor
  readonly y: Tensor
}

/** A step of training: state and batch in, state and loss out. */
const step = ({ weights, momentum }: State, { x, y }: Batch): { readonly state: State; readonly loss: Tensor } => {
  const loss = (p: State['weights']) => crossEntropy($.tanh(linear(x, p.w, p.b)), y)
  const [value, gradient] = valueAndGrad(loss)(weights)
  const next = zipTrees(momentum, [gradient], (m, g) => $.add($.mul(m, 0.9), g as Tensor))
  return {
    state: {
      weights: zipTrees(weights, [next], (w, m) => $.sub(w, $.mul(m as Tensor, 0.1))),
      momentum: mapTree(next, m => m)
    },
    loss: value
  }
}

const start = {
  weights: { w: array(anything, 1, [5, 7]), b: array(anything, 2, [5]) },
  momentum: { w: array(whole(0, 1), 3, [5, 7]), b: array(whole(0, 1), 4, [5]) }
}
const batch = (seed: number) => ({ x: array(anything, seed, [16, 7]), y: array(whole(0, 5), seed, [16], 'i32') })

/** Handles that were lost, once the collector has looked. */
const lost = async (): Promise<number> => {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  for (let i = 0; i < 5; i++) {
    gc()
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  return leakedBuffers()
}

it.each([
  ['the state given away', true],
  ['the old state released by hand', false]
])('after 200 steps with %s as many buffers are held as after 3, and none is lost', async (_, donates) => {
  const before = bufferCounts(device).liveBuffers
  const compiled = await succeed(backend, compile(step)([start, batch(0)] as never))
  let state = (await succeed(backend, store(start))) as never
  const losses: number[] = []
  const counts: number[] = []
  for (let n = 0; n < 200; n++) {
    const loss = await succeed(
      backend,
      scope(
        pipe(
          store(batch(n % 7)),
          RTE.chain(one => run(compiled, { donate: donates ? [0] : [] })(state, one as never)),
          RTE.chain(next =>
            pipe(
              read(next.loss),
              RTE.map(({ data }) => ({ state: next.state, loss: data[0] as number }))
            )
          )
        )
      )
    )
    if (!donates) release(state)
    state = loss.state as never
    losses.push(loss.loss)
    counts.push(bufferCounts(device).liveBuffers)
  }
  expect(counts.slice(2)).toEqual(Array<number>(198).fill(counts[2] as number))
  // It learns, so it was no empty step.
  expect(losses.at(-1)).toBeLessThan(0.8 * (losses[0] as number))
  const held = (await succeed(backend, read(state))) as unknown as typeof start
  expect((held.weights.w as HostArray).data.every(Number.isFinite)).toBe(true)
  release(state)
  dispose(compiled)
  expect(bufferCounts(device).liveBuffers).toBe(before)
  expect(await lost()).toBe(0)
})
