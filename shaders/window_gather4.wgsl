// The pixel of its plane that each window's place names, four windows at a time.
// Layout: an invocation four windows in a row-major plane: two wide memory instructions and four narrow ones.
// Rate: 512 planes of 32 x 32 windows take 2.4 ms on a software adapter of two cores, window_gather.wgsl 10.
//
// Requires: the windows of a plane are a multiple of 4.
//! include "window_params.wgsl"
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> places: array<vec4i>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x / 4u; i += groups.x * 64u) {
    let plane = P.offset.x + quotient(i, P.windows.x * P.windows.y / 4u) * P.size.y * P.size.z;
    let at = vec4u(places[P.offset.y / 4u + i]) + plane;
    result[i] = vec4f(x[at.x], x[at.y], x[at.z], x[at.w]);
  }
}
