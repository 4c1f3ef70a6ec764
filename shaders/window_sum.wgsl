// The sum of the pixels of each window.
// Layout: an invocation a window, in row-major order. A GPU's kernel too (untimed there): neighbours load neighbouring
// values, and its cache serves what overlaps.
//! include "window_params.wgsl"
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let above = quotient(i, P.windows.y);
    let j = i - above * P.windows.y;
    let image = quotient(above, P.windows.x);
    let row = above - image * P.windows.x;
    let plane = P.offset.x + image * P.size.y * P.size.z;
    var total = 0.0;
    for (var yy = first_pixel(row); yy < end_pixel(row, P.size.y); yy++) {
      var sum = 0.0;  // of a row by itself, for its digits
      for (var xx = first_pixel(j); xx < end_pixel(j, P.size.z); xx++) { sum += x[plane + yy * P.size.z + xx]; }
      total += sum;
    }
    result[i] = total;
  }
}
