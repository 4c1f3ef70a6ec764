// The transpose of window_gather: each pixel gets the sum of the windows whose place it is.
// Layout: an invocation a pixel, which looks at the windows that reach it, in order: no float atomics. A GPU's kernel
// too (untimed there): neighbours load neighbouring values, and its cache serves what overlaps.
//! include "window_params.wgsl"
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read> places: array<i32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let above = quotient(i, P.size.z);
    let px = i - above * P.size.z;
    let image = quotient(above, P.size.y);
    let py = above - image * P.size.y;
    let windows = image * P.windows.x * P.windows.y;
    let mine = i32(py * P.size.z + px);
    var sum = 0.0;
    for (var row = first_window(py); row < end_window(py, P.windows.x); row++) {
      for (var column = first_window(px); column < end_window(px, P.windows.y); column++) {
        let at = windows + row * P.windows.y + column;
        if (places[P.offset.y + at] == mine) { sum += g[P.offset.x + at]; }
      }
    }
    result[i] = sum;
  }
}
