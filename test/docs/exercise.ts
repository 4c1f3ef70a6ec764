/** `npm run exercise -- N`: runs the tests of a chapter's exercises; without a number those of all. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from './blocks.js'

const filters = process.argv.slice(2).map(word => (/^\d$/.test(word) ? `0${word}` : word))
const { status } = spawnSync(
  process.execPath,
  [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    ...['run', '--config', 'docs/course/vitest.config.ts', '--project', 'exercises'],
    ...filters.map(filter => `exercises/${filter}.test.ts`)
  ],
  { cwd: ROOT, stdio: 'inherit' }
)
process.exit(status ?? 1)
