// Rows of a tensor [outer, extent, inner] at indices: result [outer, indices, inner]; NaN for an index out of range.
// The indices are shared by all columns, or each element of the result has its own: their strides say which.
// Layout: an invocation an element.
//! include "common.wgsl"

struct Params {
  offset: vec4u,  // of the source, of the indices
  size: vec4u,    // elements, extent, inner, indices
  walk: vec4u,    // strides of the indices along outer, indices, inner
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
    let k = row - outer * P.size.w;
    let index = indices[P.offset.y + outer * P.walk.x + k * P.walk.y + inner * P.walk.z];
    let outside = index < 0 || index >= i32(P.size.y);
    let at = (outer * P.size.y + u32(select(index, 0, outside))) * P.size.z + inner;
    result[i] = select(source[P.offset.x + at], not_a_number(), outside);
  }
}
