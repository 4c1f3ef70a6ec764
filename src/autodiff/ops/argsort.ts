/**
 * The order that sorts, as indices: blocks by counting, then runs merged two by two. Integers, without cotangent;
 * `sort.ts` has the values, which are taken at these places and so have a derivative.
 *
 * 2^20 floats are 15 launches, some 0.4 s on a software adapter of two busy cores.
 *
 * The order is that of NumPy: stable, -0 and 0 equal, every NaN equal and behind all numbers. Descending it is that of
 * torch, its reverse but for ties, which stay in order: NaN comes first.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { DType } from '../../kernels/spec.js'
import { allocate, type NdArray } from '../ndarray.js'
import { bind, leading, primitive } from '../primitive.js'
import { type Aval, axisOf, checkOptions, refuse, show, sizeOf } from '../shape.js'
import { type Primitive, requireTensor, type Tensor } from '../tensor.js'
import { moveAxis } from './movement.js'

/** Elements that are sorted by counting: each looks at all of its block. */
const BLOCK = 64
/** Elements that an invocation merges, after it has found by bisection where it begins. */
const STRETCH = 8

interface Direction {
  readonly [key: string]: unknown
  readonly descending: boolean
}

/** The order of two elements by their places: below 0 where the first comes before the second, 0 where neither does. */
const comparing =
  ({ data }: NdArray, { descending }: Direction) =>
  (first: number, second: number): number => {
    const [a, b] = [data[first] as number, data[second] as number]
    const order =
      Number.isNaN(a) || Number.isNaN(b)
        ? Number(Number.isNaN(a)) - Number(Number.isNaN(b))
        : Number(a > b) - Number(a < b)
    return descending ? -order : order
  }

/** Whole numbers in the order of what is sorted, from its bits: the shaders compare these. */
const KEYS: Readonly<Record<DType, string>> = {
  f32: 'select(float_key(bits), 0xffffffffu, (bits & ABSOLUTE) > INFINITY)',
  i32: 'bits ^ 0x80000000u',
  u32: 'bits'
}
const keyText = ([x]: readonly Aval[], attributes: Readonly<Record<string, unknown>>): string => {
  const key = KEYS[(x as Aval).dtype]
  return `fn key(bits: u32) -> u32 { return ${attributes['descending'] ? `~(${key})` : key}; }`
}

const rowsOf = (shape: readonly number[]): readonly [number, number] => {
  const extent = shape.at(-1) as number
  return [sizeOf(shape) / extent, extent]
}

const blocksPrimitive: Primitive<Direction> = primitive({
  name: 'sort_blocks',
  shape: ([x]) =>
    (x as Aval).shape.length > 0
      ? E.right({ shape: (x as Aval).shape, dtype: 'i32' as const })
      : refuse('argsort', 'a tensor with at least one axis', show(x as Aval), 'reshape it to [1]'),
  reference: ([x], attributes, out) => {
    const result = allocate('i32', sizeOf(out.shape))
    const [rows, extent] = rowsOf(out.shape)
    const order = comparing(x as NdArray, attributes)
    for (let base = 0; base < rows * extent; base += extent)
      for (let start = 0; start < extent; start += BLOCK) {
        const places = Array.from({ length: Math.min(BLOCK, extent - start) }, (_, i) => start + i)
        result.set(
          places.sort((a, b) => order(base + a, base + b)),
          base + start
        )
      }
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'sort_blocks',
    op: keyText,
    params: (_, __, out) => [sizeOf(out.shape), rowsOf(out.shape)[1]]
  },
  vjp: 'zero',
  batch: leading
})

const mergePrimitive: Primitive<Direction & { readonly width: number }> = primitive({
  name: 'merge_runs',
  shape: ([x, order], { width }) =>
    (x as Aval).shape.length > 0 &&
    (order as Aval).dtype === 'i32' &&
    (order as Aval).shape.join() === (x as Aval).shape.join() &&
    Number.isInteger(width) &&
    width >= STRETCH &&
    width % STRETCH === 0
      ? E.right({ shape: (x as Aval).shape, dtype: 'i32' as const })
      : refuse(
          'argsort',
          'an i32 order of what is sorted',
          `${show(x as Aval)} and ${show(order as Aval)}`,
          'use argsort'
        ),
  reference: ([x, runs], attributes, out) => {
    const result = allocate('i32', sizeOf(out.shape))
    const [rows, extent] = rowsOf(out.shape)
    const order = comparing(x as NdArray, attributes)
    const { data } = runs as NdArray
    for (let base = 0; base < rows * extent; base += extent)
      for (let start = base; start < base + extent; start += 2 * attributes.width) {
        const [middle, end] = [start + attributes.width, start + 2 * attributes.width].map(at =>
          Math.min(at, base + extent)
        ) as [number, number]
        for (let at = start, i = start, j = middle; at < end; at++) {
          const isLeft = j >= end || (i < middle && order(base + (data[i] as number), base + (data[j] as number)) <= 0)
          result[at] = data[isLeft ? i++ : j++] as number
        }
      }
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'merge_runs',
    op: keyText,
    params: (_, attributes, out) => [sizeOf(out.shape), rowsOf(out.shape)[1], attributes['width'] as number],
    invocations: (_, __, out) => rowsOf(out.shape)[0] * Math.ceil(rowsOf(out.shape)[1] / STRETCH)
  },
  vjp: 'zero',
  batch: leading
})

/** Options of what sorts: `descending` puts the largest first, and NaN before it. */
export interface SortOptions {
  readonly descending?: boolean
}

/**
 * The places along `axis` of the sorted elements, i32 (`numpy.argsort`, `torch.argsort`): stable, NaN last. Of any
 * dtype, without cotangent.
 * @example $.argsort($.tensor([3, 1, 2])) // [1, 2, 0]
 */
export const argsort = (x: Tensor, axis = -1, options: SortOptions = {}): Tensor => {
  const { descending = false } = checkOptions('argsort', options, ['descending'])
  const found = axisOf('argsort', axis, requireTensor('argsort', x).shape.length)
  const rows = moveAxis(x, found, -1)
  const extent = x.shape[found] as number
  let order = bind(blocksPrimitive, [rows], { descending })
  for (let width = BLOCK; width < extent; width *= 2) order = bind(mergePrimitive, [rows, order], { width, descending })
  return moveAxis(order, -1, found)
}
