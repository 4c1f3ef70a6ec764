// Matrix product, batched: result[b, m, n] = sum over k of x[b, m, k] y[b, k, n]. Operands have strides, so transposes
// and broadcasts are free.
// Layout: an invocation a value, the sum in the order of k, in blocks. The plain version: about 2.7 GFLOP/s on a
// software adapter of two cores.
//! include "common.wgsl"

struct Params {
  offset: vec4u,     // of x, of y, of the result
  x_strides: vec4u,  // batch, row, column
  y_strides: vec4u,
  size: vec4u,       // elements, m, n, k
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> y: array<f32>;

const BLOCK = 64u;  // values of k

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let rows = quotient(i, P.size.z);
    let column = i - rows * P.size.z;
    let batch = quotient(rows, P.size.y);
    let row = rows - batch * P.size.y;
    var at_x = P.offset.x + batch * P.x_strides.x + row * P.x_strides.y;
    var at_y = P.offset.y + batch * P.y_strides.x + column * P.y_strides.z;
    var total = 0.0;
    for (var k = 0u; k < P.size.w; k += BLOCK) {
      var sum = 0.0;  // of a block by itself: no sum is one long chain, so it keeps its digits
      for (var n = k; n < min(k + BLOCK, P.size.w); n++) {
        sum += x[at_x] * y[at_y];
        at_x += P.x_strides.z;
        at_y += P.y_strides.y;
      }
      total += sum;
    }
    result[P.offset.z + i] = total;
  }
}
