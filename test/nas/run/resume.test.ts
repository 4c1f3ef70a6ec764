/**
 * Runs that go on. A checkpoint is whole or refused; a search that goes on from any moment ends with the bits of one
 * that was never disturbed, however it was ended: by a step's end, by SIGKILL at any write, by a device that was lost;
 * and what is not the same run is refused with the differences.
 */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fc, test } from '@fast-check/vitest'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDevice } from '../../../src/engine/index.js'
import { setUp } from '../../../src/nas/cli/problem.js'
import { withLostDevices } from '../../../src/nas/cli/resume.js'
import { subset } from '../../../src/nas/data/dataset.js'
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, type Snapshot } from '../../../src/nas/run/checkpoint.js'
import type { Event } from '../../../src/nas/run/events.js'
import { goingOn } from '../../../src/nas/run/place.js'
import { search } from '../../../src/nas/run/search.js'
import { succeed } from '../../backends.js'
import { asProcess, goOnToTheEnd, OPTIONS, told, undisturbed } from '../../faults/runs.js'
import { right } from '../../kernels/results.js'
import { inProcess } from '../command.js'

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
    for (let length = 0; length < bytes.length; length++)
      expect(E.isLeft(decodeCheckpoint(bytes.subarray(0, length)))).toBe(true)
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
  stopAfter = Number.POSITIVE_INFINITY,
  tests: readonly number[] = FEW
) => {
  const { net, config, data: all } = await setUp({ ...TINY, ...given })
  const data = { ...all, train: subset(all.train, FEW), valid: subset(all.valid, FEW), test: subset(all.test, tests) }
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
    // A selection takes its time: every fifth of its moments is enough.
    const some = whole.snapshots.filter((_, i) => i % ('select' in given ? 5 : 1) === 0)
    for (const { snapshot, told } of some) {
      const rest = await searched(given, snapshot)
      // What was told before, and after; but for the compiling, which a process does for itself.
      expect([...whole.events.slice(0, told), ...rest.events.slice(1)]).toEqual(whole.events)
      expect(rest.result).toEqual(whole.result)
      expect((rest.snapshots.at(-1)?.snapshot ?? snapshot).tensors).toEqual(whole.snapshots.at(-1)?.snapshot.tensors)
    }
  })

  it('and sees nothing of the test part before it is over', async () => {
    const [one, other] = [await searched({}), await searched({}, undefined, undefined, [30, 31])]
    expect(other.events).toEqual(one.events)
    expect(other.snapshots).toEqual(one.snapshots)
    expect(other.result).toEqual({ ...one.result, testAccuracy: other.result.testAccuracy, testImages: 2 })
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

const whole = join(folder, 'whole')
/** The calls that write of an undisturbed run. */
const writes: string[] = []
beforeAll(async () => {
  writes.push(...(await undisturbed(whole, join(folder, 'log'))))
})
/** The number of the last call that begins so. */
const lastOf = (call: string, name: string): number =>
  1 + writes.findLastIndex(one => one.startsWith(`${call} `) && one.endsWith(`/${name}`))

describe('a run that is killed', () => {
  it('at any write, before it, in its middle, or after it, ends like one that was not', async () => {
    expect(writes.length).toBeGreaterThan(50)
    const kinds = ['before', 'middle', 'after'] as const
    // `npm run faults` kills at each of them. Here: some, and between the last files.
    const kills = 4
    const places = Array.from({ length: kills }, (_, i) => 1 + Math.floor((i * (writes.length - 1)) / (kills - 1)))
    for (const [i, at] of [...places, lastOf('writeFileSync', 'summary.json.part')].entries()) {
      const out = join(folder, `killed-${at}`)
      const env = { KILL_AT: String(at), KILL_WHEN: kinds[i % 3] as string }
      const first = await asProcess([...OPTIONS, '--out', out], { env })
      expect([at, first.signal]).toEqual([at, 'SIGKILL'])
      await goOnToTheEnd(out)
      expect([at, told(out)]).toEqual([at, told(whole)])
    }
  }, 300_000)

  it('and by a loss of power too: a file has its name only when all that came before it is flushed', () => {
    const unflushed = new Set<string>()
    const renamed: string[] = []
    for (const line of writes) {
      const [call, path = ''] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]
      if (call === 'writeFileSync' && !path.endsWith('/lock')) unflushed.add(path)
      if (call === 'fsyncSync') unflushed.delete(path)
      if (call !== 'renameSync') continue
      expect([path, ...unflushed]).toEqual([path])
      renamed.push(path)
    }
    // Checkpoints before any step and after each of nine, the configuration, and what follows the last step.
    const last = ['profile.json', 'genotype.txt', 'summary.json', 'report.html']
    expect(renamed.length).toBe(10 + 1 + last.length)
    expect(renamed.slice(-last.length).map(path => path.slice(path.lastIndexOf('/') + 1))).toEqual(
      last.map(name => `${name}.part`)
    )
  })
})

describe('a disk that is full', () => {
  const run = async (at: number, out: string) => {
    const env = { KILL_AT: String(at), KILL_WHEN: 'full' }
    const ended = await asProcess([...OPTIONS, '--out', out], { env })
    const sentence =
      "Wanted the files of the run to be written, but got 'ENOSPC: no space left on device, write': see to the folder"
    expect([at, ended.code, ended.stderr]).toEqual([at, 1, expect.stringContaining(sentence)])
    return ended
  }

  it('ends a run with its result and a sentence; nothing is left by half, and it goes on once there is room', async () => {
    for (const [name, says] of [
      ['events.jsonl', ''],
      ['genotype.txt.part', 'Test accuracy of the supernet']
    ] as const) {
      const out = join(folder, `full-${name}`)
      expect((await run(lastOf('writeFileSync', name), out)).stdout).toContain(says)
      const left = [out, join(out, 'checkpoints')].flatMap(path => readdirSync(path))
      expect(left.filter(one => one.endsWith('.part') || one === 'lock')).toEqual([])
      const lines = readFileSync(join(out, 'events.jsonl'), 'utf8').split('\n')
      expect(lines.pop()).toBe('')
      for (const line of lines) JSON.parse(line)
      await goOnToTheEnd(out)
      expect([name, told(out)]).toEqual([name, told(whole)])
    }
  }, 120_000)

  it.skipIf(process.platform === 'win32')(
    'at its first files leaves nothing behind',
    async () => {
      // Blocks of 512 bytes: of the configuration, and of the first checkpoint.
      for (const blocks of [1, 16]) {
        const out = join(folder, `small-${blocks}`)
        const { code, stderr } = await asProcess([...OPTIONS, '--out', out], { limit: `-f ${blocks}` })
        expect([blocks, code, stderr]).toEqual([
          blocks,
          1,
          expect.stringContaining("got 'EFBIG: file too large, write'")
        ])
        expect([blocks, existsSync(out)]).toEqual([blocks, false])
      }
    },
    60_000
  )

  it.skipIf(process.platform === 'win32')(
    'or a process that may open no more files, which not even looks into a folder',
    async () => {
      const out = join(folder, 'no-files')
      const at = 1 + writes.findIndex(line => line.startsWith('mkdirSync ') && line.endsWith('/checkpoints'))
      const env = { KILL_AT: String(at), KILL_WHEN: 'files' }
      const { code, stderr } = await asProcess([...OPTIONS, '--out', out], { limit: '-n 512', env })
      expect([code, stderr]).toEqual([1, expect.stringContaining("got 'EMFILE: too many open files, open ")])
      expect(existsSync(out)).toBe(false)
    },
    60_000
  )
})

/** What a refused command says. */
const refused = async (...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await inProcess(...args)
  expect([code, stdout]).toEqual([2, ''])
  return stderr
}

describe('--resume', () => {
  const run = join(folder, 'begun')
  /** A copy of a run that was interrupted after its first epoch, to be spoilt. */
  const copy = (name: string): string => {
    const to = join(folder, name)
    cpSync(run, to, { recursive: true })
    return to
  }
  const newestOf = (of: string): string =>
    join(of, 'checkpoints', readdirSync(join(of, 'checkpoints')).sort().at(-1) as string)
  /** The newest checkpoint of a run, rewritten with another identity. */
  const disguise = (of: string, identity: object): void => {
    const found = right(decodeCheckpoint(readFileSync(newestOf(of))))
    writeFileSync(newestOf(of), encodeCheckpoint({ ...found, identity: { ...found.identity, ...identity } }))
  }

  beforeAll(async () => {
    const killed = await asProcess([...OPTIONS, '--out', run], { env: { KILL_AT: '60', KILL_WHEN: 'after' } })
    expect(killed.signal).toBe('SIGKILL')
  })

  it('refuses a folder that is no run, one that has ended, and one that somebody is at', async () => {
    expect(await refused('search', '--resume', folder)).toContain(`but got '${folder}', which has no config.json`)
    expect(await refused('search', '--resume', join(folder, 'whole'))).toContain(
      'Wanted --resume to be a run that has not ended'
    )
    const held = copy('held')
    writeFileSync(join(held, 'lock'), JSON.stringify({ pid: 1, host: hostname() }))
    expect(await refused('search', '--resume', held)).toContain(
      `which process 1 of ${hostname()} is at: wait for it, or end it`
    )
    const foreign = copy('foreign')
    writeFileSync(join(foreign, 'config.json'), '{"genotype": 1}')
    expect(await refused('search', '--resume', foreign)).toContain('whose config.json is of none')
  })

  it('refuses --out beside it, and options that say something else', async () => {
    expect(await refused('search', '--resume', run, '--out', 'x')).toContain('leave --out away')
    expect(await refused('search', '--resume', run, '--channels', '2', '--seed', '5')).toContain(
      'but got --channels 2 for 1 and --seed 5 for 0'
    )
  })

  it('refuses another configuration, other data, and another adapter, and names the differences', async () => {
    const config = copy('config')
    const text = readFileSync(join(config, 'config.json'), 'utf8')
    writeFileSync(join(config, 'config.json'), text.replace('"batch": 8', '"batch": 6'))
    expect(await refused('search', '--resume', config)).toContain(
      'differences (config.batch is 8 there and 6 here): go on with what it had'
    )
    const data = copy('data')
    disguise(data, { data: 'another' })
    expect(await refused('search', '--resume', data)).toContain('data is "another" there and')
    const adapter = copy('adapter')
    disguise(adapter, { adapter: { name: 'another' } })
    expect(await refused('search', '--resume', adapter, '--backend', 'reference')).toContain(
      'or with --force, which gives other bits'
    )
  })

  it('passes over a checkpoint that is cut or altered, says why, and uses the one before it', async () => {
    const spoilt = copy('spoilt')
    const bytes = readFileSync(newestOf(spoilt))
    truncateSync(newestOf(spoilt), bytes.length - 1)
    const { code, stderr } = await inProcess('search', '--resume', spoilt, '--quiet')
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^'.*' is passed over: safetensors: .*\n$/)])
    expect(told(spoilt)).toMatchObject({ summary: { stepsDone: 9 } })
    const lost = copy('lost')
    for (const name of readdirSync(join(lost, 'checkpoints'))) truncateSync(join(lost, 'checkpoints', name), 9)
    expect(await refused('search', '--resume', lost)).toContain('Wanted a whole checkpoint in')
  })

  it('refuses when lines of its events are gone', async () => {
    const shorn = copy('shorn')
    truncateSync(join(shorn, 'events.jsonl'), 10)
    expect(await refused('search', '--resume', shorn)).toMatch(/events.jsonl' of at least \d+ bytes.* but got 10/)
  })

  it('--force goes on elsewhere', async () => {
    const adapter = copy('forced')
    disguise(adapter, { version: '0.0.0' })
    expect((await inProcess('search', '--resume', adapter, '--force', '--quiet')).code).toBe(0)
  })
})

describe('a device that is lost', () => {
  it('is opened again, and the run goes on from its last checkpoint to the same bits', async () => {
    const { net, config, data } = await setUp({ ...TINY, backend: 'gpu' })
    const few = {
      ...data,
      train: subset(data.train, FEW),
      valid: subset(data.valid, FEW),
      test: subset(data.test, FEW)
    }
    const searchOn = async (loseAfter: number) => {
      const kept: Snapshot[] = []
      const losses = { left: loseAfter }
      const opened = async () => ({ kind: 'gpu' as const, device: right(await openDevice()()), fused: false })
      const result = await withLostDevices(
        (backend, from) =>
          search(
            net,
            config,
            few,
            {
              tell: event => () => {
                if (event.type === 'step' && --losses.left === 0 && backend.kind === 'gpu')
                  backend.device.device.destroy()
              },
              interrupted: () => false,
              now: () => 0,
              checkpoints: { due: () => true, keep: snapshot => () => void kept.push(snapshot) }
            },
            from?.start
          )({ backend })(),
        { backend: await opened(), from: undefined },
        {
          open: opened,
          checkpoint: () => {
            const last = kept.at(-1) as Snapshot
            return { start: right(goingOn(net, last)), steps: last.steps, seconds: 0 }
          }
        }
      )
      return { result: right(result), last: kept.at(-1) }
    }
    const [undisturbed, lost] = [await searchOn(Number.POSITIVE_INFINITY), await searchOn(4)]
    expect(lost).toEqual(undisturbed)
  })
})
