// Filter gradient of a depthwise convolution 3x3 or 5x5, stride 1, dilated or not, same padding, for adapters with
// subgroups of one fixed size: partial sums over parts of the batch, part by part in the result
// [parts][CHANNELS][K][K]; a fold adds the parts in their order.
//
// Layout: a workgroup is one subgroup; it owns a channel and walks over the images of its part, a lane down a column of
// vec4s, by the rows of one phase of the dilation, as in conv2d_depthwise_row4.wgsl. A row of pixels meets the K rows
// of cotangents that are kept in registers: K K sums from two loads. The lanes are added at the very end.
// Rate: 7 GFLOP/s for 3x3 and 11-14 for 5x5 at 32 images of 16 x 32 x 32 on a software adapter of two cores, where
// conv2d_filter_grad.wgsl reaches 0.5.
//
// Requires: W / 4 divides S, S >= 8; K is 3 or 5; (K - 1) / 2 DILATION is at most 4.
enable subgroups;
//! include "common.wgsl"

override K = 3;
override DILATION = 1;
override CHANNELS = 16u;
override H = 32;
override W4 = 8u;      // width / 4
override S = 8u;       // subgroup size
const MOST = 5;        // the largest K
const MOST_STORES = 4; // K K / S

struct Params {
  offset: vec4u,  // of the images and of the cotangents, multiples of 4; images, those of a part
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;  // [B][CHANNELS][H][W4]
@group(0) @binding(3) var<storage, read> g: array<vec4f>;  // [B][CHANNELS][H][W4]

// What a pixel of the images is when it is loaded; a pointwise function may stand in its place. Padding stays 0.
//! op
fn load(x: vec4f) -> vec4f { return x; }
//! end

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let channel = group.x;
  let part = group.y;
  let half = K / 2;
  let taps = K * K;
  let column = lane % W4;
  let has_left = column > 0u;
  let has_right = column < W4 - 1u;
  let left_lane = (lane + S - 1u) % S;
  let right_lane = (lane + 1u) % S;
  let at_once = S / W4;
  let walks = P.offset.w * u32(DILATION);
  let turns = (H + DILATION - 1) / DILATION + half;

  var total: array<f32, MOST * MOST>;
  for (var first = 0u; first < walks; first += at_once) {
    let walk = first + lane / W4;
    let image = part * P.offset.w + walk / u32(DILATION);
    let phase = i32(walk % u32(DILATION));
    let exists = walk < walks && image < P.offset.z;
    let plane = (min(image, P.offset.z - 1u) * CHANNELS + channel) * u32(H) * W4 + column;
    // Number j is row turn - j of the phase. What a loop declares is not cleared at each of its turns by every
    // compiler.
    var cotangents: array<vec4f, MOST>;
    for (var k = 0; k < MOST; k++) { cotangents[k] = vec4f(0); }
    var sums = array<f32, MOST * MOST>();  // of a walk by itself: no sum is one long chain, so it keeps its digits
    for (var turn = 0; turn < min(turns, i32(arrayLength(&x) + u32(turns))); turn++) {  // the driver must not see the bound: this loop has to stay rolled
      for (var k = K - 1; k > 0; k--) { cotangents[k] = cotangents[k - 1]; }
      let row = turn * DILATION + phase;
      cotangents[0] = select(vec4f(0), g[P.offset.y / 4u + plane + u32(min(row, H - 1)) * W4], row < H && exists);
      let y = row - half * DILATION;
      let v = select(vec4f(0), load(x[P.offset.x / 4u + plane + u32(clamp(y, 0, H - 1)) * W4]), y >= 0 && y < H && exists);
      let left = select(vec4f(0), subgroupShuffle(v, left_lane), has_left);
      let right = select(vec4f(0), subgroupShuffle(v, right_lane), has_right);
      let near = array<f32, 12>(left.x, left.y, left.z, left.w, v.x, v.y, v.z, v.w, right.x, right.y, right.z, right.w);
      for (var l = 0; l < K; l++) {
        let at = 4 + (l - half) * DILATION;
        let moved = vec4f(near[at], near[at + 1], near[at + 2], near[at + 3]);
        for (var k = 0; k < K; k++) { sums[k * K + l] += dot(cotangents[k], moved); }
      }
    }
    for (var tap = 0; tap < taps; tap++) { total[tap] += sums[tap]; }
  }
  var mine: array<f32, MOST_STORES>;
  for (var tap = 0; tap < taps; tap++) {
    let sum = subgroupAdd(total[tap]);
    if (lane == u32(tap) % S) { mine[tap / i32(S)] = sum; }
  }
  for (var i = 0; i < MOST_STORES; i++) {
    let tap = u32(i) * S + lane;
    if (tap < u32(taps)) { result[(part * CHANNELS + channel) * u32(taps) + tap] = mine[i]; }
  }
}
