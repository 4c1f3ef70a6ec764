// Where in its plane (y W + x) the maximum of each window is, by rows of vec4: the first in row-major order of the
// window, the first NaN if there is one. Pixels are compared as whole numbers in the order of the floats: both zeros
// are 0, every NaN is the largest, and the padding is smaller than anything. The best of a row is found once for all
// windows that it belongs to.
// Rate: 3x3 on 512 planes of 32 x 32 takes 1.4 ms on a software adapter of two cores, window_argmax.wgsl 24.
//! include "window_row4.wgsl"
@group(0) @binding(1) var<storage, read_write> result: array<vec4i>;  // [planes][ROWS][J4]
@group(0) @binding(2) var<storage, read> x: array<vec4i>;             // bits of floats, [planes][H][STRIDE J4]

const NOTHING = -2147483647 - 1;

fn keys(bits: vec4i) -> vec4i {
  let size = bits & vec4i(0x7fffffff);
  let ordered = select(size, -size, bits < vec4i(0));
  return select(ordered, vec4i(0x7fffffff), size > vec4i(0x7f800000));
}

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let l = lane_of(id.x, lane);
  let width = J4 * STRIDE;
  let image = i32(P.offset.x / 4u + l.plane * u32(H * width)) + l.column * STRIDE;
  let most_under_way = (KERNEL + STRIDE - 1) / STRIDE;
  let first = vec4i(0, STRIDE, 2 * STRIDE, 3 * STRIDE) + l.column * 4 * STRIDE - PADDING;
  // At a turn, STRIDE rows of pixels join the windows under way: number m is row turn - m.
  var best: array<vec4i, MOST>;
  var places: array<vec4i, MOST>;
  let turns = ROWS + most_under_way - 1;
  for (var turn = 0; turn < min(turns, i32(arrayLength(&x) + u32(turns))); turn++) {  // the driver must not see the bound: this loop has to stay rolled
    for (var m = most_under_way - 1; m > 0; m--) {
      best[m] = best[m - 1];
      places[m] = places[m - 1];
    }
    best[0] = vec4i(NOTHING);
    places[0] = vec4i(0);
    for (var r = 0; r < STRIDE; r++) {
      let y = turn * STRIDE - PADDING + r;
      let at = image + clamp(y, 0, H - 1) * width;
      var near: array<i32, 4 * (MOST_STRIDE + 2)>;
      var own: array<vec4i, MOST_STRIDE>;
      for (var q = 0; q < STRIDE; q++) {
        own[q] = select(vec4i(NOTHING), keys(x[at + q]), y >= 0 && y < H);
        for (var n = 0; n < 4; n++) { near[4 + 4 * q + n] = own[q][n]; }
      }
      let left = select(vec4i(NOTHING), subgroupShuffle(own[STRIDE - 1], l.left), l.has_left);
      let right = select(vec4i(NOTHING), subgroupShuffle(own[0], l.right), l.has_right);
      for (var n = 0; n < 4; n++) {
        near[n] = left[n];
        near[4 + 4 * STRIDE + n] = right[n];
      }
      var row_best = vec4i(NOTHING);
      var column = vec4i(0);
      for (var k = 0; k < KERNEL; k++) {
        let at_tap = 4 - PADDING + k;
        let key = vec4i(near[at_tap], near[at_tap + STRIDE], near[at_tap + 2 * STRIDE], near[at_tap + 3 * STRIDE]);
        column = select(column, first + k, key > row_best);
        row_best = max(row_best, key);
      }
      let place = column + y * 4 * width;
      for (var m = 0; m < most_under_way; m++) {
        if (r + STRIDE * m < KERNEL) {
          places[m] = select(places[m], place, row_best > best[m]);
          best[m] = max(best[m], row_best);
        }
      }
    }
    let row = turn - most_under_way + 1;
    if (row >= 0 && row < ROWS && l.exists) { result[(i32(l.plane) * ROWS + row) * J4 + l.column] = places[most_under_way - 1]; }
  }
}
