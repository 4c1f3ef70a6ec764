// Sums of a tensor [outer, extent, inner] along the middle axis, from its first element or, reversed, from its last up
// to each.
// Layout: an invocation a column, in order. Extents are short: long ones are cut into blocks, each of them a column
// (ops/scan.ts).
//! include "common.wgsl"

//! op
alias Value = f32;
//! end

struct Params {
  offset: vec4u,
  size: vec4u,    // columns, extent, inner, whether from the last
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<Value>;
@group(0) @binding(2) var<storage, read> source: array<Value>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let outer = quotient(i, P.size.z);
    let column = outer * P.size.y * P.size.z + i - outer * P.size.z;
    var total = Value(0);
    for (var k = 0u; k < P.size.y; k++) {
      let place = select(k, P.size.y - 1u - k, P.size.w == 1u);
      total += source[P.offset.x + column + place * P.size.z];
      result[column + place * P.size.z] = total;
    }
  }
}
