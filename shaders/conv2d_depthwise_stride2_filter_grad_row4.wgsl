// Filter gradient of a depthwise convolution 3x3 or 5x5, stride 2, dilated or not, by rows of vec4: partial sums over
// parts of the batch, part by part in the result [parts][CHANNELS][K][K]; a fold adds the parts in their order. A
// workgroup is one subgroup; it owns a channel and walks over the images of its part. Two rows of pixels meet the rows
// of cotangents that are kept in registers. The lanes are added at the very end.
// Rate: by turns on a busy machine, 6 (3x3) and 17 (5x5 dilated by 2) times conv2d_filter_grad.wgsl at 32 images of 16
// x 32 x 32.
//! include "depthwise_row4.wgsl"
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> g: array<vec4f>;

// What a pixel of the images is when it is loaded; a pointwise function may stand in its place. Padding stays 0.
//! op
fn load(x: vec4f) -> vec4f { return x; }
//! end

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let channel = group.x;
  let part = group.y;
  let column = i32(lane) % J4;
  let has_left = column > 0;
  let has_right = column + 1 < J4;
  let left_lane = (lane + S - 1u) % S;
  let right_lane = (lane + 1u) % S;
  let width = J4 * STRIDE;
  let taps = K * K;
  let most_under_way = (K - 1) * DILATION / STRIDE + 1;
  let turns = ROWS + most_under_way - 1;
  let at_once = S / u32(J4);

  var total: array<f32, MOST * MOST>;
  for (var first = 0u; first < P.offset.w; first += at_once) {
    let mine = first + lane / u32(J4);
    let b = part * P.offset.w + mine;
    let exists = mine < P.offset.w && b < P.offset.z;
    let plane = i32(min(b, P.offset.z - 1u) * CHANNELS + channel);
    let image = i32(P.offset.x / 4u) + plane * H * width + column * STRIDE;
    let output = i32(P.offset.y / 4u) + plane * ROWS * J4 + column;
    // Number m is row turn - m, which has the row r of pixels at its tap (2 m + r) / DILATION.
    var cotangents: array<vec4f, MOST>;
    for (var m = 0; m < MOST; m++) { cotangents[m] = vec4f(0); }
    var sums = array<f32, MOST * MOST>();  // of a walk by itself: no sum is one long chain, so it keeps its digits
    for (var turn = 0; turn < min(turns, i32(arrayLength(&x) + u32(turns))); turn++) {  // the driver must not see the bound: this loop has to stay rolled
      for (var m = most_under_way - 1; m > 0; m--) { cotangents[m] = cotangents[m - 1]; }
      cotangents[0] = select(vec4f(0), g[output + min(turn, ROWS - 1) * J4], turn < ROWS && exists);
      for (var r = 0; r < STRIDE; r += DILATION) {
        let y = turn * STRIDE - PADDING + r;
        let at = image + clamp(y, 0, H - 1) * width;
        var own: array<vec4f, 2>;
        for (var q = 0; q < 2; q++) { own[q] = select(vec4f(0), load(x[at + q]), y >= 0 && y < H && exists); }
        let left = select(vec4f(0), subgroupShuffle(own[1], left_lane), has_left);
        let right = select(vec4f(0), subgroupShuffle(own[0], right_lane), has_right);
        for (var l = 0; l < K; l++) {
          let moved = pick(left, own, right, 4 - PADDING + l * DILATION, STRIDE);
          for (var m = 0; m < most_under_way; m++) {
            let k = (STRIDE * m + r) / DILATION;
            if (k < K) { sums[k * K + l] += dot(cotangents[m], moved); }
          }
        }
      }
    }
    for (var tap = 0; tap < taps; tap++) { total[tap] += sums[tap]; }
  }
  var mine: array<f32, MOST_LOADS>;
  for (var tap = 0; tap < taps; tap++) {
    let sum = subgroupAdd(total[tap]);
    if (lane == u32(tap) % S) { mine[tap / i32(S)] = sum; }
  }
  for (var i = 0; i < MOST_LOADS; i++) {
    let tap = u32(i) * S + lane;
    if (tap < u32(taps)) { result[(part * CHANNELS + channel) * u32(taps) + tap] = mine[i]; }
  }
}
