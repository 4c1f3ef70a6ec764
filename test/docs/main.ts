/** `npm run docs:operations`: writes the pages that are made from the code. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './blocks.js'
import { operationsPage } from './operations.js'

writeFileSync(join(ROOT, 'docs/operations.md'), operationsPage())
