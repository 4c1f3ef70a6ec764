/**
 * Splits: halves, the file's order, or named images; no image in two parts, and none of the test part in the others.
 */
import { fc, test } from '@fast-check/vitest'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import type { Dataset, Sources } from '../../../src/nas/data/dataset.js'
import { parseSplit } from '../../../src/nas/data/split.js'
import { prepareSearch } from '../../../src/nas/steps/prepare.js'
import { left, right } from '../../kernels/results.js'

/** Images of one pixel, each of a value of its own, so that it tells which one it is. */
const numbered = (count: number, from = 0): Dataset => ({
  name: 'numbered',
  images: Float32Array.from({ length: count }, (_, i) => from + i),
  labels: new Int32Array(count),
  count,
  channels: 1,
  height: 1,
  width: 1,
  classNames: ['0']
})
const partsOf = (sources: Sources, options: Parameters<typeof prepareSearch>[1]): readonly (readonly number[])[] => {
  const { train, valid, test: held } = right(prepareSearch(sources, options))
  return [train, valid, held].map(({ images }) => [...images])
}
const sizes = fc.tuple(fc.integer({ min: 4, max: 200 }), fc.integer({ min: 1, max: 50 }), fc.nat())

test.prop([sizes])('halves of the training images, each in one part, and all test images', ([count, tests, seed]) => {
  const sources = { train: numbered(count), test: numbered(tests, 1000) }
  for (const split of ['seeded', 'file-order'] as const) {
    const [train = [], valid = [], held] = partsOf(sources, { seed, split })
    expect([train.length, valid.length]).toEqual([Math.floor(count / 2), Math.ceil(count / 2)])
    expect([...train, ...valid].toSorted((a, b) => a - b)).toEqual([...sources.train.images])
    expect(held).toEqual([...(sources.test as Dataset).images])
    expect(partsOf(sources, { seed, split })).toEqual([train, valid, held])
  }
})

describe('prepare', () => {
  const sources = { train: numbered(10), test: numbered(3, 1000) }
  it('keeps the order of the file where it is asked to', () =>
    expect(partsOf(sources, { seed: 5, split: 'file-order' })).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9],
      [1000, 1001, 1002]
    ]))
  it('takes named images', () =>
    expect(partsOf(sources, { seed: 0, split: { train: [0, 5, 7], valid: [2, 1] } }).slice(0, 2)).toEqual([
      [0, 5, 7],
      [2, 1]
    ]))
  it('normalises by the images that train the weights alone', () => {
    const { train, test: held } = right(prepareSearch(sources, { seed: 0, split: 'file-order' }))
    expect(train.normalisation.mean).toEqual([2])
    expect(held.normalisation).toEqual(train.normalisation)
  })
  it.each([
    ['an image that is not there', { train: [0, 10], valid: [1] }, 'it names 10 of 10'],
    ['an image in both parts', { train: [0, 1], valid: [1] }, 'it names one twice']
  ])('refuses a split of %s', (_, split, message) =>
    expect(left(prepareSearch(sources, { seed: 0, split })).message).toContain(message)
  )
  it('refuses a split where there is no test part, and parts without images', () => {
    expect(
      left(prepareSearch({ train: numbered(10), test: null }, { seed: 0, split: { train: [0], valid: [1] } })).message
    ).toContain('there are none')
    expect(left(prepareSearch({ train: numbered(10), test: numbered(0) }, { seed: 0 })).message).toContain(
      'one has none'
    )
  })
})

describe('parseSplit', () => {
  it("reads NAS-Bench-201's form, and plain numbers", () => {
    expect(parseSplit('{"train": ["int", ["0", "5"]], "valid": ["int", ["1", "2"]]}')).toEqual(
      E.right({ train: [0, 5], valid: [1, 2] })
    )
    expect(parseSplit('{"train": [0, 5], "valid": [1, 2]}')).toEqual(E.right({ train: [0, 5], valid: [1, 2] }))
  })
  it.each([
    '',
    '[]',
    '3',
    'null',
    '{"train": [1]}',
    '{"train": [1], "valid": [0.5]}',
    '{"train": ["x"], "valid": [1]}',
    '{"train": [-1], "valid": []}'
  ])('refuses %j', text => expect(left(parseSplit(text)).message).toContain('Wanted --split to be a JSON file like'))
})
