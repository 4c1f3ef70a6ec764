/**
 * Every pointwise function at the ends of float32: NaN, infinities, zeros of both signs, denormals, the largest numbers. The device gives what the
 * reference gives, rounded to float32, down to the sign of a zero; what differs is listed here and in docs/autodiff.md.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import * as $ from '../../src/autodiff/ops/index.js'
import { registry } from '../../src/autodiff/primitive.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine.js'
import { backends, evaluateOn } from '../backends.js'

const SMALLEST = 2 ** -149
const SMALLEST_NORMAL = 2 ** -126
const LARGEST = 3.4028234663852886e38

const sizes = [0, SMALLEST, 1e-40, SMALLEST_NORMAL, 1e-20, 1e-4, 0.5, 1, 2, 3, 88.7, 1e30, LARGEST, Number.POSITIVE_INFINITY]
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
  ...Object.fromEntries([0, 2, 3, -1, -2, 17, 18, -17, 0.5, -0.5, 2.5].map(exponent => [`pow ${exponent}`, power(exponent)])),
  'convert to i32': x => $.convert(x, 'i32'),
  'convert to u32': x => $.convert(x, 'u32')
}
const binary: Readonly<Record<string, Binary>> = {
  ...{ add: $.add, sub: $.sub, mul: $.mul, div: $.div, max: $.maximum, min: $.minimum },
  ...{ equal: $.equal, not_equal: $.notEqual, less: $.less, less_equal: $.lessEqual },
  ...{ greater: $.greater, greater_equal: $.greaterEqual },
  where: (x, y) => $.where($.greater(x, 1), x, y)
}

/** How far results may be off, relative to them, as on ordinary numbers (test/laws/kernels.test.ts); all others are exact or one rounding. */
const tolerances: Readonly<Record<string, number>> = {
  ...Object.fromEntries(['exp', 'log', 'tanh', 'sigmoid', 'rsqrt', 'sqrt', 'div'].map(name => [name, 5e-7])),
  pow: 4e-6
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
  /** WGSL lets an adapter take denormal numbers for zeros; then they say nothing here. */
  const adapter = { flushes: false }

  beforeAll(async () => {
    const f = (x: Tensor, a: Tensor, b: Tensor) => [
      ...Object.values(unary).map(g => g(x)),
      ...Object.values(binary).map(g => g(a, b)),
      $.mul(x, 1)
    ]
    const args = [list(numbers), list(pairs.map(([x]) => x)), list(pairs.map(([, y]) => y))]
    for (const kind of ['reference', 'gpu'] as const) results[kind] = await evaluateOn(backends[kind], f as never, args)
    adapter.flushes = results.gpu.at(-1)?.data[numbers.indexOf(SMALLEST)] === 0
  })

  it.each(names)('%s', name => {
    const index = names.indexOf(name)
    const [got, wanted] = [results.gpu[index] as HostArray, results.reference[index] as HostArray]
    const operands = name in unary ? numbers.map(x => [x]) : pairs
    const tolerance = tolerances[name.split(' ')[0] as string] ?? 0
    expect(got.data.length).toBe(operands.length)
    operands.forEach((values, i) => {
      const [found, exact] = [got.data[i] as number, wanted.data[i] as number]
      const want = wanted.dtype === 'f32' ? Math.fround(exact) : exact
      if (adapter.flushes && [...values, want].some(isDenormal)) return
      if (differences[name]?.(values[0] as number)) return
      // Denormal results are rounded to their own last place.
      const near = Math.abs(found - want) <= Math.max(tolerance * Math.abs(want), tolerance && isDenormal(want) ? SMALLEST : 0)
      if (Object.is(found, want) || (want !== 0 && near)) return
      const shown = (x: number) => (Object.is(x, -0) ? '-0' : String(x))
      expect.fail(`${name}(${values.map(shown).join(', ')}): the device gives ${shown(found)}, the reference ${shown(want)}`)
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
