/** Every rule of a program that `validate` holds: one program that breaks it, and the words that say so. */

import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { expect, it } from 'vitest'
import type { Call, Program } from '../../src/kernels/spec.js'
import { validate } from '../../src/kernels/validate.js'
import { anyProgram, call, u32 } from './programs.js'
import { left } from './results.js'

const limits = { maxStorageBuffersPerShaderStage: 4, maxStorageBufferBindingSize: 1 << 20 }

const good: Program = {
  slots: [u32(4), u32(4), u32(4), u32(4)],
  calls: [
    call({ shader: 'mix2', params: [0, 4, 0, 4, 4], reads: [0, 1], write: 2, label: 'first' }),
    call({ shader: 'mix1', params: [0, 4, 0, 4], reads: [2], write: 3, label: 'second' })
  ],
  inputs: [0],
  outputs: [3],
  constants: [{ slot: 1, data: Uint32Array.of(1, 2, 3, 4) }]
}
/** The good program with its second call changed. */
const withCall = (changes: Partial<Call>): Program => ({
  ...good,
  calls: [good.calls[0] as Call, { ...(good.calls[1] as Call), ...changes }]
})
const withSlot = (slot: number, shape: readonly number[]): Program => ({
  ...good,
  slots: good.slots.map((one, i) => (i === slot ? { ...one, shape } : one))
})

it('takes what keeps the rules', () => {
  expect(validate(good, limits)).toEqual(E.right(good))
  fc.assert(
    fc.property(anyProgram(20), program =>
      E.isRight(validate(program, { ...limits, maxStorageBuffersPerShaderStage: 8 }))
    )
  )
})

const refused: readonly (readonly [string, Program, RegExp])[] = [
  ['an input that is no slot', { ...good, inputs: [0, 9] }, /each input to be a slot.*no slot 9 among 4/],
  ['an output that is no slot', { ...good, outputs: [3, -1] }, /each output to be a slot.*no slot -1/],
  [
    'a constant that is no slot',
    { ...good, constants: [{ slot: 4, data: Uint32Array.of(1) }] },
    /each constant to be a slot.*no slot 4/
  ],
  ['an input twice', { ...good, inputs: [0, 0] }, /slot 0 \(u32\[4\]\) is input and input/],
  ['an output twice', { ...good, outputs: [3, 3] }, /is output and output/],
  ['an output that is an input', { ...good, outputs: [3, 0] }, /is input and output/],
  ['an output that is a constant', { ...good, outputs: [1] }, /is constant and output/],
  ['a constant that is an input', { ...good, inputs: [0, 1] }, /is input and constant/],
  [
    'a constant too short',
    { ...good, constants: [{ slot: 1, data: Uint32Array.of(1) }] },
    /the constant of slot 1.*u32 of length 1/
  ],
  [
    'a constant of another dtype',
    { ...good, constants: [{ slot: 1, data: new Int32Array(4) }] },
    /its data is i32 of length 4/
  ],
  ['a call that writes no slot', withCall({ write: 7 }), /call 1 "second" to use slots.*no slot 7/],
  ['a call that reads no slot', withCall({ reads: [2, 8] }), /call 1 "second" to use slots.*no slot 8/],
  ['a call on an empty slot', withSlot(3, [2, 0]), /at least one element.*slot 3 \(u32\[2,0\]\) has none/],
  ['a call on a broken shape', withSlot(3, [1.5]), /at least one element/],
  [
    'a slot over the limit of a binding',
    withSlot(3, [1024, 1024]),
    /call 1 "second" to bind slot 3 \(u32\[1024,1024\]\), but it takes 4\.0 MiB, and this adapter binds at most 1\.0 MiB: lower the batch size/
  ],
  ['a slot one vec4 over the limit', withSlot(3, [(1 << 18) + 1]), /to bind slot 3/],
  ['a call that writes an input', withCall({ write: 0 }), /to write a slot of its own.*slot 0 .* is input/],
  ['a call that writes a constant', withCall({ write: 1 }), /to write a slot of its own.*slot 1 .* is constant/],
  ['a call that reads what it writes', withCall({ reads: [2, 3] }), /to read other slots than it writes.*slot 3/],
  [
    'a call that reads what was not written yet',
    { ...good, calls: [...good.calls].reverse() },
    /call 0 "second" to read what was written before.*slot 2/
  ],
  [
    'a call that reads too much',
    withCall({ reads: [0, 1, 2, 0] }),
    /call 1 "second" to read 4 slots.*at most 3 besides/
  ],
  ['no workgroups', withCall({ workgroups: [1, 0, 1] }), /at least one workgroup.*1 x 0 x 1/],
  ['half a workgroup', withCall({ workgroups: [1.5, 1, 1] }), /at least one workgroup/],
  ['a parameter that is no word', withCall({ params: [0, 0.5] }), /32-bit words as parameters.*one is 0\.5/],
  ['a parameter too large', withCall({ params: [2 ** 32] }), /32-bit words/],
  ['a parameter too small', withCall({ params: [-(2 ** 31) - 1] }), /32-bit words/],
  ['an output that nothing writes', { ...good, calls: good.calls.slice(0, 1) }, /each output to be written.*slot 3/],
  [
    'an input without an element',
    { ...good, slots: [...good.slots, u32(0)], inputs: [0, 4] },
    /each input to have an element.*slot 4/
  ]
]

it.each(refused)('refuses %s', (_, program, message) => {
  expect(left(validate(program, limits))).toMatchObject({
    _tag: 'InvalidProgram',
    message: expect.stringMatching(message)
  })
})

it('takes what is just within the limits', () => {
  const just = [
    withSlot(3, [1 << 18]),
    withCall({ reads: [0, 1, 2] }),
    withCall({ params: [2 ** 32 - 1, -(2 ** 31)] }),
    withCall({ reads: [] })
  ]
  expect(just.map(program => E.isRight(validate(program, limits)))).toEqual([true, true, true, true])
})
