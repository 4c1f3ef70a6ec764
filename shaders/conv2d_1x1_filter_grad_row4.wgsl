// Filter gradient of a dense 1x1 convolution, stride 1, no padding, for adapters with subgroups of one fixed size:
// partial sums over parts of the batch, part by part in the result [parts][outputs][channels]; a fold adds the parts in
// their order.
//
// Layout: a workgroup is one subgroup; a lane owns INS channels, S apart, with OUTS outputs, and walks over the pixels
// of its part, four at a time. The cotangents are loaded once, an output a lane, and handed round by shuffle: 4 OUTS
// INS multiply-adds a lane from 4 (INS + OUTS / 8) numbers loaded. (With pixels in the lanes a tile of 8 x 4 took 48
// numbers for as many, and the lanes had to be added at the end.) The sums are stored by a loop that stays rolled,
// since each store instruction takes long to compile.
// Rate: 24 GFLOP/s on a software adapter of two cores at 16 to 64 channels, 5 to 11 in small images.
//
// Requires: a plane is a multiple of 4 pixels; S >= 8. What is beyond the last output, channel, image is left out.
enable subgroups;
//! include "common.wgsl"

override S = 8u;    // subgroup size
const INS = 2;
const GROUP = 8;    // outputs that one load of a lane each is for
const GROUPS = 2;
const OUTS = GROUP * GROUPS;
const BLOCK = 256u;  // vec4s of pixels

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
  let first_channel = group.y * u32(INS) * S + lane;
  let first_image = group.z * P.size.y;
  var channel: array<u32, INS>;
  for (var i = 0; i < INS; i++) { channel[i] = P.offset.x / 4u + min(first_channel + u32(i) * S, channels - 1u) * plane; }
  var output: array<u32, GROUPS>;
  for (var k = 0; k < GROUPS; k++) { output[k] = P.offset.y / 4u + min(first_output + u32(k * GROUP) + lane, outputs - 1u) * plane; }

  var total: array<f32, OUTS * INS>;
  for (var b = first_image; b < min(first_image + P.size.y, P.size.x); b++) {
    let image = b * channels * plane;
    let cotangents = b * outputs * plane;
    for (var block = 0u; block < plane; block += BLOCK) {
      var sums = array<f32, OUTS * INS>();  // of a block by itself: no sum is one long chain, so it keeps its digits
      for (var pixel = block; pixel < min(block + BLOCK, plane); pixel++) {
        var pixels: array<vec4f, INS>;
        for (var i = 0; i < INS; i++) { pixels[i] = load(x[channel[i] + image + pixel]); }
        for (var k = 0; k < GROUPS; k++) {
          let mine = g[output[k] + cotangents + pixel];
          for (var o = 0; o < GROUP; o++) {
            let cotangent = subgroupShuffle(mine, u32(o));
            for (var i = 0; i < INS; i++) { sums[(k * GROUP + o) * INS + i] += dot(cotangent, pixels[i]); }
          }
        }
      }
      for (var i = 0; i < OUTS * INS; i++) { total[i] += sums[i]; }
    }
  }
  for (var n = 0u; n < min(u32(OUTS), outputs - first_output) * u32(INS); n++) {
    let o = first_output + n / u32(INS);
    let c = first_channel + n % u32(INS) * S;
    if (c < channels) { result[(group.z * outputs + o) * channels + c] = total[n]; }
  }
}
