/**
 * Operations that move, sort, scan and resample, held to NumPy and PyTorch: values and what a cotangent is pulled back
 * to (structure.py).
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { vjp } from '../../src/autodiff/grad.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Shape } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import { backends, evaluateOn } from '../backends.js'

/** Relative to the largest entry: sums of some dozens of terms, of float64 and of float32. */
const TOLERANCE = { reference: 1e-12, gpu: 2e-6, tiles: 2e-6 } as const

interface Stored {
  readonly dtype: 'f32' | 'i32'
  readonly shape: Shape
  readonly data: readonly (number | string)[]
}
interface Case {
  readonly op: string
  readonly args: readonly unknown[]
  readonly inputs: readonly Stored[]
  readonly out: Stored
  readonly cotangent?: Stored
  readonly pulled?: readonly Stored[]
}
const cases: readonly Case[] = JSON.parse(readFileSync(new URL('structure.json', import.meta.url), 'utf8'))

const valuesOf = ({ data }: Stored): Float64Array =>
  Float64Array.from(data, value => (typeof value === 'number' ? value : Number(value.replace('inf', 'Infinity'))))
const arrayOf = (stored: Stored): HostArray => ({ ...stored, data: valuesOf(stored) })

type Operation = (...args: readonly never[]) => Tensor
/** An operation of one or two tensors and then its arguments. */
const table: Readonly<Record<string, Operation>> = {
  ...{ convTranspose2d: $.convTranspose2d, conv1d: $.conv1d, convTranspose1d: $.convTranspose1d },
  ...{ adaptiveAvgPool2d: $.adaptiveAvgPool2d, maxPool1d: $.maxPool1d, avgPool1d: $.avgPool1d, resize: $.resize },
  ...{ sort: $.sort, argsort: $.argsort, quantile: $.quantile, median: $.median },
  topKValues: (x, k, axis) => $.topK(x, k, axis)[0],
  ...{ cumsum: $.cumsum, cumprod: $.cumprod, cummax: $.cummax, cummin: $.cummin },
  ...{ roll: $.roll, flip: $.flip, diff: $.diff, diagonal: $.diagonal },
  ...{ takeAlong: $.takeAlong, scatterAddAlong: $.scatterAddAlong }
}
const apply = ({ op, args }: Case, x: readonly Tensor[]): Tensor =>
  op === 'einsum' ? $.einsum(args[0] as string, ...x) : (table[op] as Operation)(...([...x, ...args] as never[]))

/** What the kernels of GPUs have forms of their own for; the others are the same calls on every adapter. */
const PRODUCTS = new Set(['convTranspose2d', 'conv1d', 'convTranspose1d', 'einsum'])

/** Value and pulled cotangents of cases, as one program: few kernels to compile. */
const evaluated = (kind: keyof typeof TOLERANCE, cases: readonly Case[]): Promise<readonly HostArray[]> =>
  evaluateOn(
    backends[kind],
    (...all) => {
      let next = 0
      return cases.flatMap(one => {
        const x = one.inputs.map(() => all[next++] as Tensor)
        const floats = x.filter(({ dtype }) => dtype === 'f32')
        const f = (...y: readonly Tensor[]) =>
          apply(
            one,
            x.map(given => y[floats.indexOf(given)] ?? given)
          )
        const [out, pullback] = vjp(f, ...floats)
        return one.cotangent ? [out, ...pullback(all[next++] as Tensor)] : [out]
      })
    },
    cases.flatMap(({ inputs, cotangent }) => [...inputs, ...(cotangent ? [cotangent] : [])].map(arrayOf))
  )

const expectNear = (label: string, got: HostArray, stored: Stored, tolerance: number): void => {
  const wanted = valuesOf(stored)
  expect(got.shape, label).toEqual(stored.shape)
  const largest = wanted.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0)
  wanted.forEach((value, i) => {
    const found = got.data[i] as number
    const equal = Number.isFinite(value) ? Math.abs(found - value) <= tolerance * largest : Object.is(found, value)
    if (!equal) expect.fail(`${label}, element ${i}: ${found}, wanted ${value}`)
  })
}

it('every operation of the table is in the file', () =>
  expect([...new Set(cases.map(({ op }) => op))].sort()).toEqual([...Object.keys(table), 'einsum'].sort()))

describe.each(['reference', 'gpu', 'tiles'] as const)('on %s', kind => {
  it('values and pulled cotangents are those of NumPy and PyTorch', async () => {
    const own = kind === 'tiles' ? cases.filter(({ op }) => PRODUCTS.has(op)) : cases
    const got = await evaluated(kind, own)
    let next = 0
    for (const [i, one] of own.entries()) {
      const label = `case ${i}, ${one.op} of ${JSON.stringify(one.args)}`
      expectNear(label, got[next++] as HostArray, one.out, TOLERANCE[kind])
      one.pulled?.forEach((pulled, k) => {
        expectNear(`${label}, cotangent ${k}`, got[next++] as HostArray, pulled, TOLERANCE[kind])
      })
    }
    expect(next).toBe(got.length)
  })
})
