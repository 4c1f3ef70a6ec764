/**
 * `npm run course -- [N ...] [--pictures]`: runs chapters of the course, all without a number, and prints what their
 * blocks give. With `--pictures` it also writes what stands in files beside them: pictures, and what they export.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isPicture } from '../../course/chapter.js'
import { shown } from '../../course/expected.js'
import { ROOT } from './blocks.js'
import { chapters, ran } from './chapters.js'

const [options, numbers] = [
  process.argv.slice(2).filter(word => word.startsWith('-')),
  process.argv
    .slice(2)
    .filter(word => !word.startsWith('-'))
    .map(Number)
]
const all = chapters()
const unknown = [
  ...options.filter(option => option !== '--pictures'),
  ...numbers.filter(number => !all.some(page => page.number === number))
]
if (unknown.length > 0) {
  console.error(
    `npm run course takes numbers of chapters (1 to ${all.at(-1)?.number}) and --pictures, but got ${unknown.join(', ')}.`
  )
  process.exit(2)
}

for (const page of all.filter(({ number }) => numbers.length === 0 || numbers.includes(number))) {
  console.log(`\n${page.title}`)
  let block = -1
  const { complaints, files } = await ran(page, told => {
    if (told.block !== block) console.log(`\n${page.file}:${page.blocks[told.block]?.line}`)
    block = told.block
    const { value: code, line } = told.statement
    if (told.value === undefined) return
    console.log(`  ${line}: ${code.split('\n')[0]}${code.includes('\n') ? ' ...' : ''}`)
    console.log(`    ${isPicture(told.value) ? 'a picture' : shown(told.value)}`)
  })
  for (const complaint of complaints) console.error(complaint)
  if (complaints.length > 0) process.exitCode = 1
  if (options.includes('--pictures'))
    for (const [path, text] of files) {
      writeFileSync(join(ROOT, path), text)
      console.log(`wrote ${path}`)
    }
}
// A chapter may have opened a device, which would keep the process.
process.exit()
