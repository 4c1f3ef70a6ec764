/**
 * How far functions of one or two numbers may be off on a device, relative to their value. Their arguments are float32
 * and taken as exact.
 */

/** A polynomial, its argument's reduction and two or three roundings of float32, 6e-8 each. */
const POLYNOMIAL = 5e-7
/** What is put together from two of these, or is a quotient of them. */
const COMPOSED = 1e-6
/** e^(y log x) of numbers near 1: what the exponent loses is the power's relative error. */
const POWER = 4e-6
/** The same of any numbers, the exponent up to 88, of which the logarithm and the product lose 1.8e-7. */
const ANY_POWER = 1.6e-5

const all = (names: string, tolerance: number): Readonly<Record<string, number>> =>
  Object.fromEntries(names.split(' ').map(name => [name, tolerance]))

export const FUNCTIONS: Readonly<Record<string, number>> = {
  ...all('exp log tanh sigmoid rsqrt sqrt div exp2 log2 log1p expm1 sin cos asin atan atan2 erf', POLYNOMIAL),
  ...all('tan acos sinh cosh asinh acosh atanh erfc', COMPOSED),
  pow: POWER,
  power: ANY_POWER
}
