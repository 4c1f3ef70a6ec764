/** Random cells beside a found one: which are drawn, and their trainings, interrupted and gone on with. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { keyOf } from '../../../src/autodiff/threefry.js'
import { trainBaseline } from '../../../src/nas/cli/baseline.js'
import { openRunFolder } from '../../../src/nas/cli/files.js'
import { setUp } from '../../../src/nas/cli/problem.js'
import { formatGenotype, isConnected, parseGenotype } from '../../../src/nas/genotypes/genotype.js'
import { PUBLISHED } from '../../../src/nas/genotypes/published.js'
import type { Summary } from '../../../src/nas/run/record.js'
import { nb201, SPACES, type Space } from '../../../src/nas/space/space.js'
import { baselineCells } from '../../../src/nas/training/baseline.js'
import { right } from '../../kernels/results.js'
import { inProcess } from '../command.js'

const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-baseline-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A space of one edge with four cells, of which one is not connected. */
const four: Space = {
  name: 'four',
  normAfterPool: false,
  skeleton: { kind: 'stages', stages: 2 },
  cells: {
    alpha: {
      inputs: 1,
      nodes: 1,
      concat: [1],
      edges: [{ from: 0, to: 1, operations: ['none', 'skip_connect', 'nor_conv_1x1', 'avg_pool_3x3'] }]
    }
  }
}
const file = join(folder, 'four.json')
writeFileSync(file, JSON.stringify(four))

const SKIPS = '|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|'

describe('random cells', () => {
  it.each([
    ['nb201', nb201, right(parseGenotype(SKIPS))],
    ['s4, whose noise severs', SPACES.s4, PUBLISHED.c10_s4_lambdadarts_corr]
  ])('of %s are connected, all different, and decided by the key', (_, space, found) => {
    const cells = baselineCells(space, keyOf(3), 20, found)
    expect(cells.length).toBe(20)
    expect(cells.every(isConnected)).toBe(true)
    expect(new Set([found, ...cells].map(formatGenotype)).size).toBe(21)
    expect(baselineCells(space, keyOf(3), 20, found)).toEqual(cells)
    expect(baselineCells(space, keyOf(4), 20, found)).not.toEqual(cells)
    // Fewer are the first of more.
    expect(baselineCells(space, keyOf(3), 5, found)).toEqual(cells.slice(0, 5))
  })
  it('are as many as a space has', () => {
    const found = right(parseGenotype('|skip_connect~0|', four))
    const cells = baselineCells(four, keyOf(0), 8, found).map(formatGenotype)
    expect(cells.toSorted()).toEqual(['|avg_pool_3x3~0|', '|nor_conv_1x1~0|'])
  })
})

const OPTIONS = ['--backend', 'reference', '--space', file, '--channels', '1', '--batch', '239', '--epochs', '1']

describe('their trainings', () => {
  const train = async (name: string, most: number) => {
    const problem = await setUp({
      preset: 'digits',
      backend: 'reference',
      space: file,
      channels: '1',
      batch: '239',
      epochs: '1',
      baseline: '8'
    })
    const run = right(openRunFolder(join(folder, name), () => {}))
    const lines: string[] = []
    const spy = vi.spyOn(process.stdout, 'write').mockImplementation(text => lines.push(String(text)) > 0)
    try {
      const trainings = async (limit: number) => {
        const before = lines.length
        const interrupted = () => lines.slice(before).filter(line => line.startsWith('baseline ')).length >= limit
        return trainBaseline(
          { ...problem, backend: { kind: 'reference' }, folder: run, given: {} },
          { genotype: '|skip_connect~0|' },
          interrupted
        )
      }
      const first = await trainings(most)
      const kept = JSON.parse(readFileSync(join(folder, name, 'baseline.json'), 'utf8'))
      const before = lines.length
      const again = await trainings(Number.POSITIVE_INFINITY)
      return { first, kept, again, told: lines.slice(before).filter(line => line.startsWith('baseline ')) }
    } finally {
      spy.mockRestore()
      run.close()
    }
  }

  it('stop when they are interrupted, keep what is done, and go on to what they would have come to', async () => {
    const [cut, whole] = [await train('cut', 1), await train('whole', Number.POSITIVE_INFINITY)]
    expect(cut.first.ended).toEqual({ reason: 'interrupted' })
    expect(cut.first.baseline).toMatchObject({ wanted: 8, found: { genotype: '|skip_connect~0|' }, random: [] })
    expect(cut.kept.length).toBe(1)
    // The found cell is not trained again.
    expect(cut.told.map(line => line.slice(0, 30).trimEnd())).toEqual([
      'baseline  random cell 1 of 2',
      'baseline  random cell 2 of 2'
    ])
    expect(cut.again).toEqual(whole.first)
    expect(whole.first.ended).toBeNull()
    expect(whole.told).toEqual([])
    const { found, random } = whole.first.baseline
    for (const one of [found, ...random]) {
      const right = (one?.testAccuracy as number) * 361
      expect(Math.abs(right - Math.round(right))).toBeLessThan(1e-6)
    }
  }, 120_000)

  it('are in the summary of a search, and in its verdict', async () => {
    const out = join(folder, 'search')
    const { code, stdout } = await inProcess('search', ...OPTIONS, '--baseline', '1', '--no-report', '--out', out)
    expect(code).toBe(0)
    const summary: Summary = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8'))
    expect(summary.baseline).toMatchObject({ wanted: 1, epochs: 1, channels: 1, found: { genotype: summary.genotype } })
    expect(summary.baseline?.random.length).toBe(1)
    const baseline = summary.verdict.findings.find(({ kind }) => kind === 'baseline')
    expect(stdout.replaceAll(/\n */g, ' ')).toContain(baseline?.sentence)
    expect(stdout).toMatch(/\nBaseline: the found cell and 1 random cell are trained from scratch, 1 epoch each\./)
    expect(stdout.indexOf('Genotype: ')).toBeLessThan(stdout.indexOf('Baseline: '))
  }, 120_000)
})
