/** What a data set's block says: which files it comes as, how these are decoded, and what is published of its use. */
import type * as E from 'fp-ts/lib/Either.js'
import type { DecodeError } from '../../formats/error.js'
import type { Skeleton } from '../space/space.js'
import type { Normalisation, Sources } from './dataset.js'

/** Files by their paths below the root of a data set, with `/` between folders, in the order of these paths. */
export type Files = ReadonlyMap<string, Uint8Array>

/** How images are normalised and moved in the papers of the two families of networks (method.md 5.4). */
export interface PublishedData {
  /** In the numbers of the file: 255 times what is printed for images of 0 to 1. */
  readonly normalisation: Readonly<Record<Skeleton['kind'], Normalisation>>
  /** Zeros around an image before it is cropped, and whether it is mirrored. */
  readonly padding: number
  readonly flip: boolean
}

/** A data set by name: which files it wants, and how they become images. */
export interface DataSet {
  readonly help: string
  /** Whether a file below the root is one of it: only those are read. */
  readonly wants: (path: string) => boolean
  readonly decode: (files: Files) => E.Either<DecodeError, Sources>
  readonly published?: PublishedData
}
