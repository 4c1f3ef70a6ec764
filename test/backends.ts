/** The two backends that everything is tested on, and a way to run a function of tensors on one of them. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import type { NdArray } from '../src/autodiff/ndarray.js'
import type { Tensor } from '../src/autodiff/tensor.js'
import {
  type Backend,
  compile,
  dispose,
  type Engine,
  type HostArray,
  read,
  run,
  type StoredTensor,
  scope,
  store
} from '../src/engine.js'
import { device } from './device.js'

export const backends: Readonly<Record<'reference' | 'gpu', Backend>> = {
  reference: { kind: 'reference' },
  gpu: { kind: 'gpu', device }
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

/** Compiles `f`, runs it once on host arrays, reads the results. */
export const evaluateOn = (
  backend: Backend,
  f: (...x: readonly Tensor[]) => readonly Tensor[],
  args: readonly (NdArray | HostArray)[]
): Promise<readonly HostArray[]> =>
  succeed(
    backend,
    scope(
      pipe(
        compile<readonly Tensor[], readonly Tensor[]>(f)(args),
        RTE.chain(compiled =>
          pipe(
            store(args),
            RTE.chain(stored => run(compiled)(...(stored as never as StoredTensor[]))),
            RTE.chain(read),
            RTE.map(values => {
              dispose(compiled)
              return values as readonly HostArray[]
            })
          )
        )
      )
    )
  )
