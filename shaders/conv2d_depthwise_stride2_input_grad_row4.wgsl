// Input gradient of a depthwise convolution 3x3 or 5x5, stride 2, dilated or not, by rows of vec4: a row of cotangents
// is loaded once, and joins the rows of pixels under way.
// Rate: by turns on a busy machine, 57 (3x3) and 40 (5x5 dilated by 2) times conv2d_input_grad.wgsl at 32 images of 16
// x 32 x 32.
//! include "depthwise_row4.wgsl"
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(2) var<storage, read> g: array<vec4f>;
@group(0) @binding(3) var<storage, read> w: array<f32>;

const MOST_REACH = 9;  // the largest (K - 1) DILATION + 1

// What a cotangent is when it is loaded; a pointwise function may stand in its place. Padding stays 0.
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
  let output = i32(P.offset.x / 4u) + plane * ROWS * J4 + column;
  let taps = K * K;
  var loaded: array<f32, MOST_LOADS>;
  for (var i = 0; i < MOST_LOADS; i++) {
    if (i * i32(S) < taps) { loaded[i] = w[P.offset.y + id.y * u32(taps) + min(u32(i) * S + lane, u32(taps) - 1u)]; }
  }
  var filter_values: array<f32, MOST * MOST>;
  for (var tap = 0; tap < taps; tap++) { filter_values[tap] = subgroupShuffle(loaded[tap / i32(S)], u32(tap) % S); }

  // Row j of pixels under way is 2 turn - PADDING + j.
  let reach = (K - 1) * DILATION + 1;
  var under_way: array<array<vec4f, 2>, MOST_REACH + STRIDE>;
  let turns = (H - 1 + PADDING) / STRIDE + 1;
  for (var turn = 0; turn < min(turns, i32(arrayLength(&g) + u32(turns))); turn++) {  // the driver must not see the bound: this loop has to stay rolled
    let v = select(vec4f(0), load(g[output + min(turn, ROWS - 1) * J4]), turn < ROWS);
    let left = select(vec4f(0), subgroupShuffle(v, left_lane), has_left);
    let right = select(vec4f(0), subgroupShuffle(v, right_lane), has_right);
    let near = array<f32, 12>(left.x, left.y, left.z, left.w, v.x, v.y, v.z, v.w, right.x, right.y, right.z, right.w);
    for (var q = 0; q < 2; q++) {
      for (var l = 0; l < K; l++) {
        // Pixel n of the four has output (a + n) / 2 at its tap l, where that has no remainder.
        let a = 4 * STRIDE + 4 * q + PADDING - l * DILATION;
        let value = vec4f(near[a / STRIDE], near[(a + 1) / STRIDE], near[(a + 2) / STRIDE], near[(a + 3) / STRIDE]);
        let whole = select(vec4f(0), value, (vec4i(0, 1, 2, 3) + a) % vec4i(STRIDE) == vec4i(0));
        for (var k = 0; k < K; k++) { under_way[k * DILATION][q] += filter_values[k * K + l] * whole; }
      }
    }
    let y = turn * STRIDE - PADDING;
    for (var r = 0; r < STRIDE; r++) {
      if (y + r >= 0 && y + r < H && exists) {
        for (var q = 0; q < 2; q++) { result[(plane * H + y + r) * width + column * STRIDE + q] = under_way[r][q]; }
      }
    }
    for (var j = 0; j < reach; j++) { under_way[j] = under_way[j + STRIDE]; }
    for (var j = 0; j < STRIDE; j++) { under_way[reach + j] = array<vec4f, 2>(); }
  }
}
