/** The cell of NAS-Bench-201: read off alpha, written and read as text, all 15,625 of them. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatGenotype,
  type Genotype,
  genotypeOf,
  isConnected,
  mixtureRows,
  operationCounts,
  parseGenotype,
  strengthsOf
} from '../../src/nas/genotype.js'
import { nb201 } from '../../src/nas/space.js'
import { left, right } from '../kernels/results.js'

const { operations, edges } = nb201
const [none, skip, conv1, conv3, pool] = operations as unknown as [string, string, string, string, string]

/** The cell with the given number in base 5: one digit an edge. */
const cell = (number: number): Genotype => edges.map((_, edge) => operations[Math.floor(number / 5 ** edge) % 5] as string)
const cells = Array.from({ length: 5 ** 6 }, (_, number) => cell(number))
const zeros = (): number[] => Array<number>(30).fill(0)

describe('the space', () => {
  it('has the operations and edges of the benchmark, in its order', () => {
    expect(operations).toEqual(['none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3'])
    expect(edges.map(edge => edge.join('<-'))).toEqual(['1<-0', '2<-0', '2<-1', '3<-0', '3<-1', '3<-2'])
  })
})

describe('the genotype of alpha', () => {
  it('is the operation with the largest entry of each row, none among them', () => {
    // One row an edge, one column an operation.
    const alpha = [
      [9, 1, 2, 3, 4],
      [-5, -1, -2, -3, -4],
      [0, 0, 1e-6, 0, 0],
      [1, 2, 3, 5, 4],
      [-1, -1, -1, -1, -0.5],
      [0, 7, -7, 0, 0]
    ]
    expect(genotypeOf(nb201, alpha.flat())).toEqual([none, skip, conv1, conv3, pool, skip])
  })

  it('goes to the lower column where two are equal', () => {
    expect(genotypeOf(nb201, zeros())).toEqual(Array(6).fill(none))
    const tied = zeros()
    for (const column of [2, 4]) tied[5 + column] = 1
    for (const column of [1, 3]) tied[25 + column] = 0.5
    expect(genotypeOf(nb201, tied)).toEqual([none, conv1, none, none, none, skip])
  })

  it('does not change when a row is shifted, as its softmax does not', () =>
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 30, maxLength: 30 }),
        fc.integer({ min: -9, max: 9 }),
        (alpha, shift) => {
          const moved = alpha.map(a => a + shift)
          expect(genotypeOf(nb201, moved)).toEqual(genotypeOf(nb201, alpha))
          expect(strengthsOf(nb201, moved)).toEqual(strengthsOf(nb201, alpha))
        }
      )
    ))

  it('has the strengths of its edges: the largest entries of softmax(alpha)', () => {
    const alpha = zeros()
    alpha[3] = Math.log(6)
    alpha[29] = 1000 // no overflow
    expect(mixtureRows(nb201, alpha)[0]).toEqual([0.1, 0.1, 0.1, 0.6, 0.1].map(p => expect.closeTo(p, 14)))
    expect(strengthsOf(nb201, alpha)).toEqual([expect.closeTo(0.6, 14), 0.2, 0.2, 0.2, 0.2, 1])
    for (const row of mixtureRows(nb201, alpha)) expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 14)
  })

  it('is counted by operation, those never chosen included', () => {
    const counts = operationCounts(nb201, [none, skip, skip, conv3, conv3, skip])
    expect(counts).toEqual({ none: 1, skip_connect: 3, nor_conv_1x1: 0, nor_conv_3x3: 2, avg_pool_3x3: 0 })
  })
})

describe('a cell is connected', () => {
  const cases: readonly (readonly [string, Genotype, boolean])[] = [
    ['by an edge from input to output', [none, none, none, pool, none, none], true],
    ['by a path over one node', [skip, none, none, none, conv1, none], true],
    ['by a path over both nodes', [skip, none, skip, none, none, skip], true],
    ['but not by edges that do not meet', [skip, none, none, none, none, skip], false],
    ['nor by edges that leave a node which nothing reaches', [none, none, conv3, none, conv3, conv3], false],
    ['nor where the output takes nothing', [skip, skip, skip, none, none, none], false],
    ['nor without any edge', Array(6).fill(none), false]
  ]
  it.each(cases)('%s', (_, genotype, connected) => expect(isConnected(nb201, genotype)).toBe(connected))

  it('in 15,284 of the 15,625 cells, as counted over subsets of edges', () => {
    // Which sets of edges join node 0 to node 3, by the four paths; a set stands for 4^(its size) cells.
    const paths = [[3], [0, 4], [1, 5], [0, 2, 5]]
    const subsets = Array.from({ length: 64 }, (_, set) => edges.flatMap((_edge, e) => ((set >> e) & 1 ? [e] : [])))
    const wanted = subsets
      .filter(subset => paths.some(path => path.every(edge => subset.includes(edge))))
      .reduce((total, subset) => total + 4 ** subset.length, 0)
    expect(wanted).toBe(15_284)
    expect(cells.filter(genotype => isConnected(nb201, genotype)).length).toBe(wanted)
  })
})

describe('the text', () => {
  it('is that of the benchmark', () => {
    const best = [conv3, conv3, conv3, skip, conv3, conv3]
    const text = '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|'
    expect(formatGenotype(nb201, best)).toBe(text)
    expect(right(parseGenotype(nb201, text))).toEqual(best)
    expect(right(parseGenotype(nb201, `  ${text}\n`))).toEqual(best)
  })

  it('of every cell is its own, and reads back as that cell', () => {
    const texts = new Set(cells.map(genotype => formatGenotype(nb201, genotype)))
    expect(texts.size).toBe(15_625)
    for (const genotype of cells) expect(right(parseGenotype(nb201, formatGenotype(nb201, genotype)))).toEqual(genotype)
  })

  it.each([
    ['nothing', '', "3 groups joined by +, but got 1 in ''"],
    ['a group too few', '|none~0|+|none~0|none~1|', '3 groups joined by +, but got 2'],
    ['an entry without a source', '|none|+|none~0|none~1|+|none~0|none~1|none~2|', "entries like op~source, but got 'none'"],
    ['an empty entry', '|none~0|+|none~0||none~1|+|none~0|none~1|none~2|', "entries like op~source, but got ''"],
    [
      'an unknown operation',
      '|conv~0|+|none~0|none~1|+|none~0|none~1|none~2|',
      `operations among ${operations.join(', ')}, but got 'conv'`
    ],
    [
      'an operation of the language',
      '|constructor~0|+|none~0|none~1|+|none~0|none~1|none~2|',
      `operations among ${operations.join(', ')}, but got 'constructor'`
    ],
    [
      'sources in another order',
      '|none~0|+|none~1|none~0|+|none~0|none~1|none~2|',
      'the edges 1<-0 2<-0 2<-1 3<-0 3<-1 3<-2, but got 1<-0 2<-1 2<-0 3<-0 3<-1 3<-2'
    ],
    [
      'an edge too few',
      '|none~0|+|none~0|+|none~0|none~1|none~2|',
      'the edges 1<-0 2<-0 2<-1 3<-0 3<-1 3<-2, but got 1<-0 2<-0 3<-0 3<-1 3<-2'
    ],
    [
      'an edge too many',
      '|none~0|none~0|+|none~0|none~1|+|none~0|none~1|none~2|',
      'the edges 1<-0 2<-0 2<-1 3<-0 3<-1 3<-2, but got 1<-0 1<-0'
    ]
  ])('that has %s is refused', (_, text, message) => {
    const error = left(parseGenotype(nb201, text))
    expect(error._tag).toBe('GenotypeError')
    expect(error.message).toContain(`A genotype needs ${message}`)
    expect(error.message).toContain('write it like |op~0|+|op~0|op~1|+|op~0|op~1|op~2|.')
  })
})
