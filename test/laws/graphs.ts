/**
 * Random functions: small expression graphs over all families of operations, of tensors of ranks 0 to 4. They are
 * smooth where they are taken: kinks and ties are kept away by constants, and values stay near 1 at any depth.
 */
import fc from 'fast-check'
import type { NdArray } from '../../src/autodiff/ndarray.js'
import * as nn from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { type Shape, sizeOf } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { anything, array, spread, whole } from './values.js'

const square = (x: Tensor): Tensor => $.mul(x, x)
/** At least 0.5. */
const large = (x: Tensor): Tensor => $.add(square($.tanh(x)), 0.5)
const constant = (fill: typeof anything, seed: number, shape: Shape): Tensor => {
  const { data } = array(fill, seed, shape)
  return $.tensor(data, shape)
}
/** Far apart from each other, whatever x is. */
const distinct = (x: Tensor, seed: number): Tensor => $.add($.tanh(x), $.mul(constant(spread, seed, x.shape), 50))
const indices = (seed: number, shape: Shape, below: number): Tensor =>
  $.tensor(array(whole(0, below), seed, shape, 'i32').data, shape, 'i32')

/** `y` in another shape: its elements if there are as many, else one number made of it. */
const matching = (y: Tensor, shape: Shape): Tensor =>
  sizeOf(y.shape) === sizeOf(shape) ? $.reshape(y, shape) : $.broadcastTo(nn.norm(large(y)), shape)

const reversed = (x: Tensor): number[] => [...x.shape.keys()].reverse()
/** As an image of one channel or more, and as a matrix. */
const image = (x: Tensor): Tensor => $.reshape(x, [1, ...[1, 1, 1, ...x.shape].slice(-3)].with(1, -1))
const matrix = (x: Tensor): Tensor => $.reshape(x, [-1, x.shape.at(-1) ?? 1])
const axisFor = (x: Tensor, seed: number): number => (x.shape.length ? seed % x.shape.length : 0)
const vector = (x: Tensor): Tensor => (x.shape.length ? x : $.reshape(x, [1]))

type Step = (x: Tensor, y: Tensor, seed: number) => Tensor

/** What a step of a graph may do with two tensors made before and a number. */
const steps: Readonly<Record<string, Step>> = {
  add: (x, y) => $.add(x, matching(y, x.shape)),
  sub: (x, y) => $.sub(matching(y, x.shape), x),
  mul: (x, y) => $.mul($.tanh(x), matching(y, x.shape)),
  div: (x, y) => $.div(x, large(matching(y, x.shape))),
  exp: x => $.exp($.tanh(x)),
  log: x => $.log(large(x)),
  sqrt: x => $.sqrt(large(x)),
  rsqrt: x => $.rsqrt(large(x)),
  tanh: x => $.tanh(x),
  sigmoid: x => $.neg($.sigmoid(x)),
  abs: x => $.mul(x, $.abs($.sub(large(x), 5))),
  relu: (x, y) => $.add($.relu($.sub(large(x), 0.2)), $.relu($.sub(-2, large(matching(y, x.shape))))),
  maximum: (x, y) => $.maximum($.tanh(x), $.add($.tanh(matching(y, x.shape)), 3)),
  minimum: (x, y) => $.minimum($.tanh(x), $.add($.tanh(matching(y, x.shape)), 3)),
  pow: (x, _, seed) => $.pow(large(x), [2, 3, -1, 0.5, -1.5][seed % 5] as number),
  where: (x, y, seed) =>
    $.where($.greater(constant(anything, seed, x.shape), 0), x, square($.tanh(matching(y, x.shape)))),
  sum: (x, _, seed) => $.tanh($.sum(vector(x), axisFor(x, seed), { keepDims: seed % 2 === 0 })),
  mean: x => $.variance(x, undefined, { keepDims: true }),
  max: (x, _, seed) => $.max(distinct(vector(x), seed), axisFor(x, seed)),
  reshape: x => $.reshape(x, [1, -1]),
  broadcast: x => (sizeOf(x.shape) < 20 && x.shape.length < 4 ? $.broadcastTo(x, [2, ...x.shape]) : x),
  transpose: x => $.transpose(x, reversed(x)),
  slice: (x, _, seed) =>
    $.slice(
      x,
      x.shape.map((extent, axis) => [(seed >> axis) % extent, null, 1 + (seed % 2)])
    ),
  pad: (x, _, seed) =>
    sizeOf(x.shape) < 20
      ? $.pad(
          x,
          x.shape.map((__, axis) => (seed >> axis) % 2),
          x.shape.map(() => 1)
        )
      : x,
  concat: (x, y, seed) =>
    sizeOf(x.shape) < 20 ? $.concat([vector(x), vector(matching(y, x.shape))], axisFor(x, seed)) : x,
  matmul: (x, y) => $.tanh($.matmul(matrix(x), $.transpose(matrix(matching(y, x.shape))))),
  take: (x, _, seed) => $.take(vector(x), indices(seed, [2], vector(x).shape[0] as number), 0),
  scatter: (x, _, seed) => $.scatterAdd(vector(x), indices(seed, [vector(x).shape[0] as number], 3), 0, 3),
  conv2d: (x, _, seed) => {
    const picture = image(x)
    const channels = picture.shape[1] as number
    const groups = seed % 2 ? channels : 1
    return $.tanh(
      $.conv2d(picture, constant(anything, seed, [groups, channels / groups, 2, 3]), {
        padding: [1, 1],
        stride: [1, 2],
        groups
      })
    )
  },
  maxPool2d: (x, _, seed) => $.maxPool2d(distinct(image(x), seed), { kernel: 2, stride: 2, padding: 1 }),
  avgPool2d: x => $.avgPool2d(image(x), { kernel: 3, stride: 2, padding: 1 }),
  softmax: x => nn.softmax(vector(x)),
  logSoftmax: x => nn.logSoftmax(vector(x), 0),
  batchNorm: x => (sizeOf(x.shape) > 1 ? nn.batchNorm(distinct($.reshape(x, [-1, 1]), 1), undefined, 0.1).y : x),
  cosine: (x, y) => nn.cosine($.add(large(x), 0.1), large(matching(y, x.shape)))
}

export interface RandomFunction {
  readonly args: readonly NdArray[]
  readonly f: (...x: readonly Tensor[]) => readonly Tensor[]
}

const words = fc.nat({ max: 2 ** 20 })
const step = fc.record({ name: fc.constantFrom(...Object.keys(steps)), x: words, y: words, seed: words })

/** A function of one to three tensors that gives a list of tensors, and arguments for it. */
export const randomFunctions = (most = 6): fc.Arbitrary<RandomFunction> =>
  fc
    .record({
      shapes: fc.array(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 }), { minLength: 1, maxLength: 3 }),
      seed: words,
      program: fc.array(step, { minLength: 1, maxLength: most })
    })
    .map(({ shapes, seed, program }) => ({
      args: shapes.map((shape, i) => array(anything, seed + 2 ** 32 * i, shape)),
      f: (...x) => {
        const made = [...x]
        const pick = (word: number) => made[word % made.length] as Tensor
        for (const one of program) made.push((steps[one.name] as Step)(pick(one.x), pick(one.y), one.seed))
        // Every tensor that was made counts, or most of the graph would be dead.
        return made.slice(x.length)
      },
      [fc.toStringMethod]: () => JSON.stringify({ shapes, seed, program })
    }))
