/** Images that Pillow wrote, decoded as Pillow decodes them; folders of them, and what in a folder must be refused. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import fc from 'fast-check'
import sharp from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import { decodeImage, readImageFolder } from '../../../src/nas/cli/images.js'
import { Refusal } from '../../../src/nas/cli/refusal.js'
import { example, exampleJson, examplePath, type Truth } from '../../formats/files.js'
import { damaged } from '../../formats/mutations.js'

const scratch = mkdtempSync(join(tmpdir(), 'lambda-darts-images-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
const truth = exampleJson('truth.json') as Readonly<Record<string, Truth>>

/** Values channel by channel of values pixel by pixel. */
const planar = (pixels: readonly number[], channels: number): readonly number[] =>
  Array.from({ length: channels }, (_, channel) => pixels.filter((_, k) => k % channels === channel)).flat()

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0)
const differences = (a: ArrayLike<number>, b: readonly number[]): readonly number[] =>
  b.map((value, k) => Math.abs(value - (a[k] as number)))

describe('decodeImage', () => {
  const images = exampleJson('images.json') as Readonly<
    Record<string, { shape: readonly number[]; pixels: readonly number[] }>
  >
  // Decoders of JPEG round on their own; without subsampled colours they differ by little.
  it.each(Object.keys(images).map(name => [name, name.endsWith('.jpg') ? 3 : 0] as const))(
    'gives the pixels of %s, within %d',
    async (name, most) => {
      const { shape, pixels } = images[name] as (typeof images)[string]
      const [height = 0, width = 0, channels = 1] = shape
      const decoded = await decodeImage(example(`images/${name}`), { channels, height, width })
      expect(decoded).toHaveLength(pixels.length)
      expect(Math.max(...differences(decoded, planar(pixels, channels)))).toBeLessThanOrEqual(most)
    }
  )

  it('scales 16 bits to 8', async () => {
    // Pillow reads 6939, 7453, 9252, ... of 65535 there, 84854 of 255 in all.
    const decoded = await decodeImage(example('sixteen_bit.png'), { channels: 1, height: 24, width: 24 })
    expect([[...decoded.slice(0, 4)], sum(decoded)]).toEqual([[27, 29, 36, 46], 84854])
  })

  it('covers the size and takes the middle', async () => {
    const [red, green, blue] = [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255]
    ] as const
    const stripes = Buffer.from([...red, ...green, ...blue])
    const wide = await sharp(stripes, { raw: { width: 3, height: 1, channels: 3 } })
      .resize(90, 30, { kernel: 'nearest', fit: 'fill' })
      .png()
      .toBuffer()
    const decoded = await decodeImage(new Uint8Array(wide), { channels: 3, height: 10, width: 10 })
    const middle = (channel: number) => [decoded[100 * channel + 44], decoded[100 * channel + 55]]
    expect([middle(0), middle(1), middle(2)]).toEqual([
      [0, 0],
      [255, 255],
      [0, 0]
    ])
  })

  it('makes one pixel as large as is asked for', async () => {
    const decoded = await decodeImage(example('images/one_pixel.png'), { channels: 3, height: 4, width: 5 })
    expect([...decoded]).toEqual([120, 112, 60].flatMap(value => Array(20).fill(value)))
  })

  it('makes colours grey, and grey of three equal channels', async () => {
    const grey = await decodeImage(example('images/colour.png'), { channels: 1, height: 6, width: 9 })
    expect(grey).toHaveLength(54)
    const three = await decodeImage(example('images/grey.png'), { channels: 3, height: 6, width: 9 })
    expect([...three.subarray(0, 54)]).toEqual([...three.subarray(108)])
  })

  it('reads CMYK', async () =>
    expect(await decodeImage(example('images/cmyk.jpg'), { channels: 3, height: 24, width: 24 })).toHaveLength(
      3 * 24 * 24
    ))

  const size = { channels: 3, height: 8, width: 8 }
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, sum])
  }
  /** A black PNG of so many pixels, one bit each. */
  const black = (side: number): Buffer => {
    const header = Buffer.alloc(13)
    header.writeUInt32BE(side, 0)
    header.writeUInt32BE(side, 4)
    header.set([1, 0, 0, 0, 0], 8)
    const data = deflateSync(Buffer.alloc(side * (1 + Math.ceil(side / 8))), { level: 1 })
    const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
    return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))])
  }
  it('refuses a bomb before it is decoded', async () => {
    const bomb = black(30_000)
    expect(bomb.length).toBeLessThan(2 ** 20)
    const before = process.memoryUsage().rss
    await expect(decodeImage(bomb, size)).rejects.toThrow(
      /at most 67108864 pixels, but got one that cannot be read \('.*pixel limit/
    )
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 28)
    await expect(decodeImage(black(30), size)).resolves.toEqual(new Uint8Array(192))
  })
  const svg = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'Wanted the image to be an image (PNG, JPEG, WebP), but got a file that is none'],
    ['another file', svg, 'but got a file that is none'],
    ['half a PNG', example('folder/cat/a.png').subarray(0, 700), 'but got one that cannot be read ('],
    ['half a JPEG', example('folder/cat/b.jpg').subarray(0, 700), 'but got one that cannot be read ('],
    ['the beginning of a WebP', example('images/lossless.webp').subarray(0, 20), 'but got one that cannot be read (']
  ])('refuses %s', (_, bytes, message) => expect(decodeImage(bytes, size)).rejects.toThrow(message))
  it('answers to damaged images: with pixels, or with a refusal', async () => {
    const originals = [
      'images/colour.png',
      'images/full.jpg',
      'images/lossless.webp',
      'images/animated.webp',
      'folder/cat/b.jpg'
    ]
    const property = fc.asyncProperty(damaged(originals.map(example)), async ({ bytes }) => {
      const answer = await decodeImage(bytes, size).catch((reason: unknown) => reason)
      if (!(answer instanceof Refusal)) expect(answer).toHaveLength(3 * 8 * 8)
      else expect(answer.message).toMatch(/^Wanted the image to be [ -~]{1,400}$/)
    })
    await fc.assert(property, { numRuns: 150 })
  })

  it('refuses a file that is not there, and a network of two channels', async () => {
    await expect(decodeImage('/nowhere.png', size)).rejects.toThrow(
      "'/nowhere.png' to be a file of at most 67108864 bytes that can be read"
    )
    await expect(decodeImage(svg, { ...size, channels: 2 })).rejects.toThrow(
      'Wanted a network of 1 or 3 channels for an image, but got one of 2'
    )
  })
})

describe('readImageFolder', () => {
  const original = examplePath('folder')
  /** A copy of the folder, with this done to it. */
  const changed = (name: string, change: (root: string) => void): string => {
    const root = join(scratch, name)
    cpSync(original, root, { recursive: true })
    change(root)
    return root
  }

  it('reads classes, in the order of names', async () => {
    const { train, test } = await readImageFolder(original, 24)
    const { images, ...rest } = train
    expect([rest.count, rest.channels, rest.height, rest.width, rest.classNames, test]).toEqual([
      6,
      3,
      24,
      24,
      ['cat', 'dog'],
      null
    ])
    expect([...rest.labels]).toEqual([0, 0, 0, 1, 1, 1])
    const size = 3 * 24 * 24
    const order = ['cat/a.png', 'cat/b.jpg', 'cat/grey.png', 'dog/alpha.png', 'dog/c.jpeg', 'dog/palette.png']
    for (const [k, path] of order.entries()) {
      const expected = truth[`folder/${path}`] as Truth
      const image = images.subarray(size * k, size * (k + 1))
      // Decoders of JPEG spread subsampled colours in ways of their own.
      if (/jpe?g$/.test(path)) expect(Math.abs(sum(image) / expected.sum - 1)).toBeLessThan(2e-3)
      else expect([sum(image), [...image.subarray(0, 8)]]).toEqual([expected.sum, expected.first])
    }
  })

  it('reads parts, with one channel if all are grey, and passes over what is hidden', async () => {
    const root = join(scratch, 'parts')
    for (const path of ['train/a', 'train/b', 'test/b', '.git/objects'])
      mkdirSync(join(root, path), { recursive: true })
    for (const path of ['train/a/1.png', 'train/b/2.png', 'test/b/3.png'])
      writeFileSync(join(root, path), example('images/grey.png'))
    for (const path of ['.DS_Store', 'train/a/.hidden']) writeFileSync(join(root, path), 'not an image')
    const { train, test } = await readImageFolder(root)
    expect([train.channels, train.height, train.count, test?.count, [...(test?.labels ?? [])]]).toEqual([
      1,
      32,
      2,
      1,
      [1]
    ])
  })

  it('follows links that stay below the root', async () => {
    const root = changed('linked', at => symlinkSync('../cat/a.png', join(at, 'dog/same.png')))
    const { train } = await readImageFolder(root, 24)
    expect([train.count, sum(train.images.subarray(-3 * 24 * 24))]).toEqual([7, truth['folder/cat/a.png']?.sum])
  })

  const outside = join(scratch, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'a.png'), example('images/colour.png'))
  it.each<[string, (root: string) => void, string]>([
    [
      'link-to-a-file',
      root => symlinkSync(join(outside, 'a.png'), join(root, 'cat/x.png')),
      "'cat/x.png', which leads out of it: take it out."
    ],
    [
      'link-upwards',
      root => symlinkSync('../outside', join(root, 'bird')),
      "'bird', which leads out of it: take it out."
    ],
    ['link-to-nothing', root => symlinkSync('nowhere.png', join(root, 'cat/x.png')), "'cat/x.png' (ENOENT"],
    [
      'link-to-the-root',
      root => symlinkSync('..', join(root, 'cat/x')),
      "there is a folder 'cat/x' in that of a class"
    ],
    [
      'empty-class',
      root => mkdirSync(join(root, 'bird')),
      "folder: at least one image of each class is required, but there is none in 'bird'"
    ],
    [
      'no-image',
      root => writeFileSync(join(root, 'dog/notes.txt'), 'notes'),
      "'dog/notes.txt' to be an image (PNG, JPEG, WebP), but got a file that is none"
    ],
    ['a-folder-of-none', root => rmSync(join(root, 'dog'), { recursive: true }), 'at least two folders of classes'],
    [
      'damaged',
      root => writeFileSync(join(root, 'dog/x.png'), example('folder/cat/a.png').subarray(0, 600)),
      "'dog/x.png' to be a whole image of at most"
    ]
  ])('refuses %s', (name, change, message) =>
    expect(readImageFolder(changed(name, change), 24)).rejects.toThrow(message)
  )

  it('refuses a root that is not there, or is a file', async () => {
    await expect(readImageFolder(join(scratch, 'nowhere'))).rejects.toThrow('--root to be a folder that can be read')
    await expect(readImageFolder(join(outside, 'a.png'))).rejects.toThrow('--root to be a folder that can be read')
  })

  it('refuses sizes at which all images are too many bytes', () =>
    expect(readImageFolder(original, 20_000)).rejects.toThrow('take a smaller --image-size'))
})
