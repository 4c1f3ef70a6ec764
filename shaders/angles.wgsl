// Sine, cosine and tangent of angles of any size, and the angles of these. Polynomials are fits of our own, with an
// error below 3e-8 of the function, and nothing depends on a sum that a compiler might take for its exact value, since
// drivers calculate with floats as if they were real numbers. Held to float64 over all of float32 by
// test/laws/accuracy.test.ts.
//! include "common.wgsl"

// The high half of a b, a < 2^24.
fn high_product(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}

// 32 zeros, and the binary digits of 2 / pi.
const QUARTERS = array<u32, 8>(0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu);

// An angle: quarters of a turn, and what is left of it, at most an eighth of a turn to either side.
struct Angle { quarters: u32, rest: f32 }

// The angle of a size. Beyond an eighth of a turn it is m 2 / pi in fixed point, with the digits of 2 / pi whose
// products are below four quarters (Payne and Hanek, 1983): whole numbers only, so that angles of any size keep all
// their digits.
fn angle_of(size: f32) -> Angle {
  let bits = bitcast<u32>(size);
  if (bits <= 0x3f490fdbu) { return Angle(0u, size); }
  let m = (bits & 0x007fffffu) | 0x00800000u;
  let start = (bits >> 23u) - 120u;
  let word = start >> 5u;
  let shift = start & 31u;
  var digits: array<u32, 3>;
  for (var k = 0u; k < 3u; k++) { digits[k] = (QUARTERS[word + k] << shift) | ((QUARTERS[word + k + 1u] >> 1u) >> (31u - shift)); }
  // The product, modulo four quarters: two bits before the point, 62 after it.
  let carried = high_product(m, digits[2]);
  let low = m * digits[1] + carried;
  let high = m * digits[0] + high_product(m, digits[1]) + select(0u, 1u, low < carried);
  let quarters = (high + 0x20000000u) >> 30u;
  let signed = high - (quarters << 30u);
  let negative = signed >= 0x80000000u;
  let top = select(signed, ~signed + select(0u, 1u, low == 0u), negative);
  let bottom = select(low, 0u - low, negative);
  // Its first 31 digits as a float.
  let zeros = select(countLeadingZeros(top), 32u + countLeadingZeros(bottom), top == 0u);
  let first = select((top << (zeros & 31u)) | ((bottom >> 1u) >> (31u - (zeros & 31u))), bottom << (zeros & 31u), top == 0u);
  let rest = f32(i32(first >> 1u)) * bitcast<f32>((98u - zeros) << 23u) * 1.57079633;
  return Angle(quarters & 3u, select(rest, -rest, negative));
}

fn sine_near(x: f32) -> f32 {
  let z = x * x;
  return ((-1.95087417e-4 * z + 8.33211304e-3) * z - 1.66666539e-1) * z * x + x;
}
fn cosine_near(x: f32) -> f32 {
  let z = x * x;
  return ((2.44256812e-5 * z - 1.38872515e-3) * z + 4.16666444e-2) * z * z - 0.5 * z + 1.0;
}
fn sine_of(angle: Angle, more: u32) -> f32 {
  let quarters = angle.quarters + more;
  let value = select(sine_near(angle.rest), cosine_near(angle.rest), (quarters & 1u) == 1u);
  return select(value, -value, (quarters & 2u) == 2u);
}

fn sine(x: f32) -> f32 {
  let value = sine_of(angle_of(abs(x)), 0u);
  let signed = select(value, -value, x < 0.0);
  return select(select(signed, not_a_number(), !is_finite(x)), x, is_tiny(x));
}
fn cosine(x: f32) -> f32 { return select(sine_of(angle_of(abs(x)), 1u), not_a_number(), !is_finite(x)); }
fn tangent(x: f32) -> f32 {
  let angle = angle_of(abs(x));
  let value = sine_of(angle, 0u) / sine_of(angle, 1u);
  let signed = select(value, -value, x < 0.0);
  return select(select(signed, not_a_number(), !is_finite(x)), x, is_tiny(x));
}

// asin of a size up to 1/2, from it and its square.
fn arc_sine_near(size: f32, z: f32) -> f32 {
  return ((((4.21662276e-2 * z + 2.4179565e-2) * z + 4.54703651e-2) * z + 7.49529774e-2) * z + 1.66667525e-1) * z * size + size;
}
fn arc_sine(x: f32) -> f32 {
  let size = abs(x);
  let z = select(size * size, 0.5 * (1.0 - size), size > 0.5);
  let near = arc_sine_near(select(size, square_root(abs(z)), size > 0.5), z);
  let value = with_sign_of(select(near, 1.57079633 - 2.0 * near, size > 0.5), x);
  return select(select(value, not_a_number(), size > 1.0 || is_nan(x)), x, is_tiny(x));
}
fn arc_cosine(x: f32) -> f32 {
  let size = abs(x);
  let z = 0.5 * (1.0 - size);
  let twice = 2.0 * arc_sine_near(square_root(abs(z)), z);
  let far = select(twice, 3.14159265 - twice, x < 0.0);
  return select(select(1.57079633 - arc_sine(x), far, size > 0.5), not_a_number(), size > 1.0 || is_nan(x));
}

fn arc_tangent_of_size(size: f32) -> f32 {
  let far = size > 2.41421356;
  let middle = size > 0.414213562;
  let t = select(select(size, (size - 1.0) / (size + 1.0), middle), -1.0 / size, far);
  let z = t * t;
  let near = (((8.04883969e-2 * z - 1.38762709e-1) * z + 1.99775901e-1) * z - 3.33329463e-1) * z * t + t;
  return near + select(select(0.0, 0.785398163, middle), 1.57079633, far);
}
fn arc_tangent(x: f32) -> f32 { return select(with_sign_of(arc_tangent_of_size(abs(x)), x), x, is_nan(x) || is_tiny(x)); }

// The angle of the point (x, y), zeros and infinities with their signs.
fn arc_tangent_of(y: f32, x: f32) -> f32 {
  let steep = abs(y) > abs(x);
  let least = select(abs(y), abs(x), steep);
  let most = select(abs(x), abs(y), steep);
  let ratio = select(select(least / most, 1.0, is_infinite(least)), 0.0, most == 0.0);
  let near = arc_tangent_of_size(ratio);
  let right = select(near, 1.57079633 - near, steep);
  let value = select(right, 3.14159265 - right, (bitcast<u32>(x) >> 31u) == 1u);
  return select(with_sign_of(value, y), not_a_number(), is_nan(x) || is_nan(y));
}
