/**
 * The command line: refusals, each one sentence with code 2 and nothing written; then processes as a user starts them,
 * for what only a process shows: exit codes, where text goes, a missing driver, Ctrl-C, and a loss that is not finite.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { program } from '../../../src/nas/cli/cli.js'
import { OPTIONS, PRESETS } from '../../../src/nas/configuration/options.js'
import { parseGenotype } from '../../../src/nas/genotypes/genotype.js'
import { device } from '../../device.js'
import { right } from '../../kernels/results.js'
import { type Ended, inProcess } from '../command.js'
import { linesOf } from '../sweeps.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const packed = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const caught = (child: ChildProcess): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const [stdout, stderr]: [string[], string[]] = [[], []]
    child.stdout?.on('data', text => stdout.push(String(text)))
    child.stderr?.on('data', text => stderr.push(String(text)))
    child.on('error', reject)
    child.on('close', code => resolve({ code, stdout: stdout.join(''), stderr: stderr.join('') }))
  })

const withoutDriver = { VK_DRIVER_FILES: '/nowhere.json', VK_ICD_FILENAMES: '/nowhere.json' }

/** Runs the command line as a process of its own. */
const asProcess = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  caught(
    spawn(process.execPath, ['--import', 'tsx', 'src/nas/main.ts', ...args], {
      cwd: root,
      env: { ...process.env, ...env }
    })
  )

/** Lines of the program itself: the driver's native warnings, which no program can catch, are left out. */
const ownLines = ({ stderr }: Ended): readonly string[] =>
  stderr.split('\n').filter(line => line !== '' && !/^Warning: |^ {4}at CheckVkSuccessImpl /.test(line))

const lines = (path: string) => linesOf(readFileSync(path, 'utf8'))
const summaryOf = (out: string) => JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8'))
const FILES = [
  ...['checkpoints', 'config.json', 'events.jsonl', 'events.out.tfevents', 'genotype.txt', 'profile.json'],
  ...['report.html', 'summary.json']
]
/** What a run leaves that did not come to its end. */
const FILES_OF_CUT = FILES.filter(name => name !== 'profile.json')

describe('help and version', () => {
  it('--help names both commands, what they do, and examples', async () => {
    const { code, stdout, stderr } = await inProcess('--help')
    expect([code, stderr]).toEqual([0, ''])
    for (const part of ['search', 'adapters', 'Examples:', '--version']) expect(stdout).toContain(part)
  })

  it('search --help has every option, every preset with its values, and examples', async () => {
    const { code, stdout } = await inProcess('search', '--help')
    expect(code).toBe(0)
    const flags = ['--backend', '--adapter', '--out', '--quiet', '--json', '--preset']
    for (const flag of [...OPTIONS.map(option => option.flag), ...flags]) expect(stdout).toContain(flag)
    const table = stdout.slice(stdout.indexOf('Presets'))
    for (const name of ['digits', 'paper-nb201', 'paper-s1 to paper-s5']) expect(table).toContain(name)
    const between = ['s2', 's3', 's4']
    for (const value of Object.values(PRESETS).flatMap(preset => Object.values(preset)))
      if (!between.includes(String(value))) expect(table).toContain(String(value))
    expect(table).toContain('Examples:')
    expect(table).not.toContain('lambda-darts train')
  })

  it('the help of a command has two to four examples, all of them of that command, in lines that fit', async () => {
    const leaves = (command: Command, path: readonly string[]): readonly (readonly string[])[] =>
      command.commands.length === 0 ? [path] : command.commands.flatMap(one => leaves(one, [...path, one.name()]))
    const commands = leaves(
      program(() => {}),
      []
    )
    expect(commands.length).toBeGreaterThan(10)
    for (const words of commands) {
      const { stdout } = await inProcess(...words, '--help')
      const shown = stdout.match(/^ {2}lambda-darts .*$/gm) ?? []
      expect(shown.length, words.join(' ')).toBeGreaterThanOrEqual(2)
      expect(shown.length, words.join(' ')).toBeLessThanOrEqual(4)
      expect(shown.filter(line => !line.startsWith(`  lambda-darts ${words.join(' ')}`))).toEqual([])
      expect(stdout.split('\n').filter(line => line.length > 100)).toEqual([])
      expect(stdout).toContain('Exit codes:\n  0    done\n')
    }
  })

  it('--version is that of the package', async () =>
    expect(await inProcess('--version')).toEqual({ code: 0, stdout: `${packed.version}\n`, stderr: '' }))

  it('no command prints the help and is bad input', async () => {
    const { code, stdout, stderr } = await inProcess()
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('Usage: lambda-darts')
  })
})

describe('adapters', () => {
  it('are listed, with a mark at the one that would be taken', async () => {
    const { code, stdout } = await inProcess('adapters')
    expect(code).toBe(0)
    expect(stdout).toContain(`* ${device.info.name}  (`)
    expect(stdout).toContain('The adapter marked * is taken unless --adapter names another.\n')
    const { adapters, taken } = JSON.parse((await inProcess('adapters', '--json')).stdout)
    expect(taken.name).toBe(device.info.name)
    expect(adapters.map(({ name }: { name: string }) => name)).toContain(taken.name)
  })
})

describe('what cannot be is refused in one sentence, with nothing written:', () => {
  const out = join(folder, 'refused', 'run')
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const full = join(folder, 'full')
  mkdirSync(full)
  writeFileSync(join(full, 'notes.txt'), 'mine')

  const search = (...args: readonly string[]) => ['search', '--out', out, ...args]
  const cases: readonly (readonly [string, readonly string[], string | RegExp])[] = [
    [
      'an unknown command',
      ['serach'],
      "options and commands that exist, but got unknown command 'serach' (Did you mean search?): see --help."
    ],
    [
      'no terms of a Neumann series',
      search('--method', 'idarts', '--neumann', '0'),
      "--neumann to be a whole number of 1 to 1000, but got '0': correct it."
    ],
    [
      'an option that the method does not read',
      search('--method', 'darts', '--inner-steps', '2'),
      '--inner-steps with --method idarts, but got --method darts, which does not read it: leave one of them out.'
    ],
    [
      'a fixed alpha that is to select',
      search('--method', 'fixed-alpha'),
      '--select perturbation with --method fixed-alpha, whose alpha says nothing, but got --select magnitude: select by perturbation, or use another method.'
    ],
    [
      'an epsilon of 0',
      ['diagnose', '--epsilons', '1e-2,0'],
      "--epsilons to be numbers above 0 with commas between them, but got '1e-2,0': correct it."
    ],
    [
      'steps that are no number',
      ['diagnose', '--steps', 'many'],
      "--steps to be a whole number of at least 0, but got 'many': correct it."
    ],
    [
      'a space that is neither a name nor a file',
      search('--space', 's6'),
      "--space to be one of s1, s2, s3, s4, s5, nb201, or a JSON file, but got 's6': name one of these."
    ],
    [
      'a space that is no JSON',
      search('--space', file),
      /^Wanted a space as JSON, but got 'Unexpected end of JSON input': correct the file\.$/
    ],
    [
      'a table with another space',
      search('--space', 's2', '--table', file),
      '--table with the space nb201, whose cells it holds, but got --space s2: leave one of them out.'
    ],
    [
      'an unknown option',
      search('--depth', '2'),
      "options and commands that exist, but got unknown option '--depth': see --help."
    ],
    [
      'an option without its value',
      search('--channels'),
      /but got option '--channels <n>' argument missing: see --help\.$/
    ],
    [
      'a word too many',
      search('now'),
      /but got too many arguments for 'search' \(Expected 0 arguments but got 1\): see --help\.$/
    ],
    [
      'no channels',
      search('--channels', '0'),
      "--channels to be a whole number of 1 to 1000000, but got '0': correct it."
    ],
    ['a lambda of NaN', search('--lambda', 'NaN'), "--lambda to be a number of at least 0, but got 'NaN': correct it."],
    [
      'half an epoch',
      search('--epochs', '0.5'),
      "--epochs to be a whole number of 1 to 1000000, but got '0.5': correct it."
    ],
    [
      'a batch larger than the split',
      search('--batch', '719'),
      '--batch of at most 718, the images of the smaller search part, but got 719: choose a smaller batch.'
    ],
    [
      'a network of more weights than fit',
      search('--channels', '100000'),
      /^Wanted a network of at most 268435456 weights, but got \d+/
    ],
    [
      'an unknown preset',
      search('--preset', 'paper'),
      "--preset to be one of digits, paper-nb201, paper-s1, paper-s2, paper-s3, paper-s4, paper-s5, but got 'paper': name one of these."
    ],
    [
      'an unknown backend',
      search('--backend', 'cpu'),
      "--backend to be one of auto, gpu, reference, but got 'cpu': name one of these."
    ],
    [
      'the published schedule in one epoch',
      search('--preset', 'paper-nb201', '--epochs', '1'),
      /^Wanted at least 2 epochs with --preset paper-nb201.*, but got 1: use more epochs, or the preset digits\.$/
    ],
    [
      'an adapter for the reference',
      search('--backend', 'reference', '--adapter', 'x'),
      /^Wanted --adapter with --backend gpu or auto/
    ],
    [
      'kernels of the reference',
      search('--backend', 'reference', '--unfused'),
      /^Wanted --unfused with --backend gpu or auto.*, but got --backend reference, which has no kernels: leave one of them out\.$/
    ],
    [
      'kernels of the reference to be verified',
      search('--backend', 'reference', '--verify'),
      /^Wanted --verify with --backend gpu or auto.*, but got --backend reference, which has no kernels: leave one of them out\.$/
    ],
    [
      'an adapter that is not there',
      search('--adapter', 'Voodoo 2'),
      /^Wanted an adapter named like "Voodoo 2", but there are only: /
    ],
    [
      'a folder that holds files',
      ['search', '--out', full],
      `--out to be a new or empty folder that can be written, but got '${full}', which holds files: choose another folder.`
    ],
    [
      'a folder below a file',
      ['search', '--out', join(file, 'run')],
      /^Wanted --out to be a new or empty folder .*\(E\w+: .*\): choose another folder\.$/
    ],
    [
      'a file for a folder',
      ['search', '--out', file],
      /^Wanted --out to be a new or empty folder that can be written, but got '.*file' \(E\w+: .*\): choose another folder\.$/
    ],
    [
      'a folder without a name',
      ['search', '--out', ''],
      "--out to be a new or empty folder that can be written, but got '': choose another folder."
    ]
  ]

  it.each(cases)('%s', async (_, args, message) => {
    const before = readdirSync(folder, { recursive: true }).sort()
    const ended = await inProcess(...args)
    expect(ended.code).toBe(2)
    expect(ended.stdout).toBe('')
    const own = ownLines(ended)
    expect(own.length).toBe(1)
    if (typeof message === 'string') expect(own[0]).toBe(`Wanted ${message}`)
    else expect(own[0]).toMatch(message)
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(before)
  })

  it('an unknown adapter is told the names of those that there are', async () =>
    expect((await inProcess('search', '--adapter', 'Voodoo 2', '--out', out)).stderr).toContain(device.info.name))

  it('a folder where a system refuses to make one', async () => {
    if (process.platform !== 'linux') return
    const { code, stderr } = await inProcess('search', '--out', '/proc/none/run')
    expect(code).toBe(2)
    expect(stderr).toMatch(
      /^Wanted --out .* but got '\/proc\/none\/run' \(ENOENT: no such file or directory\): choose another folder\.\n$/
    )
  })
})

describe('without a driver', () => {
  const out = join(folder, 'no-driver')
  const variables = Object.keys(withoutDriver)
  const before = variables.map(name => process.env[name])
  beforeAll(() => void Object.assign(process.env, withoutDriver))
  afterAll(() =>
    variables.forEach((name, i) => {
      if (before[i] === undefined) delete process.env[name]
      else process.env[name] = before[i]
    })
  )

  it.each([
    [['adapters']],
    [['search', '--backend', 'gpu', '--out', out]],
    [['search', '--adapter', 'x', '--out', out]]
  ])('%j has nothing to run on', async args => {
    const { code, stdout, stderr } = await inProcess(...args)
    const sentence =
      'Wanted a WebGPU adapter, but none was found: run `npm run adapter`, which installs a software one or says what is missing.'
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: `${sentence}\n` })
    expect(existsSync(out)).toBe(false)
  })

  it('a large step is not left to the reference, and told how large it is', async () => {
    const { code, stderr } = await inProcess('search', '--method', 'darts', '--channels', '48', '--out', out)
    expect(code).toBe(2)
    expect(stderr).toMatch(
      /^Wanted a WebGPU adapter for a step of [\d.]+ GFLOP, but got none, and the reference backend is for steps of at most 1 GFLOP: run `npm run adapter`, or wait with --backend reference\.\n$/
    )
    expect(existsSync(out)).toBe(false)
  })
})

describe.concurrent('as a process', () => {
  it('bad input ends with code 2 and one line on standard error', async () => {
    const ended = await asProcess(['search', '--batch', '1'])
    expect(ended).toEqual({
      code: 2,
      stdout: '',
      stderr: "Wanted --batch to be a whole number of at least 2, but got '1': correct it.\n"
    })
  })

  it('without a driver a small step goes on with the reference, and says so; --json prints events and the result as lines', async () => {
    const out = join(folder, 'reference')
    const args = '--method darts --channels 1 --batch 359 --epochs 1 --json --out'.split(' ')
    const ended = await asProcess(['search', ...args, out], withoutDriver)
    expect(ended.code).toBe(0)
    const [told, ...more] = ownLines(ended)
    expect(told).toMatch(/^No WebGPU adapter was found, so the reference backend goes on with 0\.\d+ GFLOP a step/)
    expect(more).toEqual([])
    const printed = linesOf(ended.stdout)
    expect(printed.slice(0, -1)).toEqual(lines(join(out, 'events.jsonl')))
    expect(printed.slice(0, -1).map(({ type }) => type)).toEqual(['compiled', 'step', 'step', 'epoch'])
    expect(printed.at(-1)).toEqual(summaryOf(out))
    expect(summaryOf(out)).toMatchObject({ adapter: 'reference', stepsDone: 2, stopped: null })
    expect(readdirSync(out).sort()).toEqual(FILES)
  })

  it('a loss that is not finite ends with code 1, its step and the node that was first; what was reached is kept', async () => {
    const out = join(folder, 'infinite')
    const args =
      '--backend reference --method darts --channels 1 --batch 2 --epochs 1 --learning-rate 1e100 --quiet --out'.split(
        ' '
      )
    const ended = await asProcess(['search', ...args, out])
    expect(ended.code).toBe(1)
    const sentence =
      /^A finite loss and finite gradients were wanted in every step, but in step (\d+) \w+ f32\[[\d,]*\] was the first that is not finite: lower --learning-rate or --lambda\.$/
    expect(ownLines(ended)).toEqual([expect.stringMatching(sentence)])
    const step = Number(sentence.exec(ownLines(ended)[0] as string)?.[1])
    const summary = summaryOf(out)
    expect(summary).toMatchObject({
      stepsDone: step - 1,
      stopped: { reason: 'non-finite', message: ownLines(ended)[0] }
    })
    expect(lines(join(out, 'events.jsonl')).filter(({ type }) => type === 'step').length).toBe(step - 1)
    expect(readFileSync(join(out, 'genotype.txt'), 'utf8')).toBe(`${summary.genotype}\n`)
    expect(readdirSync(out).sort()).toEqual(FILES_OF_CUT)
  })

  it.each(['SIGINT', 'SIGHUP'] as const)(
    '%s in `npm run search` ends after the step at hand with code 130; what was reached is kept',
    async name => {
      const out = join(folder, `interrupted by ${name}`)
      const args = '--backend reference --method darts --channels 1 --epochs 1000 --quiet --out'.split(' ')
      // What `npm run search` runs. A terminal sends the signal to the whole group of processes: what stands between
      // must not lose the end.
      const command = ['-c', `exec ${packed.scripts.search} "$@"`, 'search', ...args, out]
      const PATH = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH']}`
      const child = spawn('sh', command, { cwd: root, detached: true, env: { ...process.env, PATH } })
      const end = caught(child)
      const events = join(out, 'events.jsonl')
      const begun = () => existsSync(events) && readFileSync(events, 'utf8').split('\n').length > 3
      while (child.exitCode === null && !begun()) await new Promise(resolve => setTimeout(resolve, 50))
      process.kill(-(child.pid as number), name)
      if (name === 'SIGHUP') process.kill(-(child.pid as number), name)
      const ended = await end
      expect(ended.code).toBe(130)
      expect(ownLines(ended)).toContain('Interrupted: ending after this step.')
      const told = lines(events).filter(({ type }) => type === 'step')
      const summary = summaryOf(out)
      expect(summary).toMatchObject({
        stepsDone: told.length,
        epochsDone: Math.floor(told.length / 22),
        stopped: { reason: 'interrupted' }
      })
      expect(told.length).toBeGreaterThan(1)
      expect(right(parseGenotype(readFileSync(join(out, 'genotype.txt'), 'utf8'))).family).toBe('nb201')
      expect(ended.stdout).toContain(`Genotype: ${summary.genotype}`)
      expect(readdirSync(out).sort()).toEqual(FILES_OF_CUT)
    }
  )
})
