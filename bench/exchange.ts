/**
 * Trees of host arrays as two files that any language reads: `NAME.json`, the tree with `{ dtype, shape, offset }` for
 * each array, and `NAME.bin`, the elements (4 bytes each, little-endian) at those offsets.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { leavesOf, rebuild } from '../src/autodiff/tree.js'
import { type HostArray, isHostArray } from '../src/engine/index.js'

interface Placed {
  readonly dtype: HostArray['dtype']
  readonly shape: readonly number[]
  readonly offset: number
}
const isPlaced = (value: unknown): value is Placed => typeof value === 'object' && value !== null && 'offset' in value

const ARRAYS = { f32: Float32Array, i32: Int32Array, u32: Uint32Array } as const

export const save = (folder: string, name: string, tree: unknown): void => {
  let offset = 0
  const parts: Buffer[] = []
  const placed = leavesOf(tree, isHostArray).map(({ value: { dtype, shape, data } }): Placed => {
    const place = { dtype, shape, offset }
    const bytes = new ARRAYS[dtype](data as never) as Float32Array
    parts.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    offset += bytes.byteLength
    return place
  })
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(rebuild(tree, isHostArray, placed)))
  writeFileSync(join(folder, `${name}.bin`), Buffer.concat(parts))
}

export const load = (folder: string, name: string): unknown => {
  const tree: unknown = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))
  const { buffer, byteOffset } = readFileSync(join(folder, `${name}.bin`))
  const arrays = leavesOf(tree, isPlaced).map(({ value: { dtype, shape, offset } }) => {
    const from = byteOffset + offset
    return { dtype, shape, data: new ARRAYS[dtype](buffer.slice(from, from + 4 * shape.reduce((a, b) => a * b, 1))) }
  })
  return rebuild(tree, isPlaced, arrays)
}
