// A tensor [outer, extent, inner] of any dtype, from the last to the first along the middle axis.
// Layout: an invocation an element; bits are moved.
//! include "common.wgsl"

struct Params {
  offset: vec4u,
  size: vec4u,    // elements, extent, inner
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let row = quotient(i, P.size.z);
    let place = row - quotient(row, P.size.y) * P.size.y;
    result[i] = source[P.offset.x + i + (P.size.y - 1u) * P.size.z - 2u * place * P.size.z];
  }
}
