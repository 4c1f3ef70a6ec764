/**
 * CIFAR-10 and CIFAR-100: both layouts give the same images, real subsets those that are known, and damaged files a
 * reason.
 */
import { describe, expect, it } from 'vitest'
import { gunzip } from '../../../src/formats/gunzip.js'
import { decodeTar } from '../../../src/formats/tar.js'
import type { Files } from '../../../src/nas/data/block.js'
import { DATA_SETS } from '../../../src/nas/data/datasets.js'
import { bytesOf, example, sayOf, truthOf } from '../../formats/files.js'
import { right } from '../../kernels/results.js'
import { changed, decoded, filesIn, missing, refusal, subsetOf } from './official.js'

const CIFAR10 = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']
const digits = (count: number): readonly string[] => Array.from({ length: count }, (_, k) => String(k))

/** Records of these labels; the pixels count on. */
const records = (...labels: readonly (readonly number[])[]): Uint8Array =>
  bytesOf(...labels.flatMap((label, k) => [label, Array.from({ length: 3072 }, (_, pixel) => (pixel + 7 * k) % 256)]))

const binary10: Files = new Map([
  ...[1, 2, 3, 4, 5].map((k): [string, Uint8Array] => [`data_batch_${k}.bin`, records([k], [9 - k])]),
  ['test_batch.bin', records([0])]
])
const binary100: Files = new Map([
  ['train.bin', records([19, 99], [0, 3])],
  ['test.bin', records([1, 2])]
])
const python10 = right(decodeTar(right(gunzip(example('cifar-10-python.tar.gz'), 1e6))))

describe('cifar10', () => {
  it('reads records of bytes, in the order of the batches', () => {
    const { train, test } = decoded('cifar10', binary10)
    expect(train).toMatchObject({
      name: 'cifar10',
      count: 10,
      channels: 3,
      height: 32,
      width: 32,
      classNames: digits(10)
    })
    expect([...train.labels]).toEqual([1, 8, 2, 7, 3, 6, 4, 5, 5, 4])
    expect(train.images).toBeInstanceOf(Uint8Array)
    expect(train.images).toHaveLength(10 * 3072)
    expect([...train.images.subarray(3 * 3072, 3 * 3072 + 4)]).toEqual([7, 8, 9, 10])
    expect(test).toMatchObject({ count: 1, labels: Int32Array.of(0) })
  })
  it.each(['cifar10_batch_protocol2.pkl', 'cifar10_batch_protocol4.pkl'])('reads %s', name => {
    const { shape, ...truth } = truthOf(name)
    const { test } = decoded('cifar10', changed(python10, { 'cifar-10-batches-py/test_batch': example(name) }))
    expect(test).toMatchObject({ count: shape[0], classNames: CIFAR10 })
    expect(sayOf(test?.images ?? [], test?.labels ?? [])).toEqual(truth)
  })
  it('reads an archive as Python wrote it', () => {
    const { train, test } = decoded('cifar10', python10)
    expect([train.count, train.classNames]).toEqual([10, CIFAR10])
    expect([...train.labels]).toEqual([1, 3, 2, 6, 3, 9, 4, 2, 5, 5])
    expect(test?.labels).toEqual(Int32Array.of(8, 8))
  })
  it('reads the bytes where both layouts are there', () => {
    expect(decoded('cifar10', changed(python10, Object.fromEntries(binary10)))).toEqual(decoded('cifar10', binary10))
  })
  it('takes names of classes, of Windows too', () => {
    const names = bytesOf(`${CIFAR10.join('\r\n')}\r\n\r\n`)
    expect(decoded('cifar10', changed(binary10, { 'batches.meta.txt': names })).train.classNames).toEqual(CIFAR10)
  })
  it('is normalised as published, in the numbers of the file', () => {
    const { normalisation } = DATA_SETS['cifar10']?.published ?? {}
    expect(normalisation?.layers.mean[0]).toBeCloseTo(0.49139968 * 255, 10)
    expect(normalisation?.stages).toEqual({ mean: [125.3, 123, 113.9], deviation: [63, 62.1, 66.7] })
    expect(DATA_SETS['cifar10']?.published).toMatchObject({ padding: 4, flip: true })
  })

  const batch = binary10.get('data_batch_1.bin') as Uint8Array
  it.each<[string, Readonly<Record<string, Uint8Array | undefined>>, string]>([
    [
      'a batch that is missing',
      { 'data_batch_3.bin': undefined },
      'cifar10: a file data_batch_3.bin is required, but there is none'
    ],
    [
      'a test that is missing',
      { 'test_batch.bin': undefined },
      'cifar10: a file test_batch.bin is required, but there is none'
    ],
    [
      'a batch in two places',
      { 'a/data_batch_1.bin': batch },
      "one file data_batch_1.bin is required, but there are 2: 'data_batch_1.bin', 'a/"
    ],
    [
      'a batch that is cut off',
      { 'data_batch_2.bin': batch.subarray(0, 5000) },
      'cifar10: data_batch_2.bin: a whole number of records of 3073 bytes is required, but the file has 5000 bytes'
    ],
    [
      'a batch of nothing',
      { 'data_batch_2.bin': bytesOf() },
      'cifar10: data_batch_2.bin: at least one image is required'
    ],
    [
      'a label of no class',
      { 'data_batch_4.bin': records([1], [10]) },
      'a label of 0 to 9 for each image is required, but that of image 1 is 10'
    ],
    [
      'names of too few classes',
      { 'batches.meta.txt': bytesOf('cat\ndog\n') },
      'cifar10: batches.meta.txt: a name for each of 10 classes'
    ],
    [
      'names that are the same',
      { 'batches.meta.txt': bytesOf('cat\n'.repeat(10)) },
      'a name of its own for each class is required'
    ],
    ['names that do not print', { 'batches.meta.txt': bytesOf('\x1b[2J\n', digits(9).join('\n')) }, "one is '?[2J'"],
    [
      'names without end',
      { 'batches.meta.txt': new Uint8Array(70_000).fill(65) },
      'a file of at most 65536 bytes is required'
    ]
  ])('refuses %s', (_, changes, message) => expect(refusal('cifar10', changed(binary10, changes))).toContain(message))

  const of100 = example('cifar100_train.pkl')
  it.each<[string, Uint8Array, string]>([
    [
      'another program',
      example('evil.pkl'),
      'cifar10: data_batch_2: pickle: a pickle of numbers, texts, lists, dicts and numpy arrays is'
    ],
    [
      'labels of another set',
      of100,
      "cifar10: data_batch_2: a list 'labels' of whole numbers is required, but there is none"
    ],
    [
      'images of another set',
      example('imagenet16_batch.pkl'),
      "an array 'data' with rows of 3072 bytes is required, but its rows have 768"
    ],
    ['a list', bytesOf('].'), 'cifar10: data_batch_2: a dict is required, but it is another value'],
    ['a dict of nothing', bytesOf('}.'), "an array 'data' with rows of 3072 bytes is required, but there is none"],
    ['records of bytes', batch, 'cifar10: data_batch_2: pickle: ']
  ])('refuses %s as a pickle', (_, bytes, message) =>
    expect(refusal('cifar10', changed(python10, { 'cifar-10-batches-py/data_batch_2': bytes }))).toContain(message)
  )

  it.skipIf(missing('cifar10'))('reads the subset of the shared folder', () => {
    const { train, test } = decoded('cifar10', filesIn(subsetOf('cifar10')))
    expect([train.count, test?.count, train.classNames]).toEqual([2500, 1000, CIFAR10])
    expect([...train.labels.subarray(0, 10)]).toEqual([6, 9, 9, 4, 1, 1, 2, 7, 8, 3])
    expect([...(test?.labels.subarray(0, 10) ?? [])]).toEqual([3, 8, 8, 0, 6, 6, 1, 6, 3, 1])
    expect([...train.images.subarray(0, 4)]).toEqual([59, 43, 50, 68])
    const means = [0, 1, 2].map(channel => {
      const first = Array.from(train.images.subarray(0, 500 * 3072))
      const sum = first.reduce((total, pixel, k) => (Math.floor(k / 1024) % 3 === channel ? total + pixel : total), 0)
      return sum / (500 * 1024 * 255)
    })
    expect(means.map(mean => mean.toFixed(3))).toEqual(['0.490', '0.480', '0.443'])
  })
})

describe('cifar100', () => {
  it('reads records with two labels', () => {
    const { train, test } = decoded('cifar100', binary100)
    expect(train).toMatchObject({ name: 'cifar100', count: 2, classNames: digits(100), labels: Int32Array.of(99, 3) })
    expect([...train.images.subarray(3072, 3074)]).toEqual([7, 8])
    expect(test).toMatchObject({ count: 1, labels: Int32Array.of(2) })
  })
  it('reads pickles', () => {
    const { shape, ...truth } = truthOf('cifar100_train.pkl')
    const bytes = example('cifar100_train.pkl')
    const { train, test } = decoded(
      'cifar100',
      new Map([
        ['train', bytes],
        ['test', bytes]
      ])
    )
    expect(train.count).toBe(shape[0])
    expect(sayOf(train.images, train.labels)).toEqual(truth)
    expect(test).toEqual(train)
  })
  it.each<[string, Readonly<Record<string, Uint8Array | undefined>>, string]>([
    [
      'a coarse label of no class',
      { 'train.bin': records([20, 3]) },
      'cifar100: train.bin: a label of 0 to 19 for each image'
    ],
    [
      'a fine label of no class',
      { 'test.bin': records([3, 100]) },
      'cifar100: test.bin: a label of 0 to 99 for each image'
    ],
    ['records of CIFAR-10', { 'test.bin': records([3]) }, 'a whole number of records of 3074 bytes is required']
  ])('refuses %s', (_, changes, message) => expect(refusal('cifar100', changed(binary100, changes))).toContain(message))

  it.skipIf(missing('cifar100'))('reads the subset of the shared folder', () => {
    const { train, test } = decoded('cifar100', filesIn(subsetOf('cifar100')))
    expect([train.count, test?.count]).toEqual([1100, 900])
    expect(train.classNames.slice(0, 3)).toEqual(['apple', 'aquarium_fish', 'baby'])
    expect(new Set(train.labels).size).toBe(100)
  })
})
