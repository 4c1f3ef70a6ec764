/**
 * Programs that failed once, made small by the fuzzer and kept (`found/`), on both families of kernels. And that the
 * fuzzer sees what is wrong.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { backends } from '../backends.js'
import { check } from './check.js'
import { generate } from './generate.js'
import { type FuzzProgram, show } from './program.js'
import { Random } from './random.js'

/** Exchanged by a test for a text with a fault. */
const spoil = vi.hoisted(() => ({ file: '', change: (text: string) => text }))
vi.mock('../../src/kernels/shader.js', async original => {
  const actual = await original<typeof import('../../src/kernels/shader.js')>()
  return {
    ...actual,
    loadShader: (file: string) =>
      file === spoil.file ? spoil.change(actual.loadShader(file)) : actual.loadShader(file)
  }
})

const { gpu, tiles } = backends
const folder = new URL('./found/', import.meta.url)
const found = readdirSync(folder)
  .filter(name => name.endsWith('.json'))
  .map(name => [name, JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as FuzzProgram] as const)

describe('a program that failed once is right on both families of kernels', () => {
  it.each(found)('%s', async (_, program) => {
    const { wrong } = await check(program, { gpu, tiles })
    expect(wrong, show(program)).toEqual([])
  })
})

describe('the fuzzer', () => {
  it('makes the same program of the same seed', () => {
    for (const seed of [1, 2, 3]) expect(generate(new Random(seed))).toEqual(generate(new Random(seed)))
    expect(generate(new Random(1))).not.toEqual(generate(new Random(2)))
  })

  it('sees a quarter of a large map that is not computed, and one wrong element of a small one', async () => {
    const program = (shape: readonly number[]): FuzzProgram => ({
      args: [{ shape, fill: 'anything', seed: 1 }],
      steps: [{ op: 'tanh', of: [0] }],
      results: [1],
      order: 1,
      cotangent: 'ones',
      fused: true
    })
    expect((await check(program([131_072]), { gpu })).wrong).toEqual([])
    spoil.file = 'map.wgsl'
    spoil.change = text =>
      text.replace(
        'let end = min((walk + 1u) * share, P.size.x);',
        'let end = min((walk + 1u) * share, P.size.x - 1u);'
      )
    try {
      for (const shape of [[131_076], [5]]) {
        const { wrong } = await check(program(shape), { gpu })
        expect(wrong.map(({ what }) => what.replace(/: .*/, ''))).not.toEqual([])
      }
    } finally {
      spoil.file = ''
    }
  })
})
