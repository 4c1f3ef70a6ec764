// Filter gradient of a dense 3x3 convolution, stride 1, same padding, for adapters with subgroups of one fixed size:
// partial sums over parts of the batch, part by part in the result [parts][outputs][channels][K][K]; a fold adds the
// parts in their order.
//
// Layout: a workgroup is one subgroup; a lane owns one channel, with OUTS outputs and all taps: K K OUTS sums that no
// other lane adds to. It walks down the columns of vec4s of its part's images and keeps three rows of pixels in
// registers. The cotangents of a vec4 of pixels are loaded once, an output a lane, and handed round by shuffle, so a
// turn is 4 K K OUTS multiply-adds from 10 numbers loaded a lane. (With pixels in the lanes it was 4 + 4 OUTS numbers
// for half as many outputs, and the lanes had to be added at the end.) The sums are stored by a loop that stays rolled,
// since each store instruction takes long to compile; all shapes are in the uniform, so that one pipeline serves them.
// Rate: 45 to 55 GFLOP/s on a software adapter of two cores at 16 to 64 channels, 20 to 30 in small images, where
// conv2d_filter_grad.wgsl reaches 2.
//
// Requires: W is a multiple of 4, S >= 8. What is beyond the last output, channel, image is left out.
enable subgroups;
//! include "common.wgsl"

override S = 8u;  // subgroup size
const K = 3;
const OUTS = 8;
const BLOCK = 128u;  // turns

struct Params {
  offset: vec4u,  // of the images and of the cotangents, multiples of 4; images, those of a part
  size: vec4u,    // channels, outputs, H, W / 4
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;  // [B][channels][H][W / 4]
@group(0) @binding(3) var<storage, read> g: array<vec4f>;  // [B][outputs][H][W / 4]

// What a pixel of the images is when it is loaded; a pointwise function may stand in its place. Padding stays 0.
//! op
fn load(x: vec4f) -> vec4f { return x; }
//! end

// Four pixels of a row with one on either side.
fn row_at(i: u32, inside: bool, has_left: bool, has_right: bool) -> array<f32, K + 3> {
  let v = select(vec4f(0), load(x[i]), inside);
  let left = select(0.0, load(x[i - u32(has_left)]).w, inside && has_left);
  let right = select(0.0, load(x[i + u32(has_right)]).x, inside && has_right);
  return array<f32, K + 3>(left, v.x, v.y, v.z, v.w, right);
}

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let channels = P.size.x;
  let outputs = P.size.y;
  let height = P.size.z;
  let w4 = P.size.w;
  let plane = height * w4;
  let blocks = (outputs + u32(OUTS) - 1u) / u32(OUTS);
  let own = group.x / blocks * S + lane;
  let channel = min(own, channels - 1u);
  let block = group.x % blocks * u32(OUTS);
  let output = min(block + lane, outputs - 1u);
  let first_image = group.y * P.offset.w;
  let images = min(P.offset.w, P.offset.z - first_image);

  var total: array<f32, OUTS * K * K>;
  // Blocks of columns are added up by themselves: no sum is one long chain, so it keeps its digits.
  let columns = images * w4;
  let together = max(BLOCK / height, 1u);
  for (var first = 0u; first < columns; first += together) {
    var sums = array<f32, OUTS * K * K>();
    for (var n = first; n < min(first + together, columns); n++) {
      let image = quotient(n, w4);
      let column = n - image * w4;
      let b = first_image + image;
      let pixels = P.offset.x / 4u + (b * channels + channel) * plane + column;
      let cotangents = P.offset.y / 4u + (b * outputs + output) * plane + column;
      let has_left = column > 0u;
      let has_right = column + 1u < w4;
      var rows: array<array<f32, K + 3>, K>;
      rows[0] = array<f32, K + 3>();
      rows[1] = row_at(pixels, true, has_left, has_right);
      for (var y = 0u; y < height; y++) {
        rows[2] = row_at(pixels + min(y + 1u, height - 1u) * w4, y + 1u < height, has_left, has_right);
        let mine = g[cotangents + y * w4];
        for (var o = 0; o < OUTS; o++) {
          let cotangent = subgroupShuffle(mine, u32(o));
          for (var ky = 0; ky < K; ky++) {
            for (var kx = 0; kx < K; kx++) {
              sums[(o * K + ky) * K + kx] += dot(cotangent, vec4f(rows[ky][kx], rows[ky][kx + 1], rows[ky][kx + 2], rows[ky][kx + 3]));
            }
          }
        }
        rows[0] = rows[1];
        rows[1] = rows[2];
      }
    }
    for (var i = 0; i < OUTS * K * K; i++) { total[i] += sums[i]; }
  }
  let taps = u32(K * K);
  for (var n = 0u; n < min(u32(OUTS), outputs - block) * taps; n++) {
    let o = n / taps;
    if (own < channels) { result[((group.y * outputs + block + o) * channels + own) * taps + n - o * taps] = total[n]; }
  }
}
