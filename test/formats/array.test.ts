/** Strides, and axes put in another order. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { firstAxisFastest, lastAxisFastest, rowMajor, sizeOf } from '../../src/formats/array.js'

describe('rowMajor', () => {
  it('gives images by channels of images by pixels', () => {
    const shape = [1, 2, 2, 3]
    const image = { shape, strides: lastAxisFastest(shape), data: Uint8Array.from({ length: 12 }, (_, k) => k) }
    const { data, ...rest } = rowMajor(image, [0, 3, 1, 2])
    expect([...data]).toEqual([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11])
    expect(rest).toEqual({ shape: [1, 3, 2, 2], strides: [12, 4, 2, 1] })
  })

  const arrays = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 }).chain(shape =>
    fc.tuple(
      fc.constant(shape),
      fc.shuffledSubarray(
        shape.map((_, k) => k),
        { minLength: shape.length }
      )
    )
  )

  test.prop([arrays, fc.boolean()])('puts every element where its indices say', ([shape, axes], fortran) => {
    const strides = (fortran ? firstAxisFastest : lastAxisFastest)(shape)
    const array = { shape, strides, data: Float32Array.from({ length: sizeOf(shape) }, (_, k) => k) }
    const moved = rowMajor(array, axes)
    expect(moved.shape).toEqual(axes.map(axis => shape[axis]))
    moved.data.forEach((value, at) => {
      const indices = moved.shape.map((extent, axis) => Math.floor(at / (moved.strides[axis] as number)) % extent)
      expect(value).toBe(indices.reduce((sum, index, k) => sum + index * (strides[axes[k] as number] as number), 0))
    })
  })
})
