/** MNIST (LeCun et al., 1998) and Fashion-MNIST (Xiao et al., 2017): four IDX files, packed or not. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { type DecodeError, malformed } from '../../formats/error.js'
import { gunzip } from '../../formats/gunzip.js'
import { decodeIdx, type IdxArray } from '../../formats/idx.js'
import type { DataSet, Files } from './block.js'
import type { Sources } from './dataset.js'
import { checkLabels, datasetOf, findFile, isNamed, type LabelledImages, numberedNames, within } from './files.js'

const SIDE = 28
const CLASSES = 10
/** Five times what the largest file unpacks to. */
const MOST_UNPACKED = 2 ** 28

const CLOTHES: readonly string[] = [
  ...['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat'],
  ...['Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot']
]

type Kind = 'images' | 'labels'

/**
 * A file's names, the plainest first: that is read where several are there, since people keep the packed file beside
 * what they unpack.
 */
const spellings = (part: string, kind: Kind): readonly string[] => {
  const type = kind === 'images' ? 'idx3' : 'idx1'
  return ['', '.gz'].flatMap(packed => ['-', '.'].map(mark => `${part}-${kind}${mark}${type}-ubyte${packed}`))
}

const PARTS = ['train', 't10k'] as const
const KINDS: readonly Kind[] = ['images', 'labels']

const decodeFile = (set: string, files: Files, part: string, kind: Kind): E.Either<DecodeError, IdxArray> =>
  pipe(
    spellings(part, kind),
    E.traverseArray(name => E.map((bytes?: Uint8Array) => ({ name, bytes }))(findFile(set, files, name))),
    E.chain(found => {
      const file = found.find(({ bytes }) => bytes !== undefined)
      if (!file?.bytes)
        return malformed(set, `a file ${spellings(part, kind)[0]} (or packed, with .gz)`, 'there is none')
      return pipe(
        file.name.endsWith('.gz') ? gunzip(file.bytes, MOST_UNPACKED) : E.right(file.bytes),
        E.chain(decodeIdx),
        within(`${set}: ${file.name}`)
      )
    })
  )

const decodePart = (set: string, files: Files, part: string): E.Either<DecodeError, LabelledImages> =>
  pipe(
    E.Do,
    E.bind('images', () => decodeFile(set, files, part, 'images')),
    E.bind('labels', () => decodeFile(set, files, part, 'labels')),
    E.chain(({ images, labels }) => {
      const what = `${set}: ${part}`
      const [count, height, width] = images.shape
      if (images.shape.length !== 3 || height !== SIDE || width !== SIDE)
        return malformed(
          what,
          `a size of ${SIDE}x${SIDE} for images`,
          `the file of images has the shape [${images.shape}]`
        )
      if (labels.shape.length !== 1 || labels.shape[0] !== count)
        return malformed(
          what,
          `a label for each of ${count} images`,
          `the file of labels has the shape [${labels.shape}]`
        )
      const batch: LabelledImages = { images: images.data, labels: [...labels.data] }
      return pipe(
        checkLabels(what, batch.labels, 0, CLASSES - 1),
        E.map(() => batch)
      )
    })
  )

const dataSetOf = (name: string, help: string, classNames: readonly string[]): DataSet => ({
  help: `${help}: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-..., packed by gzip or not`,
  wants: isNamed(PARTS.flatMap(part => KINDS.flatMap(kind => spellings(part, kind)))),
  decode: files =>
    pipe(
      PARTS,
      E.traverseArray(part => decodePart(name, files, part)),
      E.map(([train, test]): Sources => {
        const frame = { name, channels: 1, height: SIDE, width: SIDE, classNames }
        return { train: datasetOf(frame, [train as LabelledImages]), test: datasetOf(frame, [test as LabelledImages]) }
      })
    )
})

/** Handwritten digits, 28x28, grey. */
export const mnist: DataSet = dataSetOf('mnist', 'MNIST', numberedNames(CLASSES))

/** Clothes, 28x28, grey. The files are called as those of MNIST are. */
export const fashionMnist: DataSet = dataSetOf('fashion-mnist', 'Fashion-MNIST', CLOTHES)
