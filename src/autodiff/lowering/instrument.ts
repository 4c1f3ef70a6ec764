/** The program that looks for the first number that is not finite. */
import type { Call, Program, Slot } from '../../kernels/spec.js'
import { sizeOf } from '../shape.js'
import { constantText } from '../wgsl.js'
import { mapWorkgroups, vec4sOf, wordsOf } from './builder.js'

/** The calls whose results `instrument` checks, in order: each one that completes a slot of f32. */
export const checkedCalls = ({ calls, slots }: Program): readonly Call[] => {
  const completes = new Map(calls.map(call => [call.write, call]))
  return calls.filter(call => completes.get(call.write) === call && (slots[call.write] as Slot).dtype === 'f32')
}

/**
 * The program that finds out where a number first ceases to be finite: after each call that completes a slot of f32, a check of it. Its only output
 * is u32[1]: the index among `checkedCalls` of the first call with a result that is not finite, or 2^32 - 1.
 */
export const instrument = (program: Program): Program => {
  const flag = program.slots.length
  const slots: Slot[] = [...program.slots, { dtype: 'u32', shape: [1] }]
  const base = { label: 'check for finite numbers', flops: 0, workgroups: [1, 1, 1] as const }
  const start: Call = {
    ...base,
    shader: 'map',
    computes: { text: constantText('u32', '4294967295u'), inputs: 0, numbers: vec4sOf([]) },
    params: [1, 0, 0, 0, 0, 0, 0, 0, ...wordsOf([])],
    reads: [],
    write: flag,
    stores: [{ offset: 0, extents: [1], strides: [1] }]
  }
  const places = new Map(checkedCalls(program).map((call, index) => [call, index]))
  const calls = program.calls.flatMap(call => {
    const index = places.get(call)
    if (index === undefined) return [call]
    const size = sizeOf((slots[call.write] as Slot).shape)
    const check: Call = {
      ...base,
      shader: 'check_finite',
      params: [size, index, 0, 0],
      reads: [call.write],
      write: flag,
      stores: [],
      workgroups: [mapWorkgroups(size), 1, 1]
    }
    return [call, check]
  })
  return { ...program, slots, calls: [start, ...calls], outputs: [flag] }
}
