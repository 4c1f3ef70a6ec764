/**
 * Derivatives on a device, held to those of the float64 reference at the same point: for whoever writes a kernel or a
 * primitive. On the reference itself they are held to central differences.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import {
  type CheckOptions,
  failureOf,
  randomSlots,
  type Settings,
  settingsOf,
  shrunk,
  withValues
} from '../autodiff/check.js'
import { CheckError } from '../autodiff/checks/error.js'
import {
  arraysLike,
  counting,
  type Forms,
  floatsOf,
  formBindings,
  formsOf,
  halvesOf,
  type Problem,
  placesOf,
  problemOf,
  type Slot,
  termsOf,
  units
} from '../autodiff/checks/forms.js'
import { failsLike, shrinking } from '../autodiff/checks/shrink.js'
import { interpret, reference } from '../autodiff/interpret.js'
import type { NdArray } from '../autodiff/ndarray.js'
import { tensor } from '../autodiff/ops/index.js'
import { describe, fail } from '../autodiff/shape.js'
import { isTensor, type Tensor } from '../autodiff/tensor.js'
import { keyOf, randomWords } from '../autodiff/threefry.js'
import { inTree, type Leaf, leavesOf, rebuild, type Tree } from '../autodiff/tree.js'
import { type Compiled, compile, dispose } from './compile.js'
import { catchShapeError, type Engine } from './effect.js'
import { store } from './given.js'
import { run } from './run.js'
import { read, scope } from './store.js'
import { type GivenArguments, hostArrayOf, isStored, isValue, type Value } from './values.js'

type Arguments = readonly [readonly Tensor[], readonly (readonly Tensor[])[]]
type Terms = readonly (readonly Tensor[])[]

/** float32 keeps 24 bits. */
const ROUNDING = 2 ** -24
/**
 * What a device may differ by, in units of what one rounding of each value does: sums in another order, and elementary
 * functions that are within 3.4 roundings (2e-7).
 */
const ROUNDINGS = 16

/** A value rounded to float32, and off by one rounding more, up or down at random. */
const shaken = <T extends NdArray['data']>(data: T): Float64Array => {
  const words = randomWords(keyOf(data.length), data.length)
  return Float64Array.from(
    data,
    (value, i) => Math.fround(value) * (1 + ((words[i] as number) & 1 ? ROUNDING : -ROUNDING))
  )
}

/**
 * Terms on the reference, and how far those of a device may be from them, tensor by tensor: as far as the whole
 * calculation with each value in it off by a rounding (which shows how it is conditioned at this point), or a rounding
 * of the largest element, times `ROUNDINGS`.
 */
const expected = (forms: Forms, order: number, x: readonly NdArray[], slots: readonly Slot[]) => {
  const outputs = forms.terms[order] ?? []
  const exact = interpret(outputs, formBindings(forms, x, slots))
  const near = interpret(
    outputs,
    formBindings(
      forms,
      x.map(one => ({ ...one, data: shaken(one.data) })),
      slots
    ),
    undefined,
    (node, inputs) => (node.dtype === 'f32' ? shaken(reference(node, inputs)) : reference(node, inputs))
  )
  const most = (numbers: Iterable<number>): number => {
    let largest = 0
    for (const number of numbers) if (Number.isFinite(number)) largest = Math.max(largest, Math.abs(number))
    return largest
  }
  const allowed = exact.map((one, i) => {
    const off = Array.from(one.data, (value, j) => value - (near[i]?.data[j] as number))
    return ROUNDINGS * (most(off) + ROUNDING * most(one.data))
  })
  return { exact, allowed }
}

/** The first place among the results of a device of an order that is off, or all of those that count where none is. */
const compared = (
  forms: Forms,
  order: number,
  x: readonly NdArray[],
  slots: readonly Slot[],
  device: readonly NdArray[]
) => {
  const { exact, allowed } = expected(forms, order, x, slots)
  const slot = slots[order] as Slot
  const wanted = counting(exact, slot)
  const got = counting(device, slot)
  const bound = counting(
    exact.map((one, i) => ({ ...one, data: new Float64Array(one.data.length).fill(allowed[i] as number) })),
    slot
  )
  const excess = wanted.map((value, i) => {
    if (Object.is(value, got[i])) return Number.NEGATIVE_INFINITY
    const apart = Math.abs(value - (got[i] as number))
    return Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart - (bound[i] as number)
  })
  const worst = excess.reduce((best, value, i) => (value > (excess[best] as number) ? i : best), 0)
  return {
    excess: excess[worst] as number,
    place: slot.support[worst] as number,
    wanted: wanted[worst] as number,
    got: got[worst] as number
  }
}

/** Numbers that the device holds too. */
const single = (values: Float64Array): Float64Array => Float64Array.from(values, Math.fround)
const atSingles = (problem: Problem): Problem =>
  withValues(
    problem,
    problem.given.map(({ value }) =>
      value.dtype === 'f32' ? { ...value, data: single(Float64Array.from(value.data)) } : value
    )
  )

/** The terms of all forms, computed by a compiled function. */
const ran = (
  compiled: Compiled<Arguments, Terms>,
  forms: Forms,
  x: readonly NdArray[],
  slots: readonly Slot[]
): Engine<readonly NdArray[][]> =>
  scope(
    pipe(
      store([x, forms.slots.map((like, n) => arraysLike(like, slots[n] as Slot))] as const),
      RTE.chain(([first, second]) => run(compiled)(first, second)),
      RTE.chain(read),
      RTE.map(levels => levels.map(level => level.map(one => ({ ...one, data: Float64Array.from(one.data) }))))
    )
  )

/** What is wrong with the values and derivatives that a compiled function computes of the forms, if something is. */
const search =
  (
    compiled: Compiled<Arguments, Terms>,
    { given }: Problem,
    forms: Forms,
    random: readonly Slot[]
  ): Engine<CheckError | undefined> =>
  env =>
  async () => {
    const x = floatsOf(given).map(({ value }) => value)
    /** A comparison of an order, with other numbers in the slots up to it. */
    const tried = async (order: number, slots: readonly Slot[]) => {
      const all = [...slots, ...random.slice(order + 1)]
      return pipe(
        await ran(compiled, forms, x, all)(env)(),
        E.map(levels => compared(forms, order, x, slots, levels[order] ?? []))
      )
    }
    for (const order of random.keys()) {
      let slots: readonly Slot[] = random.slice(0, order + 1)
      let found = await tried(order, slots)
      if (E.isLeft(found)) return found
      if (!(found.right.excess > 0)) continue
      slots = slots.with(order, { values: (slots[order] as Slot).values, support: [found.right.place] })
      for (let halves = halvesOf(slots); halves; halves = halvesOf(slots)) {
        const [first, second] = [await tried(order, halves[0]), await tried(order, halves[1])]
        if (E.isLeft(first)) return first
        if (E.isLeft(second)) return second
        slots = second.right.excess > first.right.excess ? halves[1] : halves[0]
      }
      slots = units(slots)
      found = await tried(order, slots)
      if (E.isLeft(found)) return found
      const { wanted, got } = found.right
      return E.right(
        new CheckError({ against: 'reference', order, ...placesOf(forms, given, slots), wanted, got, given })
      )
    }
    return E.right(undefined)
  }

const deviceFailure = (given: Problem, { order, seed }: Settings): Engine<CheckError | undefined> => {
  const problem = atSingles(given)
  return pipe(
    RTE.fromEither(catchShapeError(() => formsOf(problem, order))),
    RTE.chain(forms => {
      const random = randomSlots(forms, seed).map(({ values, support }) => ({ values: single(values), support }))
      return RTE.bracket(
        compile<Arguments, Terms>(termsOf(problem))([forms.x, forms.slots]),
        compiled => search(compiled, problem, forms, random),
        compiled => RTE.fromIO(() => dispose(compiled))
      )
    })
  )
}

/** Arguments that are tried on a device in search of simpler ones: each may need kernels of its own. */
const MOST_TRIES = 40

const shrunkOnDevice =
  (problem: Problem, found: CheckError, settings: Settings): Engine<CheckError> =>
  env =>
  async () => {
    let smallest = found
    const steps = shrinking(
      problem.given.map(({ value }) => value),
      MOST_TRIES
    )
    for (let step = steps.next(); !step.done; ) {
      const tried = await deviceFailure(withValues(problem, step.value), settings)(env)()
      // A Left is of a function that does not take such arguments.
      const error = E.isRight(tried) ? tried.right : undefined
      const fails = failsLike(found, error)
      if (fails) smallest = error
      step = steps.next(fails)
    }
    return E.right(smallest)
  }

/** What is wrong with the derivatives on the backend that this runs on, if something is. */
const failureHere =
  (problem: Problem, settings: Settings): Engine<CheckError | undefined> =>
  env =>
    env.backend.kind === 'gpu'
      ? deviceFailure(problem, settings)(env)
      : async () => catchShapeError(() => failureOf(problem, settings))

/** Values as constants. What is stored stays on its backend, so it is refused. */
const constantOf = ({ path, value }: Leaf<Value>): Tensor => {
  if (isTensor(value)) return value
  if (isStored(value))
    return fail('checkGrads', 'values of the host', `a stored tensor${inTree(path)}`, 'read it before')
  const { data, shape, dtype } = hostArrayOf(value)
  return tensor(data, shape, dtype)
}

/**
 * Arguments as trees of constants, from whatever may be given for them: tensors, numbers, lists of them, typed arrays,
 * host arrays.
 */
export const constantsOf = <A extends readonly Tree[]>(args: GivenArguments<A>): A => {
  if (!Array.isArray(args))
    return fail('checkGrads', 'a list of arguments', describe(args), 'pass them as in [2, [1, 2]]')
  const constants: unknown = args.map((arg: unknown) => rebuild(arg, isValue, leavesOf(arg, isValue).map(constantOf)))
  return constants as A
}

type GradientFailure = {
  <A extends readonly Tensor[], R extends Tree>(
    f: (...args: A) => R,
    args: GivenArguments<A>,
    options?: CheckOptions
  ): Engine<CheckError | undefined>
  <A extends readonly Tree[], R extends Tree>(
    f: (...args: A) => R,
    args: GivenArguments<A>,
    options?: CheckOptions
  ): Engine<CheckError | undefined>
}

/**
 * Checks the derivatives of `f` at `args` on the backend that this runs on, and gives the `CheckError` of what is
 * wrong, or nothing. On the reference they are held to central differences, as `checkGrads` does; on a device the
 * value, and the derivatives of each order, to those of the reference at the same point. Left for what the function
 * does not take, and for what a device refuses.
 * @example
 * const failure = gradientFailure(x => $.mul(x, $.tanh(x)), [[0.5, 1]])
 * await failure({ backend: { kind: 'reference' } })() // { _tag: 'Right', right: undefined }
 */
export const gradientFailure: GradientFailure = <A extends readonly Tree[]>(
  f: (...args: A) => Tree,
  args: GivenArguments<A>,
  options: CheckOptions = {}
) =>
  pipe(
    RTE.fromEither(
      catchShapeError(() => ({ settings: settingsOf(options), problem: problemOf(f, constantsOf<A>(args)) }))
    ),
    RTE.chain(({ settings, problem }) =>
      pipe(
        failureHere(problem, settings),
        RTE.chain(error => {
          if (!error || !settings.shrink) return RTE.right(error)
          return error.against === 'reference'
            ? shrunkOnDevice(problem, error, settings)
            : RTE.fromIO(() => shrunk(problem, error, settings))
        })
      )
    )
  )
