/** SVHN as scipy wrote it in three ways, and what is no file of it. */
import { describe, expect, it } from 'vitest'
import type { Dataset } from '../../../src/nas/data/dataset.js'
import { DATA_SETS } from '../../../src/nas/data/datasets.js'
import { decodeSvhn, svhn } from '../../../src/nas/data/svhn.js'
import { example, sayOf, truthOf } from '../../formats/files.js'
import { matOf } from '../../formats/writers.js'
import { left, right } from '../../kernels/results.js'

const plain = example('svhn_plain.mat')
const decode = (train: Uint8Array | undefined, test: Uint8Array | undefined = plain) =>
  decodeSvhn(
    new Map([
      ...(train ? [['train_32x32.mat', train] as const] : []),
      ...(test ? [['test_32x32.mat', test] as const] : [])
    ])
  )

describe('svhn', () => {
  it('is a data set by name, and wants its two files only', () => {
    expect(DATA_SETS['svhn']).toBe(svhn)
    expect(['train_32x32.mat', 'test_32x32.mat', 'extra_32x32.mat', 'train.mat'].map(svhn.wants)).toEqual([
      true,
      true,
      false,
      false
    ])
  })

  it.each(['svhn_plain.mat', 'svhn_compressed.mat', 'svhn_double_labels.mat'])('reads %s', name => {
    const { train, test } = right(decode(example(name)))
    const { shape, ...values } = truthOf(name)
    for (const part of [train, test]) {
      const { images, labels, ...rest } = part as Dataset
      expect([rest.count, rest.channels, rest.height, rest.width]).toEqual(shape)
      expect(images).toBeInstanceOf(Uint8Array)
      expect(sayOf(images, labels)).toEqual(values)
      expect(rest.classNames).toEqual([...'0123456789'])
    }
  })

  it('is normalised and moved as published', () => {
    const { normalisation, padding, flip } = svhn.published as NonNullable<typeof svhn.published>
    expect([padding, flip]).toEqual([4, true])
    expect(normalisation.layers.mean.map(mean => mean / 255)).toEqual(
      [0.4377, 0.4438, 0.4728].map(mean => expect.closeTo(mean, 12))
    )
    expect(normalisation.layers.deviation.map(deviation => deviation / 255)).toEqual(
      [0.198, 0.201, 0.197].map(deviation => expect.closeTo(deviation, 12))
    )
  })

  const X = { name: 'X', shape: [32, 32, 3, 2], values: new Uint8Array(6144) }
  const y = (...values: readonly number[]) => ({
    name: 'y',
    shape: [values.length, 1],
    values: Float64Array.from(values)
  })
  const shape = 'X: 32 x 32 x 3 x N bytes is required, but'
  it.each<[string, Uint8Array | undefined, string]>([
    ['no training file', undefined, 'svhn: a file train_32x32.mat is required, but there is none'],
    ['no labels', matOf([X]), "svhn: train_32x32.mat: mat: 'y' is required, but there is only 'X'"],
    ['no images', matOf([y(1, 2)]), "svhn: train_32x32.mat: mat: 'X' is required, but there is only 'y'"],
    ['no variables', matOf([]), "svhn: train_32x32.mat: mat: 'X' is required, but there is nothing"],
    [
      'labels where images should be',
      matOf([{ ...X, shape: [2, 1], values: new Uint8Array(2) }, y(1, 2)]),
      `${shape} it is '2 x 1'`
    ],
    ['other images', matOf([{ ...X, shape: [16, 64, 3, 2] }, y(1, 2)]), `${shape} it is '16 x 64 x 3 x 2'`],
    [
      'no images in it',
      matOf([{ ...X, shape: [32, 32, 3, 0], values: new Uint8Array(0) }, y()]),
      `${shape} it is '32 x 32 x 3 x 0'`
    ],
    [
      'doubles as images',
      matOf([{ ...X, values: new Float64Array(6144) }, y(1, 2)]),
      `${shape} there are larger numbers`
    ],
    [
      'images where labels should be',
      matOf([X, { ...X, name: 'y' }]),
      "y: labels as N or N x 1 numbers is required, but they are '32 x"
    ],
    ['a label too few', matOf([X, y(1)]), 'y: a label for each of 2 images is required, but there are 1'],
    ['a label of 0', matOf([X, y(1, 0)]), 'y: whole numbers of 1 to 10 as labels is required, but label 1 is 0'],
    ['a label of 11', matOf([X, y(11, 1)]), 'whole numbers of 1 to 10 as labels is required, but label 0 is 11'],
    ['half a label', matOf([X, y(1, 2.5)]), 'label 1 is 2.5'],
    ['no number as label', matOf([X, y(Number.NaN, 2)]), 'label 0 is NaN']
  ])('refuses %s', (_, bytes, message) => expect(left(decode(bytes)).message).toContain(message))

  it('names the file that is wrong', () =>
    expect(left(decode(plain, plain.subarray(0, 200))).message).toContain('svhn: test_32x32.mat: mat: '))
})
