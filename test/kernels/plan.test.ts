/** Plans are pure: which buffer each slot lives in, checked by running random programs on plain arrays. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bindingsOf, kernelKey } from '../../src/kernels/dispatches.js'
import { type Plan, plan } from '../../src/kernels/plan.js'
import type { Program } from '../../src/kernels/spec.js'
import { anyProgram, call, runApart, runPlanned, u32 } from './programs.js'
import { right } from './results.js'

const limits = { maxStorageBuffersPerShaderStage: 8, maxStorageBufferBindingSize: 1 << 20 }
const planned = (program: Program, most = 1): Plan => right(plan(program, limits, most))
const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)

/** A chain: input 0, then each slot from the one before. */
const chain = (lengths: readonly number[]): Program => ({
  slots: lengths.map(u32),
  calls: lengths
    .slice(1)
    .map((length, i) =>
      call({ shader: 'mix1', params: [0, length, 0, lengths[i] as number], reads: [i], write: i + 1 })
    ),
  inputs: [0],
  outputs: [lengths.length - 1],
  constants: []
})

/**
 * The program where each call writes a part of its slot that no other writes, and says so. Whoever reads the slot
 * before all parts are there reads of the first only, which the second test of this file would see.
 */
const inParts = (program: Program): Program => {
  const first = new Map<number, number>()
  const calls = program.calls.map(one => {
    const { params, write } = one
    const [, count = 0] = params
    const known = first.get(write)
    // A part of one word behind all others of its slot.
    const offset = known ?? 0
    first.set(write, known === undefined ? count : known + 1)
    const own = known === undefined ? count : 1
    return {
      ...one,
      params: [offset, own, ...params.slice(2)],
      stores: [{ offset, extents: [own], strides: [1] }]
    }
  })
  const slots = program.slots.map((slot, k) => ({
    ...slot,
    shape: [Math.max(slot.shape[0] as number, first.get(k) ?? 0)]
  }))
  return { ...program, slots, calls }
}

/** A call that mixes slots of four words into another. */
const mixed = (write: number, reads: readonly number[]) =>
  call({ shader: `mix${reads.length}`, params: reads.flatMap(() => [0, 4]).concat(0, 4), reads, write })

/** By slot, the calls at which it must be there: from its first write to its last use. */
const alive = ({ calls }: Program, slot: number): readonly [number, number] => {
  const used = calls.flatMap(({ write, reads }, time) => (write === slot || reads.includes(slot) ? [time] : []))
  return [used[0] ?? 0, used.at(-1) ?? -1]
}

describe('random programs', () => {
  it('give the same values with shared buffers as with a buffer for each slot, whatever shares a dispatch', () => {
    fc.assert(
      fc.property(anyProgram(40), fc.integer({ min: 1, max: 4 }), (program, most) => {
        expect(runPlanned(planned(program, most))).toEqual(runApart(program))
      }),
      { numRuns: 1000 }
    )
  })

  it('give the same values where each call is known to store what no other stores', () => {
    fc.assert(
      fc.property(anyProgram(40), fc.integer({ min: 2, max: 4 }), (program, most) => {
        const known = inParts(program)
        expect(runPlanned(planned(known, most))).toEqual(runApart(known))
      }),
      { numRuns: 1000 }
    )
  })

  it('have dispatches of one kernel, within the limit of buffers, that read nothing that they write', () => {
    fc.assert(
      fc.property(anyProgram(40), fc.integer({ min: 1, max: 4 }), (program, most) => {
        const { dispatches } = planned(inParts(program), most)
        expect(
          dispatches
            .flat()
            .map(({ label }) => label)
            .sort()
        ).toEqual(program.calls.map(({ label }) => label).sort())
        for (const calls of dispatches) {
          expect(calls.length).toBeLessThanOrEqual(most)
          expect(new Set(calls.map(kernelKey)).size).toBe(1)
          const { bindings } = bindingsOf(calls)
          expect(bindings.filter(({ type }) => type !== 'uniform').length).toBeLessThanOrEqual(8)
          const written = calls.map(({ write }) => write)
          expect(calls.flatMap(({ reads }) => reads).filter(slot => written.includes(slot))).toEqual([])
        }
      })
    )
  })

  it('share buffers only between slots that are never alive at once, and as large as the largest of them', () => {
    fc.assert(
      fc.property(anyProgram(40), program => {
        const { places, shared, bytes } = planned(program)
        shared.forEach((size, buffer) => {
          const tenants = places.flatMap((place, slot) =>
            place?.kind === 'shared' && place.index === buffer ? [slot] : []
          )
          expect(size).toBe(Math.max(...tenants.map(slot => bytes[slot] as number)))
          const lives = tenants.map(slot => alive(program, slot)).sort(([a], [b]) => a - b)
          lives.slice(1).forEach(([first], i) => {
            expect(first).toBeGreaterThan((lives[i] as readonly [number, number])[1])
          })
        })
      })
    )
  })

  it('have a place for each slot that is used, and are told what they hold', () => {
    fc.assert(
      fc.property(anyProgram(40), program => {
        const { places, shared, bytes, peakBytes, lowerBoundBytes, bufferCount } = planned(program)
        const own = places.flatMap((place, slot) => (place && place.kind !== 'shared' ? [slot] : []))
        const used = new Set([...own, ...program.calls.flatMap(({ write, reads }) => [write, ...reads])])
        expect(places.flatMap((place, slot) => (place ? [slot] : []))).toEqual([...used].sort((a, b) => a - b))
        const fixed = total(own.map(slot => bytes[slot] as number))
        expect(peakBytes).toBe(fixed + total(shared))
        expect(bufferCount).toBe(own.length + shared.length)
        const between = places.flatMap((place, slot) => (place?.kind === 'shared' ? [slot] : []))
        const most = Math.max(
          ...program.calls.map((_, time) =>
            total(
              between
                .filter(slot => alive(program, slot)[0] <= time && time <= alive(program, slot)[1])
                .map(slot => bytes[slot] as number)
            )
          )
        )
        expect(lowerBoundBytes).toBe(fixed + most)
        expect(peakBytes).toBeGreaterThanOrEqual(lowerBoundBytes)
      })
    )
  })
})

describe('known programs', () => {
  it('a chain of equal slots needs two shared buffers, however long it is', () => {
    const { shared, peakBytes, lowerBoundBytes, bufferCount } = planned(chain(new Array(100).fill(8)))
    expect(shared).toEqual([32, 32])
    expect(peakBytes).toBe(4 * 32)
    expect(lowerBoundBytes).toBe(4 * 32)
    expect(bufferCount).toBe(4)
  })

  it('values that wait for their backward pass fill their buffers for thousands of calls, and none is shared meanwhile', () => {
    // 1 to n each from the one before; then n + 1, ... each from the one before and the values in falling order.
    const count = 3000
    const calls = [
      ...Array.from({ length: count }, (_, i) => mixed(i + 1, [i])),
      ...Array.from({ length: count }, (_, i) => mixed(count + i + 1, [count + i, count - i - 1]))
    ]
    const slots = Array.from({ length: 2 * count + 1 }, () => u32(4))
    const plan = planned({ slots, calls, inputs: [0], outputs: [2 * count], constants: [] })
    expect(plan.peakBytes).toBe(plan.lowerBoundBytes)
    const last = new Map(
      calls.flatMap(({ write, reads }, time) => [...reads, write].map(slot => [slot, time] as const))
    )
    const free = new Map<number, number>()
    for (const [time, { write }] of calls.entries()) {
      const place = plan.places[write]
      if (place?.kind !== 'shared') continue
      expect(time).toBeGreaterThan(free.get(place.index) ?? -1)
      free.set(place.index, last.get(write) as number)
    }
  })

  it('a buffer is free until what fills it for thousands of calls is there', () => {
    // Slot 2 is there from call 100 on to the end, and slot 1, smaller, only before.
    const calls = [
      mixed(1, [0]),
      ...Array.from({ length: 99 }, () => mixed(3, [1])),
      mixed(2, [0]),
      ...Array.from({ length: 3000 }, () => mixed(3, [2]))
    ]
    const { places } = planned({ slots: [4, 4, 8, 4].map(u32), calls, inputs: [0], outputs: [3], constants: [] })
    expect(places[1]).toEqual(places[2])
  })

  it('slots of all sizes take whole vec4s', () => {
    expect(planned(chain([1, 4, 5, 8])).bytes).toEqual([16, 16, 32, 32])
  })

  it('a small slot takes the smallest buffer that is free', () => {
    // 1 (64) and 2 (4) are read together by 3 (64); 4 (4) then fits where 2 was, and not where 1 was.
    const program = chain([4, 64, 4, 64, 4, 4])
    const wide = {
      ...program,
      calls: program.calls.map((one, i) => (i === 2 ? { ...one, shader: 'mix2', reads: [2, 1] } : one))
    }
    const { places, shared } = planned(wide)
    expect(shared).toEqual([256, 256, 16])
    expect(places[4]).toEqual(places[2])
  })

  it('a slot that is only written, and one that nothing touches', () => {
    const program = chain([4, 4, 4])
    const { places, shared } = planned({
      ...program,
      slots: [...program.slots, u32(4), u32(4)],
      calls: [...program.calls, call({ shader: 'mix1', params: [0, 4, 0, 4], reads: [2], write: 3 })]
    })
    expect(places[3]?.kind).toBe('shared')
    expect(places[4]).toBeUndefined()
    expect(shared).toEqual([16])
  })

  it('a slot that is written in parts keeps its first part while others are written', () => {
    // 1 gets its first half, 2 and 3 come and go, 1 gets its second half and is read.
    const slots = [4, 8, 4, 4, 8].map(u32)
    const mix = (from: number, write: number, offset = 0) =>
      call({ shader: 'mix1', params: [offset, 4, 1, 4], reads: [from], write })
    const calls = [
      mix(0, 1),
      mix(0, 2),
      mix(2, 3),
      mix(3, 1, 4),
      call({ shader: 'mix1', params: [0, 8, 0, 8], reads: [1], write: 4 })
    ]
    const program = { slots, calls, inputs: [0], outputs: [4], constants: [] }
    expect(runPlanned(planned(program))).toEqual(runApart(program))
    expect(planned(program).shared).toEqual([32, 16, 16])
  })

  it('launches no more workgroups than a dispatch may have', () => {
    const program = chain([4, 4])
    const many = { ...program, calls: program.calls.map(one => ({ ...one, workgroups: [70_000, 65_536, 3] as const })) }
    expect(planned(many).dispatches[0]?.[0].workgroups).toEqual([65_535, 65_535, 3])
  })

  it('a program without calls holds nothing between', () => {
    expect(planned({ slots: [u32(4)], calls: [], inputs: [0], outputs: [], constants: [] })).toMatchObject({
      shared: [],
      peakBytes: 16
    })
  })
})
