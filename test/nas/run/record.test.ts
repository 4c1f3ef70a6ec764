/** A run read back from its folder: all that a search tells, on the reference; and what is refused, with its place. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { METRICS } from '../../../src/nas/method/bilevel.js'
import { decodeRun, type RunFiles, type RunRecord } from '../../../src/nas/run/record.js'
import { operationsOf } from '../../../src/nas/space/space.js'
import { left, right } from '../../kernels/results.js'
import { inProcess } from '../command.js'
import { SHORT } from '../sweeps.js'

const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-record-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const TOLD = ['--eigenvalue', '--probe', '--select', 'perturbation', '--select-epochs', '0']

let files: RunFiles
let record: RunRecord
beforeAll(async () => {
  const out = join(folder, 'run')
  const options = Object.entries(SHORT).flatMap(([name, value]) => [`--${name}`, String(value)])
  const { code, stderr } = await inProcess('search', '--quiet', ...options, '--batch', '239', ...TOLD, '--out', out)
  expect([code, stderr]).toEqual([0, ''])
  const text = (name: string) => readFileSync(join(out, name), 'utf8')
  files = {
    config: text('config.json'),
    events: text('events.jsonl'),
    summary: text('summary.json'),
    space: text('space.json')
  }
  record = right(decodeRun('run', files))
}, 120_000)

describe('the record of a run', () => {
  it('has everything that its events say, in order', () => {
    const { compiled, steps, epochs, decisions, tunings } = record
    const events = [compiled, ...steps, ...epochs, ...decisions, ...tunings]
    const lines: unknown[] = files.events
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(events.length).toBe(lines.length)
    for (const line of lines) expect(events).toContainEqual(line)
    expect([steps.length, epochs.length, decisions.length, tunings.length]).toEqual([3, 1, 1, 1])
    for (const step of steps) for (const name of METRICS) expect(step[name], name).toSatisfy(Number.isFinite)
  })

  it('has the space of its folder, and mixtures by the names of its operations', () => {
    const { alpha: cell } = record.space.cells
    expect(record.space.name).toBe('tiny')
    const [edge] = record.epochs[0]?.mixtures['alpha'] ?? []
    expect(Object.keys(edge?.weights ?? {})).toEqual(cell && operationsOf(cell))
    const [a, b] = (record.epochs[0]?.alpha['alpha'] ?? []) as readonly [number, number]
    const [first, second] = Object.values(edge?.weights ?? {}) as [number, number]
    // A softmax of two is a logistic function of their difference.
    expect(first).toBeCloseTo(1 / (1 + Math.exp(b - a)), 12)
    expect(edge?.margin).toBeCloseTo(Math.abs(first - second), 12)
  })

  it('has what was asked for besides: an eigenvalue, and how far the quotient is from the derivative', () => {
    const [{ eigenvalue, quotient }] = record.epochs as readonly [RunRecord['epochs'][number]]
    expect(eigenvalue?.residual).toBeGreaterThanOrEqual(0)
    const { error, cosine, norm, exactNorm } = quotient as Exclude<typeof quotient, null>
    // |a - b|^2 / |a|^2 = 1 + |b|^2 / |a|^2 - 2 cos |b| / |a|, whatever they are: float64, so to 1e-9.
    const ratio = norm / exactNorm
    expect(Math.abs(1 + ratio ** 2 - 2 * ratio * cosine - error ** 2)).toBeLessThan(1e-9)
    expect([norm, exactNorm, error].every(value => value > 0)).toBe(true)
  })

  it('has the summary, with what was typed and what it ran on', () => {
    const { summary, config } = record
    expect(summary).toMatchObject({ config, stopped: null, adapter: 'reference', genotype: expect.any(String) })
    expect(summary?.command.slice(0, 2)).toEqual(['search', '--quiet'])
    expect(summary?.versions).toEqual({ node: process.versions.node, webgpu: expect.stringMatching(/^\d+\.\d+/) })
  })

  it('is of a run under way too: without a summary, and with a line that is half there', () => {
    const { summary: _, ...rest } = files
    const half = files.events.trimEnd().slice(0, -5)
    const cut = right(decodeRun('run', { ...rest, events: half }))
    expect(cut.summary).toBeNull()
    expect(cut.steps).toEqual(record.steps)
    expect([cut.epochs, cut.decisions, cut.tunings].flat().length).toBe(
      [record.epochs, record.decisions, record.tunings].flat().length - 1
    )
  })

  it('reads what is null in JSON as not a number', () => {
    const events = files.events.replace(/"gradientNorm":[^,]+/, '"gradientNorm":null')
    expect(right(decodeRun('run', { ...files, events })).steps[0]?.gradientNorm).toBeNaN()
  })
})

describe('what is refused, with its file and line', () => {
  it.each<[string, (given: RunFiles) => RunFiles, string]>([
    [
      'a configuration that is none',
      given => ({ ...given, config: '{}' }),
      'at method of config.json, but got nothing: it was altered or is of another version: run the search again.'
    ],
    [
      'a line that is no JSON',
      given => ({ ...given, events: given.events.replace('\n', '\n{"type"\n') }),
      'Wanted line 2 of events.jsonl as JSON'
    ],
    [
      'an event that nobody knows',
      given => ({ ...given, events: `{"type":"lunch"}\n${given.events}` }),
      'at type of line 1 of events.jsonl, but got "lunch"'
    ],
    [
      'an epoch with mixtures by position',
      given => ({
        ...given,
        events: given.events.replaceAll(/"mixtures":\{"alpha":\[.*?\}\]/g, '"mixtures":{"alpha":[[1,0]]')
      }),
      'of line 5 of events.jsonl, but got'
    ],
    ['a summary that is another file', given => ({ ...given, summary: '[]' }), 'of summary.json, but got []'],
    [
      'a summary that is no record, in few words',
      given => ({ ...given, summary: '1' }),
      'Wanted a record at the top of summary.json, but got 1: '
    ],
    [
      'a space of its own that is gone',
      ({ space: _, ...given }) => given,
      'Wanted the file space.json beside a config.json of the space'
    ]
  ])('%s', (_, alter, message) => expect(left(decodeRun('run', alter(files))).message).toContain(message))
})
