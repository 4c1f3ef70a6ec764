/** Laws of derivatives on random functions, on the reference. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkGrads } from '../../src/autodiff/check.js'
import { hessian, hvp, jacobian, jvp, vjp } from '../../src/autodiff/grad.js'
import { dot } from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { sizeOf } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
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
const pulled = (f: Function, x: Tensors, u: Tensors): Tensors => vjp<Tensors, Tensors>(f, ...x)[1](u, { unreached: 'zero' })

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
      const entry = (i: number, a: number, k: number, b: number) => matrix[i]?.[k]?.[a * (sizes[k] as number) + b] as number
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
