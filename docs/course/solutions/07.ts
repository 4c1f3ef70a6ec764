/** Solutions of the exercises of chapter 7. */
import type { Life } from '../exercises/07.js'

export const passes = (elements: number, traffic: number): number => traffic / (4 * elements)

/** The maximum of a row, then the sum of exponentials, then the result: three reads, and one write. */
export const softmaxPasses = (): number => 4

export const floor = (lives: readonly Life[]): number =>
  Math.max(
    0,
    ...lives.map(({ first: time }) =>
      lives.reduce((sum, { bytes, first, last }) => sum + (first <= time && time <= last ? bytes : 0), 0)
    )
  )

/** In the order in which they begin, each takes the first buffer whose last life is over. */
export const buffers = (lives: readonly Life[]): readonly number[] => {
  const until: number[] = []
  const given = lives.map(() => 0)
  for (const i of [...lives.keys()].sort((a, b) => (lives[a] as Life).first - (lives[b] as Life).first)) {
    const { first, last } = lives[i] as Life
    const free = until.findIndex(end => end < first)
    const buffer = free < 0 ? until.length : free
    until[buffer] = last
    given[i] = buffer
  }
  return given
}
