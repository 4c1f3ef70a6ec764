/** Solutions of the exercises of chapter 5. */
import { $, type Tensor } from 'lambda-darts'

/** D(h) has an error of h^2 f'''/6 and D(2h) four times that, so (4 D(h) - D(2h)) / 3 has none of either. */
export const quotient = (f: (x: number) => number, x: number, h: number): number => {
  const central = (step: number): number => (f(x + step) - f(x - step)) / (2 * step)
  return (4 * central(h) - central(2 * h)) / 3
}

/** Where the derivative in h is 0: h |third| / 3 = u |value| / h^2. */
export const bestStep = (u: number, value: number, third: number): number =>
  Math.cbrt((3 * u * Math.abs(value)) / Math.abs(third))

/** Two entries that are not equal: the rule takes each for the other. */
export const findsProduct = (): Tensor => $.tensor([2, 3])

/** An entry beyond the limit, and away from it. */
export const findsLimited = (): Tensor => $.tensor([0.3, 5])

/** More entries than the rule counts. */
export const findsAverage = (): Tensor => $.randomNormal($.key(1), [40])
