// The transpose of a convolution in its filters: result[o, c, k, l] = sum over b, i, j of x[b, c, i s - p + k d, j s - p + l d] g[b, o, i, j].
// Layout: a workgroup a value; each of its 64 invocations adds every 64th product, then a tree of fixed shape adds the invocations. The
// plain version: about 2 GFLOP/s on a software adapter of two cores.
//! include "conv_params.wgsl"
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;

var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u) {
  let pixels = P.extents.z * P.extents.w;
  let plane = P.extents.x * P.extents.y;
  for (var i = group.x; i < P.size.x; i += groups.x) {
    let l = i % P.filters.y;
    let above = i / P.filters.y;
    let k = above % P.filters.x;
    let pair = above / P.filters.x;
    let c = pair % P.groups.x;
    let o = pair / P.groups.x;
    let channel = (o / P.groups.y) * P.groups.x + c;
    var sum = 0.0;
    for (var r = lane; r < P.size.y * pixels; r += 64u) {
      let b = r / pixels;
      let pixel = r - b * pixels;
      let row = pixel / P.extents.w;
      let column = pixel - row * P.extents.w;
      let yy = i32(row * P.filters.z + k * P.places.z) - i32(P.places.x);
      let xx = i32(column * P.filters.w + l * P.places.w) - i32(P.places.y);
      if (yy >= 0 && yy < i32(P.extents.x) && xx >= 0 && xx < i32(P.extents.y)) {
        sum += x[P.offset.x + (b * P.size.z + channel) * plane + u32(yy) * P.extents.y + u32(xx)] * g[P.offset.y + (b * P.size.w + o) * pixels + pixel];
      }
    }
    partial[lane] = sum;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
      if (lane < half) { partial[lane] += partial[lane + half]; }
      workgroupBarrier();
    }
    if (lane == 0u) { result[i] = partial[0]; }
    workgroupBarrier();
  }
}
