/** Weights as files: there and back to the bit, in Python, and what is refused. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { $ } from '../../src/autodiff/index.js'
import { openReference } from '../../src/engine/index.js'
import { loadSafetensors, saveSafetensors } from '../../src/engine/weights.js'
import { encodeSafetensors } from '../../src/formats/safetensors.js'
import { left, right } from '../kernels/results.js'

const f32 = (...data: number[]) => ({ shape: [data.length], dtype: 'f32', data: Float32Array.from(data) }) as const
const tree = {
  cells: [{ edge: [f32(1, Number.NaN), f32(-0)] }, { edge: [f32(1e-45, Infinity)] }],
  steps: { shape: [], dtype: 'i32', data: Int32Array.of(-7) },
  key: { shape: [2, 1], dtype: 'u32', data: Uint32Array.of(2 ** 32 - 1, 3) },
  exact: { shape: [1], dtype: 'f32', data: Float64Array.of(0.1) }
} as const

/** The bits of a tree. */
const bits = (part: unknown): unknown =>
  JSON.parse(
    JSON.stringify(part, (_, value: unknown) =>
      ArrayBuffer.isView(value)
        ? [value.constructor.name, ...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)]
        : value
    )
  )

describe('weights', () => {
  it('come back to the bit, lists as lists, each dtype its own', () => {
    const file = right(saveSafetensors(tree, { epoch: '3' }))
    expect(bits(right(loadSafetensors(file)))).toEqual(bits(tree))
    expect(bits(right(loadSafetensors(file, tree)))).toEqual(bits(tree))
  })

  it('come back to what they are like, with empty lists and keys that have dots', () => {
    const odd = { 'a.b': f32(1), none: [], zero: { '1': f32(2) } }
    const file = right(saveSafetensors(odd))
    expect(bits(right(loadSafetensors(file, odd)))).toEqual(bits(odd))
    expect(bits(right(loadSafetensors(file)))).toEqual(bits({ a: { b: f32(1) }, zero: { '1': f32(2) } }))
  })

  it('go from a session to a file and back', async () => {
    const session = openReference()
    const stored = await session.store({ w: [[1, 2]], b: $.tensor([3]) })
    const file = right(saveSafetensors(await session.read(stored)))
    const again = await session.store(right(loadSafetensors(file, stored)))
    expect(await session.read(again)).toEqual(await session.read(stored))
  })

  it.each([
    ['one array', f32(1), 'a list or record of arrays is required'],
    [
      'two leaves of one path',
      { 'a.b': f32(1), a: { b: f32(2) } },
      "each path once is required, but 'a.b' is that of two"
    ]
  ])('of %s are refused', (_, odd, message) => {
    expect(left(saveSafetensors(odd)).message).toContain(message)
  })

  const file = (names: readonly string[], data: Float32Array | Uint8Array = Float32Array.of(1)) =>
    encodeSafetensors({ metadata: {}, tensors: new Map(names.map(name => [name, { shape: [data.length], data }])) })
  it.each<[string, Uint8Array, string]>([
    ['a tensor under a tensor', file(['a', 'a.b']), "at 'a' of 'a.b' is required, but there are both"],
    ['a tensor over a branch', file(['a.b', 'a']), "at 'a' is required, but there are both"],
    ['bytes', file(['a'], Uint8Array.of(1)), "numbers of F64, F32, I32 or U32 at 'a' is required, but it has U8"],
    ['a cut file', file(['a']).subarray(0, 20), 'safetensors: ']
  ])('are refused from a file with %s', (_, bytes, message) => {
    expect(left(loadSafetensors(bytes)).message).toContain(message)
  })

  it.each<[string, readonly string[], string]>([
    ['too few', [], "f32[1] at 'a' is required, but there is none"],
    ['too many', ['a', 'b'], "tensors of this tree only is required, but there is one named 'b'"]
  ])('are refused that are %s', (_, names, message) => {
    expect(left(loadSafetensors(file(names), { a: f32(1) })).message).toContain(message)
  })
  it('are refused that are of another shape or dtype', () => {
    expect(left(loadSafetensors(file(['a']), { a: f32(1, 2) })).message).toContain(
      "f32[2] at 'a' is required, but it is f32[1]"
    )
    const integer = { a: { shape: [1], dtype: 'i32' } }
    expect(left(loadSafetensors(file(['a']), integer)).message).toContain("i32[1] at 'a' is required, but it is f32[1]")
  })
})

const hasPython = spawnSync('python3', ['-c', 'import safetensors.numpy']).status === 0
if (!hasPython)
  console.warn("Weights are not read by Python: there is no package 'safetensors'; pip install safetensors numpy.")

it.skipIf(!hasPython)('weights are read, and written, by Python', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weights-'))
  try {
    const [own, others] = [join(folder, 'own.safetensors'), join(folder, 'others.safetensors')]
    writeFileSync(own, right(saveSafetensors(tree, { epoch: '3' })))
    const program = `
import json, sys
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
with safe_open(sys.argv[1], 'np') as f: metadata = f.metadata()
tensors = load_file(sys.argv[1])
print(json.dumps([metadata, {n: [str(t.dtype), list(t.shape), t.tobytes().hex()] for n, t in tensors.items()}]))
save_file(tensors, sys.argv[2])`
    const { stdout, stderr } = spawnSync('python3', ['-c', program, own, others], { encoding: 'utf8' })
    expect(stderr).toBe('')
    const [metadata, tensors] = JSON.parse(stdout)
    expect(metadata).toEqual({ epoch: '3' })
    expect(tensors).toMatchObject({
      'cells.0.edge.1': ['float32', [1], '00000080'],
      steps: ['int32', [], 'f9ffffff'],
      key: ['uint32', [2, 1], 'ffffffff03000000'],
      exact: ['float64', [1], '9a9999999999b93f']
    })
    expect(Object.keys(tensors)).toHaveLength(6)
    expect(bits(right(loadSafetensors(readFileSync(others), tree)))).toEqual(bits(tree))
  } finally {
    rmSync(folder, { recursive: true })
  }
})
