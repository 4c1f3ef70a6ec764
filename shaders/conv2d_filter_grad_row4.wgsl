// Filter gradient of a dense 3x3 convolution, stride 1, same padding, for adapters with subgroups of one fixed size: partial sums over parts of the
// batch, part by part in the result [parts][outputs][channels][K][K]; a fold adds the parts in their order.
//
// Layout: the sum runs over all pixels and its result is small, so the parallelism comes from splitting the sum. A workgroup is one subgroup; it owns
// OUTS outputs x one channel x all taps, and walks over the images of its part, a lane down a column of vec4s, as many images at once as there are
// lanes. Three rows of pixels are kept in registers, so a turn is K K OUTS sums from 1 + OUTS loads. Neighbour pixels come by shuffle, as in
// conv2d_row4.wgsl, and the lanes are added at the very end; each stores a few of the sums, since a store is what takes long to compile. All shapes are in the
// uniform, so that one pipeline serves them.
// Rate: 25 GFLOP/s on a software adapter of two cores, where conv2d_filter_grad.wgsl reaches 2.
//
// Requires: W is a multiple of 4 and at most 4 S, S >= 8; outputs are a multiple of OUTS.
enable subgroups;
//! include "common.wgsl"

override S = 8u;       // subgroup size
const K = 3;
const OUTS = 4;
const MOST_STORES = 5; // OUTS K K / S

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

// A row as it is, in the middle, and with what lies left and right of each pixel.
fn beside(v: vec4f, lane: u32, column: u32, w4: u32) -> array<vec4f, K> {
  let left = select(0.0, subgroupShuffle(v.w, (lane + S - 1u) % S), column > 0u);
  let right = select(0.0, subgroupShuffle(v.x, (lane + 1u) % S), column + 1u < w4);
  return array<vec4f, K>(vec4f(left, v.xyz), v, vec4f(v.yzw, right));
}

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let channels = P.size.x;
  let outputs = P.size.y;
  let height = i32(P.size.z);
  let w4 = P.size.w;
  let blocks = outputs / u32(OUTS);
  let channel = group.x / blocks;
  let block = (group.x - channel * blocks) * u32(OUTS);
  let part = group.y;
  let plane = P.size.z * w4;
  let at_once = S / w4;
  let own = lane / w4;  // of the images at once
  let column = lane - own * w4;

  var sums: array<array<f32, 9>, OUTS>;
  for (var first = 0u; first < P.offset.w; first += at_once) {
    let walk = first + own;
    let b = min(part * P.offset.w + walk, P.offset.z - 1u);
    let exists = own < at_once && walk < P.offset.w && part * P.offset.w + walk < P.offset.z;
    let image = P.offset.x / 4u + (b * channels + channel) * plane + column;
    let output = P.offset.y / 4u + (b * outputs + block) * plane + column;
    var rows: array<array<vec4f, 3>, K>;
    rows[0] = array<vec4f, 3>();
    rows[1] = beside(select(vec4f(0), load(x[image]), exists), lane, column, w4);
    for (var y = 0; y < height; y++) {
      rows[2] = beside(select(vec4f(0), load(x[image + u32(min(y + 1, height - 1)) * w4]), y + 1 < height && exists), lane, column, w4);
      for (var o = 0; o < OUTS; o++) {
        let cotangent = select(vec4f(0), g[output + u32(o) * plane + u32(y) * w4], exists);
        for (var ky = 0; ky < K; ky++) {
          for (var kx = 0; kx < K; kx++) { sums[o][ky * K + kx] += dot(cotangent, rows[ky][kx]); }
        }
      }
      rows[0] = rows[1];
      rows[1] = rows[2];
    }
  }
  let taps = K * K;
  var mine: array<f32, MOST_STORES>;
  for (var o = 0; o < OUTS; o++) {
    for (var t = 0; t < taps; t++) {
      let sum = subgroupAdd(sums[o][t]);
      if (lane == u32(o * taps + t) % S) { mine[(o * taps + t) / i32(S)] = sum; }
    }
  }
  for (var i = 0; i < MOST_STORES; i++) {
    let n = u32(i) * S + lane;
    let o = n / u32(taps);
    if (n < u32(OUTS * taps)) { result[((part * outputs + block + o) * channels + channel) * u32(taps) + n - o * u32(taps)] = mine[i]; }
  }
}
