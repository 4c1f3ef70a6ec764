/**
 * What a call does to memory: every shader has a contract, and a call that was changed behind its back is refused
 * before it runs.
 */
import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { disagreement } from '../../src/kernels/agreement.js'
import { product, type Reading } from '../../src/kernels/contracts/contract.js'
import { CONTRACTS } from '../../src/kernels/contracts/index.js'
import { plan } from '../../src/kernels/plan.js'
import {
  areDisjoint,
  isInjective,
  lastOf,
  ofFewAxes,
  placesOf,
  plainest,
  samePlaces
} from '../../src/kernels/regions.js'
import { loadShader } from '../../src/kernels/shader.js'
import type { Call, Program, Region, Slot } from '../../src/kernels/spec.js'
import { BEHIND, EXAMPLES, type Example, fromFurther, OTHERS, programOf, shadersOf } from './examples.js'

const limits = { maxStorageBuffersPerShaderStage: 8, maxStorageBufferBindingSize: 1 << 27 }
const all = { ...EXAMPLES, ...OTHERS }

/** Files that are kernels, not parts of kernels. */
const kernels = readdirSync(new URL('../../shaders/', import.meta.url))
  .filter(file => file.endsWith('.wgsl') && /@compute/.test(loadShader(file)))
  .map(file => file.replace('.wgsl', ''))

it('every kernel has a contract, and an example that calls it', () => {
  expect(Object.keys(CONTRACTS).sort()).toEqual(kernels.sort())
  const plain = (name: string) => name.replace(' by vec4', '')
  // Checks are added to programs by the engine.
  const checks = kernels.filter(name => name.startsWith('check_'))
  expect([...new Set(Object.keys(EXAMPLES).map(plain)), ...checks].sort()).toEqual(kernels.sort())
})

it('the sums of a result that is made in parts have fast forms of their own', () => {
  expect(shadersOf(programOf(EXAMPLES['conv2d_filter_grad_row4'] as Example))).toEqual([
    'conv2d_filter_grad_row4',
    'reduce_shuffle'
  ])
})

/** The program with the texts that `plan` makes. */
const planned = (example: Example): Program => {
  const made = plan(programOf(example), limits)
  if (E.isLeft(made)) throw new Error(made.left.message)
  return { ...made.right.program, calls: made.right.dispatches.flat() }
}

it.each(Object.entries(EXAMPLES))(
  '%s is called by its example, and agrees with what is said of it',
  (name, example) => {
    const program = planned(example)
    expect(shadersOf(program)).toContain(name)
    expect(disagreement(program)).toBeUndefined()
  }
)

/** What calls ask of a slot, in elements, each of them. */
const asked = ({ calls }: Program, slot: number): readonly number[] =>
  calls.flatMap(call => {
    const { needs } = (CONTRACTS[call.shader] as Reading)(call)
    return needs.filter((_, k) => call.reads[k] === slot)
  })

const ofOperands = Object.entries(all).filter(([, { shapes }]) => shapes.length > 0)
it.each(ofOperands)('%s is said to ask for all of its operands, and for nothing behind them', (_, example) => {
  const program = planned(fromFurther(example))
  program.slots.forEach(({ shape }, slot) => {
    const each = asked(program, slot)
    // Of a gradient some operands are not needed.
    if (each.length === 0) return
    const stored = program.calls.flatMap(({ write, stores = [] }) => (write === slot ? stores.map(lastOf) : []))
    const end = program.inputs.includes(slot)
      ? product(shape) - BEHIND
      : stored.length > 0
        ? Math.max(...stored) + 1
        : product(shape)
    expect(Math.max(...each), `slot ${slot}`).toBe(end)
  })
})

type Change = (call: Call, program: Program) => Call | undefined
const word =
  (at: number, to: (before: number) => number) =>
  (call: Call): Call => ({ ...call, params: call.params.with(at, to(call.params[at] as number)) })
const constant =
  (name: string, to: number): Change =>
  call => ({ ...call, constants: { ...call.constants, [name]: to } })
const text =
  (from: RegExp, to: string): Change =>
  ({ op = '', ...call }) => ({ ...call, op: op.replace(from, to) })
const more = (n: number) => (before: number) => before + n

const ELEMENTS = 'its elements are not those of its extents'
const GROUPS = 'its channels and outputs are not of as many groups'
const ALIGNED = 'an operand that it loads by vec4 begins between two'
const ZEROS = 'the words that must be 0 are not'
const VECTORS = 'it takes turns of four, and an operand that it loads by vec4 in turns of one'
const LANES = 'its lanes are no power of two up to 64'
const STRADDLING = 'its rows straddle subgroups'
const ROWS = 'its elements do not fill whole rows'
const PLANES = 'its elements do not fill whole planes'

/** What does not fit together within a call: the kernel, the change, what is said of it. */
const complaints: readonly (readonly [string, Change, string])[] = [
  ['conv2d', word(4, more(1)), ELEMENTS],
  ['conv2d', word(21, more(1)), GROUPS],
  ['conv2d_input_grad', word(4, more(1)), ELEMENTS],
  ['conv2d_input_grad', word(21, more(1)), GROUPS],
  ['conv2d_filter_grad', word(4, more(1)), ELEMENTS],
  ['conv2d_filter_grad', word(21, more(1)), GROUPS],
  ['conv2d_filter_grad', constant('LANES', 128), LANES],
  ['conv2d_filter_grad', constant('LANES', 24), LANES],
  ['conv2d_any', word(2, more(1)), 'its pixels are not those of its rows and columns'],
  ['conv2d_any', word(3, more(1)), 'its pixels are not those of its rows and columns'],
  ['conv2d_any', word(13, more(2)), 'its pixels lie outside the result'],
  ['conv2d_any', word(14, more(2)), 'its pixels lie outside the result'],
  ['conv2d_any', word(30, more(1)), GROUPS],
  ['conv2d_any', word(31, more(1)), GROUPS],
  ['conv2d_filter_grad_any', word(22, more(1)), 'a turn does not go on by as many pixels as its lanes take'],
  ['conv2d_filter_grad_any', word(18, more(1)), GROUPS],
  ['conv2d_row4', word(0, more(2)), ALIGNED],
  ['conv2d_row4', word(3, more(2)), ALIGNED],
  ['conv2d_row4', word(6, more(1)), 'its lanes do not fill whole images'],
  ['conv2d_1x1_row4', word(0, more(2)), ALIGNED],
  ['conv2d_1x1_row4', word(9, more(2)), ALIGNED],
  ['conv2d_1x1_row4', word(2, more(1)), 'its pixels do not fill whole images'],
  ['conv2d_filter_grad_row4', word(0, more(2)), ALIGNED],
  ['conv2d_filter_grad_row4', word(1, more(2)), ALIGNED],
  ['conv2d_1x1_filter_grad_row4', word(0, more(2)), ALIGNED],
  ['conv2d_1x1_filter_grad_row4', word(1, more(2)), ALIGNED],
  ['conv2d_depthwise_row4', word(0, more(2)), ALIGNED],
  ['conv2d_depthwise_row4', constant('W4', 3), STRADDLING],
  ['conv2d_depthwise_row4', constant('SIZE', 60), STRADDLING],
  ['conv2d_depthwise_filter_grad_row4', word(0, more(2)), ALIGNED],
  ['conv2d_depthwise_filter_grad_row4', word(1, more(2)), ALIGNED],
  ['conv2d_depthwise_filter_grad_row4', constant('W4', 3), STRADDLING],
  ['conv2d_depthwise_stride2_row4', word(0, more(2)), ALIGNED],
  ['conv2d_depthwise_stride2_row4', constant('J4', 3), STRADDLING],
  ['conv2d_depthwise_stride2_row4', constant('SIZE', 60), STRADDLING],
  ['conv2d_depthwise_stride2_filter_grad_row4', word(1, more(2)), ALIGNED],
  ['map', word(1, more(1)), ZEROS],
  ['map', text(/var<storage, read> in0: array<\w+>/, 'var<storage, read> in0: array<vec4<f32>>'), VECTORS],
  ['map_strided', word(3, more(1)), ZEROS],
  ['map_strided', word(0, more(1)), 'its extents are not those of its elements'],
  [
    'map_strided',
    text(/alias Result = Value;/, 'alias Result = vec4<Value>;'),
    'it takes single elements, and its text takes four'
  ],
  ['map_rows', word(3, more(1)), ZEROS],
  ['map_rows', word(0, more(1)), 'its outer extents are not those of its rows'],
  ['map_rows', word(2, () => 128), LANES],
  ['map_rows', word(2, () => 24), LANES],
  ['map_rows', word(2, () => 0), LANES],
  ['map_rows', text(/var<storage, read> in0: array<\w+>/, 'var<storage, read> in0: array<vec4<f32>>'), VECTORS],
  ['reduce', word(16, more(1)), ZEROS],
  ['reduce', word(0, more(1)), 'its kept extents are not those of its results'],
  ['reduce', word(1, more(1)), 'its folded extents are not those of its turns'],
  ['reduce', word(2, () => 512), 'its lanes are not those of a workgroup'],
  ['reduce', word(2, () => 24), 'its lanes are not those of a workgroup'],
  ['reduce_shuffle', word(2, () => 2), 'its lanes are not those of a workgroup'],
  ['window_gather', word(4, more(1)), PLANES],
  ['window_gather4', word(1, more(2)), 'four windows at a time do not fill a plane, or begin between two vec4s'],
  ['window_spread', word(4, more(1)), PLANES],
  ['window_sum_row4', word(0, more(2)), ALIGNED],
  ['window_sum_row4', word(1, more(2)), ALIGNED],
  ['window_sum_row4', constant('J4', 3), STRADDLING],
  ['window_sum_row4', constant('SIZE', 60), STRADDLING],
  ['matmul', word(12, more(1)), 'its elements do not fill whole matrices'],
  ['matmul_shuffle', word(13, more(2)), 'its columns do not fill vec4s'],
  ['matmul_shuffle', word(1, more(2)), 'y or the result is not walked by whole vec4s'],
  ['matmul_shuffle', word(2, more(2)), 'y or the result is not walked by whole vec4s'],
  ['gather_parts', word(2, more(1)), ZEROS],
  ['gather_parts', word(8, more(1)), 'its parts do not follow one another'],
  ['gather_parts', word(16, () => 1), 'its parts do not follow one another'],
  ['gather_parts', word(8 + 64, () => 7), 'a part is of an operand that it does not have'],
  ['take', word(4, more(1)), ROWS],
  ['scatter_add', word(4, more(1)), ROWS],
  ['sort_blocks', word(4, more(1)), ROWS],
  ['merge_runs', word(4, more(1)), ROWS],
  ['merge_runs', word(6, more(4)), 'its runs are not of whole stretches of 8'],
  ['flip', word(4, more(1)), ROWS],
  ['cumsum', word(4, more(1)), 'its columns do not fill whole rows'],
  ['random', word(4, more(1)), 'its elements are not those of whole keys']
]
it.each(complaints)('what does not fit together in a call of %s is said: %#', (name, change, wanted) => {
  const program = planned(all[name] as Example)
  const i = program.calls.findIndex(({ shader }) => shader === name)
  const changed = change(program.calls[i] as Call, program) as Call
  expect(disagreement({ ...program, calls: program.calls.with(i, changed) })?.got).toBe(wanted)
})

/** Every change of one thing in a call that stores or reads other elements, or launches less, has to be seen. */
const changes: Readonly<Record<string, Change>> = {
  'half of the workgroups in x': call =>
    CONTRACTS[call.shader]?.(call).workgroups && call.workgroups[0] > 1
      ? { ...call, workgroups: [call.workgroups[0] / 2, call.workgroups[1], call.workgroups[2]] }
      : undefined,
  'half of the workgroups in y': call =>
    call.workgroups[1] > 1
      ? { ...call, workgroups: [call.workgroups[0], call.workgroups[1] / 2, call.workgroups[2]] }
      : undefined,
  'one workgroup less in z': call =>
    call.workgroups[2] > 1
      ? { ...call, workgroups: [call.workgroups[0], call.workgroups[1], call.workgroups[2] - 1] }
      : undefined,
  'single values where vec4s are counted': call =>
    call.op?.includes('alias Result = vec4<Value>;')
      ? { ...call, op: call.op.replace('alias Result = vec4<Value>;', 'alias Result = Value;') }
      : undefined,
  'vec4s where single values are counted': call =>
    call.op?.includes('alias Result = Value;') && call.computes?.fold === undefined
      ? { ...call, op: call.op.replace('alias Result = Value;', 'alias Result = vec4<Value>;') }
      : undefined,
  'a result that is said to lie one further on': call => ({
    ...call,
    stores: call.stores?.map(region => ({ ...region, offset: region.offset + 1 })) as Region[]
  }),
  'a result that is said to be one longer': call => ({
    ...call,
    stores: call.stores?.map(region => ({
      ...region,
      extents: region.extents.with(0, (region.extents[0] ?? 1) + 1)
    })) as Region[]
  }),
  'nothing said of what it stores': ({ stores: _, ...call }) => call,
  'a read slot that is left out': call => (call.reads.length > 0 ? { ...call, reads: call.reads.slice(1) } : undefined)
}

describe.each(Object.entries(all))('a call that was changed: %s', (_, example) => {
  const program = planned(example)
  it.each(Object.entries(changes))('%s', (__, change) => {
    program.calls.forEach((call, i) => {
      const changed = change(call, program)
      if (changed)
        expect(disagreement({ ...program, calls: program.calls.with(i, changed) }), `call ${i}`).toBeDefined()
    })
  })

  it('any word of its parameters: what it stores and reads changes with it, or the word says nothing of that', () => {
    program.calls.forEach((call, i) => {
      const reading = CONTRACTS[call.shader] as (call: Call) => unknown
      for (const at of call.params.keys()) {
        const changed = word(at, more(1))(call)
        const same = JSON.stringify(reading(changed)) === JSON.stringify(reading(call))
        const seen = disagreement({ ...program, calls: program.calls.with(i, changed) })
        // What only makes it read less, or elsewhere within a slot, is not a matter of memory.
        const stores =
          JSON.stringify(CONTRACTS[call.shader]?.(changed).stores) ===
          JSON.stringify(CONTRACTS[call.shader]?.(call).stores)
        expect(same || stores || seen !== undefined, `call ${i}, word ${at}`).toBe(true)
      }
    })
  })

  it('a call that is missing, or made twice', () => {
    program.calls.forEach((call, i) => {
      if (call.fills || call.stores?.length === 0) return
      const slot = program.slots[call.write] as Slot
      const alone = program.calls.filter(({ write }) => write === call.write).length === 1
      const filled = program.calls.some(({ write, fills }) => write === call.write && fills)
      const others = program.calls.toSpliced(i, 1)
      // A slot that nothing writes is refused where it is read, and what is filled with zeros may stay so.
      if (!alone && !filled && !slot.gaps) expect(disagreement({ ...program, calls: others })).toBeDefined()
      expect(disagreement({ ...program, calls: [...program.calls, call] })).toBeDefined()
    })
  })
})

describe('regions', () => {
  const regions = fc
    .record({
      offset: fc.nat(30),
      axes: fc.array(fc.record({ extent: fc.integer({ min: 1, max: 4 }), stride: fc.integer({ min: 1, max: 24 }) }), {
        maxLength: 3
      })
    })
    .map(({ offset, axes }): Region => ({ offset, extents: axes.map(a => a.extent), strides: axes.map(a => a.stride) }))
  const places = ({ offset, extents, strides }: Region): number[] =>
    extents.reduce<number[]>(
      (all, extent, k) =>
        all.flatMap(place => Array.from({ length: extent }, (_, i) => place + i * (strides[k] as number))),
      [offset]
    )

  it('have as many places as they say, the last of them where they say, and no fewer axes than they need', () =>
    fc.assert(
      fc.property(regions, region => {
        expect(placesOf(region)).toBe(places(region).length)
        expect(lastOf(region)).toBe(Math.max(...places(region)))
        expect(places(plainest(region)).sort()).toEqual(places(region).sort())
      })
    ))
  it('are cut into ones of fewer axes, with the same places', () =>
    fc.assert(
      fc.property(regions, fc.integer({ min: 1, max: 3 }), (region, most) => {
        const parts = ofFewAxes(region, most)
        expect(parts.flatMap(places).sort()).toEqual(places(region).sort())
        for (const { extents } of parts) expect(extents.length).toBeLessThanOrEqual(most)
      })
    ))
  it('are the same only if their places are', () =>
    fc.assert(
      fc.property(regions, regions, (a, b) => {
        if (samePlaces(a, b)) expect(places(a).sort()).toEqual(places(b).sort())
        expect(samePlaces(a, { ...a, extents: [...a.extents, 1], strides: [...a.strides, 7] })).toBe(true)
      })
    ))
  it('are injective only if no place comes twice', () =>
    fc.assert(
      fc.property(regions, region => {
        if (isInjective(region)) expect(new Set(places(region)).size).toBe(placesOf(region))
      })
    ))
  it('are disjoint if and only if they have no place in common', () =>
    fc.assert(
      fc.property(regions, regions, (a, b) => {
        const mine = new Set(places(a))
        expect(areDisjoint(a, b)).toBe(!places(b).some(place => mine.has(place)))
      }),
      { numRuns: 1000 }
    ))
})
