/**
 * Decoders of arrays, beside what `fuzz.test.ts` does with all: on beginnings of files that go on otherwise, and with
 * an eye on what they take while they work.
 */
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { ARRAY_DECODERS, MOST } from './arrays.js'
import { example } from './files.js'

describe.each(Object.entries(ARRAY_DECODERS))('%s', (_, { decode, examples, most }) => {
  it('answers to whatever follows the beginning of a file', () => {
    const beginnings = examples.map(name => example(name).subarray(0, 160))
    const property = fc.property(
      fc.constantFrom(...beginnings),
      fc.nat(160),
      fc.uint8Array({ maxLength: 300 }),
      (file, at, rest) => {
        const result = decode(new Uint8Array([...file.subarray(0, at), ...rest]))
        if (E.isLeft(result)) expect(result.left.message).toMatch(/ is required, but /)
      }
    )
    fc.assert(property, { numRuns: 300 })
  })

  it('takes no more than follows from its file while it works', () => {
    for (const name of examples) {
      const file = example(name)
      const before = process.memoryUsage().arrayBuffers
      decode(file)
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThanOrEqual(
        4 * Math.min(most(file.length), MOST) + 2 ** 18
      )
    }
  })
})
