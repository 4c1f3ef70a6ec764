/** Calls that share a dispatch: every kernel, several at once, gives what it gives alone, to the last bit. */
import { describe, expect, it } from 'vitest'
import { combined } from '../../src/kernels/combined.js'
import { type Dispatch, dispatchesOf, workgroupsOf } from '../../src/kernels/dispatches.js'
import { expand } from '../../src/kernels/shader.js'
import type { Call, Data, Program, Slot } from '../../src/kernels/spec.js'
import { EXAMPLES, type Example, OTHERS, programOf } from './examples.js'
import { call } from './programs.js'
import { right } from './results.js'
import { run, sizeOf } from './runs.js'

/** So many copies of a program as one. All read the first input of the first copy; the others are their own. */
const copies = (program: Program, count: number): Program => {
  const shared = program.inputs[0]
  const moved = (k: number) => (slot: number) => (slot === shared ? slot : slot + k * program.slots.length)
  const each = <T>(of: (k: number) => readonly T[]): T[] => Array.from({ length: count }, (_, k) => of(k)).flat()
  return {
    slots: each(() => program.slots),
    calls: each(k =>
      program.calls.map(one => ({ ...one, write: moved(k)(one.write), reads: one.reads.map(moved(k)) }))
    ),
    inputs: each(k => program.inputs.filter(slot => k === 0 || slot !== shared).map(moved(k))),
    outputs: each(k => program.outputs.map(moved(k))),
    constants: each(k => program.constants.map(({ slot, data }) => ({ slot: moved(k)(slot), data })))
  }
}

const values = (n: number, seed: number): Data =>
  Float32Array.from({ length: n }, (_, i) => (Math.imul(i + 7 * seed + 1, 2654435761) >>> 8) / 2 ** 23 - 1)

it.each(Object.entries({ ...EXAMPLES, ...OTHERS }))('%s, three at once', async (_, example: Example) => {
  const one = programOf(example)
  const three = copies(one, 3)
  const inputs = three.inputs.map((slot, seed) => values(sizeOf(three.slots[slot] as Slot), seed))
  const [apart, together] = [await run(three, inputs, 1), await run(three, inputs, 3)]
  expect(together.dispatches).toBeLessThan(apart.dispatches)
  expect(together.results).toEqual(apart.results)
})

describe('what shares a dispatch', () => {
  const map = (write: number, reads: readonly number[], given: Partial<Call> = {}): Call =>
    call({
      shader: 'map',
      write,
      reads,
      stores: [{ offset: 0, extents: [4], strides: [1] }],
      label: `${write}`,
      ...given
    })
  const bytes = Array.from({ length: 20 }, () => 16)
  const labels = (calls: readonly Call[], most = 4, buffers = 8, sizes = bytes) =>
    dispatchesOf(calls, sizes, most, buffers).map(one => one.map(({ label }) => label).join(' '))

  it('calls of one kernel that do not wait for each other, as many as may', () => {
    const four = [1, 2, 3, 4].map(slot => map(slot, [0]))
    expect(labels(four)).toEqual(['1 2 3 4'])
    expect(labels(four, 3)).toEqual(['1 2 3', '4'])
    expect(labels(four, 1)).toEqual(['1', '2', '3', '4'])
    expect(labels([map(1, [0]), map(2, [1]), map(3, [0])])).toEqual(['1 3', '2'])
  })

  it('not those of another text, other constants or another number of operands', () => {
    const others = [
      map(2, [0], { op: 'x' }),
      map(3, [0], { constants: { A: 1 } }),
      map(4, [0, 0]),
      map(5, [0], { shader: 'take' })
    ]
    for (const other of others) expect(labels([map(1, [0]), other])).toHaveLength(2)
  })

  it('within the buffers that a kernel may have; what they read in common counts once', () => {
    const apart = [0, 1, 2].map(k => map(10 + k, [k]))
    expect(labels(apart, 4, 4)).toEqual(['10 11', '12'])
    const shared = [0, 1, 2].map(k => map(10 + k, [5]))
    expect(labels(shared, 4, 4)).toEqual(['10 11 12'])
    // Parts of one slot.
    expect(
      labels(
        [0, 1, 2].map(() => map(10, [5])),
        4,
        2
      )
    ).toEqual(['10 10 10'])
  })

  it('those of other numbers of workgroups only where the shader strides over what is launched', () => {
    const of = (shader: string) => [
      map(1, [0], { shader, workgroups: [3, 1, 2] }),
      map(2, [0], { shader, workgroups: [5, 1, 2] })
    ]
    expect(dispatchesOf(of('map'), bytes, 4, 8).map(workgroupsOf)).toEqual([[5, 1, 4]])
    expect(dispatchesOf(of('conv2d_tile'), bytes, 4, 8).map(workgroupsOf)).toEqual([
      [3, 1, 2],
      [5, 1, 2]
    ])
  })

  it('a light call waits for those that come later, a heavy one does not', () => {
    // 2 could be computed at first; 4, of the same kernel, only after 3. 5 reads both.
    const calls = [map(2, [0]), map(3, [1], { op: 'other' }), map(4, [3]), map(5, [2, 4])]
    expect(labels(calls)).toEqual(['3', '2 4', '5'])
    expect(
      labels(
        calls,
        4,
        8,
        bytes.map((size, slot) => (slot === 0 ? 2 ** 22 : size))
      )
    ).toEqual(['2', '3', '4', '5'])
  })

  it('zeros come before the parts between them, and what is not known to be apart keeps its place', () => {
    const zeros = map(1, [], { fills: true, op: 'zeros' })
    expect(labels([zeros, map(1, [0]), map(1, [0], { label: 'b' })])).toEqual(['1', '1 b'])
    const unknown = (label: string) => call({ shader: 'map', write: 1, reads: [0], label })
    expect(labels([unknown('a'), unknown('b'), map(2, [1]), unknown('c')])).toEqual(['a', 'b', '2', 'c'])
  })
})

describe('the text of several calls', () => {
  const { code, origins } = combined(right(expand('matmul_tile')), [
    [0, 1, 2, 3],
    [4, 5, 2, 6]
  ])

  it('has the functions that touch a buffer twice, and memory of the workgroup and the rest once', () => {
    expect(code.match(/fn main\(/g)).toHaveLength(1)
    expect(code.match(/fn main_[01]\(/g)).toHaveLength(2)
    expect(code.match(/var<workgroup> left/g)).toHaveLength(1)
    expect(code.match(/fn place\(/g)).toHaveLength(1)
    // Call 1 reads at 2 what call 0 does.
    expect(code.match(/@binding\(\d+\)/g)?.sort()).toEqual([0, 1, 2, 3, 4, 5, 6].map(k => `@binding(${k})`))
    expect(code).toMatch(/@group\(0\) @binding\(5\) var<storage, read_write> \w+_1\b/)
  })

  it('remembers where each line comes from', () => {
    expect(origins).toHaveLength(code.split('\n').length)
    expect(origins.every(({ file, line }) => file.endsWith('.wgsl') && line > 0)).toBe(true)
  })
})

it('a dispatch of none is no dispatch', () => {
  expect(dispatchesOf([], [], 4, 8)).toEqual([])
  const one: Dispatch = [call({ shader: 'map', write: 1, workgroups: [2, 3, 4] })]
  expect(workgroupsOf(one)).toEqual([2, 3, 4])
})
