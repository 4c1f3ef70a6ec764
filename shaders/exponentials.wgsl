// Exponentials and logarithms beside 1 and to base 2, hyperbolic functions and their inverses. Polynomials are fits of
// our own, with an error below 3e-8 of the function, and nothing depends on a sum that a compiler might take for its
// exact value, since drivers calculate with floats as if they were real numbers. Held to float64 over all of float32 by
// test/laws/accuracy.test.ts.
//! include "common.wgsl"

fn exponential_of_two(x: f32) -> f32 {
  let bounded = clamp(x, -152.0, 130.0);
  let n = floor(bounded + 0.5);
  let scaled = scaled_exponential((bounded - n) * 0.693147181, n);
  let high = select(scaled, infinity(), x >= 128.0);
  return select(select(high, 0.0, x < -150.0), x, is_nan(x));
}

fn logarithm_to_two(x: f32) -> f32 {
  let parts = logarithm_parts(x);
  return at_ends_of_logarithm(parts.y + logarithm_of_parts(parts.x, 0.0) * 1.44269504, x);
}

// log(1 + x). Near 0 the sum is not formed.
fn logarithm_beside_one(x: f32) -> f32 {
  let near = x > -0.29 && x < 0.41;
  return select(select(logarithm(1.0 + x), logarithm_of_parts(x, 0.0), near), x, abs(x) < 1.0e-8);
}

fn hyperbolic_sine_near(x: f32) -> f32 {
  let z = x * x;
  return ((2.03721936e-4 * z + 8.33028373e-3) * z + 1.6666716e-1) * z * x + x;
}

// e^x - 1 = 2 sinh(x / 2) e^(x / 2) near 0.
fn exponential_beside_one(x: f32) -> f32 {
  let near = 2.0 * hyperbolic_sine_near(0.5 * x) * exponential(0.5 * x);
  return select(select(exponential(x) - 1.0, near, abs(x) < 1.0), x, abs(x) < 4.0e-8 || is_nan(x));
}

// e^x / 2 + sign e^-x / 2 for x >= 1, where e^x may be infinite and its half is not.
fn half_exponentials(x: f32, sign: f32) -> f32 {
  let power = exponential(min(x, 88.0));
  let root = exponential(0.5 * x);
  return select(0.5 * power + sign * (0.5 / power), (0.5 * root) * root, x > 88.0);
}

fn hyperbolic_sine(x: f32) -> f32 {
  let value = with_sign_of(select(half_exponentials(abs(x), -1.0), hyperbolic_sine_near(abs(x)), abs(x) < 1.0), x);
  return select(value, x, is_nan(x) || is_tiny(x));
}

fn hyperbolic_cosine(x: f32) -> f32 { return select(half_exponentials(abs(x), 1.0), x, is_nan(x)); }

fn inverse_hyperbolic_sine(x: f32) -> f32 {
  let size = abs(x);
  let z = size * size;
  let near = (((2.01219895e-2 * z - 4.26993348e-2) * z + 7.48475853e-2) * z - 1.66662881e-1) * z * size + size;
  let middle = logarithm(size + square_root(z + 1.0));
  let far = logarithm(size) + 0.693147181;
  let value = with_sign_of(select(select(middle, far, size > 1500.0), near, size < 0.5), x);
  return select(value, x, is_nan(x) || is_tiny(x));
}

fn inverse_hyperbolic_cosine(x: f32) -> f32 {
  let z = x - 1.0;
  let near = ((((1.75815189e-3 * z - 7.52556385e-3) * z + 2.64542598e-2) * z - 1.17847328e-1) * z + 1.41421352) * square_root(abs(z));
  let middle = logarithm(x + square_root(abs(z * (x + 1.0))));
  let far = logarithm(x) + 0.693147181;
  return select(select(select(middle, far, x > 1500.0), near, z < 0.5), not_a_number(), x < 1.0 || is_nan(x));
}

fn inverse_hyperbolic_tangent(x: f32) -> f32 {
  let size = abs(x);
  let z = size * size;
  let near = ((((1.81739681e-1 * z + 8.24372766e-2) * z + 1.46691379e-1) * z + 1.99782169e-1) * z + 3.3333373e-1) * z * size + size;
  let far = 0.5 * logarithm((1.0 + size) / (1.0 - size));
  let value = with_sign_of(select(select(far, near, size < 0.5), infinity(), size == 1.0), x);
  return select(select(value, not_a_number(), size > 1.0 || is_nan(x)), x, is_tiny(x));
}
