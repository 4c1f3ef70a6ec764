/**
 * Functions of real numbers over all of float32: random bit patterns, which are evenly spread over the exponents, and
 * numbers evenly spread where the functions bend. The device gives what float64 gives, within the tolerance of the
 * function, relative to its value, however small that is.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { keyOf, randomWords } from '../../src/autodiff/threefry.js'
import type { HostArray } from '../../src/engine/index.js'
import { backends, evaluateOn } from '../backends.js'
import { FUNCTIONS } from './tolerances.js'
import { between } from './values.js'

const COUNT = 1 << 15
const SMALLEST_NORMAL = 2 ** -126

const host = (data: Float32Array): HostArray => ({ data, shape: [data.length], dtype: 'f32' })
/** Floats of random bits, those that are denormal or not finite left out: extremes.test.ts has these. */
const bits = (seed: number): Float32Array => {
  const all = new Float32Array(randomWords(keyOf(seed), COUNT).buffer)
  return all.map(x => (Number.isFinite(x) && Math.abs(x) >= SMALLEST_NORMAL ? x : 1))
}
const evenly = (seed: number, low: number, high: number): Float32Array =>
  Float32Array.from(between(low, high)(seed, COUNT))

/**
 * Multiples of pi / 2 as near as float32 comes to them, up to the 40,000th, and powers of two of them: where a
 * reduction loses digits.
 */
const quarters = (): Float32Array =>
  Float32Array.from({ length: COUNT }, (_, i) =>
    i < COUNT - 120 ? ((i + 1) * Math.PI) / 2 : (Math.PI / 2) * 2 ** (COUNT - i)
  )

const unary: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  ...{ exp: $.exp, exp2: $.exp2, expm1: $.expm1, log: $.log, log2: $.log2, log1p: $.log1p },
  ...{ sin: $.sin, cos: $.cos, tan: $.tan, asin: $.asin, acos: $.acos, atan: $.atan },
  ...{ sinh: $.sinh, cosh: $.cosh, tanh: $.tanh, asinh: $.asinh, acosh: $.acosh, atanh: $.atanh },
  ...{ erf: $.erf, erfc: $.erfc, floor: $.floor, ceil: $.ceil, round: $.round, trunc: $.trunc }
}
const binary: Readonly<Record<string, (x: Tensor, y: Tensor) => Tensor>> = {
  ...{ atan2: $.atan2, rem: $.rem, power: $.pow as (x: Tensor, y: Tensor) => Tensor }
}
const arguments1 = [bits(1), evenly(2, -1.1, 1.1), evenly(3, -12, 12), evenly(4, -100, 100), quarters()]
const arguments2 = [
  [bits(5), bits(6)],
  [evenly(7, -3, 3), evenly(8, -3, 3)],
  [evenly(9, 0, 30), evenly(10, -20, 20)]
] as const

type Results = readonly HostArray[]
const names = [...Object.keys(unary), ...Object.keys(binary)]
const results: Record<'reference' | 'gpu', Results> = { reference: [], gpu: [] }

beforeAll(async () => {
  const f = (...x: readonly Tensor[]) => [
    ...Object.values(unary).flatMap(g => arguments1.map((_, i) => g(x[i] as Tensor))),
    ...Object.values(binary).flatMap(g => arguments2.map((_, i) => g(x[5 + 2 * i] as Tensor, x[6 + 2 * i] as Tensor)))
  ]
  const args = [...arguments1, ...arguments2.flat()].map(host)
  for (const kind of ['reference', 'gpu'] as const) results[kind] = await evaluateOn(backends[kind], f, args)
})

/** The place in a list of results, and the arguments there. */
const cases = (name: string): readonly { readonly index: number; readonly of: (i: number) => string }[] => {
  const ones = Object.keys(unary)
  const place = ones.indexOf(name)
  if (place >= 0) return arguments1.map((x, k) => ({ index: place * arguments1.length + k, of: i => String(x[i]) }))
  const first = ones.length * arguments1.length + Object.keys(binary).indexOf(name) * arguments2.length
  return arguments2.map(([x, y], k) => ({ index: first + k, of: i => `${x[i]}, ${y[i]}` }))
}

describe('over all of float32', () => {
  it.each(names)('%s', name => {
    const tolerance = FUNCTIONS[name] ?? 0
    let [worst, place] = [0, '']
    for (const { index, of } of cases(name)) {
      const [got, wanted] = [results.gpu[index] as HostArray, results.reference[index] as HostArray]
      for (let i = 0; i < COUNT; i++) {
        const [found, exact] = [got.data[i] as number, wanted.data[i] as number]
        const rounded = Math.fround(exact)
        if (Object.is(found, rounded) || found === rounded) continue
        // Results below the normal numbers are rounded to the last place that there is, or flushed by an adapter that
        // does so.
        const distance = Math.abs(found - exact)
        const isSmall = Math.abs(exact) < SMALLEST_NORMAL && distance <= SMALLEST_NORMAL
        const off = isSmall ? 0 : Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance / Math.abs(exact)
        if (off > worst) [worst, place] = [off, `${name}(${of(i)}) gives ${found}, wanted ${exact}`]
      }
    }
    expect(worst, place).toBeLessThanOrEqual(tolerance)
  })
})
