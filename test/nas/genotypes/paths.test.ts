/** What stands on the paths of a cell: by hand, for published cells, and for all cells of NAS-Bench-201. */
import { describe, expect, it } from 'vitest'
import { isConnected, parseGenotype } from '../../../src/nas/genotypes/genotype.js'
import { pathsOf, substanceOf } from '../../../src/nas/genotypes/paths.js'
import { PUBLISHED } from '../../../src/nas/genotypes/published.js'
import { isParameterFree, OPERATIONS } from '../../../src/nas/space/operations.js'
import { right } from '../../kernels/results.js'
import { allBenchCells } from '../cells.js'

const pathsIn = (text: string) => pathsOf(right(parseGenotype(text)))['alpha'] ?? []
const kindOf = (text: string) => substanceOf(pathsIn(text)).kind

describe('the paths of a cell', () => {
  it('leave out what leads nowhere, what comes from nowhere, and what passes nothing on', () => {
    // Node 1 is never read, node 2 is given nothing: only the skip from the input counts.
    expect(pathsIn('|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|')).toEqual([
      { from: 0, to: 3, operation: 'skip_connect' }
    ])
  })

  it.each([
    ['|none~0|+|none~0|none~1|+|none~0|none~1|none~2|', 'severed'],
    ['|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|none~2|', 'severed'],
    ['|avg_pool_3x3~0|+|avg_pool_3x3~0|avg_pool_3x3~1|+|avg_pool_3x3~0|avg_pool_3x3~1|avg_pool_3x3~2|', 'empty'],
    ['|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|', 'empty'],
    ['|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|', 'thin'],
    ['|skip_connect~0|+|skip_connect~0|skip_connect~1|+|nor_conv_1x1~0|nor_conv_1x1~1|skip_connect~2|', 'thin'],
    ['|skip_connect~0|+|skip_connect~0|nor_conv_3x3~1|+|nor_conv_1x1~0|nor_conv_1x1~1|skip_connect~2|', 'full'],
    ['|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|skip_connect~2|', 'full']
  ])('%s is %s', (text, kind) => expect(kindOf(text)).toBe(kind))

  it('are none exactly where a cell is not connected: all 15,625 cells of NAS-Bench-201', () => {
    const wrong = allBenchCells.filter(text => {
      const genotype = right(parseGenotype(text))
      return isConnected(genotype) !== (pathsOf(genotype)['alpha']?.length ?? 0) > 0
    })
    expect(wrong).toEqual([])
    const kinds = allBenchCells.map(kindOf)
    const counts = Object.fromEntries([...new Set(kinds)].map(kind => [kind, kinds.filter(one => one === kind).length]))
    expect(counts).toEqual({ severed: 341, empty: 1642, thin: 6082, full: 7560 })
  })

  it('are full in all normal cells that were published for Λ-DARTS', () => {
    for (const [name, genotype] of Object.entries(PUBLISHED))
      expect(substanceOf(pathsOf(genotype)['normal'] ?? []).kind, name).toBe('full')
  })
})

it('operations without weights are none, noise, skips and pools', () =>
  expect(Object.keys(OPERATIONS).filter(isParameterFree)).toEqual([
    'none',
    'noise',
    'skip_connect',
    'max_pool_3x3',
    'avg_pool_3x3'
  ]))
