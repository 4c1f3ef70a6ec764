// The transpose of take: result [outer, extent, inner] gets the rows of [outer, indices, inner] added, in the order of the indices.
// Layout: an invocation an element of the result, which looks through all indices: no float atomics, and a fixed order.
// An index out of range makes its whole column NaN. Each `sharing` outer ones have the same indices.
//! include "common.wgsl"

struct Params {
  offset: vec4u,  // of the source, of the indices
  size: vec4u,    // elements, extent, inner, indices
  batch: vec4u,   // sharing
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> source: array<f32>;
@group(0) @binding(3) var<storage, read> indices: array<i32>;

const BLOCK = 64u;  // indices

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let row = quotient(i, P.size.z);
    let inner = i - row * P.size.z;
    let outer = quotient(row, P.size.y);
    let mine = i32(row - outer * P.size.y);
    let first = P.offset.y + quotient(outer, P.batch.x) * P.size.w;
    var total = 0.0;
    var sum = 0.0;  // of a block by itself: no sum is one long chain, so it keeps its digits
    for (var k = 0u; k < P.size.w; k++) {
      let index = indices[first + k];
      if (index == mine) { sum += source[P.offset.x + (outer * P.size.w + k) * P.size.z + inner]; }
      if (index < 0 || index >= i32(P.size.y)) { sum = not_a_number(); }
      if (k % BLOCK == BLOCK - 1u) {
        total += sum;
        sum = 0.0;
      }
    }
    result[i] = total + sum;
  }
}
