/**
 * Checks programs of seeds from one on until its time is over, and tells of each in a line of JSON: a process of its
 * own, since drivers keep what they compile and may end the process that asks for too much.
 * `worker.ts SEED SECONDS KINDS [COVERAGE_FILE]`
 */
import { writeFileSync } from 'node:fs'
import type { Kind } from './check.js'
import { Coverage } from './coverage.js'

const [from, seconds, kinds, file] = process.argv.slice(2) as [string, string, string, string | undefined]
const coverage = new Coverage()
if (file !== undefined) await coverage.start()

const { backends } = await import('../backends.js')
const { check } = await import('./check.js')
const { kernelsOf } = await import('./coverage.js')
const { generate } = await import('./generate.js')
const { Random } = await import('./random.js')

const tell = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
const chosen = Object.fromEntries((kinds.split(',') as Kind[]).map(kind => [kind, backends[kind]]))
const end = performance.now() + 1000 * Number(seconds)
for (let seed = Number(from); performance.now() < end; seed++) {
  tell({ seed, started: true })
  const program = generate(new Random(seed))
  try {
    const { wrong, elements, blind, plans } = await check(program, chosen)
    const kernels = Object.values(plans).flatMap(plan => [...new Set(kernelsOf(plan))])
    tell({
      seed,
      wrong,
      elements,
      blind,
      kernels,
      order: program.order,
      fused: program.fused,
      steps: program.steps.map(({ op }) => op)
    })
  } catch (error) {
    tell({
      seed,
      wrong: [{ kind: 'gpu', what: error instanceof Error ? (error.stack ?? error.message) : String(error) }],
      elements: 0,
      blind: 0,
      kernels: [],
      steps: []
    })
  }
}
if (file !== undefined) writeFileSync(file, JSON.stringify(await coverage.take()))
process.exit()
