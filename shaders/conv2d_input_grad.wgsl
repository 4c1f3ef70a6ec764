// The transpose of a convolution in its images: result[b, c, y, x] = sum over o, k, l of g[b, o, (y + p - k d) / s,
// (x + p - l d) / s] w[o, c, k, l], where the divisions have no remainder; o over the group's outputs.
// Layout: an invocation a pixel, the sum in the order o, k, l, in blocks. The plain version.
//! include "conv_params.wgsl"
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read> w: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let above = quotient(i, P.extents.y);
    let px = i - above * P.extents.y;
    let plane = quotient(above, P.extents.x);
    let py = above - plane * P.extents.x;
    let b = quotient(plane, P.size.z);
    let c = plane - b * P.size.z;
    let group = quotient(c, P.groups.x);
    let taps = P.filters.x * P.filters.y;
    var total = 0.0;
    var block = 0.0;  // of some outputs by itself, as is the sum of each: no sum is one long chain, so it keeps its digits
    for (var n = 0u; n < P.groups.y; n++) {
      var sum = 0.0;
      let o = group * P.groups.y + n;
      let outputs = P.offset.x + (b * P.size.w + o) * P.extents.z * P.extents.w;
      let filter_at = P.offset.y + (o * P.groups.x + c - group * P.groups.x) * taps;
      for (var k = 0u; k < P.filters.x; k++) {
        let y = i32(py + P.places.x) - i32(k * P.places.z);
        let row = u32(max(y, 0)) / STRIDE_Y;
        let row_fits = y >= 0 && row * STRIDE_Y == u32(y) && row < P.extents.z;
        for (var l = 0u; l < P.filters.y; l++) {
          let x = i32(px + P.places.y) - i32(l * P.places.w);
          let column = u32(max(x, 0)) / STRIDE_X;
          if (row_fits && x >= 0 && column * STRIDE_X == u32(x) && column < P.extents.w) {
            sum += g[outputs + row * P.extents.w + column] * w[filter_at + k * P.filters.y + l];
          }
        }
      }
      block += sum;
      if (n % BLOCK == BLOCK - 1u) {
        total += block;
        block = 0.0;
      }
    }
    result[i] = total + block;
  }
}
