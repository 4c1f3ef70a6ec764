// Rows of zeros with a one at each index; a row of NaN for an index out of range, which is loud where an error cannot
// be.
// Layout: an invocation an element.
//! include "common.wgsl"

struct Params {
  offset: vec4u,
  size: vec4u,    // elements, classes
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let row = quotient(i, P.size.y);
    let index = indices[P.offset.x + row];
    let hot = select(0.0, 1.0, index == i32(i - row * P.size.y));
    result[i] = select(hot, not_a_number(), index < 0 || index >= i32(P.size.y));
  }
}
