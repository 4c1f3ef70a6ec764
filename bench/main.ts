/**
 * Checks each workload against the float64 reference, then times it: the first call, with an empty driver cache, and
 * the median of warm ones. `npm run bench -- --help` lists its options.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { type AdapterInfo, listAdapters, openDevice } from '../src/engine/index.js'
import { expected, median, worstError } from './check.js'
import { type Contestant, enter, type First } from './contestant.js'
import { load, save } from './exchange.js'
import { explain } from './explain.js'
import { excuse, explained } from './kinks.js'
import { type Peaks, peaksOf, peaksText } from './peaks.js'
import { header, isPyTorch, line, markdown, type Row } from './table.js'
import { WORKLOADS, type Workload } from './workloads.js'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const stop = (message: string): never => {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

const PEERS = ['jax-js', 'tfjs'] as const
/** A peer's numbers are right if they are off by no more than float32 rounding may explain. */
const PEER_TOLERANCE = 1e-3

/** Engines of PyTorch by what `--torch` names: on a card eager, and as a graph that was captured once. */
const TORCH = { cpu: ['pytorch'], cuda: ['pytorch-cuda', 'pytorch-graph'] } as const

/** The interpreter that has PyTorch, and PyTorch the device, if there is one. */
const pythonWithTorch = (on: keyof typeof TORCH): string | undefined =>
  ['python3', '/usr/bin/python3'].find(python => {
    const wanted = on === 'cuda' ? '; assert torch.cuda.is_available()' : ''
    return spawnSync(python, ['-c', `import torch, numpy${wanted}`]).status === 0
  })

const installPeers = (): void => {
  if (existsSync(here('peers/node_modules/@jax-js/jax'))) return
  process.stderr.write('installing the peers: npm ci --prefix bench/peers\n')
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--prefix', here('peers')], {
    stdio: ['ignore', 2, 2]
  })
  if (status !== 0)
    stop('The peers were to be installed, but npm failed as shown above: run `npm ci --prefix bench/peers`.')
}

interface Entered {
  readonly contestant: Contestant
  first?: First
  reason?: string
  /** How it was checked at the size that was timed, where the reference checks a smaller one. */
  verified?: string
  readonly samples: number[]
  readonly queued: number[]
}

/** `task`'s value, or why there is none. */
const attempt = async <A>(task: () => Promise<A>): Promise<{ value: A } | { reason: string }> => {
  try {
    return { value: await task() }
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) }
  }
}

const OWN = 'lambda-darts'

/** A workload on an adapter, and what its results are held to. */
interface Trial {
  readonly workload: Workload
  readonly adapter: AdapterInfo
  readonly peaks: Peaks
  /** What the engines read and write. */
  readonly folder: string
  readonly check: readonly unknown[]
  readonly want: Awaited<ReturnType<typeof expected>>
}

/**
 * How the reference explains what is off in this engine's results by choices that rounding decides, or that it does
 * not.
 */
const kinksOf = async ({ workload, adapter, check }: Trial, got: unknown): Promise<string | undefined> => {
  const opened = await openDevice({ adapter: adapter.name })()
  if (E.isLeft(opened)) return undefined
  const device = opened.right
  try {
    return excuse(await explained({ kind: 'gpu', device }, workload, check, got), workload.tolerance)
  } finally {
    device.device.destroy()
  }
}

/** How far off an engine's results are, and either why that is wrong or, if there is anything to say, why it is not. */
interface Judgement {
  readonly error: number
  readonly wrong?: string
  readonly note?: string
}

const judge = async (trial: Trial, engine: string): Promise<Judgement> => {
  const got = load(trial.folder, `results-${engine}`)
  const { error, path } = worstError(got, trial.want)
  if (error <= (engine === OWN ? trial.workload.tolerance : PEER_TOLERANCE)) return { error }
  const wrong = `its result ${path} is off by ${error.toExponential(1)}`
  if (engine !== OWN) return { error, wrong }
  const kinks = await attempt(() => kinksOf(trial, got))
  if ('reason' in kinks) return { error, wrong: `${wrong}, and its choices could not be looked at: ${kinks.reason}` }
  return kinks.value === undefined ? { error, wrong } : { error, note: kinks.value }
}

/** Longer calls than this are timed by two turns only. */
const LONG_MS = 5000

/** One after another: nothing is timed while something else is at work. */
const takeTurns = async (entered: readonly Entered[], rounds: number): Promise<void> => {
  for (const one of entered) {
    const started = await attempt(one.contestant.start)
    if ('reason' in started) one.reason = started.reason
    else one.first = started.value
  }
  for (let round = 0; round < rounds; round++) {
    for (const one of entered) {
      if (one.reason !== undefined || (round >= 2 && median(one.samples) > LONG_MS)) continue
      const sampled = await attempt(one.contestant.sample)
      if ('reason' in sampled) one.reason = sampled.reason
      else one.samples.push(sampled.value)
      if (!one.first?.alone) continue
      const queued = await attempt(one.contestant.queued)
      if ('value' in queued) one.queued.push(queued.value)
    }
  }
}

/** Has this engine check itself at the size that it was timed at. */
const verify = async (own: Entered): Promise<void> => {
  if (own.reason !== undefined) return
  const verified = await attempt(own.contestant.verify)
  if ('reason' in verified) own.reason = `not right at its own size: ${verified.reason}`
  else own.verified = verified.value
}

const rowOf = async (trial: Trial, own: Entered, one: Entered): Promise<Row> => {
  const { workload, adapter } = trial
  const { contestant, first, reason, samples, verified } = one
  const { engine } = contestant
  const { error, wrong, note }: Judgement = first ? await judge(trial, engine) : { error: Number.NaN }
  const ms = samples.length > 0 ? median(samples) : Number.NaN
  const gflops = (own.first?.flops ?? Number.NaN) / ms / 1e6
  const bytes = (first?.readBytes ?? Number.NaN) + (first?.writtenBytes ?? Number.NaN)
  const turns = samples.map((sample, i) => sample / (own.samples[i] ?? Number.NaN)).filter(Number.isFinite)
  return {
    workload: workload.name,
    engine,
    adapter: isPyTorch(engine) ? (first?.adapter ?? 'CPU') : `${adapter.name}${adapter.software ? ' (software)' : ''}`,
    ms,
    firstMs: first?.firstMs ?? Number.NaN,
    queuedMs: one.queued.length > 0 ? median(one.queued) : Number.NaN,
    gflops,
    share:
      engine === OWN ? Math.max(gflops / trial.peaks.gflops, bytes / ms / 1e6 / trial.peaks.gigabytes) : Number.NaN,
    dispatches: first?.dispatches ?? null,
    pipelines: first?.pipelines ?? null,
    peakBytes: first?.peakBytes ?? null,
    lowerBoundBytes: first?.lowerBoundBytes ?? null,
    readBytes: first?.readBytes ?? null,
    writtenBytes: first?.writtenBytes ?? null,
    ratio: turns.length > 0 ? median(turns) : Number.NaN,
    error,
    ok: reason === undefined && wrong === undefined,
    checked: `reference${workload.large ? ' at batch 2' : ''}${verified === undefined ? '' : ', verified'}`,
    note: [reason, wrong, note, first?.note, verified].filter(text => text !== undefined).join('; ')
  }
}

const measure = async (
  workload: Workload,
  adapter: AdapterInfo,
  peaks: Peaks,
  engines: readonly string[],
  python: string | undefined,
  options: Pick<Options, 'rounds' | 'verify'>
): Promise<readonly Row[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-bench-'))
  try {
    const check = workload.args(workload.large ? 2 : undefined)
    const trial = { workload, adapter, peaks, folder, check, want: await expected(workload, check) }
    save(folder, 'check', check)
    save(folder, 'args', workload.args())
    const node = [process.execPath, '--import', 'tsx']
    const commandOf = (engine: string): readonly string[] => {
      if (engine === OWN) return [...node, here('own.ts'), folder, workload.name, adapter.name]
      if (isPyTorch(engine)) return [python as string, here('torch/main.py'), folder, workload.name, engine]
      return [...node, here('peer.ts'), folder, engine, workload.name, adapter.name, adapter.backend]
    }
    const entered = engines.map(
      (engine): Entered => ({ contestant: enter(engine, commandOf(engine), folder), samples: [], queued: [] })
    )
    const [own] = entered as [Entered]
    await takeTurns(entered, options.rounds)
    if (workload.large && options.verify) await verify(own)
    await Promise.all(entered.map(({ contestant }) => contestant.end()))
    const rows: Row[] = []
    for (const one of entered) rows.push(await rowOf(trial, own, one))
    return rows
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const parts = (list: string): readonly string[] => list.split(',')
const turns = (text: string): number => {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('A whole number of at least 1 is wanted.')
  return count
}
const torchDevice = (text: string): keyof typeof TORCH => {
  if (text !== 'cpu' && text !== 'cuda') throw new InvalidArgumentError('It can be cpu or cuda.')
  return text
}
/** A file to be written in the end: whether its folder is there is seen before hours of work. */
const output = (file: string): string => {
  if (!existsSync(dirname(file)))
    throw new InvalidArgumentError(`The folder ${dirname(file)} does not exist: make it first.`)
  return file
}

interface Options {
  readonly quick?: boolean
  readonly only?: readonly string[]
  readonly adapter?: readonly string[]
  readonly peers?: boolean
  readonly torch?: true | keyof typeof TORCH
  readonly rounds: number
  readonly verify: boolean
  readonly json?: string
  readonly markdown?: string
  readonly explain?: readonly string[]
}
const options = new Command('npm run bench --')
  .description(
    'Checks each workload against the float64 reference, then times it: the first call, with an empty driver cache, and the median of warm ones.'
  )
  .option('--quick', 'without the workloads that take minutes')
  .option('--only <parts>', 'the workloads whose names contain one of these, by comma', parts)
  .option(
    '--adapter <parts>',
    'on each of these adapters, by a part of the name; without it, on the one that is preferred',
    parts
  )
  .option('--peers', 'jax-js and TensorFlow.js beside it, taking turns (installs bench/peers on its first use)')
  .option(
    '--torch [device]',
    'PyTorch beside it, where python3 has it: on the CPU, or on `cuda`, eager and as a CUDA graph',
    torchDevice
  )
  .option('--rounds <count>', 'turns of each engine', turns, 5)
  .option(
    '--no-verify',
    'search steps that the reference checks at batch 2 only there: not kernel by kernel at their own size, too, which takes minutes, and more than 25 for C16 N5 on a software adapter'
  )
  .option('--json <file>', 'the rows as JSON', output)
  .option('--markdown <file>', 'the table for docs/benchmarks.md', output)
  .option('--explain <parts>', 'no table: where the time of each workload so named goes, kernel by kernel', parts)
  .addHelpText(
    'after',
    `
Examples:
  npm run bench -- --quick --peers --json bench.json
  npm run bench -- --only conv,CNN --adapter llvmpipe --rounds 9
  npm run bench -- --explain "C8 N1 B32 16x16 fd"

Exit codes: 0 every row of lambda-darts is right, 1 one is not, 2 bad input or no adapter.
`
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
  .opts<Options>()

const listed = await listAdapters()()
const adapters = E.isRight(listed) ? listed.right : stop(listed.left.message)
const wanted = options.adapter ?? [adapters[0]?.name ?? '']
const found = wanted.map(
  part =>
    adapters.find(({ name }) => name.toLowerCase().includes(part.toLowerCase())) ??
    stop(
      `An adapter named like "${part}" was wanted, but there are only: ${adapters.map(({ name }) => name).join(', ') || 'none'}; choose one of these, or run \`npm run adapter\`.`
    )
)
const only = options.explain ?? options.only
const chosen = WORKLOADS.filter(({ name, slow }) =>
  only ? only.some(part => name.includes(part)) : !(options.quick && slow)
)
if (chosen.length === 0)
  stop(
    `A workload named like "${only}" was wanted, but there are only: ${WORKLOADS.map(({ name }) => name).join(', ')}; name one.`
  )

if (options.explain !== undefined) {
  for (const adapter of found) for (const workload of chosen) await explain(workload, adapter)
  process.exit()
}

if (options.peers) installPeers()
const on = options.torch === true ? 'cpu' : options.torch
const python = on && pythonWithTorch(on)
if (on && python === undefined)
  process.stderr.write(
    on === 'cuda'
      ? 'PyTorch is left out: python3 cannot import torch and numpy, or torch finds no CUDA device\n'
      : 'PyTorch is left out: python3 cannot import torch and numpy (Debian: apt-get install python3-torch)\n'
  )
const torch: readonly string[] = on && python ? TORCH[on] : []

process.stdout.write(header())
const rows: Row[] = []
for (const adapter of found) {
  const peaks = await peaksOf(adapter)
  process.stdout.write(peaksText(adapter, peaks))
  for (const workload of chosen) {
    const large = workload.name.startsWith('search step')
    const engines = [OWN, ...(options.peers && !large ? PEERS : []), ...(large ? [] : torch)]
    const measured = await measure(workload, adapter, peaks, engines, python, options)
    rows.push(...measured)
    for (const row of measured) process.stdout.write(line(row))
  }
}
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(rows, null, 2)}\n`)
if (options.markdown !== undefined) writeFileSync(options.markdown, markdown(rows))
// A peer that is wrong or fails is a finding; a wrong result of this engine is a failure.
process.exitCode = rows.every(({ ok, engine }) => ok || engine !== OWN) ? 0 : 1
