/**
 * `lambda-darts gradcheck`: what it says of functions that are right, wrong, kinked and not there, and its exit codes.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { inProcess } from '../command.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-gradcheck-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const cases = (name: string): string => fileURLToPath(new URL(`cases/${name}`, import.meta.url))
const functions = cases('functions.ts')
const WRONG =
  "checkGrads wanted the derivative of entry [0] of the result at 'y' in entry [0] of argument 1 to be 6 as central differences say, but got 1 (relative error 0.83) where argument 0 at 'w' = 1, argument 1 = [3]; mend the vjp that it comes from."

describe('what is right', () => {
  it('passes on the reference and on the adapter, with a line for each and code 0', async () => {
    const { code, stdout, stderr } = await inProcess('gradcheck', `${functions}:cube`)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.trimEnd().split('\n')).toEqual([
      'cube on reference (float64 on the CPU): derivatives to order 2 are as central differences have them.',
      expect.stringMatching(/^cube on .+: value and derivatives to order 2 are as on the reference\.$/)
    ])
  })
  it('the order of a case is its own, unless the command line says another', async () => {
    const order = async (...more: readonly string[]) =>
      (await inProcess('gradcheck', `${functions}:options`, '--backend', 'reference', ...more)).stdout.match(
        /order \d/
      )?.[0]
    expect(await order()).toBe('order 3')
    expect(await order('--order', '1')).toBe('order 1')
  })
})

describe('what is wrong', () => {
  it('is named with its entries, order and size, at simpler arguments, with code 1', async () => {
    const { code, stdout } = await inProcess('gradcheck', `${functions}:wrong`, '--backend', 'reference')
    expect([code, stdout]).toEqual([1, `wrong on reference (float64 on the CPU): ${WRONG}\n`])
  })
  it('and in JSON', async () => {
    const { code, stdout } = await inProcess('gradcheck', functions, '--backend', 'reference', '--json')
    const results = JSON.parse(stdout)
    expect(code).toBe(1)
    expect(results.map(({ name, ok }: { name: string; ok: boolean }) => [name, ok])).toEqual([
      ['cube', true],
      ['kinked', false],
      ['options', true],
      ['wrong', false]
    ])
    expect(results[3]).toMatchObject({
      backend: 'reference',
      message: WRONG,
      against: 'differences',
      order: 1,
      output: { path: 'y', entry: [0] },
      inputs: [{ argument: 1, path: '', entry: [0] }],
      kink: null,
      arguments: "argument 0 at 'w' = 1, argument 1 = [3]"
    })
    expect(Number(results[3].wanted)).toBeCloseTo(6, 6)
    expect(results[1]).toMatchObject({ kink: 'relu' })
  })
  it('passes where the tolerance lets it', async () => {
    const loose = await inProcess(
      'gradcheck',
      `${functions}:wrong`,
      '--backend',
      'reference',
      '--order',
      '1',
      '--tolerance',
      '9'
    )
    expect(loose.code).toBe(0)
  })
})

describe('refusals: one sentence and code 2', () => {
  const FILE = /'.+functions\.ts'/.source
  it.each<[string, readonly string[], RegExp]>([
    ['a file that is not there', ['none.mjs'], /^Wanted a file with functions to check, but got 'none\.mjs', which is not there/],
    ['an export that is not there', [`${functions}:nope`], new RegExp(`^Wanted an export 'nope' like .+ in ${FILE}, but got cube, kinked, options, wrong: name one`)],
    ['an export that is no case', [`${functions}:notACase`], /^Wanted an export 'notACase' like/],
    ['a case without a function', [cases('malformed.ts')], /^Wanted the f of 'mine' to be a function, but got 3: write/],
    ['arguments that a function does not take', [`${cases('shapes.ts')}:misshapen`], /^misshapen: add requires/],
    ['a function that throws', [`${cases('shapes.ts')}:throwing`], /^Wanted the f of 'throwing' to take its args, but got 'nine axes are needed': mend/],
    ['a number that is none', [functions, '--order', 'two'], /^Wanted --order to be a whole number of 1 to 6, but got 'two'/],
    ['a tolerance below 0', [functions, '--tolerance', '-1'], /^Wanted --tolerance to be a number of at least 0, but got '-1'/],
    ['a backend that is none', [functions, '--backend', 'cpu'], /^Wanted --backend to be one of/]
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await inProcess('gradcheck', ...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/^[^\n]+\.\n$/)
  }) // biome-ignore format: a table
})

describe('as a process', () => {
  const asProcess = (
    ...args: readonly string[]
  ): Promise<{ readonly code: unknown; readonly stdout: string; readonly stderr: string }> =>
    new Promise(resolve =>
      execFile(
        process.execPath,
        ['--import', 'tsx', 'src/nas/main.ts', 'gradcheck', ...args],
        { cwd: root },
        (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr })
      )
    )
  it('reads a module of JavaScript', async () => {
    const file = join(folder, 'square.mjs')
    writeFileSync(
      file,
      `import { $ } from ${JSON.stringify(join(root, 'src/autodiff/index.ts'))}\nexport const square = { f: x => $.mul(x, x), args: [$.tensor([1, 2])] }\n`
    )
    expect(await asProcess(`${file}:square`, '--backend', 'reference')).toEqual({
      code: 0,
      stdout:
        'square on reference (float64 on the CPU): derivatives to order 2 are as central differences have them.\n',
      stderr: ''
    })
  })
  it('says what to do with a file that Node does not load, and of one that is not well formed', async () => {
    const [strange, broken] = [join(folder, 'cases.strange'), join(folder, 'broken.mjs')]
    writeFileSync(strange, '')
    writeFileSync(broken, 'export const a = (')
    const [first, second] = [await asProcess(strange), await asProcess(broken)]
    expect([first.code, second.code]).toEqual([2, 2])
    expect(first.stderr).toMatch(
      /^Wanted a module that Node \S+ can load, but got '.+cases\.strange': run it with Node 22\.18 or later, put NODE_OPTIONS="--import tsx" before the command, or write an \.mjs file\.\n$/
    )
    expect(second.stderr).toMatch(/^Wanted a module in '.+broken\.mjs', but got '.+': mend what it says\.\n$/)
  })
})
