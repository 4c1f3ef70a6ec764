// The transpose of a convolution in its filters: result[o, c, k, l] = sum over b, i, j of x[b, c, i s - p + k d, j s -
// p + l d] g[b, o, i, j].
// Layout: LANES invocations of a workgroup share a value; each takes every LANES-th row of outputs, then a tree of
// fixed shape adds them. The plain version: about 2 GFLOP/s on a software adapter of two cores.
//! include "conv_params.wgsl"
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;

// What a pixel of the images is when it is loaded; a pointwise function may stand in its place.
//! op
fn load(x: f32) -> f32 { return x; }
//! end

var<workgroup> partial: array<f32, 64>;

override LANES = 64u;  // a power of two, at most 64

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32, @builtin(num_workgroups) groups: vec3u) {
  let lane = local % LANES;
  let per_group = 64u / LANES;
  let taps = P.filters.x * P.filters.y;
  // All invocations of a workgroup take the same turns, so that the barriers are met by all.
  for (var turn = group.x * per_group; turn < P.size.x; turn += groups.x * per_group) {
    let n = min(turn + local / LANES, P.size.x - 1u);
    let pair = quotient(n, taps);
    let tap = n - pair * taps;
    let k = quotient(tap, P.filters.y);
    let l = tap - k * P.filters.y;
    let o = quotient(pair, P.groups.x);
    let channel = quotient(o, P.groups.y) * P.groups.x + pair - o * P.groups.x;
    // The outputs of a row whose pixel is inside the image: from `first` to `last`, both included.
    let left = i32(l * P.places.w) - i32(P.places.y);
    let first = (max(-left, 0) + i32(STRIDE_X) - 1) / i32(STRIDE_X);
    let last = min(i32(P.extents.w) - 1, select((i32(P.extents.y) - 1 - left) / i32(STRIDE_X), -1, left >= i32(P.extents.y)));
    var total = 0.0;
    for (var r = lane; r < P.size.y * P.extents.z; r += LANES) {
      let b = quotient(r, P.extents.z);
      let row = r - b * P.extents.z;
      let y = i32(row * STRIDE_Y + k * P.places.z) - i32(P.places.x);
      if (y >= 0 && y < i32(P.extents.x)) {
        let image = i32(P.offset.x + ((b * P.size.z + channel) * P.extents.x + u32(y)) * P.extents.y) + left;
        let output = i32(P.offset.y + ((b * P.size.w + o) * P.extents.z + row) * P.extents.w);
        var sum = 0.0;  // of a row by itself: no sum is one long chain, so it keeps its digits
        for (var column = first; column <= last; column++) { sum += load(x[image + column * i32(STRIDE_X)]) * g[output + column]; }
        total += sum;
      }
    }
    partial[local] = total;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      if (lane < half) { partial[local] += partial[local + half]; }
      workgroupBarrier();
    }
    if (lane == 0u) { result[P.offset.z + n] = partial[local]; }
    workgroupBarrier();
  }
}
