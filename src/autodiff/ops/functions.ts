/**
 * Functions of real numbers beyond the first ones of `pointwise.ts`. On a device they are the polynomials of
 * shaders/exponentials.wgsl and its neighbours, within 1e-6 of the value (most within 3e-7) over all of float32, angles
 * of any size included. What is left undefined is NaN: asin beyond 1, acosh below 1.
 */
import { alike, binary, unary } from '../elementwise.js'
import { pointwise } from '../primitive.js'
import { named } from '../shape.js'
import { complementaryErrorFunction, errorFunction, remainder, roundHalfToEven } from '../special.js'
import type { Primitive, Tensor } from '../tensor.js'
import { stopGradient, type TensorLike } from './core.js'
import { abs, add, div, equal, exp, less, log, maximum, mul, neg, or, rsqrt, sqrt, sub, where } from './pointwise.js'

/** Reference and kernel of functions whose WGSL is in a file of its own. */
const inFile = (include: string, f: (a: number, b: number) => number, expression: string) => ({
  ...pointwise(f, expression),
  kernel: { kind: 'map', include, expression: () => expression } as const
})

/** A function of one float: its name, float64, WGSL, and its derivative from x and its value, times g. */
const real = (
  name: string,
  f: (x: number) => number,
  [include, expression]: readonly [string, string],
  derivative: (g: Tensor, x: Tensor, out: Tensor) => Tensor
): ((x: TensorLike) => Tensor) =>
  unary({
    name,
    shape: alike(name, 'f32'),
    ...inFile(include, f, expression),
    vjp: (g, [x], _, out) => [derivative(g, x as Tensor, out)]
  })

/** A function of one float that only jumps: its derivative is zero. */
const steps = (name: string, f: (x: number) => number, expression: string): ((x: TensorLike) => Tensor) =>
  unary({ name, shape: alike(name, 'f32'), ...pointwise(f, expression), vjp: 'zero' } satisfies Primitive)

/** x * x. */
export const square = (x: TensorLike): Tensor => named('square', () => mul(x, x))

/** 1 / x. */
export const reciprocal = (x: TensorLike): Tensor => named('reciprocal', () => div(1, x))

/** Sine of an angle in radians. */
export const sin = real('sin', Math.sin, ['angles.wgsl', 'sine(a)'], (g, x) => mul(g, cos(x)))

/** Cosine of an angle in radians. */
export const cos = real('cos', Math.cos, ['angles.wgsl', 'cosine(a)'], (g, x) => neg(mul(g, sin(x))))

/** Tangent of an angle in radians. */
export const tan = real('tan', Math.tan, ['angles.wgsl', 'tangent(a)'], (g, _, out) => mul(g, add(1, square(out))))

/** 1 - x^2 with all its digits near 1. */
const complement = (x: Tensor): Tensor => mul(sub(1, x), add(1, x))

/** Angle between -pi/2 and pi/2 whose sine is x; its derivative is infinite at -1 and 1. */
export const asin = real('asin', Math.asin, ['angles.wgsl', 'arc_sine(a)'], (g, x) => mul(g, rsqrt(complement(x))))

/** Angle between 0 and pi whose cosine is x; its derivative is infinite at -1 and 1. */
export const acos = real('acos', Math.acos, ['angles.wgsl', 'arc_cosine(a)'], (g, x) =>
  neg(mul(g, rsqrt(complement(x))))
)

/** Angle between -pi/2 and pi/2 whose tangent is x. */
export const atan = real('atan', Math.atan, ['angles.wgsl', 'arc_tangent(a)'], (g, x) => div(g, add(1, square(x))))

/**
 * Angle of the point (x, y) between -pi and pi; the signs of zeros and infinities count, as in IEEE 754. Its gradient
 * at the origin is NaN.
 * @example $.atan2(1, -1)      // 3 pi / 4
 */
export const atan2 = binary({
  name: 'atan2',
  shape: alike('atan2', 'f32'),
  ...inFile('angles.wgsl', Math.atan2, 'arc_tangent_of(a, b)'),
  vjp: (g, inputs) => {
    const [y, x] = inputs as readonly [Tensor, Tensor]
    // The derivative is (x, -y) / (x^2 + y^2), with both divided by the larger of their sizes, so that squares neither
    // vanish nor overflow.
    const size = stopGradient(maximum(abs(x), abs(y)))
    const [rise, run] = [div(y, size), div(x, size)]
    const scaled = div(g, mul(size, add(square(rise), square(run))))
    return [mul(scaled, run), neg(mul(scaled, rise))]
  }
})

/** Hyperbolic sine. */
export const sinh = real('sinh', Math.sinh, ['exponentials.wgsl', 'hyperbolic_sine(a)'], (g, x) => mul(g, cosh(x)))

/** Hyperbolic cosine. */
export const cosh = real('cosh', Math.cosh, ['exponentials.wgsl', 'hyperbolic_cosine(a)'], (g, x) => mul(g, sinh(x)))

/** Inverse of the hyperbolic sine. */
export const asinh = real('asinh', Math.asinh, ['exponentials.wgsl', 'inverse_hyperbolic_sine(a)'], (g, x) => {
  // g / sqrt(1 + x^2), with both divided by the larger, so that the square does not overflow.
  const size = stopGradient(maximum(abs(x), 1))
  return div(g, mul(size, sqrt(add(square(div(1, size)), square(div(x, size))))))
})

/** Inverse of the hyperbolic cosine, 0 or more; NaN below 1, and its derivative at 1 is infinite. */
export const acosh = real('acosh', Math.acosh, ['exponentials.wgsl', 'inverse_hyperbolic_cosine(a)'], (g, x) =>
  mul(g, mul(rsqrt(sub(x, 1)), rsqrt(add(x, 1))))
)

/** Inverse of the hyperbolic tangent; infinite at -1 and 1, NaN beyond. */
export const atanh = real('atanh', Math.atanh, ['exponentials.wgsl', 'inverse_hyperbolic_tangent(a)'], (g, x) =>
  div(g, complement(x))
)

/** log(1 + x), with all its digits near 0. */
export const log1p = real('log1p', Math.log1p, ['exponentials.wgsl', 'logarithm_beside_one(a)'], (g, x) =>
  div(g, add(1, x))
)

/** e^x - 1, with all its digits near 0. */
export const expm1 = real('expm1', Math.expm1, ['exponentials.wgsl', 'exponential_beside_one(a)'], (g, x) =>
  mul(g, exp(x))
)

/** 2^x; exact for whole x. */
export const exp2 = real(
  'exp2',
  x => 2 ** x,
  ['exponentials.wgsl', 'exponential_of_two(a)'],
  (g, _, out) => mul(g, mul(out, Math.LN2))
)

/** Logarithm to base 2; exact for powers of 2, NaN below 0, -infinity at 0. */
export const log2 = real('log2', Math.log2, ['exponentials.wgsl', 'logarithm_to_two(a)'], (g, x) =>
  div(g, mul(x, Math.LN2))
)

/** Logarithm to base 10; NaN below 0, -infinity at 0. */
export const log10 = (x: TensorLike): Tensor => named('log10', () => mul(log(x), Math.LOG10E))

/** 2 / sqrt(pi) e^(-x^2), the derivative of the error function. */
const bell = (x: Tensor): Tensor => mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))

/** Error function: 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x. */
export const erf = real('erf', errorFunction, ['error_function.wgsl', 'error_function(a)'], (g, x) => mul(g, bell(x)))

/** 1 - erf x, with all its digits for large x, where it is small. */
export const erfc = real(
  'erfc',
  complementaryErrorFunction,
  ['error_function.wgsl', 'complementary_error_function(a)'],
  (g, x) => neg(mul(g, bell(x)))
)

/** The next whole number below, or x itself; its derivative is 0 everywhere. */
export const floor = steps('floor', Math.floor, 'floor(a)')

/** The next whole number above, or x itself; its derivative is 0 everywhere. */
export const ceil = steps('ceil', Math.ceil, 'ceil(a)')

/**
 * The nearest whole number, the even one of two as near (0.5 gives 0, 1.5 gives 2), as in NumPy; its derivative is 0
 * everywhere.
 */
export const round = steps('round', roundHalfToEven, 'round(a)')

/** The next whole number towards 0, or x itself; its derivative is 0 everywhere. */
export const trunc = steps('trunc', Math.trunc, 'trunc(a)')

/**
 * What is left of x after a whole number of y, exactly, with the sign of x, as `torch.fmod` and JavaScript's % have it;
 * NaN for y = 0. See `mod`. Its derivative in x is 1, in y minus that whole number.
 * @example $.rem(-7, 3)       // -1
 */
export const rem = binary({
  name: 'rem',
  shape: alike('rem', 'f32'),
  ...inFile('powers.wgsl', remainder, 'remainder_of(a, b)'),
  vjp: (g, inputs, _, out) => {
    const [x, y] = inputs as readonly [Tensor, Tensor]
    return [g, neg(mul(g, round(div(sub(x, out), y))))]
  }
})

/**
 * What is left of x after a whole number of y, with the sign of y, as `numpy.mod` and `torch.remainder` have it; NaN
 * for y = 0. See `rem`.
 * @example $.mod(-7, 3)       // 2
 */
export const mod = (x: TensorLike, y: TensorLike): Tensor =>
  named('mod', () => {
    const left = rem(x, y)
    const agrees = equal(less(left, 0), less(y, 0))
    return where(or(equal(left, 0), agrees), left, add(left, y))
  })
