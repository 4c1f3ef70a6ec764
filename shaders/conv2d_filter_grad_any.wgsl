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
//! include "conv_filter_grad_params.wgsl"

override S = 8u;       // subgroup size
const OUTS = 8;
const INS = 4;
const MOST_STORES = 4; // OUTS INS / S

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
  var place = place_of(lane, start);
  var sums: array<array<f32, INS>, OUTS>;
  while (place.b < end) {
    let yy = i32(place.row * P.steps.x) - P.places.x + k * P.places.z;
    let xx = i32(place.column * P.steps.y) - P.places.y + l * P.places.w;
    let inside = yy >= 0 && yy < i32(P.extents.y) && xx >= 0 && xx < i32(P.extents.z);
    let at = select(0u, place.b * channels * image_size + u32(yy) * P.extents.z + u32(xx), inside);
    var pixels: array<f32, INS>;
    for (var i = 0; i < INS; i++) { pixels[i] = select(0.0, load(x[channel[i] + at]), inside); }
    let there = place.b * outputs * plane_size + place.row * P.plane.y + place.column;
    for (var o = 0; o < OUTS; o++) {
      // 0 as the pixel is, since padding times infinity would be NaN.
      let cotangent = select(0.0, g[output[o] + there], inside);
      for (var i = 0; i < INS; i++) { sums[o][i] += cotangent * pixels[i]; }
    }
    place = onward(place);
  }
  var mine: array<f32, MOST_STORES>;
  for (var o = 0; o < OUTS; o++) {
    for (var i = 0; i < INS; i++) {
      let sum = subgroupAdd(sums[o][i]);
      if (lane == u32(o * INS + i) % S) { mine[(o * INS + i) / i32(S)] = sum; }
    }
  }
  for (var i = 0; i < MOST_STORES; i++) {
    let n = u32(i) * S + lane;
    let o = first_output + n / u32(INS);
    let c = first_channel + n % u32(INS);
    if (n < u32(OUTS * INS) && o < outputs && c < channels) {
      result[((group.z * outputs + o) * channels + c) * taps + group.y] = mine[i];
    }
  }
}
