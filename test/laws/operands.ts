/** Operands that are views: what a kernel reads lies transposed, with gaps, repeated or inside a larger tensor. */
import fc from 'fast-check'
import { evaluate } from '../../src/autodiff/interpret.js'
import { allocate, type NdArray, writeView } from '../../src/autodiff/ndarray.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { denseStrides, sizeOf } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { constants } from './tensors.js'

/** A tensor to pass, and how an operand is read from it. */
export interface Operand {
  readonly base: NdArray
  readonly view: (base: Tensor) => Tensor
}

const computed = (f: (x: Tensor) => Tensor, x: NdArray): NdArray => evaluate(f(constants([x])[0] as Tensor))
const digits = (seed: number, count: number, base: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.floor(seed / base ** i) % base)

/** An order of axes, from a seed. */
const orderOf = (seed: number, rank: number): number[] => {
  const rest = [...Array(rank).keys()]
  return Array.from({ length: rank }, (_, i) => rest.splice(Math.floor(seed / 7 ** i) % rest.length, 1)[0] as number)
}

const dense = (base: NdArray): Operand => ({ base, view: x => x })

const transposed = (x: NdArray, seed: number): Operand => {
  const order = orderOf(seed, x.shape.length)
  return {
    base: computed(y => $.transpose(y, order), x),
    view: y =>
      $.transpose(
        y,
        order.map((_, axis) => order.indexOf(axis))
      )
  }
}

/** Every other element, or all, of a larger tensor; what lies between must not be read. */
const sliced = (x: NdArray, seed: number): Operand => {
  const rank = x.shape.length
  const [before, after] = [digits(seed, rank, 3), digits(seed >> 3, rank, 2)]
  const step = digits(seed >> 6, rank, 2).map(digit => digit + 1)
  const stop = x.shape.map((extent, axis) => (before[axis] as number) + (extent - 1) * (step[axis] as number) + 1)
  const shape = stop.map((end, axis) => end + (after[axis] as number))
  const data = allocate(x.dtype, sizeOf(shape)).fill(x.dtype === 'f32' ? Number.NaN : 2 ** 31 - 1)
  const strides = denseStrides(shape)
  const offset = strides.reduce((sum, stride, axis) => sum + stride * (before[axis] as number), 0)
  writeView(
    data,
    { shape: x.shape, strides: strides.map((stride, axis) => stride * (step[axis] as number)), offset },
    x.data
  )
  return {
    base: { data, shape, dtype: x.dtype },
    view: y =>
      $.slice(
        y,
        stop.map((end, axis) => [before[axis], end, step[axis]])
      )
  }
}

/** Rows of a transposed matrix in another shape: strides cannot say it. */
const reshaped = (x: NdArray, seed: number): Operand => {
  const size = sizeOf(x.shape)
  const divisors = [...Array(size).keys()].map(i => i + 1).filter(n => size % n === 0)
  const rows = divisors[seed % divisors.length] as number
  return {
    base: computed(y => $.transpose($.reshape(y, [rows, size / rows])), x),
    view: y => $.reshape($.transpose(y), x.shape)
  }
}

/** One element for all along some axes. */
const repeated = (x: NdArray, seed: number): Operand => {
  const along = digits(seed, x.shape.length, 2)
  return {
    base: computed(
      y =>
        $.slice(
          y,
          along.map(digit => (digit ? [0, 1] : []))
        ),
      x
    ),
    view: y => $.broadcastTo(y, x.shape)
  }
}

/** The inner part, with zeros around and between. */
const padded = (x: NdArray, seed: number): Operand => {
  const before = digits(seed, x.shape.length, 2).map((digit, axis) => ((x.shape[axis] as number) > 1 ? digit : 0))
  const interior = digits(seed >> 4, x.shape.length, 2)
  const specs = x.shape.map((_, axis) => [before[axis], null, (interior[axis] as number) + 1])
  const base = computed(y => $.slice(y, specs), x)
  const after = x.shape.map(
    (extent, axis) =>
      extent - (before[axis] as number) - (((base.shape[axis] as number) - 1) * ((interior[axis] as number) + 1) + 1)
  )
  return { base, view: y => $.pad(y, before, after, interior) }
}

/** Those that keep the values of what they are given, and those of floats that may change them. */
const faithful = { dense, transposed, sliced, reshaped }
const all = { ...faithful, repeated, padded }

export interface Disguise {
  readonly floats: keyof typeof all
  readonly integers: keyof typeof faithful
  readonly seed: number
}
export const disguises: fc.Arbitrary<Disguise> = fc.record({
  floats: fc.constantFrom(...(Object.keys(all) as (keyof typeof all)[])),
  integers: fc.constantFrom(...(Object.keys(faithful) as (keyof typeof faithful)[])),
  seed: fc.nat({ max: 2 ** 24 })
})

/**
 * An operand that has the value `x`, or, of floats, one of its shape. Indices keep their values, so that they stay in
 * range.
 */
export const disguised = (x: NdArray, { floats, integers, seed }: Disguise): Operand =>
  x.dtype === 'f32' ? all[floats](x, seed) : faithful[integers](x, seed)
