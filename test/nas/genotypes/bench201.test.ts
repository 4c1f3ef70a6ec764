/**
 * The table of NAS-Bench-201: hand-made ones with known answers, what is refused, the command, and the published rows
 * where the table is.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import {
  BENCH_CELLS,
  type BenchTable,
  canonicalForm,
  decodeBenchTable,
  scoreOf,
  wholeTable
} from '../../../src/nas/genotypes/bench201.js'
import { type Cell, type Genotype, parseGenotype } from '../../../src/nas/genotypes/genotype.js'
import { PUBLISHED } from '../../../src/nas/genotypes/published.js'
import { left, right } from '../../kernels/results.js'
import { inProcess } from '../command.js'

const genotype = (text: string): Genotype => right(parseGenotype(text))
const nodes = (text: string): Cell => (genotype(text) as Extract<Genotype, { family: 'nb201' }>).nodes

const SKIPS = '|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|'
const CONVS = '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|'
/** Two ways to write one cell: node 1 is node 0, so that node 2 may take either. */
const ONE = '|skip_connect~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|'
const TWIN = '|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|'

const SMALL = [
  'index,arch,params_m,cifar10_test_200,cifar100_valid_12',
  `7,${SKIPS},0.073306,54.3,10`,
  `8,${CONVS},1.531546,93.7,40.5`,
  `9,${ONE},0.3,90.1,40.5`,
  `10,${TWIN},0.3,89.9,41`
].join('\n')

describe('canonicalForm', () => {
  it('is the text of the benchmark', () => {
    expect(canonicalForm(nodes(SKIPS))).toBe('0+0+0+0')
    expect(
      canonicalForm(nodes('|avg_pool_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|none~1|skip_connect~2|'))
    ).toBe('((0)@avg_pool_3x3)@none+(0)@avg_pool_3x3+(0)@none+(0)@nor_conv_1x1')
  })
  it('is equal for cells that compute the same, and for no others', () => {
    const two = '|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|none~0|skip_connect~1|skip_connect~2|'
    const swapped = '|nor_conv_1x1~0|+|nor_conv_3x3~0|none~1|+|none~0|skip_connect~1|skip_connect~2|'
    expect(canonicalForm(nodes('|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|'))).not.toBe(
      canonicalForm(nodes('|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|'))
    )
    expect(canonicalForm(nodes(two))).not.toBe(canonicalForm(nodes(swapped))) // `none` counts: (x)@none differs from (y)@none
    const a = '|nor_conv_3x3~0|+|skip_connect~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|'
    const b = '|skip_connect~0|+|nor_conv_3x3~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|'
    expect(canonicalForm(nodes(a))).toBe('((0)@nor_conv_3x3)@none+((0)@nor_conv_3x3+0)@nor_conv_1x1+(0)@none')
    expect(canonicalForm(nodes(b))).toBe('((0)@nor_conv_3x3+0)@nor_conv_1x1+(0)@none+(0)@none')
  })
})

describe('a small table', () => {
  const table = right(decodeBenchTable(SMALL))

  it('says which columns it has', () =>
    expect(table.columns).toEqual([
      { name: 'cifar10_test_200', dataset: 'cifar10', part: 'test', epochs: 200 },
      { name: 'cifar100_valid_12', dataset: 'cifar100', part: 'valid', epochs: 12 }
    ]))

  it('gives accuracy, rank, percentile and regret; ties share the better rank', () => {
    expect(right(scoreOf(table)(genotype(CONVS)))).toEqual({
      genotype: CONVS,
      index: 8,
      parametersMillions: 1.531546,
      cells: 4,
      isomorphic: 1,
      canonical: canonicalForm(nodes(CONVS)),
      scores: {
        cifar10_test_200: { accuracy: 93.7, rank: 1, percentile: 100, regret: 0, isomorphic: [93.7, 93.7] },
        cifar100_valid_12: { accuracy: 40.5, rank: 2, percentile: 75, regret: 0.5, isomorphic: [40.5, 40.5] }
      }
    })
    expect(right(scoreOf(table)(genotype(ONE))).scores['cifar100_valid_12']?.rank).toBe(2)
    expect(right(scoreOf(table)(genotype(SKIPS))).scores).toMatchObject({
      cifar10_test_200: { rank: 4, percentile: 25, regret: 39.4 },
      cifar100_valid_12: { rank: 4, percentile: 25, regret: 31 }
    })
  })

  it('knows cells that compute the same', () => {
    expect(canonicalForm(nodes(TWIN))).toBe(canonicalForm(nodes(ONE)))
    const { isomorphic, scores } = right(scoreOf(table)(genotype(ONE)))
    expect(isomorphic).toBe(2)
    expect(scores['cifar10_test_200']?.isomorphic).toEqual([89.9, 90.1])
  })

  it.each([
    ['a byte order mark, carriage returns and a last line feed', `\uFEFF${SMALL.replaceAll('\n', '\r\n')}\r\n`],
    [
      'columns in another order, and one of words',
      SMALL.split('\n')
        .map((line, i) => {
          const [index, arch, params, a, b] = line.split(',')
          return [b, i ? 'word' : 'note', arch, a, params, index].join(',')
        })
        .join('\n')
    ]
  ])('is read with %s', (_, text) => {
    const [wanted, got] = [table, right(decodeBenchTable(text))].map(t => right(scoreOf(t)(genotype(ONE))))
    expect(got?.scores).toEqual(wanted?.scores)
    expect(got?.index).toBe(9)
  })

  it('need not have index and parameters', () => {
    const text = SMALL.split('\n')
      .map(line =>
        line
          .split(',')
          .filter((_, i) => i !== 0 && i !== 2)
          .join(',')
      )
      .join('\n')
    expect(right(scoreOf(right(decodeBenchTable(text)))(genotype(ONE)))).toMatchObject({
      index: null,
      parametersMillions: null
    })
  })

  it.each([
    ['an empty text', '', ["a column arch, but got the columns ''"]],
    ['another header', 'a,b\n1,2', ["a column arch, but got the columns 'a,b'"]],
    ['no accuracies', `arch,x\n${SKIPS},1`, ['columns of accuracies like cifar10_test_200']],
    ['a column twice', SMALL.replace('cifar100_valid_12', 'cifar10_test_200'), ["two named 'cifar10_test_200'"]],
    ['no line', SMALL.split('\n')[0] as string, ['one or more cells, but got none']],
    ['a field too few', SMALL.replace(',54.3', ''), ['5 fields a line, but got 4 in line 2']],
    ['an empty line', SMALL.replace('\n8', '\n\n8'), ['5 fields a line, but got 1 in line 3']],
    [
      'a word for a number',
      SMALL.replace('93.7', 'high'),
      ['a number of 0 to 100 as cifar10_test_200', "'high' in line 3"]
    ],
    ['an empty number', SMALL.replace('93.7', ''), ["'' in line 3"]],
    ['an accuracy above 100', SMALL.replace('93.7', '937'), ["'937' in line 3"]],
    ['a NaN', SMALL.replace('93.7', 'nan'), ["'nan' in line 3"]],
    ['an index that is none', SMALL.replace('\n8,', '\n-8,'), ['not negative as index', "'-8' in line 3"]],
    [
      'a cell that is none',
      SMALL.replace(ONE, ONE.replace('nor_conv_3x3', 'conv')),
      ['line 4', 'operations among none, skip_connect', "'conv'"]
    ],
    ['a cell twice', SMALL.replace(TWIN, ONE), ['each cell once', `'${ONE}' again after line 4`]],
    [
      'more lines than cells',
      `${SMALL}${`\n8,${CONVS},1,2,3`.repeat(BENCH_CELLS)}`,
      ['at most 15625 cells, but got more']
    ],
    ['a million columns', `${','.repeat(1e6)}\n1`, ['at most 256 columns, but got more']]
  ])('is refused with %s', (_, text, parts) => {
    const { message } = left(decodeBenchTable(text))
    for (const part of parts) expect(message).toContain(part)
    expect(message).toMatch(/^Wanted a NAS-Bench-201 table .*\.$/)
  })

  it('does not know other cells, nor those of DARTS', () => {
    const unknown = '|none~0|+|none~0|none~1|+|none~0|none~1|none~2|'
    expect(left(scoreOf(table)(genotype(unknown))).message).toContain(`the cell ${unknown}, but got 4 others`)
    expect(left(scoreOf(table)(PUBLISHED['lambdadarts_corr_0'] as Genotype)).message).toContain(
      'but got a DARTS genotype'
    )
  })

  it('is not the whole one', () =>
    expect(left(wholeTable(table)).message).toContain(`all ${BENCH_CELLS} cells, but got 4: use the whole table`))
})

describe('lambda-darts score', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const file = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const table = file('small.csv', SMALL)
  /** A gigabyte of zeros, packed member by member. */
  const bomb = Buffer.concat(Array<Buffer>(16).fill(gzipSync(Buffer.alloc(2 ** 26))))

  it('tells a text, a file and a packed table alike', async () => {
    const direct = await inProcess('score', ONE, '--table', table)
    expect(direct).toMatchObject({ code: 0, stderr: '' })
    expect(direct.stdout).toMatch(/cifar10_test_200 +90\.10 +2 +75\.00 +3\.60/)
    expect(direct.stdout).toContain('index 9, 0.300 M parameters')
    const packed = await inProcess(
      'score',
      file('genotype.txt', `${ONE}\n`),
      '--table',
      file('small.csv.gz', gzipSync(SMALL))
    )
    expect(packed).toEqual(direct)
    // The folder of a run, with its cell in genotype.txt.
    expect(await inProcess('score', folder, '--table', table)).toEqual(direct)
    const [ofRun, ofText] = [await inProcess('count', folder), await inProcess('count', ONE)]
    expect(ofRun).toEqual({ ...ofText, code: 0 })
  })

  it('as JSON', async () => {
    const { code, stdout } = await inProcess('score', ONE, '--table', table, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual(right(scoreOf(right(decodeBenchTable(SMALL)))(genotype(ONE))))
  })

  it.each([
    ['an unknown cell', ['score', ONE.replace('none', 'avg_pool_3x3'), '--table', table], 'but got 4 others'],
    [
      'a genotype that is none',
      ['score', 'resnet', '--table', table],
      'a genotype: its text, the name of a published one, a file'
    ],
    [
      'a DARTS genotype',
      ['score', 'lambdadarts_sign_2', '--table', table],
      'a cell of NAS-Bench-201, but got a DARTS genotype'
    ],
    ['a table that is not there', ['score', ONE, '--table', join(folder, 'none.csv')], 'no such file'],
    ['a folder for a table', ['score', ONE, '--table', folder], 'a directory'],
    [
      'a table cut short',
      ['score', ONE, '--table', file('cut.gz', gzipSync(SMALL).subarray(0, 60))],
      'unexpected end of file'
    ],
    [
      'a table that unpacks to gigabytes',
      ['score', ONE, '--table', file('bomb.gz', bomb)],
      'a file of at most 16001024 bytes'
    ],
    [
      'a genotype that unpacks to as much',
      ['score', join(folder, 'bomb.gz'), '--table', table],
      'a file of at most 65536 bytes'
    ],
    ['a table without end', ['score', ONE, '--table', '/dev/zero'], "'/dev/zero', which has more"],
    ['a space without end', ['count', ONE, '--space', '/dev/zero'], 'a file of at most 1048576 bytes'],
    ['no table', ['score', ONE], '--table with a table of NAS-Bench-201, but got none: make one with its official API'],
    ['no genotype', ['score', '--table', table], 'genotype'],
    ['a search with a part of the table', ['search', '--table', table], `all ${BENCH_CELLS} cells, but got 4`]
  ])('refuses %s with exit code 2 and one sentence', async (_, argv, part) => {
    const { code, stdout, stderr } = await inProcess(...argv)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(part)
    expect(stderr).toMatch(/^Wanted [^\n]*, but got [^\n]*\.\n$/)
  })

  it('takes no more memory for what unpacks to a gigabyte than for a table', async () => {
    const before = process.memoryUsage().rss
    await inProcess('score', ONE, '--table', file('bomb.gz', bomb))
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27)
  })

  it('draws cells of a space, and refuses options of a draw without one', async () => {
    const { code, stdout } = await inProcess('genotypes', '--draw', '3', '--space', 's5', '--seed', '1', '--json')
    const texts: readonly string[] = JSON.parse(stdout)
    expect([code, new Set(texts).size]).toEqual([0, 3])
    for (const text of texts) expect(genotype(text).family).toBe('darts')
    expect((await inProcess('genotypes', '--draw', '1', '--space', 's5', '--seed', '1')).stdout).toBe(`${texts[0]}\n`)
    expect(await inProcess('genotypes', '--seed', '1')).toMatchObject({ code: 2, stdout: '' })
  })

  it('lists what was published', async () => {
    const { code, stdout } = await inProcess('genotypes', '--json')
    expect(code).toBe(0)
    const texts: Record<string, string> = JSON.parse(stdout)
    expect(Object.keys(texts)).toHaveLength(20)
    expect(genotype(texts['svhn_s1_lambdadarts_corr'] as string)).toEqual(PUBLISHED['svhn_s1_lambdadarts_corr'])
  })
})

/** The whole table is the user's; here it is looked for beside the project, or where NASBENCH201 says. */
const path =
  process.env['NASBENCH201'] ?? fileURLToPath(new URL('../../../../shared/data/nasbench201.csv.gz', import.meta.url))

describe.skipIf(!existsSync(path))(`the whole table (skipped where NASBENCH201, or '${path}', is no file)`, () => {
  const whole = (): BenchTable => right(decodeBenchTable(gunzipSync(readFileSync(path)).toString()))
  const table = existsSync(path) ? right(wholeTable(whole())) : ({} as BenchTable)
  const BEST = CONVS.replace(
    '|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|',
    '|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|'
  )

  it.each([
    ['Λ-DARTS', 9930, BEST, [94.36, 73.51, 46.34], [3, 1, 26], 1.289],
    ['DARTS, where it collapses', 1835, SKIPS, [54.3, 15.61, 16.32], [15231, 15221, 14318], 0.073],
    ['iDARTS', 1462, CONVS, [93.76, 71.11, 41.44], undefined, 1.532],
    ['the best on CIFAR-10', 6111, BEST.replace('nor_conv_3x3~2', 'nor_conv_1x1~2'), [94.37, 73.22, 46.71], [1], 1.073]
  ])('has the row of %s', (_, index, text, accuracies, ranks, millions) => {
    const report = right(scoreOf(table)(genotype(text)))
    const scores = ['cifar10', 'cifar100', 'imagenet16_120'].map(name => report.scores[`${name}_test_200`])
    expect(report.index).toBe(index)
    expect(report.cells).toBe(BENCH_CELLS)
    expect(report.parametersMillions?.toFixed(3)).toBe(millions.toFixed(3))
    expect(scores.map(score => score?.accuracy.toFixed(2))).toEqual(accuracies.map(a => a.toFixed(2)))
    for (const [i, rank] of (ranks ?? []).entries()) expect(scores[i]?.rank).toBe(rank)
    if (index === 6111) expect(scores[0]).toMatchObject({ rank: 1, percentile: 100, regret: 0 })
  })

  it('has 12,751 cells that are not isomorphic, as the paper counts them', () =>
    expect(new Set([...table.rows.values()].map(({ canonical }) => canonical)).size).toBe(12_751))
})
