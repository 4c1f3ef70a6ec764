// The uniform and the operands of the convolutions of any extents. conv2d_any.wgsl has their formula.
//! include "common.wgsl"

struct Params {
  offset: vec4u,   // of x, of w; pixels of the call in an image, in all images
  extents: vec4u,  // channels, H, W of x; channels of the result
  plane: vec4u,    // rows and columns of the call; rows and columns of the result
  place: vec4u,    // t; r, q
  first: vec4i,    // a, e; s, d
  filters: vec4u,  // strides of w: a channel of the result, a channel of x, a row (a column is 1); grouped, both within a group, and a group
  taps: vec4u,     // k0, l0, h
  count: vec4u,    // taps along both axes; grouped, channels of the result and of x in a group
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> w: array<f32>;
