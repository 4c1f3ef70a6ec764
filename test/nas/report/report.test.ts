/** Reports as values and as text: what is drawn of which runs, what is said of the rest, and nothing but that. */
import { describe, expect, it } from 'vitest'
import { composed } from '../../../src/nas/report/composed.js'
import type { Figure, ReportPage } from '../../../src/nas/report/figure.js'
import { lineSpec, short, thinned } from '../../../src/nas/report/lines.js'
import { pageOf } from '../../../src/nas/report/page.js'
import { reportOf } from '../../../src/nas/report/report.js'
import { groupsOf, linesOf, toldOf } from '../../../src/nas/report/runs.js'
import { decodeTraining, reportOfTrainings } from '../../../src/nas/report/training.js'
import { SPACES } from '../../../src/nas/space/space.js'
import { standalone } from '../../../src/pictures/theme.js'
import { left, right } from '../../kernels/results.js'
import { runOf } from './records.js'

const figures = ({ sections }: ReportPage): readonly Figure[] => sections.flatMap(section => section.figures)
const ids = (page: ReportPage): readonly string[] => figures(page).map(({ id }) => id)
const missing = (page: ReportPage): readonly string[] => page.sections.flatMap(section => section.missing)

describe('the report of a run', () => {
  const page = reportOf([runOf({ isChecked: true, isScored: true })], 'made-up')

  it('begins with the verdict, and has a figure for everything that was logged, each by a name of its own', () => {
    expect(page.headlines).toMatchObject([{ run: null, tone: expect.any(String), headline: expect.any(String) }])
    expect(page.headlines[0]?.findings.length).toBeGreaterThan(0)
    const wanted = ['cell-alpha', 'softmax-alpha', 'lambda', 'cosines-alpha', 'pairs-alpha', 'loss', 'accuracy', 'rate']
    const more = [
      'score-cifar10_test_200',
      'edges',
      'margin',
      'entropy',
      'plain',
      'operations-alpha',
      'weight',
      'norms'
    ]
    for (const id of [...wanted, ...more, 'quotient-cosine', 'quotient-norm', 'eigenvalue'])
      expect(ids(page)).toContain(id)
    expect(new Set(ids(page)).size).toBe(ids(page).length)
    // There are no steps, so no factor of the clip, and no profile.
    expect(missing(page)).toEqual([expect.stringMatching(/^Time by part of a step is not shown: .*profile\.json/)])
  })

  it('says in a line what was not logged, and by which flag it would be', () => {
    const lines = missing(reportOf([runOf()], 'made-up')).join('\n')
    for (const flag of ['--table', '--probe', '--eigenvalue', 'profile.json']) expect(lines).toContain(flag)
  })

  it('has a picture for each edge, and a line for each of its operations', () => {
    const softmax = figures(page).find(({ id }) => id === 'softmax-alpha')
    expect(softmax?.drawings.length).toBe(6)
    expect(softmax?.keys.length).toBe(5)
    expect(softmax?.table?.rows.length).toBe(6)
  })

  it('is one of a run that is under way, or not begun, too', () => {
    const open = reportOf([runOf({ epochs: 3, isEnded: false, config: { epochs: 12 } })], 'open')
    expect(open.headlines[0]?.headline).toMatch(/^Under way, or broken off: \d+ of \d+ epochs are over/)
    const unborn = reportOf([{ ...runOf({ epochs: 1, isEnded: false }), epochs: [], compiled: null }], 'unborn')
    expect([unborn.headlines[0]?.headline, ids(unborn)]).toEqual([
      'No epoch is over yet: nothing can be said of the cell.',
      []
    ])
  })

  it('takes spaces of the size of S5: an edge each of both kinds of cells', () => {
    const large = reportOf([runOf({ space: SPACES['s5'] as (typeof SPACES)[string], epochs: 2, cells: 8 })], 's5')
    const drawings = figures(large)
      .filter(({ id }) => id.startsWith('softmax'))
      .map(figure => figure.drawings.length)
    expect(drawings).toEqual([14, 14])
    expect(ids(large).filter(id => id.startsWith('cell-'))).toEqual(['cell-normal', 'cell-reduce'])
  })

  it('draws numbers that are not finite as gaps, and leaves out what has no other', () => {
    const run = runOf({ epochs: 4 })
    const broken = { ...run, epochs: run.epochs.map((epoch, i) => ({ ...epoch, trainLoss: i === 2 ? Number.NaN : 1 })) }
    expect(ids(reportOf([broken], 'x'))).toContain('loss')
    const lost = {
      ...run,
      epochs: run.epochs.map(epoch => ({ ...epoch, trainLoss: Number.NaN, validLoss: Number.NaN }))
    }
    expect(ids(reportOf([lost], 'x'))).not.toContain('loss')
  })
})

describe('runs side by side', () => {
  const darts = runOf({ name: 'darts', config: { method: 'darts' } })
  const fd = runOf({ name: 'fd' })
  const exact = runOf({ name: 'exact', config: { derivative: 'exact' } })

  it('are called by what they differ in that their methods read, else by seed or name', () => {
    const names = (runs: readonly ReturnType<typeof runOf>[]) => groupsOf(runs, toldOf).map(({ label }) => label)
    expect(names([darts, fd, exact])).toEqual(['darts', 'lambda-darts, fd', 'lambda-darts, exact'])
    expect(names([fd, runOf({ config: { seed: 1 } })])).toEqual(['seed 0', 'seed 1'])
    expect(names([fd, runOf({ name: 'again' })])).toEqual(['seed 0, fd', 'seed 0, again'])
    expect(names([fd, runOf({ config: { epochs: 3 } })])).toEqual(['epochs 12', 'epochs 3'])
    // What is only logged makes no other configuration.
    expect(names([fd, runOf({ name: 'b', config: { probe: true, seed: 4 } })])).toEqual(['seed 0', 'seed 4'])
  })

  it('have a line each; more than two of one configuration are mean and spread', () => {
    const seeds = [0, 1, 2, 3].map(seed => runOf({ name: `s${seed}`, config: { seed } }))
    const groups = groupsOf([...seeds, darts], toldOf)
    expect(groups.map(({ runs }) => runs.length)).toEqual([4, 1])
    const { lines, bands } = linesOf(groups, ({ lambdaTrain }) => lambdaTrain)
    expect(lines.map(({ faint = false }) => faint)).toEqual([true, true, true, true, false, false])
    const last = seeds.map(({ epochs }) => epochs.at(-1)?.lambdaTrain as number)
    const mean = last.reduce((sum, value) => sum + value, 0) / 4
    const deviation = Math.sqrt(last.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 3)
    const [, at] = lines[4]?.points.at(-1) ?? []
    const [, low, high] = bands[0]?.points.at(-1) ?? []
    expect(at).toBeCloseTo(mean, 12)
    expect([low, high]).toEqual([expect.closeTo(mean - deviation, 12), expect.closeTo(mean + deviation, 12)])
  })

  it('are compared in a table, their cells beside each other', () => {
    const page = reportOf([darts, fd, exact], 'three')
    expect(page.headlines.map(({ run }) => run)).toEqual(['darts', 'lambda-darts, fd', 'lambda-darts, exact'])
    const [table] = page.sections[0]?.tables ?? []
    expect(table?.table.head).toEqual(expect.arrayContaining(['verdict', 'Λ training', 'method', 'derivative']))
    expect(table?.table.rows.map(row => row.at(-1))).toEqual(['not read', 'fd', 'exact'])
    expect(figures(page).find(({ id }) => id === 'cells-alpha')?.drawings.length).toBe(3)
    expect(new Set(ids(page)).size).toBe(ids(page).length)
  })

  it('are drawn one by one up to eight; of more it is said what is left out', () => {
    const many = Array.from({ length: 10 }, (_, i) => runOf({ name: `r${i}`, epochs: 2, config: { channels: i + 1 } }))
    const page = reportOf(many as [ReturnType<typeof runOf>], 'many')
    expect(page.headlines.length).toBe(8)
    expect(missing(page).filter(line => line.includes('of the first 8 of 10 are shown')).length).toBe(3)
  })
})

describe('a line', () => {
  it('is thinned to what can be seen, with both its ends', () => {
    const all = Array.from({ length: 1000 }, (_, i) => i)
    const few = thinned(all)
    expect([few.length, few[0], few.at(-1), new Set(few).size]).toEqual([150, 0, 999, 150])
    expect(thinned([1, 2, 3])).toEqual([1, 2, 3])
  })

  it('is on an axis of powers of ten only where all its values are above 0', () => {
    const chart = (values: readonly number[]) =>
      JSON.stringify(
        lineSpec({
          ...{ id: 'x', title: 'x', says: '', unit: 'x', isLog: true },
          lines: [{ label: 'a', style: 0, points: values.map((value, i) => [i + 1, value] as const) }]
        })
      )
    expect(chart([1, 10, 1000])).toContain('"type":"log"')
    expect(chart([0, 10, 1000])).not.toContain('"type":"log"')
  })

  it('has its numbers written with four digits', () => {
    expect([0, 0.12345678, 123456.7, -2e-9, Number.NaN].map(short)).toEqual([
      '0',
      '0.1235',
      '1.23e+5',
      '-2.00e-9',
      'not finite'
    ])
  })
})

describe('the page', () => {
  const evil = `<script>alert('"&')</script>`
  const run = { ...runOf({ name: evil, epochs: 2 }), profile: null }
  const page = reportOf([{ ...run, config: { ...run.config, root: evil, data: evil } }], evil)

  it('escapes every text, and lets nothing run but its own script', () => {
    const html = pageOf(page, new Map())
    expect(html).not.toContain(evil)
    expect(html).toContain('&lt;script&gt;alert')
    expect(html.match(/<script/g)?.length).toBe(1)
    expect(html).toMatch(/default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[\w+/]{43}='/)
    expect(html).not.toMatch(/https?:\/\/(?!www\.w3\.org\/)|<link|@import|url\(/)
    expect(html).not.toContain('connect-src')
    expect(pageOf(page, new Map(), 0)).toContain("connect-src 'self'")
  })

  it('has a figure as one SVG, with its title, keys and pictures', () => {
    const [figure] = figures(page).filter(({ id }) => id === 'softmax-alpha') as [Figure]
    const svg = composed(
      figure,
      figure.drawings.map(() => '<svg width="168" height="112"><path/></svg>')
    )
    expect(svg.match(/<svg x=/g)?.length).toBe(6)
    expect(svg).toContain('skip_connect')
    expect(standalone(svg, 'dark')).not.toContain('var(')
  })
})

describe('trainings', () => {
  const epoch = {
    type: 'epoch',
    epoch: 1,
    epochs: 2,
    steps: 3,
    seconds: 1,
    learningRate: 0.1,
    dropPath: 0,
    trainTop5: 1
  }
  const line = {
    ...epoch,
    trainLoss: 2,
    trainAccuracy: 0.5,
    gradientNorm: 3,
    testLoss: null,
    testTop1: 0.25,
    testTop5: 0.9
  }
  const files = {
    config: '{"seed":3,"epochs":2}',
    genotype: 'g\n',
    events: `{"type":"step"}\n${JSON.stringify(line)}\n{"ty`
  }

  it('are read up to their last whole line, and drawn', () => {
    const training = right(decodeTraining('t', files))
    expect([training.epochs.length, training.epochs[0]?.testLoss]).toEqual([1, Number.NaN])
    const page = reportOfTrainings([training], 't')
    expect(page.headlines[0]?.headline).toBe('Test accuracy after the last epoch: 25.0 %')
    expect(ids(page)).toEqual(expect.arrayContaining(['test', 'loss', 'rate', 'norm']))
  })

  it('are refused with the line that is none', () => {
    expect(left(decodeTraining('t', { ...files, events: '{"type":"step"}\nnonsense\n' })).message).toMatch(
      /^Wanted events of a training, but got line 2 of events\.jsonl/
    )
  })
})
