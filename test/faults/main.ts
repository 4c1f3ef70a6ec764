/**
 * Faults of the host, one after another, for as long as is wanted:
 *
 * - `writes`: a search is ended at each of its writes, by SIGKILL before, in the middle of or after it, or by a disk that
 *   is full from there on; every third one is ended once more as it goes on.
 * - `moments`: it is killed at random moments (`--kills`).
 * - `full`: it has little of a resource: disk, files, open files, memory, time.
 * - `decoders`: every decoder gets damaged files (`--inputs` each).
 *
 * What a search comes to in the end is held to one that was never disturbed, bit for bit.
 * `npm run faults -- --only writes,moments --kills 100 --inputs 1000000 --minutes 60 --seed 1`
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { keyOf, randomWords, uniformOf } from '../../src/autodiff/threefry.js'
import { ALL, tryDecoder } from './decoders.js'
import { fullResources } from './full.js'
import { asProcess, type Fault, goOnToTheEnd, OPTIONS, told, undisturbed } from './runs.js'

const PARTS = ['writes', 'moments', 'full', 'decoders'] as const
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: PARTS.join() },
    kills: { type: 'string', default: '100' },
    inputs: { type: 'string', default: '20000' },
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '0' }
  }
})
const parts = values.only.split(',')
const numbers = [values.kills, values.inputs, values.minutes, values.seed].map(Number)
const [kills = 0, inputs = 0, minutes = 0, seed = 0] = numbers
if (!numbers.every(one => Number.isSafeInteger(one) && one >= 0) || !parts.every(one => PARTS.some(it => it === one))) {
  process.stderr.write(`Wanted whole numbers, and --only some of ${PARTS.join()}: correct the options.\n`)
  process.exit(2)
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const until = performance.now() + 60_000 * minutes
const isOver = (): boolean => performance.now() > until
const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-faults-'))
let wrong = 0
const complain = (line: string): void => {
  wrong++
  say(`WRONG: ${line}`)
}

const whole = join(folder, 'whole')
const began = performance.now()
const needsRuns = parts.some(one => one !== 'decoders')
const writes = needsRuns ? await undisturbed(whole, join(folder, 'log')) : []
const lasts = performance.now() - began
const expected = needsRuns ? told(whole) : undefined
const words = randomWords(keyOf(seed), 3 * Math.max(kills, writes.length))
const below = (n: number, most: number): number => Math.floor(uniformOf(words[n] as number) * most)

/** Ends a search by a fault, perhaps once more as it goes on, and lets it end: whether it is as undisturbed. */
const survives = async (out: string, fault: Fault, again: Fault | undefined): Promise<string> => {
  const { code, signal } = await asProcess([...OPTIONS, '--out', out], fault)
  if (again) await asProcess(['search', '--resume', out, '--quiet', '--checkpoint-minutes', '0'], again)
  await goOnToTheEnd(out)
  if (isDeepStrictEqual(told(out), expected)) rmSync(out, { recursive: true })
  else complain(`it came to something else: ${out}`)
  return signal ?? `code ${code}`
}

/** Tries faults one by one, and says how many there were and how the searches ended. */
const tryAll = async (name: string, faults: readonly (readonly [string, Fault, Fault | undefined])[]) => {
  const ends: Record<string, number> = {}
  let tried = 0
  for (const [n, [told, fault, again]] of faults.entries()) {
    if (isOver()) break
    try {
      const ended = await survives(join(folder, `${name}-${n}`), fault, again)
      ends[ended] = (ends[ended] ?? 0) + 1
    } catch (reason) {
      complain(`seed ${seed}, ${told}: ${reason}`)
    }
    tried++
  }
  const counts = Object.entries(ends).map(([how, count]) => `${count} by ${how}`)
  say(`${name}: ${tried} of ${faults.length} tried, ended ${counts.join(', ')}`)
}

if (parts.includes('writes')) {
  // Each write once, in the way that the seed chooses: others with other seeds.
  const kinds = ['before', 'middle', 'after', 'full'] as const
  const faults = writes.map((call, n) => {
    const when = kinds[below(2 * n, kinds.length)] as string
    const again = { KILL_AT: String(1 + below(2 * n + 1, writes.length)), KILL_WHEN: 'middle' }
    const fault = { env: { KILL_AT: String(n + 1), KILL_WHEN: when } }
    return [`${when} write ${n + 1} (${call})`, fault, n % 3 === 0 ? { env: again } : undefined] as const
  })
  await tryAll('writes', faults)
}
if (parts.includes('moments'))
  await tryAll(
    'moments',
    Array.from({ length: kills }, (_, n) => {
      const moment = below(3 * n, 1.2 * lasts)
      const again = n % 2 === 1 ? { killAfter: below(3 * n + 1, lasts) } : undefined
      return [`after ${moment} ms`, { killAfter: moment }, again] as const
    })
  )
if (parts.includes('full')) {
  let tried = 0
  await fullResources(folder, expected, isOver, ({ name, ended, wrong: problem }) => {
    tried++
    if (problem === undefined) say(`  ${name}: ended with ${ended}`)
    else complain(`${name}, ended with ${ended}: ${problem}`)
  })
  say(`full: ${tried} tried`)
}
if (parts.includes('decoders'))
  for (const name of Object.keys(ALL)) {
    const { inputs: tried, taken, seconds, complaints } = await tryDecoder(name, { seed, inputs, until })
    say(`  ${name}: ${tried} of ${inputs} inputs in ${seconds.toFixed(0)} s, ${taken} of them taken`)
    complaints.forEach(complain)
  }
say(
  `${wrong === 0 ? 'Nothing was lost' : `${wrong} WRONG`}, in ${((performance.now() - began) / 60_000).toFixed(1)} minutes.`
)
if (wrong === 0) rmSync(folder, { recursive: true })
process.exitCode = wrong === 0 ? 0 : 1
