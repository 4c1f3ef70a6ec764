// The order that sorts each block of 64 elements of a row, as places in the row: stable.
// Layout: an invocation an element, which counts the elements of its block that come before it; that is where its place
// goes.
//! include "sort_key.wgsl"

//! op
fn key(bits: u32) -> u32 { return select(float_key(bits), 0xffffffffu, (bits & ABSOLUTE) > INFINITY); }
//! end

struct Params {
  offset: vec4u,
  size: vec4u,    // elements, elements of a row
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<i32>;
@group(0) @binding(2) var<storage, read> source: array<u32>;

const BLOCK = 64u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    let row = quotient(i, P.size.y) * P.size.y;
    let place = i - row;
    let start = place - place % BLOCK;
    let end = min(start + BLOCK, P.size.y);
    let mine = key(source[P.offset.x + i]);
    var before = 0u;
    for (var k = start; k < end; k++) {
      let other = key(source[P.offset.x + row + k]);
      before += select(0u, 1u, other < mine || (other == mine && k < place));
    }
    result[row + start + before] = i32(place);
  }
}
