// The error function, and what it leaves to 1. Polynomials are fits of our own, with an error below 3e-8 of the
// function, and nothing depends on a sum that a compiler might take for its exact value, since drivers calculate with
// floats as if they were real numbers. Held to float64 over all of float32 by test/laws/accuracy.test.ts.
//! include "common.wgsl"

// 1 - erf x for x >= 0.45, as e^(-x^2) times a polynomial. x^2 in two parts, the first exact: its rounding would be the
// power's relative error.
fn error_function_left(size: f32) -> f32 {
  let x = min(size, 11.0);
  let high = bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
  let t = (x - 2.0) / (x + 2.0);
  let polynomial = ((((((((1.42433665e-4 * t + 6.53962147e-5) * t - 9.68470949e-4) * t - 8.54796587e-4) * t + 6.99505505e-3) * t + 3.73405923e-3) * t
    - 7.89784201e-2) * t + 2.41658131e-1) * t - 4.2718585e-1) * t + 2.55395677e-1;
  return exponential(-high * high) * (exponential((high - x) * (high + x)) * polynomial);
}
fn error_function(x: f32) -> f32 {
  let z = x * x;
  let near = ((((((7.85396677e-5 * z - 8.01022816e-4) * z + 5.18833204e-3) * z - 2.68538146e-2) * z + 1.12835852e-1) * z - 3.76126258e-1) * z
    + 1.12837917) * x;
  let far = with_sign_of(1.0 - error_function_left(abs(x)), x);
  return select(select(far, near, abs(x) < 1.0), x, is_nan(x));
}
fn complementary_error_function(x: f32) -> f32 {
  return select(select(1.0 - error_function(x), error_function_left(x), x > 0.5), x, is_nan(x));
}
