// Dense 3x3 convolution, stride 1, same padding, for adapters with subgroups of one fixed size: the forward pass, and
// with FLIP the input gradient (the filters' taps reversed, their two channel axes exchanged).
//
// Layout: a lane holds 4 pixels of ROWS rows and OUTS output channels in registers, and loops over the input channels.
// On a software adapter a memory instruction costs as much as twenty multiply-adds, whatever the memory, and a shuffle
// about one. So a pixel is loaded once, as part of a vec4, and its left and right neighbours come from the neighbouring
// lanes; the filters' values for (OUTS outputs, a channel) are loaded once by the subgroup, one a lane, and handed
// round. The block of outputs is a dimension of its own, so that it is the same in a whole subgroup. Padding is a
// select: a branch around a load costs more than the load.
// Rate: with OUTS = 4 25 to 40 GFLOP/s for 3x3 at 16 channels on a software adapter of two cores, with 8 a quarter to a
// third more, for twice the time to compile; conv2d.wgsl reaches 2.7.
//
// All shapes are in the uniform, so that one pipeline serves a network.
// Requires: W is a multiple of 4, S >= 8; H is a multiple of ROWS and the outputs of OUTS; the invocations are a
// multiple of SIZE.
enable subgroups;
//! include "common.wgsl"

override FLIP = false;
override OUTS = 4;     // of a lane: 4 or 8
override S = 8u;       // subgroup size
override SIZE = 64u;   // workgroup: a multiple of S
override EDGES = false; // W / 4 does not divide S: rows straddle subgroups, whose outer lanes load their neighbours
const K = 3;
const ROWS = 2;
const MOST_OUTS = 8;
const MOST_LOADS = 9;  // of filter values a lane: K K OUTS / S

struct Params {
  offset: vec4u,  // of the images (a multiple of 4), of the filters; channels of an image; where the result begins (a multiple of 4)
  size: vec4u,    // channels to sum over, outputs, H, W / 4
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;  // [B][outputs][H][W / 4]
@group(0) @binding(2) var<storage, read> x: array<vec4f>;             // [B][channels][H][W / 4]
@group(0) @binding(3) var<storage, read> w: array<f32>;               // [outputs][channels][K][K]; with FLIP [channels][outputs][K][K]

// What a pixel is when it is loaded; a pointwise function may stand in its place. Padding stays 0.
//! op
fn load(x: vec4f) -> vec4f { return x; }
//! end

// Adds what a row of taps gives. It is called for each, since a loop over them would not be unrolled, and rows that are
// indexed by a variable are memory.
fn add_taps(
  ky: i32,
  values: ptr<function, array<f32, MOST_LOADS>>,
  row: ptr<function, array<array<vec4f, 3>, ROWS + K - 1>>,
  sums: ptr<function, array<array<vec4f, MOST_OUTS>, ROWS>>
) {
  for (var kx = 0; kx < K; kx++) {
    for (var o = 0; o < MOST_OUTS; o++) {
      if (o < OUTS) {
        let n = (ky * K + kx) * OUTS + o;
        let weight = subgroupShuffle((*values)[n / i32(S)], u32(n) % S);
        for (var r = 0; r < ROWS; r++) { (*sums)[r][o] += weight * (*row)[r + ky][kx]; }
      }
    }
  }
}

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let channels = P.size.x;
  let outputs = P.size.y;
  let height = i32(P.size.z);
  let w4 = P.size.w;
  let plane = P.size.z * w4;
  let bands = P.size.z / u32(ROWS);
  let above = quotient(id.x, w4);
  let column = i32(id.x - above * w4);
  let b = quotient(above, bands);
  let y = i32(above - b * bands) * ROWS;
  let block = id.y * u32(OUTS);
  let taps = u32(K * K);
  let has_left = column > 0;
  let has_right = column < i32(w4) - 1;
  let left_lane = (lane + S - 1u) % S;
  let right_lane = (lane + 1u) % S;
  let base = i32(P.offset.x / 4u);
  let last = base + i32((b * P.offset.z + channels) * plane) - 1;

  // Value n of a block is tap n / OUTS of output n % OUTS; lane l loads the values l, l + S, ...
  var place: array<u32, MOST_LOADS>;
  for (var i = 0; i < MOST_LOADS; i++) {
    let n = min(u32(i) * S + lane, taps * u32(OUTS) - 1u);
    let tap = n / u32(OUTS);
    let o = block + n % u32(OUTS);
    place[i] = P.offset.y + select(o * P.offset.z * taps + tap, o * taps + taps - 1u - tap, FLIP);
  }
  let next = select(taps, outputs * taps, FLIP);

  var sums: array<array<vec4f, MOST_OUTS>, ROWS>;
  for (var c = 0u; c < channels; c++) {  // of a bound that the driver does not see: this loop has to stay rolled
    var values: array<f32, MOST_LOADS>;
    for (var i = 0; i < MOST_LOADS; i++) {
      if (u32(i) * S < taps * u32(OUTS)) { values[i] = w[place[i] + c * next]; }
    }
    let origin = base + i32((b * P.offset.z + c) * plane) + y * i32(w4) + column;
    var row: array<array<vec4f, 3>, ROWS + K - 1>;
    for (var r = 0; r < ROWS + K - 1; r++) {
      let line = y + r - 1;
      let inside = line >= 0 && line < height;
      let at = origin + (r - 1) * i32(w4);
      let v = select(vec4f(0), load(x[u32(clamp(at, base, last))]), inside);
      row[r][1] = v;
      var left = subgroupShuffle(v.w, left_lane);
      var right = subgroupShuffle(v.x, right_lane);
      if (EDGES) {
        left = select(left, select(vec4f(0), load(x[u32(clamp(at - 1, base, last))]), inside).w, lane == 0u);
        right = select(right, select(vec4f(0), load(x[u32(clamp(at + 1, base, last))]), inside).x, lane == S - 1u);
      }
      row[r][0] = vec4f(select(0.0, left, has_left), v.xyz);
      row[r][2] = vec4f(v.yzw, select(0.0, right, has_right));
    }
    add_taps(0, &values, &row, &sums);
    add_taps(1, &values, &row, &sums);
    add_taps(2, &values, &row, &sums);
  }
  for (var r = 0; r < ROWS; r++) {
    for (var o = 0; o < MOST_OUTS; o++) {
      if (o < OUTS) { result[P.offset.w / 4u + ((b * outputs + block + u32(o)) * u32(height) + u32(y + r)) * w4 + u32(column)] = sums[r][o]; }
    }
  }
}
