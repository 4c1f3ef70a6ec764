/** Where the time of a function goes: each kernel is of one part, the first that needs it, and nothing else changes. */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { compile, dispose, partsByNode, profileOf, read, run, scope, store } from '../../src/engine/index.js'
import { backends } from '../backends.js'
import { right } from '../kernels/results.js'

const loss = (w: Tensor, x: Tensor): Tensor => $.mean($.square($.tanh($.matmul(x, w))))
/** A step of gradient descent, and its parts. */
const withParts = (w: Tensor, x: Tensor) => {
  const value = loss(w, x)
  const slope = grad((weights: Tensor) => loss(weights, x))(w)
  const moved = $.sub(w, $.mul(0.1, slope))
  return {
    result: { moved, value, size: $.sum($.abs(x)) },
    parts: [
      { part: 'loss', outputs: value },
      { part: 'gradient', outputs: slope },
      { part: 'optimiser', outputs: moved }
    ]
  }
}
const step = (w: Tensor, x: Tensor) => withParts(w, x).result

const array = (rows: number, columns: number) => ({
  shape: [rows, columns],
  dtype: 'f32' as const,
  data: Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i))
})
const [W, X] = [array(32, 16), array(64, 32)]

const profiled = (backend: (typeof backends)['gpu']) =>
  scope(
    pipe(
      compile(step)([W, X] as never),
      RTE.bindTo('compiled'),
      RTE.bind('given', () => store({ w: W, x: X })),
      RTE.bind('before', ({ compiled, given }) => pipe(run(compiled)(given.w, given.x), RTE.chain(read))),
      RTE.bind('profile', ({ compiled, given }) => profileOf(compiled, withParts)(given.w, given.x)),
      RTE.bind('after', ({ compiled, given }) => pipe(run(compiled)(given.w, given.x), RTE.chain(read))),
      RTE.map(({ compiled, ...told }) => {
        dispose(compiled)
        return { ...told, report: compiled.report }
      })
    )
  )({ backend })()

describe('the parts of a graph', () => {
  it('have each node once: the first that depends on it', () => {
    const x = $.tensor([1, 2])
    const [a, b] = [$.exp(x), $.neg(x)]
    const [c, d] = [$.mul(a, b), $.sin(b)]
    const parts = partsByNode([
      { part: 'first', outputs: [a] },
      { part: 'second', outputs: [c] },
      { part: 'first', outputs: [d] }
    ])
    expect([x, a, b, c, d].map(node => parts.get(node))).toEqual(['first', 'first', 'second', 'second', 'first'])
    expect(parts.get($.cos(x))).toBeUndefined()
  })
})

describe('a profile', () => {
  it.each(['gpu', 'tiles'] as const)('on %s has each dispatch in one part, and changes no result', async name => {
    const { profile, report, before, after } = right(await profiled(backends[name]))
    if ('missing' in profile) throw new Error(profile.missing)
    expect(profile.parts.map(({ part }) => part)).toEqual(['loss', 'gradient', 'optimiser', 'rest'])
    for (const { dispatches, ms } of profile.parts) {
      expect(dispatches).toBeGreaterThan(0)
      expect(ms).toBeGreaterThanOrEqual(0)
    }
    const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)
    expect(sumOf(profile.parts.map(({ dispatches }) => dispatches))).toBeCloseTo(report.calls, 9)
    // Sums of the same times in another order.
    for (const list of [profile.parts, profile.byShader, profile.byKernel])
      expect(sumOf(list.map(({ ms }) => ms))).toBeCloseTo(profile.kernels, 9)
    expect(profile.byKernel.some(({ computes }) => /matmul f32\[64,16\]/.test(computes))).toBe(true)
    expect(after).toEqual(before)
  })

  it('on the reference says why there is none', async () => {
    const { profile } = right(await profiled(backends.reference))
    expect(profile).toEqual({ missing: 'The reference has no kernels to be timed.' })
  })
})
