/**
 * Damaged files for every decoder, as many as are wanted. A decoder answers: it throws nothing, takes no longer than
 * `MOST_SECONDS` of the processor, and its answer holds no more than its row allows; a refusal is a sentence.
 *
 * `npm run faults -- --only decoders --inputs 1000000`
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import * as E from 'fp-ts/lib/Either.js'
import { DECODERS, unpacked } from '../formats/decoders.js'
import { heldBy } from '../formats/mutations.js'
import { READERS, type Reader } from './texts.js'

/** Inputs of these files are small: whoever takes this long for one does work that no byte of it stands for. */
const MOST_SECONDS = 1
const MOST_LETTERS = 2000

/** Numbers below `most` from a seed (mulberry32): fast, and the same for each input whatever came before it. */
const numbersOf = (seed: number) => {
  let state = seed >>> 0
  return (most: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let word = Math.imul(state ^ (state >>> 15), state | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return Math.floor((((word ^ (word >>> 14)) >>> 0) / 2 ** 32) * most)
  }
}
type Below = ReturnType<typeof numbersOf>

/** Numbers that a header should not be believed. */
const EXTREMES = ['0', '-1', '1e9', '4294967296', '9007199254740993', '1e400', '0.5', 'NaN', 'null', '[]', '{}', '""']
/** What opens, closes or divides. */
const MARKS = ['[', ']', '{', '}', '"', ',', ':', '|', '+', '~', '(', ')', '\u0000', '\ud83d\ude00', '\u001b']
const encoder = new TextEncoder()

const spliced = (bytes: Uint8Array, from: number, to: number, by: Uint8Array): Uint8Array => {
  const out = new Uint8Array(bytes.length - (to - from) + by.length)
  out.set(bytes.subarray(0, from))
  out.set(by, from)
  out.set(bytes.subarray(to), from + by.length)
  return out
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39

/** A change of some bytes. */
const changed = (bytes: Uint8Array, below: Below): Uint8Array => {
  const at = below(bytes.length + 1)
  const end = Math.min(bytes.length, at + below(below(4) === 0 ? bytes.length : 16))
  switch (below(8)) {
    case 0:
      return spliced(bytes, at, Math.min(bytes.length, at + 1), Uint8Array.of(below(256)))
    case 1: // Headers come first.
      return spliced(bytes, Math.min(at, below(64)), Math.min(bytes.length, at), Uint8Array.of(below(256)))
    case 2:
      return bytes.slice(0, at)
    case 3:
      return spliced(bytes, at, end, new Uint8Array(0))
    case 4:
      return spliced(
        bytes,
        at,
        at,
        Uint8Array.from({ length: below(20) }, () => below(256))
      )
    case 5: {
      const to = below(bytes.length + 1)
      return spliced(bytes, to, to, bytes.subarray(at, end))
    }
    case 6: {
      let from = at
      while (from < bytes.length && !isDigit(bytes[from])) from++
      let to = from
      while (to < bytes.length && isDigit(bytes[to])) to++
      return spliced(bytes, from, to, encoder.encode(EXTREMES[below(EXTREMES.length)]))
    }
    default:
      return spliced(bytes, at, below(2) === 0 ? at : end, encoder.encode(MARKS[below(MARKS.length)]))
  }
}

/** The input of a number: one of twenty is noise, the others are files with one to three changes. */
export const inputOf = (examples: readonly Uint8Array[], seed: number, n: number): Uint8Array => {
  const below = numbersOf(Math.imul(seed + 1, 0x9e3779b1) ^ n)
  if (below(20) === 0) return Uint8Array.from({ length: below(300) }, () => below(256))
  let bytes = examples[below(examples.length)] as Uint8Array
  for (let changes = 1 + below(3); changes > 0; changes--) bytes = changed(bytes, below)
  // No decoder may hold on to an example.
  return new Uint8Array(bytes)
}

/** Seconds of the processor that a decoder takes for an input. */
const secondsOf = ({ decode }: Reader, bytes: Uint8Array): number => {
  const before = process.cpuUsage()
  decode(bytes)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

/** Whether a decoder took an input, and what is wrong with its answer, if anything is. */
const answerOf = (reader: Reader, bytes: Uint8Array): { readonly taken: boolean; readonly complaint?: string } => {
  try {
    const before = performance.now()
    const answer = reader.decode(bytes)
    // Others may have had the processor meanwhile: only then it is asked again how long it takes.
    if (performance.now() - before > 1000 * MOST_SECONDS) {
      const seconds = secondsOf(reader, bytes)
      if (seconds > MOST_SECONDS) return { taken: false, complaint: `it took ${seconds.toFixed(1)} s` }
    }
    if (E.isRight(answer)) {
      const [held, most] = [heldBy(answer.right, bytes), reader.most(bytes.length)]
      return held > most ? { taken: true, complaint: `its answer holds ${held} bytes of ${most}` } : { taken: true }
    }
    const message: unknown = (answer.left as { readonly message?: unknown })?.message
    const length = typeof message === 'string' ? message.length : 0
    return length > MOST_LETTERS ? { taken: false, complaint: `its refusal has ${length} letters` } : { taken: false }
  } catch (reason) {
    const thrown = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason)
    return { taken: false, complaint: `it threw ${thrown.slice(0, 300)}` }
  }
}

/** Every decoder: those of bytes, and those of texts. */
export const ALL: Readonly<Record<string, Reader>> = {
  ...Object.fromEntries(
    Object.entries(DECODERS).map(([name, decoder]) => [
      name,
      { ...decoder, examples: () => decoder.examples.map(unpacked) }
    ])
  ),
  ...READERS
}

export interface Tried {
  readonly name: string
  readonly inputs: number
  /** Those that it took for sound. */
  readonly taken: number
  readonly seconds: number
  readonly complaints: readonly string[]
}

/** More of one decoder say nothing new. */
const MOST_COMPLAINTS = 10

/** Tries a decoder on inputs from `first` on, until there are enough or the time is over. */
export const tryDecoder = async (
  name: string,
  { seed, inputs, until }: { readonly seed: number; readonly inputs: number; readonly until: number }
): Promise<Tried> => {
  const reader = ALL[name] as Reader
  const examples = reader.examples()
  const complaints: string[] = []
  const started = performance.now()
  let [n, accepted] = [0, 0]
  for (; n < inputs && complaints.length < MOST_COMPLAINTS; n++) {
    if (n % 1000 === 0) {
      if (performance.now() > until) break
      // What an unpacking held outside of the heap goes between turns.
      await nextTurn()
    }
    const bytes = inputOf(examples, seed, n)
    const { taken, complaint } = answerOf(reader, bytes)
    if (taken) accepted++
    if (complaint !== undefined) complaints.push(`${name}, seed ${seed}, input ${n}: ${complaint}`)
  }
  return { name, inputs: n, taken: accepted, seconds: (performance.now() - started) / 1000, complaints }
}
