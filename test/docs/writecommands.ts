/** `npm run docs:commands`: writes the pages of the commands, and removes those of commands that are gone. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './blocks.js'
import { commandPages } from './commandpages.js'

const folder = join(ROOT, 'docs/commands')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
for (const [file, text] of commandPages()) writeFileSync(join(ROOT, file), text)
