// Filter gradient of a dense 3x3 convolution, stride 1, same padding, for adapters with subgroups of one fixed size: partial sums over parts
// of the batch, part by part in the result [parts][OUTPUTS][CHANNELS][K][K]; a fold adds the parts in their order.
//
// Layout: the sum runs over all pixels and its result is small, so the parallelism comes from splitting the sum. A workgroup is one subgroup; it owns
// OUTS outputs x one channel x all taps, and walks over the pixels of its part, a lane 4 pixels at a time: 4 K K sums from 4 + K loads. Neighbour
// pixels come by shuffle, as in conv2d_row4.wgsl, and the lanes are added at the very end.
// Rate: 15-25 GFLOP/s for 3x3 on a software adapter of two cores, where conv2d_filter_grad.wgsl reaches 2.
//
// Requires: W / 4 divides S, S >= 8; outputs are a multiple of OUTS; the rows of a part are a multiple of the S / W4 rows that are taken at once.
enable subgroups;

override CHANNELS = 16u;
override OUTPUTS = 16u;
override H = 32u;
override W4 = 8u;      // width / 4
override S = 8u;       // subgroup size
override IMAGES = 4u;  // of a part
const K = 3;
const OUTS = 4;
const MOST_STORES = 5; // OUTS K K / S

struct Params {
  offset: vec4u,  // of the images and of the cotangents, multiples of 4
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;  // [B][CHANNELS][H][W4]
@group(0) @binding(3) var<storage, read> g: array<vec4f>;  // [B][OUTPUTS][H][W4]

// What a pixel of the images is when it is loaded; a pointwise function may stand in its place. Padding stays 0.
//! op
fn load(x: vec4f) -> vec4f { return x; }
//! end

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let blocks = OUTPUTS / u32(OUTS);
  let channel = group.x / blocks;
  let block = (group.x - channel * blocks) * u32(OUTS);
  let part = group.y;
  let column = lane % W4;
  let has_left = column > 0u;
  let has_right = column < W4 - 1u;
  let left_lane = (lane + S - 1u) % S;
  let right_lane = (lane + 1u) % S;
  let plane = H * W4;
  let last = i32(arrayLength(&x)) - 1;
  let rows_at_once = S / W4;
  let turns = IMAGES * H / rows_at_once;

  var sums: array<array<f32, 9>, OUTS>;
  for (var turn = 0u; turn < min(turns, arrayLength(&x)); turn++) {  // the driver must not see the bound: this loop has to stay rolled
    let row = turn * rows_at_once + lane / W4;
    let image = row / H;
    let y = i32(row - image * H);
    let b = part * IMAGES + image;
    var cotangents: array<vec4f, OUTS>;
    for (var o = 0; o < OUTS; o++) {
      cotangents[o] = g[P.offset.y / 4u + (b * OUTPUTS + block + u32(o)) * plane + u32(y) * W4 + column];
    }
    let origin = i32(P.offset.x / 4u + (b * CHANNELS + channel) * plane + column) + y * i32(W4);
    for (var ky = 0; ky < K; ky++) {
      let line = y + ky - 1;
      let v = select(vec4f(0), load(x[u32(clamp(origin + (ky - 1) * i32(W4), 0, last))]), line >= 0 && line < i32(H));
      let left = vec4f(select(0.0, subgroupShuffle(v.w, left_lane), has_left), v.xyz);
      let right = vec4f(v.yzw, select(0.0, subgroupShuffle(v.x, right_lane), has_right));
      for (var o = 0; o < OUTS; o++) {
        sums[o][ky * 3] += dot(cotangents[o], left);
        sums[o][ky * 3 + 1] += dot(cotangents[o], v);
        sums[o][ky * 3 + 2] += dot(cotangents[o], right);
      }
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
    if (n < u32(OUTS * taps)) { result[((part * OUTPUTS + block + o) * CHANNELS + channel) * u32(taps) + n - o * u32(taps)] = mine[i]; }
  }
}
