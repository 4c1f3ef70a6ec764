/**
 * Whatever may be given where tensors are wanted: numbers, arrays, expressions and stored tensors, and trees of them.
 */
import type * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { topological } from '../autodiff/graph.js'
import type { NdArray } from '../autodiff/ndarray.js'
import type { Numbers, TypedArray } from '../autodiff/ops/core.js'
import { type Aval, describe, fail } from '../autodiff/shape.js'
import { isTensor, type Tensor } from '../autodiff/tensor.js'
import { inTree, type Leaf, leavesOf, rebuild, type WithLeaves } from '../autodiff/tree.js'
import { invalidArgument } from '../kernels/errors.js'
import { type Compiled, compile, dispose } from './compile.js'
import { catchShapeError, type Engine, type EngineError } from './effect.js'
import { argumentAt, type RunOptions, run, runArguments } from './run.js'
import { elsewhere, found, release, scope, storeArrays } from './store.js'
import {
  type GivenArguments,
  type HostArray,
  hostArrayOf,
  isAval,
  isHostArray,
  isStored,
  isValue,
  type Storable,
  type Stored,
  type StoredArguments,
  type StoredTensor,
  type Storing,
  type Value
} from './values.js'

/** How a message says where a leaf stands: ` at 'w'`, ` as argument 0`. */
type Place = (path: string) => string

/** A tensor that is to be computed, since it is not a constant itself. */
const isExpression = (value: Value): value is Tensor => isTensor(value) && value.primitive.name !== 'constant'

/** A value's numbers. Numbers and lists of them take the dtype that is wanted, if one is. */
const arrayOf = (value: Exclude<Value, StoredTensor>, wanted: Aval | undefined): HostArray => {
  if (isTensor(value)) return value.attributes['value'] as NdArray
  const array = hostArrayOf(value as HostArray | TypedArray | Numbers)
  const isTyped = ArrayBuffer.isView(value) || isHostArray(value)
  return wanted === undefined || isTyped ? array : { ...array, dtype: wanted.dtype }
}

/** The values of expressions, computed by a program of their own. */
const computed = (expressions: readonly Leaf<Tensor>[], place: Place): Engine<readonly StoredTensor[]> => {
  if (expressions.length === 0) return RTE.right([])
  const open = expressions.find(({ value }) => topological([value]).some(({ primitive }) => primitive.name === 'input'))
  return open
    ? RTE.left(
        invalidArgument(
          `a tensor whose value is known${place(open.path)}`,
          'it depends on an argument of a function that is being traced',
          'return it from the function, and store or read what a run gives'
        )
      )
    : RTE.bracket(
        compile(() => expressions.map(({ value }) => value), { fused: false })([]),
        compiled => run(compiled)(),
        compiled => RTE.fromIO(() => dispose(compiled))
      )
}

/** A stored tensor that cannot be used on this backend, if there is one. */
const misplaced =
  (leaves: readonly Leaf<Value>[], place: Place): Engine<void> =>
  ({ backend }) => {
    const wrong = leaves.flatMap(({ path, value }) => {
      if (!isStored(value)) return []
      if (!value.stored.live)
        return [
          invalidArgument(`a stored tensor${place(path)}`, 'it was released or given away before', 'store it again')
        ]
      return elsewhere(backend, place(path), value) ?? []
    })
    return wrong[0] ? TE.left(wrong[0]) : TE.right(undefined)
  }

/** Leaves, stored in their order; what is stored already is passed on as it is. */
const storeLeaves = (
  leaves: readonly Leaf<Value>[],
  wanted: readonly Aval[],
  place: Place
): Engine<readonly StoredTensor[]> => {
  const arrays: E.Either<EngineError, readonly Leaf<HostArray>[]> = catchShapeError(() =>
    leaves.flatMap(({ path, value }, i) =>
      isStored(value) || isExpression(value) ? [] : [{ path, value: arrayOf(value, wanted[i]) }]
    )
  )
  const expressions = leaves.flatMap(({ path, value }) => (isExpression(value) ? [{ path, value }] : []))
  return pipe(
    misplaced(leaves, place),
    RTE.chain(() => RTE.fromEither(arrays)),
    RTE.chain(storeArrays),
    RTE.chain(stored =>
      pipe(
        computed(expressions, place),
        RTE.map(results => {
          const [values, rest] = [stored.values(), results.values()]
          return leaves.map(({ value }) =>
            isStored(value) ? value : ((isExpression(value) ? rest : values).next().value as StoredTensor)
          )
        }),
        RTE.orElse(error => {
          release(stored)
          return RTE.left(error)
        })
      )
    )
  )
}

/**
 * Puts a tree of values on the backend: tensors (expressions are computed), numbers, lists of them to any depth, typed
 * arrays, host arrays, stored tensors (which stay what they are), and lists and records of all of these. All of it is
 * stored, or nothing.
 * @example store({ weights: [[1, 2], [3, 4]], labels: Int32Array.of(0, 1) })
 */
export const store = <const T>(tree: T & Storable<T>): Engine<Storing<T>> =>
  pipe(
    RTE.fromEither(found(tree, isValue)),
    RTE.chain(leaves => storeLeaves(leaves, [], inTree)),
    RTE.map(stored => rebuild(tree, isValue, stored) as Storing<T>)
  )

/**
 * The dtypes and shapes of arguments, whatever is given for them.
 * @example avalsOf([weights, [1, 2, 3]]) // the second is f32[3]
 */
export const avalsOf = <A extends readonly unknown[]>(
  args: GivenArguments<A, Value | Aval>
): E.Either<EngineError, WithLeaves<A, Aval>> => {
  const isExample = (value: unknown): value is Aval | TypedArray | Numbers => isAval(value) || isValue(value)
  return catchShapeError(() => {
    const avals = (arg: unknown, n: number): unknown => {
      const found = leavesOf(arg, isExample, String(n)).map(({ value }): Aval => {
        const { dtype, shape } = isAval(value) ? value : hostArrayOf(value)
        return { dtype, shape }
      })
      return rebuild(arg, isExample, found)
    }
    const found: unknown = Array.isArray(args)
      ? args.map(avals)
      : fail('compile', 'a list with an example of each argument', describe(args), 'write compile(f, [x])')
    return found as WithLeaves<A, Aval>
  })
}

/**
 * Runs a compiled function on whatever may be given for its arguments: what is not stored is stored for the run.
 * Numbers and lists of them take the dtype that the function was compiled for.
 */
export const runOn =
  <A extends readonly unknown[], R>(compiled: Compiled<A, R>, options: RunOptions = {}) =>
  (...args: GivenArguments<A>): Engine<Stored<R>> => {
    const wanted = leavesOf(compiled.args, isAval).map(({ value }) => value)
    return scope(
      pipe(
        RTE.fromEither(catchShapeError(() => runArguments(compiled.args, args, isValue))),
        RTE.chain(leaves => storeLeaves(leaves, wanted, path => ` as ${argumentAt(path)}`)),
        RTE.chain(stored => run(compiled, options)(...(rebuild(compiled.args, isAval, stored) as StoredArguments<A>)))
      )
    )
  }
