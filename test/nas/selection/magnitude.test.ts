/** The rules that make a genotype of alpha: hand-made rows with known answers, and the golden networks. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { formatGenotype, parseGenotype } from '../../../src/nas/genotypes/genotype.js'
import {
  drawGenotype,
  genotypeOf,
  largestOperations,
  mixtureRows,
  strongestEdges
} from '../../../src/nas/selection/magnitude.js'
import { type CellType, type Edge, mapRecord, nb201, SPACES, type Space } from '../../../src/nas/space/space.js'

import { goldenFiles } from '../../golden/files.js'
import { golden } from '../../golden/supernets.js'
import { right } from '../../kernels/results.js'

const bench = nb201.cells['alpha'] as CellType

const OPERATIONS = ['none', 'skip_connect', 'sep_conv_3x3']
/** Edges from all inputs and earlier nodes: 2, 3, ... of them for each node. */
const dartsEdges = (
  nodes: number,
  operations: (edge: number) => readonly string[] = () => OPERATIONS
): readonly Edge[] =>
  Array.from({ length: nodes }, (_, i) => i)
    .flatMap(i => Array.from({ length: i + 2 }, (_, from) => ({ to: i + 2, from })))
    .map((edge, index) => ({ ...edge, operations: operations(index) }))

describe('strongestEdges', () => {
  const chosen = (edges: readonly Edge[], rows: readonly (readonly number[])[]) =>
    strongestEdges(edges, rows).map(node => node.map(({ operation, from }) => `${operation}·${from}`).join(' '))

  it('writes the strongest edge first, each with its strongest operation', () =>
    expect(
      chosen(dartsEdges(1), [
        [0, 0.4, 0.6],
        [0, 0.7, 0.3]
      ])
    ).toEqual(['skip_connect·1 sep_conv_3x3·0']))

  it('keeps the two strongest of more', () => {
    const rows = [
      [0, 0.5, 0.5],
      [0, 0.5, 0.5],
      [0, 0.9, 0.1],
      [0, 0.45, 0.55],
      [0, 0.2, 0.8]
    ]
    expect(chosen(dartsEdges(2), rows)[1]).toBe('skip_connect·0 sep_conv_3x3·2')
  })

  it('leaves `none` out of the strength and of the choice', () => {
    const rows = [
      [0.98, 0.01, 0.01],
      [0.1, 0.5, 0.4],
      [0.97, 0.01, 0.02],
      [0.4, 0.35, 0.25],
      [0.5, 0.2, 0.3]
    ]
    expect(chosen(dartsEdges(2), rows)).toEqual(['skip_connect·1 skip_connect·0', 'skip_connect·1 sep_conv_3x3·2'])
  })

  it('counts `noise` like any other', () => {
    const edges = dartsEdges(1, () => ['noise', 'sep_conv_3x3'])
    expect(
      chosen(edges, [
        [0.4, 0.6],
        [0.9, 0.1]
      ])
    ).toEqual(['noise·1 sep_conv_3x3·0'])
  })

  it('ties go to the lower source and to the lower column', () => {
    expect(chosen(dartsEdges(2), Array(5).fill([0, 0.5, 0.5]))).toEqual(Array(2).fill('skip_connect·0 skip_connect·1'))
    expect(chosen(dartsEdges(2), [...Array(4).fill([0.2, 0.3, 0.5]), [0.2, 0.5, 0.3]])[1]).toBe(
      'sep_conv_3x3·0 sep_conv_3x3·1'
    )
  })

  it('takes the operations of each edge from the edge, and edges in any order', () => {
    const edges = dartsEdges(1, edge => (edge ? ['max_pool_3x3', 'dil_conv_5x5'] : ['skip_connect', 'dil_conv_3x3']))
    const rows = [
      [0.1, 0.9],
      [0.6, 0.4]
    ]
    expect(chosen(edges, rows)).toEqual(['dil_conv_3x3·0 max_pool_3x3·1'])
    expect(chosen(edges.toReversed(), rows.toReversed())).toEqual(['dil_conv_3x3·0 max_pool_3x3·1'])
  })

  it.each([
    ['a node with one edge', dartsEdges(1).slice(1), [[0, 1, 0]], '2 edges to each node, but got 1 to node 2'],
    [
      'a NaN',
      dartsEdges(1),
      [
        [0, 1, 0],
        [0, Number.NaN, 0]
      ],
      'finite numbers'
    ],
    ['an edge with nothing but none', dartsEdges(1, () => ['none']), [[1], [1]], 'one or more operations']
  ])('refuses %s', (_, edges, rows, message) => expect(() => strongestEdges(edges, rows)).toThrow(message))
})

describe('the space', () => {
  it('has the operations and edges of the benchmark, in its order', () => {
    for (const { operations } of bench.edges)
      expect(operations).toEqual(['none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3'])
    expect(bench.edges.map(({ to, from }) => `${to}<-${from}`)).toEqual([
      '1<-0',
      '2<-0',
      '2<-1',
      '3<-0',
      '3<-1',
      '3<-2'
    ])
  })
})

describe('largestOperations', () => {
  const { edges } = bench
  const text = (rows: readonly (readonly number[])[]) =>
    formatGenotype({ family: 'nb201', nodes: largestOperations(edges, rows) })

  it('takes the largest number of each edge, `none` allowed, ties to the lower column', () =>
    expect(
      text([
        [0, 0, 0, 0, 1],
        [3, 1, 2, 0, 1],
        [0, 5, 5, 5, 5],
        [-1, -2, -3, -0.5, -1],
        [0, 0, 0, 0, 0],
        [1, 2, 9, 3, 4]
      ])
    ).toBe('|avg_pool_3x3~0|+|none~0|skip_connect~1|+|nor_conv_3x3~0|none~1|nor_conv_1x1~2|'))

  it('refuses a NaN', () => expect(() => text(Array(6).fill([0, 1, Number.NaN, 0, 0]))).toThrow('finite numbers'))
})

describe('mixtureRows', () => {
  it('is softmax, without overflow', () => {
    const [p, ...rest] = mixtureRows([
      [0, 0, 0, Math.log(6), 0],
      [0, 0, 0, 0, 1000],
      [-1000, -1000]
    ])
    expect(p).toEqual([0.1, 0.1, 0.1, 0.6, 0.1].map(value => expect.closeTo(value, 14)))
    expect(rest).toEqual([
      [0, 0, 0, 0, 1],
      [0.5, 0.5]
    ])
  })

  test.prop([fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1 }), fc.integer({ min: -9, max: 9 })])(
    'does not change when a row is shifted',
    (row, shift) => {
      expect(mixtureRows([row.map(a => a + shift)])).toEqual(mixtureRows([row]))
    }
  )

  const rows = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 8 })
  test.prop([rows])('sums to one, keeps the order, and does not depend on the order of columns', row => {
    const [p] = mixtureRows([row]) as [number[]]
    expect(p.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12)
    expect(p.every((a, i) => p.every((b, j) => (row[i] as number) < (row[j] as number) || a >= b))).toBe(true)
    expect(mixtureRows([row.toReversed()])[0]).toEqual(p.toReversed())
  })
})

describe('drawGenotype', () => {
  it('draws each operation of each edge of NAS-Bench-201 as often as the others', () => {
    const draws = Array.from({ length: 2000 }, (_, n) => drawGenotype(nb201, [7, n]))
    const counts = new Map<string, number>()
    for (const drawn of draws)
      if (drawn.family === 'nb201')
        for (const [node, edges] of drawn.nodes.entries())
          for (const { from, operation } of edges)
            counts.set(`${node} ${from} ${operation}`, (counts.get(`${node} ${from} ${operation}`) ?? 0) + 1)
    expect(counts.size).toBe(6 * 5)
    // Five deviations of a count of 2,000 draws of a fifth.
    for (const count of counts.values()) expect(Math.abs(count - 400)).toBeLessThan(5 * Math.sqrt(2000 * 0.2 * 0.8))
  })
  it.each(Object.values(SPACES))('gives cells of $name that read back, and the same ones for the same key', space => {
    for (let n = 0; n < 20; n++) {
      const drawn = drawGenotype(space, [n, 1])
      expect(drawGenotype(space, [n, 1])).toEqual(drawn)
      expect(right(parseGenotype(formatGenotype(drawn)))).toEqual(drawn)
    }
  })
})

const files = goldenFiles('nets')
it('finds golden networks', () => expect(files.length).toBeGreaterThan(0))

it.each(files)('the genotype of $name', ({ read }) => {
  const file = read()
  const space = SPACES[JSON.parse(file.metadata['config'] as string).space] as Space
  const found = genotypeOf(
    space,
    mapRecord(space.cells, (_, kind) => golden(file, `in/alpha.${kind}`).data)
  )
  expect(formatGenotype(found)).toBe(file.metadata['genotype'])
})
