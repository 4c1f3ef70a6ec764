/**
 * Derivatives checked by central differences, in float64 on the reference: for whoever writes a rule with `customVjp`
 * or a primitive, or wants to know whether a function is differentiable where they stand.
 */
import { CheckError, type CheckedArgument } from './checks/error.js'
import {
  counting,
  type Forms,
  floatsOf,
  formBindings,
  formsOf,
  halvesOf,
  moved,
  type Problem,
  placesOf,
  problemOf,
  type Slot,
  slotOf,
  units
} from './checks/forms.js'
import { failsLike, shrinking } from './checks/shrink.js'
import { interpret } from './interpret.js'
import { choicesOf } from './kinks.js'
import type { NdArray } from './ndarray.js'
import { checkOptions, describe, fail, sizeOf } from './shape.js'
import { type Key, keyOf, normalOf, randomWords, threefry2x32 } from './threefry.js'
import type { Tree } from './tree.js'

export { CheckError }

/** How derivatives are checked: to which order, with which differences, how exactly. */
export interface CheckOptions {
  /** Derivatives up to this order: 2 checks the gradient and the gradient of the gradient. Default 2. */
  readonly order?: number
  /** How far the arguments are moved. Default 1e-5, for arguments near 1 that stay further away from any kink. */
  readonly eps?: number
  /**
   * How far derivative and difference may be apart, relative to the sizes of what the derivative adds up. Default 1e-6.
   */
  readonly tolerance?: number
  /** Decides the random directions. Default 0. */
  readonly seed?: number
  /**
   * Of arguments that fail, looks for smaller and simpler ones that fail likewise, and tells of those. Default false.
   */
  readonly shrink?: boolean
}
/** The options with their defaults. */
export type Settings = Required<CheckOptions>

/** Options as given, all of them numbers that mean something, with the defaults of the others. */
export const settingsOf = (options: CheckOptions = {}): Settings => {
  checkOptions('checkGrads', options, ['order', 'eps', 'tolerance', 'seed', 'shrink'])
  const { order = 2, eps = 1e-5, tolerance = 1e-6, seed = 0, shrink = false } = options
  const wrong = (name: string, wanted: string, got: unknown): never =>
    fail('checkGrads', `${name} to be ${wanted}`, describe(got), 'choose another')
  if (!Number.isInteger(order) || order < 1) wrong('order', 'a whole number from 1', order)
  if (!(Number.isFinite(eps) && eps > 0)) wrong('eps', 'a number above 0', eps)
  if (!(Number.isFinite(tolerance) && tolerance >= 0)) wrong('tolerance', 'a number from 0', tolerance)
  if (!Number.isSafeInteger(seed) || seed < 0) wrong('seed', 'a whole number of 0 to 2^53', seed)
  if (typeof shrink !== 'boolean') wrong('shrink', 'true or false', shrink)
  return { order, eps, tolerance, seed, shrink }
}

const normals = (key: Key, count: number): Float64Array => Float64Array.from(randomWords(key, count), normalOf)
const lengthOf = (tensors: readonly { readonly shape: readonly number[] }[]): number =>
  tensors.reduce((total, { shape }) => total + sizeOf(shape), 0)

/** Random numbers for all slots; a scalar is taken as it is. */
export const randomSlots = ({ slots }: Forms, seed: number): readonly Slot[] =>
  slots.map((tensors, n) => {
    const scalar = n === 0 && tensors.length === 1 && tensors[0]?.shape.length === 0
    return slotOf(scalar ? Float64Array.of(1) : normals(threefry2x32(keyOf(seed), [n, 0]), lengthOf(tensors)))
  })

const total = (numbers: readonly number[]): number => numbers.reduce((sum, x) => sum + x, 0)
const size = (numbers: readonly number[]): number => numbers.reduce((sum, x) => sum + Math.abs(x), 0)

/**
 * Rounding of a function's value that a difference may show, in units in the last place: what is added up inside is not
 * known.
 */
const ROUNDINGS = 64
/** Derivatives smaller than this count as if they were of this size: what should be zero is seldom exactly zero. */
const SMALLEST = 1e-6

/**
 * The last form of `slots`, by a difference of the one below and by the rules. `excess`: how far beyond what is allowed
 * they are apart.
 */
const measured = (forms: Forms, x: readonly NdArray[], slots: readonly Slot[], { eps, tolerance }: Settings) => {
  const order = slots.length - 1
  const last = slots[order] as Slot
  const values = (levels: readonly number[], at: readonly NdArray[]): readonly number[][] => {
    const all = interpret(
      levels.flatMap(n => forms.terms[n] ?? []),
      formBindings(forms, at, slots)
    )
    let from = 0
    return levels.map(n => {
      const to = from + (forms.terms[n] ?? []).length
      const terms = counting(all.slice(from, to), slots[n] as Slot)
      from = to
      return terms
    })
  }
  const below = (step: number): number => total(values([order - 1], moved(x, last, step))[0] ?? [])
  const wanted = (below(eps) - below(-eps)) / (2 * eps)
  const here = values([...slots.keys()], x)
  const terms = here[order] ?? []
  const got = total(terms)
  // A derivative that is zero was added up from such terms, and a difference shows their roundings.
  const rounding = (ROUNDINGS * Number.EPSILON * Math.max(...here.slice(0, order).map(size))) / eps
  const apart = Math.abs(wanted - got)
  const relative = tolerance * Math.max(size(terms), Math.abs(wanted), SMALLEST)
  // NaN counts as infinitely far.
  const excess = Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart - relative - rounding
  return { wanted, got, excess }
}

/** The primitive that chooses otherwise on the two sides of the point along a direction, if one does. */
const kinkAlong = (forms: Forms, x: readonly NdArray[], slots: readonly Slot[], eps: number): string | undefined => {
  const choices = choicesOf(
    forms.outputs.map(({ value }) => value),
    forms.x,
    { all: true }
  )
  const taken = (step: number) =>
    interpret(
      choices.map(({ choice }) => choice),
      formBindings(forms, moved(x, slots.at(-1) as Slot, step), slots)
    )
  const [before, after] = [taken(-eps), taken(eps)]
  return choices.find((_, i) => before[i]?.data.some((value, j) => value !== after[i]?.data[j]))?.primitive
}

/** The first thing that is wrong with the derivatives of a function, if there is one. */
export const failureOf = (problem: Problem, settings: Settings): CheckError | undefined => {
  const { given } = problem
  const x = floatsOf(given).map(({ value }) => value)
  const forms = formsOf(problem, settings.order)
  const random = randomSlots(forms, settings.seed)
  const excess = (slots: readonly Slot[]): number => measured(forms, x, slots, settings).excess
  for (let order = 1; order <= settings.order; order++) {
    let slots: readonly Slot[] = random.slice(0, order + 1)
    if (!(excess(slots) > 0)) continue
    for (let halves = halvesOf(slots); halves; halves = halvesOf(slots))
      slots = excess(halves[1]) > excess(halves[0]) ? halves[1] : halves[0]
    slots = units(slots)
    const { wanted, got } = measured(forms, x, slots, settings)
    const kink = kinkAlong(forms, x, slots, settings.eps)
    const places = placesOf(forms, given, slots)
    return new CheckError({
      against: 'differences',
      order,
      ...places,
      wanted,
      got,
      given,
      ...(kink === undefined ? {} : { kink })
    })
  }
  return undefined
}

/** A problem with other values of its arguments. */
export const withValues = ({ given, f }: Problem, values: readonly NdArray[]): Problem => ({
  f,
  given: given.map((one, i): CheckedArgument => ({ ...one, value: values[i] as NdArray }))
})

/** The failure of the smallest and simplest arguments that were found to fail in the same way. */
export const shrunk = (problem: Problem, found: CheckError, settings: Settings): CheckError => {
  const tried = (values: readonly NdArray[]): CheckError | undefined => {
    try {
      return failureOf(withValues(problem, values), settings)
    } catch {
      // The function does not take such arguments.
      return undefined
    }
  }
  let smallest = found
  const steps = shrinking(found.given.map(({ value }) => value))
  for (let step = steps.next(); !step.done; ) {
    const error = tried(step.value)
    const fails = failsLike(found, error)
    if (fails) smallest = error
    step = steps.next(fails)
  }
  return smallest
}

/**
 * Checks the derivatives of `f` at `args` against central differences, along one random direction for each order. If
 * one is wrong, it throws a `CheckError` that names an entry of the result and the entries of the arguments where it
 * is, what it should be and what it is: they are found by halving the directions. Where the function has a kink at the
 * point, the error says so. `args` are trees of constants; `f` gives a tree of any shapes. Arguments of integers are
 * kept as they are.
 * @example
 * checkGrads((x, w) => $.sum($.tanh($.matmul(x, w))), [x, w])
 * checkGrads($.customVjp(x => $.mul(x, x), g => [g]), [$.tensor(3)]) // CheckError: ... argument 0 ...
 */
export const checkGrads = <A extends readonly Tree[], R extends Tree>(
  f: (...args: A) => R,
  args: readonly [...A],
  options: CheckOptions = {}
): void => {
  const settings = settingsOf(options)
  const problem = problemOf(f, args)
  const error = failureOf(problem, settings)
  if (error) throw settings.shrink ? shrunk(problem, error, settings) : error
}
