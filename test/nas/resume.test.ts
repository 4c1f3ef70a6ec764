/**
 * Runs that go on. A checkpoint is whole or refused; a search that goes on from any moment ends with the bits of one that was never disturbed, however
 * it was ended: by a step's end, by SIGKILL at any write, by a device that was lost; and what is not the same run is refused with the differences.
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fc, test } from '@fast-check/vitest'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDevice } from '../../src/engine.js'
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, type Snapshot } from '../../src/nas/checkpoint.js'
import { setUp } from '../../src/nas/cli/problem.js'
import { withLostDevices } from '../../src/nas/cli/resume.js'
import { select } from '../../src/nas/data/dataset.js'
import type { Event } from '../../src/nas/events.js'
import { goingOn } from '../../src/nas/place.js'
import { search } from '../../src/nas/search.js'
import { succeed } from '../backends.js'
import { left, right } from '../kernels/results.js'
import { inProcess } from './command.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-resume-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const checkpoint: Checkpoint = {
  tensors: new Map([
    ['weights', { shape: [2, 2], data: Float32Array.of(1, -0, 3e-39, 4) }],
    ['adam.first.alpha', { shape: [1], data: Float64Array.of(Math.PI) }]
  ]),
  steps: 7,
  position: { stepsDone: 7, sums: { metrics: [0.1], cosines: {} }, lastEpoch: null, selection: null },
  identity: { config: { channels: 4 }, data: 'abc' },
  files: { lengths: { 'events.jsonl': 100 }, seconds: 1.5 }
}

describe('a checkpoint as a file', () => {
  const bytes = encodeCheckpoint(checkpoint)
  it('comes back as it was', () => expect(right(decodeCheckpoint(bytes))).toEqual(checkpoint))
  it('is refused when it is cut, anywhere', () => {
    for (let length = 0; length < bytes.length; length++) expect(E.isLeft(decodeCheckpoint(bytes.subarray(0, length)))).toBe(true)
  })
  it('is refused when a bit of it is another, anywhere', () => {
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const altered = Uint8Array.from(bytes)
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7))
      const decoded = decodeCheckpoint(altered)
      // A bit of the padding or of white space says nothing.
      if (E.isRight(decoded) && JSON.stringify([...decoded.right.tensors]) !== JSON.stringify([...checkpoint.tensors]))
        expect.fail(`bit ${bit} was not noticed`)
    }
  })
  test.prop([fc.uint8Array({ maxLength: 300 })])('of random bytes is refused, never thrown', random => {
    expect(E.isLeft(decodeCheckpoint(random))).toBe(true)
  })
})

const TINY = { preset: 'digits', backend: 'reference', channels: '1', batch: '8', epochs: '2' }
/** Images of each part: three batches. */
const FEW = Array.from({ length: 24 }, (_, i) => i)

/** A search in this process: what it tells, what it keeps, what it ends with. */
const searched = async (
  given: Readonly<Record<string, string | boolean>>,
  from?: Snapshot,
  stopAfter = Number.POSITIVE_INFINITY
) => {
  const { net, config, data: all } = await setUp({ ...TINY, ...given })
  const data = { ...all, train: select(all.train, FEW), valid: select(all.valid, FEW), test: select(all.test, FEW) }
  const events: Event[] = []
  const snapshots: { readonly snapshot: Snapshot; readonly told: number }[] = []
  const result = await succeed(
    { kind: 'reference' },
    search(
      net,
      config,
      data,
      {
        tell: event => () => void events.push(event),
        interrupted: () => events.filter(({ type }) => type === 'step').length >= stopAfter,
        now: () => 0,
        checkpoints: { due: () => true, keep: snapshot => () => void snapshots.push({ snapshot, told: events.length }) }
      },
      from && right(goingOn(net, from))
    )
  )
  return { result, events, snapshots }
}

describe('a search goes on from any moment that it kept', () => {
  it.each([
    ['by magnitude', {}],
    [
      'with noise, moved images and a growing cutout',
      { space: 's4', layers: '4', epochs: '1', lambda: '0', cutout: '4', augmentation: 'standard' }
    ],
    ['by perturbation', { epochs: '1', select: 'perturbation', selectEpochs: '2', method: 'darts' }]
  ] as const)('%s', async (_, given) => {
    const whole = await searched(given)
    expect(whole.snapshots.length).toBeGreaterThan(2)
    for (const { snapshot, told } of whole.snapshots) {
      const rest = await searched(given, snapshot)
      // What was told before, and after; but for the compiling, which a process does for itself.
      expect([...whole.events.slice(0, told), ...rest.events.slice(1)]).toEqual(whole.events)
      expect(rest.result).toEqual(whole.result)
      expect((rest.snapshots.at(-1)?.snapshot ?? snapshot).tensors).toEqual(whole.snapshots.at(-1)?.snapshot.tensors)
    }
  })

  it('also from where it was interrupted in the middle of an epoch', async () => {
    const whole = await searched({})
    const first = await searched({}, undefined, 3)
    expect(first.result.stopped).toEqual({ reason: 'interrupted' })
    const last = first.snapshots.at(-1)?.snapshot as Snapshot
    expect(last.steps).toBeGreaterThanOrEqual(3)
    expect((await searched({}, last)).result).toEqual(whole.result)
  })
})

const OPTIONS = [
  'search',
  '--backend',
  'reference',
  '--channels',
  '1',
  '--batch',
  '120',
  '--epochs',
  '3',
  '--checkpoint-minutes',
  '0',
  '--quiet'
]
const KILLER = ['--import', './test/faults/kill.mjs']

/** A process of the command line, killed at a write if the environment says so. */
const asProcess = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  new Promise<{ readonly code: number | null; readonly signal: string | null; readonly stderr: string }>(resolve => {
    const child = spawn(process.execPath, ['--import', 'tsx', ...KILLER, 'src/nas/main.ts', ...args], {
      cwd: root,
      env: { ...process.env, ...env }
    })
    const stderr: string[] = []
    child.stderr.on('data', text => stderr.push(String(text)))
    child.on('close', (code, signal) => resolve({ code, signal, stderr: stderr.join('') }))
  })

/** All that a run folder says, but for times. */
const told = (out: string): unknown => {
  const timeless = (text: string): unknown => JSON.parse(text, (key, value) => (key === 'seconds' ? 0 : value))
  const text = (name: string) => readFileSync(join(out, name), 'utf8')
  const newest = readdirSync(join(out, 'checkpoints')).sort().at(-1) as string
  const { tensors, position, steps } = right(decodeCheckpoint(readFileSync(join(out, 'checkpoints', newest))))
  return {
    files: readdirSync(out).sort(),
    summary: timeless(text('summary.json')),
    events: text('events.jsonl').trimEnd().split('\n').map(timeless),
    genotype: text('genotype.txt'),
    checkpoint: { names: readdirSync(join(out, 'checkpoints')).sort(), tensors: [...tensors], position, steps }
  }
}

describe('a run that is killed', () => {
  const whole = join(folder, 'whole')
  let writes = 0
  beforeAll(async () => {
    const count = join(folder, 'count')
    expect((await asProcess([...OPTIONS, '--out', whole], { KILL_COUNT: count })).code).toBe(0)
    writes = Number(readFileSync(count, 'utf8'))
  })

  /** Goes on until the run ends; a run that was killed before it had a checkpoint is refused, and started again. */
  const finish = async (out: string): Promise<void> => {
    const { code, stderr } = await asProcess(['search', '--resume', out, '--quiet', '--checkpoint-minutes', '0'])
    if (code === 0) return
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^Wanted (a whole checkpoint in|--resume to be the folder of a run)/)
    ])
    rmSync(out, { recursive: true, force: true })
    expect((await asProcess([...OPTIONS, '--out', out])).code).toBe(0)
  }

  it('at any write, before it, in its middle, or after it, ends like one that was not', async () => {
    expect(writes).toBeGreaterThan(50)
    const kinds = ['before', 'middle', 'after'] as const
    const kills = process.env['TEST_ALL'] ? 25 : 13
    const places = Array.from({ length: kills }, (_, i) => 1 + Math.floor((i * (writes - 1)) / (kills - 1)))
    for (const [i, at] of places.entries()) {
      const out = join(folder, `killed-${at}`)
      const first = await asProcess([...OPTIONS, '--out', out], { KILL_AT: String(at), KILL_WHEN: kinds[i % 3] as string })
      expect([at, first.signal]).toEqual([at, 'SIGKILL'])
      await finish(out)
      expect([at, told(out)]).toEqual([at, told(whole)])
    }
  }, 300_000)
})
