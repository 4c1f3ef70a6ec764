/** Which image of a folder is of which part and class, and how decoded images become a data set. */
import { describe, expect, it } from 'vitest'
import { folderSources, imageFormat, planOf, type Tree } from '../../../src/nas/data/folder.js'
import { example } from '../../formats/files.js'
import { left, right } from '../../kernels/results.js'

/** The tree of these files, and of folders that are empty (they end with `/`). */
const tree = (...paths: readonly string[]): Tree => {
  const above = (path: string): readonly string[] =>
    path.includes('/') ? [path.slice(0, path.lastIndexOf('/')), ...above(path.slice(0, path.lastIndexOf('/')))] : []
  return { folders: [...new Set(paths.flatMap(above))], files: paths.filter(path => !path.endsWith('/')) }
}

describe('planOf', () => {
  it('takes folders as classes, in the order of their code units', () => {
    expect(right(planOf(tree('dog/b.png', 'dog/a.png', 'Cat/c.png', 'cat/d.png')))).toEqual({
      classNames: ['Cat', 'cat', 'dog'],
      train: [
        { path: 'Cat/c.png', label: 0 },
        { path: 'cat/d.png', label: 1 },
        { path: 'dog/a.png', label: 2 },
        { path: 'dog/b.png', label: 2 }
      ],
      test: null,
      unused: []
    })
  })

  it.each(['test', 'val', 'valid', 'validation'])('takes train and %s as parts, with the classes of train', part => {
    const { classNames, train, test } = right(
      planOf(tree('train/a/1.png', 'train/b/2.png', 'train/c/3.png', `${part}/c/4.png`))
    )
    expect([classNames, train.length]).toEqual([['a', 'b', 'c'], 3])
    expect(test).toEqual([{ path: `${part}/c/4.png`, label: 2 }])
  })

  it('tests on test where there is val too, and says so', () => {
    const plan = right(planOf(tree('train/a/1.png', 'train/b/2.png', 'val/x/deep/3.png', 'test/a/4.png')))
    expect([plan.test?.map(({ path }) => path), plan.unused]).toEqual([['test/a/4.png'], ['val']])
  })

  it('has no test part where there is only train', () =>
    expect(right(planOf(tree('train/a/1.png', 'train/b/2.png'))).test).toBeNull())

  it('takes classes that are called train and test, if no folder lies in them', () =>
    expect(right(planOf(tree('train/1.png', 'test/2.png'))).classNames).toEqual(['test', 'train']))

  const form = 'folder: CLASS/IMAGE, or train/CLASS/IMAGE with test/CLASS/IMAGE is required, but there is a'
  it.each<[string, Tree, string]>([
    ['nothing', tree(), 'folder: at least two folders of classes, as in CLASS/IMAGE'],
    ['one class', tree('a/1.png'), 'folder: at least two folders of classes'],
    ['images without classes', tree('1.png', '2.png'), `${form} file '1.png'; move it elsewhere`],
    [
      'a file beside the classes',
      tree('a/1.png', 'b/2.png', 'labels.csv'),
      `${form} file 'labels.csv'; move it elsewhere`
    ],
    [
      'a file beside the classes of a part',
      tree('train/a/1.png', 'train/b/2.png', 'train/x.txt'),
      `${form} file 'train/x.txt'`
    ],
    ['a folder in a class', tree('a/1.png', 'b/c/2.png'), `${form} folder 'b/c' in that of a class`],
    [
      'a folder in a class of a part',
      tree('train/a/1.png', 'train/b/c/2.png'),
      `${form} folder 'train/b/c' in that of a class`
    ],
    ['a part of another name', tree('train/a/1.png', 'train/b/2.png', 'tets/a/3.png'), "but there is a folder 'tets'"],
    [
      'an empty class',
      tree('a/1.png', 'b/'),
      "folder: at least one image of each class is required, but there is none in 'b'"
    ],
    ['an empty class of the test', tree('train/a/1.png', 'train/b/2.png', 'test/b/'), "but there is none in 'test/b'"],
    [
      'a test class that training does not know',
      tree('train/a/1.png', 'train/b/2.png', 'test/c/3.png'),
      "folder: classes of the training part in the others is required, but there is 'test/c'"
    ],
    ['a class whose name does not print', tree('a/1.png', '\x1b[2J/2.png'), "one is '?[2J'"]
  ])('refuses %s', (_, given, message) => expect(left(planOf(given)).message).toContain(message))

  it('takes many images in little time', () => {
    const paths = Array.from({ length: 50_000 }, (_, k) => `class${k % 500}/${k}.png`)
    const folders = Array.from({ length: 500 }, (_, k) => `class${k}`)
    const started = performance.now()
    expect(right(planOf({ folders, files: paths })).train).toHaveLength(50_000)
    expect(performance.now() - started).toBeLessThan(5000)
  })
})

describe('imageFormat', () => {
  it.each([
    ['images/colour.png', 'PNG'],
    ['images/full.jpg', 'JPEG'],
    ['images/animated.webp', 'WebP'],
    ['svhn_plain.mat', undefined],
    ['truth.json', undefined]
  ])('says what %s is', (name, format) => expect(imageFormat(example(name))).toBe(format))
  it('knows nothing', () => expect(imageFormat(new Uint8Array(0))).toBeUndefined())
})

describe('folderSources', () => {
  const grey = { pixels: Uint8Array.of(1, 2), channels: 1 } as const
  const colour = { pixels: Uint8Array.of(1, 2, 3, 4, 5, 6), channels: 3 } as const
  const part = (...images: readonly (typeof grey | typeof colour)[]) => ({
    labelled: images.map((_, label) => ({ path: `${label}`, label })),
    images
  })
  it('has one channel if all images are grey', () => {
    const { train, test } = folderSources(['a', 'b'], [1, 2], part(grey, grey), part(grey))
    expect([train.channels, [...train.images], test?.channels, [...train.labels]]).toEqual([1, [1, 2, 1, 2], 1, [0, 1]])
  })
  it('has three if one of either part is not', () => {
    const { train, test } = folderSources(['a', 'b'], [1, 2], part(grey, grey), part(colour))
    expect([train.channels, [...train.images]]).toEqual([3, [1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2]])
    expect([test?.channels, [...(test?.images ?? [])]]).toEqual([3, [1, 2, 3, 4, 5, 6]])
  })
})
