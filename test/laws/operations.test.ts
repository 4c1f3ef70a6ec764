/**
 * Laws of every operation that an edge of a space may hold, at strides 1 and 2, for one channel, several and an odd
 * number, on images of odd and of even sizes: the shape, derivatives of order 1 and 2 on the reference, and value and
 * gradient on the device.
 */
import { describe, expect, it } from 'vitest'
import { checkGrads } from '../../src/autodiff/check.js'
import { vjp } from '../../src/autodiff/grad.js'
import type { NdArray } from '../../src/autodiff/ndarray.js'
import { type Shape, ShapeError, sizeOf } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { Activation, Layer } from '../../src/nas/space/layers.js'
import { OPERATIONS, type Operation } from '../../src/nas/space/operations.js'
import { backends, evaluateOn } from '../backends.js'
import { constants } from './tensors.js'
import { anything, array, between, spread } from './values.js'

const BATCH = 2

interface Case {
  readonly stride: 1 | 2
  readonly channels: 1 | 4 | 7
  readonly size: readonly [number, number]
}
const cases: readonly Case[] = ([1, 2] as const).flatMap(stride =>
  ([1, 4, 7] as const).flatMap(channels =>
    (
      [
        [5, 7],
        [6, 4]
      ] as const
    ).map(size => ({ stride, channels, size }))
  )
)

/** Batch norms with a scale and a shift and without, pools with a batch norm and without. */
const layerOf = (operation: Operation, { stride, channels, size }: Case): Layer | undefined =>
  operation({ name: 'op', channels, stride, size, affine: channels !== 4, normAfterPool: channels !== 7 })

const resultOf = ({ stride, channels, size }: Case): Shape => [
  BATCH,
  channels,
  ...size.map(extent => Math.ceil(extent / stride))
]

/** Halving without a loss takes an even number of channels, and images of even sizes. */
const isRefused = (name: string, { stride, channels, size }: Case): boolean =>
  name === 'skip_connect' && stride === 2 && [channels, ...size].some(extent => extent % 2 === 1)

/** A layer as a function of the image, its weights and its noise, and values for them. No two pixels are a tie. */
const problemOf = ({ parameters, noises, apply }: Layer, { channels, size }: Case, activation: Activation) => {
  const args: readonly NdArray[] = [
    array(spread, 1, [BATCH, channels, ...size]),
    ...parameters.map(({ shape, start }, i) => {
      const width = start.kind === 'uniform' ? Math.sqrt(3 / start.fanIn) : 0.5
      const middle = start.kind === 'uniform' ? 0 : start.value
      return array(between(middle - width, middle + width), 2 + i, shape)
    }),
    ...noises.map(({ shape }, i) => array(anything, 100 + i, [BATCH, ...shape]))
  ]
  const named = (names: readonly { readonly name: string }[], tensors: readonly Tensor[]) =>
    Object.fromEntries(names.map(({ name }, i) => [name, tensors[i] as Tensor]))
  const f = (...[x, ...rest]: readonly Tensor[]): Tensor => {
    const [weights, drawn] = [rest.slice(0, parameters.length), rest.slice(parameters.length)]
    return apply({ weights: named(parameters, weights), noise: named(noises, drawn), activation }, x as Tensor).y
  }
  return { f, args }
}

/** The value and the gradients along a cotangent. */
const differentiated =
  (f: (...x: readonly Tensor[]) => Tensor) =>
  (...[u, ...x]: readonly Tensor[]): readonly Tensor[] => {
    const [y, pullback] = vjp(f, ...x)
    return [y, ...pullback(u as Tensor, { unreached: 'zero' })]
  }

/**
 * Of the sum of all cotangents' sizes, of which every gradient is made; values are of size 1. Sums of some hundred
 * products, normalised twice, in float32.
 */
const TOLERANCE = 2e-6

describe.each(Object.entries(OPERATIONS).filter(([name]) => name !== 'none'))('%s', (name, operation) => {
  const given = cases.filter(one => !isRefused(name, one))
  const layers = given.map(one => layerOf(operation, one) as Layer)

  it('has the shape of the image over the stride, or refuses it', () => {
    for (const one of cases) {
      const { f, args } = problemOf(layerOf(operation, one) as Layer, one, 'relu')
      if (isRefused(name, one)) expect(() => f(...constants(args))).toThrow(ShapeError)
      else expect(f(...constants(args)).shape).toEqual(resultOf(one))
    }
  })

  it('has the derivatives of order 1 and 2 that central differences have', () => {
    given.forEach((one, i) => {
      // A ReLU behind a convolution is 0 where it will: its smooth stand-in is checked, and the ReLU on the device.
      const { f, args } = problemOf(layers[i] as Layer, one, 'softplus')
      checkGrads(f, constants(args), { order: 2 })
    })
  })

  it('has on the device the value and the gradients of the reference', async () => {
    const problems = given.map((one, i) => {
      const { f, args } = problemOf(layers[i] as Layer, one, 'relu')
      return { f: differentiated(f), args: [array(anything, 50, resultOf(one)), ...args] }
    })
    const all = (...x: readonly Tensor[]): readonly Tensor[] => {
      let next = 0
      return problems.flatMap(({ f, args }) => f(...args.map(() => x[next++] as Tensor)))
    }
    const args = problems.flatMap(one => one.args)
    const [got, wanted] = [await evaluateOn(backends.gpu, all, args), await evaluateOn(backends.reference, all, args)]
    let result = 0
    problems.forEach(({ args: [u, ...x] }, n) => {
      const bound = TOLERANCE * Array.from((u as NdArray).data).reduce((sum, value) => sum + Math.abs(value), 0)
      for (const { shape } of [u as NdArray, ...x]) {
        const [found, right] = [got[result]?.data ?? [], wanted[result]?.data ?? []]
        expect([found.length, right.length]).toEqual([sizeOf(shape), sizeOf(shape)])
        for (let i = 0; i < right.length; i++)
          if (!(Math.abs((found[i] as number) - (right[i] as number)) <= bound))
            expect.fail(`case ${n}, result ${result}, element ${i}: ${found[i]} instead of ${right[i]}, bound ${bound}`)
        result++
      }
    })
    expect(result).toBe(wanted.length)
  })
})

it('none is no layer', () => {
  for (const one of cases) expect(layerOf(OPERATIONS['none'] as Operation, one)).toBeUndefined()
})
