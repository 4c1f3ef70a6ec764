// Grouped convolution of any extents, stride, padding and dilation, depthwise ones above all, for adapters with
// subgroups of one fixed size. Its input gradient is the same sum for the pixels of each remainder by the stride, one
// call for each; the formula is that of conv2d_any.wgsl, with c over the channels of the group.
//
// Layout: a lane holds PIXELS pixels of one channel of the result in registers. The channel is a dimension of its own,
// so the filters' values are the same in a whole subgroup: a load a lane brings S taps, which are handed round by
// shuffle. Everything is in the uniform, so that one pipeline serves all grouped convolutions that have no faster
// shader.
// Rate: by turns on a busy machine, 2 to 10 times conv2d.wgsl, and 3 to 4 times conv2d_input_grad.wgsl.
//
// Requires: S >= 8. Pixels beyond the last are left out.
enable subgroups;
//! include "conv_any_params.wgsl"

override S = 8u;  // subgroup size
const SIZE = 64u;
const PIXELS = 4;

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let group = id.y / P.count.z;
  let plane = i32(P.extents.y * P.extents.z);
  var image: array<i32, PIXELS>;   // where the group's first channel of the pixel's image is
  var corner: array<vec2i, PIXELS>; // the pixel of the first tap
  var target_at: array<u32, PIXELS>;
  for (var p = 0; p < PIXELS; p++) {
    let own = pixel_of(id.x * u32(PIXELS) + u32(p));
    image[p] = i32(own.image) + i32(group * P.count.w) * plane;
    corner[p] = own.corner;
    target_at[p] = own.target_at + id.y * P.plane.z * P.plane.w;
  }
  let at_w = P.offset.y + group * P.filters.w + (id.y - group * P.count.z) * P.filters.x + P.taps.x * P.filters.z + P.taps.y;
  let taps = P.count.x * P.count.y;

  var sums: array<f32, PIXELS>;
  for (var c = 0u; c < P.count.w; c++) {
    var k = 0u;
    var l = 0u;
    var loaded = 0.0;
    for (var tap = 0u; tap < taps; tap++) {
      if (tap % S == 0u) {
        let mine = min(tap + lane, taps - 1u);
        let row = mine / P.count.y;
        loaded = w[at_w + c * P.filters.y + row * P.taps.z * P.filters.z + (mine - row * P.count.y) * P.taps.z];
      }
      let weight = subgroupShuffle(loaded, tap % S);
      for (var p = 0; p < PIXELS; p++) {
        let y = corner[p].x + i32(k) * P.first.w;
        let column = corner[p].y + i32(l) * P.first.w;
        let inside = y >= 0 && y < i32(P.extents.y) && column >= 0 && column < i32(P.extents.z);
        let at = image[p] + i32(c) * plane + y * i32(P.extents.z) + column;
        sums[p] += select(0.0, load(x[select(0, at, inside)]), inside) * weight;
      }
      l++;
      if (l == P.count.y) {
        l = 0u;
        k++;
      }
    }
  }
  for (var p = 0; p < PIXELS; p++) {
    if (id.x * u32(PIXELS) + u32(p) < P.offset.w) { result[target_at[p]] = sums[p]; }
  }
}
