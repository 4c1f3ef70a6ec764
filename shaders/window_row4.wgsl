// What the window shaders by rows of vec4 share, for adapters with subgroups of one fixed size.
//
// Layout: a lane owns four neighbouring windows of a row, and with them 4 STRIDE pixels, and walks down their plane.
// Each row is loaded once; what lies beside the lane's own comes from the neighbouring lanes by shuffle, and results
// that are under way are kept in registers until they are complete. A memory instruction costs as much as twenty
// additions on a software adapter, so the loads and the store of a result are its cost.
//
// Requires: J / 4 divides S, S >= 8; W = STRIDE J; STRIDE is 1 or 2, KERNEL at most 5, PADDING at most 4.
enable subgroups;

override KERNEL = 3;
override STRIDE = 1;
override PADDING = 1;
override H = 32;     // of the image
override ROWS = 32;  // of windows
override J4 = 8;     // windows of a row / 4
override S = 8u;     // subgroup size
override SIZE = 64u; // workgroup: a multiple of S
const MOST = 5;        // the largest KERNEL
const MOST_STRIDE = 2;

struct Params {
  offset: vec4u,  // of the operands; planes
}
@group(0) @binding(0) var<uniform> P: Params;

struct Lane {
  column: i32,      // of vec4s of windows
  plane: u32,
  exists: bool,     // false for surplus lanes, which must stay to the end for the shuffles
  has_left: bool,
  has_right: bool,
  left: u32,
  right: u32,
}
fn lane_of(id: u32, lane: u32) -> Lane {
  let column = id % u32(J4);
  let plane = id / u32(J4);
  let has_left = column > 0u;
  let has_right = column + 1u < u32(J4);
  let exists = plane < P.offset.z;
  return Lane(i32(column), min(plane, P.offset.z - 1u), exists, has_left, has_right, (lane + S - 1u) % S, (lane + 1u) % S);
}
