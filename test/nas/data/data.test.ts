/**
 * The digits as they lie in `data`, what a decoder must refuse, and how datasets are selected, split and standardised.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { type Dataset, normalisationOf, normalised, splitBy, subset } from '../../../src/nas/data/dataset.js'
import { decodeDigits } from '../../../src/nas/data/digits.js'
import { prepareSearch } from '../../../src/nas/steps/prepare.js'

const bytes = gunzipSync(readFileSync(new URL('../../../data/digits.csv.gz', import.meta.url)))

const right = <A>(result: E.Either<unknown, A>): A => {
  if (E.isLeft(result)) throw new Error(`a Right was wanted, but it is ${JSON.stringify(result)}`)
  return result.right
}
const digits = right(decodeDigits(bytes))

/** `count` images of 2 channels of 1x2; all values differ. */
const pairs = (count: number): Dataset => ({
  name: 'pairs',
  images: Float32Array.from({ length: 4 * count }, (_, k) => k),
  labels: Int32Array.from({ length: count }, (_, k) => k % 3),
  count,
  channels: 2,
  height: 1,
  width: 2,
  classNames: ['0', '1', '2']
})

describe('decodeDigits', () => {
  it('reads the real file', () => {
    const { images, labels, ...rest } = digits
    expect(rest).toEqual({
      name: 'digits',
      count: 1797,
      channels: 1,
      height: 8,
      width: 8,
      classNames: [...'0123456789']
    })
    expect(images).toHaveLength(1797 * 64)
    expect([...images.slice(0, 8)]).toEqual([0, 0, 5, 13, 9, 1, 0, 0])
    expect([...labels.slice(0, 11)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0])
    expect([labels.at(-1), images.at(-1)]).toEqual([8, 0])
    const counts = Array.from({ length: 10 }, (_, label) => labels.filter(found => found === label).length)
    expect(counts).toEqual([178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
  })

  const good = `${'16,'.repeat(64)}9`
  const decode = (text: string) => decodeDigits(new TextEncoder().encode(text))

  it.each([
    ['a last line without a line feed', `${good}\n${good}`],
    ['a last line with one', `${good}\n${good}\n`],
    ['carriage returns', `${good}\r\n${good}\r\n`]
  ])('accepts %s', (_, text) => expect(right(decode(text)).count).toBe(2))

  const fields = 'requires 65 fields (64 pixels, then the label), but has'
  it.each([
    ['an empty file', '', 'digits: at least one line is required, but the file is empty'],
    ['a lone line feed', '\n', 'digits: at least one line is required, but the file is empty'],
    ['a field too few', `${good}\n${good.slice(3)}\n`, `digits: line 2 ${fields} 64`],
    ['a field too many', `${good},1\n`, `digits: line 1 ${fields} 66`],
    ['an empty line', `${good}\n\n${good}\n`, `digits: line 2 ${fields} 1`],
    ['a second line feed at the end', `${good}\n\n`, `digits: line 2 ${fields} 1`],
    [
      'a pixel above 16',
      `17${good.slice(2)}`,
      "digits: line 1 requires a whole number of 0 to 16 as pixel 1, but has '17'"
    ],
    [
      'a pixel below 0',
      `-1${good.slice(2)}`,
      "digits: line 1 requires a whole number of 0 to 16 as pixel 1, but has '-1'"
    ],
    [
      'half a pixel',
      `16,2.5${good.slice(5)}`,
      "digits: line 1 requires a whole number of 0 to 16 as pixel 2, but has '2.5'"
    ],
    ['an empty pixel', `${good.slice(2)}`, "digits: line 1 requires a whole number of 0 to 16 as pixel 1, but has ''"],
    [
      'a label above 9',
      `${good}\n${good.slice(0, -1)}10\n`,
      "digits: line 2 requires a whole number of 0 to 9 as label, but has '10'"
    ],
    [
      'a word as label',
      `${good.slice(0, -1)}six`,
      "digits: line 1 requires a whole number of 0 to 9 as label, but has 'six'"
    ]
  ])('refuses %s', (_, text, message) => expect(decode(text)).toEqual(E.left({ _tag: 'DecodeError', message })))

  it('refuses the packed file', () => {
    const packed = readFileSync(new URL('../../../data/digits.csv.gz', import.meta.url))
    expect(decodeDigits(packed)).toMatchObject({ _tag: 'Left', left: { _tag: 'DecodeError' } })
  })
})

describe('subset', () => {
  it('takes images in the order asked for, as often as asked for', () => {
    const { images, labels, ...rest } = subset(pairs(4), [2, 0, 2])
    expect([...images]).toEqual([8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11])
    expect([...labels]).toEqual([2, 0, 2])
    expect(rest).toEqual({ name: 'pairs', count: 3, channels: 2, height: 1, width: 2, classNames: ['0', '1', '2'] })
  })
  it('gives arrays of their own', () => {
    const chosen = subset(digits, [5])
    expect([chosen.images.byteOffset, chosen.images.buffer.byteLength]).toEqual([0, 4 * 64])
    expect(chosen.images).toEqual(digits.images.slice(5 * 64, 6 * 64))
  })
  it('reads a dataset that is a view into a larger buffer', () => {
    const whole = pairs(4)
    const view = { ...whole, images: whole.images.subarray(4), labels: whole.labels.subarray(1), count: 3 }
    expect([...subset(view, [1]).images]).toEqual([8, 9, 10, 11])
  })
  it('of nothing is empty', () => expect(subset(digits, [])).toMatchObject({ count: 0, images: new Float32Array(0) }))
  it.each([-1, 4, 0.5, Number.NaN])('refuses the index %d', index => {
    expect(() => subset(pairs(4), [0, index])).toThrow(`subset requires indices 0 to 3 of 'pairs', but got ${index}`)
  })
})

describe('splitBy', () => {
  it('gives consecutive parts of the order and leaves out the rest', () => {
    const parts = splitBy(pairs(6), [5, 4, 3, 2, 1, 0], [2, 0, 3])
    expect(parts.map(({ count }) => count)).toEqual([2, 0, 3])
    expect(parts.map(({ images }) => [...images].filter((_, k) => k % 4 === 0))).toEqual([[20, 16], [], [12, 8, 4]])
  })
  it('refuses parts that are larger than the order', () => {
    expect(() => splitBy(pairs(6), [0, 1, 2], [2, 2])).toThrow(
      'splitBy requires 4 images for all parts, but got an order of 3'
    )
  })
  it('refuses a negative size', () =>
    expect(() => splitBy(pairs(6), [0, 1, 2], [4, -1])).toThrow('not negative, but got -1'))
})

describe('normalisation', () => {
  const standardised = (by: Dataset, dataset: Dataset) =>
    normalised({ ...dataset, normalisation: right(normalisationOf(by)) })
  const moments = (images: ArrayLike<number>) => {
    const values = Array.from(images)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    return [mean, Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)] as const
  }

  it('gives the part that it is of mean 0 and deviation 1, and moves the others alike', () => {
    const order = Array.from({ length: digits.count }, (_, k) => k)
    const [train, rest] = splitBy(digits, order, [1000, 797]) as [Dataset, Dataset]
    const [a, b] = [standardised(train, train), standardised(train, rest)]
    expect(moments(a)[0]).toBeCloseTo(0, 6)
    expect(moments(a)[1]).toBeCloseTo(1, 6)
    const [mean, deviation] = moments(train.images)
    expect(b[100]).toBeCloseTo(((rest.images[100] as number) - mean) / deviation, 6)
  })
  it('treats every channel by itself', () => {
    // Channel 0 holds 0 1 4 5 (mean 2.5, variance 4.25), channel 1 holds 2 3 6 7 (mean 4.5).
    const expected = [-2.5, -1.5, -2.5, -1.5].map(value => Math.fround(value / Math.sqrt(4.25)))
    expect([...standardised(pairs(2), pairs(1))]).toEqual(expected)
  })
  it('takes bytes as it takes floats', () => {
    const floats = pairs(50)
    const bytes = { ...floats, images: Uint8Array.from(floats.images) }
    expect(right(normalisationOf(bytes))).toEqual(right(normalisationOf(floats)))
    expect(standardised(bytes, subset(bytes, [3, 1]))).toEqual(standardised(floats, subset(floats, [3, 1])))
  })
  it.each([0, 7, 0.1])('refuses a channel of %d only', value => {
    const images = (pairs(50).images as Float32Array).map((other, k) => (k % 4 < 2 ? other : value))
    const message =
      "a deviation above 0 is required to standardise by 'pairs', but that of channel 1 is 0; take more images"
    expect(normalisationOf({ ...pairs(50), images })).toEqual(E.left({ _tag: 'DecodeError', message }))
  })
  it('refuses no images at all', () => expect(E.isLeft(normalisationOf(subset(digits, [])))).toBe(true))
})

describe('prepare', () => {
  const count = 103
  const dataset: Dataset = {
    ...digits,
    images: Float32Array.from({ length: count * digits.channels * digits.height * digits.width }, (_, i) =>
      Math.sin(i)
    ),
    // Each image is a class of its own, so that its label tells it.
    labels: Int32Array.from({ length: count }, (_, i) => i),
    count,
    classNames: Array.from({ length: count }, (_, i) => String(i))
  }
  const parts = (seed: number): number[][] => {
    const { train, valid, test } = right(prepareSearch({ train: dataset, test: null }, { seed }))
    return [train, valid, test].map(({ labels }) => Array.from(labels))
  }

  it('gives two fifths, two fifths and the rest, each image once', () => {
    expect(parts(0).map(({ length }) => length)).toEqual([40, 40, 23])
    expect(
      parts(0)
        .flat()
        .sort((a, b) => a - b)
    ).toEqual(Array.from({ length: count }, (_, i) => i))
  })

  it('splits by the seed alone', () => {
    expect(parts(1)).toEqual(parts(1))
    expect(parts(1)).not.toEqual(parts(0))
  })
})
