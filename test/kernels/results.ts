/** Results taken apart, for tests. */
import * as E from 'fp-ts/lib/Either.js'

interface Failure {
  readonly _tag: string
  readonly message: string
}

/** The value of a result, or a test that fails with its message. */
export const right = <A>(result: E.Either<Failure, A>): A => {
  if (E.isLeft(result)) throw new Error(`${result.left._tag}: ${result.left.message}`)
  return result.right
}

/** The error of a result, or a test that fails. */
export const left = <L extends Failure>(result: E.Either<L, unknown>): L => {
  if (E.isRight(result)) throw new Error('wanted an error, but there was none')
  return result.left
}
