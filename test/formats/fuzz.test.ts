/**
 * Every decoder on noise and on damaged files of other programs: it answers, never throws, and holds no more than
 * follows from the length of its input. `npm run faults` has as many inputs as are wanted, and texts.
 */
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import type { DecodeError } from '../../src/formats/error.js'
import { DECODERS, unpacked } from './decoders.js'
import { damaged, heldBy } from './mutations.js'

describe.each(Object.entries(DECODERS))('%s', (_, { decode, examples, most }) => {
  const answers = (bytes: Uint8Array): void => {
    const result = decode(bytes)
    if (E.isRight(result)) expect(heldBy(result.right, bytes)).toBeLessThanOrEqual(most(bytes.length))
    else refused(result.left)
  }
  const refused = (error: DecodeError): void => {
    expect(error._tag).toBe('DecodeError')
    expect(error.message.length).toBeLessThan(500)
    expect(error.message).not.toMatch(/\p{C}/u)
  }

  it('answers to noise', () => fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), answers), { numRuns: 300 }))
  it('answers to its files, damaged', () => {
    const files = examples.map(unpacked)
    files.forEach(answers)
    // One that refused all of them would be tried at its door only.
    expect(files.some(bytes => E.isRight(decode(bytes)))).toBe(true)
    fc.assert(
      fc.property(damaged(files), ({ bytes }) => answers(bytes)),
      { numRuns: 300 }
    )
  })
})
