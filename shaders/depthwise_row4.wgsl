// What the depthwise convolutions of stride 2 by rows of vec4 share, for adapters with subgroups of one fixed size:
// outputs [B][CHANNELS][ROWS][J4], images [B][CHANNELS][H][2 J4], filters [CHANNELS][K][K].
//
// Layout: that of window_row4.wgsl: a lane owns four neighbouring outputs of a row, and with them two vec4s of pixels,
// and walks down their plane. A tap k of output row i is at the pixel row 2 i - PADDING + k DILATION. The channel is a
// dimension of its own, so that the filter is the same in a whole subgroup.
//
// Requires: J / 4 divides S, S >= 8; W = 2 J; K is 3 or 5, PADDING at most 4, (K - 1) DILATION - PADDING at most 5.
enable subgroups;
//! include "common.wgsl"

override K = 3;
override DILATION = 1;
override PADDING = 1;
override CHANNELS = 16u;
override H = 32;     // of the image
override ROWS = 16;  // of outputs
override J4 = 4;     // outputs of a row / 4
override S = 8u;     // subgroup size
override SIZE = 64u; // workgroup: a multiple of S
const STRIDE = 2;
const MOST = 5;        // the largest K
const MOST_LOADS = 4;  // of filter values a lane: K K / S

struct Params {
  offset: vec4u,  // of the operands; images, those of a part
}
@group(0) @binding(0) var<uniform> P: Params;

// The values from `left`, `middle` (two vec4s) and `right` in a row, by four that are `apart` from `start` on.
fn pick(left: vec4f, middle: array<vec4f, 2>, right: vec4f, start: i32, apart: i32) -> vec4f {
  let row = array<f32, 16>(
    left.x, left.y, left.z, left.w, middle[0].x, middle[0].y, middle[0].z, middle[0].w,
    middle[1].x, middle[1].y, middle[1].z, middle[1].w, right.x, right.y, right.z, right.w
  );
  return vec4f(row[start], row[start + apart], row[start + 2 * apart], row[start + 3 * apart]);
}
