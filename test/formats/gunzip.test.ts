/** Gzip: what Python's gzip and zlib packed, and what must be refused. */
import { gzipSync } from 'node:zlib'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { gunzip } from '../../src/formats/gunzip.js'
import { left, right } from '../kernels/results.js'
import { bytesOf, example, patched } from './files.js'

const MOST = 1000
const hello = new Uint8Array(gzipSync('hello'))
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const refusal = (bytes: Uint8Array, most = MOST): string => left(gunzip(bytes, most)).message

/** A member with all fields that a header may have. */
const fields = bytesOf(
  [0x1f, 0x8b, 8, 2 + 4 + 8 + 16, 0, 0, 0, 0, 0, 3],
  [3, 0, 1, 2, 3],
  'name\0comment\0',
  [7, 7],
  hello.subarray(10)
)

describe('gunzip', () => {
  test.prop([fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 4 })])(
    'undoes gzip, members in a row',
    parts => {
      const packed = bytesOf(...parts.map(part => gzipSync(part)))
      expect(right(gunzip(packed, 4 * 300))).toEqual(bytesOf(...parts))
    }
  )

  it("reads the members of Python's gzip, one with a name, and zeros after them", () =>
    expect(textOf(right(gunzip(example('members.gz'), MOST)))).toBe('first second'))
  it('reads all fields of a header', () => expect(textOf(right(gunzip(fields, MOST)))).toBe('hello'))
  it('reads a view into a larger buffer', () => {
    const buffer = bytesOf([1, 2, 3], hello, [4])
    expect(textOf(right(gunzip(buffer.subarray(3, -1), MOST)))).toBe('hello')
  })
  it('reads as many bytes as allowed', () => expect(textOf(right(gunzip(hello, 5)))).toBe('hello'))
  it('reads nothing as nothing', () => expect(right(gunzip(gzipSync(''), 0))).toEqual(new Uint8Array(0)))
  it('reads what is larger than a chunk', () => {
    const large = Uint8Array.from({ length: 300_001 }, (_, k) => (k * k) % 251)
    expect(Buffer.compare(right(gunzip(gzipSync(large), large.length)), large)).toBe(0)
  })

  const cut = 'gzip: a whole file is required, but it is cut off'
  const tooLarge = (most: number) => `gzip: a file that unpacks to at most ${most} bytes is required, but it has more`
  it.each<[string, Uint8Array, string, number?]>([
    ['nothing', bytesOf(), cut],
    [
      'another format',
      bytesOf('hello hello hello hello'),
      'gzip: a file that begins with 1f 8b is required, but it does not'
    ],
    ['another compression', patched(hello, 2, [7]), 'gzip: compression by deflate (8) is required, but it is 7'],
    [
      'reserved flags',
      patched(hello, 3, [0x80]),
      'gzip: a header without reserved flags is required, but some are set'
    ],
    ['a header that is cut off', fields.subarray(0, 20), cut],
    ['a byte too many', hello, tooLarge(4), 4],
    ['a byte too many in a second member', bytesOf(hello, hello), tooLarge(9), 9],
    ['a member after all that is allowed', bytesOf(hello, hello), tooLarge(5), 5],
    [
      'data that are no deflate',
      patched(hello, 10, [7]),
      'gzip: a stream of deflate is required, but it cannot be unpacked'
    ],
    ['a false checksum', patched(hello, hello.length - 8, [1, 2]), 'gzip: the checksum that it names is required, but'],
    ['a false length', patched(hello, hello.length - 4, [6]), 'gzip: the length that it names is required, but'],
    [
      'text after it',
      bytesOf(hello, 'x'),
      'gzip: nothing but zeros after the last member is required, but byte 25 is another'
    ],
    [
      'a member after zeros',
      bytesOf(hello, [0, 0], hello),
      'nothing but zeros after the last member is required, but byte 27'
    ]
  ])('refuses %s', (_, bytes, message, most) => expect(refusal(bytes, most)).toContain(message))

  it('refuses each beginning of a file', () => {
    for (let length = 0; length < hello.length; length++) expect(refusal(hello.subarray(0, length))).toBe(cut)
  })

  it('does not unpack a bomb', () => {
    const bomb = example('bomb.gz')
    const before = process.memoryUsage().rss
    for (let k = 0; k < 50; k++) expect(refusal(bomb)).toContain('at most 1000 bytes')
    expect(process.memoryUsage().rss - before).toBeLessThan(50e6)
    expect(right(gunzip(bomb, 1e7))).toHaveLength(1e7)
  })
})
