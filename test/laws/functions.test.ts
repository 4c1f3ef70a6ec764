/** Laws of derivatives on random functions, on the reference. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkGrads } from '../../src/autodiff/check.js'
import { hessian, hvp, jacobian, jacobianForward, jvp, vjp } from '../../src/autodiff/grad.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { dot } from '../../src/autodiff/ops/index.js'
import { sizeOf } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { vmap } from '../../src/autodiff/vmap.js'
import { randomFunctions } from './graphs.js'
import { constants, expectEqualSums, expectNear, numbers, products, random } from './tensors.js'

type Tensors = readonly Tensor[]
type Function = (...x: Tensors) => Tensors

const law = (runs: number, check: (f: Function, x: Tensors) => void): void =>
  fc.assert(
    fc.property(randomFunctions(), ({ f, args }) => check(f, constants(args))),
    { numRuns: runs }
  )

/** One number of all results. */
const total =
  (f: Function) =>
  (x: Tensors): Tensor =>
    f(...x)
      .map((y, i) => dot(y, random(i, y)))
      .reduce((a, b) => $.add(a, b))

const randoms = (seed: number, like: Tensors): Tensors => like.map((one, i) => random(seed + i, one))
const pulled = (f: Function, x: Tensors, u: Tensors): Tensors =>
  vjp<Tensors, Tensors>(f, ...x)[1](u, { unreached: 'zero' })

it('derivatives of order 1 and 2 are those of central differences', () => law(300, (f, x) => checkGrads(f, x)))

it('pull-back and push-forward are transposes', () =>
  law(200, (f, x) => {
    const v = randoms(0, x)
    const [y, dy] = jvp<Tensors, Tensors>(f, x, v)
    const u = randoms(10, y)
    expect(numbers(y)).toEqual(numbers(f(...x)))
    expectEqualSums(products(u, dy), products(pulled(f, x, u), v), 1e-11)
  }))

it('pull-backs are linear', () =>
  law(100, (f, x) => {
    const [u, v] = [randoms(0, f(...x)), randoms(10, f(...x))]
    const [first, second] = [numbers(pulled(f, x, u)), numbers(pulled(f, x, v))]
    const together = u.map((one, i) => $.sub(v[i] as Tensor, $.mul(one, 2)))
    expectNear(
      numbers(pulled(f, x, together)),
      second.map((value, i) => value - 2 * (first[i] as number)),
      1e-11
    )
  }))

describe('the Hessian', () => {
  it('is symmetric, and both orders of hvp agree', () =>
    law(100, (f, x) => {
      const [u, v] = [randoms(0, x), randoms(10, x)]
      const [hu, hv] = [u, v].map(w => hvp<Tensors>(total(f), x, w)) as [Tensors, Tensors]
      expectEqualSums(products(hu, v), products(hv, u), 1e-10)
      expectNear(numbers(hvp<Tensors>(total(f), x, v, { order: 'forward-over-reverse' })), numbers(hv), 1e-11)
    }))

  it('is a tree of trees, symmetric entry by entry, and times a vector what hvp gives', () =>
    law(30, (f, x) => {
      const v = randoms(0, x)
      const blocks = hessian<Tensors>(total(f))(x)
      const sizes = x.map(({ shape }) => sizeOf(shape))
      const matrix = x.map((_, i) =>
        x.map((__, k) => numbers($.reshape(blocks[i]?.[k] as Tensor, [sizes[i] as number, sizes[k] as number])))
      )
      const entry = (i: number, a: number, k: number, b: number) =>
        matrix[i]?.[k]?.[a * (sizes[k] as number) + b] as number
      const flat = sizes.flatMap((size, i) => Array.from({ length: size }, (_, a) => [i, a] as const))
      const rows = flat.map(([i, a]) => flat.map(([k, b]) => entry(i, a, k, b)))
      expectNear(
        rows.flat(),
        flat.flatMap(([i, a]) => flat.map(([k, b]) => entry(k, b, i, a))),
        1e-11
      )
      const vector = numbers(v)
      expectNear(
        rows.map(row => row.reduce((sum, h, n) => sum + h * (vector[n] as number), 0)),
        numbers(hvp<Tensors>(total(f), x, v)),
        1e-10
      )
    }))
})

it('the Jacobian times a vector is the push-forward', () =>
  law(50, (f, x) => {
    const v = randoms(0, x)
    const [y, dy] = jvp<Tensors, Tensors>(f, x, v)
    const rows = jacobian<Tensors, Tensors>(z => f(...z))(x)
    const products = rows.map((row, i) =>
      row
        .map((block, k) => {
          const [m, n] = [sizeOf((y[i] as Tensor).shape), sizeOf((x[k] as Tensor).shape)]
          expect(block.shape).toEqual([...(y[i] as Tensor).shape, ...(x[k] as Tensor).shape])
          return $.matmul($.reshape(block, [m, n]), $.reshape(v[k] as Tensor, [n, 1]))
        })
        .reduce((a, b) => $.add(a, b))
    )
    expectNear(numbers(products), numbers(dy), 1e-11)
  }))

it('the Jacobian by push-forwards is that by pull-backs', () =>
  law(50, (f, x) => {
    const of = (z: Tensors) => f(...z)
    const [forward, backward] = [jacobianForward<Tensors, Tensors>(of)(x), jacobian<Tensors, Tensors>(of)(x)]
    expect(forward.flat().map(({ shape }) => shape)).toEqual(backward.flat().map(({ shape }) => shape))
    expectNear(numbers(forward), numbers(backward), 1e-11)
  }))

it('vmap is a loop over the examples, and so is its pull-back, whichever arguments are mapped', () =>
  law(100, (f, x) => {
    const examples = [x, x.map(one => $.mul(one, 0.75)), x.map(one => $.add($.mul(one, -0.5), 0.25))] as const
    const stack = (list: Tensors): Tensor => $.concat(list.map(one => $.reshape(one, [1, ...one.shape])))
    const shared = (i: number): boolean => x.length > 1 && i === x.length - 1
    const args = x.map((one, i) => (shared(i) ? one : stack(examples.map(list => list[i] as Tensor))))
    const mapped = vmap<Tensors, Tensors>(f, { inAxes: x.map((_, i) => (shared(i) ? null : 0)) })
    const [values, pullback] = vjp<Tensors, Tensors>(mapped, ...args)
    const each = examples.map(list => list.map((one, i) => (shared(i) ? (x[i] as Tensor) : one)))
    const looped = each.map(list => f(...list))
    expectNear(
      numbers(values),
      numbers((looped[0] as Tensors).map((_, k) => stack(looped.map(list => list[k] as Tensor)))),
      1e-11
    )
    const u = randoms(0, values)
    const slices = each.map((list, n) =>
      pulled(
        f,
        list,
        u.map((one, k) => $.reshape($.sliceAlong(one, 0, [n, n + 1]), looped[n]?.[k]?.shape ?? []))
      )
    )
    const wanted = x.map((_, i) => {
      const parts = slices.map(list => list[i] as Tensor)
      return shared(i) ? parts.reduce((a, b) => $.add(a, b)) : stack(parts)
    })
    expectNear(numbers(pullback(u, { unreached: 'zero' })), numbers(wanted), 1e-10)
  }))
