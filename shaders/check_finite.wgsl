// The smallest number of a call whose result is not finite: result[0] = min(result[0], number) if any element is infinite or NaN.
// Layout: a grid-stride loop. The minimum of integers does not depend on their order, so an atomic is deterministic here.
//! include "common.wgsl"

struct Params {
  size: vec4u,  // elements, number
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read> x: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    if (!is_finite(x[i])) { atomicMin(&result[0], P.size.y); }
  }
}
