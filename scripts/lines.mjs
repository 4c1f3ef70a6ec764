// Prints the lines of each folder of src and shaders: all of them, and those that are neither blank nor a comment.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

const isSource = name => /\.(ts|wgsl)$/.test(name)
const filesUnder = folder =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile() && isSource(entry.name))
        .map(entry => join(entry.parentPath, entry.name))
    : []

/**
 * A line counts as a comment if nothing but comment stands on it; markers inside strings that begin a line are not
 * looked for.
 */
const isCode = line => line.trim() !== '' && !/^\s*(\/\/|\/\*|\*\/|\* |\*$)/.test(line)
const count = file => {
  const lines = readFileSync(file, 'utf8').replace(/\n$/, '').split('\n')
  return { folder: relative(root, dirname(file)), lines: lines.length, code: lines.filter(isCode).length }
}

const counts = ['src', 'shaders'].flatMap(folder => filesUnder(join(root, folder))).map(count)
const sum = (rows, key) => rows.reduce((total, row) => total + row[key], 0)
const row = (name, rows) => [name, rows.length, sum(rows, 'lines'), sum(rows, 'code')]

const folders = [...new Set(counts.map(({ folder }) => folder))].sort()
const table = [
  ['folder', 'files', 'lines', 'code'],
  ...folders.map(folder =>
    row(
      folder,
      counts.filter(found => found.folder === folder)
    )
  ),
  row('total', counts)
]
const print = ([name, ...numbers]) =>
  console.log(`${name.padEnd(24)}${numbers.map(value => String(value).padStart(8)).join('')}`)
table.forEach(print)
