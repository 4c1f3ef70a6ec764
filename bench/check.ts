/** What a workload should give, by the float64 reference, and how far results are from it. */
import * as E from 'fp-ts/lib/Either.js'
import { leavesOf } from '../src/autodiff/tree.js'
import {
  type Backend,
  compile,
  dispose,
  type Engine,
  type HostArray,
  isHostArray,
  read,
  run,
  scope,
  store
} from '../src/engine/index.js'
import type { Workload } from './workloads.js'

/** The value of a result, or its error thrown. */
export const right = <A>(result: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(result)) throw new Error(result.left.message)
  return result.right
}

export const succeed = async <A>(backend: Backend, engine: Engine<A>): Promise<A> => right(await engine({ backend })())

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] as number

/** A workload's results on a backend. */
export const evaluate = (backend: Backend, { f }: Workload, args: readonly unknown[]): Promise<unknown> =>
  succeed(
    backend,
    scope(env => async () => {
      const compiled = await succeed(backend, compile(f)(args as never))
      const stored = await store(args)(env)()
      if (E.isLeft(stored)) return stored
      const result = await run(compiled)(...(stored.right as never as []))(env)()
      if (E.isLeft(result)) return result
      const values = await read(result.right)(env)()
      dispose(compiled)
      return values
    })
  )

/** What is compared of a workload's results, by path. */
export const comparedOf = (workload: Workload, results: unknown): ReadonlyMap<string, HostArray> => {
  const leaves = leavesOf(results, isHostArray).filter(({ path }) => workload.compared?.(path) ?? true)
  return new Map(leaves.map(({ path, value }) => [path, value]))
}

/** What the reference gives of a workload. */
export const expected = async (workload: Workload, args: readonly unknown[]): Promise<ReadonlyMap<string, HostArray>> =>
  comparedOf(workload, await evaluate({ kind: 'reference' }, workload, args))

/** How far a result is from what it should be, and which one it is. */
export interface Distance {
  readonly path: string
  readonly error: number
}

/**
 * The largest error, relative to its result's largest entry; NaN if there is any, infinite if a result is missing or of
 * another shape.
 */
export const worstError = (got: unknown, want: ReadonlyMap<string, HostArray>): Distance => {
  const mine = new Map(leavesOf(got, isHostArray).map(({ path, value }) => [path, value]))
  const distances = [...want].map(([path, { data: right, shape }]): Distance => {
    const found = mine.get(path)
    if (found?.shape.join() !== shape.join()) return { path, error: Number.POSITIVE_INFINITY }
    let [largest, error] = [0, 0]
    for (let i = 0; i < right.length; i++) {
      largest = Math.max(largest, Math.abs(right[i] as number))
      error = Math.max(error, Math.abs((found.data[i] as number) - (right[i] as number)))
    }
    return { path, error: error / (largest || 1) }
  })
  return distances.reduce((worst, one) => (one.error <= worst.error || Number.isNaN(worst.error) ? worst : one))
}
