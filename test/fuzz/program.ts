/**
 * Programs as data: what the fuzzer makes, shrinks and keeps. A program has arguments, steps that each make a value of
 * values before them, and results, of which it gives the values and, on demand, the derivatives of first and second
 * order.
 */
import { grad, hvp } from '../../src/autodiff/grad.js'
import type { NdArray } from '../../src/autodiff/ndarray.js'
import * as nn from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { type Shape, sizeOf } from '../../src/autodiff/shape.js'
import type { DType, Tensor } from '../../src/autodiff/tensor.js'
import { anything, array, type Fill, positive, spread, whole } from '../laws/values.js'

/** What an argument holds; its numbers follow from the seed. */
export interface Argument {
  readonly shape: Shape
  readonly fill: keyof typeof FILLS
  /** Of `indices`: the first number that does not occur. */
  readonly below?: number
  readonly seed: number
}

export interface Step {
  readonly op: keyof typeof OPS
  /** Values that it takes: arguments first, then the results of steps. */
  readonly of: readonly number[]
  readonly with?: Readonly<Record<string, unknown>>
}

export interface FuzzProgram {
  readonly args: readonly Argument[]
  readonly steps: readonly Step[]
  /** Values that are given, and differentiated. */
  readonly results: readonly number[]
  /**
   * 0: values alone; 1: with the gradient of a sum of them in all arguments of floats; 2: with the Hessian of that
   * along a direction.
   */
  readonly order: 0 | 1 | 2
  /** What the results are multiplied with before they are added: ones, which nobody has to load, or numbers. */
  readonly cotangent: 'ones' | 'numbers'
  readonly fused: boolean
  /** Run with every check of the engine: kernels held to plain ones, slots filled with NaN. */
  readonly checked?: boolean
}

/** In a few values many ties; without a seed's luck from 0 to 4. */
const FILLS = {
  anything,
  positive,
  spread,
  whole: whole(-4, 5),
  indices: whole(0, 4)
} satisfies Record<string, Fill>

const dtypeOf = (fill: Argument['fill']): DType => (fill === 'indices' ? 'i32' : 'f32')

export const dataOf = ({ shape, fill, below, seed }: Argument): NdArray => {
  // Sorting millions of numbers takes seconds: those are far apart as they are, nearly always.
  const kind = fill === 'spread' && sizeOf(shape) > 2 ** 17 ? 'anything' : fill
  return array(fill === 'indices' ? whole(0, below ?? 4) : FILLS[kind], seed, shape, dtypeOf(fill))
}

/** What steps are told besides their operands; each knows its own. */
interface Options extends $.ConvOptions {
  readonly value: number
  readonly exponent: number
  readonly axis: number
  readonly axes: readonly number[]
  readonly keepDims: boolean
  readonly descending: boolean
  readonly reverse: boolean
  readonly shape: Shape
  readonly permutation: readonly number[]
  readonly specs: readonly $.SliceSpec[]
  readonly before: readonly number[]
  readonly after: readonly number[]
  readonly interior: readonly number[]
  readonly extent: number
  readonly classes: number
  readonly seed: number
  readonly kind: 'uniform' | 'normal'
}
type Op = (x: readonly Tensor[], options: Options) => Tensor

const x1 =
  (f: (x: Tensor) => Tensor): Op =>
  ([x]) =>
    f(x as Tensor)
const x2 =
  (f: (x: Tensor, y: Tensor) => Tensor): Op =>
  ([x, y]) =>
    f(x as Tensor, y as Tensor)
/** At least 0.5. */
const large = (x: Tensor): Tensor => $.add($.mul(x, x), 0.5)
/** Sizes of at most 1: nothing grows without bound. */
const bounded = (x: Tensor): Tensor => $.tanh(x)

/**
 * All operations, by name. Those that could leave their domain, or grow, take their operand through something that
 * keeps it tame.
 */
export const OPS = {
  add: x2($.add),
  sub: x2($.sub),
  mul: x2((x, y) => $.mul(x, bounded(y))),
  square: x1(x => $.mul(bounded(x), bounded(x))),
  div: x2((x, y) => $.div(x, large(bounded(y)))),
  addNumber: ([x], { value }) => $.add(x as Tensor, value),
  mulNumber: ([x], { value }) => $.mul(x as Tensor, value),
  subNumber: ([x], { value }) => $.sub(x as Tensor, value),
  subFrom: ([x], { value }) => $.sub(value, x as Tensor),
  divNumber: ([x], { value }) => $.div(x as Tensor, value),
  constant: (_, { shape, seed }) => {
    const { data } = array(whole(-2, 3), seed, shape)
    return $.tensor(data, shape)
  },
  neg: x1($.neg),
  exp: x1(x => $.exp(bounded(x))),
  log: x1(x => $.log(large(x))),
  sqrt: x1(x => $.sqrt(large(x))),
  rsqrt: x1(x => $.rsqrt(large(x))),
  tanh: x1($.tanh),
  sigmoid: x1($.sigmoid),
  abs: x1($.abs),
  sign: x1($.sign),
  relu: x1($.relu),
  maximum: x2($.maximum),
  minimum: x2($.minimum),
  pow: ([x], { exponent }) => $.pow(large(bounded(x as Tensor)), exponent),
  where: ([c, x, y]) => $.where($.greater(c as Tensor, 0.25), x as Tensor, y as Tensor),
  isEqual: x2((x, y) => $.convert($.equal(x, y), 'f32')),
  isLess: x2((x, y) => $.convert($.not($.less(x, y)), 'f32')),
  isFinite: x1(x => $.convert($.isFinite(x), 'f32')),
  truncated: x1(x => $.convert($.convert($.mul(x, 3), 'i32'), 'f32')),
  stopGradient: x1($.stopGradient),
  custom: x1(x =>
    $.customVjp(
      y => $.mul(y as Tensor, y as Tensor),
      (g, [y]) => [$.mul(g, $.mul(y as Tensor, 2))]
    )(bounded(x))
  ),

  sum: ([x], { axes, keepDims }) => $.sum(x as Tensor, axes, { keepDims }),
  mean: ([x], { axes, keepDims }) => $.mean(x as Tensor, axes, { keepDims }),
  max: ([x], { axes, keepDims }) => $.max(x as Tensor, axes, { keepDims }),
  argmax: ([x], { axis }) => $.convert($.argmax(x as Tensor, axis), 'f32'),
  reshape: ([x], { shape }) => $.reshape(x as Tensor, shape),
  broadcast: ([x], { shape }) => $.broadcastTo(x as Tensor, shape),
  transpose: ([x], { permutation }) => $.transpose(x as Tensor, permutation),
  slice: ([x], { specs }) => $.slice(x as Tensor, specs),
  pad: ([x], { before, after, interior }) => $.pad(x as Tensor, before, after, interior),
  concat: (x, { axis }) => $.concat(x, axis),
  matmul: x2($.matmul),
  take: ([x, indices], { axis }) => $.take(x as Tensor, indices as Tensor, axis),
  scatterAdd: ([x, indices], { axis, extent }) => $.scatterAdd(x as Tensor, indices as Tensor, axis, extent),
  takeAlong: ([x, indices], { axis }) => $.takeAlong(x as Tensor, indices as Tensor, axis),
  scatterAddAlong: ([x, indices], { axis, extent }) => $.scatterAddAlong(x as Tensor, indices as Tensor, axis, extent),
  sort: ([x], { axis, descending }) => $.sort(x as Tensor, axis, { descending }),
  cumsum: ([x], { axis, reverse }) => $.cumsum(x as Tensor, axis, { reverse }),
  flip: ([x], { axis }) => $.flip(x as Tensor, axis),
  oneHot: ([indices], { classes }) => $.oneHot(indices as Tensor, classes),
  conv2d: ([x, w], { stride, padding, dilation, groups }) =>
    $.conv2d(x as Tensor, w as Tensor, { stride, padding, dilation, groups } as $.ConvOptions),
  maxPool2d: ([x], options) => $.maxPool2d(x as Tensor, options as never),
  avgPool2d: ([x], options) => $.avgPool2d(x as Tensor, options as never),
  random: (_, { seed, shape, kind }) => (kind === 'normal' ? $.randomNormal : $.randomUniform)($.key(seed), shape),

  softmax: ([x], { axis }) => nn.softmax(x as Tensor, axis),
  logSoftmax: ([x], { axis }) => nn.logSoftmax(x as Tensor, axis),
  batchNorm: ([x]) => nn.batchNorm(x as Tensor, undefined, 0.1).y,
  norm: ([x], { axes, keepDims }) => nn.norm($.add(large(x as Tensor), 0), axes, { keepDims })
} satisfies Record<string, Op>

/** All values of a program, arguments first. */
export const valuesOf = ({ steps }: Pick<FuzzProgram, 'steps'>, args: readonly Tensor[]): readonly Tensor[] => {
  const made = [...args]
  for (const { op, of, with: options = {} } of steps)
    made.push(
      (OPS[op] as Op)(
        of.map(place => made[place] as Tensor),
        options as unknown as Options
      )
    )
  return made
}

/** The numbers that a derivative is taken with: a tensor like `x` that the graph makes by itself. */
const numbersLike = (x: Tensor, seed: number): Tensor => $.sub($.mul($.randomUniform($.key(seed), x.shape), 2), 1)

/**
 * The function of a program: its results, then the gradients in its arguments of floats, then those of the gradient
 * along a direction.
 */
export const functionOf =
  (program: FuzzProgram) =>
  (...args: readonly Tensor[]): readonly Tensor[] => {
    const { results, order, cotangent } = program
    const floats = [...args.keys()].filter(i => args[i]?.dtype === 'f32')
    const given = (x: readonly Tensor[]) =>
      args.map((arg, i) => (floats.includes(i) ? (x[floats.indexOf(i)] as Tensor) : arg))
    const outputs = (x: readonly Tensor[]) => {
      const made = valuesOf(program, given(x))
      return results.map(place => made[place] as Tensor)
    }
    const total = (x: readonly Tensor[]): Tensor =>
      outputs(x)
        .filter(({ dtype }) => dtype === 'f32')
        .map((y, i) => $.sum(cotangent === 'ones' ? y : $.mul(y, numbersLike(y, i))))
        .reduce((a, b) => $.add(a, b), $.tensor(0))
    const at = floats.map(i => args[i] as Tensor)
    const isDifferentiated = order > 0 && at.length > 0
    return [
      ...outputs(at),
      ...(isDifferentiated ? grad(total, { unreached: 'zero' })(at) : []),
      ...(isDifferentiated && order > 1
        ? hvp(
            total,
            at,
            at.map((x, i) => numbersLike(x, 100 + i)),
            { order: 'reverse-over-reverse' }
          )
        : [])
    ]
  }

const text = (value: unknown): string => JSON.stringify(value)?.replaceAll('"', '') ?? ''

/** A program as a person reads it: a line a value. */
export const show = ({ args, steps, results, order, cotangent, fused, checked }: FuzzProgram): string =>
  [
    ...args.map(
      ({ shape, fill, below, seed }, i) =>
        `v${i} = ${fill}${below === undefined ? '' : ` below ${below}`} [${shape}] of seed ${seed}`
    ),
    ...steps.map(
      ({ op, of, with: options }, i) =>
        `v${args.length + i} = ${op}(${of.map(place => `v${place}`).join(', ')})${options ? ` ${text(options)}` : ''}`
    ),
    `results ${results.map(place => `v${place}`).join(', ')}; derivatives to order ${order}${order ? ` with ${cotangent}` : ''}${fused ? '' : '; unfused'}${checked ? '; checked' : ''}`
  ].join('\n')
