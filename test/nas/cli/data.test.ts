/**
 * `lambda-darts data inspect`: what it says of the digits, an archive and a folder, the sheet it draws, and what it
 * refuses.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import { readDataSet } from '../../../src/nas/cli/dataset.js'
import { example, examplePath } from '../../formats/files.js'
import { inProcess } from '../command.js'

const scratch = mkdtempSync(join(tmpdir(), 'lambda-darts-data-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
const inspect = (...args: readonly string[]) => inProcess('data', 'inspect', ...args)

describe('data inspect', () => {
  it('says what the digits are', async () => {
    const { code, stdout, stderr } = await inspect()
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('digits: 1797 images to train on, none to test on; 1 x 8 x 8, floats; 10 classes')
    expect(stdout).toContain('\n8        174     -\n')
    expect(stdout).toContain('\n0        4.8842     6.0168\n')
  })

  it('says the same as JSON', async () => {
    const { code, stdout } = await inspect('--data', 'npz', '--root', examplePath('nhwc.npz'), '--json')
    const { counts, images, classes, digest } = JSON.parse(stdout)
    expect([code, counts, images]).toEqual([
      0,
      { train: 5, test: null },
      { channels: 3, height: 28, width: 28, numbers: 'bytes' }
    ])
    expect(classes.map(({ train }: { train: number }) => train)).toEqual([1, 3, 1])
    expect(digest).toMatch(/^[0-9a-f]{64}$/)
  })

  it('reads SVHN from its folder', async () => {
    const root = join(scratch, 'svhn')
    mkdirSync(root)
    writeFileSync(join(root, 'train_32x32.mat'), example('svhn_compressed.mat'))
    writeFileSync(join(root, 'test_32x32.mat'), example('svhn_double_labels.mat'))
    const { duplicates, empty } = JSON.parse((await inspect('--data', 'svhn', '--root', root, '--json')).stdout)
    expect([duplicates.shared, empty.train]).toEqual([6, ['3', '4', '6', '7', '8']])
  })

  it('reads a folder of images at a size, and draws its sheet', async () => {
    const sheet = join(scratch, 'sheet.png')
    const { code, stdout } = await inspect(
      '--data',
      'folder',
      '--root',
      examplePath('folder'),
      '--image-size',
      '24',
      '--sheet',
      sheet
    )
    expect(code).toBe(0)
    expect(stdout).toContain('folder: 6 images to train on, none to test on; 3 x 24 x 24, bytes; 2 classes')
    expect(stdout).toContain(`Written to ${sheet}: up to 10 images of each class, a class a row`)
    const { data, info } = await sharp(sheet).raw().toBuffer({ resolveWithObject: true })
    // Each pixel is enlarged to 2 x 2, with 2 white ones between images.
    expect([info.width, info.height, info.channels]).toEqual([10 * 50 + 2, 2 * 50 + 2, 3])
    expect([...data.subarray(3 * (2 * info.width + 2)).subarray(0, 1)]).toEqual([225])
    expect(readdirSync(scratch).filter(name => name.endsWith('.part'))).toEqual([])
  })

  it('draws grey images, and tells JSON and words apart', async () => {
    const sheet = join(scratch, 'digits.png')
    const { stdout, stderr } = await inspect('--sheet', sheet, '--json')
    expect(JSON.parse(stdout).sheet).toBe(sheet)
    expect(stderr).toContain(`Written to ${sheet}`)
    expect((await sharp(sheet).metadata()).height).toBe(10 * 50 + 2)
  })

  it('tells what was found where the sheet cannot be written', async () => {
    const { code, stdout, stderr } = await inspect('--sheet', join(scratch, 'nowhere', 'sheet.png'), '--json')
    expect([code, JSON.parse(stdout).digest]).toEqual([1, expect.any(String)])
    expect(stderr).toMatch(/^Wanted the sheet to be written, but got .*ENOENT.*: name another place\.$/m)
  })

  const full = join(scratch, 'full.png')
  writeFileSync(full, 'mine')
  const two = join(scratch, 'two')
  mkdirSync(two)
  for (const name of ['a.npz', 'b.npz']) writeFileSync(join(two, name), example('nhwc.npz'))
  it.each<[string, readonly string[], string]>([
    ['an unknown data set', ['--data', 'cifar'], '--data to be one of digits, folder, cifar10'],
    ['no root', ['--data', 'folder'], '--root beside --data folder, but got none'],
    [
      'a size for images that have one',
      ['--image-size', '32'],
      "--image-size with --data folder, but got --data 'digits'"
    ],
    [
      'no size',
      ['--data', 'folder', '--root', examplePath('folder'), '--image-size', '0'],
      '--image-size to be a whole number of 1 to'
    ],
    ['a sheet that is there', ['--sheet', full], 'which is there: name another.'],
    ['a sheet of another format', ['--sheet', join(scratch, 'a.jpg')], '--sheet to be a file that ends with .png'],
    ['a folder with two archives', ['--data', 'npz', '--root', two], 'npz: one .npz file is required, but there are 2'],
    ['an archive that is none', ['--data', 'npz', '--root', examplePath('svhn_plain.mat')], '--root to be '],
    [
      'a folder that holds no classes',
      ['--data', 'folder', '--root', examplePath('npy')],
      "but there is a file 'bool_fortran.npy'"
    ]
  ])('refuses %s', async (_, args, message) => {
    const { code, stdout, stderr } = await inspect(...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(message)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })
  it('overwrites nothing and leaves nothing behind', async () => {
    expect(readFileSync(full, 'utf8')).toBe('mine')
    const nowhere = join(scratch, 'nowhere', 'a.png')
    expect((await inspect('--sheet', nowhere)).code).toBe(1)
    expect(existsSync(nowhere)).toBe(false)
  })

  it('without a command says which there are', async () => {
    const { code, stderr } = await inProcess('data')
    expect([code, stderr.includes('inspect')]).toEqual([2, true])
  })
})

describe('readDataSet', () => {
  it('reads a folder of images, to the size that is asked for', async () => {
    const { sources, published, digest } = await readDataSet('folder', examplePath('folder'), 16)
    expect([sources.train.height, sources.train.count, published]).toEqual([16, 6, undefined])
    expect((await readDataSet('folder', examplePath('folder'))).sources.train.width).toBe(32)
    expect((await readDataSet('folder', examplePath('folder'), 16)).digest).toBe(digest)
  })
})
