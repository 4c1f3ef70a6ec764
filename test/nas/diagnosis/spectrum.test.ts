/**
 * The largest eigenvalue by Lanczos: against known spectra, and against the dense Hessian of a small network on both
 * backends.
 */
import { fc, it } from '@fast-check/vitest'
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { describe, expect } from 'vitest'
import { hessian } from '../../../src/autodiff/grad.js'
import { evaluate } from '../../../src/autodiff/interpret.js'
import { softmax } from '../../../src/autodiff/nn.js'
import * as $ from '../../../src/autodiff/ops/index.js'
import type { Tensor } from '../../../src/autodiff/tensor.js'
import { scope, store } from '../../../src/engine/index.js'
import {
  arbitraryDirection,
  hessianSpectrum,
  lanczosStep,
  type Spectrum,
  spectrumOf,
  startLanczos,
  tridiagonalEigenvalues
} from '../../../src/nas/diagnosis/spectrum.js'
import { backends, succeed } from '../../backends.js'

const numbers = (count: number) =>
  fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: count, maxLength: count })

/** H = Q diag(values) Q^T with Q = I - 2 u u^T / |u|^2, a reflection, times v. */
const times = (values: readonly number[], u: readonly number[], v: readonly number[]): number[] => {
  const squares = u.reduce((sum, x) => sum + x * x, 0)
  const reflect = (x: readonly number[]): number[] => {
    const along = (2 * x.reduce((sum, value, i) => sum + value * (u[i] as number), 0)) / squares
    return x.map((value, i) => value - along * (u[i] as number))
  }
  return reflect(reflect(v).map((value, i) => value * (values[i] as number)))
}

describe('Lanczos', () => {
  it.prop([numbers(7), numbers(7)])(
    'finds both ends of a known spectrum in as many steps as there are dimensions',
    (values, u) => {
      fc.pre(u.some(x => Math.abs(x) > 0.1))
      const state = values.reduce(
        before =>
          before.coupling.at(-1) === 0
            ? before
            : lanczosStep(before, times(values, u, before.basis.at(-1) as number[])),
        startLanczos(arbitraryDirection(7))
      )
      const { largest, smallest } = spectrumOf(state)
      expect(Math.abs(largest - Math.max(...values))).toBeLessThan(1e-9)
      expect(Math.abs(smallest - Math.min(...values))).toBeLessThan(1e-9)
    }
  )

  it.prop([numbers(12), numbers(12), fc.integer({ min: 1, max: 8 })])(
    'always has an eigenvalue within its residual',
    (values, u, steps) => {
      fc.pre(u.some(x => Math.abs(x) > 0.1))
      const state = Array.from({ length: steps }).reduce<ReturnType<typeof startLanczos>>(
        before =>
          before.coupling.at(-1) === 0
            ? before
            : lanczosStep(before, times(values, u, before.basis.at(-1) as number[])),
        startLanczos(arbitraryDirection(12))
      )
      const { largest, residual } = spectrumOf(state)
      expect(Math.min(...values.map(value => Math.abs(value - largest)))).toBeLessThanOrEqual(residual + 1e-9)
    }
  )

  it('has the eigenvalues of a tridiagonal matrix: 2 - 2 cos(pi k / (n + 1)) for -1, 2, -1', () => {
    const n = 9
    const values = tridiagonalEigenvalues(Array(n).fill(2), Array(n - 1).fill(-1))
    values.forEach((value, i) => expect(value).toBeCloseTo(2 - 2 * Math.cos((Math.PI * (i + 1)) / (n + 1)), 12))
  })
})

describe('the Hessian of a loss in alpha', () => {
  const images = Array.from({ length: 2 * 3 * 5 * 5 }, (_, i) => Math.sin(7 * i))
  const weights = Array.from({ length: 3 * 3 * 3 * 3 }, (_, i) => Math.cos(5 * i))
  /** A small network: two edges of three operations each (identity, convolution, average), alpha as a tree. */
  const loss = ({ first, second }: { first: Tensor; second: Tensor }, { x, w }: { x: Tensor; w: Tensor }): Tensor => {
    const edge = (alpha: Tensor, y: Tensor): Tensor => {
      const p = softmax(alpha)
      const operations = [
        y,
        $.conv2d($.tanh(y), w, { padding: 1 }),
        $.avgPool2d(y, { kernel: 3, stride: 1, padding: 1 })
      ]
      return operations
        .map((output, o) => $.mul($.reshape($.slice(p, [[o, o + 1]]), []), output))
        .reduce((a, b) => $.add(a, b))
    }
    const out = edge(second, edge(first, x))
    return $.mean($.mul(out, out))
  }
  const alpha = { first: [0.3, -0.2, 0.5], second: [-0.4, 0.1, 0.2] }
  const host = (data: readonly number[], shape: readonly number[]) => ({
    data: Float64Array.from(data),
    shape,
    dtype: 'f32' as const
  })

  // The dense Hessian's largest eigenvalue by another road: powers of the matrix shifted to be positive.
  const dense = (): number => {
    const blocks = evaluate(
      hessian((a: { first: Tensor; second: Tensor }) =>
        loss(a, { x: $.tensor(images, [2, 3, 5, 5]), w: $.tensor(weights, [3, 3, 3, 3]) })
      )({
        first: $.tensor(alpha.first),
        second: $.tensor(alpha.second)
      })
    )
    const row = (of: 'first' | 'second', i: number): number[] => [
      ...Array.from(blocks[of].first.data.slice(3 * i, 3 * i + 3)),
      ...Array.from(blocks[of].second.data.slice(3 * i, 3 * i + 3))
    ]
    const matrix = (['first', 'second'] as const).flatMap(of => [0, 1, 2].map(i => row(of, i)))
    const shift = Math.max(...matrix.map(entries => entries.reduce((sum, x) => sum + Math.abs(x), 0)))
    let v = arbitraryDirection(6)
    let length = 0
    for (let k = 0; k < 20000; k++) {
      const next = matrix.map((entries, i) =>
        entries.reduce((sum, x, j) => sum + x * (v[j] as number), shift * (v[i] as number))
      )
      length = Math.hypot(...next)
      v = next.map(x => x / length)
    }
    return length - shift
  }

  it.each([
    ['reference', 1e-9],
    ['gpu', 1e-4]
  ] as const)('has the largest eigenvalue of the dense Hessian, on the %s', async (kind, tolerance) => {
    const spectrum = await succeed<Spectrum>(
      backends[kind],
      scope(
        pipe(
          store({
            alpha: { first: host(alpha.first, [3]), second: host(alpha.second, [3]) },
            context: { x: host(images, [2, 3, 5, 5]), w: host(weights, [3, 3, 3, 3]) }
          }),
          RTE.chain(({ alpha: stored, context }) =>
            hessianSpectrum(loss, { products: 6, tolerance: 0 })(stored, context)
          )
        )
      )
    )
    const want = dense()
    expect(Math.abs(want)).toBeGreaterThan(0.01)
    expect(Math.abs(spectrum.largest - want)).toBeLessThan(tolerance * Math.abs(want))
  })
})
