// reduce.wgsl by vec4: along the innermost folded axis every operand is dense or repeats one value, and its extent is a multiple of four, as are the
// offsets and other strides of the dense operands.
//
// Layout: as reduce.wgsl, in units of vec4 along that axis; four folds run side by side and are folded at the end.
// Rate: 5-9 GB/s on a software adapter of two cores, where reduce.wgsl reaches 1.
//! include "common.wgsl"

//! op
alias Value = f32;
fn compute(x0: f32) -> Value { return x0; }
const OPERANDS = 2u;  // the result, and the inputs
@group(0) @binding(2) var<storage, read> in0: array<vec4<f32>>;
fn value4(at: array<u32, OPERANDS>) -> vec4<Value> {
  let x0 = in0[at[1]];
  return vec4<Value>(compute(x0.x), compute(x0.y), compute(x0.z), compute(x0.w));
}
fn identity() -> Value { return Value(0); }
fn combine(a: Value, b: Value) -> Value { return a + b; }
//! end

override LANES = 64u;  // a power of two, at most 64

// Axes, constants: loops over them are unrolled, and every address in the uniform is known.
override KEPT = 1u;
override REDUCED = 2u;

struct Operand {
  kept: vec4u,     // strides, innermost first
  reduced: vec4u,
  offset: vec4u,
}
struct Params {
  size: vec4u,     // results, vec4s folded into each
  kept: vec4u,     // extents, innermost first
  reduced: vec4u,  // the first in vec4s
  operands: array<Operand, OPERANDS>,
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<Value>;

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
  let lane = local % LANES;
  let per_group = 64u / LANES;
  // All invocations of a workgroup take the same turns, so that the barriers are met by all.
  for (var first = group.x * per_group; first < P.size.x; first += groups.x * per_group) {
    let o = first + local / LANES;
    var sums = vec4<Value>(identity());
    if (o < P.size.x) {
      let at = start(o);
      for (var r = lane; r < P.size.y; r += LANES) {
        let next = value4(element(at, r));
        sums = vec4<Value>(combine(sums.x, next.x), combine(sums.y, next.y), combine(sums.z, next.z), combine(sums.w, next.w));
      }
    }
    var sum = combine(combine(sums.x, sums.y), combine(sums.z, sums.w));
    if (LANES > 1u) {
      partial[local] = sum;
      workgroupBarrier();
      for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if (lane < half) { partial[local] = combine(partial[local], partial[local + half]); }
        workgroupBarrier();
      }
      sum = partial[local];
      workgroupBarrier();
    }
    if (lane == 0u && o < P.size.x) { result[o] = sum; }
  }
}
