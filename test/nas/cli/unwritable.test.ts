/** A folder that an ordinary user may not write is refused in one sentence, and nothing is left in it. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { type Ended, inProcess } from '../command.js'
import { sweepFile } from '../sweeps.js'

const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-unwritable-'))
chmodSync(folder, 0o755)
const closed = join(folder, 'closed')
mkdirSync(closed, { mode: 0o555 })
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The number of a user without rights. */
const NOBODY = 65534

/** The command line as an ordinary user: root may write everywhere. */
const asUser = async (...args: readonly string[]): Promise<Ended> => {
  if (process.getuid?.() !== 0) return inProcess(...args)
  process.seteuid?.(NOBODY)
  try {
    return await inProcess(...args)
  } finally {
    process.seteuid?.(0)
  }
}

const sweep = sweepFile(folder, { base: { backend: 'reference' }, list: [{ name: 'a' }], seeds: [0] })

it.each<[string, readonly string[]]>([
  ['search', ['search', '--backend', 'reference']],
  ['train', ['train', 'lambdadarts_corr_0', '--backend', 'reference']],
  ['sweep', ['sweep', sweep]]
])('%s refuses it, and one below it', async (_, command) => {
  for (const out of [closed, join(closed, 'below', 'it')]) {
    const { code, stdout, stderr } = await asUser(...command, '--out', out)
    const sentences = stderr.split('\n').filter(line => line.startsWith('Wanted '))
    expect(sentences).toEqual([expect.stringMatching(/^Wanted --out to be .* \(EACCES: permission denied\): .*\.$/)])
    expect(sentences[0]).toContain(`'${out}'`)
    expect([code, stdout]).toEqual([2, ''])
    expect(readdirSync(closed)).toEqual([])
  }
})

it.skipIf(process.platform !== 'linux')('a sweep is refused where the system makes no folders', async () => {
  const { code, stdout, stderr } = await inProcess('sweep', sweep, '--out', '/proc/nowhere/below')
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(
    /^Wanted --out to be .* but got '\/proc\/nowhere\/below' \(ENOENT: .*\): choose another folder\.$/m
  )
})
