// The uniform of the three convolutions, of images [B, C, H, W], filters [O, C / groups, K, L] and outputs [B, O, I,
// J].
//! include "common.wgsl"

// Strides are constants: the input gradient divides by them.
override STRIDE_Y = 1u;
override STRIDE_X = 1u;

const BLOCK = 32u;  // channels, or outputs, that are summed by themselves

struct Params {
  offset: vec4u,   // of the two operands; where a filter gradient begins
  size: vec4u,     // elements of the result, batch B, channels C, outputs O
  extents: vec4u,  // H, W of the images, I, J of the outputs
  filters: vec4u,  // K, L of the filters
  places: vec4u,   // padding (y, x), dilation (y, x)
  groups: vec4u,   // channels and outputs of a group
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
