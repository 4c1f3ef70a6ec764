/**
 * Random words from a key: threefry2x32 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), 20
 * rounds, and the numbers made of them. `ops/random.ts` makes operations of these; what draws on the host (orders of
 * data, first weights) calls them itself.
 */
export type Key = readonly [number, number]

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const

/** One block of threefry2x32: two words from a key and a counter of two words. */
export const threefry2x32 = (key: Key, counter: Key): Key => {
  const keys = [key[0] >>> 0, key[1] >>> 0, (key[0] ^ key[1] ^ 0x1bd11bda) >>> 0] as const
  let x = (counter[0] + keys[0]) >>> 0
  let y = (counter[1] + keys[1]) >>> 0
  for (let round = 0; round < 20; round++) {
    const rotation = ROTATIONS[round % 8] as number
    x = (x + y) >>> 0
    y = (((y << rotation) | (y >>> (32 - rotation))) ^ x) >>> 0
    if (round % 4 === 3) {
      const turn = (round + 1) / 4
      x = (x + (keys[turn % 3] as number)) >>> 0
      y = (y + (keys[(turn + 1) % 3] as number) + turn) >>> 0
    }
  }
  return [x, y]
}

/** `count` words of a key: word i is word i mod 2 of the block with the counter (floor(i / 2), 0). */
export const randomWords = (key: Key, count: number): Uint32Array => {
  const words = new Uint32Array(count)
  for (let i = 0; i < count; i += 2) {
    const [even, odd] = threefry2x32(key, [i >>> 1, 0])
    words[i] = even
    if (i + 1 < count) words[i + 1] = odd
  }
  return words
}

/** The upper 24 bits, so that f32 holds the number exactly: [0, 1) in steps of 2^-24. */
export const uniformOf = (word: number): number => (word >>> 8) * 2 ** -24

/**
 * The normal quantile of (word + 1/2) / 2^24: erfinv by M. Giles' polynomial ("Approximating the erfinv function", GPU
 * Computing Gems, 2010; relative error 1e-7 in f32), the same on both backends, so that they agree to rounding.
 */
const CENTRAL = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941
]
const TAIL = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
  1.00167406, 2.83297682
]
const horner = (coefficients: readonly number[], w: number): number =>
  coefficients.reduce((value, coefficient) => value * w + coefficient)
export const normalOf = (word: number): number => {
  const x = 2 * (uniformOf(word) + 2 ** -25) - 1
  const w = -Math.log((1 - x) * (1 + x))
  return Math.SQRT2 * x * (w < 5 ? horner(CENTRAL, w - 2.5) : horner(TAIL, Math.sqrt(w) - 3))
}

/** A key from a seed: a whole number from 0 to 2^53. */
export const keyOf = (seed: number): Key => [Math.floor(seed / 2 ** 32) >>> 0, seed >>> 0]
