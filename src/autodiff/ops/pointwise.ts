/**
 * Pointwise operations. Binary ones broadcast: the broadcast is a node of its own, so a rule here sees equal shapes
 * only.
 *
 * Conventions at singular points (tested to order 2): relu'(0) = 0, abs'(0) = 0, sign' = 0 everywhere, and at a tie
 * each operand of `maximum` or `minimum` takes half of the cotangent, so that neither the order of operands nor the
 * side from which a bound is written matters. (What chooses among elements, `max` and pooling, takes the first.) NaN is
 * never swallowed: relu, maximum and minimum pass it on.
 *
 * One thing cannot be cured: `where(c, f(x), y)` with f infinite or undefined where c is false has a NaN derivative
 * there, since the untaken branch contributes 0 times infinity. The idiom that avoids it puts a harmless value in
 * before f is applied: `where(c, f(where(c, x, 1)), y)`.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { DType } from '../../kernels/spec.js'
import { alike, binary, together, unary } from '../elementwise.js'
import { asTensor, DTYPES, type TensorLike } from '../leaves.js'
import { allocate, type NdArray } from '../ndarray.js'
import { bind, leading, pointwise, primitive } from '../primitive.js'
import { type Aval, broadcastShapes, describe, named, refuse, show } from '../shape.js'
import { isTensor, type Primitive, requireTensor, type Tensor } from '../tensor.js'
import { broadcastTo } from './broadcast.js'

type Pair = readonly [Tensor, Tensor]

/** x + y, elementwise. */
export const add = binary({
  name: 'add',
  shape: alike('add'),
  ...pointwise((x, y) => x + y, 'a + b'),
  vjp: g => [g, g]
})

/** x - y, elementwise. Of u32 it is refused: 0 - 1 would be 4294967295. */
export const sub = binary({
  name: 'sub',
  shape: alike('sub', 'signed'),
  ...pointwise((x, y) => x - y, 'a - b'),
  vjp: g => [g, neg(g)]
})

/** x * y, elementwise; integers wrap around. Bilinear: its vjp is itself, twice. */
export const mul = binary({
  name: 'mul',
  shape: alike('mul'),
  ...pointwise((x, y) => x * y, 'a * b', Math.imul),
  vjp: (g, inputs) => {
    const [x, y] = inputs as Pair
    return [mul(g, y), mul(g, x)]
  }
})

/** x / y, elementwise. */
export const div = binary({
  name: 'div',
  shape: alike('div', 'f32'),
  ...pointwise((x, y) => x / y, 'divide(a, b)'),
  vjp: (g, [, y], _, out) => {
    const scaled = div(g, y as Tensor)
    return [scaled, neg(mul(scaled, out))]
  }
})

/** -x. */
export const neg = unary({
  name: 'neg',
  shape: alike('neg', 'signed'),
  ...pointwise(x => -x, '-a'),
  vjp: g => [neg(g)]
})

/** e^x. */
export const exp = unary({
  name: 'exp',
  shape: alike('exp', 'f32'),
  ...pointwise(Math.exp, 'exponential(a)'),
  vjp: (g, _, __, out) => [mul(g, out)]
})

/** Natural logarithm; NaN below 0, -infinity at 0. */
export const log = unary({
  name: 'log',
  shape: alike('log', 'f32'),
  ...pointwise(Math.log, 'logarithm(a)'),
  vjp: (g, [x]) => [div(g, x as Tensor)]
})

/** Square root; its derivative at 0 is infinite, as the limit is. */
export const sqrt = unary({
  name: 'sqrt',
  shape: alike('sqrt', 'f32'),
  ...pointwise(Math.sqrt, 'square_root(a)'),
  vjp: (g, _, __, out) => [div(g, mul(out, 2))]
})

/** 1 / sqrt(x). */
export const rsqrt = unary({
  name: 'rsqrt',
  shape: alike('rsqrt', 'f32'),
  ...pointwise(x => 1 / Math.sqrt(x), 'divide(1.0, square_root(a))'),
  vjp: (g, _, __, out) => [mul(mul(g, -0.5), mul(out, mul(out, out)))]
})

/** Hyperbolic tangent. */
export const tanh = unary({
  name: 'tanh',
  shape: alike('tanh', 'f32'),
  ...pointwise(Math.tanh, 'hyperbolic_tangent(a)'),
  vjp: (g, _, __, out) => [mul(g, sub(1, mul(out, out)))]
})

/** 1 / (1 + e^-x). */
export const sigmoid = unary({
  name: 'sigmoid',
  shape: alike('sigmoid', 'f32'),
  ...pointwise(x => 1 / (1 + Math.exp(-x)), 'divide(1.0, 1.0 + exponential(-a))'),
  vjp: (g, _, __, out) => [mul(g, mul(out, sub(1, out)))]
})

/** |x|; abs'(0) = 0. */
export const abs = unary({
  name: 'abs',
  shape: alike('abs', 'f32'),
  ...pointwise(Math.abs, 'abs(a)'),
  vjp: (g, [x]) => [mul(g, sign(x as Tensor))]
})

/** -1, 0 or 1; NaN stays. Its derivative is zero almost everywhere. */
export const sign = unary({
  name: 'sign',
  shape: alike('sign', 'f32'),
  ...pointwise(Math.sign, 'select(select(a, -1.0, a < 0.0), 1.0, a > 0.0)'),
  vjp: 'zero'
})

/** max(x, 0), NaN kept; relu'(0) = 0. */
export const relu = unary({
  name: 'relu',
  shape: alike('relu', 'f32'),
  ...pointwise(x => (x <= 0 ? 0 : x), 'select(a, 0.0, a <= 0.0)'),
  vjp: (g, [x]) => [where(lessEqual(x as Tensor, 0), 0, g)]
})

/**
 * The cotangents of a choice between two: all to the first where `first` holds, half to each where they are equal, else
 * (NaN too) to the second.
 */
const between = (g: Tensor, [x, y]: Pair, first: Tensor): readonly Tensor[] => {
  const tie = equal(x, y)
  const half = mul(g, 0.5)
  return [where(tie, half, where(first, g, 0)), where(tie, half, where(first, 0, g))]
}

/** The larger operand; NaN if either is; a tie's cotangent is halved. */
export const maximum = binary(
  {
    name: 'max',
    shape: alike('max', 'f32'),
    ...pointwise((x, y) => (x !== x || y !== y ? Number.NaN : x >= y ? x : y), 'larger(a, b)'),
    vjp: (g, inputs) => between(g, inputs as Pair, greater(...(inputs as Pair)))
  },
  'maximum'
)

/** The smaller operand; NaN if either is; a tie's cotangent is halved. */
export const minimum = binary(
  {
    name: 'min',
    shape: alike('min', 'f32'),
    ...pointwise((x, y) => (x !== x || y !== y ? Number.NaN : x <= y ? x : y), 'smaller(a, b)'),
    vjp: (g, inputs) => between(g, inputs as Pair, less(...(inputs as Pair)))
  },
  'minimum'
)

/** A comparison: a condition, u32 0 or 1, without cotangent. Comparisons with NaN are false, but `notEqual` is true. */
const comparison = (name: string, f: (x: number, y: number) => boolean, expression: string, called = name) =>
  binary(
    {
      name,
      shape: alike(name, 'any', 'u32'),
      ...pointwise((x, y) => (f(x, y) ? 1 : 0), `u32(${expression})`),
      vjp: 'zero'
    },
    called
  )

/** 1 where x = y, else 0, as u32: a condition. Its derivative is 0. */
export const equal = comparison('equal', (x, y) => x === y, 'a == b')
/** 1 where x is not y, else 0, as u32; NaN is equal to nothing. */
export const notEqual = comparison('not_equal', (x, y) => x !== y, '!(a == b)', 'notEqual')
/** 1 where x < y, else 0, as u32. */
export const less = comparison('less', (x, y) => x < y, 'a < b')
/** 1 where x <= y, else 0, as u32. */
export const lessEqual = comparison('less_equal', (x, y) => x <= y, 'a <= b', 'lessEqual')
/** 1 where x > y, else 0, as u32. */
export const greater = comparison('greater', (x, y) => x > y, 'a > b')
/** 1 where x >= y, else 0, as u32. */
export const greaterEqual = comparison('greater_equal', (x, y) => x >= y, 'a >= b', 'greaterEqual')

/**
 * 1 where x is neither infinite nor NaN, else 0; a condition. Decided on bits: drivers fold comparisons of a value with
 * itself.
 */
export const isFinite = unary(
  {
    name: 'is_finite',
    shape: alike('is_finite', 'f32', 'u32'),
    ...pointwise(x => (Number.isFinite(x) ? 1 : 0), 'u32(is_finite(a))'),
    vjp: 'zero'
  },
  'isFinite'
)

const wherePrimitive: Primitive = primitive({
  name: 'where',
  shape: ([condition, x, y]) =>
    condition?.dtype === 'u32'
      ? alike('where')([x as Aval, y as Aval], {})
      : refuse('where', 'a condition of dtype u32', show(condition as Aval), 'compare, for example greater(x, 0)'),
  ...pointwise((condition, x, y) => (condition ? x : y), 'select(c, b, a != 0u)'),
  vjp: (g, [condition]) => [null, where(condition as Tensor, g, 0), where(condition as Tensor, 0, g)]
})

/**
 * `x` where the condition holds (is not 0), else `y`. A select, never a product: what is not taken may be infinite.
 * Its derivative may not: see the head of this file for the idiom.
 */
export const where = (condition: Tensor, x: TensorLike, y: TensorLike): Tensor => {
  const [cx, cy] = together('where', [x, y]) as [Tensor, Tensor]
  const shape = broadcastShapes('where', [requireTensor('where', condition).shape, cx.shape])
  return bind(wherePrimitive, [broadcastTo(condition, shape), broadcastTo(cx, shape), broadcastTo(cy, shape)], {})
}

/**
 * `pow` of WGSL is undefined for a negative base: so products for small whole powers, and `power` for the others, which
 * takes the size of the base where the exponent is whole.
 */
const powExpression = (exponent: number): string => {
  if (exponent === 0) return '1.0'
  if (!Number.isInteger(exponent)) return `power(a, f32(${exponent}))`
  if (Math.abs(exponent) <= 16) {
    const product = Array(Math.abs(exponent)).fill('a').join(' * ')
    return exponent > 0 ? product : `divide(1.0, ${product})`
  }
  const size = `power(abs(a), f32(${exponent}))`
  return exponent % 2 === 0 ? size : `select(${size}, -${size}, bitcast<i32>(a) < 0)`
}

const powPrimitive: Primitive<{ readonly exponent: number }> = primitive({
  name: 'pow',
  shape: (inputs, { exponent }) =>
    typeof exponent === 'number' && Number.isFinite(Math.fround(exponent))
      ? alike('pow', 'f32')(inputs, {})
      : refuse('pow', 'a finite exponent', describe(exponent), 'use exp or a product'),
  reference: ([x], { exponent }, out) => {
    const result = allocate(out.dtype, (x as NdArray).data.length)
    for (let i = 0; i < result.length; i++) {
      const base = (x as NdArray).data[i] as number
      // IEEE 754 makes a fractional power of minus infinity infinite; here it is that of every negative base.
      result[i] = base < 0 && !Number.isInteger(exponent) ? Number.NaN : base ** exponent
    }
    return result
  },
  kernel: { kind: 'map', expression: attributes => powExpression(attributes['exponent'] as number) },
  vjp: (g, [x], { exponent }) => [exponent === 0 ? mul(g, 0) : mul(mul(g, exponent), pow(x as Tensor, exponent - 1))],
  batch: leading
})

/**
 * As IEEE 754 has powers, but that a fractional power of minus infinity is NaN, as it is of every other base below 0.
 */
const realPower = (base: number, exponent: number): number => {
  if (exponent === 0 || base === 1) return 1
  if (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY) return 1
  return base < 0 && Number.isFinite(exponent) && !Number.isInteger(exponent) ? Number.NaN : base ** exponent
}

const power = binary({
  name: 'power',
  shape: alike('power', 'f32'),
  ...pointwise(realPower, 'real_power(a, b)'),
  kernel: { kind: 'map', include: 'powers.wgsl', expression: () => 'real_power(a, b)' },
  vjp: (g, inputs, _, out) => {
    const [x, y] = inputs as Pair
    const inBase = where(equal(y, 0), 0, mul(y, power(x, sub(y, 1))))
    // 0^y does not change with y > 0, where log 0 is infinite.
    const inExponent = where(equal(x, 0), 0, mul(out, log(where(equal(x, 0), 1, x))))
    return [mul(g, inBase), mul(g, inExponent)]
  }
})

/**
 * x to a power, a number or a tensor; they broadcast. A negative base with a fractional exponent is NaN. A tensor as
 * exponent has a derivative too, out log x: NaN for negative bases, 0 at the base 0. A number is exact for small whole
 * powers, and costs less; a power by a tensor of exponents may be off by 1.6e-5 of it on a device, where it is huge or
 * tiny.
 * @example $.pow($.tensor([1, 2, 3]), 2)        // [1, 4, 9]
 * @example $.pow(2, $.tensor([1, 2, 3]))        // [2, 4, 8]
 */
export const pow = (x: TensorLike, exponent: TensorLike): Tensor =>
  named('pow', () => {
    if (isTensor(exponent)) return power(x, exponent)
    const base = asTensor('pow', x)
    return exponent === 1 ? base : bind(powPrimitive, [base], { exponent })
  })

const convertPrimitive: Primitive<{ readonly dtype: DType }> = primitive({
  name: 'convert',
  shape: ([x], { dtype }) =>
    DTYPES.includes(dtype)
      ? E.right({ shape: (x as Aval).shape, dtype })
      : refuse('convert', 'a dtype f32, i32 or u32', describe(dtype), 'name one of these'),
  reference: ([x], { dtype }, out) => {
    const result = allocate(dtype, (x as NdArray).data.length)
    const low = dtype === 'i32' ? -(2 ** 31) : 0
    // The largest float32 that the integers hold, as WGSL says.
    const high = dtype === 'i32' ? 2 ** 31 - 2 ** 7 : 2 ** 32 - 2 ** 8
    const clip = out.dtype !== 'f32' && (x as NdArray).dtype === 'f32'
    for (let i = 0; i < result.length; i++) {
      const value = (x as NdArray).data[i] as number
      result[i] = clip
        ? Math.min(high, Math.max(low, Math.trunc(value || 0)))
        : dtype === 'f32'
          ? Math.fround(value)
          : value
    }
    return result
  },
  kernel: { kind: 'map', expression: attributes => `${attributes['dtype'] as DType}(a)` },
  vjp: 'zero',
  batch: leading
})

/**
 * `x` in another dtype. From f32 it rounds towards zero and saturates at the ends of float32 within the integers, as
 * WGSL does; of a NaN adapters make what they will, the reference 0. To f32 integers are rounded to what float32 holds,
 * on the reference too. It carries no cotangent (to f32 from f32 it is `x` itself).
 */
export const convert = (x: Tensor, dtype: DType): Tensor =>
  requireTensor('convert', x).dtype === dtype ? x : bind(convertPrimitive, [x], { dtype })

/** A condition of two conditions, each true where it is not 0: u32 0 or 1, without cotangent. */
const logical = (name: string, f: (x: boolean, y: boolean) => boolean, expression: string) =>
  binary({
    name,
    shape: alike(name, 'u32'),
    ...pointwise((x, y) => (f(x !== 0, y !== 0) ? 1 : 0), `u32(${expression})`),
    vjp: 'zero'
  })

/** 1 where both conditions hold. @example $.and($.greater(x, 0), $.less(x, 1)) */
export const and = logical('and', (x, y) => x && y, 'a != 0u && b != 0u')

/** 1 where one of the conditions holds, or both. @example $.or($.less(x, 0), $.greater(x, 1)) */
export const or = logical('or', (x, y) => x || y, 'a != 0u || b != 0u')

/** A condition, negated. */
export const not = (condition: Tensor): Tensor => equal(requireTensor('not', condition), 0)
