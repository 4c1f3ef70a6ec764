/** IDX files as numpy wrote them, and headers that are not to be believed. */
import { describe, expect, it } from 'vitest'
import { gunzip } from '../../src/formats/gunzip.js'
import { decodeIdx } from '../../src/formats/idx.js'
import { left, right } from '../kernels/results.js'
import { bytesOf, example, patched, sayOf, truthOf } from './files.js'

const images = example('images-idx3-ubyte')

describe('decodeIdx', () => {
  it.each(['images-idx3-ubyte', 'images-idx3-ubyte.gz'])('reads %s', name => {
    const { shape, ...truth } = truthOf(name)
    const unpacked = (file: string) => (file.endsWith('.gz') ? right(gunzip(example(file), 1e5)) : example(file))
    const [pixels, labels] = [name, name.replace('images-idx3', 'labels-idx1')].map(file =>
      right(decodeIdx(unpacked(file)))
    )
    expect([pixels?.shape, labels?.shape]).toEqual([shape, [shape[0]]])
    expect(sayOf(pixels?.data ?? [], labels?.data ?? [])).toEqual(truth)
  })
  it('gives a part of the file, also of a view', () => {
    const buffer = bytesOf([9], images)
    expect(right(decodeIdx(buffer.subarray(1))).data.buffer).toBe(buffer.buffer)
  })
  it.each<[string, Uint8Array, string]>([
    ['nothing', bytesOf(), 'idx: a file that begins with two zeros is required, but it does not'],
    ['packed bytes', example('images-idx3-ubyte.gz'), 'a file that begins with two zeros'],
    ['signed bytes', patched(images, 2, [9]), 'idx: a file of unsigned bytes is required, but it has signed bytes'],
    ['whole numbers', patched(images, 2, [0x0c]), 'it has 32-bit numbers'],
    ['floats', patched(images, 2, [0x0d]), 'it has 32-bit floats'],
    ['an unknown type', patched(images, 2, [0x22]), 'it has elements of the unknown type 34'],
    ['no axes', patched(images, 3, [0]), 'a number of axes from 1 to 8 is required, but it has 0'],
    ['many axes', patched(images, 3, [255]), 'a number of axes from 1 to 8 is required, but it has 255'],
    ['a header that is cut off', images.subarray(0, 11), 'a header of 16 bytes is required, but the file has 11'],
    [
      'an image that is cut off',
      images.subarray(0, -1),
      'room of 5488 elements after the header is required, but there are 5487'
    ],
    ['a byte too many', bytesOf(images, [0]), 'room of 5488 elements after the header is required, but there are 5489'],
    [
      'a gigantic size',
      patched(images, 4, [255, 255, 255, 255]),
      'room of 3367254359280 elements after the header is required'
    ]
  ])('refuses %s', (_, bytes, message) => expect(left(decodeIdx(bytes)).message).toContain(message))
})
