/** The handwritten digits of `data/digits.csv.gz`: 64 pixels 0 to 16 row by row, then the label, one image a line. */
import * as E from 'fp-ts/lib/Either.js'
import { flow, pipe } from 'fp-ts/lib/function.js'
import { type DecodeError, decodeError } from '../../formats/error.js'
import type { Dataset } from './dataset.js'

const SIDE = 8
const PIXELS = SIDE * SIDE
const BRIGHTEST = 16
const CLASSES = 10

const refuse = (line: number, required: string, found: string): E.Either<DecodeError, never> =>
  E.left(decodeError(`digits: line ${line} requires ${required}, but has ${found}`))

/** A field as a whole number of 0 to `most`. */
const whole = (line: number, what: string, most: number, text: string): E.Either<DecodeError, number> =>
  /^\d+$/.test(text) && Number(text) <= most
    ? E.right(Number(text))
    : refuse(line, `a whole number of 0 to ${most} as ${what}`, `'${text}'`)

/** The 65 numbers of a line: pixels, then the label. */
const decodeLine = (index: number, text: string): E.Either<DecodeError, readonly number[]> => {
  const fields = text.split(',')
  return fields.length === PIXELS + 1
    ? pipe(
        fields,
        E.traverseReadonlyArrayWithIndex((k, field) =>
          k < PIXELS
            ? whole(index + 1, `pixel ${k + 1}`, BRIGHTEST, field)
            : whole(index + 1, 'label', CLASSES - 1, field)
        )
      )
    : refuse(index + 1, `${PIXELS + 1} fields (${PIXELS} pixels, then the label)`, `${fields.length}`)
}

const toDataset = (rows: readonly (readonly number[])[]): Dataset => ({
  name: 'digits',
  images: Float32Array.from(rows.flatMap(row => row.slice(0, PIXELS))),
  labels: Int32Array.from(rows, row => row[PIXELS] as number),
  count: rows.length,
  channels: 1,
  height: SIDE,
  width: SIDE,
  classNames: Array.from({ length: CLASSES }, (_, label) => String(label))
})

/** Decodes the unpacked file; the pixels stay 0 to 16. */
export const decodeDigits = (bytes: Uint8Array): E.Either<DecodeError, Dataset> =>
  pipe(
    new TextDecoder().decode(bytes).replace(/\r?\n$/, ''),
    E.fromPredicate(
      text => text !== '',
      () => decodeError('digits: at least one line is required, but the file is empty')
    ),
    E.map(text => text.split(/\r?\n/)),
    E.chain(flow(E.traverseReadonlyArrayWithIndex(decodeLine), E.map(toDataset)))
  )
