// Convolution of any extents, stride, padding and dilation whose groups have few outputs, depthwise ones above all, for
// adapters of any subgroup size. Its input gradient is the same sum for the pixels of each remainder by the stride, one
// call for each; the formula is that of conv2d_any.wgsl, with c over the channels of the group.
//
// Layout: an invocation holds PIXELS pixels of one channel of the result in registers, a workgroup apart, so that
// neighbours load neighbouring pixels. The channel is a dimension of its own: a filter's value is the same in a whole
// workgroup, is loaded once for all PIXELS, and nothing is divided in the loops. Windows overlap, but a tile with its
// border in workgroup memory would bring nothing: on a GPU that is the same memory as the cache that serves the overlap
// here. Everything is in the uniform: one pipeline serves all convolutions.
// Rate: untimed on a GPU. On a software adapter, by turns on a busy machine, 1.5 to 3 times conv2d.wgsl and
// conv2d_input_grad.wgsl, an eighth to a half of the kernels by shuffles.
//! include "conv_any_params.wgsl"

const SIZE = 64u;
const PIXELS = 4u;

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) local: u32) {
  let group = id.y / P.count.z;
  let plane = P.extents.y * P.extents.z;
  let first = id.x * SIZE * PIXELS + local;
  var image: array<u32, PIXELS>;    // where the group's first channel of the pixel's image is
  var corner: array<vec2i, PIXELS>; // the pixel of the first tap
  var target_at: array<u32, PIXELS>;
  for (var p = 0u; p < PIXELS; p++) {
    let own = pixel_of(first + p * SIZE);
    image[p] = own.image + group * P.count.w * plane;
    corner[p] = own.corner;
    target_at[p] = own.target_at + id.y * P.plane.z * P.plane.w;
  }
  let filters = P.offset.y + group * P.filters.w + (id.y - group * P.count.z) * P.filters.x + P.taps.x * P.filters.z + P.taps.y;

  var sums: array<f32, PIXELS>;
  for (var c = 0u; c < P.count.w; c++) {
    for (var k = 0u; k < P.count.x; k++) {
      for (var l = 0u; l < P.count.y; l++) {
        let weight = w[filters + c * P.filters.y + k * P.taps.z * P.filters.z + l * P.taps.z];
        for (var p = 0u; p < PIXELS; p++) {
          let y = corner[p].x + i32(k) * P.first.w;
          let column = corner[p].y + i32(l) * P.first.w;
          let inside = y >= 0 && y < i32(P.extents.y) && column >= 0 && column < i32(P.extents.z);
          let at = image[p] + select(0u, c * plane + u32(y) * P.extents.z + u32(column), inside);
          sums[p] += select(0.0, load(x[at]) * weight, inside);
        }
      }
    }
  }
  for (var p = 0u; p < PIXELS; p++) {
    if (first + p * SIZE < P.offset.w) { result[target_at[p]] = sums[p]; }
  }
}
