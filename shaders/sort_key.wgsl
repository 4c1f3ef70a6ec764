// Floats in their order as whole numbers, from their bits: those below zero backwards, zeros of both signs equal.
// Exact, also of denormals, and no driver can assume that there are no NaN.
//! include "common.wgsl"

fn float_key(bits: u32) -> u32 {
  let signed = select(bits, 0u, (bits & ABSOLUTE) == 0u);
  return select(signed | 0x80000000u, ~signed, (signed >> 31u) == 1u);
}
