/** Sweeps of searches that take two seconds: a space of one edge, on the reference. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const spaces = mkdtempSync(join(tmpdir(), 'lambda-darts-space-'))
process.on('exit', () => rmSync(spaces, { recursive: true, force: true }))
const space = join(spaces, 'tiny.json')
writeFileSync(
  space,
  JSON.stringify({
    name: 'tiny',
    normAfterPool: false,
    skeleton: { kind: 'stages', stages: 2 },
    cells: {
      alpha: {
        inputs: 1,
        nodes: 1,
        concat: [1],
        edges: [{ from: 0, to: 1, operations: ['skip_connect', 'nor_conv_1x1'] }]
      }
    }
  })
)

/** Options of a search that takes little longer than its process needs to start. */
export const SHORT = { backend: 'reference', space, channels: 1, epochs: 1, batch: 32 }

/** Writes a sweep's file. */
export const sweepFile = (folder: string, content: unknown): string => {
  const path = join(folder, `${randomUUID()}.json`)
  writeFileSync(path, JSON.stringify(content) ?? '')
  return path
}

/** A report, or a part of it, without what differs between equal searches. */
export const timeless = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (key, one) => (key === 'seconds' ? undefined : one))

/** Values written as lines of JSON. */
export const linesOf = (text: string): readonly Readonly<Record<string, unknown>>[] =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
