// The transpose of window_sum: each pixel gets the sum of the windows that reach it.
// Layout: an invocation a pixel, windows in order. A GPU's kernel too (untimed there): neighbours load neighbouring
// values, and its cache serves what overlaps.
//! include "window_params.wgsl"
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let above = quotient(i, P.size.z);
    let px = i - above * P.size.z;
    let image = quotient(above, P.size.y);
    let py = above - image * P.size.y;
    let windows = P.offset.x + image * P.windows.x * P.windows.y;
    var total = 0.0;
    for (var row = first_window(py); row < end_window(py, P.windows.x); row++) {
      var sum = 0.0;  // of a row by itself, for its digits
      for (var column = first_window(px); column < end_window(px, P.windows.y); column++) { sum += g[windows + row * P.windows.y + column]; }
      total += sum;
    }
    result[i] = total;
  }
}
