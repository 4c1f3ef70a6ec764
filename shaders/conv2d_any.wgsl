// Dense convolution of any extents, stride, padding and dilation, for adapters with subgroups of one fixed size. Its
// input gradient is the same sum for the pixels of each remainder by the stride, one call for each:
//
//   result[b, o, i t + r, j t + q] = sum over c, k, l of x[b, c, i s + a + k d, j s + e + l d] w[o, c, k0 + k h, l0 + l h]
//
// Layout: a lane holds PIXELS pixels of OUTS output channels in registers. A tap costs a load for each pixel and one
// for the filters' values, a value a lane, which are handed round by shuffle: PIXELS OUTS multiply-adds from PIXELS + 1
// loads. Everything is in the uniform, so that one pipeline serves all convolutions that have no faster shader; inside
// the loops there is no division. The sums are stored by a loop that stays rolled: 32 stores in the text take twice as
// long to compile.
// Rate: by turns on a busy machine, 5 to 12 times conv2d.wgsl, and 7 to 18 times conv2d_input_grad.wgsl.
//
// Requires: S >= 8. Pixels and outputs beyond the last are left out.
enable subgroups;
//! include "conv_any_params.wgsl"

override S = 8u;  // subgroup size
const SIZE = 64u;
const PIXELS = 4;
const OUTS = 8;

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let block = id.y * u32(OUTS);
  let plane = i32(P.extents.y * P.extents.z);
  var image: array<i32, PIXELS>;   // where the first channel of the pixel's image is
  var corner: array<vec2i, PIXELS>; // the pixel of the first tap
  var target_at: array<u32, PIXELS>;
  for (var p = 0; p < PIXELS; p++) {
    let own = pixel_of(id.x * u32(PIXELS) + u32(p));
    image[p] = i32(own.image);
    corner[p] = own.corner;
    target_at[p] = own.target_at;
  }
  let at_w = P.offset.y + min(block + lane % u32(OUTS), P.extents.w - 1u) * P.filters.x + P.taps.x * P.filters.z + P.taps.y;

  var sums: array<f32, PIXELS * OUTS>;
  for (var c = 0u; c < P.count.w; c++) {
    for (var k = 0u; k < P.count.x; k++) {
      for (var l = 0u; l < P.count.y; l++) {
        let value = w[at_w + c * P.filters.y + k * P.taps.z * P.filters.z + l * P.taps.z];
        var pixels: array<f32, PIXELS>;
        for (var p = 0; p < PIXELS; p++) {
          let y = corner[p].x + i32(k) * P.first.w;
          let column = corner[p].y + i32(l) * P.first.w;
          let inside = y >= 0 && y < i32(P.extents.y) && column >= 0 && column < i32(P.extents.z);
          let at = image[p] + i32(c) * plane + y * i32(P.extents.z) + column;
          pixels[p] = select(0.0, load(x[select(0, at, inside)]), inside);
        }
        for (var o = 0; o < OUTS; o++) {
          let weight = subgroupShuffle(value, u32(o));
          for (var p = 0; p < PIXELS; p++) { sums[o * PIXELS + p] += weight * pixels[p]; }
        }
      }
    }
  }
  for (var n = 0u; n < min(u32(OUTS), P.extents.w - block) * u32(PIXELS); n++) {
    let o = block + n / u32(PIXELS);
    let p = n % u32(PIXELS);
    if (id.x * u32(PIXELS) + p < P.offset.w) { result[target_at[p] + o * P.plane.z * P.plane.w] = sums[n]; }
  }
}
