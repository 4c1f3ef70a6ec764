// The place of the largest element of each row: the first of equal ones, the first NaN if there is one.
// Layout: an invocation a row, in order. Rows are short (classes, operations); the plain version.
//! include "common.wgsl"

struct Params {
  offset: vec4u,
  size: vec4u,    // rows, elements of a row
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<i32>;
@group(0) @binding(2) var<storage, read> source: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let row = P.offset.x + i * P.size.y;
    var best = 0u;
    var top = source[row];
    for (var k = 1u; k < P.size.y; k++) {
      let value = source[row + k];
      if (value > top || (is_nan(value) && !is_nan(top))) {
        best = k;
        top = value;
      }
    }
    result[i] = i32(best);
  }
}
