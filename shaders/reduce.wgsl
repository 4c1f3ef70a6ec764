// A fold over some axes of a view: result[o] = combine over r of source[kept(o) + reduced(r)].
//
// Layout: LANES invocations of a workgroup share a result. Each folds every LANES-th element, then a tree of fixed shape folds the lanes:
// the order never varies, and sums keep more digits than one long chain. LANES = 1 where there is little to fold.
// The plain version: one scalar load a turn and two divisions for each axis above the first.
//! include "common.wgsl"

//! op
alias Value = f32;
fn identity() -> Value { return Value(0); }
fn combine(a: Value, b: Value) -> Value { return a + b; }
//! end

override LANES = 64u;  // a power of two, at most 64

struct Params {
  size: vec4u,     // results, elements folded into each, kept axes, reduced axes
  offset: vec4u,
  kept: vec4u,     // extents and strides, innermost first
  kept_strides: vec4u,
  reduced: vec4u,
  reduced_strides: vec4u,
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<Value>;
@group(0) @binding(2) var<storage, read> source: array<Value>;

var<workgroup> partial: array<Value, 64>;

fn position(index: u32, axes: u32, extents: vec4u, strides: vec4u) -> u32 {
  var rest = index;
  var at = 0u;
  for (var axis = 0u; axis < axes; axis++) {
    if (axis + 1u == axes) { return at + rest * strides[axis]; }
    let above = rest / extents[axis];
    at += (rest - above * extents[axis]) * strides[axis];
    rest = above;
  }
  return at;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32, @builtin(num_workgroups) groups: vec3u) {
  let lane = local % LANES;
  let per_group = 64u / LANES;
  // All invocations of a workgroup take the same turns, so that the barriers are met by all.
  for (var first = group.x * per_group; first < P.size.x; first += groups.x * per_group) {
    let o = first + local / LANES;
    var value = identity();
    if (o < P.size.x) {
      let base = P.offset.x + position(o, P.size.z, P.kept, P.kept_strides);
      for (var r = lane; r < P.size.y; r += LANES) {
        value = combine(value, source[base + position(r, P.size.w, P.reduced, P.reduced_strides)]);
      }
    }
    if (LANES > 1u) {
      partial[local] = value;
      workgroupBarrier();
      for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if (lane < half) { partial[local] = combine(partial[local], partial[local + half]); }
        workgroupBarrier();
      }
      value = partial[local];
      workgroupBarrier();
    }
    if (lane == 0u && o < P.size.x) { result[o] = value; }
  }
}
