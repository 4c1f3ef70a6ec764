// Filter gradient of a dense convolution of any extents, stride, padding and dilation, for adapters with subgroups of
// one fixed size: partial sums over parts of the batch, part by part in the result [parts][outputs][channels][K][L]; a
// fold adds the parts in their order.
//
// Layout: the result is a matrix of outputs and, side by side, all taps of all channels. A workgroup is one subgroup; a
// lane owns INS columns of it, S apart, with OUTS outputs, and walks over the outputs' pixels of its part. The
// cotangents of a pixel are loaded once, an output a lane, and handed round by shuffle: OUTS INS multiply-adds a lane
// from INS + OUTS / 8 numbers loaded. The pixel's place goes on by a carry, without a division. The sums are stored by
// a loop that stays rolled, since each store instruction takes long to compile. Everything is in the uniform, so that
// one pipeline serves all convolutions that have no faster shader.
// Rate: 12 to 17 GFLOP/s on a software adapter of two cores from 16 channels on, 4 to 8 in small images, where
// conv2d_filter_grad.wgsl reaches 1.
//
// Requires: S >= 8. What is beyond the last output, column, image is left out.
enable subgroups;
//! include "conv_filter_grad_params.wgsl"

override S = 8u;  // subgroup size
const INS = 2;
const GROUP = 8;  // outputs that one load of a lane each is for
const GROUPS = 2;
const OUTS = GROUP * GROUPS;
const BLOCK = 256;  // pixels

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let channels = P.extents.x;
  let outputs = P.extents.w;
  let taps = P.plane.z * P.plane.w;
  let blocks = (outputs + u32(OUTS) - 1u) / u32(OUTS);
  let first_output = group.x % blocks * u32(OUTS);
  let columns = channels * taps;
  let first_column = group.x / blocks * u32(INS) * S + lane;
  let image_size = P.extents.y * P.extents.z;
  let plane_size = P.plane.x * P.plane.y;
  var channel: array<u32, INS>;
  var corner: array<vec2i, INS>;
  for (var i = 0; i < INS; i++) {
    let column = min(first_column + u32(i) * S, columns - 1u);
    let c = quotient(column, taps);
    let tap = column - c * taps;
    let k = quotient(tap, P.plane.w);
    channel[i] = P.offset.x + c * image_size;
    corner[i] = vec2i(vec2u(k, tap - k * P.plane.w)) * P.places.zw - P.places.xy;
  }
  var output: array<u32, GROUPS>;
  for (var o = 0; o < GROUPS; o++) { output[o] = P.offset.y + min(first_output + u32(o * GROUP) + lane, outputs - 1u) * plane_size; }

  let start = group.y * P.offset.w;
  let end = min(start + P.offset.w, P.offset.z);
  var place = place_of(0u, start);
  var total: array<f32, OUTS * INS>;
  while (place.b < end) {
    var sums = array<f32, OUTS * INS>();  // of a block by itself: no sum is one long chain, so it keeps its digits
    for (var n = 0; n < BLOCK && place.b < end; n++) {
      let image = place.b * channels * image_size;
      let first = vec2i(vec2u(place.row, place.column) * P.steps.xy);
      var pixels: array<f32, INS>;
      var inside: array<bool, INS>;
      for (var i = 0; i < INS; i++) {
        let at = first + corner[i];
        inside[i] = all(at >= vec2i(0)) && all(at < vec2i(P.extents.yz));
        pixels[i] = select(0.0, load(x[channel[i] + select(0u, image + u32(at.x) * P.extents.z + u32(at.y), inside[i])]), inside[i]);
      }
      let there = place.b * outputs * plane_size + place.row * P.plane.y + place.column;
      for (var k = 0; k < GROUPS; k++) {
        let mine = g[output[k] + there];
        for (var o = 0; o < GROUP; o++) {
          let cotangent = subgroupShuffle(mine, u32(o));
          // Padding times infinity would be NaN.
          for (var i = 0; i < INS; i++) { sums[(k * GROUP + o) * INS + i] += select(0.0, cotangent * pixels[i], inside[i]); }
        }
      }
      place = onward(place);
    }
    for (var i = 0; i < OUTS * INS; i++) { total[i] += sums[i]; }
  }
  for (var n = 0u; n < min(u32(OUTS), outputs - first_output) * u32(INS); n++) {
    let o = first_output + n / u32(INS);
    let column = first_column + n % u32(INS) * S;
    if (column < columns) { result[(group.y * outputs + o) * columns + column] = total[n]; }
  }
}
