/**
 * The differential fuzzer: random programs on the device, with the kernels of both families, against the float64
 * reference. `npm run fuzz -- --help`.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import type { Kind, Wrong } from './check.js'
import { type Covered, KERNELS, together, unreached } from './coverage.js'
import { generate } from './generate.js'
import { type FuzzProgram, show } from './program.js'
import { Random } from './random.js'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
/** A process checks for so long, then another goes on. */
const TURN_SECONDS = 120
/** What a program may take: after that its process is taken to hang. */
const PATIENCE_SECONDS = 240
const SHRINK_SECONDS = 90

const positive = (text: string): number => {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('A number above 0 is wanted.')
  return value
}
const whole = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('A whole number is wanted.')
  return value
}
const kindsOf = (text: string): readonly Kind[] => {
  const kinds = text.split(',')
  if (!kinds.every(kind => kind === 'gpu' || kind === 'tiles'))
    throw new InvalidArgumentError('gpu, tiles or both are wanted.')
  return kinds as Kind[]
}

interface Options {
  readonly minutes: number
  readonly seed: number
  readonly backend: readonly Kind[]
  readonly program?: number
  readonly branches: boolean
  readonly keep: boolean
}

const options = new Command('npm run fuzz --')
  .description(
    'Random programs on the device against the float64 reference: values, gradients, Hessians, at the sizes at which kernels are chosen.'
  )
  .option('--minutes <count>', 'how long', positive, 1)
  .option('--seed <seed>', 'of the first program; the next has the next seed', whole, Date.now() % 2 ** 31)
  .option('--backend <kinds>', "gpu: this adapter's kernels; tiles: those of a GPU, on this adapter", kindsOf, [
    'gpu',
    'tiles'
  ])
  .option('--program <seed>', 'only the program of this seed, and what it is', whole)
  .option('--no-branches', 'without looking which branches were reached')
  .option('--no-keep', 'without writing what fails to test/fuzz/found')
  .addHelpText(
    'after',
    `
Examples:
  npm run fuzz -- --minutes 60
  npm run fuzz -- --minutes 10 --seed 1 --backend tiles
  npm run fuzz -- --program 1207

What fails is made as small as it gets and kept in test/fuzz/found, where it is a test from then on.
Exit codes: 0 nothing was wrong, 1 something was, 2 bad input or no adapter.
`
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
  .opts<Options>()

interface Told {
  readonly seed: number
  readonly started?: true
  readonly wrong: readonly Wrong[]
  readonly elements: number
  readonly blind: number
  readonly kernels: readonly string[]
  readonly steps: readonly string[]
}

const totals = { programs: 0, elements: 0, blind: 0 }
const kernels = new Map<string, number>()
const operations = new Map<string, number>()
const failures: { readonly seed: number; readonly wrong: readonly Wrong[] }[] = []
const covered: (readonly Covered[])[] = []

const count = (into: Map<string, number>, names: readonly string[]): void => {
  for (const name of names) into.set(name, (into.get(name) ?? 0) + 1)
}

const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-fuzz-'))

/** Lets a process check programs from a seed on; the seed after the last. */
const turn = (from: number, seconds: number): Promise<number> =>
  new Promise(resolve => {
    const file = join(folder, `${from}.json`)
    const args = [
      '--import',
      'tsx',
      here('worker.ts'),
      String(from),
      String(seconds),
      options.backend.join(),
      ...(options.branches ? [file] : [])
    ]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let [next, underway, noise] = [from, false, '']
    let timer = setTimeout(() => child.kill('SIGKILL'), 1000 * PATIENCE_SECONDS)
    child.stderr.on('data', text => {
      noise = `${noise}${text}`.slice(-2000)
    })
    createInterface({ input: child.stdout }).on('line', line => {
      const told = JSON.parse(line) as Told
      clearTimeout(timer)
      timer = setTimeout(() => child.kill('SIGKILL'), 1000 * PATIENCE_SECONDS)
      underway = told.started === true
      next = told.seed + 1
      if (underway) return
      totals.programs++
      totals.elements += told.elements
      totals.blind += told.blind
      count(kernels, told.kernels)
      count(operations, told.steps)
      if (told.wrong.length > 0) {
        failures.push({ seed: told.seed, wrong: told.wrong })
        process.stdout.write(
          `seed ${told.seed}: ${told.wrong.map(({ kind, what }) => `${kind}: ${what}`).join('\n  ')}\n`
        )
      }
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code !== 0) {
        const cause = noise
          .split('\n')
          .filter(line => !line.startsWith('Warning: max'))
          .join('\n')
          .trim()
        if (!underway && next === from) {
          process.stderr.write(`${cause}\n`)
          process.exit(2)
        }
        const what = `the process ended with ${signal ?? code}: ${cause}`
        failures.push({ seed: next - 1, wrong: [{ kind: 'gpu', what }] })
        process.stdout.write(`seed ${next - 1}: ${what}\n`)
      } else if (options.branches) covered.push(JSON.parse(readFileSync(file, 'utf8')))
      resolve(next)
    })
  })

/** Makes a failing program small, and keeps it. What ends a process is kept as it is. */
const keep = async (seed: number, wrong: readonly Wrong[]): Promise<void> => {
  const { backends } = await import('../backends.js')
  const { check } = await import('./check.js')
  const { shrink } = await import('./shrink.js')
  const program = generate(new Random(seed))
  const ends = wrong.some(({ what }) => what.startsWith('the process ended'))
  const kinds = options.backend.filter(kind => wrong.some(one => one.kind === kind || one.kind === 'passes'))
  const chosen = Object.fromEntries((kinds.length > 0 ? kinds : options.backend).map(kind => [kind, backends[kind]]))
  const fails = async (one: FuzzProgram): Promise<boolean> => {
    try {
      return (await check(one, chosen)).wrong.length > 0
    } catch {
      return true
    }
  }
  const smallest = ends ? program : await shrink(program, fails, SHRINK_SECONDS)
  process.stdout.write(`seed ${seed}, made small:\n${show(smallest).replace(/^/gm, '  ')}\n`)
  if (!options.keep) return
  mkdirSync(here('found'), { recursive: true })
  writeFileSync(here(`found/seed-${seed}.json`), `${JSON.stringify(smallest, null, 2)}\n`)
}

const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'none')

const summary = (from: number, to: number): string => {
  const reached = new Set([...kernels.keys()].map(name => name.replace(/( by vec4)?(,.*)?$/, '')))
  const forms = [...kernels]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, times]) => `  ${String(times).padStart(6)}  ${name}`)
  const branches = options.branches ? unreached(together(covered)) : []
  return [
    `${totals.programs} programs, seeds ${from} to ${to - 1}, on ${options.backend.join(' and ')}: ${failures.length} wrong`,
    `${totals.elements} elements compared; ${((100 * totals.blind) / Math.max(1, totals.elements)).toFixed(2)} % with a bound above 1 % of the result's largest entry`,
    `operations: ${[...operations]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, times]) => `${name} ${times}`)
      .join(', ')}`,
    'kernels, by programs that called them:',
    ...forms,
    `kernels that no program called: ${list(KERNELS.filter(name => !reached.has(name)))}`,
    ...(options.branches
      ? [
          `branches that no program reached: ${branches.length === 0 ? 'none' : ''}`,
          ...branches.map(line => `  ${line}`)
        ]
      : [])
  ].join('\n')
}

if (options.program !== undefined) {
  const { backends } = await import('../backends.js')
  const { check } = await import('./check.js')
  const program = generate(new Random(options.program))
  process.stdout.write(`${show(program)}\n`)
  const { wrong } = await check(program, Object.fromEntries(options.backend.map(kind => [kind, backends[kind]])))
  process.stdout.write(`${wrong.map(({ kind, what }) => `${kind}: ${what}`).join('\n') || 'nothing is wrong'}\n`)
  process.exit(wrong.length > 0 ? 1 : 0)
}

process.stdout.write(`seed ${options.seed}\n`)
const end = performance.now() + 60_000 * options.minutes
let next = options.seed
while (performance.now() < end) next = await turn(next, Math.min(TURN_SECONDS, (end - performance.now()) / 1000))
process.stdout.write(`${summary(options.seed, next)}\n`)
for (const { seed, wrong } of failures) await keep(seed, wrong)
rmSync(folder, { recursive: true, force: true })
process.exit(failures.length > 0 ? 1 : 0)
