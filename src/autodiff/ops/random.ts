/**
 * Randomness from a key, by the generator of `threefry.ts`, so that both backends draw equal bits. A key is u32[2].
 * Equal keys give equal numbers: split a key before using it twice.
 */
import * as E from 'fp-ts/lib/Either.js'
import { allocate, type NdArray } from '../ndarray.js'
import { bind, leading, primitive } from '../primitive.js'
import {
  type Aval,
  checkExtents,
  checkNumbers,
  describe,
  fail,
  named,
  refuse,
  type Shape,
  show,
  sizeOf
} from '../shape.js'
import type { Primitive, Tensor } from '../tensor.js'
import { type Key, keyOf, normalOf, randomWords, uniformOf } from '../threefry.js'

export type { Key } from '../threefry.js'

import { reshape } from './broadcast.js'
import { tensor } from './core.js'
import { slice } from './movement.js'

const drawShape =
  (name: string, dtype: 'f32' | 'u32'): Primitive<{ readonly shape: Shape }>['shape'] =>
  ([key], { shape }) =>
    (key as Aval).dtype === 'u32' && (key as Aval).shape.at(-1) === 2
      ? E.map((whole: Shape) => ({ shape: whole, dtype }))(
          checkExtents(name, [...(key as Aval).shape.slice(0, -1), ...checkNumbers(name, 'a shape', shape)])
        )
      : refuse(name, 'a key u32[..., 2]', show(key as Aval), 'make one with key(seed)')

/** Keys u32[..., 2] give each numbers of the shape `shape`. */
const draw = (
  name: string,
  dtype: 'f32' | 'u32',
  f: (word: number) => number,
  expression: string
): Primitive<{ readonly shape: Shape }> =>
  primitive({
    name,
    shape: drawShape(name, dtype),
    reference: ([keys], { shape }, out) => {
      const result = allocate(dtype, sizeOf(out.shape))
      const count = sizeOf(shape)
      for (let k = 0; k < result.length / count; k++) {
        const [high, low] = (keys as NdArray).data.subarray(2 * k)
        randomWords([high as number, low as number], count).forEach((word, i) => {
          result[k * count + i] = f(word)
        })
      }
      return result
    },
    kernel: {
      kind: 'shader',
      shader: 'random',
      op: () => `alias Out = ${dtype};\nfn draw(word: u32) -> Out { return ${expression}; }`,
      params: (_, attributes, out) => [sizeOf(out.shape), sizeOf(attributes['shape'] as Shape)]
    },
    vjp: 'zero',
    batch: leading
  })

const bitsPrimitive = draw('random_bits', 'u32', word => word, 'word')
const uniformPrimitive = draw('random_uniform', 'f32', uniformOf, 'unit(word)')
const normalPrimitive = draw('random_normal', 'f32', normalOf, 'normal(word)')

/** A key as a tensor, u32[2]. */
export const key = (seed: number | Key): Tensor => {
  const isSeed = typeof seed === 'number' && Number.isSafeInteger(seed) && seed >= 0
  const isKey = Array.isArray(seed) && seed.length === 2
  if (!isSeed && !isKey) fail('key', 'a whole number of 0 to 2^53, or two words', describe(seed), 'choose another seed')
  return tensor(typeof seed === 'number' ? keyOf(seed) : seed, [2], 'u32')
}

/** A list of a literal length, up to 64, as a tuple; of another length, as a list. */
export type ListOf<A, N extends number, Made extends readonly A[] = readonly []> = number extends N
  ? readonly A[]
  : Made['length'] extends N
    ? Made
    : Made['length'] extends 64
      ? readonly A[]
      : ListOf<A, N, readonly [...Made, A]>

/**
 * `count` independent keys from one, which must not be used again. Their number, where it is written out, is in the
 * type.
 * @example const [first, second] = $.split($.key(0))
 */
export const split = <N extends number = 2>(from: Tensor, count: N = 2 as N): ListOf<Tensor, N> =>
  named('split', () => {
    const words = randomBits(from, [count, 2])
    const keys: readonly Tensor[] = Array.from({ length: count }, (_, i) => reshape(slice(words, [[i, i + 1]]), [2]))
    return keys as ListOf<Tensor, N>
  })

/** 32 random bits an element. */
export const randomBits = (from: Tensor, shape: Shape): Tensor =>
  named('randomBits', () => bind(bitsPrimitive, [from], { shape }))

/** Uniform on [0, 1), equal on both backends. */
export const randomUniform = (from: Tensor, shape: Shape): Tensor =>
  named('randomUniform', () => bind(uniformPrimitive, [from], { shape }))

/** Standard normal, equal on both backends to rounding. */
export const randomNormal = (from: Tensor, shape: Shape): Tensor =>
  named('randomNormal', () => bind(normalPrimitive, [from], { shape }))
