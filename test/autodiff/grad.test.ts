/**
 * Derivatives by the names they have in calculus: nesting, trees, what is stopped, what is refused, rules of one's own.
 * On the reference.
 */
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { checkGrads } from '../../src/autodiff/check.js'
import {
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  mixedHvp,
  UnreachedError,
  valueAndGrad,
  valueAuxAndGrad,
  vjp
} from '../../src/autodiff/grad.js'
import { work } from '../../src/autodiff/graph.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { dot } from '../../src/autodiff/ops/index.js'
import { optimise } from '../../src/autodiff/passes.js'
import { bind, primitive } from '../../src/autodiff/primitive.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { expectNear, numbers } from '../laws/tensors.js'

const scalar = (x: Tensor): number => numbers(x)[0] as number
const one = $.tensor(1)
const [x, w, y] = [1.5, -0.7, 4].map(value => $.tensor(value)) as [Tensor, Tensor, Tensor]

describe('nesting', () => {
  it('d/dx after d/dw of x w^2 is 2 w', () => {
    const product = (a: Tensor, b: Tensor) => $.mul(a, $.mul(b, b))
    expect(scalar(grad((a: Tensor) => grad((b: Tensor) => product(a, b))(w))(x))).toBeCloseTo(2 * -0.7, 14)
    expect(scalar(grad((b: Tensor) => grad((a: Tensor) => product(a, b))(x))(w))).toBeCloseTo(2 * -0.7, 14)
  })

  it("(x tanh x)'' is 2 (1 - t^2) (1 - x t)", () => {
    const t = Math.tanh(1.5)
    expect(scalar(grad(grad((a: Tensor) => $.mul(a, $.tanh(a))))(x))).toBeCloseTo(2 * (1 - t * t) * (1 - 1.5 * t), 14)
  })

  it('derivatives of x^5 go on to the sixth, which is 0', () => {
    const derivatives = [5 * 1.5 ** 4, 20 * 1.5 ** 3, 60 * 1.5 ** 2, 120 * 1.5, 120, 0]
    let f: (a: Tensor) => Tensor = a => $.pow(a, 5)
    for (const value of derivatives) {
      f = grad(f, { unreached: 'zero' })
      expect(scalar(f(x))).toBeCloseTo(value, 10)
    }
  })

  it('does not confuse perturbations: d/dx [x d/dy (x + y)] is 1, and d/dx [x d/dy (x y)] is 2 x', () => {
    expect(scalar(grad((a: Tensor) => $.mul(a, grad((b: Tensor) => $.add(a, b))(y)))(x))).toBe(1)
    expect(scalar(grad((a: Tensor) => $.mul(a, grad((b: Tensor) => $.mul(a, b))(y)))(x))).toBe(3)
  })

  it('nor deeper: d/dx [x d/dy [y d/dz (x y z)]] is 4 x y', () => {
    const f = (a: Tensor) => $.mul(a, grad((b: Tensor) => $.mul(b, grad((c: Tensor) => $.mul($.mul(a, b), c))(w)))(y))
    expect(scalar(grad(f)(x))).toBeCloseTo(4 * 1.5 * 4, 12)
  })

  it('nor where both levels take the same tensor: d/dx [x d/dy (x y^2) at y = x] is 6 x^2', () => {
    const f = (a: Tensor) => $.mul(a, grad((b: Tensor) => $.mul(a, $.mul(b, b)))(a))
    expect(scalar(grad(f)(x))).toBeCloseTo(6 * 1.5 ** 2, 12)
  })

  it('nor by argnums: an outer derivative sees what an inner one leaves out', () => {
    const product = (a: Tensor, b: Tensor) => $.mul($.mul(a, a), b)
    expect(scalar(grad((a: Tensor) => $.mul(a, grad(product, { argnums: 1 })(a, w)))(x))).toBeCloseTo(3 * 1.5 ** 2, 12)
    const both = (a: Tensor) => grad(product, { argnums: [0, 1] })(a, a).reduce((p, q) => $.add(p, q))
    expect(scalar(grad(both)(x))).toBeCloseTo(6 * 1.5, 12) // of 2 x y + x^2 at y = x
  })

  it('nor between forward and reverse mode', () => {
    const pushed = (a: Tensor) => $.mul(a, jvp((b: Tensor) => $.add(a, b), [y], [one])[1])
    expect(scalar(grad(pushed)(x))).toBe(1)
    const pulled = (a: Tensor) => $.mul(a, grad((b: Tensor) => $.add(a, b))(y))
    expect(scalar(jvp(pulled, [x], [one])[1])).toBe(1)
    const forward = (a: Tensor) => $.mul(a, jvp((b: Tensor) => $.mul(a, b), [y], [one])[1])
    expect(scalar(jvp(forward, [x], [one])[1])).toBe(3)
  })

  it('fifteen aliases of one node have fifteen gradients, also after the passes', () => {
    const shared = $.tanh($.tensor([0.3, -0.2]))
    const gradients = grad((copies: readonly Tensor[]) =>
      copies.map((copy, i) => $.sum($.mul($.mul(copy, copy), i + 1))).reduce((a, b) => $.add(a, b))
    )(Array.from({ length: 15 }, () => shared))
    const wanted = gradients.flatMap((_, i) => [0.3, -0.2].map(value => 2 * (i + 1) * Math.tanh(value)))
    expectNear(numbers(gradients), wanted)
    expectNear(numbers(optimise({ inputs: [], outputs: gradients }).outputs), wanted)
  })
})

describe('stopGradient', () => {
  it('stops the cotangent at every level, and keeps the value', () => {
    const f = (a: Tensor) => $.mul($.mul(a, a), $.stopGradient(a))
    expect(scalar(f(x))).toBe(1.5 ** 3)
    expect(scalar(grad(f)(x))).toBe(2 * 1.5 * 1.5)
    expect(scalar(grad(grad(f))(x))).toBe(2 * 1.5)
    expect(scalar(jvp(f, [x], [one])[1])).toBe(2 * 1.5 * 1.5)
    const inner = grad((b: Tensor) => $.pow(b, 3))
    expect(scalar(grad((a: Tensor) => $.mul(a, $.stopGradient(inner(a))))(x))).toBe(3 * 1.5 ** 2)
  })

  it('leaves gradient zero, without complaint, where nothing else reaches the argument', () =>
    expect(scalar(grad((a: Tensor) => $.stopGradient(a))(x))).toBe(0))
})

describe('an argument that the result does not depend on', () => {
  const args = { used: $.tensor(2), cells: [$.tensor([1, 2]), $.tensor(3)] as const }
  const f = (tree: typeof args) => $.mul(tree.used, $.sum(tree.cells[0]))

  it('throws with its path, an error of its own kind', () => {
    expect(() => grad(f)(args)).toThrow(UnreachedError)
    expect(() => grad(f)(args)).toThrow(
      "grad requires a result that depends on every argument, but got no path from argument 0 at 'cells.1' (f32[]); leave it out of argnums, or pass { unreached: 'zero' } if its gradient is meant to be zero."
    )
  })

  it('has a gradient of zeros, if that is asked for', () =>
    expect(numbers(grad(f, { unreached: 'zero' })(args))).toEqual([3, 2, 2, 0]))

  it('is told by its number, and by pull-backs too', () => {
    const first = (a: Tensor, _: Tensor) => a
    expect(() => grad(first, { argnums: [0, 1] })(x, y)).toThrow('no path from argument 1 (f32[])')
    expect(() => vjp(first, x, y)[1](one)).toThrow('no path from argument 1 (f32[])')
    expect(numbers(vjp(first, x, y)[1](one, { unreached: 'zero' }))).toEqual([1, 0])
  })
})

describe('a cotangent that reaches a primitive without a rule', () => {
  const opaque = primitive({
    name: 'opaque',
    shape: ([a]) => E.right({ shape: a?.shape ?? [], dtype: 'f32' as const }),
    reference: ([a]) => Float64Array.from(a?.data ?? [])
  })
  const seen = (a: Tensor) => bind(opaque, [a], {})
  const at = $.tensor([1, 2])

  it('throws and names it', () =>
    expect(() => grad((a: Tensor) => $.sum($.mul(seen(a), a)))(at)).toThrow(
      "a derivative requires a vjp for every primitive on the way, but got 'opaque' without one; stop the gradient before it with stopGradient, or give it a rule with customVjp."
    ))

  it('is none where the gradient is stopped, a rule is given, or the argument is not involved', () => {
    const ruled = $.customVjp(
      a => seen(a as Tensor),
      g => [$.mul(g, 5)]
    )
    expect(numbers(grad((a: Tensor) => $.sum($.mul(seen($.stopGradient(a)), a)))(at))).toEqual([1, 2])
    expect(numbers(grad((a: Tensor) => $.sum(ruled(a)))(at))).toEqual([5, 5])
    expect(numbers(grad((a: Tensor) => $.sum($.mul(seen($.tensor([3, 4])), a)))(at))).toEqual([3, 4])
  })
})

describe('customVjp', () => {
  const cube = $.customVjp(
    a => $.pow(a as Tensor, 3),
    (g, [a]) => [$.mul(g, $.mul(3, $.mul(a as Tensor, a as Tensor)))]
  )

  it('has the derivative of its rule, to every order', () => {
    checkGrads(cube, [$.tensor([0.4, -1.1])], { order: 3 })
    expect(scalar(grad(grad(cube))(x))).toBeCloseTo(6 * 1.5, 12)
  })

  it('is the rule and nothing else: the straight-through estimator', () => {
    const binarise = $.customVjp(
      a => $.sign(a as Tensor),
      g => [g]
    )
    expect(numbers(grad((a: Tensor) => dot(binarise(a), $.tensor([3, 4])))($.tensor([0.2, -5])))).toEqual([3, 4])
    const wrong = $.customVjp(
      a => $.mul(a as Tensor, 2),
      g => [$.mul(g, 7)]
    )
    expect(scalar(grad(wrong)(x))).toBe(7)
  })

  it('keeps the derivative in tensors that it closes over', () => {
    const scaled = (scale: Tensor) =>
      $.customVjp(
        a => $.mul(a as Tensor, scale),
        g => [$.mul(g, scale)]
      )
    checkGrads((a: Tensor, scale: Tensor) => $.tanh(scaled(scale)(a)), [x, w], { order: 3 })
    expect(scalar(grad((scale: Tensor) => scaled(scale)(x))(w))).toBe(1.5)
    // d/dscale of the rule: d/da (a scale) is scale, and its derivative in scale is 1.
    expect(scalar(grad((scale: Tensor) => grad(scaled(scale))(x))(w))).toBe(1)
  })

  it('takes several arguments, and the result', () => {
    const product = $.customVjp(
      (a, b) => $.mul(a as Tensor, b as Tensor),
      (g, [a, b]) => [$.mul(g, b as Tensor), $.mul(g, a as Tensor)]
    )
    const power = $.customVjp(
      a => $.exp(a as Tensor),
      (g, _, out) => [$.mul(g, out)]
    )
    checkGrads((a: Tensor, b: Tensor) => power(product(a, b)), [x, w], { order: 2 })
  })

  it('says when a rule gives too few cotangents, or one of another shape', () => {
    const pair = (rule: (g: Tensor) => readonly Tensor[]) =>
      $.customVjp((a, b) => $.add(a as Tensor, b as Tensor), rule)
    expect(() => grad((a: Tensor) => pair(g => [g])(a, y))(x)).toThrow(
      'customVjp requires one cotangent for each of the 2 arguments'
    )
    expect(() => grad((a: Tensor) => pair(g => [$.reshape(g, [1]), g])(a, y))(x)).toThrow(
      "of the argument's shape [], but got [1]"
    )
  })
})

describe('trees', () => {
  const tree = { w: $.tensor([[0.5, -0.2]]), b: [$.tensor(0.3)] as const }
  const f = (t: typeof tree) => $.sum($.mul($.tanh($.mul(t.w, t.b[0])), $.tensor([[1, 2]])))

  it('are what gradients look like', () => {
    const [value, gradient] = valueAndGrad(f)(tree)
    expect(numbers(value)).toEqual(numbers(f(tree)))
    expect(gradient.w.shape).toEqual([1, 2])
    expect(gradient.b[0].shape).toEqual([])
    checkGrads(f, [tree])
  })

  it('give Hessians of trees of trees', () => {
    const second = hessian(f)(tree)
    expect([second.w.w.shape, second.w.b[0].shape, second.b[0].w.shape, second.b[0].b[0].shape]).toEqual([
      [1, 2, 1, 2],
      [1, 2],
      [1, 2],
      []
    ])
    expectNear(numbers(second.w.b), numbers(second.b[0].w))
    const along = { w: $.tensor([[0, 0]]), b: [one] as const }
    expectNear(numbers(hvp(f, tree, along)), [...numbers(second.w.b[0]), ...numbers(second.b[0].b[0])])
  })

  it('give Jacobians of trees of trees', () => {
    const rows = jacobian((t: typeof tree) => ({ sum: $.add(t.w, t.b[0]), square: $.mul(t.b[0], t.b[0]) }))(tree)
    expect(numbers(rows.sum.w)).toEqual([1, 0, 0, 1])
    expect(numbers(rows.sum.b)).toEqual([1, 1])
    expect(numbers(rows.square.w)).toEqual([0, 0])
    expectNear(numbers(rows.square.b), [0.6])
  })

  it('come back beside the gradient, with what else was computed', () => {
    const { value, aux, gradient } = valueAuxAndGrad((t: typeof tree) => [f(t), { twice: $.mul(t.w, 2) }] as const)(
      tree
    )
    expect(numbers(aux)).toEqual([1, -0.4])
    expect(numbers(gradient)).toEqual(numbers(grad(f)(tree)))
    expect(numbers(value)).toEqual(numbers(f(tree)))
  })
})

describe('the two orders of a second derivative', () => {
  const orders = ['reverse-over-reverse', 'forward-over-reverse'] as const
  const values = (seed: number, ...shape: readonly number[]) => $.randomNormal($.key(seed), shape)
  const [x, w, v] = [values(1, 3, 4), values(2, 4, 5), values(3, 4, 5)]
  const f = (u: Tensor) => $.sum($.tanh($.matmul(x, u)))
  const g = (u: Tensor, y: Tensor) => $.sum($.tanh($.matmul(y, u)))
  const along = values(4, 3, 4)

  it('give the same products', () => {
    const [reverse, forward] = orders.map(order => numbers(hvp(f, w, v, { order }))) as [number[], number[]]
    expectNear(reverse, forward)
    expectNear(numbers(hvp(f, w, v)), forward)
    const [first, second] = orders.map(order => numbers(mixedHvp(g, w, x, along, { order }))) as [number[], number[]]
    expectNear(first, second)
    expectNear(numbers(mixedHvp(g, w, x, along)), first)
    // <v, d/dw <dg/dx, along>> either way round.
    const across = mixedHvp((y: Tensor, u: Tensor) => g(u, y), x, w, v)
    expectNear(numbers($.sum($.mul(mixedHvp(g, w, x, along), v))), numbers($.sum($.mul(across, along))))
  })

  it('and the one with less to compute is taken', () => {
    const costs = orders.map(order => work([hvp(f, w, v, { order })]))
    expect(work([hvp(f, w, v)])).toBe(Math.min(...costs))
    const mixed = orders.map(order => work([mixedHvp(g, w, x, along, { order })]))
    expect(work([mixedHvp(g, w, x, along)])).toBe(Math.min(...mixed))
  })
})

describe('what is refused', () => {
  const labels = $.tensor([1, 2], [2], 'i32')
  it.each([
    [
      'a result that is not a scalar',
      () => grad((a: Tensor) => a)($.tensor([1, 2])),
      'a scalar f32 result, but got f32[2]; reduce it'
    ],
    [
      'an argument of integers',
      () => grad((a: Tensor) => $.sum($.convert(a, 'f32')))(labels),
      'f32 arguments, but got i32[2] at argument 0'
    ],
    [
      'an argument that is not there',
      () => grad((a: Tensor) => a, { argnums: 1 })(x),
      'argnums among the 1 arguments, but got 1'
    ],
    [
      'a cotangent of another shape',
      () => vjp((a: Tensor) => a, x)[1]($.tensor([1])),
      'a cotangent like the result, f32[], but got f32[1]'
    ],
    ['a tangent of another shape', () => jvp((a: Tensor) => a, [x], [$.tensor([1])]), 'a cotangent like the result'],
    [
      'a number in a tree',
      () => grad((t: { a: Tensor }) => t.a)({ a: 3 as never }),
      "but got 3 at 'a'; wrap numbers with tensor()"
    ]
  ])('%s', (_, refused, message) => expect(refused).toThrow(message))
})
