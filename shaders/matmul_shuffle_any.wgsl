// Matrix product, batched: result[b, m, n] = sum over k of x[b, m, k] y[b, k, n], for adapters with subgroups of one
// fixed size: any extents, any strides.
//
// Layout: as matmul_shuffle.wgsl, but a lane owns COLUMNS single columns, S apart, of ROWS rows, and loads a value of y
// for each: no vec4 to align.
// Rate: 7 to 10 times matmul.wgsl, by turns: about 20 GFLOP/s on a software adapter of two cores.
enable subgroups;
//! include "matmul_params.wgsl"

override S = 8u;  // subgroup size
const ROWS = 16u;
const COLUMNS = 2u;

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let row = group.y * ROWS;
  let column = group.x * S * COLUMNS + lane;
  var at_x: array<u32, ROWS>;
  for (var r = 0u; r < ROWS; r++) {
    at_x[r] = P.offset.x + group.z * P.x_strides.x + min(row + r, P.size.x - 1u) * P.x_strides.y;
  }
  var at_y: array<u32, COLUMNS>;
  for (var c = 0u; c < COLUMNS; c++) {
    at_y[c] = P.offset.y + group.z * P.y_strides.x + min(column + c * S, P.size.y - 1u) * P.y_strides.z;
  }
  var sums: array<f32, ROWS * COLUMNS>;
  for (var k0 = 0u; k0 < P.size.z; k0 += S) {
    let depth = min(S, P.size.z - k0);
    var values: array<f32, ROWS>;
    for (var r = 0u; r < ROWS; r++) { values[r] = x[at_x[r] + (k0 + min(lane, depth - 1u)) * P.x_strides.z]; }
    for (var q = 0u; q < depth; q++) {
      var v: array<f32, COLUMNS>;
      for (var c = 0u; c < COLUMNS; c++) { v[c] = y[at_y[c] + (k0 + q) * P.y_strides.y]; }
      for (var r = 0u; r < ROWS; r++) {
        let value = subgroupShuffle(values[r], q);
        for (var c = 0u; c < COLUMNS; c++) { sums[r * COLUMNS + c] += value * v[c]; }
      }
    }
  }
  // A loop that stays rolled: 32 stores in the text take three times as long to compile.
  for (var n = 0u; n < min(ROWS, P.size.x - row) * COLUMNS; n++) {
    let r = row + n / COLUMNS;
    let c = column + n % COLUMNS * S;
    if (c < P.size.y) { result[P.offset.z + (group.z * P.size.x + r) * P.size.y + c] = sums[n]; }
  }
}
