// What several shaders use: floats that survive the driver. Drivers assume that there are no NaN: `x != x` is folded to false, max and min
// lose a NaN, log(infinity) may be NaN, and a literal infinity does not compile. So these decide on bits.

const ABSOLUTE = 0x7fffffffu;
const INFINITY = 0x7f800000u;

// Read at run time, since a constant that is not finite is refused.
var<private> negative_infinity_bits: u32 = 0xff800000u;
var<private> not_a_number_bits: u32 = 0x7fc00000u;

fn negative_infinity() -> f32 { return bitcast<f32>(negative_infinity_bits); }
fn not_a_number() -> f32 { return bitcast<f32>(not_a_number_bits); }

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & ABSOLUTE) > INFINITY; }
fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & ABSOLUTE) < INFINITY; }
fn is_infinite(x: f32) -> bool { return (bitcast<u32>(x) & ABSOLUTE) == INFINITY; }

// NaN if either is; the first of equal ones.
fn larger(a: f32, b: f32) -> f32 { return select(select(b, a, a >= b), not_a_number(), is_nan(a) || is_nan(b)); }
fn smaller(a: f32, b: f32) -> f32 { return select(select(b, a, a <= b), not_a_number(), is_nan(a) || is_nan(b)); }

fn divide(a: f32, b: f32) -> f32 { return a / b; }
fn exponential(x: f32) -> f32 { return select(exp(x), x, is_nan(x)); }
fn square_root(x: f32) -> f32 { return select(sqrt(x), x, is_nan(x)); }
fn hyperbolic_tangent(x: f32) -> f32 { return select(tanh(x), x, is_nan(x)); }
fn logarithm(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let positive_infinity = bits == INFINITY;
  let zero = (bits & ABSOLUTE) == 0u;
  let negative = bits > 0x80000000u && bits <= 0xff800000u;
  return select(select(select(log(x), x, positive_infinity || is_nan(x)), negative_infinity(), zero), not_a_number(), negative);
}
// A real power: NaN for a negative base, whose power by a fraction is not real.
fn power(x: f32, exponent: f32) -> f32 { return select(pow(abs(x), exponent), not_a_number(), x < 0.0 || is_nan(x)); }
