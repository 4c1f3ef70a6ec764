// The pixel of its plane that each window's place names.
// Layout: an invocation a window.
//! include "window_params.wgsl"
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> places: array<i32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let plane = quotient(i, P.windows.x * P.windows.y);
    result[i] = x[P.offset.x + plane * P.size.y * P.size.z + u32(places[P.offset.y + i])];
  }
}
