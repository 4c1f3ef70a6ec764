/** `native.ts` for browsers, which unpack by streams only: what is packed is refused there, with what to do. */

/** Of zlib, see `native.ts`. */
export const constants = { Z_SYNC_FLUSH: 2 }

const refuse = (): never => {
  throw new Error('a browser unpacks nothing at once: unpack with its DecompressionStream before, or decode in Node')
}
export const inflateRawSync = refuse
export const inflateSync = refuse

/** The remainders of bytes by the polynomial of CRC-32, bits reversed. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1
  return rest
})

export const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (REMAINDERS[(crc ^ byte) & 0xff] as number)
  return (crc ^ 0xffffffff) >>> 0
}

/** The first 32 bits behind the point of a number. */
const fractionOf = (value: number): number => Math.floor((value - Math.floor(value)) * 2 ** 32)
const PRIMES = Array.from({ length: 312 }, (_, n) => n).filter(
  n => n > 1 && !Array.from({ length: 16 }, (_, k) => k + 2).some(k => k < n && n % k === 0)
)
/** FIPS 180-4: constants of the rounds and first state, from cube and square roots of the first primes. */
const ROUNDS = Int32Array.from(PRIMES.slice(0, 64), prime => fractionOf(Math.cbrt(prime)))
const FIRST = Int32Array.from(PRIMES.slice(0, 8), prime => fractionOf(Math.sqrt(prime)))
const BLOCK = 64

const rotated = (x: number, by: number): number => (x >>> by) | (x << (32 - by))
/** Two rotations and a third, or a shift, combined. */
const mixed = (x: number, a: number, b: number, last: number): number => rotated(x, a) ^ rotated(x, b) ^ last

/** FIPS 180-4, 6.2.2: takes the block of `view` at `at` into the state. `words` is room for its schedule. */
const compress = (state: Int32Array, words: Int32Array, view: DataView, at: number): void => {
  for (let t = 0; t < 16; t++) words[t] = view.getInt32(at + 4 * t)
  for (let t = 16; t < 64; t++) {
    const [old, late] = [words[t - 15] as number, words[t - 2] as number]
    const [small, large] = [mixed(old, 7, 18, old >>> 3), mixed(late, 17, 19, late >>> 10)]
    words[t] = (words[t - 16] as number) + small + (words[t - 7] as number) + large
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (let t = 0; t < 64; t++) {
    const chosen = (e & f) ^ (~e & g)
    const first = (h + mixed(e, 6, 11, rotated(e, 25)) + chosen + (ROUNDS[t] as number) + (words[t] as number)) | 0
    const second = (mixed(a, 2, 13, rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
    ;[h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0]
  }
  ;[a, b, c, d, e, f, g, h].forEach((value, i) => {
    state[i] = (state[i] as number) + value
  })
}

/** SHA-256 over parts one after another (texts in UTF-8), in hexadecimal digits. */
export const sha256 = (parts: Iterable<string | Uint8Array>): string => {
  const [state, words] = [Int32Array.from(FIRST), new Int32Array(64)]
  const block = new Uint8Array(BLOCK)
  const view = new DataView(block.buffer)
  let length = 0
  const take = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; ) {
      const free = BLOCK - (length % BLOCK)
      const some = bytes.subarray(at, at + free)
      block.set(some, length % BLOCK)
      at += some.length
      length += some.length
      if (some.length === free) compress(state, words, view, 0)
    }
  }
  for (const part of parts) take(typeof part === 'string' ? new TextEncoder().encode(part) : part)
  const bits = BigInt(length) * 8n
  const zeros = (((BLOCK - 9 - length) % BLOCK) + BLOCK) % BLOCK
  take(Uint8Array.of(0x80, ...new Uint8Array(zeros)))
  const end = new Uint8Array(8)
  new DataView(end.buffer).setBigUint64(0, bits)
  take(end)
  return [...state].map(word => (word >>> 0).toString(16).padStart(8, '0')).join('')
}
