// The uniform of the window shaders, on planes of H x W pixels and I x J windows.
//! include "common.wgsl"

struct Params {
  offset: vec4u,   // of the operands
  size: vec4u,     // elements of the result, H, W
  windows: vec4u,  // I, J, kernel, stride
  padding: vec4u,
}
@group(0) @binding(0) var<uniform> P: Params;

// The first index that a window reaches, and the one past its last, along an axis of `extent` pixels: padding is left
// out by index.
fn first_pixel(window: u32) -> u32 { return u32(max(i32(window * P.windows.w) - i32(P.padding.x), 0)); }
fn end_pixel(window: u32, extent: u32) -> u32 { return u32(min(i32(window * P.windows.w + P.windows.z) - i32(P.padding.x), i32(extent))); }

// The first window that reaches a pixel, and the one past the last, along an axis of `count` windows.
fn first_window(pixel: u32) -> u32 {
  let earliest = i32(pixel + P.padding.x) - i32(P.windows.z) + 1;
  return quotient(u32(max(earliest, 0)) + P.windows.w - 1u, P.windows.w);
}
fn end_window(pixel: u32, count: u32) -> u32 { return min(quotient(pixel + P.padding.x, P.windows.w) + 1u, count); }
