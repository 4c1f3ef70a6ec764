/** The error of what a user gives. */

/** Input that cannot be used: one sentence. */
export interface InputError {
  readonly _tag: 'InputError'
  readonly message: string
}

/** `Wanted a genotype of 3 nodes, but got 2: write it like ....` */
export const inputError = (wanted: string, got: string, cure: string): InputError => ({
  _tag: 'InputError',
  message: `Wanted ${wanted}, but got ${got}: ${cure}.`
})
