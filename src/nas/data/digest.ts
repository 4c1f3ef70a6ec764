/** A data set as one number, so that a run can tell whether its data are those of another. */
import { sha256 } from '../../formats/native.js'
import type { Dataset, Sources } from './dataset.js'

const bytesOf = ({ buffer, byteOffset, byteLength }: Dataset['images'] | Dataset['labels']): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/**
 * What a search sees of a dataset, as bytes: what it says of its images, as a line of JSON, their labels, and their
 * pixels.
 */
const seen = (dataset: Dataset): readonly (string | Uint8Array)[] => {
  const { name, images, labels, count, channels, height, width, classNames } = dataset
  const numbers = images instanceof Uint8Array ? 'bytes' : 'floats'
  return [
    `${JSON.stringify({ name, numbers, count, channels, height, width, classNames })}\n`,
    bytesOf(labels),
    bytesOf(images)
  ]
}

/**
 * SHA-256, in hexadecimal digits, over the name, sizes, names of classes, labels and pixels of the images to train and
 * to test on.
 */
export const digestOf = ({ train, test }: Sources): string =>
  sha256([...seen(train), ...(test ? seen(test) : ['no test\n'])])
