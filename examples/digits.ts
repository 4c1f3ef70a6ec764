/** The handwritten digits of the package, as numbers from 0 to 1. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { decodeDigits } from 'lambda-darts'

const file = decodeDigits(gunzipSync(readFileSync(new URL('../data/digits.csv.gz', import.meta.url))))
if (file._tag === 'Left') throw new Error(file.left.message)
const { images, labels, count } = file.right

/** 1,797 images of 8 x 8 pixels, and their classes. */
export const digits = { images: Float32Array.from(images, pixel => pixel / 16), labels, count }
export const PIXELS = 64

/** Images from one place to another, as f32[n,1,8,8], and their classes. */
export const part = (from: number, to: number) => ({
  images: { shape: [to - from, 1, 8, 8], dtype: 'f32' as const, data: digits.images.slice(from * PIXELS, to * PIXELS) },
  labels: digits.labels.slice(from, to)
})
