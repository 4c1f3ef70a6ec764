// The uniform and the operands of the filter gradients of any extents, stride, padding and dilation, and how they walk
// over the outputs' pixels of a part of the batch, a workgroup's invocations each pixel after the last by `digits`: the
// place goes on by a carry, without a division.
//! include "common.wgsl"

struct Params {
  offset: vec4u,   // of x, of g; images, those of a part
  extents: vec4u,  // channels, H, W of x; outputs
  plane: vec4u,    // rows, columns of g; K, L
  places: vec4i,   // padding (y, x), dilation (y, x)
  steps: vec4u,    // strides (y, x); channels and outputs of a group
  digits: vec4u,   // how far a turn goes on: images, rows, columns
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;

// What a pixel of the images is when it is loaded; a pointwise function may stand in its place. Padding stays 0.
//! op
fn load(x: f32) -> f32 { return x; }
//! end

struct Place {
  b: u32,
  row: u32,
  column: u32,
}

// The n-th output pixel from an image on.
fn place_of(n: u32, first_image: u32) -> Place {
  let skipped = quotient(n, P.plane.x * P.plane.y);
  let pixel = n - skipped * P.plane.x * P.plane.y;
  let row = quotient(pixel, P.plane.y);
  return Place(first_image + skipped, row, pixel - row * P.plane.y);
}

fn onward(place: Place) -> Place {
  var next = place;
  next.column += P.digits.z;
  let next_row = next.column >= P.plane.y;
  next.column -= select(0u, P.plane.y, next_row);
  next.row += P.digits.y + u32(next_row);
  let next_image = next.row >= P.plane.x;
  next.row -= select(0u, P.plane.x, next_image);
  next.b += P.digits.x + u32(next_image);
  return next;
}
