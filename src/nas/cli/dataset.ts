/** A data set by its name and the place of its files. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Sources } from '../data/dataset.js'
import type { Published } from '../data/datasets.js'
import { decodeDigits } from '../data/digits.js'
import { orRefuse, refuse } from './refusal.js'

export interface ReadDataSet {
  readonly sources: Sources
  readonly published: Published | undefined
  /** SHA-256 of what a search sees of it, in hex. */
  readonly digest: string
}

const digits = (): Uint8Array => gunzipSync(readFileSync(new URL('../../../data/digits.csv.gz', import.meta.url)))

/** Reads a data set. Refused: an unknown name, a root without its files, files that cannot be used. */
export const readDataSet = async (name: string, root: string | undefined): Promise<ReadDataSet> => {
  if (name === 'digits' && root === undefined)
    return { sources: { train: orRefuse(decodeDigits(digits())), test: null }, published: undefined, digest: 'to be made' }
  return refuse('--data to be one of digits', `'${name}'`, 'name one of these')
}
