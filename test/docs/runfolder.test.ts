/** docs/run-folder.md names all that is in the folders of runs, and nothing else: real runs, and the codecs that read them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as t from 'io-ts/lib/index.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { flagName, OPTIONS } from '../../src/nas/configuration/options.js'
import { decodeBenchTable } from '../../src/nas/genotypes/bench201.js'
import { StepProfile } from '../../src/nas/run/profile.js'
import { EpochRecord, Summary } from '../../src/nas/run/record.js'
import { runsOf } from '../../src/nas/sweep/sweep.js'
import { sweepReport } from '../../src/nas/sweep/sweepreport.js'
import { TRAINING_OPTIONS } from '../../src/nas/training/options.js'
import { right } from '../kernels/results.js'
import { inProcess } from '../nas/command.js'
import { linesOf, SHORT } from '../nas/sweeps.js'
import { ROOT, read } from './blocks.js'

const page = read('docs/run-folder.md')

/** The names in the first column of the tables below a heading. */
const documented = (heading: string): readonly string[] => {
  const section = page.split(/^#{2,3} /m).find(part => part.startsWith(`${heading}\n`))
  if (section === undefined) throw new Error(`A heading '${heading}' was wanted in docs/run-folder.md.`)
  const rows = section.split('\n').filter(line => line.startsWith('| `'))
  return rows.flatMap(row =>
    [...(row.split(' | ')[0] as string).matchAll(/`([^`]+)`/g)].map(([, name]) => name as string)
  )
}

/** What stands for names that are no names of fields, below these. */
const OPEN: Readonly<Record<string, string>> = {
  cosines: 'KIND',
  mixtures: 'KIND',
  alpha: 'KIND',
  cells: 'KIND',
  margins: 'KIND',
  operations: 'KIND',
  'operations.KIND': 'OPERATION',
  weights: 'OPERATION',
  score: 'COLUMN',
  values: 'VALUE',
  summaries: 'VALUE',
  against: 'VALUE'
}
/** In a summary; a baseline and a sweep have other things of this name. */
const RANDOM = 'random'
const openBelow = (path: string): string | undefined =>
  path === RANDOM
    ? 'COLUMN'
    : (OPEN[path.split('.').slice(-2).join('.').replaceAll('[]', '')] ??
      OPEN[path.split('.').at(-1)?.replaceAll('[]', '') as string])

/** What is described elsewhere. */
const WHOLE = ['config', 'lastEpoch', 'best', 'options', 'against.VALUE', 'random.columns']
const isWhole = (path: string): boolean => WHOLE.some(name => path === name || path.endsWith(`.${name}`))
const below = (path: string, name: string): string => `${path}${path === '' ? '' : '.'}${openBelow(path) ?? name}`

/** The paths of a value's fields. A null says nothing of what it would hold. */
const pathsOf = (value: unknown, path = ''): readonly string[] => {
  if (isWhole(path)) return [path]
  if (Array.isArray(value)) return value.length === 0 ? [] : value.flatMap(one => pathsOf(one, `${path}[]`))
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([name, one]) => pathsOf(one, below(path, name)))
}

/** The paths of a codec's fields. */
const codecPaths = (codec: t.Mixed, path = ''): readonly string[] => {
  if (isWhole(path)) return [path]
  if (codec instanceof t.IntersectionType || codec instanceof t.UnionType)
    return codec.types.flatMap((one: t.Mixed) => codecPaths(one, path))
  if (codec instanceof t.ReadonlyType) return codecPaths(codec.type, path)
  if (codec instanceof t.ReadonlyArrayType || codec instanceof t.ArrayType) return codecPaths(codec.type, `${path}[]`)
  if (codec instanceof t.TupleType) return codec.types.flatMap((one: t.Mixed) => codecPaths(one, `${path}[]`))
  if (codec instanceof t.DictionaryType) return codecPaths(codec.codomain, below(path, ''))
  if (codec instanceof t.InterfaceType || codec instanceof t.PartialType)
    return Object.entries(codec.props).flatMap(([name, one]) => codecPaths(one as t.Mixed, below(path, name)))
  return [path]
}

const set = (paths: readonly string[]): readonly string[] => [...new Set(paths)].toSorted()
/** Paths that lead into what another path is: a union of null, a text and a record has both. */
const deepest = (paths: readonly string[]): readonly string[] =>
  set(paths).filter((path, _, all) => !all.some(other => other.startsWith(`${path}.`) || other.startsWith(`${path}[`)))

const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-folder-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (run: string, name: string): string => readFileSync(join(folder, run, name), 'utf8')
const events = (run: string, type: string) => linesOf(file(run, 'events.jsonl')).filter(event => event['type'] === type)

beforeAll(async () => {
  const data = [
    '--data',
    'npz',
    '--root',
    join(ROOT, 'test/nas/files/few-digits.npz'),
    '--backend',
    'reference',
    '--quiet'
  ]
  const small = ['--channels', '1', '--batch', '24']
  const selecting = ['--epochs', '1', '--select', 'perturbation', '--eigenvalue', '--probe']
  const run = async (...args: readonly string[]) => expect((await inProcess(...args)).code, args.join(' ')).toBe(0)
  await run('search', ...data, ...small, ...selecting, '--space', SHORT.space, '--out', join(folder, 'search'))
  await run('train', join(folder, 'search'), ...data, ...small, '--epochs', '1', '--out', join(folder, 'train'))
}, 120_000)

describe('docs/run-folder.md has', () => {
  it('the files', () => {
    const named = page.split(/^## /m).find(part => part.startsWith('Files\n')) ?? ''
    const rows = [...named.matchAll(/^\| `([^`]+)` \| (both|train|search) \|/gm)].map(
      ([, name = '', of = '']) => [name, of] as const
    )
    const found = (run: string) =>
      readdirSync(join(folder, run), { withFileTypes: true }).map(one => `${one.name}${one.isDirectory() ? '/' : ''}`)
    for (const run of ['search', 'train'])
      expect(set(found(run)), run).toEqual(
        set(rows.filter(([, of]) => of === 'both' || of === run).map(([name]) => name))
      )
  })

  it('the names of a configuration: options without their dashes', () => {
    const names = (options: readonly { readonly key: string; readonly flag: string }[]) =>
      options.map(option =>
        flagName(option)
          .slice(2)
          .replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
      )
    expect(set(Object.keys(JSON.parse(file('search', 'config.json'))))).toEqual(set(names(OPTIONS)))
    expect(set(Object.keys(JSON.parse(file('train', 'config.json'))))).toEqual(set(names(TRAINING_OPTIONS)))
  })

  it.each(['compiled', 'step', 'epoch', 'decision', 'tuning'])('the event %s of a search', type => {
    const found = events('search', type).flatMap(event => pathsOf(event))
    expect(found.length).toBeGreaterThan(3)
    expect(set(found)).toEqual(set(documented(type)).filter(path => !path.startsWith('score.')))
  })

  it.each(['step', 'epoch'])('the event %s of a training', type =>
    expect(set(events('train', type).flatMap(event => pathsOf(event)))).toEqual(set(documented(`training ${type}`)))
  )

  it('epochs, summaries and profiles as they are read back', () => {
    const pairs = [
      ['epoch', EpochRecord],
      ['summary.json of a search', Summary],
      ['profile.json', StepProfile]
    ] as const
    for (const [heading, codec] of pairs) expect(deepest(codecPaths(codec)), heading).toEqual(set(documented(heading)))
  })

  it('the summaries of a search and of a training', () => {
    const summary = JSON.parse(file('search', 'summary.json'))
    const names = documented('summary.json of a search')
    const missing = pathsOf(summary).filter(path => !names.some(name => name === path || name.startsWith(`${path}.`)))
    expect(missing).toEqual([])
    const { type: _type, seconds: _seconds, score: _score, ...epoch } = events('search', 'epoch').at(-1) ?? {}
    expect(summary.lastEpoch).toEqual(epoch)
    expect(set(pathsOf(JSON.parse(file('train', 'summary.json'))))).toEqual(
      set(documented('summary.json of a training'))
    )
  })

  it('the report of a sweep', () => {
    const genotype = '|none~0|+|none~0|none~1|+|none~0|none~1|none~2|'
    const table = right(decodeBenchTable(`arch,cifar10_test_200,cifar10_valid_12\n${genotype},54,35`))
    const summary = {
      genotype,
      testAccuracy: 0.5,
      operations: { alpha: { none: 6 } },
      lastEpoch: { lambdaTrain: 0, lambdaValid: 0 },
      seconds: 1,
      adapter: 'reference',
      stopped: null
    }
    const configurations = ['a', 'b'].map(name => ({ name, options: {} }))
    const sweep = { configurations, seeds: [0, 1], baseline: 'b', random: { cells: 1 } }
    const facts = runsOf(sweep).map((one, i) => [one, i === 1 ? 'It failed.' : summary] as const)
    const report = right(sweepReport(sweep, facts, table))
    const named = deepest(pathsOf({ report })).map(path => path.replace('report.', ''))
    expect(named).toEqual(set(documented('The folder of a sweep')))
  })
})
