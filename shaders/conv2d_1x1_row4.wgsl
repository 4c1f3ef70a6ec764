// Dense 1x1 convolution, stride 1, no padding, for adapters with subgroups of one fixed size: the forward pass, and, by
// the strides of the filters, the input gradient.
//
// Layout: a lane holds 4 pixels of OUTS output channels in registers, and loops over the input channels; it has no
// neighbours, so a plane is one row of vec4s. There is no reuse among taps as in conv2d_row4.wgsl, so the tile is all
// outputs rather than rows: a channel costs one wide load and OUTS / S narrow ones for 4 OUTS multiply-adds a lane, the
// filters' values handed round by shuffle.
// Rate: by turns on a busy machine, 28 to 53 times conv2d.wgsl, and 1.3 times (64 channels: 1.6) a tile of 2 rows and 4
// outputs.
//
// Requires: a plane is a multiple of 4 pixels; S >= 8. Outputs beyond the last are left out.
enable subgroups;
//! include "common.wgsl"

override OUTS = 16;    // of a lane: 4, 8 or 16
override S = 8u;       // subgroup size
override SIZE = 64u;   // workgroup: a multiple of S
const MOST_OUTS = 16;
const MOST_LOADS = 2;  // of filter values a lane: OUTS / S

struct Params {
  offset: vec4u,  // of the images (a multiple of 4), of the filters; vec4s of pixels in all images, and in a plane
  filters: vec4u, // strides of an output and of a channel; outputs; channels to sum over
  place: vec4u,   // channels of an image; where the result begins (a multiple of 4)
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;  // [B][outputs][plane]
@group(0) @binding(2) var<storage, read> x: array<vec4f>;             // [B][channels][plane]
@group(0) @binding(3) var<storage, read> w: array<f32>;

// What a pixel is when it is loaded; a pointwise function may stand in its place.
//! op
fn load(x: vec4f) -> vec4f { return x; }
//! end

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let n = min(id.x, P.offset.z - 1u);
  let plane = P.offset.w;
  let channels = P.filters.w;
  let next = P.filters.y;
  let b = quotient(n, plane);
  let pixel = n - b * plane;
  let block = id.y * u32(OUTS);
  let from_x = P.offset.x / 4u + b * P.place.x * plane + pixel;
  var at_w: array<u32, MOST_LOADS>;
  for (var i = 0; i < MOST_LOADS; i++) {
    at_w[i] = P.offset.y + min(block + u32(i) * S + lane, P.filters.z - 1u) * P.filters.x;
  }
  var sums: array<vec4f, MOST_OUTS>;
  for (var c = 0u; c < channels; c++) {  // of a bound that the driver does not see: this loop has to stay rolled
    let v = load(x[from_x + c * plane]);
    var values: array<f32, MOST_LOADS>;
    for (var i = 0; i < MOST_LOADS; i++) {
      if (i * i32(S) < OUTS) { values[i] = w[at_w[i] + c * next]; }
    }
    for (var o = 0; o < MOST_OUTS; o++) {
      if (o < OUTS) { sums[o] += subgroupShuffle(values[o / i32(S)], u32(o) % S) * v; }
    }
  }
  for (var o = 0; o < MOST_OUTS; o++) {
    if (o < OUTS && id.x < P.offset.z && block + u32(o) < P.filters.z) { result[P.place.y / 4u + (b * P.filters.z + block + u32(o)) * plane + pixel] = sums[o]; }
  }
}
