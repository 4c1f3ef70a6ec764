/**
 * Guides are followed to the letter: a copy of the repository gets the code of a page, and runs the tests that the page
 * names.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fencesOf, ROOT } from './blocks.js'

const COPIED = ['src', 'shaders', 'test', 'data', 'package.json', 'tsconfig.json', 'vitest.config.ts']

/**
 * A block with a file: `new FILE`, `append FILE`, `after[TEXT] FILE`, behind the line with this text, or
 * `instead[TEXT] FILE`.
 */
const applied = (folder: string, info: string, text: string): void => {
  const [, how = '', after = '', file = ''] = /^(new|append|(?:after|instead)\[(.*)\]) (\S+)$/.exec(info) ?? []
  if (file === '') throw new Error(`'${info}' says neither new, append, after[text] nor instead[text], and a file`)
  const path = join(folder, file)
  if (how === 'new') return writeFileSync(path, `${text}\n`, { flag: 'wx' })
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  const places = lines.flatMap((line, i) => (line.includes(after) ? [i + 1] : []))
  if (how !== 'append' && places.length !== 1) throw new Error(`'${after}' stands in ${places.length} lines of ${file}`)
  const at = how === 'append' ? lines.length : (places[0] as number)
  const gone = how.startsWith('instead') ? 1 : 0
  writeFileSync(path, `${lines.toSpliced(at - gone, gone, text).join('\n')}\n`)
}

const PAGES = ['docs/adding-an-operation.md', 'docs/adding-a-kernel.md', 'docs/adding-a-nas-operation.md']

describe.each(PAGES)('%s', page => {
  it('works as it stands', { timeout: 120_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'guide-'))
    try {
      for (const path of COPIED) cpSync(join(ROOT, path), join(folder, path), { recursive: true })
      symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
      const blocks = fencesOf(page)
      for (const { language, info, text } of blocks) if (language !== 'sh') applied(folder, info, text)
      const commands = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text)
      expect(commands.length).toBe(1)
      const { status, stdout } = spawnSync('sh', ['-c', commands[0] as string], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' }
      })
      // A filter that selects no test would pass.
      expect(stdout).toMatch(/Tests .*[1-9]\d* passed/)
      expect(stdout).not.toMatch(/\d+ failed \(/)
      expect(status, stdout.slice(-3000)).toBe(0)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
