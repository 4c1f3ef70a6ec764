/**
 * The two backends that everything is tested on, and a way to run a function of tensors on one of them. `tiles` is the
 * adapter with a GPU's kernels.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import type { NdArray } from '../src/autodiff/ndarray.js'
import type { Tensor } from '../src/autodiff/tensor.js'
import type { WithLeaves } from '../src/autodiff/tree.js'
import {
  type Backend,
  type CompileOptions,
  compile,
  type Device,
  dispose,
  type Engine,
  type HostArray,
  openDevice,
  read,
  run,
  scope,
  store
} from '../src/engine/index.js'
import { asGpu, device } from './device.js'
import { right } from './kernels/results.js'

export const backends: Readonly<Record<'reference' | 'gpu' | 'tiles', Backend>> = {
  reference: { kind: 'reference' },
  gpu: { kind: 'gpu', device },
  tiles: { kind: 'gpu', device: asGpu }
}

/**
 * Uses a device of its own and gives it back: for programs of tens of thousands of calls. A software driver has a
 * memory map for each buffer and each bind group, of which a process may have 65,530, and those of programs that are
 * disposed of go when garbage is collected, or with their device.
 */
export const withDevice = async <A>(use: (device: Device) => Promise<A>): Promise<A> => {
  const own = right(await openDevice()())
  try {
    return await use(own)
  } finally {
    own.device.destroy()
  }
}

/** The result of an effect, or its error thrown. */
export const succeed = async <A>(backend: Backend, engine: Engine<A>): Promise<A> => {
  const result = await engine({ backend })()
  if (E.isLeft(result)) throw new Error(`${result.left._tag}: ${result.left.message}`)
  return result.right
}

/** The error of an effect that must fail. */
export const failure = async <A>(backend: Backend, engine: Engine<A>): Promise<string> => {
  const result = await engine({ backend })()
  if (E.isRight(result)) throw new Error('a failure was expected, but it succeeded')
  return result.left.message
}

/** Compiles `f`, runs it once on trees of host arrays, reads the tree of its results. */
export const evaluateTree = <A extends readonly unknown[], R>(
  backend: Backend,
  f: (...args: A) => R,
  args: WithLeaves<A, NdArray | HostArray>,
  options: CompileOptions = {}
): Promise<WithLeaves<R, HostArray>> =>
  succeed(
    backend,
    scope(
      RTE.bracket(
        compile<A, R>(f, options)(args as never),
        compiled =>
          pipe(
            store<unknown>(args),
            RTE.chain(stored => run(compiled)(...(stored as never))),
            RTE.chain(read),
            RTE.map(values => values as unknown as WithLeaves<R, HostArray>)
          ),
        compiled => RTE.fromIO(() => dispose(compiled))
      )
    )
  )

/** The same for lists. */
export const evaluateOn = (
  backend: Backend,
  f: (...x: readonly Tensor[]) => readonly Tensor[],
  args: readonly (NdArray | HostArray)[]
): Promise<readonly HostArray[]> => evaluateTree<readonly Tensor[], readonly Tensor[]>(backend, f, args)
