// The uniform and the operands of the matrix products by single values, any extents and strides.

struct Params {
  offset: vec4u,     // of x, of y, of the result
  x_strides: vec4u,  // batch, row, column
  y_strides: vec4u,
  size: vec4u,       // m, n, k
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> y: array<f32>;
