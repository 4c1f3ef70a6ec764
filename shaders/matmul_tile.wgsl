// Matrix product, batched: result[b, m, n] = sum over k of x[b, m, k] y[b, k, n], any extents and strides, for adapters
// of any subgroup size.
//
// Layout: that of tile.wgsl, a matrix of the batch a workgroup in z. Tiles are fetched along whichever of an operand's
// axes lies side by side in memory.
// Rate: untimed on a GPU. On a software adapter, by turns on a busy machine, 2.3 to 2.9 times matmul.wgsl, a fifth to a
// quarter of matmul_shuffle.wgsl.
//
// Rows and columns beyond the last are fetched from the last and not stored.
//! include "matmul_params.wgsl"
//! include "tile.wgsl"

// Which k and which of `width` vec4s number i of a tile is.
fn place(i: u32, width: u32, along_k: bool) -> vec2u {
  return select(vec2u(i / width, i % width), vec2u(i % DEPTH, i / DEPTH), along_k);
}

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let top = group.y * ROWS;
  let first = group.x * COLUMNS;
  let mine = place(local, ROWS / 4u, P.x_strides.z == 1u);
  let at_x = P.offset.x + group.z * P.x_strides.x + min(top + quarters(mine.y, ROWS), vec4u(P.size.x - 1u)) * P.x_strides.y;
  let start_y = P.offset.y + group.z * P.y_strides.x;

  var sums: array<vec4f, 4>;
  for (var k0 = 0u; k0 < P.size.z; k0 += DEPTH) {
    let depth = min(DEPTH, P.size.z - k0);
    if (mine.x < depth) {
      let at = at_x + (k0 + mine.x) * P.x_strides.z;
      left[mine.x * LEFT_PITCH + mine.y] = vec4f(x[at.x], x[at.y], x[at.z], x[at.w]);
    }
    for (var i = local; i < DEPTH * ACROSS; i += SIZE) {
      let one = place(i, ACROSS, P.y_strides.y == 1u);
      if (one.x < depth) {
        let at = start_y + (k0 + one.x) * P.y_strides.y + min(first + quarters(one.y, COLUMNS), vec4u(P.size.y - 1u)) * P.y_strides.z;
        right[one.x * RIGHT_PITCH + one.y] = vec4f(y[at.x], y[at.y], y[at.z], y[at.w]);
      }
    }
    workgroupBarrier();
    add_product(&sums, local / ACROSS, local % ACROSS, depth);
    workgroupBarrier();
  }

  let rows = top + quarters(local / ACROSS, ROWS);
  let columns = first + quarters(local % ACROSS, COLUMNS);
  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      if (rows[r] < P.size.x && columns[c] < P.size.y) {
        result[P.offset.z + (group.z * P.size.x + rows[r]) * P.size.y + columns[c]] = sums[r][c];
      }
    }
  }
}
