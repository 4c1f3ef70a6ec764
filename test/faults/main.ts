/**
 * Ends a search at random writes, by SIGKILL before, in the middle of or after one, or by a disk that is full from
 * there on; lets it be ended again as it goes on; and holds what it comes to in the end to a run that was never
 * disturbed, bit for bit. `npm run faults -- --kills 100 --seed 1`
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { keyOf, randomWords, uniformOf } from '../../src/autodiff/threefry.js'
import { asProcess, goOnToTheEnd, OPTIONS, told, undisturbed } from './runs.js'

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '24' }, seed: { type: 'string', default: '0' } }
})
const [kills, seed] = [Number(values.kills), Number(values.seed)]
if (!Number.isSafeInteger(kills) || kills < 1 || !Number.isSafeInteger(seed) || seed < 0) {
  process.stderr.write('Wanted --kills of at least 1 and a --seed of at least 0: give whole numbers.\n')
  process.exit(2)
}

const WHEN = ['before', 'middle', 'after', 'full'] as const
const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-faults-'))
const whole = join(folder, 'whole')
const writes = await undisturbed(whole, join(folder, 'count'))
const expected = told(whole)
const words = randomWords(keyOf(seed), 3 * kills)
const below = (n: number, most: number): number => Math.floor(uniformOf(words[n] as number) * most)
const counts: Record<string, number> = {}
let lost = 0
for (let n = 0; n < kills; n++) {
  const [at, when] = [1 + below(3 * n, writes), WHEN[below(3 * n + 1, WHEN.length)] as string]
  const out = join(folder, `run-${n}`)
  const first = await asProcess([...OPTIONS, '--out', out], { KILL_AT: String(at), KILL_WHEN: when })
  // Every other run is ended once more as it goes on.
  const again = n % 2 === 1 && { KILL_AT: String(1 + below(3 * n + 2, writes)), KILL_WHEN: 'middle' }
  if (again) await asProcess(['search', '--resume', out, '--quiet', '--checkpoint-minutes', '0'], again)
  await goOnToTheEnd(out)
  const isSame = isDeepStrictEqual(told(out), expected)
  const how = first.signal ?? `code ${first.code}`
  counts[how] = (counts[how] ?? 0) + 1
  if (isSame) rmSync(out, { recursive: true })
  else {
    lost++
    process.stdout.write(
      `seed ${seed}, run ${n}: ended ${when} write ${at} of ${writes}, and came to something else: ${out}\n`
    )
  }
}
const ends = Object.entries(counts).map(([how, count]) => `${count} by ${how}`)
process.stdout.write(
  `${kills} runs of ${writes} writes, ended ${ends.join(', ')}: ${kills - lost} the same as undisturbed, ${lost} not\n`
)
if (lost === 0) rmSync(folder, { recursive: true })
process.exitCode = lost === 0 ? 0 : 1
