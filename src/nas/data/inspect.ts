/**
 * What is to be known of a data set before it is searched on: counts, balance, moments, and images that occur twice.
 */
import { groupBy } from 'fp-ts/lib/NonEmptyArray.js'
import { sha256 } from '../../formats/native.js'
import { tableText } from '../text.js'
import { type Dataset, momentsOf, range, type Sources } from './dataset.js'

/** A class, and how many images it has. */
export interface ClassCount {
  readonly name: string
  readonly train: number
  /** Null where there is no test part. */
  readonly test: number | null
}

/** A channel of the training part: in the numbers of the file, and for bytes divided by 255. */
export interface ChannelMoments {
  readonly mean: number
  readonly deviation: number
  readonly unit: { readonly mean: number; readonly deviation: number } | null
}

/** Where an image is: `test 12`. */
export interface ImagePlace {
  readonly part: 'train' | 'test'
  readonly index: number
  readonly label: number
}

/** What `data inspect` tells of a data set. */
export interface Inspection {
  readonly name: string
  readonly images: {
    readonly channels: number
    readonly height: number
    readonly width: number
    readonly numbers: 'bytes' | 'floats'
  }
  readonly counts: { readonly train: number; readonly test: number | null }
  readonly classes: readonly ClassCount[]
  /** Images of the rarest class of the training part over those of the most frequent: 1 is balanced. */
  readonly balance: number
  /** Names of classes without an image to train on, and to test on. */
  readonly empty: { readonly train: readonly string[]; readonly test: readonly string[] }
  readonly channels: readonly ChannelMoments[]
  readonly duplicates: {
    /** Images that equal an earlier one of their part. */
    readonly train: number
    readonly test: number
    /** Images of the test part that are in the training part too. */
    readonly shared: number
    /** Groups of equal images that do not have the same label. */
    readonly contradictions: readonly (readonly ImagePlace[])[]
  }
}

/** Images of each class, by its place. */
const countsOf = ({ labels, classNames }: Dataset): readonly number[] => {
  const groups = groupBy(String)(Array.from(labels))
  return classNames.map((_, label) => groups[label]?.length ?? 0)
}

type Hashed = ImagePlace & { readonly hash: string }

/** Each image with a hash of its pixels. */
const hashed = (part: ImagePlace['part'], { images, labels, count }: Dataset): readonly Hashed[] => {
  const size = images.length / count
  return range(count).map(index => {
    const { buffer, byteOffset, byteLength } = images.subarray(size * index, size * (index + 1))
    const hash = sha256([new Uint8Array(buffer, byteOffset, byteLength)])
    return { part, index, label: labels[index] as number, hash }
  })
}

const duplicatesOf = ({ train, test }: Sources): Inspection['duplicates'] => {
  const all = [...hashed('train', train), ...(test ? hashed('test', test) : [])]
  const groups = Object.values(groupBy(({ hash }: Hashed) => hash)([...all])).filter(({ length }) => length > 1)
  const repeated = (part: ImagePlace['part']): number =>
    groups.reduce((sum, group) => sum + Math.max(0, group.filter(image => image.part === part).length - 1), 0)
  const across = groups.filter(group => group.some(({ part }) => part === 'train'))
  return {
    train: repeated('train'),
    test: repeated('test'),
    shared: across.reduce((sum, group) => sum + group.filter(({ part }) => part === 'test').length, 0),
    contradictions: groups
      .filter(group => new Set(group.map(({ label }) => label)).size > 1)
      .map(group => group.map(({ part, index, label }) => ({ part, index, label })))
  }
}

/** What is to be known of a data set. Images are equal if all their pixels are. */
export const inspectionOf = (sources: Sources): Inspection => {
  const { train, test } = sources
  const { name, channels, height, width, classNames } = train
  const bytes = train.images instanceof Uint8Array
  const [trainCounts, testCounts] = [countsOf(train), test && countsOf(test)]
  const without = (counts: readonly number[] | null) => classNames.filter((_, label) => counts?.[label] === 0)
  const [least, most] = trainCounts.reduce(
    ([low, high], count) => [Math.min(low, count), Math.max(high, count)],
    [Infinity, 0]
  )
  return {
    name,
    images: { channels, height, width, numbers: bytes ? 'bytes' : 'floats' },
    counts: { train: train.count, test: test?.count ?? null },
    classes: classNames.map((className, label) => ({
      name: className,
      train: trainCounts[label] as number,
      test: testCounts && (testCounts[label] as number)
    })),
    balance: least / most,
    empty: { train: without(trainCounts), test: without(testCounts) },
    channels: momentsOf(train).map(({ mean, deviation }) => ({
      mean,
      deviation,
      unit: bytes ? { mean: mean / 255, deviation: deviation / 255 } : null
    })),
    duplicates: duplicatesOf(sources)
  }
}

/** So many classes, and so many contradictions, are told in text; `--json` has all. */
const MOST_ROWS = 200
const MOST_TOLD = 10

/** The first of a list in words, and how many more there are. */
const someOf = (texts: readonly string[], separator = ', '): string =>
  texts.length > MOST_TOLD
    ? `${texts.slice(0, MOST_TOLD).join(separator)}${separator}and ${texts.length - MOST_TOLD} more`
    : texts.join(separator)

const classRows = ({ classes }: Inspection): readonly (readonly string[])[] => [
  ['class', 'train', 'test'],
  ...classes
    .slice(0, MOST_ROWS)
    .map(({ name, train, test }) => [name, String(train), test === null ? '-' : String(test)]),
  ...(classes.length > MOST_ROWS ? [[`and ${classes.length - MOST_ROWS} more`, '', '']] : [])
]

const channelRows = ({ channels, images }: Inspection): readonly (readonly string[])[] => {
  const digits = images.numbers === 'bytes' ? 2 : 4
  return [
    ['channel', 'mean', 'deviation', ...(images.numbers === 'bytes' ? ['mean of 0..1', 'deviation of 0..1'] : [])],
    ...channels.map(({ mean, deviation, unit }, channel) => [
      String(channel),
      mean.toFixed(digits),
      deviation.toFixed(digits),
      ...(unit ? [unit.mean.toFixed(4), unit.deviation.toFixed(4)] : [])
    ])
  ]
}

const contradictionText = (group: readonly ImagePlace[], classes: readonly ClassCount[]): string =>
  `  ${someOf(group.map(({ part, index, label }) => `${part} ${index} is ${classes[label]?.name}`))}`

const duplicateLines = ({ duplicates, counts, classes }: Inspection): readonly string[] => {
  const { train, test, shared, contradictions } = duplicates
  return [
    `Images that equal an earlier one: ${train} of ${counts.train} in ` +
      `train${counts.test === null ? '' : `, ${test} of ${counts.test} in test`}`,
    ...(counts.test === null ? [] : [`Images of test that are in train too: ${shared}`]),
    ...(contradictions.length === 0
      ? []
      : [
          `Equal images with different labels: ${contradictions.length}`,
          someOf(
            contradictions.map(group => contradictionText(group, classes)),
            '\n'
          )
        ])
  ]
}

const emptyLines = ({ empty, counts }: Inspection): readonly string[] => [
  ...(empty.train.length ? [`Without an image in train: ${someOf(empty.train)}`] : []),
  ...(empty.test.length && counts.test !== null ? [`Without an image in test: ${someOf(empty.test)}`] : [])
]

/** An inspection for a person to read. */
export const inspectionText = (inspection: Inspection): string => {
  const { name, images, counts, classes, balance } = inspection
  const size = `${images.channels} x ${images.height} x ${images.width}, ${images.numbers}`
  return [
    `${name}: ${counts.train} images to train on, ${counts.test ?? 'none'} to test on; ${size}; ${classes.length} ` +
      'classes',
    '',
    tableText(classRows(inspection)),
    `The rarest class of train has ${balance.toFixed(3)} times the images of the most frequent`,
    ...emptyLines(inspection),
    '',
    tableText(channelRows(inspection)),
    '',
    ...duplicateLines(inspection)
  ].join('\n')
}
