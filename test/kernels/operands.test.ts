/**
 * Each kernel is held to the reference where its operands are parts of larger arguments and its result is a part of a
 * larger one, each beginning somewhere else: what it takes for granted of where things lie is seen.
 */
import { describe, expect, it } from 'vitest'
import * as $ from '../../src/autodiff/ops/index.js'
import { type Shape, sizeOf } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import { select } from '../../src/kernels/select.js'
import { backends, evaluateOn } from '../backends.js'
import { device } from '../device.js'
import { EXAMPLES, type Example, fromFurther, OTHERS, plainOf, shadersOf, TILES } from './examples.js'

/** The result begins `before` elements into a larger one. */
const intoLarger = ({ f, shapes, facts }: Example, before = 20): Example => ({
  f: (...x) => $.concat([x.at(-1) as Tensor, $.reshape(f(...x.slice(0, -1)), [-1])]),
  shapes: [...shapes, [before]],
  facts
})

/** Positive, so that no sum cancels to less than a fault. */
const values = (shape: Shape, seed: number): Float32Array<ArrayBuffer> =>
  Float32Array.from(
    { length: sizeOf(shape) },
    (_, i) => 0.2 + (((Math.imul(i + 1, 2654435761) ^ Math.imul(seed, 40503)) >>> 8) % 1000) / 600
  )
/**
 * Of each element: sums of some hundred positive terms in another order, and the polynomials of shaders/common.wgsl.
 */
const TOLERANCE = 3e-6

const expectAgreement = async ({ f, shapes, facts }: Example): Promise<void> => {
  const args = shapes.map((shape, seed) => ({ shape, dtype: 'f32' as const, data: values(shape, seed) }))
  const on = (kind: keyof typeof backends) => evaluateOn(backends[kind], (...x) => [f(...x)], args as never)
  const [[got], [wanted]] = [await on(facts === TILES ? 'tiles' : 'gpu'), await on('reference')] as [
    [HostArray],
    [HostArray]
  ]
  expect(got.shape).toEqual(wanted.shape)
  wanted.data.forEach((right, i) => {
    const found = got.data[i] as number
    if (!(Math.abs(found - right) <= TOLERANCE * Math.abs(right)))
      expect.fail(`element ${i} is ${found} where ${right} is right`)
  })
}

describe.each(Object.entries({ ...EXAMPLES, ...OTHERS }))('in the program of %s', (name, example) => {
  const chosen = (one: Example) => shadersOf(select(plainOf(one), one.facts === TILES ? TILES : device.info))
  const usual = chosen(example)
  it.each([
    ['operands that begin at different places', fromFurther(example)],
    ['a result that is a part', intoLarger(example)],
    ['both', intoLarger(fromFurther(example))]
  ])('%s', async (_, one) => {
    if (usual.includes(name)) expect(chosen(one)).toContain(name)
    await expectAgreement(one)
  })
  it.each([
    ...example.shapes.map((_, k) => [`operand ${k} alone begins between two vec4s`, fromFurther(example, k)] as const),
    ['a result that begins between two vec4s', intoLarger(example, 22)] as const
  ])('%s', (_, one) => expectAgreement(one))
})
