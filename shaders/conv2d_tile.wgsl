// Convolution of any extents, stride, padding and dilation, dense or of wide groups, for adapters of any subgroup size.
// Its input gradient is the same sum for the pixels of each remainder by the stride, one call for each; the formula is
// that of conv2d_any.wgsl, with c over the channels of the group.
//
// Layout: an implicit matrix product by the tiles of tile.wgsl: rows are the channels of the result, columns its pixels
// in all images, the depth is the channels of x, tap by tap. A group is a workgroup in z. An invocation fetches pixels
// of those columns that it also stores, so their places are found once; a tap then costs a comparison with the borders
// and nothing is divided. Everything is in the uniform: one pipeline serves all convolutions.
// Rate: untimed on a GPU. On a software adapter, by turns on a busy machine, 1.8 to 3.4 times conv2d.wgsl and 1.8 to 6
// times conv2d_input_grad.wgsl, a tenth to a half of the kernels by shuffles.
//
// Pixels and channels beyond the last are fetched from the last and not stored.
//! include "conv_any_params.wgsl"
//! include "tile.wgsl"

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let across = local % ACROSS;
  let plane = P.extents.y * P.extents.z;
  let pixels = group.x * COLUMNS + quarters(across, COLUMNS);
  var image: vec4u;      // where the group's first channel of the pixel's image is
  var corner_y: vec4i;   // the pixel of the first tap
  var corner_x: vec4i;
  var target_at: vec4u;
  for (var q = 0u; q < 4u; q++) {
    let own = pixel_of(pixels[q]);
    image[q] = own.image + group.z * P.count.w * plane;
    corner_y[q] = own.corner.x;
    corner_x[q] = own.corner.y;
    target_at[q] = own.target_at + group.z * P.count.z * P.plane.z * P.plane.w;
  }
  let mine = vec2u(local % DEPTH, local / DEPTH);  // of the left tile, since a filter's channels lie closer than the filters
  let filters = min(group.y * ROWS + quarters(mine.y, ROWS), vec4u(P.count.z - 1u)) * P.filters.x
    + P.offset.y + group.z * P.filters.w + P.taps.x * P.filters.z + P.taps.y;

  var sums: array<vec4f, 4>;
  for (var k = 0u; k < P.count.x; k++) {
    for (var l = 0u; l < P.count.y; l++) {
      let yy = corner_y + i32(k) * P.first.w;
      let xx = corner_x + i32(l) * P.first.w;
      let inside = (yy >= vec4i(0)) & (yy < vec4i(i32(P.extents.y))) & (xx >= vec4i(0)) & (xx < vec4i(i32(P.extents.z)));
      let at_x = image + select(vec4u(0), vec4u(yy) * P.extents.z + vec4u(xx), inside);
      let at_w = filters + k * P.taps.z * P.filters.z + l * P.taps.z;
      for (var c0 = 0u; c0 < P.count.w; c0 += DEPTH) {
        let depth = min(DEPTH, P.count.w - c0);
        if (mine.x < depth) {
          let at = at_w + (c0 + mine.x) * P.filters.y;
          left[mine.x * LEFT_PITCH + mine.y] = vec4f(w[at.x], w[at.y], w[at.z], w[at.w]);
        }
        for (var c = local / ACROSS; c < depth; c += SIZE / ACROSS) {
          let at = at_x + (c0 + c) * plane;
          right[c * RIGHT_PITCH + across] = select(vec4f(0), vec4f(load(x[at.x]), load(x[at.y]), load(x[at.z]), load(x[at.w])), inside);
        }
        workgroupBarrier();
        add_product(&sums, local / ACROSS, across, depth);
        workgroupBarrier();
      }
    }
  }

  let outputs = group.y * ROWS + quarters(local / ACROSS, ROWS);
  for (var r = 0u; r < 4u; r++) {
    for (var q = 0u; q < 4u; q++) {
      if (outputs[r] < P.count.z && pixels[q] < P.offset.w) {
        result[target_at[q] + outputs[r] * P.plane.z * P.plane.w] = sums[r][q];
      }
    }
  }
}
