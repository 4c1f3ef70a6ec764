// The transpose of take: result [outer, extent, inner] gets the rows of [outer, indices, inner] added, in the order of
// the indices.
// Layout: an invocation an element of the result, which finds the first of its indices by bisection, in the order that
// sorts them, and adds from there: no float atomics, and a fixed order. An index out of range is the first or the last,
// and makes its whole column NaN.
//! include "common.wgsl"

struct Params {
  offset: vec4u,  // of the source, of the indices, of their order
  size: vec4u,    // elements, extent, inner, indices
  walk: vec4u,    // strides of the indices and of their order along outer, indices, inner
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> source: array<f32>;
@group(0) @binding(3) var<storage, read> indices: array<i32>;
@group(0) @binding(4) var<storage, read> order: array<i32>;

const BLOCK = 64u;  // indices

// Which row comes at `k` in the order of a column's indices, and its index.
fn row_at(column: u32, k: u32) -> u32 { return u32(order[P.offset.z + column + k * P.walk.y]); }
fn index_at(column: u32, k: u32) -> i32 { return indices[P.offset.y + column + row_at(column, k) * P.walk.y]; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let row = quotient(i, P.size.z);
    let inner = i - row * P.size.z;
    let outer = quotient(row, P.size.y);
    let mine = i32(row - outer * P.size.y);
    let column = outer * P.walk.x + inner * P.walk.z;
    var low = 0u;
    var high = P.size.w;
    while (low < high) {
      let middle = (low + high) / 2u;
      if (index_at(column, middle) < mine) { low = middle + 1u; } else { high = middle; }
    }
    var total = 0.0;
    var sum = 0.0;  // of a block by itself: no sum is one long chain, so it keeps its digits
    for (var k = low; k < P.size.w; k++) {
      let at = row_at(column, k);
      if (indices[P.offset.y + column + at * P.walk.y] != mine) { break; }
      sum += source[P.offset.x + (outer * P.size.w + at) * P.size.z + inner];
      if ((k - low) % BLOCK == BLOCK - 1u) {
        total += sum;
        sum = 0.0;
      }
    }
    let outside = index_at(column, 0u) < 0 || index_at(column, P.size.w - 1u) >= i32(P.size.y);
    result[i] = select(total + sum, not_a_number(), outside);
  }
}
