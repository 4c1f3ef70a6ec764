/**
 * Workers on a real Redis: they share a sweep, one is killed in the middle, Redis forgets or goes; the report is that
 * of one machine.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { isGone, readLock } from '../../../src/nas/cli/runlock.js'
import { type Ended, inProcess } from '../command.js'
import { type RunningRedis, redisProgram, startRedis } from '../redis.js'
import { linesOf, SHORT, sweepFile, timeless } from '../sweeps.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-worker-'))
const program = redisProgram()
const redis: RunningRedis | undefined = program && (await startRedis(program))
const children = new Set<ChildProcess>()
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
})
afterAll(async () => {
  await redis?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Silent for so long is lost: short, but long enough for a machine that is busy. */
const LOST_AFTER = '2'

interface Worker {
  readonly child: ChildProcess
  readonly said: () => string
  readonly ended: Promise<Ended>
}

/** A worker as a process. */
const startWorker = (...more: readonly string[]): Worker => {
  const args = ['worker', '--redis', redis?.url as string, '--jobs', '1', '--lost-after', LOST_AFTER, ...more]
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/nas/main.ts', ...args], { cwd: root })
  children.add(child)
  const [stdout, stderr]: [string[], string[]] = [[], []]
  child.stdout.on('data', text => stdout.push(String(text)))
  child.stderr.on('data', text => stderr.push(String(text)))
  const ended = new Promise<Ended>(resolve => {
    child.on('close', code => resolve({ code, stdout: stdout.join(''), stderr: stderr.join('') }))
  })
  return { child, said: () => stdout.join(''), ended }
}

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await sleep(50)
}

/** Whether a run has been trained beyond its beginning. */
const isUnderWay = (out: string, run: string): boolean => {
  const checkpoints = join(out, 'runs', run, 'checkpoints')
  return existsSync(checkpoints) && readdirSync(checkpoints).some(name => /[1-9]/.test(name))
}

const sweepHere = (file: string, out: string) => inProcess('sweep', file, '--out', out, '--quiet', '--json')
const sweepThere = (file: string, out: string, lostAfter = LOST_AFTER) =>
  inProcess('sweep', file, '--out', out, '--json', '--redis', redis?.url as string, '--lost-after', lostAfter)

describe.skipIf(!redis)(
  `workers${redis ? '' : ' (skipped: neither redis-server nor a Debian to fetch it from)'}`,
  () => {
    it('share a sweep; one is killed in the middle, another is ended, and the report is that of one machine', async () => {
      const file = sweepFile(folder, {
        base: { ...SHORT, epochs: 6 },
        grid: { method: ['darts'] },
        seeds: [0, 1]
      })
      const [here, there] = [join(folder, 'here'), join(folder, 'there')]
      const undisturbed = await sweepHere(file, here)
      expect(undisturbed.code).toBe(0)

      const first = startWorker()
      const sweep = sweepThere(file, there)
      await until(() => isUnderWay(there, 'darts-seed0'))
      const search = readLock(join(there, 'locks/darts-seed0.lock'))?.pid as number
      first.child.kill('SIGKILL')
      await until(() => isGone(search))
      const events = () => readFileSync(join(there, 'runs/darts-seed0/events.jsonl'), 'utf8')
      const left = events()
      expect(existsSync(join(there, 'runs/darts-seed0/summary.json'))).toBe(false)

      // A worker that is ended puts its run back; the next one goes on.
      const second = startWorker()
      await until(() => isUnderWay(there, 'darts-seed1') || events().length > left.length)
      second.child.kill('SIGTERM')
      const ended = await second.ended
      expect(ended.code).toBe(130)
      expect(ended.stderr).toContain(
        'Interrupted: ending the searches after their steps; their runs go back to the queue.'
      )
      expect(second.said()).toMatch(/ {2}interrupted$/m)

      const [third, fourth] = [startWorker(), startWorker()]
      const disturbed = await sweep
      expect(disturbed.code).toBe(0)
      expect(`${second.said()}${third.said()}${fourth.said()}`).toMatch(/^darts-seed0 {2}goes on from its checkpoint$/m)
      expect(disturbed.stderr).toMatch(/^darts-seed0 {2}is made by process \d+ on /m)
      expect(timeless(linesOf(disturbed.stdout).at(-1))).toEqual(timeless(linesOf(undisturbed.stdout).at(-1)))
      expect(readdirSync(join(there, 'locks'))).toEqual([])
    })

    it('a Redis that forgets is told again; one that stays away ends workers and sweeps, with a sentence and code 1', async () => {
      const out = join(folder, 'forgotten')
      const file = sweepFile(folder, {
        base: { ...SHORT, epochs: 200 },
        list: [{ name: 'a', method: 'darts' }],
        seeds: [0]
      })
      const sweep = sweepThere(file, out, '1')
      await until(() => existsSync(join(out, 'sweep.json')))
      await sleep(500)
      await redis?.stop()
      await redis?.start()
      const worker = startWorker('--lost-after', '1')
      await until(() => isUnderWay(out, 'a-seed0'))

      await redis?.stop()
      const [ended, given] = [await worker.ended, await sweep]
      await redis?.start()
      for (const { code, stderr } of [ended, given]) {
        expect(code).toBe(1)
        expect(stderr).toContain(
          `Wanted Redis at ${redis?.url} to come back within 6 s, but it did not: start it, and then this command again.\n`
        )
      }
      const summary = JSON.parse(readFileSync(join(out, 'runs/a-seed0/summary.json'), 'utf8'))
      expect(summary.stopped).toEqual({ reason: 'interrupted' })
      expect(readdirSync(join(out, 'locks'))).toEqual([])
    })

    it('a worker that does not see the folder of a sweep refuses, and the run stays for others', async () => {
      const out = join(folder, 'shared', 'unseen')
      const file = sweepFile(folder, { base: SHORT, list: [{ name: 'a', method: 'darts' }], seeds: [0] })
      const sweep = sweepThere(file, out)
      const blind = await startWorker('--dir', join(folder, 'elsewhere')).ended
      expect(blind.code).toBe(2)
      expect(blind.stderr).toMatch(
        /Wanted the folder of the sweep of 'a-seed0', which hosts must share, but got '.*elsewhere\/unseen', which is not that here: name the folder that it lies in with --dir\./
      )
      startWorker('--dir', join(folder, 'shared'))
      expect((await sweep).code).toBe(0)
    })

    it('a sweep that is interrupted leaves its runs in the queue, and waits for them when it is started again', async () => {
      const out = join(folder, 'left')
      const file = sweepFile(folder, { base: SHORT, list: [{ name: 'a', method: 'darts' }], seeds: [0] })
      const sweep = sweepThere(file, out)
      await until(() => existsSync(join(out, 'sweep.json')))
      await sleep(1000)
      process.emit('SIGTERM')
      const interrupted = await sweep
      expect(interrupted.code).toBe(130)
      expect(interrupted.stderr).toContain('Interrupted: workers go on with what is queued.')
      startWorker()
      await until(() => existsSync(join(out, 'runs/a-seed0/summary.json')))
      expect((await sweepThere(file, out)).code).toBe(0)
    })
  }
)
