// The uniform and the operands of the convolutions of any extents. conv2d_any.wgsl has their formula.
//! include "common.wgsl"

struct Params {
  offset: vec4u,   // of x, of w; pixels of the call in an image, in all images
  extents: vec4u,  // channels, H, W of x; channels of the result
  plane: vec4u,    // rows and columns of the call; rows and columns of the result
  place: vec4u,    // t; r, q; where the result begins
  first: vec4i,    // a, e; s, d
  filters: vec4u,  // strides of w: a channel of the result, a channel of x, a row (a column is 1); grouped, both within a group, and a group
  taps: vec4u,     // k0, l0, h
  count: vec4u,    // taps along both axes; of a group, channels of the result, and of x those to sum over
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> w: array<f32>;

// What a pixel is when it is loaded; a pointwise function may stand in its place. Padding stays 0.
//! op
fn load(x: f32) -> f32 { return x; }
//! end

// A pixel of the call, for channel 0: where its image is in x, the pixel of its first tap, and where it is in the
// result.
struct Pixel {
  image: u32,
  corner: vec2i,
  target_at: u32,
}

// Number n of those in all images; beyond the last, the last.
fn pixel_of(number: u32) -> Pixel {
  let n = min(number, P.offset.w - 1u);
  let b = quotient(n, P.offset.z);
  let pixel = n - b * P.offset.z;
  let i = quotient(pixel, P.plane.y);
  let j = pixel - i * P.plane.y;
  return Pixel(
    P.offset.x + b * P.extents.x * P.extents.y * P.extents.z,
    vec2i(vec2u(i, j)) * P.first.z + P.first.xy,
    P.place.w + b * P.extents.w * P.plane.z * P.plane.w + (i * P.place.x + P.place.y) * P.plane.w + j * P.place.x + P.place.z
  );
}
