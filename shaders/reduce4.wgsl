// reduce.wgsl by vec4: along the innermost folded axis every operand is dense or repeats one value, and its extent is a multiple of four, as are the
// offsets and other strides of the dense operands.
//
// Layout: as reduce.wgsl, in units of vec4 along that axis; four folds run side by side and are folded at the end. What is the same in the whole fold
// is loaded before it.
// Rate: 5-9 GB/s on a software adapter of two cores, where reduce.wgsl reaches 1.
//! include "common.wgsl"

//! op
alias Value = f32;
fn compute(x0: f32) -> Value { return x0; }
const OPERANDS = 2u;  // the result, and the inputs
const NUMBERS = 1u;   // vec4s of numbers that come with the parameters
@group(0) @binding(2) var<storage, read> in0: array<vec4<f32>>;
struct Fixed { none: u32 }  // what is the same in the whole fold
fn fixed(at: array<u32, OPERANDS>) -> Fixed { return Fixed(0u); }
fn value4(at: array<u32, OPERANDS>, before: Fixed) -> array<Value, 4> {
  let x0 = in0[at[1]];
  return array<Value, 4>(compute(x0.x), compute(x0.y), compute(x0.z), compute(x0.w));
}
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
  size: vec4u,     // results, vec4s folded into each, lanes (a power of two, at most 64)
  kept: vec4u,     // extents, innermost first
  reduced: vec4u,  // the first in vec4s
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
    let before = fixed(at);
    var sums = array<Value, 4>(identity(), identity(), identity(), identity());
    for (var r = lane; r < P.size.y; r += lanes) {
      let next = value4(element(at, r), before);
      for (var k = 0; k < 4; k++) { sums[k] = combine(sums[k], next[k]); }
    }
    var sum = combine(combine(sums[0], sums[1]), combine(sums[2], sums[3]));
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
