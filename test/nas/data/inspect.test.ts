/** What is said of a data set, of one that is known by heart, and the sheet of its images. */
import { describe, expect, it } from 'vitest'
import type { Dataset } from '../../../src/nas/data/dataset.js'
import { inspectionOf, inspectionText } from '../../../src/nas/data/inspect.js'
import { sheetOf } from '../../../src/nas/data/sheet.js'

/** Images of two channels of 1 x 1, by their two values and their label. */
const dataset = (...images: readonly (readonly [number, number, label: number])[]): Dataset => ({
  name: 'pairs',
  images: Uint8Array.from(images.flatMap(([a, b]) => [a, b] as const)),
  labels: Int32Array.from(images, ([, , label]) => label),
  count: images.length,
  channels: 2,
  height: 1,
  width: 1,
  classNames: ['cat', 'dog', 'eel']
})

const train = dataset([0, 51, 0], [255, 51, 0], [0, 51, 1], [0, 51, 0], [255, 255, 1])
const test = dataset([255, 51, 0], [1, 1, 0], [1, 1, 0], [255, 255, 0])

describe('inspectionOf', () => {
  it('counts classes, and says which have no image and how rare the rarest is', () => {
    const { classes, counts, balance, empty, images, name } = inspectionOf({ train, test })
    expect(classes).toEqual([
      { name: 'cat', train: 3, test: 4 },
      { name: 'dog', train: 2, test: 0 },
      { name: 'eel', train: 0, test: 0 }
    ])
    expect([name, counts, balance, empty]).toEqual([
      'pairs',
      { train: 5, test: 4 },
      0,
      { train: ['eel'], test: ['dog', 'eel'] }
    ])
    expect(images).toEqual({ channels: 2, height: 1, width: 1, numbers: 'bytes' })
  })

  it('measures channels of the training part, in bytes and of 0 to 1', () => {
    // 0 255 0 0 255: mean 102, variance (3 * 102^2 + 2 * 153^2) / 5 = 15606; 51 51 51 51 255: mean 91.8, variance
    // 6658.56.
    const [first, second] = inspectionOf({ train, test }).channels
    expect(first?.mean).toBeCloseTo(102, 10)
    expect(first?.deviation).toBeCloseTo(Math.sqrt(15606), 10)
    expect(first?.unit?.mean).toBeCloseTo(0.4, 12)
    expect(second?.unit?.deviation).toBeCloseTo(Math.sqrt(6658.56) / 255, 12)
  })

  it('takes a channel of one value, and leaves floats as they are', () => {
    const floats = { ...train, images: new Float32Array(10).fill(0.1) }
    const { channels, images } = inspectionOf({ train: floats, test: null })
    expect(channels).toEqual([0, 0].map(deviation => ({ mean: Math.fround(0.1), deviation, unit: null })))
    expect(images.numbers).toBe('floats')
  })

  it('finds equal images within and across parts, and labels that contradict', () => {
    expect(inspectionOf({ train, test }).duplicates).toEqual({
      train: 2,
      test: 1,
      shared: 2,
      contradictions: [
        [
          { part: 'train', index: 0, label: 0 },
          { part: 'train', index: 2, label: 1 },
          { part: 'train', index: 3, label: 0 }
        ],
        [
          { part: 'train', index: 4, label: 1 },
          { part: 'test', index: 3, label: 0 }
        ]
      ]
    })
  })

  it('finds none where there is none', () => {
    const duplicates = { train: 0, test: 0, shared: 0, contradictions: [] }
    expect(inspectionOf({ train: dataset([1, 2, 0], [2, 1, 1]), test: dataset([1, 3, 0]) }).duplicates).toEqual(
      duplicates
    )
    expect(inspectionOf({ train: dataset([1, 2, 0], [2, 1, 1]), test: null }).duplicates).toEqual(duplicates)
  })
})

describe('inspectionText', () => {
  it('says it all', () => {
    expect(inspectionText(inspectionOf({ train, test })).split('\n')).toEqual([
      'pairs: 5 images to train on, 4 to test on; 2 x 1 x 1, bytes; 3 classes',
      '',
      'class  train  test',
      'cat        3     4',
      'dog        2     0',
      'eel        0     0',
      'The rarest class of train has 0.000 times the images of the most frequent',
      'Without an image in train: eel',
      'Without an image in test: dog, eel',
      '',
      'channel    mean  deviation  mean of 0..1  deviation of 0..1',
      '0        102.00     124.92        0.4000             0.4899',
      '1         91.80      81.60        0.3600             0.3200',
      '',
      'Images that equal an earlier one: 2 of 5 in train, 1 of 4 in test',
      'Images of test that are in train too: 2',
      'Equal images with different labels: 2',
      '  train 0 is cat, train 2 is dog, train 3 is cat',
      '  train 4 is dog, test 3 is cat'
    ])
  })
  it('tells of many classes and contradictions only the first, and how many there are', () => {
    const many = Array.from({ length: 600 }, (_, k) => [Math.floor(k / 2) % 256, Math.floor(k / 512), k] as const)
    const named = { ...dataset(...many), classNames: Array.from({ length: 600 }, (_, k) => `c${k}`) }
    const text = inspectionText(inspectionOf({ train: named, test: null }))
    expect(text).toContain('\nand 400 more')
    expect(text).toContain('\nand 290 more')
    expect(text.split('\n').length).toBeLessThan(230)
  })
})

describe('sheetOf', () => {
  it('has a row for each class, enlarged, with white around', () => {
    const { pixels, height, width, channels, rows } = sheetOf(train)
    expect([height, width, channels, rows]).toEqual([3 * 50 + 2, 10 * 50 + 2, 1, 3])
    const at = (row: number, column: number) => pixels[(2 + 50 * row + 24) * width + 2 + 50 * column + 24]
    // Cats are black, white, black; dogs black, white; there is no eel.
    expect([at(0, 0), at(0, 1), at(0, 2), at(0, 3), at(1, 0), at(1, 1), at(1, 2), at(2, 0)]).toEqual([
      0, 255, 0, 255, 0, 255, 255, 255
    ])
    expect([pixels[0], pixels[width + 1], pixels[2 * width + 2], pixels.at(-1)]).toEqual([255, 255, 0, 255])
  })
  it('shows colours as colours, and floats from the least to the largest', () => {
    const colour: Dataset = {
      ...train,
      images: Float32Array.of(-1, 0, 1, 0, 0, 0),
      channels: 3,
      count: 2,
      labels: Int32Array.of(0, 1)
    }
    const { pixels, width, channels } = sheetOf(colour)
    const place = 3 * (2 * width + 2)
    expect([channels, ...pixels.subarray(place, place + 3)]).toEqual([3, 0, 128, 255])
  })
  it('stays a picture for many classes and large images', () => {
    const classNames = Array.from({ length: 1000 }, (_, k) => String(k))
    expect(sheetOf({ ...train, classNames }).rows).toBe(200)
    const large = {
      ...train,
      images: new Uint8Array(3 * 1000 * 1000),
      channels: 3,
      height: 1000,
      width: 1000,
      count: 1,
      classNames
    }
    expect(sheetOf({ ...large, labels: Int32Array.of(0) }).rows).toBe(2)
  })
})
