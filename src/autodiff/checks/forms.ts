/**
 * Derivatives as multilinear forms. Of a function f of x, the form of order n is the number
 *   T_n = sum_j u_j d^n f_j / dx^n (v_1, ..., v_n)
 * of a cotangent u and n directions v. T_n is the derivative of T_(n-1) along v_n, so that each order is checked
 * against the one below it; and with units in all slots it is one entry of the derivative.
 */
import { vjp } from '../grad.js'
import { interpret } from '../interpret.js'
import { input } from '../leaves.js'
import { allocate, type NdArray } from '../ndarray.js'
import { broadcastTo, mul, tensor } from '../ops/index.js'
import { type Aval, checkFunction, fail, show, sizeOf } from '../shape.js'
import { isTensor, type Tensor } from '../tensor.js'
import { type Leaf, leavesOf, rebuild, type Tree } from '../tree.js'
import type { CheckedArgument, Place } from './error.js'

/** A function of the tensors among its arguments, and where it is looked at. */
export interface Problem {
  readonly given: readonly CheckedArgument[]
  /** The f32 tensors of the result, from tensors like those given. */
  readonly f: (tensors: readonly Tensor[]) => readonly Leaf<Tensor>[]
}

/** What is differentiated of arguments. */
export const floatsOf = (given: readonly CheckedArgument[]): readonly CheckedArgument[] =>
  given.filter(({ value }) => value.dtype === 'f32')

export const problemOf = <A extends readonly Tree[]>(f: (...args: A) => Tree, args: readonly [...A]): Problem => {
  checkFunction('checkGrads', f)
  if (!Array.isArray(args))
    return fail('checkGrads', 'a list of arguments', 'none', 'pass them as in checkGrads(f, [tensor(2)])')
  const found = args.flatMap((arg, argument) => leavesOf(arg, isTensor).map(leaf => ({ ...leaf, argument })))
  const values = interpret(found.map(({ value }) => value))
  const given = found.map(({ argument, path }, i) => ({ argument, path, value: values[i] as NdArray }))
  const shown = given.map(({ value }) => show(value)).join(', ') || 'none'
  if (floatsOf(given).length === 0) fail('checkGrads', 'an f32 argument', shown, 'pass what is to be differentiated')
  return {
    given,
    f: tensors => {
      const result = leavesOf(f(...(rebuild(args, isTensor, tensors) as A)), isTensor)
      const floats = result.filter(({ value }) => value.dtype === 'f32')
      if (floats.length > 0) return floats
      const got = result.map(({ value }) => show(value)).join(', ') || 'none'
      return fail('checkGrads', 'an f32 tensor in the result', got, 'return what is to be differentiated')
    }
  }
}

/** The graphs of the forms of order 0 to the number of directions. */
export interface Forms {
  readonly x: readonly Tensor[]
  readonly outputs: readonly Leaf<Tensor>[]
  /** The cotangent u (like the outputs) and the directions v_1, v_2, ... (like x). */
  readonly slots: readonly (readonly Tensor[])[]
  /**
   * What each form adds up: T_n is the sum of all elements of `terms[n]`, which are like slot n, and proportional to
   * it.
   */
  readonly terms: readonly (readonly Tensor[])[]
}

const called = ({ given, f }: Problem, x: readonly Tensor[]): readonly Leaf<Tensor>[] => {
  const floats = floatsOf(given)
  return f(given.map(one => x[floats.indexOf(one)] ?? tensor(one.value.data, one.value.shape, one.value.dtype)))
}

/** What the forms add up, as a function of x and of what stands in the slots. */
export const termsOf =
  (problem: Problem) =>
  (x: readonly Tensor[], slots: Forms['slots']): Forms['terms'] => {
    const times = (tensors: readonly Tensor[], n: number): readonly Tensor[] =>
      tensors.map((one, i) => mul(one, slots[n]?.[i] as Tensor))
    const form = (n: number, y: readonly Tensor[]): readonly Tensor[] => {
      const values = () => called(problem, y).map(({ value }) => value)
      if (n === 0) return times(values(), 0)
      const [terms, pullback] = vjp<readonly Tensor[], readonly Tensor[]>((...z) => form(n - 1, z), ...y)
      const ones = terms.map(({ shape }) => broadcastTo(tensor(1), shape))
      return times(pullback(ones, { unreached: 'zero' }), n)
    }
    return slots.map((_, n) => form(n, x))
  }

const like = ({ shape, dtype }: Aval, name: string): Tensor => input({ shape, dtype }, name)

/** The forms with inputs for x and for all that stands in the slots. */
export const formsOf = (problem: Problem, order: number): Forms => {
  const x = floatsOf(problem.given).map(({ value }, i) => like(value, `tensor ${i}`))
  const outputs = called(problem, x)
  const slots = [
    outputs.map(({ value }) => like(value, 'cotangent')),
    ...Array.from({ length: order }, (_, n) => x.map(one => like(one, `direction ${n + 1}`)))
  ]
  return { x, outputs, slots, terms: termsOf(problem)(x, slots) }
}

/**
 * What stands in a slot: numbers for all elements of its tensors in order, of which those at `support` count. The
 * others are taken as 0.
 */
export interface Slot {
  readonly values: Float64Array
  readonly support: readonly number[]
}

export const slotOf = (values: Float64Array): Slot => ({ values, support: [...values.keys()] })

/** The elements of tensors in order, as arrays like them. */
export const arraysLike = (tensors: readonly Aval[], { values, support }: Slot): NdArray[] => {
  const kept = new Float64Array(values.length)
  for (const i of support) kept[i] = values[i] as number
  let from = 0
  return tensors.map(({ shape }) => {
    const to = from + sizeOf(shape)
    const data = kept.slice(from, to)
    from = to
    return { shape, dtype: 'f32', data }
  })
}

/** The terms of a form that count, as numbers. */
export const counting = (terms: readonly NdArray[], { support }: Slot): number[] => {
  const all = terms.flatMap(({ data }) => Array.from(data))
  return support.map(i => all[i] as number)
}

/** What all inputs of forms stand for: `x` at a point, and what is in the slots. */
export const formBindings = (
  forms: Forms,
  x: readonly NdArray[],
  slots: readonly Slot[]
): ReadonlyMap<Tensor, NdArray> =>
  new Map([
    ...forms.x.map((node, i) => [node, x[i] as NdArray] as const),
    ...forms.slots.flatMap((nodes, n) => {
      const arrays = slots[n] && arraysLike(nodes, slots[n])
      return arrays ? nodes.map((node, i) => [node, arrays[i] as NdArray] as const) : []
    })
  ])

/** The arguments moved by `step` along a direction. */
export const moved = (x: readonly NdArray[], direction: Slot, step: number): NdArray[] =>
  arraysLike(x, direction).map(({ data }, k) => {
    const { data: from, ...aval } = x[k] as NdArray
    const to = allocate('f32', from.length)
    for (let i = 0; i < to.length; i++) to[i] = (from[i] as number) + step * (data[i] as number)
    return { ...aval, data: to }
  })

/**
 * Two searches, each in half of the last slot in which more than one element counts; undefined where each slot has one.
 */
export const halvesOf = (slots: readonly Slot[]): readonly [readonly Slot[], readonly Slot[]] | undefined => {
  const n = slots.findLastIndex(({ support }) => support.length > 1)
  const { values, support } = slots[n] ?? { values: new Float64Array(0), support: [] }
  const half = support.length >> 1
  return n < 0
    ? undefined
    : [
        slots.with(n, { values, support: support.slice(0, half) }),
        slots.with(n, { values, support: support.slice(half) })
      ]
}

/** Slots of one element each, with a 1 there: the form is then one entry of the derivative. */
export const units = (slots: readonly Slot[]): readonly Slot[] =>
  slots.map(({ values, support }) => ({ values: values.with(support[0] as number, 1), support }))

/** The one element that counts, as an entry of one of the tensors. */
export const placeOf = <T>(
  tensors: readonly { readonly aval: Aval; readonly of: T }[],
  { support }: Slot
): T & Pick<Place, 'entry'> => {
  let place = support[0] as number
  const { aval, of } = tensors.find(one => {
    const inside = place < sizeOf(one.aval.shape)
    if (!inside) place -= sizeOf(one.aval.shape)
    return inside
  }) as (typeof tensors)[number]
  return { ...of, entry: indexOf(place, aval.shape) }
}

/** A place in a row-major array as an index on each axis. */
const indexOf = (place: number, shape: readonly number[]): number[] =>
  shape.map((extent, axis) => Math.floor(place / sizeOf(shape.slice(axis + 1))) % extent)

/** The entries that slots of one element each name: of the result, and one of the arguments for each direction. */
export const placesOf = (
  forms: Forms,
  given: readonly CheckedArgument[],
  [cotangent, ...directions]: readonly Slot[]
) => ({
  output: placeOf(
    forms.outputs.map(({ path, value }) => ({ aval: value, of: { path } })),
    cotangent as Slot
  ),
  inputs: directions.map(direction =>
    placeOf(
      floatsOf(given).map(({ argument, path, value }) => ({ aval: value, of: { argument, path } })),
      direction
    )
  )
})
