// Filter gradient of a convolution of any extents, stride, padding and dilation, dense or of wide groups, for adapters
// of any subgroup size: partial sums over parts of the batch, part by part in the result [parts][outputs][channels of a
// group][K][L]; a fold adds the parts in their order.
//
// Layout: an implicit matrix product by the tiles of tile.wgsl: rows are the outputs of a group, columns its channels
// times their taps, the depth is the outputs' pixels in the images of a part. What a column adds to a pixel's place is
// found once and kept in workgroup memory. An invocation fetches every DEPTH-th pixel, whose place goes on by a carry,
// so nothing is divided on the way.
// Rate: untimed on a GPU. On a software adapter, by turns on a busy machine, 1.4 to 6 times conv2d_filter_grad.wgsl, a
// tenth to a half of the kernels by shuffles; 0.7 times where a tile is three quarters empty (1x1, 16 channels).
//
// Rows and columns beyond the last are fetched from the last and not stored. Padding is a pixel of 0, so a cotangent
// that is not finite may give NaN.
//! include "conv_filter_grad_params.wgsl"
//! include "tile.wgsl"

const BLOCK = 256u;  // pixels, a multiple of DEPTH

var<workgroup> shifts: array<vec3i, COLUMNS>;  // of a column: where its channel is in an image, rows, columns

fn pixel(image: u32, y: i32, column: i32, shift: vec3i) -> f32 {
  let yy = y + shift.y;
  let xx = column + shift.z;
  let inside = yy >= 0 && yy < i32(P.extents.y) && xx >= 0 && xx < i32(P.extents.z);
  return select(0.0, load(x[select(0u, image + u32(shift.x) + u32(yy) * P.extents.z + u32(xx), inside)]), inside);
}

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let taps = P.plane.z * P.plane.w;
  let width = P.steps.z * taps;
  let blocks = (P.steps.w + ROWS - 1u) / ROWS;
  let first_channel = group.y / blocks * P.steps.z;
  let first_output = group.y / blocks * P.steps.w;
  let top = group.y % blocks * ROWS;
  let image_size = P.extents.y * P.extents.z;
  let plane_size = P.plane.x * P.plane.y;
  if (local < COLUMNS) {
    let n = min(group.x * COLUMNS + local, width - 1u);
    let tap = n % taps;
    shifts[local] = vec3i(
      i32((first_channel + n / taps) * image_size),
      i32(tap / P.plane.w) * P.places.z - P.places.x,
      i32(tap % P.plane.w) * P.places.w - P.places.y
    );
  }
  workgroupBarrier();

  let start = group.z * P.offset.w;
  let images = min(P.offset.w, P.offset.z - start);
  let k = local % DEPTH;
  let cotangents = P.offset.y + (first_output + min(top + quarters(local / DEPTH, ROWS), vec4u(P.steps.w - 1u))) * plane_size;
  var place = place_of(k, start);
  var total: array<vec4f, 4>;
  var sums: array<vec4f, 4>;  // of a block by itself: no sum is one long chain, so it keeps its digits
  for (var k0 = 0u; k0 < images * plane_size; k0 += DEPTH) {
    let depth = min(DEPTH, images * plane_size - k0);
    if (k0 % BLOCK == 0u) {
      for (var r = 0u; r < 4u; r++) { total[r] += sums[r]; }
      sums = array<vec4f, 4>();
    }
    if (k < depth) {
      let at = cotangents + place.b * P.extents.w * plane_size + place.row * P.plane.y + place.column;
      left[k * LEFT_PITCH + local / DEPTH] = vec4f(g[at.x], g[at.y], g[at.z], g[at.w]);
      let image = P.offset.x + place.b * P.extents.x * image_size;
      let y = i32(place.row * P.steps.x);
      let xx = i32(place.column * P.steps.y);
      for (var v = local / DEPTH; v < ACROSS; v += SIZE / DEPTH) {
        let at_shift = quarters(v, COLUMNS);
        right[k * RIGHT_PITCH + v] = vec4f(
          pixel(image, y, xx, shifts[at_shift.x]), pixel(image, y, xx, shifts[at_shift.y]),
          pixel(image, y, xx, shifts[at_shift.z]), pixel(image, y, xx, shifts[at_shift.w])
        );
      }
    }
    place = onward(place);
    workgroupBarrier();
    add_product(&sums, local / ACROSS, local % ACROSS, depth);
    workgroupBarrier();
  }

  let outputs = top + quarters(local / ACROSS, ROWS);
  let columns = group.x * COLUMNS + quarters(local % ACROSS, COLUMNS);
  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      if (outputs[r] < P.steps.w && columns[c] < width) {
        result[(group.z * P.extents.w + first_output + outputs[r]) * width + columns[c]] = total[r][c] + sums[r][c];
      }
    }
  }
}
