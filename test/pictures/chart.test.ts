/** Charts as SVG: drawn the same each time, in the colours of the theme, from the data that they hold and no other. */
import { describe, expect, it } from 'vitest'
import { type ChartSpec, chartToSvg } from '../../src/pictures/chart.js'

const values = [
  { epoch: 1, loss: 2.3, part: 'train' },
  { epoch: 2, loss: 1.1, part: 'train' },
  { epoch: 1, loss: 2.2, part: 'valid <script>' },
  { epoch: 2, loss: 1.4, part: 'valid <script>' }
]
const chart = (more: object = {}): ChartSpec =>
  ({
    description: 'loss "over" <epochs>',
    data: { values },
    mark: { type: 'line', clip: true },
    encoding: {
      x: { field: 'epoch', type: 'quantitative' },
      y: { field: 'loss', type: 'quantitative' },
      color: { field: 'part', type: 'nominal' }
    },
    ...more
  }) as ChartSpec

describe('chartToSvg', () => {
  it('draws the same text each time, whatever was drawn in between, with names of its own', async () => {
    const first = await chartToSvg(chart())
    const other = await chartToSvg(chart({ title: 'another' }))
    expect(await chartToSvg(chart())).toBe(first)
    const ids = (svg: string) => [...svg.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    expect(ids(first)).not.toHaveLength(0)
    expect(ids(other).filter(id => ids(first).includes(id))).toEqual([])
    for (const id of ids(first)) expect(first).toContain(`url(#${id})`)
  })

  it('has a line for each series, in colours that are variables, and says what it shows', async () => {
    const svg = await chartToSvg(chart())
    expect(svg.startsWith('<svg role="img" aria-label="loss &quot;over&quot; &lt;epochs&gt;" ')).toBe(true)
    expect(svg).toContain('mark-line')
    expect(svg.match(/ role=/g)).toEqual([' role='])
    for (const series of ['var(--series-1)', 'var(--series-2)']) expect(svg).toContain(`stroke="${series}"`)
    expect(svg).not.toMatch(/#[0-9a-f]{3}\b|<script|fill="(black|white)"/)
    expect(svg).not.toMatch(/\d\.\d{3,}/)
  })

  it('leaves a gap where a number is missing', async () => {
    const gap = [...values.slice(0, 2), { epoch: 3, loss: Number.NaN, part: 'train' }, { ...values[1], epoch: 4 }]
    expect(await chartToSvg(chart({ data: { values: gap } }))).toContain('mark-line')
  })

  it('refuses what Vega would only warn of, and data that are elsewhere', async () => {
    await expect(chartToSvg(chart({ data: { values: [] } }))).rejects.toThrow(/a chart requires .* correct it\./)
    await expect(chartToSvg(chart({ mark: { type: 'nonsense' } }))).rejects.toThrow(/a chart requires .* correct it\./)
    await expect(chartToSvg(chart({ data: { url: 'http://127.0.0.1:1/data.json' } }))).rejects.toThrow(/data at/)
  })
})
