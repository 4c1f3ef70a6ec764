// One value of the result from one value of each operand, where every operand walks by a single stride (dense: 1, one value for all: 0).
//
// Layout: a grid-stride loop over the elements; each invocation does up to four, since starting an invocation costs more than a turn.
// The plain version, one f32 at a time: 6 GB/s on a software adapter of two cores.
//! include "common.wgsl"

//! op
alias Value = f32;
const OPERANDS = 3u;  // the result, and the inputs
const NUMBERS = 1u;   // vec4s of numbers that come with the parameters
@group(0) @binding(2) var<storage, read> in0: array<f32>;
@group(0) @binding(3) var<storage, read> in1: array<f32>;
fn value(at: array<u32, OPERANDS>) -> Value {
  let a = in0[at[1]];
  let b = in1[at[2]];
  return a * b;
}
//! end

struct Params {
  size: vec4u,                         // elements
  operands: array<vec4u, OPERANDS>,    // offset, stride
  numbers: array<vec4f, NUMBERS>,
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<Value>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    var at: array<u32, OPERANDS>;
    for (var k = 0u; k < OPERANDS; k++) { at[k] = P.operands[k].x + i * P.operands[k].y; }
    result[at[0]] = value(at);
  }
}
