/** The handwritten digits of the package, for the chapters: 1,797 images of 8 x 8 pixels, from 0 to 16, and their classes. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { decodeDigits } from 'lambda-darts'

const file = decodeDigits(gunzipSync(readFileSync(new URL('../../data/digits.csv.gz', import.meta.url))))
if (file._tag === 'Left') throw new Error(file.left.message)
export const digits = file.right
