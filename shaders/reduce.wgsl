// A fold over some axes of what is computed from the operands at each index: result[o] = combine over r of value(kept(o) + reduced(r)).
//
// Layout: `lanes` invocations of a workgroup share a result. Each folds every lanes-th element, then a tree of fixed shape folds the lanes: the order
// never varies, and sums keep more digits than one long chain. One lane where there is little to fold.
// The plain version: one scalar load an operand a turn, and a division for each axis above the first. For GPUs long folds into few results are cut
// into parts (src/kernels/variants/folds.ts), since a workgroup a result would leave them idle.
//! include "common.wgsl"

//! op
alias Value = f32;
const OPERANDS = 2u;  // the result, and the inputs
const NUMBERS = 1u;   // vec4s of numbers that come with the parameters
@group(0) @binding(2) var<storage, read> in0: array<f32>;
fn value(at: array<u32, OPERANDS>) -> Value { return in0[at[1]]; }
alias Element = f32;
fn part(a: Value, j: u32) -> Element { return a; }
fn identity() -> Value { return Value(0); }
fn combine(a: Value, b: Value) -> Value { return a + b; }
fn finish(a: Value, at: array<u32, OPERANDS>) -> Value { return a; }
//! end

// Axes, constants: loops over them are unrolled, and every address in the uniform is known.
override KEPT = 1u;
override REDUCED = 2u;
override RESULTS = 1u;  // folds side by side: a Value has a component for each

struct Operand {
  kept: vec4u,     // strides, innermost first; of the results where each fold's begin
  reduced: vec4u,
  offset: vec4u,
}
struct Params {
  size: vec4u,     // results, elements folded into each, lanes (a power of two, at most 64)
  kept: vec4u,     // extents, innermost first
  reduced: vec4u,
  operands: array<Operand, OPERANDS>,
  numbers: array<vec4f, NUMBERS>,
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<Element>;

var<workgroup> partial: array<Value, 64>;

// Where the operands of result o start.
fn start(o: u32) -> array<u32, OPERANDS> {
  var at: array<u32, OPERANDS>;
  for (var k = 1u; k < OPERANDS; k++) { at[k] = P.operands[k].offset.x; }
  var rest = o;
  for (var axis = 0u; axis < KEPT; axis++) {
    var index = rest;
    if (axis + 1u < KEPT) {
      let above = quotient(rest, P.kept[axis]);
      index = rest - above * P.kept[axis];
      rest = above;
    }
    for (var k = 1u; k < OPERANDS; k++) { at[k] += index * P.operands[k].kept[axis]; }
  }
  return at;
}

// Where they are at element r of the fold.
fn element(first: array<u32, OPERANDS>, r: u32) -> array<u32, OPERANDS> {
  var at = first;
  var rest = r;
  for (var axis = 0u; axis < REDUCED; axis++) {
    var index = rest;
    if (axis + 1u < REDUCED) {
      let above = quotient(rest, P.reduced[axis]);
      index = rest - above * P.reduced[axis];
      rest = above;
    }
    for (var k = 1u; k < OPERANDS; k++) { at[k] += index * P.operands[k].reduced[axis]; }
  }
  return at;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32, @builtin(num_workgroups) groups: vec3u) {
  let lanes = P.size.z;
  let lane = local & (lanes - 1u);
  let per_group = quotient(64u, lanes);
  let mine = quotient(local, lanes);
  // All invocations of a workgroup take the same turns, so that the barriers are met by all.
  for (var first = group.x * per_group; first < P.size.x; first += groups.x * per_group) {
    let o = first + mine;
    let at = start(min(o, P.size.x - 1u));
    var sum = identity();
    for (var r = lane; r < P.size.y; r += lanes) { sum = combine(sum, value(element(at, r))); }
    if (lanes > 1u) {
      partial[local] = sum;
      workgroupBarrier();
      for (var half = lanes >> 1u; half > 0u; half >>= 1u) {
        if (lane < half) { partial[local] = combine(partial[local], partial[local + half]); }
        workgroupBarrier();
      }
      sum = partial[local];
      workgroupBarrier();
    }
    if (lane == 0u && o < P.size.x) {
      sum = finish(sum, at);
      for (var j = 0u; j < RESULTS; j++) { result[P.operands[0].kept[j] + o] = part(sum, j); }
    }
  }
}
