/** The error of what a user gives. */

/** Input that cannot be used: one sentence. */
export interface InputError {
  readonly _tag: 'InputError'
  readonly message: string
}

/** Most letters of what was got: names of a user's own may have any length, and several lines. */
const MOST_GOT = 500
const bounded = (text: string): string =>
  (text.length > MOST_GOT ? `${text.slice(0, MOST_GOT)}...` : text).replace(/\s*[\r\n]\s*/g, ' ')

/** `Wanted a genotype of 3 nodes, but got 2: write it like ....` */
export const inputError = (wanted: string, got: string, cure: string): InputError => ({
  _tag: 'InputError',
  message: `Wanted ${wanted}, but got ${bounded(got)}: ${cure}.`
})
