/** What data sets of arrays share: labels and pixels as arrays of numbers, found by name. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { type NumberArray, type Numbers, rowMajor } from '../../formats/array.js'
import { type DecodeError, decodeError, malformed, quoted } from '../../formats/error.js'

/** An array is at most so large, unpacked: what Node holds in one buffer on every machine. */
export const MOST_ARRAY_BYTES = 2 ** 31 - 1
/** More classes than any data set of images has; it bounds what one false label can ask for. */
export const MOST_CLASSES = 2 ** 16

export const shapeText = ({ shape }: NumberArray): string => quoted(shape.join(' x '))

/** Whether an array is a list: N, or N x 1 as MATLAB and many others have lists. */
const isList = ({ shape }: NumberArray): boolean => shape.length === 1 || (shape.length === 2 && shape[1] === 1)

/**
 * `count` labels of N or N x 1 numbers, each a whole number of `least` to `most`. Left for any other number, and for
 * another count.
 */
export const labelsOf = (
  what: string,
  array: NumberArray,
  count: number,
  [least, most]: readonly [number, number]
): E.Either<DecodeError, Numbers> => {
  if (!isList(array))
    return malformed(what, 'labels as N or N x 1 numbers', `they are ${shapeText(array)}; give one class an image`)
  if (array.shape[0] !== count)
    return malformed(what, `a label for each of ${count} images`, `there are ${array.shape[0]}`)
  const labels = rowMajor(array).data
  const wrong = labels.findIndex(label => !(Number.isInteger(label) && label >= least && label <= most))
  return wrong < 0
    ? E.right(labels)
    : malformed(what, `whole numbers of ${least} to ${most} as labels`, `label ${wrong} is ${labels[wrong]}`)
}

/** Where the value at `at` lies in images channel by channel. */
const placeOf = (at: number, [, channels, height, width]: readonly number[]): string => {
  const [c, h, w] = [channels as number, height as number, width as number]
  const row = Math.floor(at / w)
  return `image ${Math.floor(row / (h * c))}, channel ${Math.floor(row / h) % c}, row ${row % h}, column ${at % w}`
}

/**
 * Pixels of N x C x H x W numbers: bytes stay bytes, all others become float32 (of float64 the nearest). Left where
 * one is not finite, or a whole number that float32 does not hold.
 */
export const pixelsOf = (
  what: string,
  { shape, data }: NumberArray
): E.Either<DecodeError, Uint8Array | Float32Array> => {
  if (data instanceof Uint8Array) return E.right(data)
  const pixels = data instanceof Float32Array ? data : new Float32Array(data)
  const floats = data instanceof Float32Array || data instanceof Float64Array
  const wrong = floats
    ? pixels.findIndex(value => !Number.isFinite(value))
    : pixels.findIndex((value, k) => value !== data[k])
  return wrong < 0
    ? E.right(pixels)
    : malformed(
        what,
        `${floats ? 'finite pixels' : 'pixels that float32 holds'}`,
        `that of ${placeOf(wrong, shape)} is ${data[wrong]}`
      )
}

/** The value by a name, or a refusal that names what there is. */
export const named = <A>(what: string, values: ReadonlyMap<string, A>, name: string): E.Either<DecodeError, A> =>
  pipe(
    values.get(name),
    E.fromNullable(
      decodeError(
        `${what}: ${quoted(name)} is required, but there ` +
          `${values.size ? `is only ${quoted([...values.keys()].join(', '))}` : 'is nothing'}`
      )
    )
  )
