// Filter gradient of a dense 1x1 convolution, stride 1, no padding, for adapters with subgroups of one fixed size: partial sums over parts of the
// batch, part by part in the result [parts][outputs][channels]; a fold adds the parts in their order.
//
// Layout: a workgroup is one subgroup; it owns OUTS outputs x INS channels and walks over the pixels of its part, a lane 4 pixels at a time:
// OUTS INS sums from OUTS + INS wide loads. The lanes are added at the very end.
// Rate: by turns on a busy machine, 11 to 16 times conv2d_filter_grad.wgsl, and 2 to 3.8 times a tile of 4 outputs and a channel.
//
// Requires: a plane is a multiple of 4 pixels; S >= 8. What is beyond the last output, channel, image is left out.
enable subgroups;
//! include "common.wgsl"

override S = 8u;       // subgroup size
const OUTS = 8;
const INS = 4;
const MOST_STORES = 4; // OUTS INS / S

struct Params {
  offset: vec4u,  // of the images and of the cotangents, multiples of 4; vec4s of a plane
  size: vec4u,    // images, those of a part; channels, outputs
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;  // [B][channels][plane]
@group(0) @binding(3) var<storage, read> g: array<vec4f>;  // [B][outputs][plane]

// What a pixel of the images is when it is loaded; a pointwise function may stand in its place.
//! op
fn load(x: vec4f) -> vec4f { return x; }
//! end

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let plane = P.offset.z;
  let channels = P.size.z;
  let outputs = P.size.w;
  let first_output = group.x * u32(OUTS);
  let first_channel = group.y * u32(INS);
  let first_image = group.z * P.size.y;
  let turns = min(P.size.y, P.size.x - first_image) * plane;
  var channel: array<u32, INS>;
  for (var i = 0; i < INS; i++) { channel[i] = P.offset.x / 4u + min(first_channel + u32(i), channels - 1u) * plane; }
  var output: array<u32, OUTS>;
  for (var o = 0; o < OUTS; o++) { output[o] = P.offset.y / 4u + min(first_output + u32(o), outputs - 1u) * plane; }

  var sums: array<array<f32, INS>, OUTS>;
  for (var n = lane; n < turns; n += S) {
    let image = quotient(n, plane);
    let b = first_image + image;
    let pixel = n - image * plane;
    var pixels: array<vec4f, INS>;
    for (var i = 0; i < INS; i++) { pixels[i] = load(x[channel[i] + b * channels * plane + pixel]); }
    for (var o = 0; o < OUTS; o++) {
      let cotangent = g[output[o] + b * outputs * plane + pixel];
      for (var i = 0; i < INS; i++) { sums[o][i] += dot(cotangent, pixels[i]); }
    }
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
    if (place < u32(OUTS * INS) && o < outputs && c < channels) { result[(group.z * outputs + o) * channels + c] = mine[i]; }
  }
}
