// What the filter gradients of grouped convolutions share: a workgroup owns an output, a channel and a row of L taps,
// and each of its invocations sums over its own of the outputs' pixels. How the invocations' sums meet is each file's
// own affair.
//! include "conv_filter_grad_params.wgsl"

override L = 3u;
const MOST = 8u;    // the largest L
const BLOCK = 128;  // pixels

fn sums_of_row(group: vec3u, first_pixel: u32) -> array<f32, MOST> {
  let o = group.x / P.steps.z;
  let c = o / P.steps.w * P.steps.z + group.x % P.steps.z;
  let image_size = P.extents.y * P.extents.z;
  let plane_size = P.plane.x * P.plane.y;
  let end = min(group.z * P.offset.w + P.offset.w, P.offset.z);
  var at = place_of(first_pixel, group.z * P.offset.w);
  var total: array<f32, MOST>;
  while (at.b < end) {
    var sums = array<f32, MOST>();  // of a block by itself: no sum is one long chain, so it keeps its digits
    for (var n = 0; n < BLOCK && at.b < end; n++) {
      let yy = i32(at.row * P.steps.x) - P.places.x + i32(group.y) * P.places.z;
      let line = P.offset.x + (at.b * P.extents.x + c) * image_size + u32(max(yy, 0)) * P.extents.z;
      let cotangent = g[P.offset.y + (at.b * P.extents.w + o) * plane_size + at.row * P.plane.y + at.column];
      for (var l = 0u; l < L; l++) {
        let xx = i32(at.column * P.steps.y) - P.places.y + i32(l) * P.places.w;
        let inside = yy >= 0 && yy < i32(P.extents.y) && xx >= 0 && xx < i32(P.extents.z);
        sums[l] += select(0.0, cotangent * load(x[select(0u, line + u32(xx), inside)]), inside);
      }
      at = onward(at);
    }
    for (var l = 0u; l < L; l++) { total[l] += sums[l]; }
  }
  return total;
}

// Where the row's first tap is in the result.
fn place_of_row(group: vec3u) -> u32 {
  return ((group.z * P.extents.w * P.steps.z + group.x) * P.plane.z + group.y) * L;
}
