// Convolution: result[b, o, i, j] = sum over c, k, l of x[b, c, i s - p + k d, j s - p + l d] w[o, c, k, l], c over the
// group's channels.
// Layout: an invocation an output, the sum in the order c, k, l, in blocks. The plain version, the readable reference
// of every faster one: about 2.7 GFLOP/s on a software adapter of two cores.
//! include "conv_params.wgsl"
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> w: array<f32>;

// What a pixel is when it is loaded; a pointwise function may stand in its place. Padding stays 0.
//! op
fn load(x: f32) -> f32 { return x; }
//! end

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let above = quotient(i, P.extents.w);
    let j = i - above * P.extents.w;
    let plane = quotient(above, P.extents.z);
    let row = above - plane * P.extents.z;
    let b = quotient(plane, P.size.w);
    let o = plane - b * P.size.w;
    let first = quotient(o, P.groups.y) * P.groups.x;
    let y0 = i32(row * STRIDE_Y) - i32(P.places.x);
    let x0 = i32(j * STRIDE_X) - i32(P.places.y);
    var at_w = P.offset.y + o * P.groups.x * P.filters.x * P.filters.y;
    var total = 0.0;
    var block = 0.0;  // of some channels by itself, as is the sum of each: no sum is one long chain, so it keeps its digits
    for (var c = 0u; c < P.groups.x; c++) {
      var sum = 0.0;
      let image = P.offset.x + (b * P.size.z + first + c) * P.extents.x * P.extents.y;
      for (var k = 0u; k < P.filters.x; k++) {
        let yy = y0 + i32(k * P.places.z);
        for (var l = 0u; l < P.filters.y; l++) {
          let xx = x0 + i32(l * P.places.w);
          if (yy >= 0 && yy < i32(P.extents.x) && xx >= 0 && xx < i32(P.extents.y)) {
            sum += load(x[image + u32(yy) * P.extents.y + u32(xx)]) * w[at_w];
          }
          at_w++;
        }
      }
      block += sum;
      if (c % BLOCK == BLOCK - 1u) {
        total += block;
        block = 0.0;
      }
    }
    result[i] = total + block;
  }
}
