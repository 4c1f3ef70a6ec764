/** MNIST and Fashion-MNIST: however their files are spelled and packed, and what they must not be. */
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Files } from '../../../src/nas/data/block.js'
import { DATA_SETS } from '../../../src/nas/data/datasets.js'
import { bytesOf, example, patched, sayOf, truthOf } from '../../formats/files.js'
import { changed, decoded, filesIn, missing, refusal, subsetOf } from './official.js'

const [images, labels] = [example('images-idx3-ubyte'), example('labels-idx1-ubyte')]
const [IMAGES, LABELS, TEST_IMAGES, TEST_LABELS] = [
  'train-images-idx3',
  'train-labels-idx1',
  't10k-images-idx3',
  't10k-labels-idx1'
].map(name => `${name}-ubyte`) as [string, string, string, string]
const plain: Files = new Map([
  [IMAGES, images],
  [LABELS, labels],
  [TEST_IMAGES, images],
  [TEST_LABELS, labels]
])
const { shape, ...truth } = truthOf('images-idx3-ubyte')

describe('mnist', () => {
  it.each<[string, Files]>([
    ['plain', plain],
    ['packed', new Map([...plain].map(([name, bytes]) => [`${name}.gz`, new Uint8Array(gzipSync(bytes))]))],
    [
      'with a dot, in a folder',
      new Map([...plain].map(([name, bytes]) => [`raw/${name.replace('-idx', '.idx')}`, bytes]))
    ]
  ])('reads files that are %s', (_, files) => {
    const { train, test } = decoded('mnist', files)
    expect(train).toMatchObject({
      name: 'mnist',
      count: shape[0],
      channels: 1,
      height: 28,
      width: 28,
      classNames: [...'0123456789']
    })
    expect(sayOf(train.images, train.labels)).toEqual(truth)
    expect(test).toEqual(train)
  })
  it('reads what is unpacked where both are there', () =>
    expect(decoded('mnist', changed(plain, { [`${IMAGES}.gz`]: bytesOf('broken') }))).toEqual(decoded('mnist', plain)))
  it('has no published normalisation', () => expect(DATA_SETS['mnist']?.published).toBeUndefined())

  it.each<[string, Readonly<Record<string, Uint8Array | undefined>>, string]>([
    [
      'a missing file',
      { [LABELS]: undefined },
      'mnist: a file train-labels-idx1-ubyte (or packed, with .gz) is required, but there is none'
    ],
    [
      'files that are swapped',
      { [IMAGES]: labels, [LABELS]: images },
      'mnist: train: a size of 28x28 for images is required, but the file of images'
    ],
    [
      'images as labels',
      { [LABELS]: images },
      'a label for each of 7 images is required, but the file of labels has the shape [7,28,28]'
    ],
    [
      'fewer labels',
      { [LABELS]: patched(labels, 7, [6]).subarray(0, -1) },
      'a label for each of 7 images is required, but the file of labels has the shape [6]'
    ],
    [
      'a label of no class',
      { [TEST_LABELS]: patched(labels, 10, [10]) },
      'mnist: t10k: a label of 0 to 9 for each image is required, but that of image 2 is 10'
    ],
    [
      'images of another size',
      { [IMAGES]: patched(patched(images, 8, [0, 0, 0, 14]), 12, [0, 0, 0, 56]) },
      'has the shape [7,14,56]'
    ],
    [
      'no images',
      {
        [IMAGES]: patched(images.subarray(0, 16), 4, [0, 0, 0, 0]),
        [LABELS]: patched(labels.subarray(0, 8), 4, [0, 0, 0, 0])
      },
      'at least one image'
    ],
    [
      'a file that is cut off',
      { [IMAGES]: images.subarray(0, 4000) },
      'mnist: train-images-idx3-ubyte: idx: room of 5488 elements'
    ],
    [
      'packed bytes that are cut off',
      { [IMAGES]: undefined, [`${IMAGES}.gz`]: example('images-idx3-ubyte.gz').subarray(0, 99) },
      'gzip: a whole file is required'
    ],
    [
      'a bomb',
      { [IMAGES]: undefined, [`${IMAGES}.gz`]: example('bomb.gz') },
      'mnist: train-images-idx3-ubyte.gz: idx: '
    ],
    [
      'another format',
      { [IMAGES]: example('evil.pkl') },
      'mnist: train-images-idx3-ubyte: idx: a file that begins with two zeros'
    ]
  ])('refuses %s', (_, changes, message) => expect(refusal('mnist', changed(plain, changes))).toContain(message))
})

describe('fashion-mnist', () => {
  it('is called by clothes', () => expect(decoded('fashion-mnist', plain).train.classNames[9]).toBe('Ankle boot'))
  it.skipIf(missing('fashion-mnist'))('reads the subset of the shared folder', () => {
    const { train, test } = decoded('fashion-mnist', filesIn(subsetOf('fashion-mnist')))
    expect([train.count, test?.count]).toEqual([4000, 1000])
    // The first labels of the published files.
    expect([...train.labels.subarray(0, 10)]).toEqual([9, 0, 0, 3, 0, 2, 7, 2, 5, 5])
    expect([...(test?.labels.subarray(0, 10) ?? [])]).toEqual([9, 2, 1, 1, 6, 1, 4, 6, 5, 7])
  })
})
