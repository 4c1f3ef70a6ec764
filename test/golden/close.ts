/** How tensors are compared: relative to the largest entry of what is expected; zeros must be zeros exactly. `scale` is the size of what a
 * tensor is the mean of, where that can be much larger than the mean. */
import { expect } from 'vitest'

export const expectClose = (
  label: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  tolerance: number,
  scale = 0
): void => {
  expect(got.length, `${label}: number of values`).toBe(want.length)
  const largest = Array.from(want).reduce((most, value) => Math.max(most, Math.abs(value)), scale)
  let worst = 0
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs((got[i] as number) - (want[i] as number))
    worst = Number.isNaN(worst) || error <= worst ? worst : error // a NaN, once met, stays
  }
  expect(
    largest === 0 ? worst : worst / largest,
    `${label}: largest error, relative to the largest entry ${largest}`
  ).toBeLessThanOrEqual(largest === 0 ? 0 : tolerance)
}
