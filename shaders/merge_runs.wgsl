// Sorted runs of `width` elements of each row, as places in the row, merged two by two: of equal elements those of the
// first run come first.
// Layout: an invocation a stretch of 8 of the result, which finds by bisection how many of them come from the first
// run, and merges from there.
//! include "sort_key.wgsl"

//! op
fn key(bits: u32) -> u32 { return select(float_key(bits), 0xffffffffu, (bits & ABSOLUTE) > INFINITY); }
//! end

struct Params {
  offset: vec4u,  // of the source, of the order
  size: vec4u,    // elements, elements of a row, width
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<i32>;
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read> order: array<i32>;

const STRETCH = 8u;

// The key of the element that comes at `at` within a row.
fn key_at(row: u32, at: u32) -> u32 { return key(source[P.offset.x + row + u32(order[P.offset.y + row + at])]); }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stretches = (P.size.y + STRETCH - 1u) / STRETCH;  // of a row
  let count = P.size.x / P.size.y * stretches;
  for (var i = id.x; i < count; i += groups.x * 64u) {
    let r = quotient(i, stretches);
    let row = r * P.size.y;
    let begin = (i - r * stretches) * STRETCH;
    let first = begin - begin % (2u * P.size.z);
    let second = min(first + P.size.z, P.size.y);
    let end = min(first + 2u * P.size.z, P.size.y);
    // Of the `passed` elements before this stretch `low` are of the first run.
    let passed = begin - first;
    var low = passed - min(passed, end - second);
    var high = min(passed, second - first);
    while (low < high) {
      let middle = (low + high) / 2u;
      if (key_at(row, first + middle) <= key_at(row, second + passed - 1u - middle)) { low = middle + 1u; }
      else { high = middle; }
    }
    var left = first + low;
    var right = second + passed - low;
    for (var at = begin; at < min(begin + STRETCH, end); at++) {
      var is_left = right >= end;
      if (left < second && right < end) { is_left = key_at(row, left) <= key_at(row, right); }
      let chosen = select(right, left, is_left);
      result[row + at] = order[P.offset.y + row + chosen];
      left += select(0u, 1u, is_left);
      right += select(1u, 0u, is_left);
    }
  }
}
