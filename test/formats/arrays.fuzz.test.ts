/** Decoders of arrays on bytes that nobody wrote: they answer, they never throw, and a result is no larger than its bound. */
import { fc } from '@fast-check/vitest'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { DECODERS, fileOf, MOST } from './arrays.js'

const RUNS = 400

/** A change of a file: a byte turned over, a cut, bytes put in, a span written twice. */
const changes = fc.oneof(
  fc.record({ kind: fc.constant('flip'), at: fc.nat(), value: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('cut'), at: fc.nat(), length: fc.nat(64) }),
  fc.record({ kind: fc.constant('end'), at: fc.nat() }),
  fc.record({ kind: fc.constant('insert'), at: fc.nat(), bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }) }),
  fc.record({ kind: fc.constant('twice'), at: fc.nat(), length: fc.integer({ min: 1, max: 64 }) })
)
type Change = {
  readonly kind: string
  readonly at: number
  readonly value?: number
  readonly length?: number
  readonly bytes?: Uint8Array
}

const changed = (file: Uint8Array, { kind, at: place, value = 0, length = 0, bytes = new Uint8Array(0) }: Change): Uint8Array => {
  // Half of all places are near the beginning, where headers are.
  const at = (place % 2 ? place : place % 160) % (file.length + 1)
  const [before, after] = [file.subarray(0, at), file.subarray(at)]
  if (kind === 'flip') return file.map((byte, k) => (k === at ? byte ^ value : byte))
  if (kind === 'cut') return new Uint8Array([...before, ...after.subarray(length)])
  if (kind === 'end') return before
  if (kind === 'insert') return new Uint8Array([...before, ...bytes, ...after])
  return new Uint8Array([...before, ...after.subarray(0, length), ...after])
}

describe.each(DECODERS)('$name', ({ decode, examples, bound }) => {
  const answers = (bytes: Uint8Array) => {
    const result = decode(bytes)
    if (E.isLeft(result)) {
      expect(result.left.message.length).toBeLessThan(500)
      expect(result.left.message).not.toMatch(/\p{Cc}/u)
    } else expect(result.right.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(bound(bytes.length))
  }

  it('answers whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), answers), { numRuns: RUNS })
  })

  it('answers whatever follows the beginning of a file', () => {
    const beginnings = examples.map(name => fileOf(name).subarray(0, 128))
    const property = fc.property(
      fc.constantFrom(...beginnings),
      fc.nat(128),
      fc.uint8Array({ maxLength: 200 }),
      (file, at, rest) => answers(new Uint8Array([...file.subarray(0, at), ...rest]))
    )
    fc.assert(property, { numRuns: RUNS })
  })

  it('answers whatever was done to a file', () => {
    const originals = examples.map(fileOf)
    const property = fc.property(fc.constantFrom(...originals), fc.array(changes, { minLength: 1, maxLength: 3 }), (file, list) =>
      answers((list as readonly Change[]).reduce(changed, file))
    )
    fc.assert(property, { numRuns: RUNS })
  })

  it('holds what it takes while it works to its bound', () => {
    for (const name of examples) {
      const file = fileOf(name)
      const before = process.memoryUsage().arrayBuffers
      decode(file)
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThanOrEqual(4 * Math.min(bound(file.length), MOST) + 2 ** 16)
    }
  })
})
