/** Archives that numpy wrote, and those that lie. */
import { execFileSync } from 'node:child_process'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { decodeNpy } from '../../src/formats/npy.js'
import { decodeZip, unpackEntry, type ZipEntry } from '../../src/formats/zip.js'
import { left, right } from '../kernels/results.js'
import { MOST, unzip } from './arrays.js'
import { example } from './files.js'
import { type Zipped, zipOf } from './writers.js'

describe('decodeZip', () => {
  it.each(['nhwc.npz', 'nhwc_compressed.npz'])('finds the arrays of %s', name => {
    const entries = right(decodeZip(example(name)))
    expect([...entries.keys()]).toEqual(['train_images.npy', 'train_labels.npy'])
    const images = right(decodeNpy(right(unpackEntry(entries.get('train_images.npy') as ZipEntry, MOST))))
    expect(images.shape).toEqual([5, 28, 28, 3])
    expect(Array.from(images.data).reduce((sum, value) => sum + value, 0)).toBe(1530943)
  })

  const data = new TextEncoder().encode('some data that is packed, packed, packed, packed')
  const one = (faults: Partial<Zipped>) => zipOf([{ name: 'a', data, ...faults }])
  it('reads what the writer of these tests writes', () => expect(right(unzip(one({})))).toEqual([data]))
  it('reads an empty archive, and an empty file', () => {
    expect(right(unzip(zipOf([])))).toEqual([])
    expect(right(unzip(one({ data: new Uint8Array(0) })))).toEqual([new Uint8Array(0)])
  })

  const bomb = zipOf([{ name: 'a', data: new Uint8Array(8 * MOST) }])
  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'the end record of an archive is required'],
    ['a cut archive', example('nhwc.npz').subarray(0, -30), 'the end record of an archive is required'],
    ['a head cut off', example('nhwc.npz').subarray(1), 'a central directory that ends at byte'],
    ['a name that leads up', one({ name: '../a' }), "names within the archive is required, but '../a' leads out of it"],
    ['a name that leads up in another style', one({ name: 'b\\..\\..\\a' }), 'leads out of it'],
    ['an absolute name', one({ name: '/etc/passwd' }), "'/etc/passwd' is absolute"],
    ['an absolute name in another style', one({ name: 'C:a' }), "'C:a' is absolute"],
    ['no name', one({ name: '' }), 'one has none'],
    [
      'a name twice',
      zipOf([
        { name: 'a', data },
        { name: 'a', data }
      ]),
      "each name once is required, but 'a' occurs twice"
    ],
    ['two names of one file', one({ localName: 'b' }), "the name 'a' in both headers is required, but one has 'b'"],
    ['an encrypted entry', one({ flags: 1 }), "entries that are not encrypted is required, but 'a' is"],
    ['another method', one({ method: 14 }), "'a' is packed by method 14"],
    [
      'a false size',
      one({ size: 47 }),
      "zip: 'a': packed data that unpacks to at most 47 bytes is required, but they have more"
    ],
    ['a larger size', one({ size: 49 }), "zip: 'a': 49 unpacked bytes is required, but there are 48"],
    [
      'a false size of a stored entry',
      one({ stored: true, size: 9 }),
      "zip: 'a': 9 bytes is required, but there are 48"
    ],
    ['bytes after the packed ones', one({ after: 3 }), "zip: 'a': 29 packed bytes is required, but there are 32"],
    ['a false checksum', one({ crc: 1 }), "zip: 'a': data that its checksum fits is required, but it is damaged"],
    ['a size beyond the format', one({ size: 0xffffffff }), "entries below 4 GiB is required, but 'a' is one of zip64"],
    ['a bomb', bomb, `zip: 'a': at most ${MOST} unpacked bytes is required, but it says ${8 * MOST}`],
    [
      'a bomb that says less',
      zipOf([{ name: 'a', data: new Uint8Array(8 * MOST), size: 10 }]),
      'at most 10 bytes is required'
    ],
    ['a size beyond what deflate makes', one({ size: 1e6 }), 'packed ones is required, but it says 1000000']
  ])('refuses %s', (_, bytes, message) => expect(left(unzip(bytes)).message).toContain(message))

  it('refuses entries that overlap', () => {
    // Both records of the directory lead to the first file.
    const archive = zipOf([
      { name: 'a', data, stored: true },
      { name: 'b', data, stored: true, localName: 'b' }
    ])
    const view = new DataView(archive.buffer)
    const directory = view.getUint32(archive.length - 6, true)
    // The first file grows over the second.
    view.setUint32(directory + 20, 2 * data.length, true)
    expect(left(unzip(archive)).message).toContain(
      "entries apart from each other is required, but 'a' overlaps another"
    )
  })

  it('reads archives by the `zipfile` of Python, with a comment and data descriptors', () => {
    const program = [
      'import io, sys, zipfile',
      'class Pipe(io.RawIOBase):',
      '  def writable(self): return True',
      '  def write(self, data): return sys.stdout.buffer.write(data)',
      'with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as z:',
      '  z.writestr("a", b"x" * 1000); z.comment = b"a comment"'
    ].join('\n')
    const archive = execFileSync('python3', ['-c', program])
    expect(
      E.map((files: readonly Uint8Array[]) => files.map(({ length }) => length))(unzip(new Uint8Array(archive)))
    ).toEqual(E.right([1000]))
  })
})
