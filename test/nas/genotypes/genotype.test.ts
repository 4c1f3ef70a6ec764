/** Genotypes as text, both notations and both ways, and what is refused; connectedness and counts. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import {
  type Cell,
  type ConcatCell,
  cellsOf,
  formatGenotype,
  type Genotype,
  isConnected,
  operationCounts,
  parseGenotype
} from '../../../src/nas/genotypes/genotype.js'
import { OPERATIONS } from '../../../src/nas/space/operations.js'
import { cellOf, nb201, type Space } from '../../../src/nas/space/space.js'
import { left, right } from '../../kernels/results.js'
import { allBenchCells } from '../cells.js'

const parsed = (text: string): Genotype => right(parseGenotype(text))
const refusal = (text: string, space: Space = nb201): string => left(parseGenotype(text, space)).message

const BENCH = '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|'
const DARTS =
  "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('max_pool_3x3', 2), ('dil_conv_5x5', 0)], normal_concat=range(2, 4), " +
  "reduce=[('noise', 0), ('avg_pool_3x3', 1), ('sep_conv_5x5', 2), ('none', 1)], reduce_concat=[3])"

const concatCells: fc.Arbitrary<ConcatCell> = fc.integer({ min: 1, max: 6 }).chain(count => {
  const choice = (sources: number) =>
    fc.record({
      operation: fc.constantFrom(...Object.keys(OPERATIONS)),
      from: fc.integer({ min: 0, max: sources - 1 })
    })
  const nodes = fc.tuple(...Array.from({ length: count }, (_, i) => fc.tuple(choice(i + 2), choice(i + 2))))
  const all = Array.from({ length: count }, (_, i) => i + 2)
  const concat = fc.oneof(fc.constant(all), fc.shuffledSubarray(all, { minLength: 1 }))
  return fc.record({ nodes: nodes as fc.Arbitrary<Cell>, concat })
})

describe('text', () => {
  it('reads all 15,625 cells of NAS-Bench-201 and writes them exactly', () => {
    expect(new Set(allBenchCells).size).toBe(15_625)
    expect(allBenchCells.filter(text => formatGenotype(parsed(text)) !== text)).toEqual([])
  })

  test.prop({ normal: concatCells, reduce: concatCells })(
    'of any DARTS genotype gives it back',
    ({ normal, reduce }) => {
      const genotype: Genotype = { family: 'darts', normal, reduce }
      const text = formatGenotype(genotype)
      expect(parsed(text)).toEqual(genotype)
      const loose = text
        .replaceAll("'", '"')
        .replaceAll(', ', ' ,\n\t')
        .replace(/range\((\d+) ,\n\t(\d+)\)/g, 'range( $1,$2 )')
      expect(parsed(`\n ${loose}  \n`)).toEqual(genotype)
      const lists = text.replace(
        /range\((\d+), (\d+)\)/g,
        (_, from, to) => `[${Array.from({ length: to - from }, (_unused, i) => Number(from) + i).join(',')}]`
      )
      expect(lists).not.toContain('range')
      expect(parsed(lists)).toEqual(genotype)
    }
  )

  it('means what it says', () => {
    expect(parsed(DARTS)).toEqual({
      family: 'darts',
      normal: {
        nodes: [
          [
            { operation: 'sep_conv_3x3', from: 1 },
            { operation: 'skip_connect', from: 0 }
          ],
          [
            { operation: 'max_pool_3x3', from: 2 },
            { operation: 'dil_conv_5x5', from: 0 }
          ]
        ],
        concat: [2, 3]
      },
      reduce: {
        nodes: [
          [
            { operation: 'noise', from: 0 },
            { operation: 'avg_pool_3x3', from: 1 }
          ],
          [
            { operation: 'sep_conv_5x5', from: 2 },
            { operation: 'none', from: 1 }
          ]
        ],
        concat: [3]
      }
    })
    const { nodes } = parsed(BENCH) as Extract<Genotype, { family: 'nb201' }>
    expect(nodes.map(node => node.length)).toEqual([1, 2, 3])
    expect(nodes[2]).toEqual([
      { operation: 'skip_connect', from: 0 },
      { operation: 'nor_conv_3x3', from: 1 },
      { operation: 'nor_conv_1x1', from: 2 }
    ])
  })

  it('in groups fits the space that is given', () => {
    const cell = cellOf({ inputs: 1, nodes: 2, multiplier: 1 }, edge =>
      edge === 1 ? ['sep_conv_3x3'] : ['none', 'skip_connect']
    )
    const space: Space = { ...nb201, cells: { alpha: cell } }
    const text = '|skip_connect~0|+|sep_conv_3x3~0|none~1|'
    expect(formatGenotype(right(parseGenotype(text, space)))).toBe(text)
    expect(refusal(text)).toContain('3 groups joined by +, one for each node, but got 2')
    expect(refusal(BENCH, space)).toContain('2 groups joined by +, one for each node, but got 3')
    expect(refusal('|sep_conv_3x3~0|+|sep_conv_3x3~0|none~1|', space)).toContain(
      "operations among none, skip_connect, but got 'sep_conv_3x3' in group 1"
    )
  })

  it.each([
    [
      'fields in another order, and trailing commas',
      (text: string) => {
        const [, normal, reduce] = /\((normal=.*), (reduce=.*)\)$/.exec(text) as RegExpExecArray
        return `Genotype(${reduce}, ${normal},)`
      }
    ],
    [
      'a trailing comma in lists, pairs and ranges',
      (text: string) => text.replaceAll(']', ',]').replaceAll(/(\d)\)/g, '$1,)')
    ]
  ])('accepts %s', (_, change) => {
    expect(change(DARTS)).not.toBe(DARTS)
    expect(parsed(change(DARTS))).toEqual(parsed(DARTS))
  })

  const cases: readonly [string, string, readonly string[]][] = [
    ['an empty text', '', ['NAS-Bench-201 or of DARTS', 'got nothing']],
    ['another text', 'resnet', ["got 'resnet'"]],
    [
      'an unknown operation',
      DARTS.replace('max_pool_3x3', 'max_pool_5x5'),
      ["'max_pool_5x5' in pair 3 of normal", 'sep_conv_3x3']
    ],
    [
      'a node that does not exist',
      DARTS.replace("('max_pool_3x3', 2)", "('max_pool_3x3', 9)"),
      ['sources 0 to 2 in pair 3 of normal', 'got 9']
    ],
    [
      'a node after the one it feeds',
      DARTS.replace("('noise', 0)", "('noise', 2)"),
      ['sources 0 to 1 in pair 1 of reduce', 'got 2']
    ],
    ['an odd number of pairs', DARTS.replace(", ('none', 1)", ''), ['two pairs for each node in reduce', '3 pairs']],
    ['no pairs', DARTS.replace(/normal=\[.*?\]/, 'normal=[]'), ['two pairs for each node in normal', '0 pairs']],
    [
      'a broken pair',
      DARTS.replace("('noise', 0)", "('noise' 0)"),
      ["pairs like ('sep_conv_3x3', 1) in reduce", "'noise' 0"]
    ],
    ['a broken quote', DARTS.replace("('noise', 0)", '(\'noise", 0)'), ['pairs like', 'reduce']],
    ['a negative source', DARTS.replace("('noise', 0)", "('noise', -1)"), ['pairs like', "('noise', -1)"]],
    [
      'a missing field',
      DARTS.replace(/, reduce_concat=.*\)/, ')'),
      ['normal, normal_concat, reduce, reduce_concat', 'got normal, normal_concat, reduce:']
    ],
    ['a field twice', DARTS.replace('reduce=', 'normal='), ['got normal, normal_concat, normal, reduce_concat']],
    ['no field', 'Genotype()', ['got none']],
    ['a missing bracket', DARTS.slice(0, -1), ['a closing bracket']],
    ['text after the end', `${DARTS} x`, ['a closing bracket', " x'"]],
    [
      'a concat of inputs',
      DARTS.replace('range(2, 4)', 'range(1, 4)'),
      ['nodes 2 to 3 in normal_concat', 'leave out 1']
    ],
    [
      'a concat of nodes that do not exist',
      DARTS.replace('range(2, 4)', 'range(2, 6)'),
      ['nodes 2 to 3 in normal_concat', 'leave out 5']
    ],
    ['a concat of billions', DARTS.replace('range(2, 4)', 'range(2, 9999999999)'), ['leave out 9999999998']],
    ['an empty range', DARTS.replace('range(2, 4)', 'range(3, 3)'), ['normal_concat']],
    ['an empty concat', DARTS.replace('[3]', '[]'), ['one or more distinct nodes in reduce_concat']],
    ['a concat with a node twice', DARTS.replace('[3]', '[3, 3]'), ['distinct nodes in reduce_concat']],
    ['a concat of words', DARTS.replace('[3]', '[three]'), ['reduce_concat like range(2, 6)', "'[three]'"]],
    ['groups that are too few', '|none~0|+|none~0|none~1|', ['3 groups joined by +', 'got 2']],
    ['groups that are too many', `${BENCH}+|none~0|none~1|none~2|none~3|`, ['3 groups', 'got 4']],
    ['an unknown operation in a group', BENCH.replace('skip_connect', 'skip'), ["'skip' in group 3", 'nor_conv_1x1']],
    [
      'a source that does not exist in a group',
      BENCH.replace('nor_conv_1x1~2', 'nor_conv_1x1~3'),
      ['nodes 0, 1, 2 in group 3', 'got 0, 1, 3']
    ],
    ['an entry that is missing', BENCH.replace('nor_conv_1x1~2|', ''), ['nodes 0, 1, 2 in group 3', 'got 0, 1']],
    ['an entry without a source', BENCH.replace('nor_conv_1x1~2', 'nor_conv_1x1'), ['entries |op~source| in group 3']],
    ['an empty entry', BENCH.replace('|nor_conv_3x3~1', '||nor_conv_3x3~1'), ['entries |op~source| in group 2']],
    ['an entry too many', BENCH.replace('|+', '|none~0|+'), ['nodes 0 in group 1', 'got 0, 0']],
    [
      'sources in another order',
      BENCH.replace('~0|nor_conv_3x3~1|+', '~1|nor_conv_3x3~0|+'),
      ['nodes 0, 1 in group 2', 'got 1, 0']
    ],
    ['an operation of the language', BENCH.replace('skip_connect', 'constructor'), ["'constructor' in group 3"]],
    ['a missing bar', BENCH.slice(0, -1), ['entries |op~source| in group 3']]
  ]
  it.each(cases)('refuses %s', (_, text, parts) => {
    const message = refusal(text)
    for (const part of parts) expect(message).toContain(part)
    expect(message).toMatch(/^Wanted a genotype .*, but got .*: .+\.$/)
    expect(message).not.toContain('\n')
  })
})

describe('isConnected', () => {
  it.each([
    ['|skip_connect~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|', false],
    ['|skip_connect~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|', true],
    ['|none~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|', false],
    ['|none~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|none~2|', true]
  ])('%s: %s', (text, connected) => expect(isConnected(parsed(text))).toBe(connected))

  it('holds for 15,284 of the 15,625 cells, as counted over sets of edges', () => {
    // Which sets of edges join node 0 to node 3, by the four paths; a set stands for 4^(its size) cells.
    const paths = [[3], [0, 4], [1, 5], [0, 2, 5]]
    const wanted = Array.from({ length: 64 }, (_, set) => [0, 1, 2, 3, 4, 5].filter(edge => (set >> edge) & 1))
      .filter(edges => paths.some(path => path.every(edge => edges.includes(edge))))
      .reduce((total, edges) => total + 4 ** edges.length, 0)
    expect(wanted).toBe(15_284)
    expect(allBenchCells.filter(text => isConnected(parsed(text))).length).toBe(wanted)
  })

  const cell = (op: string) => `[('${op}', 0), ('${op}', 1)]`
  it.each([
    ['skip_connect', 'sep_conv_3x3', true],
    ['noise', 'sep_conv_3x3', false],
    ['sep_conv_3x3', 'none', false]
  ])('of %s and %s: %s', (normal, reduce, connected) => {
    const text = `Genotype(normal=${cell(normal)}, normal_concat=[2], reduce=${cell(reduce)}, reduce_concat=[2])`
    expect(isConnected(parsed(text))).toBe(connected)
  })
})

it('counts operations, those never chosen included', () => {
  const count = (text: string) =>
    Object.fromEntries(
      Object.entries(cellsOf(parsed(text))).map(([name, cell]) => [
        name,
        operationCounts(['skip_connect', 'none', 'noise'], cell)
      ])
    )
  expect(count(BENCH)).toEqual({ alpha: { skip_connect: 1, none: 0, noise: 0 } })
  expect(count(DARTS)).toEqual({
    normal: { skip_connect: 1, none: 0, noise: 0 },
    reduce: { skip_connect: 0, none: 1, noise: 1 }
  })
})
