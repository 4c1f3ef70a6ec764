/** Exit codes, and how a refusal reaches one. */
import * as E from 'fp-ts/lib/Either.js'
import { ShapeError } from '../../autodiff/shape.js'
import { inputError } from '../errors.js'

/**
 * 0 done, 1 the run failed, 2 bad input or nothing to run on, 130 interrupted, 141 done, but nobody read all that was
 * said.
 */
export const DONE = 0
export const FAILED = 1
export const BAD_INPUT = 2
export const INTERRUPTED = 130
/** What a shell makes of a program that a pipe without a reader ends. */
export const READER_LEFT = 141

/** A refusal on its way to the exit code. */
export class Refusal extends Error {
  constructor(
    readonly code: number,
    message: string
  ) {
    super(message)
  }
}
export const orRefuse = <A>(either: E.Either<{ readonly message: string }, A>, code = BAD_INPUT): A => {
  if (E.isLeft(either)) throw new Refusal(code, either.left.message)
  return either.right
}

/** What `make` makes, or its refusal of a shape as a refusal of the input. */
export const orShapeRefusal = <A>(make: () => A): A => {
  try {
    return make()
  } catch (error) {
    if (error instanceof ShapeError) throw new Refusal(BAD_INPUT, error.message)
    throw error
  }
}

/** Refuses the input: what was wanted, what was got, what to do. */
export const refuse = (wanted: string, got: string, cure: string): never => {
  throw new Refusal(BAD_INPUT, inputError(wanted, got, cure).message)
}
