// Where in its plane (y W + x) the maximum of each window is: the first in row-major order of the window, the first NaN
// if there is one.
// Layout: an invocation a window. A GPU's kernel too (untimed there): neighbours load neighbouring values, and its
// cache serves what overlaps.
//! include "window_params.wgsl"
@group(0) @binding(1) var<storage, read_write> result: array<i32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let above = quotient(i, P.windows.y);
    let j = i - above * P.windows.y;
    let image = quotient(above, P.windows.x);
    let row = above - image * P.windows.x;
    let plane = P.offset.x + image * P.size.y * P.size.z;
    var best = first_pixel(row) * P.size.z + first_pixel(j);
    var top = x[plane + best];
    for (var yy = first_pixel(row); yy < end_pixel(row, P.size.y); yy++) {
      for (var xx = first_pixel(j); xx < end_pixel(j, P.size.z); xx++) {
        let at = yy * P.size.z + xx;
        let value = x[plane + at];
        if (value > top || (is_nan(value) && !is_nan(top))) {
          best = at;
          top = value;
        }
      }
    }
    result[i] = i32(best);
  }
}
