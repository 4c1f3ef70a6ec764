// Powers by numbers of any kind, and the remainder of a division.
//! include "common.wgsl"

// What is left of a after a whole number of b, with the sign of a: by long division of their digits, eight at a time,
// so that it is exact.
fn remainder_of(a: f32, b: f32) -> f32 {
  let x = bitcast<u32>(a) & ABSOLUTE;
  let y = bitcast<u32>(b) & ABSOLUTE;
  let divisor = select((y & 0x007fffffu) | 0x00800000u, y, y < 0x00800000u);
  let digits = select((x & 0x007fffffu) | 0x00800000u, x, x < 0x00800000u);
  let exponent = max(y >> 23u, 1u);
  var left = max(x >> 23u, 1u) - min(exponent, max(x >> 23u, 1u));
  var rest = digits % max(divisor, 1u);
  for (; left > 0u; left -= min(left, 8u)) { rest = (rest << min(left, 8u)) % max(divisor, 1u); }
  // rest 2^(exponent - 150), in two steps, so that denormal results come out.
  let power = i32(exponent) - 150;
  let half = power / 2;
  let value = f32(i32(rest)) * bitcast<f32>((half + 127) << 23u) * bitcast<f32>((power - half + 127) << 23u);
  let known = with_sign_of(select(value, a, x < y), a);
  return select(known, not_a_number(), x >= INFINITY || y > INFINITY || y == 0u);
}

// x^y: of a base below 0 by whole powers only, as IEEE 754 has it at the ends, but that a fractional power of minus
// infinity is NaN as that of other bases below 0.
fn real_power(x: f32, y: f32) -> f32 {
  let whole = !is_finite(y) || floor(y) == y;
  let odd = is_finite(y) && whole && abs(y) < 16777216.0 && floor(0.5 * y) * 2.0 != y;
  let size = exponential(y * logarithm(abs(x)));
  let sized = select(size, 1.0, abs(x) == 1.0);
  let signed = select(sized, -sized, odd && (bitcast<u32>(x) >> 31u) == 1u);
  let real = select(signed, not_a_number(), (x < 0.0 && !whole) || is_nan(x) || is_nan(y));
  return select(select(real, x, y == 1.0), 1.0, y == 0.0 || x == 1.0);
}
