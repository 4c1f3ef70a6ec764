// Numbers from keys: word i of a key is threefry2x32 (20 rounds) with the counter (i / 2, 0), made into a number by
// `draw`.
// Layout: an invocation an element, which computes its block and keeps one of the two words.
//! include "common.wgsl"

//! op
alias Out = f32;
fn draw(word: u32) -> Out { return unit(word); }
//! end

struct Params {
  offset: vec4u,
  size: vec4u,    // elements, words of a key
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<Out>;
@group(0) @binding(2) var<storage, read> key: array<u32>;

fn threefry(k0: u32, k1: u32, counter: u32) -> vec2u {
  var keys = array<u32, 3>(k0, k1, k0 ^ k1 ^ 0x1bd11bdau);
  var rotations = array<u32, 8>(13u, 15u, 26u, 6u, 17u, 29u, 16u, 24u);
  var x = counter + k0;
  var y = k1;
  for (var round = 0u; round < 20u; round++) {
    let rotation = rotations[round % 8u];
    x += y;
    y = ((y << rotation) | (y >> (32u - rotation))) ^ x;
    if (round % 4u == 3u) {
      let turn = (round + 1u) / 4u;
      x += keys[turn % 3u];
      y += keys[(turn + 1u) % 3u] + turn;
    }
  }
  return vec2u(x, y);
}

// [0, 1) in steps of 2^-24: exact.
fn unit(word: u32) -> f32 { return f32(word >> 8u) * 5.9604644775390625e-8; }

// The normal quantile by Giles' polynomial of the inverse error function; see random.ts. x is 2 (n + 1/2) / 2^24 - 1,
// made of whole numbers: it is exact, and never 1, where the quantile is infinite.
fn normal(word: u32) -> f32 {
  let x = f32(i32(2u * (word >> 8u) + 1u) - 16777216) * 5.9604644775390625e-8;
  let w = -logarithm((1.0 - x) * (1.0 + x));
  let c = w - 2.5;
  let central = ((((((((2.81022636e-8 * c + 3.43273939e-7) * c - 3.5233877e-6) * c - 4.39150654e-6) * c + 0.00021858087) * c - 0.00125372503) * c
    - 0.00417768164) * c + 0.246640727) * c + 1.50140941);
  let t = sqrt(w) - 3.0;
  let tail = ((((((((-0.000200214257 * t + 0.000100950558) * t + 0.00134934322) * t - 0.00367342844) * t + 0.00573950773) * t - 0.0076224613) * t
    + 0.00943887047) * t + 1.00167406) * t + 2.83297682);
  return 1.4142135623730951 * x * select(tail, central, w < 5.0);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let k = quotient(i, P.size.y);
    let word = i - k * P.size.y;
    let words = threefry(key[P.offset.x + 2u * k], key[P.offset.x + 2u * k + 1u], word / 2u);
    result[i] = draw(select(words.x, words.y, word % 2u == 1u));
  }
}
