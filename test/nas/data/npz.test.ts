/**
 * A user's own arrays: those of another program, every name and order of axes that people use, and what must be
 * refused.
 */
import { describe, expect, it } from 'vitest'
import { decodeNpz, npz } from '../../../src/nas/data/npz.js'
import { example, sayOf, truthOf } from '../../formats/files.js'
import { npyOf, npyOfNumbers, zipOf } from '../../formats/writers.js'
import { left, right } from '../../kernels/results.js'

const decode = (bytes: Uint8Array) => decodeNpz(new Map([['own.npz', bytes]]))

/** An archive of arrays by name. */
const archive = (arrays: Readonly<Record<string, Uint8Array>>) =>
  zipOf(Object.entries(arrays).map(([name, data]) => ({ name: `${name}.npy`, data })))

const longs = (...values: readonly number[]) => npyOfNumbers([values.length], BigInt64Array.from(values, BigInt))
const counting = (size: number) => Uint8Array.from({ length: size }, (_, k) => k)
const bytes = (...shape: readonly number[]) => npyOfNumbers(shape, counting(shape.reduce((a, b) => a * b, 1)))
const floats = (...values: readonly number[]) => npyOfNumbers([values.length, 1, 1], Float32Array.from(values))

describe('npz', () => {
  it.each(['nhwc.npz', 'nhwc_compressed.npz'])('reads %s', name => {
    const { train, test } = right(decode(example(name)))
    const { shape, ...values } = truthOf(name)
    expect([train.count, train.channels, train.height, train.width]).toEqual(shape)
    expect(sayOf(train.images, train.labels)).toEqual(values)
    expect([train.classNames, test]).toEqual([['0', '1', '2'], null])
  })

  it('wants .npz files', () =>
    expect(['a.npz', 'b/c.npz', 'a.npy', 'npz'].map(npz.wants)).toEqual([true, true, false, false]))

  it.each([
    ['x_train', 'y_train', 'x_test', 'y_test'],
    ['X_train', 'y_train', 'X_test', 'y_test'],
    ['train_images', 'train_labels', 'test_images', 'test_labels'],
    ['images', 'labels', 'test_images', 'test_labels'],
    ['X', 'y', 'X_test', 'y_test'],
    ['x', 'y', 'x_test', 'y_test']
  ])('takes the names %s, %s, %s, %s; the last two may be missing', (x, y, xTest, yTest) => {
    const train = { [x]: bytes(2, 3, 3), [y]: longs(1, 0) }
    const both = right(decode(archive({ ...train, [xTest]: bytes(1, 3, 3), [yTest]: longs(4), val_images: longs(7) })))
    expect([both.train.count, both.test?.count]).toEqual([2, 1])
    expect(both.train.classNames).toEqual(['0', '1', '2', '3', '4'])
    expect(both.test?.classNames).toEqual(both.train.classNames)
    expect(right(decode(archive(train))).test).toBeNull()
  })

  it.each<[string, readonly number[], readonly number[], readonly number[]]>([
    ['N, H, W', [2, 2, 3], [1, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    ['N, C, H, W', [2, 3, 2, 2], [3, 2, 2], [0, 1, 2, 3, 4]],
    ['N, H, W, C', [2, 2, 2, 3], [3, 2, 2], [0, 3, 6, 9, 1, 4, 7, 10, 2]],
    ['N, H, W, 1', [2, 2, 2, 1], [1, 2, 2], [0, 1, 2, 3, 4]],
    ['N, 4, H, W', [2, 4, 2, 2], [4, 2, 2], [0, 1, 2, 3, 4]]
  ])('reads images of %s', (_, shape, size, values) => {
    const { images, channels, height, width, count } = right(
      decode(archive({ X: bytes(...shape), y: longs(0, 1) }))
    ).train
    expect([count, channels, height, width]).toEqual([2, ...size])
    expect([...images.slice(0, values.length)]).toEqual(values)
  })

  it('reads Fortran order', () => {
    // Column by column: element (n, h, w) lies at n + 2 h + 4 w.
    const X = npyOf("'|u1'", [2, 2, 2], counting(8), true)
    expect([...right(decode(archive({ X, y: longs(0, 1) }))).train.images]).toEqual([0, 4, 2, 6, 1, 5, 3, 7])
  })

  it('keeps bytes as bytes and floats as floats, and takes labels of any kind', () => {
    const y = npyOfNumbers([2, 1], Float64Array.of(0, 3))
    const { train } = right(decode(archive({ X: floats(0.25, -1e30), y })))
    expect(train.images).toEqual(Float32Array.of(0.25, -1e30))
    expect([...train.labels]).toEqual([0, 3])
    const doubles = npyOfNumbers([2, 1, 1], Float64Array.of(0.1, 2))
    expect(right(decode(archive({ X: doubles, y }))).train.images).toEqual(Float32Array.of(0.1, 2))
    const whole = npyOfNumbers([2, 1, 1], Int32Array.of(-70000, 2 ** 24))
    expect(right(decode(archive({ X: whole, y }))).train.images).toEqual(Float32Array.of(-70000, 2 ** 24))
  })

  const X = bytes(2, 3, 3)
  const y = longs(0, 1)
  const names = "npz: 'own.npz': "
  it.each<[string, Uint8Array, string]>([
    ['no archive', X, `${names}zip: the end record of an archive is required`],
    ['other names', archive({ a: X, b: y }), 'or train_images and train_labels, or images and labels'],
    [
      'two sets at once',
      archive({ X, y, images: X, labels: y }),
      'one array of images to train on is required, but there are several'
    ],
    ['no labels', archive({ X }), "y: zip: 'y.npy' is required, but there is only 'X.npy'"],
    ['no test labels', archive({ X, y, X_test: X }), "y_test: zip: 'y_test.npy' is required"],
    [
      'labels where images should be',
      archive({ X: y, y: X }),
      "X: images: images on 3 or 4 axes is required, but the shape is '2'"
    ],
    [
      'images where labels should be',
      archive({ X, y: X }),
      "y: labels: labels as N or N x 1 numbers is required, but they are '2 x 3 x 3'"
    ],
    ['one-hot labels', archive({ X, y: bytes(2, 5) }), "they are '2 x 5'; give one class an image"],
    [
      'both axes of channels',
      archive({ X: bytes(2, 3, 5, 3), y }),
      "the shape is '2 x 3 x 5 x 3', where both may be; save N, H, W"
    ],
    [
      'no axis of channels',
      archive({ X: bytes(2, 5, 5, 2), y }),
      "the shape is '2 x 5 x 5 x 2', where neither is of 1, 3 or 4"
    ],
    ['no images in it', archive({ X: bytes(0, 3, 3), y: longs() }), 'at least one image and one pixel is required'],
    ['no pixels', archive({ X: bytes(2, 0, 3), y }), 'at least one image and one pixel is required'],
    [
      'a label too many',
      archive({ X, y: longs(0, 1, 0) }),
      'a label for each of 2 images is required, but there are 3'
    ],
    [
      'a negative label',
      archive({ X, y: longs(0, -1) }),
      'whole numbers of 0 to 65535 as labels is required, but label 1 is -1'
    ],
    ['a gigantic label', archive({ X, y: longs(2 ** 40, 0) }), 'label 0 is 1099511627776'],
    ['half a label', archive({ X, y: npyOfNumbers([2], Float32Array.of(0, 0.5)) }), 'label 1 is 0.5'],
    [
      'a pixel of no number',
      archive({ X: floats(1, Number.NaN), y }),
      'X: pixels: finite pixels is required, but that of image 1, channel 0, row 0, column 0 is NaN'
    ],
    [
      'an infinite pixel',
      archive({ X: floats(Number.NEGATIVE_INFINITY, 1), y }),
      'that of image 0, channel 0, row 0, column 0 is -Infinity'
    ],
    [
      'a double beyond float32, with its place',
      archive({ X: npyOfNumbers([2, 2, 2, 3], new Float64Array(24).fill(1e300, 17, 18)), y }),
      'that of image 1, channel 2, row 0, column 1 is 1e+300'
    ],
    [
      'a whole number beyond float32',
      archive({ X: npyOfNumbers([2, 1, 1], Int32Array.of(1, 2 ** 24 + 1)), y }),
      'pixels that float32 holds is required'
    ],
    [
      'a test part of another size',
      archive({ X, y, X_test: bytes(2, 3, 4), y_test: y }),
      'test images of 1 x 3 x 3 as those to train on is required, but they are 1 x 3 x 4'
    ],
    [
      'a test part of other numbers',
      archive({ X: floats(1, 2), y, X_test: bytes(2, 1, 1), y_test: y }),
      'bytes, or other numbers, in both parts'
    ],
    ['objects', archive({ X: example('object.npy'), y }), 'X: npy: whole numbers of 1 to 8 bytes'],
    [
      'an archive that lies',
      archive({ X: npyOf("'|u1'", [2 ** 40, 3, 3], new Uint8Array(9)), y }),
      'bytes for the shape'
    ]
  ])('refuses %s', (_, file, message) => expect(left(decode(file)).message).toContain(message))

  it('refuses no file, and two', () => {
    const file = archive({ X, y })
    expect(left(decodeNpz(new Map())).message).toBe('npz: one .npz file is required, but there is none')
    expect(
      left(
        decodeNpz(
          new Map([
            ['a.npz', file],
            ['b.npz', file]
          ])
        )
      ).message
    ).toContain('but there are 2; name the one')
  })
})
