// Filter gradient of a dense convolution of any extents, stride, padding and dilation, for adapters with subgroups of one fixed size: partial sums
// over parts of the batch, part by part in the result [parts][outputs][channels][K][L]; a fold adds the parts in their order.
//
// Layout: a workgroup is one subgroup; it owns OUTS outputs x INS channels of one tap and walks over the outputs' pixels of its part, a lane a pixel
// at a time: OUTS INS sums from OUTS + INS loads. The pixel's place goes on by a carry, without a division. The lanes are added at the very end.
// Everything is in the uniform, so that one pipeline serves all convolutions that have no faster shader.
// Rate: by turns on a busy machine, 6 to 12 times conv2d_filter_grad.wgsl.
//
// Requires: S >= 8. What is beyond the last output, channel, image is left out.
enable subgroups;
//! include "common.wgsl"

override S = 8u;       // subgroup size
const OUTS = 8;
const INS = 4;
const MOST_STORES = 4; // OUTS INS / S

struct Params {
  offset: vec4u,   // of x, of g; images, those of a part
  extents: vec4u,  // channels, H, W of x; outputs
  plane: vec4u,    // rows, columns of g; K, L
  places: vec4i,   // padding (y, x), dilation (y, x)
  steps: vec4u,    // strides (y, x)
  digits: vec4u,   // S pixels further: images, rows, columns
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;

// What a pixel of the images is when it is loaded; a pointwise function may stand in its place. Padding stays 0.
//! op
fn load(x: f32) -> f32 { return x; }
//! end

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let channels = P.extents.x;
  let outputs = P.extents.w;
  let taps = P.plane.z * P.plane.w;
  let blocks = (outputs + u32(OUTS) - 1u) / u32(OUTS);
  let first_output = (group.x % blocks) * u32(OUTS);
  let first_channel = (group.x / blocks) * u32(INS);
  let k = i32(group.y / P.plane.w);
  let l = i32(group.y % P.plane.w);
  let image_size = P.extents.y * P.extents.z;
  let plane_size = P.plane.x * P.plane.y;
  var channel: array<u32, INS>;
  for (var i = 0; i < INS; i++) { channel[i] = P.offset.x + min(first_channel + u32(i), channels - 1u) * image_size; }
  var output: array<u32, OUTS>;
  for (var o = 0; o < OUTS; o++) { output[o] = P.offset.y + min(first_output + u32(o), outputs - 1u) * plane_size; }

  let start = group.z * P.offset.w;
  let end = min(start + P.offset.w, P.offset.z);
  let skipped = quotient(lane, plane_size);
  var b = start + skipped;
  var row = quotient(lane - skipped * plane_size, P.plane.y);
  var column = lane - skipped * plane_size - row * P.plane.y;
  var sums: array<array<f32, INS>, OUTS>;
  while (b < end) {
    let yy = i32(row * P.steps.x) - P.places.x + k * P.places.z;
    let xx = i32(column * P.steps.y) - P.places.y + l * P.places.w;
    let inside = yy >= 0 && yy < i32(P.extents.y) && xx >= 0 && xx < i32(P.extents.z);
    let at = select(0u, b * channels * image_size + u32(yy) * P.extents.z + u32(xx), inside);
    var pixels: array<f32, INS>;
    for (var i = 0; i < INS; i++) { pixels[i] = select(0.0, load(x[channel[i] + at]), inside); }
    let there = b * outputs * plane_size + row * P.plane.y + column;
    for (var o = 0; o < OUTS; o++) {
      // 0 as the pixel is, since padding times infinity would be NaN.
      let cotangent = select(0.0, g[output[o] + there], inside);
      for (var i = 0; i < INS; i++) { sums[o][i] += cotangent * pixels[i]; }
    }
    column += P.digits.z;
    let next_row = column >= P.plane.y;
    column -= select(0u, P.plane.y, next_row);
    row += P.digits.y + u32(next_row);
    let next_image = row >= P.plane.x;
    row -= select(0u, P.plane.x, next_image);
    b += P.digits.x + u32(next_image);
  }
  var mine: array<f32, MOST_STORES>;
  for (var o = 0; o < OUTS; o++) {
    for (var i = 0; i < INS; i++) {
      let sum = subgroupAdd(sums[o][i]);
      if (lane == u32(o * INS + i) % S) { mine[(o * INS + i) / i32(S)] = sum; }
    }
  }
  for (var i = 0; i < MOST_STORES; i++) {
    let place = u32(i) * S + lane;
    let o = first_output + place / u32(INS);
    let c = first_channel + place % u32(INS);
    if (place < u32(OUTS * INS) && o < outputs && c < channels) {
      result[((group.z * outputs + o) * channels + c) * taps + group.y] = mine[i];
    }
  }
}
