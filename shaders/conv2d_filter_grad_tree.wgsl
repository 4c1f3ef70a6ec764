// Filter gradient of a convolution of any extents, stride, padding and dilation whose groups have few outputs, depthwise ones above all, for adapters of
// any subgroup size: partial sums over parts of the batch, part by part in the result [parts][outputs][channels of a group][K][L]; a fold adds the parts
// in their order.
//
// Layout: a workgroup owns an output, a channel and a row of L taps and walks over the outputs' pixels of its part, an invocation a pixel at a time, so
// that neighbours load neighbouring pixels: L sums from L + 1 loads. The pixel's place goes on by a carry, without a division. In workgroup memory
// the invocations are added eight by eight, twice, at the very end.
// Rate: untimed on a GPU. On a software adapter, by turns on a busy machine, 0.7 to 1.9 times conv2d_filter_grad.wgsl; on
// another, with subgroups of 4, a third of it.
//
// Requires: L at most 8.
//! include "common.wgsl"

override L = 3u;
const MOST = 8u;       // the largest L
const SIZE = 64u;      // MOST by 8

struct Params {
  offset: vec4u,   // of x, of g; images, those of a part
  extents: vec4u,  // channels, H, W of x; outputs
  plane: vec4u,    // rows, columns of g; K, L
  places: vec4i,   // padding (y, x), dilation (y, x)
  steps: vec4u,    // strides (y, x); channels and outputs of a group
  digits: vec4u,   // SIZE pixels further: images, rows, columns
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;

// What a pixel of the images is when it is loaded; a pointwise function may stand in its place. Padding stays 0.
//! op
fn load(x: f32) -> f32 { return x; }
//! end

var<workgroup> partial: array<f32, SIZE * MOST>;  // by tap

fn sum_of_eight(n: u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < 8u; i++) { sum += partial[n * 8u + i]; }
  return sum;
}

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let o = group.x / P.steps.z;
  let c = o / P.steps.w * P.steps.z + group.x % P.steps.z;
  let image_size = P.extents.y * P.extents.z;
  let plane_size = P.plane.x * P.plane.y;
  let end = min(group.z * P.offset.w + P.offset.w, P.offset.z);
  let skipped = quotient(local, plane_size);
  var b = group.z * P.offset.w + skipped;
  var row = quotient(local - skipped * plane_size, P.plane.y);
  var column = local - skipped * plane_size - row * P.plane.y;
  var sums: array<f32, MOST>;
  while (b < end) {
    let yy = i32(row * P.steps.x) - P.places.x + i32(group.y) * P.places.z;
    let line = P.offset.x + (b * P.extents.x + c) * image_size + u32(max(yy, 0)) * P.extents.z;
    let cotangent = g[P.offset.y + (b * P.extents.w + o) * plane_size + row * P.plane.y + column];
    for (var l = 0u; l < L; l++) {
      let xx = i32(column * P.steps.y) - P.places.y + i32(l) * P.places.w;
      let inside = yy >= 0 && yy < i32(P.extents.y) && xx >= 0 && xx < i32(P.extents.z);
      sums[l] += select(0.0, cotangent * load(x[select(0u, line + u32(xx), inside)]), inside);
    }
    column += P.digits.z;
    let next_row = column >= P.plane.y;
    column -= select(0u, P.plane.y, next_row);
    row += P.digits.y + u32(next_row);
    let next_image = row >= P.plane.x;
    row -= select(0u, P.plane.x, next_image);
    b += P.digits.x + u32(next_image);
  }
  for (var l = 0u; l < L; l++) { partial[l * SIZE + local] = sums[l]; }
  workgroupBarrier();
  let eight = sum_of_eight(local);
  workgroupBarrier();
  partial[local] = eight;
  workgroupBarrier();
  if (local < L) { result[((group.z * P.extents.w * P.steps.z + group.x) * P.plane.z + group.y) * L + local] = sum_of_eight(local); }
}
