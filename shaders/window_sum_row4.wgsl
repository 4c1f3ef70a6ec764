// The sum of the pixels of each window, by rows of vec4: the pixels of a row are added once for all windows that it
// belongs to.
// Rate: 3x3 on 512 planes of 32 x 32 takes 1.1 ms on a software adapter of two cores, window_sum.wgsl 28.
//! include "window_row4.wgsl"
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;  // [planes][ROWS][J4]
@group(0) @binding(2) var<storage, read> x: array<vec4f>;             // [planes][H][STRIDE J4]

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let l = lane_of(id.x, lane);
  let width = J4 * STRIDE;
  let image = i32(P.offset.x / 4u + l.plane * u32(H * width)) + l.column * STRIDE;
  let most_under_way = (KERNEL + STRIDE - 1) / STRIDE;
  // At a turn, STRIDE rows of pixels join the windows under way: number m is row turn - m.
  var under_way: array<vec4f, MOST>;
  let turns = ROWS + most_under_way - 1;
  for (var turn = 0; turn < min(turns, i32(arrayLength(&x) + u32(turns))); turn++) {  // the driver must not see the bound: this loop has to stay rolled
    for (var m = most_under_way - 1; m > 0; m--) { under_way[m] = under_way[m - 1]; }
    under_way[0] = vec4f(0);
    for (var r = 0; r < STRIDE; r++) {
      let y = turn * STRIDE - PADDING + r;
      let at = image + clamp(y, 0, H - 1) * width;
      var near: array<f32, 4 * (MOST_STRIDE + 2)>;
      var own: array<vec4f, MOST_STRIDE>;
      for (var q = 0; q < STRIDE; q++) {
        own[q] = select(vec4f(0), x[at + q], y >= 0 && y < H);
        for (var n = 0; n < 4; n++) { near[4 + 4 * q + n] = own[q][n]; }
      }
      let left = select(vec4f(0), subgroupShuffle(own[STRIDE - 1], l.left), l.has_left);
      let right = select(vec4f(0), subgroupShuffle(own[0], l.right), l.has_right);
      for (var n = 0; n < 4; n++) {
        near[n] = left[n];
        near[4 + 4 * STRIDE + n] = right[n];
      }
      var sum = vec4f(0);
      for (var k = 0; k < KERNEL; k++) {
        let at_tap = 4 - PADDING + k;
        sum += vec4f(near[at_tap], near[at_tap + STRIDE], near[at_tap + 2 * STRIDE], near[at_tap + 3 * STRIDE]);
      }
      for (var m = 0; m < most_under_way; m++) {
        if (r + STRIDE * m < KERNEL) { under_way[m] += sum; }
      }
    }
    let row = turn - most_under_way + 1;
    if (row >= 0 && row < ROWS && l.exists) { result[(i32(l.plane) * ROWS + row) * J4 + l.column] = under_way[most_under_way - 1]; }
  }
}
