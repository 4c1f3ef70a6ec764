/** What is said reaches a terminal as text, and a run goes on where nobody takes what it says. */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { tensor } from '../../../src/autodiff/ops/index.js'
import { printable } from '../../../src/nas/cli/outputs.js'
import { parseSpace } from '../../../src/nas/space/spacefile.js'
import { inProcess } from '../command.js'

type Where = 'pipe' | number

/** The program in a process of its own; the reader of its standard output leaves after the first lines if `leaves`. */
const program = (
  args: readonly string[],
  { stdout = 'pipe', stderr = 'pipe', leaves = false }: { stdout?: Where; stderr?: Where; leaves?: boolean } = {}
) =>
  new Promise<{ readonly code: number | null; readonly stderr: string }>(resolve => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/nas/main.ts', ...args], {
      stdio: ['ignore', stdout, stderr]
    })
    const said: string[] = []
    child.stderr?.on('data', text => said.push(String(text)))
    child.stdout?.once('data', () => leaves && child.stdout?.destroy())
    child.stdout?.resume()
    child.on('close', code => resolve({ code, stderr: said.join('') }))
  })

const search = ['search', '--backend', 'reference', '--channels', '1', '--batch', '180', '--epochs', '1', '--out']

it('a search whose reader leaves goes on to its end, and its exit code says that not all was read', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'outputs-')), 'run')
  const { code, stderr } = await program([...search, folder], { leaves: true })
  expect([code, stderr.replace(/^Compiled.*\n/gm, '')]).toEqual([141, ''])
  expect(JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')).genotype).toBe(
    readFileSync(join(folder, 'genotype.txt'), 'utf8').trim()
  )
  for (const line of readFileSync(join(folder, 'events.jsonl'), 'utf8').trim().split('\n')) JSON.parse(line)
})

it.skipIf(process.platform !== 'linux')(
  'a full disk under standard output or standard error is no stack trace',
  async () => {
    const full = openSync('/dev/full', 'w')
    try {
      const out = await program(['genotypes'], { stdout: full })
      expect([out.code, out.stderr]).toEqual([1, expect.stringContaining('ENOSPC')])
      expect(out.stderr).not.toContain('    at ')
      expect((await program(['genotypes', '--no-such-option'], { stderr: full })).code).toBe(2)
    } finally {
      closeSync(full)
    }
  }
)

it('control characters are written out', async () => {
  expect(printable('a\u001b[31mb\u0007\r\n\tc\u202ed\u009b')).toBe('a\\u001b[31mb\\u0007\\u000d\n\tc\\u202ed\\u009b')
  // A line of JSON stays one that can be read.
  const names = ['a\u007fb', '\u0085', '\u2028']
  expect(JSON.parse(printable(JSON.stringify(names)))).toEqual(names)
  const { code, stderr } = await inProcess('count', 'Genotype(\u001b[31mnormal\u0007')
  expect(code).toBe(2)
  expect(stderr).toContain('[31mnormal')
  expect(stderr).not.toContain('\u001b')
})

it('names of any length are cut in a refusal', async () => {
  const { code, stderr } = await inProcess('search', '--space', 'x'.repeat(100_000))
  expect(code).toBe(2)
  expect(stderr.length).toBeLessThan(1500)
  const split = await inProcess('search', '--resume', 'no\nwhere\r\nWanted nothing')
  expect([split.code, split.stderr]).toEqual([
    2,
    expect.stringMatching(/^Wanted --resume .* but got 'no where Wanted nothing', .*\.\n$/)
  ])
})

it('an adapter without a name is refused, and taken for no part of every name', async () => {
  const { code, stderr } = await inProcess('search', '--adapter', '', '--epochs', '1')
  expect(code).toBe(2)
  expect(stderr).toContain('an adapter named like ""')
})

it('what is nested a hundred thousand deep is refused with a sentence', () => {
  const deep = 100_000
  const space = parseSpace(`${'['.repeat(deep)}${']'.repeat(deep)}`)
  expect(space).toMatchObject({ _tag: 'Left', left: { message: expect.stringContaining('at the top of the space') } })
  let list: unknown = []
  for (let i = 0; i < deep; i++) list = [list]
  expect(() => tensor(list as number)).toThrow(/^tensor requires/)
})
