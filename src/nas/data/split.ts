/**
 * Which images train the weights and which alpha, read from a file: that of NAS-Bench-201 (`cifar-split.txt`), or one
 * like it.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { type InputError, inputError } from '../errors.js'
import type { SplitIndices } from './dataset.js'

const FORM = '{"train": [0, 5], "valid": [1, 2]}'

const problem = (got: string): InputError =>
  inputError(`--split to be a JSON file like ${FORM}`, got, 'correct the file')
const refuse = (got: string): E.Either<InputError, never> => E.left(problem(got))

/** Whole numbers of a list. NAS-Bench-201 writes them as texts, behind their type: `["int", ["0", "5"]]`. */
const indicesOf = (part: unknown, name: string): E.Either<InputError, readonly number[]> => {
  const list = Array.isArray(part) && part.length === 2 && part[0] === 'int' ? part[1] : part
  if (!Array.isArray(list)) return refuse(`no list '${name}'`)
  const numbers = list.map(index => (typeof index === 'string' && /^\d+$/.test(index) ? Number(index) : index))
  const stranger = numbers.findIndex(index => !Number.isSafeInteger(index) || index < 0)
  return stranger < 0
    ? E.right(numbers)
    : refuse(`${JSON.stringify(list[stranger])?.slice(0, 40)} as entry ${stranger} of '${name}'`)
}

/** The indices of a split file. */
export const parseSplit = (text: string): E.Either<InputError, SplitIndices> =>
  pipe(
    E.tryCatch(
      () => JSON.parse(text) as unknown,
      () => problem('no JSON')
    ),
    E.chain(value =>
      typeof value === 'object' && value !== null
        ? E.right(value as Readonly<Record<string, unknown>>)
        : refuse('no record')
    ),
    E.chain(value =>
      pipe(
        E.Do,
        E.bind('train', () => indicesOf(value['train'], 'train')),
        E.bind('valid', () => indicesOf(value['valid'], 'valid'))
      )
    )
  )
