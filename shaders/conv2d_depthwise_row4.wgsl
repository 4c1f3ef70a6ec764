// Depthwise convolution 3x3 or 5x5, stride 1, dilated or not, same padding, for adapters with subgroups of one fixed
// size: the forward pass, and with FLIP the input gradient (the filter's taps reversed).
//
// Layout: a lane owns a column of vec4s and walks down the rows of one phase of the dilation (rows of other phases
// never meet). A row is loaded once, its neighbour pixels come from the neighbouring lanes by shuffle, and it is added
// to the K results that are under way; then the oldest of them is complete and is stored. So a result costs one load
// and one store, which is what counts where a memory instruction costs as much as twenty multiply-adds, and the text
// has one of each, which is what counts for the time to compile. The channel is a dimension of its own: the filter is
// the same in a whole subgroup, is loaded once, a value a lane, and handed round.
// Rate: 8-10 GFLOP/s for 3x3 and 14-16 for 5x5 at 32 images of 16 x 32 x 32 on a software adapter of two cores, where
// conv2d.wgsl reaches 0.3.
//
// Requires: W / 4 divides S, S >= 8; K is 3 or 5; (K - 1) / 2 DILATION is at most 4.
enable subgroups;
//! include "common.wgsl"

override K = 3;
override DILATION = 1;
override FLIP = false;
override CHANNELS = 16u;
override H = 32;
override W4 = 8u;      // width / 4
override S = 8u;       // subgroup size
override SIZE = 64u;   // workgroup: a multiple of S
const MOST = 5;        // the largest K
const MOST_LOADS = 4;  // of filter values a lane: K K / S

struct Params {
  offset: vec4u,  // of the images (a multiple of 4), of the filters; images
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;  // [B][CHANNELS][H][W4]
@group(0) @binding(2) var<storage, read> x: array<vec4f>;             // [B][CHANNELS][H][W4]
@group(0) @binding(3) var<storage, read> w: array<f32>;               // [CHANNELS][K][K]

// What a pixel is when it is loaded; a pointwise function may stand in its place. Padding stays 0.
//! op
fn load(x: vec4f) -> vec4f { return x; }
//! end

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let column = id.x % W4;
  let phase = i32((id.x / W4) % u32(DILATION));
  let image = id.x / (W4 * u32(DILATION));
  let exists = image < P.offset.z;
  let half = K / 2;
  let taps = K * K;
  let has_left = column > 0u;
  let has_right = column < W4 - 1u;
  let left_lane = (lane + S - 1u) % S;
  let right_lane = (lane + 1u) % S;
  let plane = (min(image, P.offset.z - 1u) * CHANNELS + id.y) * u32(H) * W4 + column;

  var loaded: array<f32, MOST_LOADS>;
  for (var i = 0; i < MOST_LOADS; i++) {
    if (i * i32(S) < taps) { loaded[i] = w[P.offset.y + id.y * u32(taps) + min(u32(i) * S + lane, u32(taps) - 1u)]; }
  }
  var filter_values: array<f32, MOST * MOST>;
  for (var tap = 0; tap < taps; tap++) {
    filter_values[select(tap, taps - 1 - tap, FLIP)] = subgroupShuffle(loaded[tap / i32(S)], u32(tap) % S);
  }

  // Result j under way is row turn - half + j of the phase.
  var under_way: array<vec4f, MOST>;
  let turns = (H + DILATION - 1) / DILATION + half;
  for (var turn = 0; turn < min(turns, i32(arrayLength(&x) + u32(turns))); turn++) {  // the driver must not see the bound: this loop has to stay rolled
    let y = turn * DILATION + phase;
    let v = select(vec4f(0), load(x[P.offset.x / 4u + plane + u32(min(y, H - 1)) * W4]), y < H);
    let left = select(vec4f(0), subgroupShuffle(v, left_lane), has_left);
    let right = select(vec4f(0), subgroupShuffle(v, right_lane), has_right);
    let near = array<f32, 12>(left.x, left.y, left.z, left.w, v.x, v.y, v.z, v.w, right.x, right.y, right.z, right.w);
    for (var l = 0; l < K; l++) {
      let at = 4 + (l - half) * DILATION;
      let moved = vec4f(near[at], near[at + 1], near[at + 2], near[at + 3]);
      for (var k = 0; k < K; k++) { under_way[K - 1 - k] += filter_values[k * K + l] * moved; }
    }
    let row = (turn - half) * DILATION + phase;
    if (turn >= half && row < H && exists) { result[plane + u32(row) * W4] = under_way[0]; }
    for (var k = 0; k < K - 1; k++) { under_way[k] = under_way[k + 1]; }
    under_way[K - 1] = vec4f(0);
  }
}
