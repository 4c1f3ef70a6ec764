/** Functions that JavaScript has not, in float64: the references of operations. */

const RELATIVE = 2 ** -54

/**
 * erf x = 2 / sqrt(pi) e^(-x^2) sum over n of 2^n x^(2n + 1) / (1 3 ... (2n + 1)), whose terms have one sign: for |x|
 * up to 3 or so.
 */
const errorSeries = (x: number): number => {
  let [term, sum] = [x, x]
  for (let n = 1; Math.abs(term) > RELATIVE * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

/**
 * erfc x = e^(-x^2) / sqrt(pi) / (x + (1/2) / (x + 1 / (x + (3/2) / (x + 2 / ...)))), from the inside out: for x from 2
 * on.
 */
const errorFraction = (x: number): number => {
  let below = x
  for (let n = 120; n > 0; n--) below = x + n / 2 / below
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / below
}

const FROM_FRACTION = 2

/** erf x. */
export const errorFunction = (x: number): number =>
  Math.abs(x) < FROM_FRACTION ? errorSeries(x) : x > 0 ? 1 - errorFraction(x) : x < 0 ? errorFraction(-x) - 1 : x

/** 1 - erf x. */
export const complementaryErrorFunction = (x: number): number =>
  x >= FROM_FRACTION ? errorFraction(x) : 1 - errorFunction(x)

/** The nearest whole number, of two the even one; the sign of a zero is that of x. */
export const roundHalfToEven = (x: number): number => {
  const below = Math.floor(x)
  const above = x - below
  const even = below % 2 === 0 ? below : below + 1
  const nearest = above < 0.5 ? below : above > 0.5 ? below + 1 : even
  return nearest === 0 ? x * 0 : Number.isFinite(x) ? nearest : x
}

/** x - y times the whole number of y in x towards 0. */
export const remainder = (x: number, y: number): number => x % y
