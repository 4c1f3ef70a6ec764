/**
 * The bench must not rot: its workloads agree with the reference at batch 2, its check can fail, and a contestant
 * answers.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { evaluate, expected, worstError } from '../../bench/check.js'
import { enter } from '../../bench/contestant.js'
import { load, save } from '../../bench/exchange.js'
import { WORKLOADS, type Workload } from '../../bench/workloads.js'
import { callsTogether, lowered, loweringFor } from '../../src/engine/index.js'
import { plan } from '../../src/kernels/plan.js'
import { select } from '../../src/kernels/select.js'
import { backends } from '../backends.js'
import { device } from '../device.js'
import { right } from '../kernels/results.js'

const named = (name: string): Workload => WORKLOADS.find(workload => workload.name === name) as Workload
const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-'))
afterAll(() => rmSync(folder, { recursive: true }))

// Matrices of 512 and more are the same function, and search steps are held to golden values elsewhere.
const small = WORKLOADS.filter(({ name }) => !/^search step|512|1024/.test(name))

describe('at batch 2 the device and the reference agree', () => {
  test.each(small.map(workload => [workload.name, workload] as const))('%s', async (_, workload) => {
    const args = workload.args(2)
    const { error } = worstError(await evaluate(backends.gpu, workload, args), await expected(workload, args))
    expect(error).toBeLessThanOrEqual(workload.tolerance)
  })
})

const matrix = (...values: readonly number[]) => ({
  data: Float32Array.from(values),
  shape: [2, 2],
  dtype: 'f32' as const
})

// What a dispatch costs on a GPU, some 5 microseconds, no kernel can be faster than: docs/benchmarks.md. These may
// fall, and not rise.
test.each([
  ['search step C8 N1 B32 16x16 fd', 803],
  ['search step C8 N1 B32 16x16 exact', 795],
  ['search step C16 N5 B64 32x32 fd', 3_116],
  ['search step C16 N5 B64 32x32 exact', 3_297]
])('%s takes at most %i dispatches on a GPU', (name, most) => {
  const { f, args } = named(name)
  const facts = { subgroupSize: 32, software: false }
  const limits = { ...device.limits, maxStorageBuffersPerShaderStage: 16 }
  const program = select(right(lowered(f, loweringFor(facts, 16))(args() as never)), facts)
  expect(right(plan(program, limits, callsTogether(facts))).dispatches.length).toBeLessThanOrEqual(most)
})

test('the check finds a wrong number, a NaN, a missing result and another shape', () => {
  const want = new Map([['y', matrix(1, -2, 3, 4)]] as const)
  const errorOf = (got: unknown) => worstError(got, want).error
  expect(errorOf({ y: matrix(1, -2, 3, 4) })).toBe(0)
  expect(errorOf({ y: matrix(1, -2, 3, 3) })).toBe(0.25)
  expect(errorOf({ y: matrix(1, Number.NaN, 3, 4) })).toBeNaN()
  expect(errorOf({ z: matrix(1, -2, 3, 4) })).toBe(Number.POSITIVE_INFINITY)
  expect(errorOf({ y: { ...matrix(1, -2, 3, 4), shape: [4] } })).toBe(Number.POSITIVE_INFINITY)
  const both = new Map([...want, ['x', matrix(1, 1, 1, 1)]])
  expect(worstError({ y: matrix(1, -2, 3, 4), x: matrix(1, 1, 1, 2) }, both)).toEqual({ path: 'x', error: 1 })
})

test('trees of arrays survive the way through files', () => {
  const tree = { a: [matrix(1, 2, 3, 4)], b: { c: { data: Int32Array.of(-1, 7), shape: [2], dtype: 'i32' as const } } }
  save(folder, 'tree', tree)
  expect(load(folder, 'tree')).toEqual(tree)
})

test('this engine answers as a contestant, in a process of its own', async () => {
  const workload = named('matmul 256')
  const args = workload.args()
  save(folder, 'args', args)
  const own = new URL('../../bench/own.ts', import.meta.url).pathname
  const { name } = backends.gpu.kind === 'gpu' ? backends.gpu.device.info : { name: '' }
  const contestant = enter(
    'lambda-darts',
    [process.execPath, '--import', 'tsx', own, folder, workload.name, name],
    folder
  )
  const first = await contestant.start()
  expect(first.dispatches).toBeGreaterThan(0)
  expect(await contestant.sample()).toBeGreaterThan(0)
  expect(await contestant.verify()).toMatch(
    /^verified at its own size: \d+ comparisons of kernels with plain ones, and its results are theirs to the last bit$/
  )
  await contestant.end()
  const { error } = worstError(load(folder, 'results-lambda-darts'), await expected(workload, args))
  expect(error).toBeLessThanOrEqual(workload.tolerance)
})

test('a contestant that fails says why', async () => {
  const contestant = enter('none', [process.execPath, '-e', 'throw new TypeError("no such engine")'], folder)
  await expect(contestant.start()).rejects.toThrow(/process ended with code 1: TypeError: no such engine/)
})
