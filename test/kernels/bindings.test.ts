/** How many bind groups a plan needs, before any is made. */
import { describe, expect, it } from 'vitest'
import { apart, arrange, countOf, groupsOf, MOST_BOUND, together } from '../../src/kernels/bindings.js'
import { plan } from '../../src/kernels/plan.js'
import { call, u32 } from './programs.js'
import { right } from './results.js'

/** Each of `links` calls reads the argument and what the one before it wrote. */
const links = 50
const program = {
  slots: Array.from({ length: links + 2 }, () => u32(4)),
  calls: Array.from({ length: links + 1 }, (_, i) =>
    call({
      shader: `mix${i === 0 ? 1 : 2}`,
      params: i === 0 ? [0, 4, 0, 4] : [0, 4, 0, 4, 0, 4],
      reads: i === 0 ? [0] : [0, i],
      write: i + 1
    })
  ),
  inputs: [0],
  outputs: [links + 1],
  constants: []
}
const planned = right(plan(program, { maxStorageBuffersPerShaderStage: 8, maxStorageBufferBindingSize: 1 << 20 }))
const parameters = planned.dispatches.map(() => [0])

describe('bind groups of a program', () => {
  it('are counted as often as they are kept for other arguments', () => {
    // Two shared buffers in turn: the first call, the two ways round, and the last.
    expect(countOf(groupsOf(planned, parameters, together))).toBe(4 * MOST_BOUND)
    // A group for the numbers, the argument, the result, and each shared buffer as it is written and as it is read.
    expect(countOf(groupsOf(planned, parameters, apart))).toBe(1 + 2 * MOST_BOUND + 4)
  })

  it('are one for each buffer where they would be too many together, those that are kept included', () => {
    const all = 4 * MOST_BOUND
    const whole = arrange(planned, parameters, all)
    expect([whole.arrangement, countOf(whole.groups)]).toEqual([together, 16])
    const parts = arrange(planned, parameters, all - 1)
    expect([parts.arrangement, countOf(parts.groups)]).toEqual([apart, 13])
    expect(parts.groups.get('uniform')).toBe(1)
  })
})
