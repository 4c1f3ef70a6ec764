/** A contact sheet: a row for each class, with the first of its images. */
import type { Dataset } from './dataset.js'

/** Pixels as a picture, interleaved: grey, or red, green, blue. */
export interface Sheet {
  readonly pixels: Uint8Array
  readonly channels: 1 | 3
  readonly height: number
  readonly width: number
  /** Rows, which are the first classes. */
  readonly rows: number
}

const COLUMNS = 10
/** More rows are no sheet that anyone reads, and rows of large images end sooner. */
const MOST_ROWS = 200
const MOST_BYTES = 2 ** 26
/** Small images are enlarged, each pixel to a square of whole pixels, so that they can be seen. */
const LEAST_SIDE = 48
/** White around each image. */
const GAP = 2
const WHITE = 255

/** From the numbers of the file to 0 to 255: bytes as they are, others from the least to the largest. */
const toByte = ({ images }: Dataset): ((value: number) => number) => {
  if (images instanceof Uint8Array) return value => value
  const [low, high] = [images.reduce((a, b) => Math.min(a, b)), images.reduce((a, b) => Math.max(a, b))]
  return value => (high > low ? Math.round((255 * (value - low)) / (high - low)) : 0)
}

/** The sheet of a dataset's first images of each class. Of four channels the first three are shown, as colours. */
export const sheetOf = (dataset: Dataset): Sheet => {
  const { images, labels, channels, height, width, classNames } = dataset
  const scale = Math.max(1, Math.floor(LEAST_SIDE / Math.max(height, width)))
  const shown = channels < 3 ? 1 : 3
  const [cellHeight, cellWidth] = [height * scale + GAP, width * scale + GAP]
  const fitting = Math.max(1, Math.floor(MOST_BYTES / (cellHeight * cellWidth * COLUMNS * shown)))
  const rows = Math.min(MOST_ROWS, fitting, classNames.length)
  const size = { height: rows * cellHeight + GAP, width: COLUMNS * cellWidth + GAP }
  const places = Array.from(labels, (label, index) => ({ label, index }))
  const chosen = classNames
    .slice(0, rows)
    .map((_, row) => places.filter(({ label }) => label === row).slice(0, COLUMNS))
  const byte = toByte(dataset)
  const pixels = new Uint8Array(size.height * size.width * shown).map((_, k) => {
    const [y, x] = [Math.floor(k / shown / size.width) - GAP, (Math.floor(k / shown) % size.width) - GAP]
    const image = y < 0 || x < 0 ? undefined : chosen[Math.floor(y / cellHeight)]?.[Math.floor(x / cellWidth)]
    const [row, column] = [Math.floor((y % cellHeight) / scale), Math.floor((x % cellWidth) / scale)]
    if (!image || row >= height || column >= width) return WHITE
    return byte(images[((image.index * channels + (k % shown)) * height + row) * width + column] as number)
  })
  return { pixels, channels: shown, ...size, rows }
}
