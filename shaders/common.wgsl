// What several shaders use: floats that survive the driver. Drivers assume that there are no NaN: `x != x` is folded to
// false, max and min lose a NaN, log(infinity) may be NaN, and a literal infinity does not compile. So these decide on
// bits.

// n / d for n, d < 2^31, exactly. Integer division costs thirteen multiplications on a software adapter; this one goes
// through floats: an estimate, its remainder's estimate, and at most one step of correction.
fn quotient(n: u32, d: u32) -> u32 {
  let inverse = 1.0 / f32(i32(d));
  let estimate = i32(f32(i32(n)) * inverse);
  let remainder = i32(n) - estimate * i32(d);
  let near = estimate + i32(floor(f32(remainder) * inverse));
  let rest = i32(n) - near * i32(d);
  return u32(near + select(0, 1, rest >= i32(d)) - select(0, 1, rest < 0));
}

// Zeros, but only the device knows: maps and folds set them from words of their uniform. `opaque` gives x, and no
// compiler can tell.
var<private> nothing: vec3u;
fn opaque(x: f32, by: u32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ by); }

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
fn square_root(x: f32) -> f32 { return select(sqrt(x), x, is_nan(x)); }

fn infinity() -> f32 { return -negative_infinity(); }

// WGSL promises little of exp, log and tanh (on a software adapter they were off by 6e-7, 8e-5 and 2e-4, the last two
// near their zeros), so here they are by the polynomials of Cephes (S. Moshier, single precision): within 2e-7
// everywhere, the same on every adapter.

// 2^n e^r, |r| <= log(2) / 2. The power of two is applied in two halves, so that denormal results come out.
fn scaled_exponential(r: f32, n: f32) -> f32 {
  let polynomial = ((((1.9875691500e-4 * r + 1.3981999507e-3) * r + 8.3334519073e-3) * r + 4.1665795894e-2) * r + 1.6666665459e-1) * r + 5.0000001201e-1;
  let half = i32(n) / 2;
  let rest = i32(n) - half;
  return (polynomial * r * r + r + 1.0) * bitcast<f32>((half + 127) << 23u) * bitcast<f32>((rest + 127) << 23u);
}

// e^x = 2^n e^r with r = x - n log 2.
fn exponential(x: f32) -> f32 {
  let bounded = clamp(x, -110.0, 90.0);
  let n = floor(bounded * 1.44269504 + 0.5);
  let scaled = scaled_exponential(bounded - n * 0.693359375 + n * 2.12194440e-4, n);
  let high = select(scaled, infinity(), x > 88.7228394);
  return select(select(high, 0.0, x < -104.0), x, is_nan(x));
}

// log((1 + f) 2^e), 1 + f from sqrt(1/2) to sqrt(2).
fn logarithm_of_parts(f: f32, e: f32) -> f32 {
  let z = f * f;
  let polynomial = (((((((7.0376836292e-2 * f - 1.1514610310e-1) * f + 1.1676998740e-1) * f - 1.2420140846e-1) * f + 1.4249322787e-1) * f
    - 1.6668057665e-1) * f + 2.0000714765e-1) * f - 2.4999993993e-1) * f + 3.3333331174e-1;
  return f + (polynomial * f * z - e * 2.12194440e-4 - 0.5 * z) + e * 0.693359375;
}

// f and e with x = (1 + f) 2^e, for finite x above 0.
fn logarithm_parts(x: f32) -> vec2f {
  let denormal = (bitcast<u32>(x) & ABSOLUTE) < 0x00800000u;
  let normal = bitcast<u32>(select(x, x * 8388608.0, denormal));
  let small = (normal & 0x007fffffu) < 0x003504f3u;
  let m = bitcast<f32>((normal & 0x007fffffu) | 0x3f800000u);
  return vec2f(
    select(m * 0.5, m, small) - 1.0,
    f32(i32((normal >> 23u) & 0xffu) - 127 + select(1, 0, small) - select(0, 23, denormal))
  );
}

// A logarithm's value where x is finite and above 0, else what it is at the ends.
fn at_ends_of_logarithm(value: f32, x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let zero = (bits & ABSOLUTE) == 0u;
  let negative = bits > 0x80000000u && bits <= 0xff800000u;
  return select(select(select(value, x, bits == INFINITY || is_nan(x)), negative_infinity(), zero), not_a_number(), negative);
}

fn logarithm(x: f32) -> f32 {
  let parts = logarithm_parts(x);
  return at_ends_of_logarithm(logarithm_of_parts(parts.x, parts.y), x);
}

fn hyperbolic_tangent(x: f32) -> f32 {
  let z = x * x;
  let near = ((((-5.70498872745e-3 * z + 2.06390887954e-2) * z - 5.37397155531e-2) * z + 1.33314422036e-1) * z - 3.33332819422e-1) * z * x + x;
  let size = abs(x);
  let far = 1.0 - 2.0 / (exponential(2.0 * size) + 1.0);
  // Near 0 it is x itself, to a third of its square; the polynomial would lose the sign of a zero.
  return select(select(near, select(far, -far, x < 0.0), size >= 0.625), x, is_nan(x) || size < 1.0e-4);
}

// A real power: NaN for a negative base, whose power by a fraction is not real.
fn power(x: f32, exponent: f32) -> f32 { return select(exponential(exponent * logarithm(abs(x))), not_a_number(), x < 0.0 || is_nan(x)); }

// x with the sign of y.
fn with_sign_of(x: f32, y: f32) -> f32 { return bitcast<f32>((bitcast<u32>(x) & ABSOLUTE) | (bitcast<u32>(y) & 0x80000000u)); }
// 0, infinities and NaN aside, x^3 and more are beneath the last place of x.
fn is_tiny(x: f32) -> bool { return abs(x) < 1.0e-4; }
