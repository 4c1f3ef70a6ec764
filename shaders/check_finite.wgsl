// Looks for the first element that is infinite or NaN.
// Layout: a grid-stride loop.
//! include "check_params.wgsl"
@group(0) @binding(2) var<storage, read> x: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    if (!is_finite(x[P.size.z + i])) { complain(P.size.z + i); }
  }
}
