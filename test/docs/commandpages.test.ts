/** The pages of the commands are those of the code. */
import { expect, it } from 'vitest'
import { filesBelow, read } from './blocks.js'
import { commandPages } from './commandpages.js'

const made = commandPages()

it('docs/commands is up to date', () => {
  const written = new Map(filesBelow('docs/commands', '.md').map(file => [file, read(file)]))
  const stale = [...new Set([...made.keys(), ...written.keys()])].filter(file => made.get(file) !== written.get(file))
  expect(stale, 'these pages are stale: run `npm run docs:commands`').toEqual([])
})

it('a page has usage, arguments, options with defaults and published values, examples and exit codes', () => {
  const page = made.get('docs/commands/search.md') ?? ''
  expect(page).toContain('lambda-darts search [options]')
  expect(page).toMatch(/\| `--epsilon0 <x>` \| [^|]+ \| 0\.0001 \| 0\.0001 \| 0\.001 \|/)
  expect(page).toMatch(/\| `--clip-includes-alpha` \| [^|]+ \| off \| on \| off \|/)
  expect(page).toMatch(/\| `--backend <name>` \| [^|]+ \| auto \|/)
  expect(page).toContain('lambda-darts search --derivative exact')
  expect(page).toContain('| `--no-report` |')
  expect(page).not.toContain('| `--no-clip-includes-alpha')
  expect(page).toMatch(/\| 130 \| /)
  expect(made.get('docs/commands/count.md')).toMatch(/\| `--channels <n>` \| [^|]+ \| 36 for DARTS, 16 for NAS/)
  expect(made.get('docs/commands/predict.md')).toContain('| `<images...>` |')
  expect([...made.keys()]).toContain('docs/commands/data-inspect.md')
})
