/** Arrays that numpy wrote, in every kind and order, and files that must be refused. */
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { decodeNpy } from '../../src/formats/npy.js'
import { left, right } from '../kernels/results.js'
import { plain, truth } from './arrays.js'
import { example } from './files.js'
import { npyOf, npyOfNumbers } from './writers.js'

describe('decodeNpy', () => {
  const written = Object.keys(truth).filter(name => name.startsWith('npy/'))
  it.each(written)('reads %s as numpy does', name =>
    expect(plain(right(decodeNpy(example(name))))).toEqual(truth[name])
  )

  it('has files of all kinds to read', () => expect(written).toHaveLength(15))

  it('reads Fortran order, big-endian and truth values', () => {
    const steps = Array.from({ length: 24 }, (_, k) => k)
    expect(plain(right(decodeNpy(example('fortran.npy'))))).toEqual({ shape: [2, 3, 4], values: steps })
    expect(plain(right(decodeNpy(example('bigendian.npy'))))).toEqual({ shape: [2, 3], values: steps.slice(0, 6) })
    expect(plain(right(decodeNpy(example('bool.npy'))))).toEqual({ shape: [2], values: [1, 0] })
  })

  it('reads a file that is a view into a larger buffer, at an odd place', () => {
    const bytes = npyOfNumbers([2], Float32Array.of(1.5, -2))
    const larger = new Uint8Array(bytes.length + 3).fill(7)
    larger.set(bytes, 1)
    expect(plain(right(decodeNpy(larger.subarray(1, 1 + bytes.length))))).toEqual({ shape: [2], values: [1.5, -2] })
  })

  const kinds = 'npy: whole numbers of 1 to 8 bytes, floats of 2 to 8 bytes or truth values is required, but it holds '
  const cure = "; save np.asarray(x, dtype='float32') or another of these"
  it.each([
    ['object.npy', `${kinds}objects of Python, which only Python can read${cure}`],
    ['npy/structured.npy', `${kinds}records of fields${cure}`],
    ['npy/text.npy', `${kinds}texts${cure}`],
    ['npy/bytes.npy', `${kinds}texts${cure}`],
    ['npy/dates.npy', `${kinds}dates${cure}`],
    ['npy/complex.npy', `${kinds}complex numbers${cure}`],
    ['npy/int64_inexact.npy', 'npy: whole numbers below 2^53 in size is required, but value 1 is about 9.007e+15']
  ])('refuses %s with the reason', (name, message) => expect(left(decodeNpy(example(name))).message).toBe(message))

  const ten = new Uint8Array(10)
  const withHeader = (text: string) => {
    const good = npyOf("'|u1'", [1], ten)
    return new Uint8Array([...good.subarray(0, 8), text.length & 255, text.length >> 8, ...Buffer.from(text), ...ten])
  }
  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'begins with \\x93NUMPY is required, but it has 0 bytes'],
    ['another file', example('nhwc.npz'), 'begins with \\x93NUMPY is required, but it begins otherwise'],
    ['version 4', npyOf("'|u1'", [10], ten).fill(4, 6, 7), 'version 1, 2 or 3 is required, but it is version 4'],
    [
      'a header cut',
      npyOf("'|u1'", [10], ten).subarray(0, 40),
      'a header of 59 bytes is required, but 30 are there or may be'
    ],
    [
      'values cut',
      npyOf("'|u1'", [10], ten).subarray(0, -1),
      "10 bytes for the shape '10' is required, but there are 9"
    ],
    ['more than its values', npyOf("'|u1'", [9], ten), "9 bytes for the shape '9' is required, but there are 10"],
    [
      'a gigantic shape',
      npyOf("'<f8'", [2 ** 31, 2 ** 31], ten),
      "for the shape '2147483648 x 2147483648' is required"
    ],
    [
      'a shape beyond numbers',
      npyOf("'|u1'", [0, ...Array(30).fill(2 ** 53 - 1)], ten),
      "for the shape '0 x 9007199254740991"
    ],
    ['65 axes', npyOf("'|u1'", Array(65).fill(1), ten), 'a shape of at most 64 whole numbers is required'],
    [
      'a negative extent',
      withHeader("{'descr': '|u1', 'fortran_order': False, 'shape': (-10,), }"),
      "a header with 'descr'"
    ],
    ['no shape', withHeader("{'descr': '|u1', 'fortran_order': False, }"), "a header with 'descr'"],
    [
      'code as header',
      withHeader("{'descr': '|u1', 'fortran_order': False, 'shape': (10,), 'x': exit()}"),
      "a header with 'descr'"
    ],
    ['a truth value of 2', npyOf("'|b1'", [10], ten.with(3, 2)), '0 or 1 as truth values is required'],
    [
      'the byte order of another machine',
      npyOf("'=i4'", [2], new Uint8Array(8)),
      "< or > as byte order is required, but the dtype is '=i4'"
    ],
    ['16-byte floats', npyOf("'<f16'", [1], new Uint8Array(16)), "it holds the dtype '<f16'"]
  ])('refuses %s', (_, bytes, message) => expect(left(decodeNpy(bytes)).message).toContain(message))

  it('takes no time for a header that fits no pattern', () => {
    const header = withHeader(`{'descr': '|u1', 'fortran_order': False, 'shape': (${'1'.repeat(60_000)}`)
    const started = performance.now()
    expect(E.isLeft(decodeNpy(header))).toBe(true)
    expect(performance.now() - started).toBeLessThan(2000)
  })
})
