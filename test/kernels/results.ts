/** Results taken apart, for tests. */
import * as E from 'fp-ts/lib/Either.js'
import type { EngineError } from '../../src/kernels/errors.js'

/** The value of a result, or a test that fails with its message. */
export const right = <A>(result: E.Either<EngineError, A>): A => {
  if (E.isLeft(result)) throw new Error(`${result.left._tag}: ${result.left.message}`)
  return result.right
}

/** The error of a result, or a test that fails. */
export const left = (result: E.Either<EngineError, unknown>): EngineError => {
  if (E.isRight(result)) throw new Error('wanted an error, but there was none')
  return result.left
}
