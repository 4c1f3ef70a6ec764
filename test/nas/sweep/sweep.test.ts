/**
 * Sweeps: what a file is expanded to, what is refused, the lock of a run, and sweeps of tiny searches as processes on
 * this machine.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { interruption } from '../../../src/nas/cli/interruption.js'
import { beatsOf, readLock, releaseLock, takeLock } from '../../../src/nas/cli/runlock.js'
import { perform, runFolder, type Task } from '../../../src/nas/cli/runs.js'
import { knownOptions } from '../../../src/nas/cli/tasks.js'
import { argumentsOf, differences, parseSweep, runsOf, type Sweep } from '../../../src/nas/sweep/sweep.js'
import { left, right } from '../../kernels/results.js'
import { type Ended, inProcess } from '../command.js'
import { linesOf, SHORT, sweepFile, timeless } from '../sweeps.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-sweep-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const known = knownOptions()
const sweepOf = (file: unknown): Sweep => right(parseSweep(known)(JSON.stringify(file)))

describe('a sweep', () => {
  it('is a grid and a list of configurations over a base, times seeds', () => {
    const sweep = sweepOf({
      base: { epochs: 2, backend: 'reference' },
      grid: { method: ['darts', 'lambda-darts'], epochs: [3, 4] },
      list: [{ name: 'mine', channels: 2, eigenvalue: true }],
      seeds: [5, 1]
    })
    expect(sweep.configurations).toEqual([
      { name: 'darts-epochs3', options: { epochs: 3, backend: 'reference', method: 'darts' } },
      { name: 'darts-epochs4', options: { epochs: 4, backend: 'reference', method: 'darts' } },
      { name: 'lambda-darts-epochs3', options: { epochs: 3, backend: 'reference', method: 'lambda-darts' } },
      { name: 'lambda-darts-epochs4', options: { epochs: 4, backend: 'reference', method: 'lambda-darts' } },
      { name: 'mine', options: { epochs: 2, backend: 'reference', channels: 2, eigenvalue: true } }
    ])
    expect(runsOf(sweep).map(({ name }) => name)).toEqual(
      sweep.configurations.flatMap(({ name }) => [`${name}-seed5`, `${name}-seed1`])
    )
    expect([sweep.baseline, sweep.random]).toEqual([null, null])
  })

  it('has one configuration of combinations that differ in nothing that their method reads', () => {
    const { configurations } = sweepOf({
      base: { selectEpochs: 0 },
      grid: { method: ['darts', 'lambda-darts'], derivative: ['fd', 'exact'] },
      seeds: [0]
    })
    expect(configurations).toEqual([
      { name: 'darts', options: { method: 'darts' } },
      { name: 'lambda-darts-fd', options: { method: 'lambda-darts', derivative: 'fd' } },
      { name: 'lambda-darts-exact', options: { method: 'lambda-darts', derivative: 'exact' } }
    ])
  })

  it('draws ten cells at random if it is not told how many', () => {
    const random = (value: unknown) => sweepOf({ list: [{ name: 'a' }], seeds: [0], random: value }).random
    expect([random(true), random({ cells: 3 }), random(false)]).toEqual([{ cells: 10 }, { cells: 3 }, null])
  })

  it('is made by arguments of search', () => {
    const options = {
      epochs: 2,
      method: 'darts',
      eigenvalue: true,
      regulariseReduce: false,
      unfused: true,
      verify: false
    }
    expect(argumentsOf(known)({ seed: 3, options })).toEqual(
      '--seed 3 --epochs 2 --method darts --eigenvalue --no-regularise-reduce --unfused'.split(' ')
    )
  })

  it('says how another differs', () => {
    const [one, other] = [
      sweepOf({ list: [{ name: 'a', epochs: 2 }], seeds: [0] }),
      sweepOf({ list: [{ name: 'a', epochs: 3 }, { name: 'b' }], seeds: [0, 1], baseline: 'a', random: true })
    ]
    expect(differences(one, one)).toEqual([])
    expect(differences(one, other)).toEqual([
      'a.epochs: 2 -> 3',
      'seeds: 0 -> 0, 1',
      'baseline: none -> a',
      'random: none -> 10 cells',
      'b: not there -> there'
    ])
  })

  const cases: readonly (readonly [string, unknown, string])[] = [
    ['no object', [1], 'a sweep { base, grid, list, seeds, baseline, random } at the top of the sweep, but got [1]'],
    ['no seeds', { list: [{ name: 'a' }] }, 'a list of seeds at seeds of the sweep, but got nothing'],
    [
      'an unknown key',
      { seed: [0] },
      'the keys base, grid, list, seeds, baseline, random in a sweep, but got "seed": perhaps \'seeds\' is meant.'
    ],
    ['an empty list of seeds', { list: [{ name: 'a' }], seeds: [] }, '1 to 256 seeds, but got 0: correct "seeds".'],
    ['a seed twice', { list: [{ name: 'a' }], seeds: [1, 1] }, 'each seed once, but got 1 twice: leave one out.'],
    [
      'half a seed',
      { list: [{ name: 'a' }], seeds: [0.5] },
      'a whole number of 0 to 9007199254740991 at seeds.0 of the sweep, but got 0.5'
    ],
    [
      'no configurations',
      { seeds: [0] },
      'one or more configurations, but got neither "grid" nor "list": add one of them.'
    ],
    [
      'an unknown option',
      { base: { chanels: 2 }, list: [{ name: 'a' }], seeds: [0] },
      'options of a search in "base", but got "chanels": perhaps \'channels\' is meant.'
    ],
    [
      'an unknown option of a grid',
      { grid: { metod: ['darts'] }, seeds: [0] },
      'options of a search in "grid", but got "metod": perhaps \'method\' is meant.'
    ],
    [
      'a number as a text',
      { list: [{ name: 'a', epochs: '2' }], seeds: [0] },
      'a number as "epochs" in "list", entry 1, but got "2": write it as config.json has it.'
    ],
    [
      'a seed among the options',
      { base: { seed: 1 }, list: [{ name: 'a' }], seeds: [0] },
      'the seeds of the sweep in "seeds", but got "seed" in "base": move it there.'
    ],
    [
      'a configuration without a name',
      { list: [{ epochs: 2 }], seeds: [0] },
      'a name of letters, digits and . _ + - for each configuration of "list", but got nothing in entry 1: give it one.'
    ],
    [
      'a name that is a path',
      { list: [{ name: '../a' }], seeds: [0] },
      'a name of letters, digits and . _ + - for each configuration of "list", but got "../a" in entry 1: give it one.'
    ],
    [
      'a name twice',
      { grid: { method: ['darts'] }, list: [{ name: 'darts' }], seeds: [0] },
      'configurations of distinct names, but got \'darts\' twice: name them in "list".'
    ],
    [
      'an empty list of a grid',
      { grid: { method: [] }, seeds: [0] },
      'one or more values of "method" in "grid", but got none: add one, or leave it out.'
    ],
    [
      'an unknown baseline',
      { list: [{ name: 'fd' }, { name: 'exact' }], seeds: [0], baseline: 'exakt' },
      '"baseline" to be one of the configurations (fd, exact), but got "exakt": perhaps \'exact\' is meant.'
    ],
    [
      'too many combinations',
      {
        grid: Object.fromEntries(
          ['epochs', 'batch', 'channels'].map(key => [key, Array.from({ length: 30 }, (_, i) => i)])
        ),
        seeds: [0]
      },
      'at most 10000 combinations in "grid", but got 27000: leave some out.'
    ],
    [
      'too many runs',
      { grid: { epochs: Array.from({ length: 100 }, (_, i) => i) }, seeds: Array.from({ length: 101 }, (_, i) => i) },
      'at most 10000 runs, but got 10100: leave some out.'
    ],
    [
      'no cells to draw',
      { list: [{ name: 'a' }], seeds: [0], random: { cells: 0 } },
      'true, false or { cells } of 1 to 1000 at random of the sweep, but got {"cells":0}'
    ]
  ]
  it.each(cases)('is refused: %s', (_, file, sentence) => {
    const { message } = left(parseSweep(known)(JSON.stringify(file)))
    expect(message.startsWith(`Wanted ${sentence}`), message).toBe(true)
    expect(message).toMatch(/^[^\n]+\.$/)
  })
})

describe("a run's lock", () => {
  const path = join(folder, 'one.lock')
  const never = () => false
  const elsewhere = { host: 'elsewhere', space: '', pid: 1, token: 'theirs', lost: [] }
  const place = (record: object): void => writeFileSync(path, JSON.stringify(record))

  it('is one process at a time', async () => {
    const first = await takeLock(path, 60_000, never)
    const state = { waited: 0 }
    const second = takeLock(path, 60_000, never, ({ pid }) => {
      state.waited = pid
    })
    await sleep(300)
    expect(state.waited).toBe(process.pid)
    expect(readLock(path)?.token).toBe(first?.token)
    releaseLock(path, 'of another')
    expect(readLock(path)?.token).toBe(first?.token)
    releaseLock(path, first?.token as string)
    releaseLock(path, (await second)?.token as string)
    expect(existsSync(path)).toBe(false)
  })

  it('is taken at once from a process of this host that is gone, and says from whom', async () => {
    const mine = await takeLock(path, 60_000, never)
    const holder = { host: mine?.host as string, space: mine?.space as string, pid: 2 ** 22 + 1 }
    place({ ...holder, token: 'lost', beat: 0, lost: [] })
    const taken = await takeLock(path, 60_000, never)
    expect(taken?.lost).toEqual([holder])
    releaseLock(path, taken?.token as string)
  })

  it('is taken from a process elsewhere when its beats stand still, and no sooner', async () => {
    place({ ...elsewhere, beat: 0 })
    const { beat, close } = beatsOf(path, 'theirs')
    const taken = takeLock(path, 800, never)
    const state = { taken: false }
    taken.then(() => {
      state.taken = true
    })
    for (let count = 1; count <= 6; count++) {
      await sleep(300)
      expect(state.taken).toBe(false)
      beat(count)
    }
    const mine = await taken
    // The beats of one that was lost are written nowhere that counts.
    beat(7)
    close()
    expect(readLock(path)?.token).toBe(mine?.token)
    releaseLock(path, mine?.token as string)
  })

  it('is taken by one of many that wait', async () => {
    place({ ...elsewhere, beat: 0 })
    const state = { at: 0, most: 0 }
    const one = async (): Promise<void> => {
      const mine = await takeLock(path, 500, never)
      state.at++
      state.most = Math.max(state.most, state.at)
      await sleep(20)
      state.at--
      releaseLock(path, mine?.token as string)
    }
    await Promise.all(Array.from({ length: 8 }, one))
    expect(state).toEqual({ at: 0, most: 1 })
    expect(readdirSync(folder).filter(name => name.startsWith('one.lock'))).toEqual([])
  })

  it('is given up when the wait is interrupted', async () => {
    place({ ...elsewhere, beat: 0 })
    const state = { ended: false }
    const waiting = takeLock(path, 60_000, () => state.ended)
    state.ended = true
    expect(await waiting).toBeUndefined()
    rmSync(path)
  })
})

describe('what a run has left', () => {
  const task: Task = { name: 'a-seed0', arguments: ['--epochs', 'none'], place: [], config: { epochs: 1, seed: 0 } }
  const left = (name: string, files: Readonly<Record<string, string>>) => {
    const sweep = join(folder, name)
    mkdirSync(runFolder(sweep, task.name), { recursive: true })
    for (const [file, text] of Object.entries(files)) writeFileSync(join(runFolder(sweep, task.name), file), text)
    return sweep
  }
  const made = (sweep: string) => perform(sweep, task, { ending: interruption(), lostAfter: 10_000 })
  const summary = {
    genotype: '|none~0|',
    testAccuracy: 0.5,
    operations: {},
    lastEpoch: null,
    seconds: 1,
    adapter: 'reference',
    stopped: null
  }

  it('is kept when it is done', async () => {
    expect(await made(left('done', { 'summary.json': JSON.stringify(summary) }))).toEqual({ kind: 'done', summary })
  })
  it('is told again when a loss was not finite, which it would be again', async () => {
    const stopped = { reason: 'non-finite', message: 'A finite loss was wanted.' }
    expect(await made(left('infinite', { 'summary.json': JSON.stringify({ ...summary, stopped }) }))).toEqual({
      kind: 'failed',
      message: 'A finite loss was wanted.'
    })
  })
  it.each([
    [
      'a file of another',
      { 'notes.txt': 'mine' },
      /^Wanted a folder of this run, or none, but got '.*' with 'notes\.txt': move it away\.$/
    ],
    [
      'another configuration',
      { 'config.json': '{"epochs":2,"seed":0}' },
      /with another configuration: move it away\.$/
    ],
    [
      'a summary that is none',
      { 'summary.json': '{"genotype":1}' },
      /^Wanted the summary of a run, but got '.*: remove the folder of the run\.$/
    ]
  ])('is left alone and refused: %s', async (name, files, sentence) => {
    const sweep = left(name, files)
    const outcome = await made(sweep)
    expect(outcome).toEqual({ kind: 'failed', message: expect.stringMatching(sentence) })
    expect(readdirSync(runFolder(sweep, task.name))).toEqual(Object.keys(files))
  })
  it('is removed when it is its own and has no checkpoint; what the search refuses is its failure', async () => {
    const sweep = left('own', { 'config.json': '{"epochs":1,"seed":0,"more":1}', 'events.jsonl': '', lock: '{}' })
    expect(await made(sweep)).toEqual({
      kind: 'failed',
      message: expect.stringContaining('--epochs to be a whole number')
    })
    expect(existsSync(runFolder(sweep, task.name))).toBe(false)
    expect(readdirSync(join(sweep, 'locks'))).toEqual([])
  })
})

const sentenceOf = ({ stderr }: Ended): string => stderr.trim()

describe('the command refuses, before anything runs or is written:', () => {
  const out = join(folder, 'refused')
  const file = (content: unknown): string => sweepFile(folder, content)
  const good = { base: SHORT, list: [{ name: 'a' }], seeds: [0] }
  it.each([
    [
      'a file that is not there',
      () => [join(folder, 'none.json')],
      /^Wanted the sweep to be a file that can be read, but got/
    ],
    ['no JSON', () => [sweepFile(folder, undefined)], /^Wanted a sweep as JSON, but got .*: correct the file\.$/],
    [
      'a configuration that cannot be',
      () => [file({ ...good, base: { ...SHORT, batch: 1000 } })],
      /^Configuration 'a': Wanted --batch of at most 718, .*: choose a smaller batch\.$/
    ],
    [
      'an option that the method does not read',
      () => [file({ ...good, list: [{ name: 'b', method: 'darts', epsilon0: 1 }] })],
      /^Configuration 'b': Wanted --epsilon0 with --method lambda-darts/
    ],
    [
      'no jobs',
      () => [file(good), '--jobs', '0'],
      /^Wanted --jobs to be a whole number of 1 to 1024, but got '0': correct it\.$/
    ],
    [
      'jobs and workers',
      () => [file(good), '--jobs', '2', '--redis', 'redis://localhost'],
      /^Wanted --jobs without --redis, but got both: give --jobs to the workers\.$/
    ],
    [
      'a table for another space',
      () => [file(good), '--table', join(folder, 'none.csv')],
      /^Wanted --table with the space nb201, whose cells it holds, but got 'a' with/
    ]
  ] as const)('%s', async (_, args, sentence) => {
    const ended = await inProcess('sweep', '--out', out, ...args())
    expect([ended.code, ended.stdout]).toEqual([2, ''])
    expect(sentenceOf(ended)).toMatch(sentence)
    expect(existsSync(out)).toBe(false)
  })

  it('a folder that holds other files, and a worker without a queue', async () => {
    const full = join(folder, 'full')
    mkdirSync(full)
    writeFileSync(join(full, 'notes.txt'), 'mine')
    const ended = await inProcess('sweep', file(good), '--out', full)
    expect(ended.code).toBe(2)
    expect(sentenceOf(ended)).toMatch(
      /^Wanted --out to be a new or empty folder, or that of the same sweep, but got '.*', which holds other files/
    )
    const worker = async (url: string) => {
      const { code, stderr } = await inProcess('worker', '--redis', url)
      expect(code).toBe(2)
      return stderr.trim()
    }
    expect(await worker('localhost')).toBe(
      'Wanted --redis to be a URL like redis://host:6379, but got another text: correct it.'
    )
    expect(await worker('redis://:secret@127.0.0.1:1/0')).toBe(
      "Wanted a Redis that answers at redis://127.0.0.1:1/0, but got 'connect ECONNREFUSED 127.0.0.1:1': start it, or correct --redis."
    )
  })
})

describe('without the packages that queue runs', () => {
  it('says which, and how they are had', async () => {
    const hook = `export const resolve = (name, context, next) => {
      if (name === 'bullmq') throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
      return next(name, context)
    }`
    const urlOf = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`
    const without = urlOf(`import { register } from 'node:module'; register(${JSON.stringify(urlOf(hook))})`)
    const args = ['--import', 'tsx', '--import', without, 'src/nas/main.ts', 'worker', '--redis', 'redis://127.0.0.1:1']
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
    expect(stderr.trim()).toBe(
      'Wanted the packages bullmq and ioredis, which queue runs in Redis, but got one that is not installed: run `npm install bullmq ioredis`.'
    )
    expect(status).toBe(2)
  })
})

describe('a sweep on this machine', () => {
  it('goes on where it was interrupted, to the report of one that was not; what fails is told, the others go on', async () => {
    const file = sweepFile(folder, {
      base: { ...SHORT, epochs: 4 },
      grid: { method: ['darts'] },
      list: [{ name: 'infinite', method: 'darts', learningRate: 1e100 }],
      seeds: [0, 1],
      baseline: 'darts',
      random: true
    })
    const [whole, cut] = [join(folder, 'whole'), join(folder, 'cut')]
    const undisturbed = await inProcess('sweep', file, '--out', whole, '--jobs', '2', '--json')
    expect(undisturbed.code).toBe(1)
    expect(undisturbed.stderr).toContain('The random search is left out')
    const report = JSON.parse(readFileSync(join(whole, 'report.json'), 'utf8'))
    const [told, ...runs] = linesOf(undisturbed.stdout).toReversed()
    expect(runs.map(({ type, name, kind }) => [type, name, kind]).toSorted()).toEqual([
      ['run', 'darts-seed0', 'done'],
      ['run', 'darts-seed1', 'done'],
      ['run', 'infinite-seed0', 'failed'],
      ['run', 'infinite-seed1', 'failed']
    ])
    expect(report.failed.map(({ name }: { name: string }) => name)).toEqual(['infinite-seed0', 'infinite-seed1'])
    expect(report.failed[0].message).toMatch(/^A finite loss and finite gradients were wanted/)
    expect(told).toEqual(report)

    // Where the report cannot be written, it is said all the same.
    rmSync(join(whole, 'report.json'))
    mkdirSync(join(whole, 'report.json'))
    const unwritten = await inProcess('sweep', file, '--out', whole, '--json', '--quiet')
    expect([unwritten.code, JSON.parse(unwritten.stdout)]).toEqual([1, report])
    expect(unwritten.stderr).toContain('Wanted the files of the run to be written, but got ')

    const first = inProcess('sweep', file, '--out', cut, '--jobs', '1', '--quiet')
    const checkpoints = join(cut, 'runs/darts-seed0/checkpoints')
    while (!existsSync(checkpoints) || readdirSync(checkpoints).length === 0) await sleep(50)
    process.emit('SIGTERM')
    const interrupted = await first
    expect([interrupted.code, interrupted.stdout]).toEqual([130, ''])
    expect(interrupted.stderr).toContain('Interrupted: ending the searches after their steps.\n')
    expect(interrupted.stderr).toMatch(/^\d of 4 runs are done; the same command goes on with the others\.$/m)
    expect(readdirSync(join(cut, 'locks'))).toEqual([])

    const second = await inProcess('sweep', file, '--out', cut, '--jobs', '2', '--json')
    expect(second.code).toBe(1)
    expect(second.stderr).toMatch(/^darts-seed0 {2}goes on from its checkpoint$/m)
    expect(timeless(linesOf(second.stdout).at(-1))).toEqual(timeless(report))

    const other = sweepFile(folder, { base: SHORT, list: [{ name: 'a' }], seeds: [0] })
    const changed = await inProcess('sweep', other, '--out', cut)
    expect(changed.code).toBe(2)
    expect(sentenceOf(changed)).toMatch(
      /^Wanted the sweep that '.*' is of, but got another \('darts: there -> not there', 'infinite: there -> not there', 'seeds: 0, 1 -> 0', 'baseline: darts -> none', 'random: 10 cells -> none' and 1 more\): /
    )
  })

  it.skipIf(process.platform !== 'linux')(
    'whose terminal is closed ends by its signal, and keeps what it has',
    async () => {
      const file = sweepFile(folder, { base: { ...SHORT, epochs: 1000 }, list: [{ name: 'long' }], seeds: [0] })
      const [out, status] = [join(folder, 'closed'), join(folder, 'status')]
      const sweep = `'${process.execPath}' --import tsx src/nas/main.ts sweep '${file}' --out '${out}'`
      // The shell outlives its terminal, passes the signal on, and tells how the sweep ended.
      const shell = `${sweep} & trap "kill -HUP $!" HUP; wait $!; wait $!; echo $? > '${status}'`
      const terminal = spawn('script', ['--quiet', '--command', shell, '/dev/null'], { stdio: 'ignore' })
      const checkpoints = join(out, 'runs/long-seed0/checkpoints')
      while (!existsSync(checkpoints) || readdirSync(checkpoints).length === 0) await sleep(50)
      terminal.kill('SIGKILL')
      while (!existsSync(status) || readFileSync(status, 'utf8') === '') await sleep(50)
      expect(Number(readFileSync(status, 'utf8'))).toBe(128 + constants.signals.SIGHUP)
      expect(readdirSync(join(out, 'locks'))).toEqual([])
      expect(readdirSync(checkpoints).length).toBeGreaterThan(0)
    }
  )
})
