// Rows of a tensor [outer, extent, inner] at indices: result [outer, indices, inner]; NaN for an index out of range. Each `sharing` outer ones
// have the same indices.
// Layout: an invocation an element.
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

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let row = quotient(i, P.size.z);
    let inner = i - row * P.size.z;
    let outer = quotient(row, P.size.w);
    let index = indices[P.offset.y + row - (outer - quotient(outer, P.batch.x)) * P.size.w];
    let outside = index < 0 || index >= i32(P.size.y);
    let at = (outer * P.size.y + u32(select(index, 0, outside))) * P.size.z + inner;
    result[i] = select(source[P.offset.x + at], not_a_number(), outside);
  }
}
