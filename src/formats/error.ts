/** What every decoder answers with when bytes are not what they should be. */
import * as E from 'fp-ts/lib/Either.js'

/** Data that cannot be used: one sentence with what was required and what was found. */
export interface DecodeError {
  readonly _tag: 'DecodeError'
  readonly message: string
}

export const decodeError = (message: string): DecodeError => ({ _tag: 'DecodeError', message })

/**
 * `cifar10: a whole number of records of 3073 bytes is required, but the file has 5000 bytes`. `what` names the format
 * or the file.
 */
export const malformed = (what: string, required: string, found: string): E.Either<DecodeError, never> =>
  E.left(decodeError(`${what}: ${required} is required, but ${found}`))

/** Most letters of a foreign text that an error repeats. */
const MOST_QUOTED = 80

/**
 * A text of a file for an error: in quotes, cut to a bounded length, with `?` for what does not print (controls,
 * directions, half pairs).
 */
export const quoted = (text: string): string => {
  const cut = text.length > MOST_QUOTED ? `${text.slice(0, MOST_QUOTED)}...` : text
  return `'${cut.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')}'`
}
