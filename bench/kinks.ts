/**
 * Where rounding decides a choice. A comparison, a sign, the place of a maximum: at values within rounding of each
 * other float32 and float64 may choose differently, and each such choice makes a jump of a derivative that no tolerance
 * for rounding covers. So a result that is off is compared once more, with the device's choices imposed on the
 * reference, after each choice that differs was seen to be within rounding.
 */

import { topological } from '../src/autodiff/graph.js'
import { interpret } from '../src/autodiff/interpret.js'
import { input } from '../src/autodiff/leaves.js'
import type { NdArray } from '../src/autodiff/ndarray.js'
import { sizeOf } from '../src/autodiff/shape.js'
import { isTensor, type Tensor } from '../src/autodiff/tensor.js'
import { leavesOf, rebuild } from '../src/autodiff/tree.js'
import { type Backend, type HostArray, isHostArray } from '../src/engine/index.js'
import { type Distance, evaluate, worstError } from './check.js'
import type { Workload } from './workloads.js'

/**
 * How far apart the values were between which element `i` of a choice was made, of which one takes `mine` and the other
 * `theirs`; infinite for no choice at all.
 */
type Margin = (operands: readonly NdArray[], i: number, mine: number, theirs: number, out: Tensor) => number

const between: Margin = ([x, y], i) => Math.abs((x?.data[i] as number) - (y?.data[i] as number))

/** Places among which element `i` chooses: where they start in the operand, and which of them it may take. */
type Places = (
  x: NdArray,
  i: number,
  out: Tensor
) => { readonly start: number; readonly has: (place: number) => boolean }

const amongPlaces =
  (placesOf: Places): Margin =>
  ([x], i, mine, theirs, out) => {
    const { data } = x as NdArray
    const { start, has } = placesOf(x as NdArray, i, out)
    return has(theirs)
      ? Math.abs((data[start + mine] as number) - (data[start + theirs] as number))
      : Number.POSITIVE_INFINITY
  }

const ofRow: Places = ({ shape }, i) => {
  const extent = shape.at(-1) as number
  return { start: i * extent, has: place => place >= 0 && place < extent }
}

/** A pixel of another window may well hold the same number, zero after a ReLU, and is wrong all the same. */
const ofWindow: Places = (_, i, { shape, attributes }) => {
  const [rows, columns] = shape.slice(2) as [number, number]
  const [kernel, stride, padding] = ['kernel', 'stride', 'padding'].map(name => attributes[name] as number) as [
    number,
    number,
    number
  ]
  const [height, width] = attributes['size'] as readonly [number, number]
  const window = i % (rows * columns)
  const within = (pixel: number, extent: number, place: number): boolean =>
    pixel >= 0 && pixel < extent && pixel >= place * stride - padding && pixel < place * stride - padding + kernel
  return {
    start: Math.floor(i / (rows * columns)) * height * width,
    has: place =>
      within(Math.floor(place / width), height, Math.floor(window / columns)) &&
      within(place % width, width, window % columns)
  }
}

/** Operations that choose. Their results are whole numbers, and carry no derivative. */
const CHOICES: Readonly<Record<string, Margin>> = {
  ...Object.fromEntries(
    ['equal', 'not_equal', 'less', 'less_equal', 'greater', 'greater_equal'].map(name => [name, between])
  ),
  sign: ([x], i) => Math.abs(x?.data[i] as number),
  argmax: amongPlaces(ofRow),
  window_argmax: amongPlaces(ofWindow)
}

/** Further apart than this, relative to the largest of what is compared, rounding does not decide. */
const WITHIN_ROUNDING = 1e-5

const largestOf = ({ data }: NdArray): number => {
  let largest = 0
  for (let i = 0; i < data.length; i++) largest = Math.max(largest, Math.abs(data[i] as number))
  return largest
}

const choicesIn = (outputs: readonly Tensor[]): readonly Tensor[] =>
  topological(outputs).filter(({ primitive, inputs }) => primitive.name in CHOICES && inputs[0]?.dtype === 'f32')

/** The results of a function, and all choices on the way to them, always in the same order. */
const withChoices =
  (f: Workload['f']) =>
  (...args: readonly unknown[]) => {
    const results = f(...args)
    return { results, choices: choicesIn(leavesOf(results, isTensor).map(({ value }) => value)) }
  }

/**
 * Choices that were made in another way, and the largest distance between values that such a one chose among, relative
 * to the largest of its kind.
 */
interface Flips {
  readonly flips: number
  readonly margin: number
}

/** How the choices `theirs` of a node differ from those that the reference makes on the same operands. */
const flipsOf = (node: Tensor, operands: readonly NdArray[], theirs: HostArray['data']): Flips => {
  const mine = node.primitive.reference(operands, node.attributes, node)
  const apart = CHOICES[node.primitive.name] as Margin
  let [flips, margin] = [0, 0]
  for (let i = 0; i < mine.length; i++) {
    if (mine[i] === theirs[i]) continue
    flips++
    margin = Math.max(margin, apart(operands, i, mine[i] as number, theirs[i] as number, node))
  }
  return { flips, margin: margin && margin / Math.max(...operands.map(largestOf)) }
}

export interface Explained extends Flips {
  /** How far the results are from the reference that makes the same choices. */
  readonly distance: Distance
  /** All choices, however made. */
  readonly choices: number
}

/**
 * How results `got` of a workload on a backend differ from the reference that makes the same choices. The choices come
 * from a run that has them as results, and so other kernels: what that run gives beside them says nothing of `got`, and
 * is not looked at.
 */
export const explained = async (
  backend: Backend,
  workload: Workload,
  args: readonly unknown[],
  got: unknown
): Promise<Explained> => {
  const f = withChoices(workload.f)
  const { choices: theirs } = (await evaluate(backend, { ...workload, f }, args)) as {
    readonly choices: readonly HostArray[]
  }
  const given = leavesOf(args, isHostArray).map(({ value }) => value)
  const inputs = given.map(({ shape, dtype }) => input({ shape, dtype }))
  const { results, choices } = f(...(rebuild(args, isHostArray, inputs) as readonly unknown[]))
  const leaves = leavesOf<Tensor>(results, isTensor).filter(({ path }) => workload.compared?.(path) ?? true)
  const known = [...given, ...theirs].map(asReference)
  const imposed = new Map([...inputs, ...choices].map((node, i) => [node, known[i] as NdArray]))
  // What the reference chooses among comes from values that the device's choices before have led to.
  const wanted = [...leaves.map(({ value }) => value), ...choices.flatMap(node => node.inputs)]
  const values = new Map(interpret(wanted, imposed).map((value, i) => [wanted[i] as Tensor, value]))
  const valueOf = (node: Tensor): NdArray => values.get(node) as NdArray
  const flips = choices.map((node, k) => flipsOf(node, node.inputs.map(valueOf), (theirs[k] as HostArray).data))
  return {
    distance: worstError(got, new Map(leaves.map(({ path, value }) => [path, valueOf(value)]))),
    flips: flips.reduce((total, one) => total + one.flips, 0),
    choices: choices.reduce((total, { shape }) => total + sizeOf(shape), 0),
    margin: Math.max(0, ...flips.map(({ margin }) => margin))
  }
}

const asReference = ({ data, shape, dtype }: HostArray): NdArray => ({
  shape,
  dtype,
  data: dtype === 'f32' ? Float64Array.from(data) : (data as Int32Array | Uint32Array)
})

/** In words, where flips within rounding account for all that is off; else undefined. */
export const excuse = ({ distance, flips, choices, margin }: Explained, tolerance: number): string | undefined =>
  flips > 0 && margin <= WITHIN_ROUNDING && distance.error <= tolerance
    ? `${flips} of ${choices} choices (of ReLU and their kind) were decided by rounding, at most ${margin.toExponential(1)} apart; with the same choices it is off by ${distance.error.toExponential(1)}`
    : undefined
