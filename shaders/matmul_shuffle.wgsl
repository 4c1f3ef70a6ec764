// Matrix product, batched: result[b, m, n] = sum over k of x[b, m, k] y[b, k, n], for adapters with subgroups of one
// fixed size.
//
// Layout: a workgroup is one subgroup; it owns ROWS rows x 4 S columns, a lane one vec4 of columns in ROWS registers.
// It loads S values of k of each of its rows at once, a value a lane, and then for each k one vec4 of y, which meets
// the rows' values by shuffle: 4 ROWS multiply-adds a lane from ROWS / S + 1 loads. A memory instruction costs as much
// as twenty multiply-adds on a software adapter, a shuffle about one. Any strides of x cost the same, since a lane's
// load is its own; y is read along its rows, or with TRANSPOSED (y[b, k, n] = its row n, column k) along its columns,
// where four vec4s make a 4 x 4 block. The loop over k stays rolled: unrolled it compiles longer and runs slower.
// Rate: 10 to 15 times matmul.wgsl, by turns: 27-33 GFLOP/s on a software adapter of two cores.
//
// Requires: N is a multiple of 4, and so are the strides of y but the one along its vec4s; with TRANSPOSED K is a
// multiple of 4. Rows, columns and k beyond the matrices are left out.
enable subgroups;

override TRANSPOSED = false;
override S = 8u;  // subgroup size
const ROWS = 16u;

struct Params {
  offset: vec4u,     // of x; of y and of the result, multiples of 4
  x_strides: vec4u,  // batch, row, column
  y_strides: vec4u,  // the same of y; multiples of 4, but for the 1
  size: vec4u,       // m, n, k
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> y: array<vec4f>;

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let row = group.y * ROWS;
  let across = P.size.y / 4u;
  let column = group.x * S + lane;
  let near = min(column, across - 1u);
  var at_x: array<u32, ROWS>;
  for (var r = 0u; r < ROWS; r++) {
    at_x[r] = P.offset.x + group.z * P.x_strides.x + min(row + r, P.size.x - 1u) * P.x_strides.y;
  }
  let start_y = P.offset.y / 4u + group.z * (P.y_strides.x / 4u) + select(near, near * P.y_strides.z, TRANSPOSED);
  let step_y = select(P.y_strides.y, P.y_strides.z, TRANSPOSED) / 4u;

  var sums: array<vec4f, ROWS>;
  for (var k0 = 0u; k0 < P.size.z; k0 += S) {
    let depth = min(S, P.size.z - k0);
    var values: array<f32, ROWS>;
    for (var r = 0u; r < ROWS; r++) { values[r] = x[at_x[r] + (k0 + min(lane, depth - 1u)) * P.x_strides.z]; }
    if (TRANSPOSED) {
      for (var q = 0u; q < depth; q += 4u) {
        let at = start_y + (k0 + q) / 4u;
        let c0 = y[at];
        let c1 = y[at + step_y];
        let c2 = y[at + 2u * step_y];
        let c3 = y[at + 3u * step_y];
        for (var r = 0u; r < ROWS; r++) {
          sums[r] += subgroupShuffle(values[r], q) * vec4f(c0.x, c1.x, c2.x, c3.x);
          sums[r] += subgroupShuffle(values[r], q + 1u) * vec4f(c0.y, c1.y, c2.y, c3.y);
          sums[r] += subgroupShuffle(values[r], q + 2u) * vec4f(c0.z, c1.z, c2.z, c3.z);
          sums[r] += subgroupShuffle(values[r], q + 3u) * vec4f(c0.w, c1.w, c2.w, c3.w);
        }
      }
    } else {
      for (var q = 0u; q < depth; q++) {
        let v = y[start_y + (k0 + q) * step_y];
        for (var r = 0u; r < ROWS; r++) { sums[r] += subgroupShuffle(values[r], q) * v; }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    if (row + r < P.size.x && column < across) { result[P.offset.z / 4u + (group.z * P.size.x + row + r) * across + column] = sums[r]; }
  }
}
