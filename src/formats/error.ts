/** What every decoder answers with when bytes are not what they should be. */
import * as E from 'fp-ts/lib/Either.js'

/** Data that cannot be used: one sentence with what was required and what was found. */
export interface DecodeError {
  readonly _tag: 'DecodeError'
  readonly message: string
}

export const decodeError = (message: string): DecodeError => ({ _tag: 'DecodeError', message })

/** `cifar10: a whole number of records of 3073 bytes is required, but the file has 5000 bytes`. `what` names the format or the file. */
export const malformed = (what: string, required: string, found: string): E.Either<DecodeError, never> =>
  E.left(decodeError(`${what}: ${required} is required, but ${found}`))

/** Enough of a text to recognise it. */
const QUOTED_CHARACTERS = 80

/** Text of a file or a user for a message: in quotes, of bounded length, what cannot be seen as `?`. */
export const quoted = (text: string): string => {
  const seen = text.slice(0, QUOTED_CHARACTERS).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')
  return `'${seen}${text.length > QUOTED_CHARACTERS ? '...' : ''}'`
}
