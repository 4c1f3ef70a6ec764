/** One program on the device, with the kernels of both families, against the float64 reference and its bounds. */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { interpret } from '../../src/autodiff/interpret.js'
import { input } from '../../src/autodiff/leaves.js'
import type { NdArray } from '../../src/autodiff/ndarray.js'
import { optimise } from '../../src/autodiff/passes.js'
import { sizeOf } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { leavesOf } from '../../src/autodiff/tree.js'
import {
  type Backend,
  type CompileOptions,
  compile,
  dispose,
  type Engine,
  type HostArray,
  isStored,
  read,
  run,
  scope,
  store
} from '../../src/engine/index.js'
import type { Plan } from '../../src/kernels/plan.js'
import { type Bounded, withBounds } from './bounds.js'
import { dataOf, type FuzzProgram, functionOf } from './program.js'

export type Kind = 'gpu' | 'tiles'

/** What is wrong, in words. */
export interface Wrong {
  readonly kind: Kind | 'passes'
  readonly what: string
}

export interface Outcome {
  readonly wrong: readonly Wrong[]
  /** Elements that were compared, and how many of them had a bound so wide that a wrong number would hardly be seen. */
  readonly elements: number
  readonly blind: number
  readonly plans: Readonly<Partial<Record<Kind, Plan>>>
}

/** A bound that is wider than this part of the result's largest entry says little. */
const BLIND = 1e-2
/** Bounds are those of the arithmetic, to first order: errors of errors are left out. */
const ROOM = 2
/** Passes calculate with constants in float64: relative to the result's largest entry. */
const PASSES = 1e-9
/** Where both ways through the passes are compared, they are computed twice. */
const MOST_TWICE = 2 ** 17

const largestOf = (data: ArrayLike<number>): number => {
  let largest = 0
  for (let i = 0; i < data.length; i++)
    if (Math.abs(data[i] as number) > largest && Number.isFinite(data[i])) largest = Math.abs(data[i] as number)
  return largest
}

/** The first element that is further from the reference than its bound, in words. */
const difference = (
  name: string,
  got: ArrayLike<number>,
  { value, error }: Bounded,
  room: number,
  extra = 0
): string | undefined => {
  const { data, shape, dtype } = value
  if (got.length !== data.length) return `${name} has ${got.length} elements, where ${data.length} are right`
  for (let i = 0; i < data.length; i++) {
    const [found, want, most] = [got[i] as number, data[i] as number, error?.[i] ?? 0]
    if (found === want || most === Number.POSITIVE_INFINITY || (Number.isNaN(found) && Number.isNaN(want))) continue
    const allowed = dtype === 'f32' ? room * most + extra + 1e-37 : most > 0 ? Number.POSITIVE_INFINITY : 0
    if (!(Math.abs(found - want) <= allowed))
      return `${name} ${dtype}[${shape}], element ${i}: ${found}, where ${want} is right within ${allowed.toExponential(1)}`
  }
  return undefined
}

const named = (i: number, { results, order }: FuzzProgram): string =>
  i < results.length ? `result ${i}` : `derivative ${i - results.length} (orders up to ${order})`

/** The same numbers in other places. */
const turnedRound = ({ data, ...rest }: NdArray): NdArray => ({ ...rest, data: data.toReversed() as NdArray['data'] })

/** Runs on other numbers, then twice on the same, the second time giving them away: both give the same bits. */
const twice = <R>(
  f: (...x: readonly Tensor[]) => R,
  args: readonly NdArray[],
  options: CompileOptions
): Engine<{ data: readonly HostArray[]; again: boolean; plan: Plan }> =>
  scope(
    RTE.bracket(
      compile<readonly Tensor[], R>(f, options)(args as never),
      compiled =>
        pipe(
          store(args.map(turnedRound)),
          RTE.chain(others => run(compiled)(...(others as never as []))),
          RTE.chain(() => store(args)),
          RTE.bindTo('stored'),
          RTE.bind('first', ({ stored }) => pipe(run(compiled)(...(stored as never as [])), RTE.chain(read))),
          RTE.bind('second', ({ stored }) =>
            pipe(run(compiled, { donate: args.map((_, i) => i) })(...(stored as never as [])), RTE.chain(read))
          ),
          RTE.map(({ stored, first, second }) => {
            const [data, other] = [first, second].map(one => one as unknown as readonly HostArray[]) as [
              readonly HostArray[],
              readonly HostArray[]
            ]
            const same = data.every(({ data: values }, i) => {
              const [a, b] = [values, other[i]?.data as typeof values].map(
                x => new Uint32Array(x.buffer, x.byteOffset, x.length)
              ) as [Uint32Array, Uint32Array]
              return a.every((word, n) => word === b[n])
            })
            const given = leavesOf(stored, isStored).every(({ value }) => !value.stored.live)
            return { data, again: same && given, plan: compiled.executable?.plan as Plan }
          })
        ),
      compiled => RTE.fromIO(() => dispose(compiled))
    )
  )

/** Checks a program on backends. What the engine refuses or throws is wrong too: programs are valid. */
export const check = async (
  program: FuzzProgram,
  backends: Readonly<Partial<Record<Kind, Backend>>>
): Promise<Outcome> => {
  const args = program.args.map(dataOf)
  const f = functionOf(program)
  const inputs = args.map(({ shape, dtype }, i) => input({ shape, dtype }, `v${i}`))
  const bindings = new Map(inputs.map((node, i) => [node, args[i] as NdArray]))
  const outputs = f(...inputs)
  const expected = withBounds(optimise({ inputs, outputs }).outputs, bindings)
  const wrong: Wrong[] = []
  if (outputs.reduce((total, { shape }) => total + sizeOf(shape), 0) <= MOST_TWICE)
    interpret(outputs, bindings).forEach(({ data }, i) => {
      const one = expected[i] as Bounded
      const what = difference(named(i, program), data, one, 1, PASSES * largestOf(one.value.data))
      if (what) wrong.push({ kind: 'passes', what })
    })
  const plans: Partial<Record<Kind, Plan>> = {}
  for (const [kind, backend] of Object.entries(backends) as [Kind, Backend][]) {
    const { fused, checked = false } = program
    const done = await twice(f, args, { fused, verify: checked, poison: checked })({ backend })()
    if (E.isLeft(done)) {
      wrong.push({ kind, what: `${done.left._tag}: ${done.left.message}` })
      continue
    }
    plans[kind] = done.right.plan
    if (!done.right.again)
      wrong.push({ kind, what: 'a second run on the same arguments gives other bits, or keeps what was given away' })
    for (const [i, one] of expected.entries()) {
      const what = difference(named(i, program), done.right.data[i]?.data as HostArray['data'], one, ROOM)
      if (what) wrong.push({ kind, what })
    }
  }
  let [elements, blind] = [0, 0]
  for (const { value, error } of expected) {
    const wide = BLIND * largestOf(value.data)
    elements += value.data.length
    if (error) for (let i = 0; i < error.length; i++) if (!((error[i] as number) <= wide)) blind++
  }
  return { wrong, elements, blind, plans }
}
