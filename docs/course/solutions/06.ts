/** Solutions of the exercises of chapter 6. */

export const loads = (n: number, rows: number, columns: number): number =>
  (n / rows) * (n / columns) * n * (rows + columns)

export const bestTile = (): readonly [number, number] => [8, 8]

export const taken = (id: number, size: number, n: number): readonly number[] =>
  Array.from({ length: Math.max(0, Math.ceil((n - id) / size)) }, (_, turn) => id + turn * size)

/** By halves: the error grows with the logarithm of their number. */
export const sum = (xs: readonly number[]): number => {
  const from = (start: number, end: number): number => {
    if (end - start < 2) return start < end ? Math.fround(xs[start] as number) : 0
    const middle = (start + end) >> 1
    return Math.fround(from(start, middle) + from(middle, end))
  }
  return from(0, xs.length)
}

/** The exponent is all ones and the fraction is not 0; the sign does not matter. */
export const isNaNBits = (bits: number): boolean => (bits & 0x7fffffff) > 0x7f800000
