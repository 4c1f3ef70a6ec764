/**
 * Every pointwise function at the ends of float32: NaN, infinities, zeros of both signs, denormals, the largest
 * numbers. The device gives what the reference gives, rounded to float32, down to the sign of a zero; what differs is
 * listed here and in docs/autodiff.md.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { registry } from '../../src/autodiff/primitive.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import { backends, evaluateOn } from '../backends.js'
import { FUNCTIONS } from './tolerances.js'
import { array, whole } from './values.js'

const SMALLEST = 2 ** -149
const SMALLEST_NORMAL = 2 ** -126
const LARGEST = 3.4028234663852886e38

const sizes = [
  0,
  SMALLEST,
  1e-40,
  SMALLEST_NORMAL,
  1e-20,
  1e-4,
  0.5,
  1,
  2,
  3,
  88.7,
  1e30,
  LARGEST,
  Number.POSITIVE_INFINITY
]
const numbers = [...sizes.flatMap(x => [x, -x]), Number.NaN].map(Math.fround)
const pairs = numbers.flatMap(x => numbers.map(y => [x, y] as const))
const isDenormal = (x: number): boolean => x !== 0 && Math.abs(x) < SMALLEST_NORMAL

type Unary = (x: Tensor) => Tensor
type Binary = (x: Tensor, y: Tensor) => Tensor

const power =
  (exponent: number): Unary =>
  x =>
    $.pow(x, exponent)
const unary: Readonly<Record<string, Unary>> = {
  ...{ neg: $.neg, exp: $.exp, log: $.log, sqrt: $.sqrt, rsqrt: $.rsqrt, tanh: $.tanh, sigmoid: $.sigmoid },
  ...{ abs: $.abs, sign: $.sign, relu: $.relu, is_finite: $.isFinite },
  ...{ sin: $.sin, cos: $.cos, tan: $.tan, asin: $.asin, acos: $.acos, atan: $.atan },
  ...{ sinh: $.sinh, cosh: $.cosh, asinh: $.asinh, acosh: $.acosh, atanh: $.atanh },
  ...{ log1p: $.log1p, expm1: $.expm1, exp2: $.exp2, log2: $.log2, erf: $.erf, erfc: $.erfc },
  ...{ floor: $.floor, ceil: $.ceil, round: $.round, trunc: $.trunc },
  ...Object.fromEntries(
    [0, 2, 3, -1, -2, 17, 18, -17, 0.5, -0.5, 2.5].map(exponent => [`pow ${exponent}`, power(exponent)])
  ),
  'convert to i32': x => $.convert(x, 'i32'),
  'convert to u32': x => $.convert(x, 'u32')
}
const binary: Readonly<Record<string, Binary>> = {
  ...{ add: $.add, sub: $.sub, mul: $.mul, div: $.div, max: $.maximum, min: $.minimum },
  ...{ equal: $.equal, not_equal: $.notEqual, less: $.less, less_equal: $.lessEqual },
  ...{ greater: $.greater, greater_equal: $.greaterEqual },
  ...{ atan2: $.atan2, rem: $.rem, power: $.pow as Binary },
  and: (x, y) => $.and($.greater(x, 0), $.less(y, 1)),
  or: (x, y) => $.or($.greater(x, 0), $.less(y, 1)),
  where: (x, y) => $.where($.greater(x, 1), x, y)
}

/** Where the device and the reference part, and what the device then gives. */
const differences: Readonly<Record<string, (x: number) => boolean>> = {
  // WGSL leaves the integer of a NaN to the adapter.
  'convert to i32': Number.isNaN,
  'convert to u32': Number.isNaN
}

const list = (values: readonly number[]): HostArray => ({
  data: Float64Array.from(values),
  shape: [values.length],
  dtype: 'f32'
})

describe('at the ends of float32', () => {
  const names = [...Object.keys(unary), ...Object.keys(binary)]
  const results: Record<'reference' | 'gpu', readonly HostArray[]> = { reference: [], gpu: [] }
  /**
   * WGSL lets an adapter take denormal numbers for zeros, as operands and as results, and says nothing of how exact it
   * is with them. Where products show that it does, a denormal stands for any number up to the smallest normal ones:
   * what it gives must lie among what the reference gives for those. Elsewhere denormals count as all others.
   */
  const adapter = { flushes: false }
  const standsFor = (x: number): readonly number[] =>
    adapter.flushes && isDenormal(x) ? [x, -x, 0, -0, SMALLEST_NORMAL, -SMALLEST_NORMAL] : [x]
  /** Where the operands stand that these stand for. */
  const placesOf = (values: readonly number[]): readonly number[] => {
    const [all, [a = [], b]] = [values.length === 1 ? numbers.map(x => [x]) : pairs, values.map(standsFor)]
    const place = (one: readonly number[]) => all.findIndex(other => other.every((x, k) => Object.is(x, one[k])))
    return a.flatMap(x => (b ? b.map(y => place([x, y])) : [place([x])]))
  }

  beforeAll(async () => {
    const f = (x: Tensor, a: Tensor, b: Tensor) => [
      ...Object.values(unary).map(g => g(x)),
      ...Object.values(binary).map(g => g(a, b))
    ]
    const args = [list(numbers), list(pairs.map(([x]) => x)), list(pairs.map(([, y]) => y))]
    for (const kind of ['reference', 'gpu'] as const) results[kind] = await evaluateOn(backends[kind], f as never, args)
    const product = results.gpu[names.indexOf('mul')]?.data
    adapter.flushes = product?.[pairs.findIndex(([x, y]) => x === SMALLEST && y === 1)] === 0
  })

  it.each(names)('%s', name => {
    const index = names.indexOf(name)
    const [got, wanted] = [results.gpu[index] as HostArray, results.reference[index] as HostArray]
    const operands = name in unary ? numbers.map(x => [x]) : pairs
    const tolerance = FUNCTIONS[name.split(' ')[0] as string] ?? 0
    expect(got.data.length).toBe(operands.length)
    operands.forEach((values, i) => {
      const found = got.data[i] as number
      if (differences[name]?.(values[0] as number)) return
      const rounded = (exact: number) => (wanted.dtype === 'f32' ? Math.fround(exact) : exact)
      const wants = placesOf(values).map(at => rounded(wanted.data[at] as number))
      const all = wants.flatMap(standsFor)
      // Denormal results are rounded to their own last place.
      const allowed = (want: number) =>
        Math.max(tolerance * Math.abs(want), tolerance && isDenormal(want) ? SMALLEST : 0)
      const isOne = (one: number) =>
        all.some(want => Object.is(one, want) || (want !== 0 && Math.abs(one - want) <= allowed(want)))
      const known = all.filter(want => !Number.isNaN(want))
      const isBetween = all.length > 1 && found >= Math.min(...known) && found <= Math.max(...known)
      if (isBetween || standsFor(found).some(isOne)) return
      const shown = (x: number) => (Object.is(x, -0) ? '-0' : String(x))
      expect.fail(
        `${name}(${values.map(shown).join(', ')}): the device gives ${shown(found)}, the reference ${wants.map(shown).join(' or ')}`
      )
    })
  })

  it('every pointwise function is tried', () => {
    const tried = new Set(names.map(name => name.split(' ')[0]))
    const pointwise = [...registry.values()].filter(({ kernel }) => kernel?.kind === 'map').map(({ name }) => name)
    expect(pointwise.filter(name => !tried.has(name))).toEqual([])
  })

  it('what differs does differ', () => {
    const nan = numbers.findIndex(Number.isNaN)
    const integers = Object.keys(differences).map(name => results.reference[names.indexOf(name)]?.data[nan])
    expect(integers).toEqual([0, 0])
  })
})

describe.each([
  [
    'i32',
    [0, 1, -1, 2, 3, -7, 46_341, 2 ** 24 + 1, 123_456_789, 2 ** 31 - 65, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 1]
  ],
  ['u32', [0, 1, 2, 3, 7, 65_537, 2 ** 24 + 1, 123_456_789, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 129, 2 ** 32 - 1]]
] as const)('at the ends of %s', (dtype, ends) => {
  const functions: Readonly<Record<string, (x: Tensor, y: Tensor) => Tensor>> = {
    add: $.add,
    mul: $.mul,
    'mul of mul': (x, y) => $.mul($.mul(x, y), $.mul(y, y)),
    ...(dtype === 'i32' ? { sub: $.sub, neg: $.neg } : {}),
    sum: x => $.sum(x),
    'sum of products': (x, y) => $.sum($.mul(x, y), 0),
    less: $.less,
    equal: $.equal,
    where: (x, y) => $.where($.greater(x, y), x, y),
    'to the other integers': x => $.convert(x, dtype === 'i32' ? 'u32' : 'i32'),
    'to f32': x => $.convert(x, 'f32'),
    'to f32 and back': x => $.convert($.convert(x, 'f32'), dtype)
  }
  const names = Object.keys(functions)
  it('integers wrap around, and floats made of them are rounded, on the reference as on the device', async () => {
    const of = (values: readonly number[]): HostArray => ({
      data: dtype === 'i32' ? Int32Array.from(values) : Uint32Array.from(values),
      shape: [values.length],
      dtype
    })
    const args = [of(ends.flatMap(x => ends.map(() => x))), of(ends.flatMap(() => ends))]
    const f = (x: Tensor, y: Tensor) => Object.values(functions).map(g => g(x, y))
    const [wanted, gpu, tiles] = await Promise.all(
      (['reference', 'gpu', 'tiles'] as const).map(kind => evaluateOn(backends[kind], f as never, args))
    )
    // WGSL lets an adapter round an integer up or down, whichever float is nearer; all others are one value.
    const isRounded = (name: string, found: number, want: number): boolean =>
      name.startsWith('to f32') && near(found, want)
    const near = (found: number, want: number): boolean => Math.abs(found - want) <= Math.abs(want) * 2 ** -23
    for (const [i, name] of names.entries())
      for (const got of [gpu, tiles])
        wanted?.[i]?.data.forEach((want, k) => {
          const found = got?.[i]?.data[k] as number
          if (found !== want && !isRounded(name, found, want))
            expect.fail(`${name} ${k}: the device gives ${found}, the reference ${want}`)
        })
    // 46,341 squared is beyond the integers, 123,456,789 squared beyond what float64 holds.
    const product = wanted?.[names.indexOf('mul')]?.data as Int32Array
    const square = (x: number) => product[ends.indexOf(x as never) * (ends.length + 1)]
    expect(square(123_456_789)).toBe(
      Number(dtype === 'i32' ? BigInt.asIntN(32, 123_456_789n ** 2n) : BigInt.asUintN(32, 123_456_789n ** 2n))
    )
  })
})

describe('a value that is not finite among others', () => {
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number
  /** Small whole numbers, so that sums are exact, with some of them exchanged. */
  const withValues = (seed: number, shape: readonly number[], changes: Readonly<Record<number, number>>): HostArray => {
    const { data } = array(whole(-3, 4), seed, shape)
    for (const [place, value] of Object.entries(changes)) data[Number(place)] = value
    return { data, shape, dtype: 'f32' }
  }
  const pool = { kernel: 3, stride: 1, padding: 1 }
  const squared = (f: (x: Tensor) => Tensor) => (x: Tensor) => $.sum($.mul(f(x), f(x)))
  /** Functions of an image [2,3,6,5], a filter [4,3,3,3] and a matrix [5,7]. */
  const functions: Readonly<Record<string, (x: Tensor, w: Tensor, m: Tensor) => readonly Tensor[]>> = {
    sums: x => [$.sum(x), $.sum(x, 1), $.sum(x, [0, 3]), $.sum(x, [2, 3])],
    maxima: x => [$.max(x), $.max(x, 1), $.max(x, [0, 3])],
    'places of maxima': x => [$.argmax(x), $.argmax(x, 1)],
    movement: x => [$.transpose(x), $.concat([x, x], 1), $.pad(x, [0, 1, 0, 2], [1, 0, 0, 1])],
    products: (x, _, m) => [$.matmul(x, m), $.matmul($.transpose(m), $.reshape(x, [5, 36]))],
    convolutions: (x, w) => [$.conv2d(x, w, { padding: 1 }), $.conv2d(x, w, { stride: 2 })],
    'their gradients': (x, w) =>
      grad((a: Tensor, b: Tensor) => squared(y => $.conv2d(y, b, { padding: 1 }))(a), { argnums: [0, 1] })(x, w),
    'pooling by maxima': x => [$.maxPool2d(x, pool), grad((a: Tensor) => squared(y => $.maxPool2d(y, pool))(a))(x)],
    'pooling by means': x => [$.mul($.avgPool2d(x, { kernel: 2 }), 4)],
    'taking and adding': x => [
      $.take(x, $.tensor([2, 0], [2], 'i32'), 1),
      $.scatterAdd(x, $.tensor([1, 0, 1], [3], 'i32'), 1, 2)
    ]
  }
  const places: Readonly<Record<string, Readonly<Record<number, number>>>> = {
    NaN: { 7: nan },
    infinity: { 0: inf, 17: inf },
    'minus infinity': { 3: -inf },
    'infinities of both signs': { 2: inf, 3: -inf, 11: -inf },
    'all of them': { 1: nan, 4: inf, 9: -inf }
  }

  const results: Partial<Record<'reference' | 'gpu', readonly HostArray[]>> = {}
  const counts: Record<string, number> = {}
  beforeAll(async () => {
    const f = (...x: readonly Tensor[]) =>
      Object.entries(functions).flatMap(([name, g]) =>
        Object.keys(places).flatMap((_, i) => {
          const made = g(x[3 * i] as Tensor, x[3 * i + 1] as Tensor, x[3 * i + 2] as Tensor)
          counts[name] = made.length
          return made
        })
      )
    const args = Object.values(places).flatMap((changes, i) => [
      withValues(i, [2, 3, 6, 5], changes),
      withValues(i + 10, [4, 3, 3, 3], i % 2 ? {} : { 40: changes[7] ?? inf }),
      withValues(i + 20, [5, 7], {})
    ])
    for (const kind of ['reference', 'gpu'] as const) results[kind] = await evaluateOn(backends[kind], f, args)
  })

  it.each(Object.keys(functions))('%s', name => {
    const before = Object.keys(functions)
      .slice(0, Object.keys(functions).indexOf(name))
      .reduce((total, other) => total + (counts[other] as number) * Object.keys(places).length, 0)
    const total = (counts[name] as number) * Object.keys(places).length
    const strange = new Set<number>()
    for (let i = before; i < before + total; i++) {
      const [got, wanted] = [results.gpu?.[i] as HostArray, results.reference?.[i] as HostArray]
      const place = Object.keys(places)[Math.floor((i - before) / (counts[name] as number))]
      wanted.data.forEach((want, n) => {
        if (!Number.isFinite(want)) strange.add(want)
        const found = got.data[n] as number
        if (found !== want && !(Number.isNaN(found) && Number.isNaN(want)))
          expect.fail(
            `${name}, ${place}, result ${(i - before) % (counts[name] as number)} [${wanted.shape}], element ${n}: the device gives ${found}, the reference ${want}`
          )
      })
    }
    // They did arrive, unless only places were asked for.
    expect(strange.size).toBeGreaterThan(name === 'places of maxima' ? -1 : 1)
  })
})
