/**
 * A search from end to end, as a user starts one: the command, on the adapter, on the real digits. It learns, its
 * folder tells everything, and a seed decides all of it.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { main } from '../../src/nas/cli/cli.js'
import { PRESETS } from '../../src/nas/configuration/options.js'
import { parseGenotype } from '../../src/nas/genotypes/genotype.js'
import { METRICS, STEP_PARTS } from '../../src/nas/method/bilevel.js'
import { StepProfile } from '../../src/nas/run/profile.js'
import type { Summary } from '../../src/nas/run/record.js'
import { nb201 } from '../../src/nas/space/space.js'
import { verdictText } from '../../src/nas/verdict/report.js'
import { device } from '../device.js'
import { right } from '../kernels/results.js'
import { allBenchCells } from '../nas/cells.js'

const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-story-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Numbers = Readonly<Record<string, unknown>>
interface Run {
  readonly code: number
  readonly printed: string
  readonly files: readonly string[]
  readonly config: Numbers
  readonly events: readonly Numbers[]
  readonly genotype: string
  readonly summary: Summary
}

const search = async (name: string, options: string): Promise<Run> => {
  const out = join(folder, name)
  const text = (file: string) => readFileSync(join(out, file), 'utf8')
  const printed: string[] = []
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation(part => printed.push(String(part)) > 0)
  const code = await main(['search', ...options.split(' '), '--out', out]).finally(() => spy.mockRestore())
  return {
    code,
    printed: printed.join(''),
    files: readdirSync(out).sort(),
    config: JSON.parse(text('config.json')),
    events: text('events.jsonl')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line)),
    genotype: text('genotype.txt').trimEnd(),
    summary: JSON.parse(text('summary.json'))
  }
}

const of = ({ events }: Run, type: string): readonly Numbers[] => events.filter(event => event['type'] === type)
/** Everything but times, and the folder. */
const timeless = (run: Run): unknown =>
  JSON.parse(
    JSON.stringify([run.config, run.events, run.genotype, run.summary], (key, value) =>
      ['seconds', 'command'].includes(key) ? 0 : value
    )
  )

/** Searches take half a minute together, but a machine may have other work. */
const PATIENCE = 300_000

const EPOCHS = 2
const BATCH = 24
const STEPS = Math.floor(718 / BATCH)

/**
 * A table of NAS-Bench-201 that is made up: the n-th cell has n thousandths of a percent, so that its rank is known.
 */
const table = join(folder, 'table.csv')
writeFileSync(table, ['arch,cifar10_test_200', ...allBenchCells.map((cell, n) => `${cell},${n / 1000}`)].join('\n'))

describe('a search of two epochs with Λ-DARTS', () => {
  let run: Run
  beforeAll(async () => {
    run = await search('first', `--channels 2 --batch ${BATCH} --derivative exact --epochs ${EPOCHS} --table ${table}`)
  }, PATIENCE)

  it('learns: the supernet classifies test images, which it never saw, far better than chance', () => {
    expect(run.code).toBe(0)
    expect(run.summary['testImages']).toBe(361)
    // Chance is 0.1 of ten classes; 0.35 is beyond it by fifteen standard deviations of 361 guesses.
    expect(run.summary.testAccuracy).toBeGreaterThan(0.35)
    const losses = of(run, 'epoch').map(epoch => epoch['trainLoss'] as number)
    expect(losses.length).toBe(EPOCHS)
    expect(losses.at(-1)).toBeLessThan(0.9 * (losses[0] as number))
  })

  it('says where the time of a step goes, by part, shader and kernel', () => {
    const profile: unknown = JSON.parse(readFileSync(join(folder, 'first', 'profile.json'), 'utf8'))
    if (!StepProfile.is(profile)) throw new Error('profile.json is no profile')
    expect(profile.missing).toBeNull()
    expect(new Set(profile.parts.map(({ part }) => part))).toEqual(new Set([...STEP_PARTS, 'rest']))
    const sumOf = (list: readonly { readonly seconds: number }[]) => list.reduce((sum, { seconds }) => sum + seconds, 0)
    // Times are written in four digits.
    expect(sumOf(profile.parts) / profile.kernels).toBeCloseTo(1, 2)
    expect(sumOf(profile.shaders) / profile.kernels).toBeCloseTo(1, 2)
    expect(profile.slowest).toHaveLength(10)
    const [compiled] = of(run, 'compiled')
    expect(profile.parts.reduce((sum, { dispatches }) => sum + dispatches, 0)).toBeCloseTo(
      compiled?.['calls'] as number
    )
  })

  it('leaves a folder that says what was run and what came of it', () => {
    expect(run.files).toEqual([
      'checkpoints',
      'config.json',
      'events.jsonl',
      'events.out.tfevents',
      'genotype.txt',
      'profile.json',
      'report.html',
      'summary.json'
    ])
    expect(run.config).toEqual({ ...PRESETS.digits, channels: 2, batch: BATCH, derivative: 'exact', epochs: EPOCHS })
    expect(run.summary).toMatchObject({
      config: run.config,
      adapter: device.info,
      epochsDone: EPOCHS,
      stepsDone: EPOCHS * STEPS,
      stopped: null,
      genotype: run.genotype
    })
    expect(right(parseGenotype(run.genotype)).family).toBe('nb201')
    const { operations, mixtures, lastEpoch } = run.summary
    const counts = Object.values(operations).flatMap(kind => Object.values(kind))
    expect(counts.reduce((a, b) => a + b)).toBe(6)
    const rows = Object.values(mixtures).flat()
    expect(rows.map(({ weights }) => Object.keys(weights))).toEqual(nb201.cells['alpha']?.edges.map(e => e.operations))
    for (const { weights, largest, margin } of rows) {
      const [first, second] = Object.values(weights).toSorted((a, b) => b - a) as [number, number]
      expect(Object.values(weights).reduce((a, b) => a + b)).toBeCloseTo(1, 12)
      expect([largest, margin]).toEqual([first, first - second])
    }
    expect(run.summary['command']).toEqual(expect.arrayContaining(['search', '--table', table, '--out']))
    const { type: _, seconds: __, score: ___, ...last } = of(run, 'epoch').at(-1) as Numbers
    expect(lastEpoch).toEqual(last)
  })

  it('scores the cell of each epoch and the result by the table that it was given', () => {
    for (const { genotype, score } of [...of(run, 'epoch'), run.summary]) {
      const n = allBenchCells.indexOf(genotype as string)
      expect(score).toMatchObject({ cifar10_test_200: { accuracy: n / 1000, rank: allBenchCells.length - n } })
    }
    expect(run.printed).toMatch(/\ncifar10_test_200 +[\d.]+ +\d+ /)
  })

  it('tells every step and every epoch, in order, with finite numbers', () => {
    const [first, ...rest] = run.events
    expect(first).toMatchObject({ type: 'compiled', backend: device.info.name })
    const steps = of(run, 'step')
    expect(steps.map(({ epoch, step }) => [epoch, step])).toEqual(
      Array.from({ length: EPOCHS * STEPS }, (_, i) => [Math.floor(i / STEPS) + 1, (i % STEPS) + 1])
    )
    expect(rest.filter((_, i) => (i + 1) % (STEPS + 1) === 0).map(({ type }) => type)).toEqual(
      Array(EPOCHS).fill('epoch')
    )
    for (const step of steps) for (const name of METRICS) expect(step[name], name).toSatisfy(Number.isFinite)
    for (const { trainCorrect, lambdaTrain, clip } of steps as readonly Readonly<Record<string, number>>[]) {
      expect(trainCorrect).toBeLessThanOrEqual(BATCH)
      expect(Math.abs(lambdaTrain as number)).toBeLessThanOrEqual(1 + 1e-6)
      expect(clip).toBeLessThanOrEqual(1)
    }
  })

  it('follows its schedules: the rate falls along a cosine, lambda grows from 0', () => {
    const epochs = of(run, 'epoch') as readonly Readonly<Record<string, number>>[]
    expect(epochs.map(({ lambda }) => lambda)).toEqual([0, 0.25])
    epochs.forEach(({ learningRate }, e) => {
      expect(learningRate).toBeCloseTo(0.001 + 0.012 * (1 + Math.cos((Math.PI * e) / EPOCHS)), 12)
    })
  })

  it('sums each epoch up from its steps', () => {
    for (const [e, epoch] of of(run, 'epoch').entries()) {
      const steps = of(run, 'step').slice(e * STEPS, (e + 1) * STEPS) as readonly Readonly<Record<string, number>>[]
      const mean = (name: string) => steps.reduce((sum, step) => sum + (step[name] as number), 0) / STEPS
      expect(epoch['trainLoss']).toBeCloseTo(mean('trainLoss'), 12)
      expect(epoch['validAccuracy']).toBeCloseTo(mean('validCorrect') / BATCH, 12)
      expect(epoch['lambdaTrain']).toBeCloseTo(mean('lambdaTrain'), 12)
    }
  })

  it('prints a line for each epoch, then the genotype and the strength of each edge, and the verdict', () => {
    const lines = run.printed.split('\n')
    const told = lines.filter(line => line.startsWith('epoch '))
    expect(told.length).toBe(EPOCHS)
    told.forEach((line, e) => {
      expect(line).toMatch(
        /^epoch \d\/2 {2}train loss \d\.\d\d \d+ % {2}valid loss \d\.\d\d \d+ % {2}Λ -?\d\.\d\d {2}rank \d+ [\d.]+ % {2}left \d+:\d\d$/
      )
      expect(line).toContain(`epoch ${e + 1}/${EPOCHS}  `)
    })
    // The adapter is named once, where the step is compiled.
    expect(lines.filter(line => line.includes(device.info.name)).length).toBe(1)
    expect(lines.filter(line => line.length > 100 && !line.startsWith('Genotype: '))).toEqual([])
    expect(lines).toContain(
      `Genotype: ${run.genotype}${run.summary['connected'] ? '' : '  (its output is not connected to its input)'}`
    )
    expect(
      lines.filter(line => /^ {2}\d -> \d {2}\w+ +0\.\d{4} {2}before \w+ 0\.\d{4}( {2}undecided)?$/.test(line)).length
    ).toBe(6)
    const { verdict } = run.summary
    expect(run.printed).toContain(verdictText(verdict))
    expect(verdict.findings.map(({ kind }) => kind)).toContain('score')
    expect(verdict.margins['alpha']?.map(({ kept }) => kept)).toEqual(Array(6).fill(true))
    expect(run.printed).toContain(
      `Test accuracy of the supernet: ${(100 * run.summary.testAccuracy).toFixed(1)} % of 361 images`
    )
  })
})

describe('a search that holds each kernel to its plain one as it runs', () => {
  it(
    'finds nothing, and gives the same numbers',
    async () => {
      const options = '--channels 2 --batch 239 --epochs 1 --unfused'
      const first = await search('unfused', options)
      const verified = await search('verified', `${options} --verify`)
      expect(verified.code).toBe(0)
      const steps = (run: Run) => timeless({ ...run, events: run.events.filter(({ type }) => type !== 'compiled') })
      expect(steps(verified)).toEqual(steps(first))
    },
    PATIENCE
  )
})

describe('a seed decides everything', () => {
  it(
    'the same one twice gives the same numbers, bit for bit; another gives others',
    async () => {
      const options = '--channels 2 --batch 239 --epochs 1 --seed'
      const first = await search('seed-3', `${options} 3`)
      const again = await search('seed-3-again', `${options} 3`)
      const other = await search('seed-4', `${options} 4`)
      expect(timeless(again)).toEqual(timeless(first))
      expect(of(other, 'step').map(step => step['trainLoss'])).not.toEqual(
        of(first, 'step').map(step => step['trainLoss'])
      )
      expect(other.summary['mixtures']).not.toEqual(first.summary['mixtures'])
    },
    PATIENCE
  )
})
