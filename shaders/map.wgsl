// One value of the result from one value of each operand, where every operand walks by a single stride (dense: 1, one
// value for all: 0). By vec4 where the operands are dense or repeat one value: four of the result from four of each
// dense one, whose offset and stride are in vec4s.
//
// Layout: a few lanes walk side by side through a stretch of their own, several turns each, since starting an
// invocation costs more than a turn: memory is read in its order, as prefetching wants it (a grid stride took twice as
// long on a dozen operands of 4 MB). What the uniform says is read before the loop, since that is a memory instruction
// too.
// Rate: one value at a time 6 GB/s on a software adapter of two cores, by vec4 8-10.
//! include "common.wgsl"

//! op
alias Value = f32;
const OPERANDS = 3u;  // the result, and the inputs
const NUMBERS = 1u;   // vec4s of numbers that come with the parameters
@group(0) @binding(2) var<storage, read> in0: array<f32>;
@group(0) @binding(3) var<storage, read> in1: array<f32>;
alias Result = Value; // of a turn: a value, or four
fn value(at: array<u32, OPERANDS>) -> Result {
  let a = in0[at[1]];
  let b = in1[at[2]];
  return a * b;
}
//! end

struct Params {
  size: vec4u,                         // turns
  operands: array<vec4u, OPERANDS>,    // offset, stride
  numbers: array<vec4f, NUMBERS>,
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<Result>;

// Invocations that walk side by side.
const LANES = 16u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  nothing = P.size.yzw;
  let walks = groups.x * 64u / LANES;
  let share = LANES * quotient(P.size.x + LANES * walks - 1u, LANES * walks);  // turns of a walk
  let walk = id.x / LANES;
  let first = walk * share + id.x % LANES;
  let end = min((walk + 1u) * share, P.size.x);
  var at: array<u32, OPERANDS>;
  var onward: array<u32, OPERANDS>;
  for (var k = 0u; k < OPERANDS; k++) {
    at[k] = P.operands[k].x + first * P.operands[k].y;
    onward[k] = LANES * P.operands[k].y;
  }
  for (var i = first; i < end; i += LANES) {
    result[at[0]] = value(at);
    for (var k = 0u; k < OPERANDS; k++) { at[k] += onward[k]; }
  }
}
