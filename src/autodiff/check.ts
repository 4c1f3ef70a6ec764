/**
 * Derivatives checked by central differences, in float64 on the reference: for whoever writes a rule with `customVjp` or a primitive, or
 * wants to know whether a function is differentiable where they stand.
 */

import { vjp } from './grad.js'
import { interpret } from './interpret.js'
import { input } from './leaves.js'
import { allocate, type NdArray } from './ndarray.js'
import { tensor } from './ops/index.js'
import { checkFunction, checkOptions, show, sizeOf } from './shape.js'
import { isTensor, type Tensor } from './tensor.js'
import { type Key, keyOf, normalOf, randomWords, threefry2x32 } from './threefry.js'
import { leaves, leavesOf, rebuild, type Tree } from './tree.js'

export interface CheckOptions {
  /** Derivatives up to this order: 2 checks the gradient and the gradient of the gradient. Default 2. */
  readonly order?: number
  /** How far the arguments are moved. Default 1e-5, for arguments near 1 that stay further away from any kink. */
  readonly eps?: number
  /** How far derivative and difference may be apart, relative to the sizes of what the derivative adds up. Default 1e-6. */
  readonly tolerance?: number
  /** Decides the random directions. Default 0. */
  readonly seed?: number
}

/** A derivative that is wrong: where it is worst, what differences say there, and what the rules gave. */
export class CheckError extends Error {
  override readonly name = 'CheckError'
  constructor(
    /** As in `argument 0 at 'layers.1.w'`. */
    readonly argument: string,
    readonly entry: readonly number[],
    readonly order: number,
    readonly wanted: number,
    readonly got: number
  ) {
    super(
      `checkGrads wanted the derivative of order ${order} in ${argument}, entry [${entry.join(',')}], to be ${wanted} as central differences say, but got ${got}; mend the vjp it comes from, or stay further away from points where the function is not smooth.`
    )
  }
}

/** What is differentiated: the f32 tensors among the arguments. */
interface Argument {
  readonly name: string
  readonly value: NdArray
}

const normals = (key: Key, count: number): Float64Array => Float64Array.from(randomWords(key, count), normalOf)

/** The arguments moved by `step` along `directions`. */
const moved = (at: readonly Argument[], directions: readonly ArrayLike<number>[], step: number): NdArray[] =>
  at.map(({ value }, k) => {
    const data = allocate('f32', value.data.length)
    for (let i = 0; i < data.length; i++) data[i] = (value.data[i] as number) + step * (directions[k]?.[i] ?? 0)
    return { ...value, data }
  })

/** Rounding of a function's value that a difference may show, in units in the last place: what is added up inside is not known. */
const ROUNDINGS = 64
/** Derivatives smaller than this count as if they were of this size: what should be zero is seldom exactly zero. */
const SMALLEST = 1e-6

/** Checks order `order` and those above it. `below` is the size of the function below: a derivative that is zero was added up from such terms. */
const checkOrder = (
  f: (x: readonly Tensor[]) => readonly Tensor[],
  at: readonly Argument[],
  order: number,
  below: number,
  key: Key,
  { order: highest = 2, eps = 1e-5, tolerance = 1e-6 }: CheckOptions
): void => {
  const random = (purpose: number, index: number, count: number) =>
    normals(threefry2x32(threefry2x32(key, [order, purpose]), [index, 0]), count)
  const inputs = at.map(({ value, name }) => input({ shape: value.shape, dtype: 'f32' }, name))
  const [outputs, pullback] = vjp<readonly Tensor[], readonly Tensor[]>((...x) => f(x), ...inputs)
  // A scalar is taken as it is, so that messages tell its own derivative.
  const scalar = outputs.length === 1 && outputs[0]?.shape.length === 0
  const weights = outputs.map((output, i) => (scalar ? Float64Array.of(1) : random(0, i, sizeOf(output.shape))))
  const cotangents = outputs.map((output, i) => tensor(weights[i] as Float64Array, output.shape))

  const bind = (values: readonly NdArray[]) => new Map(inputs.map((node, k) => [node, values[k] as NdArray]))
  const terms = (values: readonly NdArray[]): number[] =>
    interpret(outputs, bind(values)).flatMap(({ data }, i) => Array.from(data, (y, j) => y * (weights[i]?.[j] as number)))
  const total = (numbers: readonly number[]): number => numbers.reduce((sum, x) => sum + x, 0)
  const size = (numbers: readonly number[]): number => numbers.reduce((sum, x) => sum + Math.abs(x), 0)

  const here = at.map(({ value }) => value)
  const magnitude = Math.max(below, size(terms(here)))
  const rounding = (ROUNDINGS * Number.EPSILON * magnitude) / eps
  const difference = (directions: readonly ArrayLike<number>[]): number =>
    (total(terms(moved(at, directions, eps))) - total(terms(moved(at, directions, -eps)))) / (2 * eps)
  /** How far two numbers are apart beyond what is allowed; NaN counts as infinitely far. */
  const excess = (wanted: number, got: number, scale: number): number => {
    const beyond = Math.abs(wanted - got) - tolerance * Math.max(scale, Math.abs(wanted), SMALLEST) - rounding
    return Number.isNaN(beyond) ? Number.POSITIVE_INFINITY : beyond
  }

  const gradients = interpret(pullback(cotangents, { unreached: 'zero' }), bind(here))
  const directions = at.map(({ value }, k) => random(1, k, value.data.length))
  const products = gradients.flatMap(({ data }, k) => Array.from(data, (g, i) => g * (directions[k]?.[i] as number)))
  if (excess(difference(directions), total(products), size(products)) > 0) {
    const entries = at.flatMap(({ name, value }, k) =>
      Array.from(value.data, (_, i) => {
        const unit = at.map((_, j) => (j === k ? Float64Array.from(value.data, (_, n) => (n === i ? 1 : 0)) : []))
        const [wanted, got] = [difference(unit), gradients[k]?.data[i] as number]
        return { name, entry: indexOf(i, value.shape), wanted, got, excess: excess(wanted, got, Math.abs(got)) }
      })
    )
    const worst = entries.reduce((a, b) => (b.excess > a.excess ? b : a))
    throw new CheckError(worst.name, worst.entry, order, worst.wanted, worst.got)
  }
  if (order < highest)
    checkOrder(
      x => vjp<readonly Tensor[], readonly Tensor[]>((...y) => f(y), ...x)[1](cotangents, { unreached: 'zero' }),
      at,
      order + 1,
      magnitude,
      key,
      { order: highest, eps, tolerance }
    )
}

/** A place in a row-major array as an index on each axis. */
const indexOf = (place: number, shape: readonly number[]): number[] =>
  shape.map((extent, axis) => Math.floor(place / sizeOf(shape.slice(axis + 1))) % extent)

/**
 * Checks the derivatives of `f` at `args` against central differences, along one random direction for each order, and throws a `CheckError`
 * that names the argument and the entry where they are furthest apart (only then are differences taken for every entry). `args` are trees of
 * constants; `f` gives a tree of any shapes. Arguments of integers are kept as they are.
 * @example
 * checkGrads((x, w) => sum(tanh(matmul(x, w))), [tensor([[1, 2]]), tensor([[0.1], [0.2]])])
 * checkGrads(customVjp(x => mul(x, x), g => [g]), [tensor(3)])
 * // CheckError: checkGrads wanted the derivative of order 1 in argument 0, entry [], to be 6.00000... but got 1; ...
 */
export const checkGrads = <A extends readonly Tree[], R extends Tree>(
  f: (...args: A) => R,
  args: readonly [...A],
  options: CheckOptions = {}
): void => {
  checkOptions('checkGrads', options, ['order', 'eps', 'tolerance', 'seed'])
  checkFunction('checkGrads', f)
  const given = args.flatMap((arg, n) =>
    leavesOf(arg, isTensor).map(({ path, value }) => ({ name: `argument ${n}${path && ` at '${path}'`}`, node: value }))
  )
  const values = interpret(given.map(({ node }) => node))
  const at = given.flatMap(({ name, node }, i) => (node.dtype === 'f32' ? [{ name, value: values[i] as NdArray }] : []))
  if (at.length === 0)
    throw new TypeError(
      `checkGrads requires an f32 argument, but got ${given.map(({ node }) => show(node)).join(', ') || 'none'}; pass what is to be differentiated.`
    )
  const floats = (x: readonly Tensor[]): readonly Tensor[] => {
    let next = 0
    const filled = given.map(({ node }) => (node.dtype === 'f32' ? x[next++] : node))
    return leaves(f(...(rebuild(args, isTensor, filled) as A))).filter(({ dtype }) => dtype === 'f32')
  }
  checkOrder(floats, at, 1, 0, keyOf(options.seed ?? 0), options)
}
