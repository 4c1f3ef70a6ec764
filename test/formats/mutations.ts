/** Damaged files for decoders, and what a decoder's answer holds. */
import fc from 'fast-check'

/** A change of some bytes, as numbers of 0 to 1 and bytes that say where and what. */
type Mutation = (bytes: Uint8Array) => Uint8Array

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const at = (bytes: Uint8Array, where: number): number => Math.floor(where * (bytes.length + 1))
const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, fc.nat(255)).map(
    ([where, byte]): Mutation =>
      bytes =>
        bytes.map((old, k) => (k === at(bytes, where) ? byte : old))
  ),
  // Headers come first, and are what is believed.
  fc.tuple(fc.nat(40), fc.nat(255)).map(
    ([where, byte]): Mutation =>
      bytes =>
        bytes.map((old, k) => (k === where ? byte : old))
  ),
  place.map(
    (where): Mutation =>
      bytes =>
        bytes.slice(0, at(bytes, where))
  ),
  fc.tuple(place, place).map(
    ([a, b]): Mutation =>
      bytes =>
        joined(bytes.subarray(0, at(bytes, Math.min(a, b))), bytes.subarray(at(bytes, Math.max(a, b))))
  ),
  fc.tuple(place, fc.uint8Array({ maxLength: 20 })).map(
    ([where, added]): Mutation =>
      bytes =>
        joined(bytes.subarray(0, at(bytes, where)), added, bytes.subarray(at(bytes, where)))
  ),
  fc.tuple(place, place, place).map(
    ([a, b, to]): Mutation =>
      bytes => {
        const span = bytes.subarray(at(bytes, Math.min(a, b)), at(bytes, Math.max(a, b)))
        return joined(bytes.subarray(0, at(bytes, to)), span, bytes.subarray(at(bytes, to)))
      }
  )
)

/** A file that prints as its length only: the seed brings it back. */
interface Damaged {
  readonly bytes: Uint8Array
  readonly [fc.toStringMethod]: () => string
}

/** A file with one to three changes. */
export const damaged = (files: readonly Uint8Array[]): fc.Arbitrary<Damaged> =>
  fc.tuple(fc.constantFrom(...files), fc.array(mutation, { minLength: 1, maxLength: 3 })).map(([file, mutations]) => {
    const bytes = mutations.reduce((changed, change) => change(changed), file)
    return { bytes, [fc.toStringMethod]: () => `${bytes.length} bytes` }
  })

/** A value's parts: of lists, maps and objects. */
const partsOf = (value: object): readonly unknown[] =>
  value instanceof Map ? [...value.entries()].flat() : Array.isArray(value) ? value : Object.values(value)

/**
 * Bytes that a value holds, what it shares counted once: buffers but the input's own, letters of texts, and 8 bytes
 * for each part of a list or an object.
 */
export const heldBy = (root: unknown, input: Uint8Array): number => {
  const seen = new Set<unknown>([input.buffer])
  const waiting: unknown[] = [root]
  let bytes = 0
  while (waiting.length > 0) {
    const value = waiting.pop()
    bytes += 8
    if (typeof value === 'string' && !seen.has(value)) bytes += value.length
    const key = ArrayBuffer.isView(value) ? value.buffer : value
    const isNew = !seen.has(key)
    seen.add(key)
    if (ArrayBuffer.isView(value)) bytes += isNew ? value.buffer.byteLength : 0
    else if (typeof value === 'object' && value !== null && isNew) for (const part of partsOf(value)) waiting.push(part)
  }
  return bytes
}
