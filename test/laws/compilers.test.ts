/**
 * What no compiler may take for something else: operands in one kernel are not real numbers. Fused or not, on both
 * families of kernels, NaN and infinities come out as float32 gives them in order, and so do roundings where a value
 * comes again.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import { interpret } from '../../src/autodiff/interpret.js'
import { input } from '../../src/autodiff/leaves.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import { backends, evaluateTree } from '../backends.js'

const { NaN: nan, POSITIVE_INFINITY: inf } = Number
const list = (values: readonly number[]): HostArray => ({
  data: Float32Array.from(values),
  shape: [values.length],
  dtype: 'f32'
})

/**
 * Float32 in order: every value of the reference is rounded as it arises. `largest`: of each element, the largest
 * number on the way that is finite.
 */
const inOrder = (f: (...x: readonly Tensor[]) => Tensor, args: readonly HostArray[]) => {
  const inputs = args.map(({ shape, dtype }, i) => input({ shape, dtype }, `x${i}`))
  const bindings = new Map(
    inputs.map((node, i) => [node, { ...(args[i] as HostArray), data: Float64Array.from(args[i]?.data ?? []) }])
  )
  const largest = new Float64Array(args[0]?.data.length ?? 0)
  const [result] = interpret([f(...inputs)], bindings, ({ dtype }, { data }) => {
    for (let i = 0; i < data.length && dtype === 'f32'; i++) {
      data[i] = Math.fround(data[i] as number)
      if (Number.isFinite(data[i]) && data.length === largest.length)
        largest[i] = Math.max(largest[i] as number, Math.abs(data[i] as number))
    }
  })
  return { data: Array.from(result?.data ?? []), largest }
}

const values = [0, -0, 1, -1.5, 0.5, 3, 1e10, 1e-10, 3e38, -3e38, nan, inf, -inf]
const pairs = values.flatMap(x => values.map(y => [x, y] as const))
const [xs, ys] = [list(pairs.map(([x]) => x)), list(pairs.map(([, y]) => y))]

type Binary = (x: Tensor, y: Tensor) => Tensor
const flag = (condition: Tensor): Tensor => $.convert(condition, 'f32')
/** Each is something simpler over the real numbers, or over floats without NaN. */
const programs: Readonly<Record<string, Binary>> = {
  'x 0': x => $.mul(x, 0),
  '0 x': x => $.mul(0, x),
  'x 0, of a tensor': x => $.mul(x, $.broadcastTo($.tensor(0), x.shape)),
  '0 / x': x => $.div(0, x),
  'x - x': x => $.sub(x, x),
  'x / x': x => $.div(x, x),
  'whether x - x is finite': x => flag($.isFinite($.sub(x, x))),
  'x = x': x => flag($.equal(x, x)),
  'x >= x': x => flag($.greaterEqual(x, x)),
  'x != x': x => flag($.notEqual(x, x)),
  '(x + y) - y': (x, y) => $.sub($.add(x, y), y),
  '(x - y) + y': (x, y) => $.add($.sub(x, y), y),
  'x + (y - x)': (x, y) => $.add(x, $.sub(y, x)),
  '-x + (x + y)': (x, y) => $.add($.neg(x), $.add(x, y)),
  '(x y) / y': (x, y) => $.div($.mul(x, y), y),
  'x y - y x': (x, y) => $.sub($.mul(x, y), $.mul(y, x)),
  'x y + x (-y)': (x, y) => $.add($.mul(x, y), $.mul(x, $.neg(y))),
  'x y + x 3e38': (x, y) => $.add($.mul(x, y), $.mul(x, 3e38)),
  'x 0.5 + y 0.5': (x, y) => $.add($.mul(x, 0.5), $.mul(y, 0.5)),
  '(x y) + (x y)': (x, y) => $.add($.mul(x, y), $.mul(x, y)),
  '(x y) 2': (x, y) => $.mul($.mul(x, y), 2),
  '(x + y) + 1': (x, y) => $.add($.add(x, y), 1),
  '(x + 1) - 1': x => $.sub($.add(x, 1), 1),
  '(x 2) 0.5': x => $.mul($.mul(x, 2), 0.5),
  'a mask times x': (x, y) => $.mul($.where($.greater(y, 0), 1, 0), x),
  'x times a converted condition': (x, y) => $.mul(x, flag($.greater(y, 0))),
  'x or 0, times y': (x, y) => $.mul($.where($.greater(x, 0), x, 0), y),
  'the sign of x, times x': x => $.mul($.sign(x), x),
  'sqrt x sqrt x': x => $.mul($.sqrt(x), $.sqrt(x)),
  'x + y < x': (x, y) => flag($.less($.add(x, y), x)),
  'x - y = 0': (x, y) => flag($.equal($.sub(x, y), 0)),
  'a number that comes many times': (x, y) => [1, 2, 3, 4, 5, 6].reduce<Tensor>(z => $.sub($.add(z, y), y), x),
  'a difference of equal sums': (x, y) => $.sub($.add($.mul(x, x), y), $.add($.mul(x, x), y))
}

describe.each(['gpu', 'tiles'] as const)('on %s', kind => {
  const of = async (f: Binary, fused: boolean): Promise<readonly number[]> =>
    Array.from((await evaluateTree<[Tensor, Tensor], Tensor>(backends[kind], f, [xs, ys], { fused })).data)

  it.each(Object.entries(programs))('%s', async (_, f) => {
    const { data: wanted } = inOrder(f as never, [xs, ys])
    for (const fused of [true, false]) {
      const got = await of(f, fused)
      pairs.forEach((pair, i) => {
        if (got[i] !== wanted[i] && !(Number.isNaN(got[i]) && Number.isNaN(wanted[i])))
          expect.fail(
            `x = ${pair[0]}, y = ${pair[1]}, fused: ${fused}: the device gives ${got[i]}, float32 in order ${wanted[i]}`
          )
      })
    }
  })

  it('sums of products with one factor do not overflow before they are multiplied', async () => {
    const rows = { data: new Float32Array(2 ** 17).fill(2e38), shape: [128, 1024], dtype: 'f32' as const }
    const f: Binary = (x, y) => $.sum($.mul(x, $.reshape(y, [128, 1])), 1)
    const factors = list(Array.from({ length: 128 }, () => 1e-38))
    const { data } = await evaluateTree<[Tensor, Tensor], Tensor>(backends[kind], f, [rows, factors])
    for (const value of data) expect(Math.abs(value / 2048 - 1)).toBeLessThan(1e-5)
  })
})

/** Sums, products, masks and choices of few values, so that they meet again and again. */
const steps: Readonly<Record<string, Binary>> = {
  add: $.add,
  sub: $.sub,
  mul: $.mul,
  neg: x => $.neg(x),
  half: x => $.mul(x, 0.5),
  zero: x => $.mul(x, 0),
  one: x => $.add(x, 1),
  mask: (x, y) => $.where($.greater(x, y), 1, 0),
  choice: (x, y) => $.where($.less(x, y), x, y),
  flag: (x, y) => flag($.equal(x, y)),
  relu: x => $.relu(x),
  larger: $.maximum
}
const word = fc.nat({ max: 2 ** 16 })
const step = fc.record({ name: fc.constantFrom(...Object.keys(steps)), x: word, y: word })
const chains = fc.array(step, { minLength: 2, maxLength: 14 })

/**
 * Sums of different operands may be added in another order: rounding of the largest of them. Nothing else may differ.
 */
const ROUNDING = 1e-6
/** From here on a sum may be infinite in one order and finite in another. */
const OVERFLOWS = 1e37

it('random chains of sums and products give what float32 gives in order, gradients too', () =>
  fc.assert(
    fc.asyncProperty(chains, async chain => {
      const f: Binary = (x, y) => {
        const made = [x, y]
        const pick = (place: number) => made[place % made.length] as Tensor
        for (const one of chain)
          made.push((steps[one.name] as Binary)(pick(made.length * 2 ** 16 - 1 - one.x), pick(one.y)))
        return made.at(-1) as Tensor
      }
      const slope: Binary = (x, y) => grad((z: Tensor) => $.sum(f(z, y)), { unreached: 'zero' })(x)
      for (const g of [f, slope]) {
        const { data: wanted, largest } = inOrder(g as never, [xs, ys])
        const got = (await evaluateTree<[Tensor, Tensor], Tensor>(backends.gpu, g, [xs, ys])).data
        const wrong = wanted.findIndex((want, i) => {
          const [found, most] = [got[i] as number, largest[i] as number]
          const near = Math.abs(found - want) <= ROUNDING * most
          return !(found === want || (Number.isNaN(found) && Number.isNaN(want)) || near || most > OVERFLOWS)
        })
        expect(wrong, `x, y = ${pairs[wrong]}: the device gives ${got[wrong]}, float32 in order ${wanted[wrong]}`).toBe(
          -1
        )
      }
    }),
    { numRuns: 60 }
  ))
