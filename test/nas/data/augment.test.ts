/**
 * Moves of images: what each means, pixel by pixel; that a key decides them all; and that they are drawn as the papers
 * draw them.
 */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { type Augmentation, augmentationOf, movesOf, NO_AUGMENTATION } from '../../../src/nas/data/augment.js'
import { type Move, normalised, type Part, STILL } from '../../../src/nas/data/dataset.js'

/** One image of 1x3x4: 1 to 12, row by row. */
const image: Part = {
  name: 'twelve',
  images: Uint8Array.from({ length: 12 }, (_, i) => i + 1),
  labels: Int32Array.of(0),
  count: 1,
  channels: 1,
  height: 3,
  width: 4,
  classNames: ['0'],
  normalisation: { mean: [0], deviation: [1] }
}
const moved = (move: Partial<Move>, part = image): readonly (readonly number[])[] => {
  const values = [...normalised(part, [{ ...STILL, ...move }])]
  return [0, 4, 8].map(start => values.slice(start, start + 4))
}

describe('a move', () => {
  it('of nothing leaves the image', () => expect(normalised(image, [STILL])).toEqual(normalised(image)))
  it('takes a window of the image padded with zeros', () => {
    expect(moved({ down: 1, right: -1 })).toEqual([
      [0, 5, 6, 7],
      [0, 9, 10, 11],
      [0, 0, 0, 0]
    ])
  })
  it('mirrors after the window is taken, or before', () => {
    expect(moved({ right: 1, mirrored: true })[0]).toEqual([0, 4, 3, 2])
    expect(moved({ right: 1, mirrored: true, mirrorFirst: true })[0]).toEqual([3, 2, 1, 0])
    expect(moved({ mirrored: true })).toEqual(moved({ mirrored: true, mirrorFirst: true }))
  })
  it('pads before it normalises, and cuts out after', () => {
    const normalisation = { mean: [2], deviation: [4] }
    const [first, , last] = moved({ down: 1, cut: [0, 1, 1, 3] }, { ...image, normalisation })
    expect(first).toEqual([(5 - 2) / 4, 0, 0, (8 - 2) / 4])
    expect(last).toEqual([-0.5, -0.5, -0.5, -0.5])
  })
  it('moves every channel of an image alike, and each image by its own', () => {
    const images = Uint8Array.from({ length: 48 }, (_, i) => i)
    const two = { ...image, images, count: 2, channels: 2, normalisation: { mean: [0, 0], deviation: [1, 1] } }
    const values = normalised(two, [
      { ...STILL, right: 1 },
      { ...STILL, mirrored: true }
    ])
    expect([...values.slice(0, 4), ...values.slice(12, 16)]).toEqual([1, 2, 3, 0, 13, 14, 15, 0])
    expect([...values.slice(24, 28), ...values.slice(36, 40)]).toEqual([27, 26, 25, 24, 39, 38, 37, 36])
  })
})

const augmentation: Augmentation = { padding: 4, flip: true, mirrorFirst: false, cutout: 16, cutoutProbability: 1 }
const size = { height: 32, width: 32 }
const key = fc.tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }))

test.prop([key, fc.integer({ min: 1, max: 300 })])(
  'moves come from the key alone, and stay in their bounds',
  (one, count) => {
    const moves = movesOf(augmentation, size, count, one) as readonly Move[]
    expect(movesOf(augmentation, size, count, one)).toEqual(moves)
    // Longer draws begin with shorter ones, so that a batch's size changes no image before its end.
    expect(movesOf(augmentation, size, count + 1, one)?.slice(0, count)).toEqual(moves)
    for (const { down, right, cut } of moves) {
      expect(Math.max(Math.abs(down), Math.abs(right))).toBeLessThanOrEqual(4)
      const [top, bottom, left, end] = cut as [number, number, number, number]
      expect([top >= 0, bottom <= 32, left >= 0, end <= 32]).toEqual([true, true, true, true])
      for (const side of [bottom - top, end - left]) expect([side >= 8, side <= 16]).toEqual([true, true])
    }
  }
)

describe('moves', () => {
  it('are as likely as the papers have them', () => {
    const moves = movesOf({ ...augmentation, cutoutProbability: 0.25 }, size, 9000, [1, 2]) as readonly Move[]
    const share = (of: (move: Move) => boolean): number => moves.filter(of).length / moves.length
    // Five deviations of a share of 9,000 draws.
    const near = (value: number, expected: number) =>
      expect(Math.abs(value - expected)).toBeLessThan(5 * Math.sqrt((expected * (1 - expected)) / 9000))
    near(
      share(({ mirrored }) => mirrored),
      0.5
    )
    near(
      share(({ cut }) => cut !== undefined),
      0.25
    )
    for (let shift = -4; shift <= 4; shift++) {
      near(
        share(({ down }) => down === shift),
        1 / 9
      )
      near(
        share(({ right }) => right === shift),
        1 / 9
      )
    }
    near(
      share(({ down, right }) => down === 2 && right === -3),
      1 / 81
    )
  })
  it('are none where nothing is to move', () => expect(movesOf(NO_AUGMENTATION, size, 5, [1, 2])).toBeUndefined())
})

describe('augmentationOf', () => {
  const published = {
    padding: 2,
    flip: true,
    normalisation: { layers: image.normalisation, stages: image.normalisation }
  }
  const options = { augmentation: 'published', augmentValidation: false, cutout: 0 } as const
  it('takes what is published of the data set, mirrored first where NAS-Bench-201 does', () => {
    const { train, valid } = augmentationOf(options, size, 'stages', published)
    expect([train, valid]).toEqual([
      { padding: 2, flip: true, mirrorFirst: true, cutout: 0, cutoutProbability: 1 },
      NO_AUGMENTATION
    ])
    expect(augmentationOf({ ...options, augmentValidation: true }, size, 'layers', published).valid.mirrorFirst).toBe(
      false
    )
    expect(augmentationOf({ ...options, augmentValidation: true }, size, 'layers', published).valid.padding).toBe(2)
  })
  it('moves nothing where nothing is published, and an eighth of the side as standard', () => {
    expect(augmentationOf(options, size, 'stages', undefined).train).toMatchObject({ padding: 0, flip: false })
    expect(augmentationOf({ ...options, augmentation: 'standard' }, size, 'stages', undefined).train).toMatchObject({
      padding: 4,
      flip: true
    })
    expect(augmentationOf({ ...options, augmentation: 'none' }, size, 'stages', published).train).toMatchObject({
      padding: 0,
      flip: false
    })
  })
})
