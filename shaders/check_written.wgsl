// Looks for the first element that still has the bits with which its slot was filled before anything was stored there.
// Layout: a grid-stride loop.
//! include "check_params.wgsl"
@group(0) @binding(2) var<storage, read> x: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    if (x[P.size.z + i] == P.size.w) { complain(P.size.z + i); }
  }
}
