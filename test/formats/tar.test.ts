/** Tar archives that Python wrote in three formats, and what must be refused. */
import { describe, expect, it } from 'vitest'
import { gunzip } from '../../src/formats/gunzip.js'
import { decodeTar } from '../../src/formats/tar.js'
import { left, right } from '../kernels/results.js'
import { bytesOf, example, exampleJson, patched } from './files.js'

const made = exampleJson('made.json') as Readonly<Record<'short' | 'long' | 'longer', string>>
const paths = [made.short, made.long, made.longer]

/** A header with its checksum, and data that fill blocks. */
const entry = (
  path: string,
  data = '',
  { type = '0', size = data.length.toString(8).padStart(11, '0'), magic = 'ustar\x0000' } = {}
) => {
  const empty = new Uint8Array(512)
  const parts: readonly [number, string][] = [
    [0, path],
    [124, size],
    [148, ' '.repeat(8)],
    [156, type],
    [257, magic]
  ]
  const header = parts.reduce<Uint8Array>((bytes, [at, text]) => patched(bytes, at, text), empty)
  const sum = header.reduce((total: number, byte) => total + byte, 0)
  const padding = (512 - (data.length % 512)) % 512
  return bytesOf(patched(header, 148, `${sum.toString(8).padStart(6, '0')}\0 `), data, new Uint8Array(padding))
}
const END = new Uint8Array(1024)
const archive = (...entries: readonly Uint8Array[]): Uint8Array => bytesOf(...entries, END)
const record = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`
  return `${rest.length + 2}${rest}`
}
const textsOf = (bytes: Uint8Array) =>
  [...right(decodeTar(bytes))].map(([path, data]) => [path, Buffer.from(data).toString('latin1')])

describe('decodeTar', () => {
  it.each([
    ['ustar.tar', 2],
    ['gnu.tar', 3],
    ['pax.tar', 3]
  ])('reads %s', (name, count) => {
    const files = right(decodeTar(example(name)))
    expect([...files.keys()]).toEqual(paths.slice(0, count))
    for (const [path, data] of files) {
      // The first path was given with `./` before it.
      const written = Buffer.from(path === made.short ? `./${path}` : path)
      expect(Buffer.from(data)).toEqual(
        written.subarray(0, (path === made.short ? path.length + 2 : path.length) % 600)
      )
    }
  })
  it('gives parts of the archive, of the files that are wanted', () => {
    const bytes = example('gnu.tar')
    const files = right(decodeTar(bytes, path => path === made.short))
    expect([...files.keys()]).toEqual([made.short])
    expect(files.get(made.short)?.buffer).toBe(bytes.buffer)
  })
  it('reads old archives, contiguous files, sizes to the base 256 and pax sizes', () => {
    expect(
      textsOf(
        archive(
          entry('old/', '', { type: '\0', magic: '' }),
          entry('old/a', 'one', { type: '\0', magic: '' }),
          entry('b', 'two', { type: '7' }),
          entry('c', 'three', { size: '\x80\0\0\0\0\0\0\0\0\0\0\x05' }),
          entry('comment', record('comment', 'of a commit'), { type: 'g' }),
          entry('extended', record('size', '4') + record('path', './d//e'), { type: 'x' }),
          entry('d', 'four', { size: '00000000000' })
        )
      )
    ).toEqual([
      ['old/a', 'one'],
      ['b', 'two'],
      ['c', 'three'],
      ['d/e', 'four']
    ])
  })
  it('reads an archive of nothing', () => expect(textsOf(END)).toEqual([]))

  it.each([
    ['tar_traversal.tar.gz', "tar: a path without '..' is required, but it has '../escaped.bin'"],
    ['tar_absolute.tar.gz', "tar: a relative path is required, but it has '/tmp_escaped.bin'"],
    [
      'tar_link.tar.gz',
      "tar: a plain file or folder is required, but 'cifar-10-batches-py/data_batch_1' is a symbolic link"
    ]
  ])('refuses %s', (name, message) => {
    const bytes = right(gunzip(example(name), 1e6))
    expect(left(decodeTar(bytes)).message).toBe(message)
    expect(left(decodeTar(bytes, () => false)).message).toBe(message)
  })

  const plain = entry('a', 'text')
  it.each<[string, Uint8Array, string]>([
    ['nothing', bytesOf(), 'a block of zeros at the end is required, but it is cut off'],
    ['an archive without its end', plain, 'a block of zeros at the end is required, but it is cut off'],
    ['an end that is cut off', bytesOf(plain, END.subarray(0, 100)), 'a block of zeros at the end is required'],
    ['data that are cut off', plain.subarray(0, 514), "the whole of 'a' (4 bytes) is required, but 2 are left"],
    [
      'a size beyond the archive',
      archive(entry('a', '', { size: '77777777777' })),
      "the whole of 'a' (8589934591 bytes) is required"
    ],
    [
      'a size beyond all numbers',
      archive(entry('a', '', { size: `\x80${'\xff'.repeat(11)}` })),
      'a size in octal digits'
    ],
    [
      'a size that is no number',
      archive(entry('a', '', { size: '0000000009x' })),
      'a size in octal digits in the header at byte 0'
    ],
    ['a false checksum', archive(patched(plain, 0, 'b')), 'a header with its right checksum at byte 0 is required'],
    ['another format', new Uint8Array(1024).fill(65), 'a header with its right checksum at byte 0 is required'],
    ['a file after the end', bytesOf(END, plain), 'nothing but zeros after the last file is required'],
    [
      'two files of one path',
      archive(plain, entry('./a', 'other')),
      "a path of its own for each file is required, but two are 'a'"
    ],
    ['a hard link', archive(entry('a', '', { type: '1' })), "'a' is a hard link"],
    ['a link that looks like a folder', archive(entry('a/', '', { type: '2' })), "'a' is a symbolic link"],
    ['a device', archive(entry('a', '', { type: '3' })), "'a' is a character device"],
    ['a block device', archive(entry('a', '', { type: '4' })), "'a' is a block device"],
    ['a pipe', archive(entry('a', '', { type: '6' })), "'a' is a pipe"],
    ['a sparse file', archive(entry('a', '', { type: 'S' })), "'a' is a file with holes"],
    ['an unknown type', archive(entry('a', '', { type: '\x07' })), "'a' is of type '?'"],
    [
      'a sparse file of pax',
      archive(entry('x', record('GNU.sparse.major', '1'), { type: 'x' }), plain),
      'a file without holes'
    ],
    [
      'a path for all',
      archive(entry('x', record('path', 'b'), { type: 'g' }), plain),
      'a path and a size of its own for each file'
    ],
    [
      'a path of pax that leads outside',
      archive(entry('x', record('path', 'b/../../c'), { type: 'x' }), plain),
      "a path without '..'"
    ],
    [
      'a long path that leads outside',
      archive(entry('x', '/etc/passwd', { type: 'L' }), plain),
      'a relative path is required'
    ],
    [
      'a pax size that is none',
      archive(entry('x', record('size', '1e3'), { type: 'x' }), plain),
      'a size in digits is required, but an'
    ],
    ['a record that is none', archive(entry('x', 'hello', { type: 'x' }), plain), '`length key=value` in each record'],
    [
      'a record that is cut off',
      archive(entry('x', '99 path=b\n', { type: 'x' }), plain),
      '`length key=value` in each record'
    ],
    [
      'a zero in a path',
      archive(entry('x', record('path', 'b\0c'), { type: 'x' }), plain),
      "a path for each file is required, but it has 'b?c'"
    ],
    [
      'an extended header at the end',
      archive(entry('x', record('path', 'b'), { type: 'x' })),
      'a file after an extended header'
    ],
    [
      'a gigantic extended header',
      archive(entry('x', 'y'.repeat(2 ** 20 + 1), { type: 'L' })),
      'an extended header of at most 1048576 bytes'
    ]
  ])('refuses %s', (_, bytes, message) => expect(left(decodeTar(bytes)).message).toContain(message))

  it('refuses each beginning of an archive', () => {
    const bytes = example('ustar.tar').subarray(0, 4 * 512)
    for (let length = 0; length < bytes.length; length += 7)
      expect(left(decodeTar(bytes.subarray(0, length))).message).toMatch(/^tar: /)
  })
})
