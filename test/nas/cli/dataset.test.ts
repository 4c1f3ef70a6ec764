/** Data sets read by name: from folders and archives, within bounds, with nothing left behind. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readDataSet } from '../../../src/nas/cli/dataset.js'
import { BAD_INPUT, Refusal } from '../../../src/nas/cli/refusal.js'
import { subset } from '../../../src/nas/data/dataset.js'
import { DATA_SETS } from '../../../src/nas/data/datasets.js'
import { digestOf } from '../../../src/nas/data/digest.js'
import { example } from '../../formats/files.js'
import { missing, subsetOf } from '../data/official.js'

const FILES = fileURLToPath(new URL('../../formats/files', import.meta.url))
const PYTHON = 'cifar-10-python.tar.gz'

let folder = ''
const at = (...names: readonly string[]): string => join(folder, ...names)
const made = (name: string): string => {
  mkdirSync(at(name))
  return at(name)
}
const file = (bytes: Uint8Array | string, ...names: readonly string[]): string => {
  writeFileSync(at(...names), bytes)
  return at(...names)
}

/** The sentence that it ends with, and that this is bad input. */
const refusal = async (name: string, root?: string): Promise<string> => {
  const error = await readDataSet(name, root).then(
    () => undefined,
    (reason: unknown) => reason
  )
  expect(error).toBeInstanceOf(Refusal)
  const { code, message } = error as Refusal
  expect(code).toBe(BAD_INPUT)
  expect(message.length).toBeLessThan(600)
  expect(message).not.toMatch(/\p{C}/u)
  return message
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'data-sets-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('readDataSet', () => {
  it('reads the digits, which need no root', async () => {
    const { sources, published, digest } = await readDataSet('digits', undefined)
    expect([sources.train.count, sources.test, published]).toEqual([1797, null, undefined])
    expect(digest).toMatch(/^[0-9a-f]{64}$/)
  })

  it('reads an archive, a folder with it, its unpacked folder and a folder with that alike', async () => {
    const root = made('four')
    mkdirSync(at('four', 'archive'))
    mkdirSync(at('four', 'unpacked'))
    cpSync(join(FILES, PYTHON), at('four', 'archive', PYTHON))
    execFileSync('tar', ['xzf', join(FILES, PYTHON), '-C', at('four', 'unpacked')])
    execFileSync('tar', ['cf', at('four', 'plain.tar'), '-C', at('four', 'unpacked'), '.'])
    writeFileSync(at('four', 'unpacked', 'notes.txt'), 'not of it')
    const roots = [
      join(FILES, PYTHON),
      join(root, 'archive'),
      join(root, 'plain.tar'),
      join(root, 'unpacked'),
      join(root, 'unpacked', 'cifar-10-batches-py')
    ]
    const read = await Promise.all(roots.map(place => readDataSet('cifar10', place)))
    expect(read.map(({ sources }) => [sources.train.count, sources.test?.count])).toEqual(roots.map(() => [10, 2]))
    expect(new Set(read.map(({ digest }) => digest)).size).toBe(1)
    expect(read[0]?.published?.padding).toBe(4)
  })

  it('reads files that are links', async () => {
    made('linked')
    symlinkSync(at('four', 'unpacked', 'cifar-10-batches-py'), at('linked', 'elsewhere'))
    symlinkSync('nowhere', at('linked', 'forgotten'))
    expect((await readDataSet('cifar10', at('linked'))).sources.train.count).toBe(10)
  })

  it.skipIf(missing('fashion-mnist'))('reads the subset of Fashion-MNIST in the shared folder', async () => {
    const { sources } = await readDataSet('fashion-mnist', subsetOf('fashion-mnist'))
    expect([sources.train.count, sources.test?.count]).toEqual([4000, 1000])
  })

  it.each(['tar_traversal', 'tar_absolute', 'tar_link'])('refuses %s and writes nothing', async name => {
    const root = made(name)
    cpSync(join(FILES, `${name}.tar.gz`), join(root, `${name}.tar.gz`))
    expect(await refusal('cifar10', root)).toContain(`--root '${root}/${name}.tar.gz': tar: `)
    expect(readdirSync(root)).toEqual([`${name}.tar.gz`])
    expect(readdirSync(folder)).not.toContain('escaped.bin')
  })
  it('refuses a pickle that would run a command, and does not', async () => {
    cpSync(at('four', 'unpacked', 'cifar-10-batches-py'), at('evil'), { recursive: true })
    file(example('evil.pkl'), 'evil', 'data_batch_1')
    expect(await refusal('cifar10', at('evil'))).toContain("it asks for 'os.system', which is not run")
    expect([...readdirSync(at('evil')), ...readdirSync('.')]).not.toContain('harm.txt')
  })
})

describe('what readDataSet refuses', () => {
  it('is an unknown name', async () => {
    const names = ['digits', 'folder', ...Object.keys(DATA_SETS)].join(', ')
    for (const name of ['cifar', 'constructor', '__proto__', ''])
      expect(await refusal(name, '.')).toBe(
        `Wanted --data to be one of ${names}, but got '${name}': name one of these.`
      )
    expect(await refusal('\x1b[2J'.repeat(100), '.')).toContain("but got '?[2J?[2J")
  })
  it('is a root too many, or none', async () => {
    expect(await refusal('digits', '/data')).toBe(
      "Wanted no --root beside --data digits, but got '/data': leave it out: they come with the package."
    )
    expect(await refusal('mnist')).toBe(
      'Wanted --root beside --data mnist, but got none: name the folder or the archive of its files.'
    )
  })

  const damagedFolder = (name: string, damage: (path: string) => unknown): string => {
    cpSync(at('four', 'unpacked', 'cifar-10-batches-py'), at(name), { recursive: true })
    rmSync(at(name, 'data_batch_5'))
    damage(at(name, 'data_batch_5'))
    return at(name)
  }
  const pipe = (path: string): string => {
    execFileSync('mkfifo', [path])
    return path
  }
  /** A file that says it has a tebibyte, and takes no place. */
  const gigantic = (path: string): string => {
    writeFileSync(path, '')
    truncateSync(path, 2 ** 40)
    return path
  }
  const twice = (): string => {
    cpSync(at('four', 'unpacked'), at('twice'), { recursive: true })
    cpSync(at('four', 'unpacked', 'cifar-10-batches-py'), at('twice', 'copy'), { recursive: true })
    return at('twice')
  }
  const isRoot = process.getuid?.() === 0

  it.each<[string, string, () => string, string]>([
    ['a root that is not there', 'mnist', () => at('nowhere'), '(ENOENT: no such file or directory)'],
    ['a root of no name', 'mnist', () => '', "but got '' (ENOENT: no such file or directory)"],
    [
      'an empty folder',
      'mnist',
      () => made('empty'),
      'Wanted --root to hold the files of MNIST: train-images-idx3-ubyte'
    ],
    ['a folder of another set', 'mnist', () => at('four', 'unpacked'), 'which has none: name their folder or archive.'],
    ['an archive of another set', 'mnist', () => join(FILES, PYTHON), 'which has none: name their folder or archive.'],
    [
      'two archives',
      'cifar10',
      () => {
        const root = made('two')
        for (const name of ['a.tar', 'b.tgz']) file('', 'two', name)
        return root
      },
      'with 2 archives: name the one that is meant.'
    ],
    [
      'a file that is no archive',
      'cifar10',
      () => join(FILES, 'README.md'),
      'an archive that ends with .tar.gz, .tgz or .tar, but got'
    ],
    ['a device', 'cifar10', () => '/dev/zero', "an archive that ends with .tar.gz, .tgz or .tar, but got '/dev/zero'"],
    [
      'an archive that is cut off',
      'cifar10',
      () => file(example(PYTHON).subarray(0, 9000), 'cut.tar.gz'),
      'gzip: a whole file is required, but it is cut off'
    ],
    [
      'an archive that is none',
      'cifar10',
      () => file('hello', 'none.tar'),
      'tar: a block of zeros at the end is required'
    ],
    ['an archive that is a folder', 'cifar10', () => made('folder.tar'), 'Wanted --root to hold the files of CIFAR-10'],
    ['an archive that is a pipe', 'cifar10', () => pipe(at('pipe.tar')), 'which is a folder, a pipe or a device'],
    [
      'a gigantic archive',
      'cifar10',
      () => gigantic(at('sparse.tar.gz')),
      'Wanted --root to be a file of at most 2147483648 bytes, but got'
    ],
    [
      'a missing batch',
      'cifar10',
      () => damagedFolder('missing', () => {}),
      'cifar10: a file data_batch_5 is required, but there is none'
    ],
    [
      'a batch that is a folder',
      'cifar10',
      () => damagedFolder('nested', path => mkdirSync(path)),
      'a file data_batch_5 is required, but there is none'
    ],
    ['a batch that is a pipe', 'cifar10', () => damagedFolder('pipe', pipe), 'which is a folder, a pipe or a device'],
    [
      'a batch that leads nowhere',
      'cifar10',
      () => damagedFolder('broken', path => symlinkSync('nowhere', path)),
      'ENOENT: no such file or directory'
    ],
    [
      'a batch that is a device',
      'cifar10',
      () => damagedFolder('zero', path => symlinkSync('/dev/zero', path)),
      'which is a folder, a pipe or a device'
    ],
    [
      'a gigantic batch',
      'cifar10',
      () => damagedFolder('sparse', gigantic),
      'files of at most 2147483648 bytes in all'
    ],
    ['a batch twice', 'cifar10', twice, 'one file data_batch_1 is required, but there are 2']
  ])('is %s', async (_, name, root, message) => expect(await refusal(name, root())).toContain(message))

  it('is a batch that is a socket', async () => {
    const root = damagedFolder('socket', () => {})
    const server = createServer().listen(join(root, 'data_batch_5'))
    await new Promise(resolve => server.once('listening', resolve))
    expect(await refusal('cifar10', root)).toContain('--root to be a file that can be read')
    server.close()
  })
  it.skipIf(isRoot)('is a batch that may not be read (not tried as root, who may)', async () => {
    const root = damagedFolder('secret', path => writeFileSync(path, ''))
    chmodSync(join(root, 'data_batch_5'), 0)
    expect(await refusal('cifar10', root)).toContain('EACCES: permission denied')
  })
})

describe('the digest', () => {
  it('is of all that a search sees', async () => {
    const { sources, digest } = await readDataSet('cifar10', join(FILES, PYTHON))
    const { train, test } = sources
    const images = Uint8Array.from(train.images, (pixel, k) => (k === 30_000 ? pixel ^ 1 : pixel))
    const others = [
      { train, test: null },
      { train: { ...train, images }, test },
      { train: { ...train, labels: train.labels.with(9, 6) }, test },
      { train: { ...train, name: 'cifar' }, test },
      { train: { ...train, classNames: train.classNames.toReversed() }, test },
      { train: { ...train, height: 64, width: 16 }, test },
      { train: subset(train, [0, 1, 2, 3, 4, 5, 6, 7, 8]), test },
      { train, test: subset(train, [0, 1]) }
    ]
    expect(new Set([digest, ...others.map(digestOf)]).size).toBe(others.length + 1)
    expect(digestOf({ train: subset(train, [...Array(10).keys()]), test })).toBe(digest)
  })
})
