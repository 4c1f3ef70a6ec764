/** ImageNet16-120: labels from 1, and only the first 120 classes. */
import { describe, expect, it } from 'vitest'
import type { Files } from '../../../src/nas/data/block.js'
import { DATA_SETS } from '../../../src/nas/data/datasets.js'
import { bytesOf, example, sayOf, truthOf } from '../../formats/files.js'
import { changed, decoded, refusal } from './official.js'

const batch = example('imagenet16_batch.pkl')
const files: Files = new Map(
  [...Array.from({ length: 10 }, (_, k) => `train_data_batch_${k + 1}`), 'val_data'].map(name => [name, batch])
)
/** The batch with the labels 1, 120, 7 and 121 replaced. */
const labelled = (labels: readonly number[]): Uint8Array => {
  const at = Buffer.from(batch).indexOf(bytesOf([0x4b, 1, 0x4b, 120, 0x4b, 7, 0x4b, 121]))
  return batch.map((byte, k) =>
    k > at && k <= at + 8 && (k - at) % 2 === 1 ? (labels[(k - at - 1) / 2] as number) : byte
  )
}

describe('imagenet16-120', () => {
  it('reads the first 120 classes', () => {
    const { shape, ...truth } = truthOf('imagenet16_batch.pkl')
    const { train, test } = decoded('imagenet16-120', files)
    expect(test).toMatchObject({ name: 'imagenet16-120', count: shape[0], channels: 3, height: 16, width: 16 })
    expect(sayOf(test?.images ?? [], test?.labels ?? [])).toEqual(truth)
    expect([train.count, train.classNames.length, train.classNames[0]]).toEqual([30, 120, '1'])
    expect([...train.labels.subarray(27)]).toEqual(truth.labels)
  })
  it('is normalised as NAS-Bench-201 does, for both kinds of networks', () => {
    const { normalisation, padding, flip } = DATA_SETS['imagenet16-120']?.published ?? {}
    expect(normalisation?.layers).toEqual(normalisation?.stages)
    expect([normalisation?.stages.mean, padding, flip]).toEqual([[122.68, 116.66, 104.01], 2, true])
  })
  it.each<[string, Readonly<Record<string, Uint8Array | undefined>>, string]>([
    [
      'a missing batch',
      { train_data_batch_10: undefined },
      'imagenet16-120: a file train_data_batch_10 is required, but there is none'
    ],
    [
      'labels from 0',
      { train_data_batch_2: labelled([0, 1, 2, 3]) },
      'a label of 1 to 1000 for each image is required, but that of image 0 is 0'
    ],
    [
      'a test of other classes',
      { val_data: labelled([121, 122, 123, 124]) },
      'imagenet16-120: val_data: at least one image is required'
    ],
    [
      'images of another set',
      { val_data: example('cifar10_batch_protocol4.pkl') },
      'with rows of 768 bytes is required, but its rows have 3072'
    ]
  ])('refuses %s', (_, changes, message) =>
    expect(refusal('imagenet16-120', changed(files, changes))).toContain(message)
  )
})
