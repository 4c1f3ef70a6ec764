// Depthwise convolution 3x3 or 5x5, stride 2, dilated or not, by rows of vec4: a row of pixels is loaded once, and
// joins the results under way.
// Rate: by turns on a busy machine, 14 (3x3) and 24 (5x5 dilated by 2) times conv2d.wgsl at 32 images of 16 x 32 x 32.
//! include "depthwise_row4.wgsl"
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> w: array<f32>;

// What a pixel is when it is loaded; a pointwise function may stand in its place. Padding stays 0.
//! op
fn load(x: vec4f) -> vec4f { return x; }
//! end

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let column = i32(id.x) % J4;
  let b = id.x / u32(J4);
  let exists = b < P.offset.z;
  let has_left = column > 0;
  let has_right = column + 1 < J4;
  let left_lane = (lane + S - 1u) % S;
  let right_lane = (lane + 1u) % S;
  let width = J4 * STRIDE;
  let plane = i32(min(b, P.offset.z - 1u) * CHANNELS + id.y);
  let image = i32(P.offset.x / 4u) + plane * H * width + column * STRIDE;
  let taps = K * K;
  var loaded: array<f32, MOST_LOADS>;
  for (var i = 0; i < MOST_LOADS; i++) {
    if (i * i32(S) < taps) { loaded[i] = w[P.offset.y + id.y * u32(taps) + min(u32(i) * S + lane, u32(taps) - 1u)]; }
  }
  var filter_values: array<f32, MOST * MOST>;
  for (var tap = 0; tap < taps; tap++) { filter_values[tap] = subgroupShuffle(loaded[tap / i32(S)], u32(tap) % S); }

  // At a turn, two rows of pixels join the results under way: number m is row turn - m, which has the row r as its tap
  // (2 m + r) / DILATION.
  let most_under_way = (K - 1) * DILATION / STRIDE + 1;
  var under_way: array<vec4f, MOST>;
  let turns = ROWS + most_under_way - 1;
  for (var turn = 0; turn < min(turns, i32(arrayLength(&x) + u32(turns))); turn++) {  // the driver must not see the bound: this loop has to stay rolled
    for (var m = most_under_way - 1; m > 0; m--) { under_way[m] = under_way[m - 1]; }
    under_way[0] = vec4f(0);
    for (var r = 0; r < STRIDE; r += DILATION) {
      let y = turn * STRIDE - PADDING + r;
      let at = image + clamp(y, 0, H - 1) * width;
      var own: array<vec4f, 2>;
      for (var q = 0; q < 2; q++) { own[q] = select(vec4f(0), load(x[at + q]), y >= 0 && y < H); }
      let left = select(vec4f(0), subgroupShuffle(own[1], left_lane), has_left);
      let right = select(vec4f(0), subgroupShuffle(own[0], right_lane), has_right);
      for (var l = 0; l < K; l++) {
        let moved = pick(left, own, right, 4 - PADDING + l * DILATION, STRIDE);
        for (var m = 0; m < most_under_way; m++) {
          let k = (STRIDE * m + r) / DILATION;
          if (k < K) { under_way[m] += filter_values[k * K + l] * moved; }
        }
      }
    }
    let row = turn - most_under_way + 1;
    if (row >= 0 && exists) { result[(plane * ROWS + row) * J4 + column] = under_way[most_under_way - 1]; }
  }
}
