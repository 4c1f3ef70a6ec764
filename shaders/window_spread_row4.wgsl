// The transpose of window_sum, by rows of vec4: each pixel gets the sum of the windows that reach it. The windows of a
// row are added once for all rows of pixels that they reach.
// Rate: 3x3 on 512 planes of 32 x 32 takes 1.0 ms on a software adapter of two cores, window_spread.wgsl 80.
//! include "window_row4.wgsl"
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;  // [planes][H][STRIDE J4]
@group(0) @binding(2) var<storage, read> g: array<vec4f>;             // [planes][ROWS][J4]

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let l = lane_of(id.x, lane);
  let width = J4 * STRIDE;
  let windows = P.offset.x / 4u + l.plane * u32(ROWS * J4) + u32(l.column);
  // Pixels of KERNEL rows are under way: number k is row turn STRIDE - PADDING + k.
  var under_way: array<array<vec4f, MOST_STRIDE>, MOST + MOST_STRIDE>;
  let turns = (H - 1 + PADDING) / STRIDE + 1;
  for (var turn = 0; turn < min(turns, i32(arrayLength(&g) + u32(turns))); turn++) {  // the driver must not see the bound: this loop has to stay rolled
    let v = select(vec4f(0), g[windows + u32(min(turn, ROWS - 1) * J4)], turn < ROWS);
    let left = select(vec4f(0), subgroupShuffle(v, l.left), l.has_left);
    let right = select(vec4f(0), subgroupShuffle(v, l.right), l.has_right);
    let near = array<f32, 12>(left.x, left.y, left.z, left.w, v.x, v.y, v.z, v.w, right.x, right.y, right.z, right.w);
    let y = turn * STRIDE - PADDING;
    for (var q = 0; q < STRIDE; q++) {
      var sum = vec4f(0);
      for (var tap = KERNEL - 1; tap >= 0; tap--) {
        // Pixel n of the four is tap `tap` of window (a + n) / STRIDE, where that has no remainder.
        let a = 4 * STRIDE + 4 * q + PADDING - tap;
        let value = vec4f(near[a / STRIDE], near[(a + 1) / STRIDE], near[(a + 2) / STRIDE], near[(a + 3) / STRIDE]);
        sum += select(vec4f(0), value, (vec4i(0, 1, 2, 3) + a) % vec4i(STRIDE) == vec4i(0));
      }
      for (var k = 0; k < KERNEL; k++) { under_way[k][q] += sum; }
    }
    for (var r = 0; r < STRIDE; r++) {
      if (y + r >= 0 && y + r < H && l.exists) {
        for (var q = 0; q < STRIDE; q++) {
          result[(i32(l.plane) * H + y + r) * width + l.column * STRIDE + q] = under_way[r][q];
        }
      }
    }
    for (var k = 0; k < MOST; k++) { under_way[k] = under_way[k + STRIDE]; }
    for (var k = 0; k < STRIDE; k++) { under_way[MOST + k] = array<vec4f, MOST_STRIDE>(); }
  }
}
