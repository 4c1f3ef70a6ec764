/**
 * Where rounding decides a choice. A comparison, a sign, the place of a maximum: at values within rounding of each other float32 and float64 may choose
 * differently, and each such choice makes a jump of a derivative that no tolerance for rounding covers. So a result that is off is compared once more, with
 * the device's choices imposed on the reference, after each choice that differs was seen to be within rounding.
 */
import { topological } from '../src/autodiff/graph.js'
import { interpret } from '../src/autodiff/interpret.js'
import type { NdArray } from '../src/autodiff/ndarray.js'
import { input } from '../src/autodiff/ops/index.js'
import { sizeOf } from '../src/autodiff/shape.js'
import { isTensor, type Tensor } from '../src/autodiff/tensor.js'
import { leavesOf, rebuild } from '../src/autodiff/tree.js'
import { type Backend, type HostArray, isHostArray } from '../src/engine.js'
import { type Distance, evaluate, worstError } from './check.js'
import type { Workload } from './workloads.js'

type Data = NdArray['data']
/** How far apart the values were between which element `i` of a choice was made, of which one takes `mine` and the other `theirs`. */
type Margin = (operands: readonly NdArray[], i: number, mine: number, theirs: number, out: Tensor) => number

const between: Margin = ([x, y], i) => Math.abs((x?.data[i] as number) - (y?.data[i] as number))
const amongPlaces =
  (rowOf: (x: NdArray, i: number, out: Tensor) => number): Margin =>
  ([x], i, mine, theirs, out) => {
    const { data } = x as NdArray
    const start = rowOf(x as NdArray, i, out)
    return Math.abs((data[start + mine] as number) - (data[start + theirs] as number))
  }

/** Operations that choose. Their results are whole numbers, and carry no derivative. */
const CHOICES: Readonly<Record<string, Margin>> = {
  ...Object.fromEntries(['equal', 'not_equal', 'less', 'less_equal', 'greater', 'greater_equal'].map(name => [name, between])),
  sign: ([x], i) => Math.abs(x?.data[i] as number),
  argmax: amongPlaces(({ shape }, i) => i * (shape.at(-1) as number)),
  window_argmax: amongPlaces(({ shape }, i, out) => {
    const planes = (shape[0] as number) * (shape[1] as number)
    return Math.floor(i / (sizeOf(out.shape) / planes)) * (sizeOf(shape) / planes)
  })
}

/** Further apart than this, relative to the largest of what is compared, rounding does not decide. */
const WITHIN_ROUNDING = 1e-5

const largestOf = (data: Data): number => {
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

export interface Explained {
  readonly distance: Distance
  /** Choices that the device made in another way, and all of them. */
  readonly flips: number
  readonly choices: number
  /** The largest distance between values that a flip chose among, relative to the largest of its kind. */
  readonly margin: number
}

/** How a workload's results on a backend differ from the reference that makes the same choices. */
export const explained = async (backend: Backend, workload: Workload, args: readonly unknown[]): Promise<Explained> => {
  const f = withChoices(workload.f)
  const device = (await evaluate(backend, { ...workload, f }, args)) as {
    readonly results: unknown
    readonly choices: readonly HostArray[]
  }
  const given = leavesOf(args, isHostArray).map(({ value }) => value)
  const inputs = given.map(({ shape, dtype }) => input({ shape, dtype }))
  const { results, choices } = f(...(rebuild(args, isHostArray, inputs) as readonly unknown[]))
  const bindings = new Map(inputs.map((node, i) => [node, asReference(given[i] as HostArray)]))
  const imposed = new Map([
    ...bindings,
    ...choices.map((node, i) => [node, asReference(device.choices[i] as HostArray)] as const)
  ])

  let [flips, margin, total] = [0, 0, 0]
  // The reference's own choices come from values that the device's choices before them have led to.
  for (const [k, node] of choices.entries()) {
    const operands = interpret(node.inputs, imposed)
    const mine = node.primitive.reference(operands, node.attributes, node)
    const theirs = (device.choices[k] as HostArray).data
    const size = largestOf((operands[0] as NdArray).data)
    const apart = CHOICES[node.primitive.name] as Margin
    total += mine.length
    for (let i = 0; i < mine.length; i++) {
      if (mine[i] === theirs[i]) continue
      flips++
      margin = Math.max(margin, apart(operands, i, mine[i] as number, theirs[i] as number, node) / (size || 1))
    }
  }
  const leaves = leavesOf<Tensor>(results, isTensor).filter(({ path }) => workload.compared?.(path) ?? true)
  const values = interpret(
    leaves.map(({ value }) => value),
    imposed
  )
  const want = new Map(leaves.map(({ path }, i) => [path, values[i] as HostArray]))
  return { distance: worstError(device.results, want), flips, choices: total, margin }
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
