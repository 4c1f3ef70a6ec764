/** `lambda-darts graph`: pictures of cells and of functions of one's own, with counts, and what is refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { main } from '../../../src/nas/cli/cli.js'
import { elementsOf } from '../../pictures/svg.js'

const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-graph-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const picture = join(folder, 'graph.svg')

const graph = async (...args: readonly string[]) => {
  const told = { out: '', err: '' }
  const spies = (
    [
      ['stdout', 'out'],
      ['stderr', 'err']
    ] as const
  ).map(([stream, key]) =>
    vi.spyOn(process[stream], 'write').mockImplementation(text => {
      told[key] += String(text)
      return true
    })
  )
  const code = await main(['graph', ...args]).finally(() => spies.map(spy => spy.mockRestore()))
  return { code, ...told }
}

const own = join(folder, 'own.mjs')
const index = pathToFileURL(join(process.cwd(), 'src/index.ts')).href
writeFileSync(
  own,
  `import { $ } from '${index}'
export const cube = { f: x => $.sum($.mul(x, $.mul(x, x))), args: [[0.5, 1, 2]] }
export const other = { f: x => $.sum(x), args: [[1, 2]] }
`
)

describe('lambda-darts graph', () => {
  it('draws a gradient as kernels, each shaded by its time on the adapter and labelled with it', async () => {
    const { code, out, err } = await graph(`${own}:cube`, '--order', '1', '--time', '--out', picture)
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^the gradient of cube, fused\nbuilt +\d+ nodes +\d+ kernels/)
    const svg = readFileSync(picture, 'utf8')
    const elements = elementsOf(svg.trimEnd())
    expect(elements.filter(({ attributes }) => attributes['class'] === 'cluster').length).toBeGreaterThan(0)
    expect(svg).toMatch(/ ms</)
    expect(svg).toContain('Time on llvmpipe')
  })

  it('draws a cell, and gives its text for Graphviz', async () => {
    expect((await graph('--space', 's2', '--kind', 'reduce', '--stage', 'passed', '--out', picture)).code).toBe(0)
    expect(readFileSync(picture, 'utf8')).toMatch(/aria-label="the reduce cell of s2, passed"/)
    const { code, out, err } = await graph('--genotype', 'lambdadarts_corr_0', '--dot', '--stage', 'passed')
    expect(code).toBe(0)
    expect(out).toMatch(/^digraph \{/)
    expect(err).toMatch(/^the normal cell of the genotype, passed/)
  })

  it.each([
    [['--stage', 'melted'], /--stage to be one of built, passed, fused, but got 'melted'/],
    [['--time', '--stage', 'built'], /--time with --stage fused, but got --stage built/],
    [['--kind', 'odd'], /--kind to be one of alpha, but got 'odd'/],
    [[own], /one function, but got 2 in .*: name the export behind a colon/],
    [[`${own}:cube`, '--space', 's5'], /a file or --space, but got both/],
    [['--order', '3'], /--order/],
    [['--space', 's5', '--order', '1'], /at most 2000 boxes, but got \d+ for \d+ nodes; draw a part of it/]
  ])('refuses %j', async (args, sentence) => {
    const { code, err, out } = await graph(...args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(sentence)
  })
})
