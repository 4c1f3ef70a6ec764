/**
 * Shows that the tests see faults: plants single ones, runs the tests that should see each, and reports which survive.
 * `npm run mutate -- --help`.
 *
 * The work is done in copies of the project, so that the checkout stays as it is.
 */
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import { EQUIVALENT } from './equivalent.js'
import { type Fault, faultsOf } from './faults.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** A run of tests that takes longer has met a loop without end. */
const PATIENCE_SECONDS = 400

interface Stage {
  readonly files: readonly string[]
  /** Only tests of such names. */
  readonly named?: string
}

const stage = (...files: readonly string[]): Stage => ({ files: files.map(file => `test/${file}.test.ts`) })
const LAWS = [
  stage('laws/primitives', 'autodiff/conventions', 'autodiff/grad'),
  stage('laws/kernels'),
  stage('laws/lowering', 'laws/functions')
]
/** Sorting, indexing and scans, at the sizes where another way is taken. */
const ORDER = [stage('kernels/contracts'), { ...stage('autodiff/order'), named: 'on gpu' }, stage('kernels/operands')]
const SIZES = [stage('laws/sizes', 'laws/digits'), stage('laws/compilers', 'laws/extremes')]

/** Which tests are asked, the quick ones first, by the file that has the fault. */
const PLAN: readonly (readonly [RegExp, (file: string) => readonly Stage[]])[] = [
  [/^shaders\/check_/, () => [stage('kernels/checks'), stage('engine/checked')]],
  [/^shaders\/(sort_|merge_runs|flip|cumsum|take|scatter_add)/, () => ORDER],
  [
    /^src\/autodiff\/ops\/(argsort|sort|scan|rearrange|indexing)/,
    () => [stage('laws/primitives', 'autodiff/shape'), ...ORDER]
  ],
  [
    /^src\/autodiff\/ops\/(einsum|resample|conv1d)/,
    () => [stage('autodiff/shape', 'autodiff/composites'), stage('golden/structure')]
  ],
  [
    /^shaders\//,
    file => [
      { ...stage('kernels/operands', 'kernels/checks'), named: `in the program of ${basename(file, '.wgsl')} ` },
      stage('kernels/operands', 'kernels/checks', 'kernels/contracts'),
      stage('kernels/variants'),
      ...LAWS,
      ...SIZES,
      stage('golden/ops')
    ]
  ],
  [/^src\/kernels\/checks\//, () => [stage('kernels/checks', 'engine/checked')]],
  [
    /^src\/kernels\/(variants\/|op\.ts|select\.ts)/,
    () => [
      stage('kernels/contracts'),
      stage('kernels/checks', 'kernels/operands'),
      stage('kernels/variants'),
      ...SIZES,
      ...LAWS
    ]
  ],
  [
    /^src\/kernels\//,
    () => [
      stage('kernels/plan', 'kernels/validate', 'kernels/contracts'),
      stage('kernels/execute', 'kernels/device', 'kernels/mappings', 'kernels/platform/wait', 'kernels/shader'),
      ...SIZES
    ]
  ],
  [
    /^src\/autodiff\/(lowering|fusion)\/|^src\/autodiff\/(passes|wgsl)\.ts/,
    () => [
      stage('autodiff/fuse', 'autodiff/passes'),
      stage('laws/lowering', 'laws/functions'),
      ...SIZES,
      stage('laws/kernels'),
      stage('bench/workloads')
    ]
  ],
  [
    /^src\/autodiff\/nn\.ts/,
    () => [
      stage('autodiff/conventions'),
      stage('golden/ops'),
      stage('laws/digits', 'autodiff/arguments'),
      stage('nas/method/harmony', 'nas/method/smooth')
    ]
  ],
  [
    /^src\/autodiff\//,
    () => [
      stage('laws/primitives', 'autodiff/shape', 'autodiff/grad', 'autodiff/kinks'),
      stage('autodiff/conventions', 'autodiff/arguments', 'autodiff/check'),
      stage('laws/functions', 'laws/kernels'),
      stage('golden/ops', 'engine/engine'),
      ...SIZES
    ]
  ]
]

const positive = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('A whole number of at least 1 is wanted.')
  return value
}

const present = (file: string): string => {
  if (!existsSync(file)) throw new InvalidArgumentError('There is no such file: name one.')
  return file
}

const options = new Command('npm run mutate --')
  .description(
    'Plants single faults in kernels, in what chooses them and in rules, and reports which of them the tests do not see.'
  )
  .option('--only <pattern>', 'files whose path matches, of shaders/, src/kernels and src/autodiff', '')
  .option('--per <count>', 'faults of each kind in each file', positive, 1)
  .option('--seed <seed>', 'which of them', positive, 1)
  .option('--workers <count>', 'at once', positive, 2)
  .option('--list', 'say which faults, plant none')
  .option('--stages <count>', 'only the first of the tests: what survives them may be seen by later ones', positive)
  .option('--again <file>', 'only faults that survived in an earlier run, whose output this is', present)
  .addHelpText(
    'after',
    `\nExamples:\n  npm run mutate\n  npm run mutate -- --only window_argmax --per 100\n  npm run mutate -- --only '^shaders' --stages 2 > first.txt; npm run mutate -- --again first.txt\n\nExit codes: 0 none survived, 1 some did, 2 bad input.\n`
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{
    only: string
    per: number
    seed: number
    workers: number
    list?: boolean
    stages?: number
    again?: string
  }>()

const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .trim()
  .split('\n')
const planOf = (file: string): readonly Stage[] | undefined => PLAN.find(([pattern]) => pattern.test(file))?.[1](file)
const pattern = new RegExp(options.only)
const files = tracked.filter(file => /\.(wgsl|ts)$/.test(file) && planOf(file) !== undefined && pattern.test(file))

type Planted = Fault & { readonly file: string }

/** A number from a text: which faults of many are taken must not follow the order of the lines. */
const hash = (text: string): number => {
  let value = 2166136261 ^ options.seed
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 16777619)
  return value >>> 0
}

const equivalenceOf = ({ file, before, after }: Planted): string | undefined =>
  EQUIVALENT.find(
    one =>
      (typeof one.file === 'string' ? one.file === file : one.file.test(file)) &&
      (typeof one.after === 'string' ? one.after === after.trim() : one.after.test(after) && !one.after.test(before))
  )?.why

const chosen = (file: string): readonly Planted[] => {
  const all = faultsOf(file, readFileSync(join(root, file), 'utf8')).map((fault): Planted => ({ ...fault, file }))
  const kinds = [...new Set(all.map(({ kind }) => kind))]
  return kinds.flatMap(kind =>
    all
      .filter(fault => fault.kind === kind)
      .toSorted((a, b) => hash(`${a.file}${a.after}`) - hash(`${b.file}${b.after}`))
      .slice(0, options.per)
  )
}

const show = ({ file, line, kind, before, after }: Planted): string =>
  `${file}:${line} ${kind}\n    - ${before.trim()}\n    + ${after.trim()}`

const copyOf = (folder: string): string => {
  for (const file of tracked.filter(one => /^(src|shaders|test|data|bench|scripts)\/|^[^/]+$/.test(one))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    cpSync(join(root, file), join(folder, file))
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

/** Whether a stage's tests pass. */
const passes = (folder: string, { files: list, named }: Stage): Promise<boolean> =>
  new Promise(resolve => {
    const args = [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--bail',
      '1',
      '--maxWorkers',
      '1',
      ...(named ? ['-t', named] : []),
      ...list
    ]
    const child = spawn(process.execPath, args, { cwd: folder, stdio: 'ignore', detached: true })
    const stop = () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    }
    const timer = setTimeout(stop, 1000 * PATIENCE_SECONDS)
    child.on('close', code => {
      clearTimeout(timer)
      resolve(code === 0)
    })
  })

const seen = async (folder: string, fault: Planted): Promise<boolean> => {
  const path = join(folder, fault.file)
  const text = readFileSync(path, 'utf8')
  writeFileSync(
    path,
    text
      .split('\n')
      .with(fault.line - 1, fault.after)
      .join('\n')
  )
  try {
    for (const one of planOf(fault.file)?.slice(0, options.stages) ?? []) if (!(await passes(folder, one))) return true
    return false
  } finally {
    writeFileSync(path, text)
  }
}

/** Without line numbers: lines that were added above since must not hide a fault. */
const unnumbered = (text: string): string => text.replaceAll(/(\.(?:ts|wgsl)):\d+ /g, '$1 ')
/** What the output of an earlier run says, without times. */
const earlier =
  options.again && unnumbered(readFileSync(options.again, 'utf8').replaceAll(/SURVIVED in \d+ s/g, 'SURVIVED'))
const all = files
  .flatMap(chosen)
  .filter(fault => earlier === undefined || earlier.includes(`SURVIVED: ${unnumbered(show(fault))}\n`))
const lost = earlier ? (earlier.match(/SURVIVED: /g)?.length ?? 0) - all.length : 0
const equivalent = all.filter(fault => equivalenceOf(fault) !== undefined)
const faults = all.filter(fault => equivalenceOf(fault) === undefined)
if (faults.length === 0) {
  process.stderr.write(`Wanted files with faults to plant, but none matches '${options.only}': see --help.\n`)
  process.exit(2)
}
const survivors: Planted[] = []
let next = 0
const work = async (): Promise<void> => {
  const folder = copyOf(mkdtempSync(join(tmpdir(), 'lambda-darts-mutate-')))
  for (let i = next++; i < faults.length; i = next++) {
    const fault = faults[i] as Planted
    const started = performance.now()
    const isSeen = await seen(folder, fault)
    if (!isSeen) survivors.push(fault)
    const seconds = ((performance.now() - started) / 1000).toFixed(0)
    process.stdout.write(`${i + 1}/${faults.length} ${isSeen ? 'seen' : 'SURVIVED'} in ${seconds} s: ${show(fault)}\n`)
  }
  rmSync(folder, { recursive: true, force: true })
}
const run = async (): Promise<void> => {
  await Promise.all(Array.from({ length: Math.min(options.workers, faults.length) }, work))
  process.stdout.write(
    [
      '',
      `${faults.length} faults in ${files.length} files: ${faults.length - survivors.length} seen, ${survivors.length} survived`,
      `${equivalent.length} that change nothing were left out, each for a reason (test/mutations/equivalent.ts)`,
      ...(lost > 0
        ? [`${lost} of the earlier ones are no more: their lines have changed, or other options chose them`]
        : []),
      ...survivors.map(show),
      ''
    ].join('\n')
  )
  process.exitCode = survivors.length > 0 ? 1 : 0
}

if (options.list)
  process.stdout.write(`${faults.map(show).join('\n')}\n${faults.length} faults in ${files.length} files\n`)
else await run()
