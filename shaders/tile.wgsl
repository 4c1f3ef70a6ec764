// What the products by workgroup tiles share: matmul_tile.wgsl, conv2d_tile.wgsl and conv2d_filter_grad_tile.wgsl, for
// adapters of any subgroup size.
//
// Layout: a workgroup owns ROWS x COLUMNS values of the result, an invocation 4 x 4 of them in registers. The workgroup
// walks along the depth by DEPTH: all fetch a tile of either operand into workgroup memory, and after a barrier each
// loads for every k a vec4 of its rows' values and one of its columns': 16 multiply-adds from two loads of fast memory,
// and what was fetched once serves ROWS or COLUMNS values. The four of a vec4 are a quarter of the tile apart, so
// neighbouring invocations fetch and store neighbouring values. Each k has a vec4 to spare, else those that are written
// along the depth would lie in one bank. Few rows take a low tile, which wastes less and leaves more workgroups. 64 to
// 256 invocations and 8.5 KiB, within WebGPU's defaults.

override ROWS = 64u;   // 16, 32 or 64
const COLUMNS = 64u;
const DEPTH = 16u;
const ACROSS = COLUMNS / 4u;
const RIGHT_PITCH = ACROSS + 1u;
override SIZE = ROWS / 4u * ACROSS;  // invocations: as many as vec4s of the left tile
override LEFT_PITCH = ROWS / 4u + 1u;

var<workgroup> left: array<vec4f, DEPTH * (ROWS / 4u + 1u)>;
var<workgroup> right: array<vec4f, DEPTH * RIGHT_PITCH>;

// The four rows or columns of a vec4 of a tile of `size`.
fn quarters(first: u32, size: u32) -> vec4u { return vec4u(first) + vec4u(0u, 1u, 2u, 3u) * (size / 4u); }

// Adds the product of the tiles' first `depth` k to an invocation's rows of four columns.
fn add_product(sums: ptr<function, array<vec4f, 4>>, down: u32, across: u32, depth: u32) {
  for (var k = 0u; k < depth; k++) {
    let rows = left[k * LEFT_PITCH + down];
    let columns = right[k * RIGHT_PITCH + across];
    for (var r = 0u; r < 4u; r++) { (*sums)[r] += rows[r] * columns; }
  }
}
