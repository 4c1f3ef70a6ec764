// map.wgsl by vec4: four values of the result from four of each dense operand, and from one of each operand that repeats.
//
// Layout: as map.wgsl, in units of vec4; the number of elements is a multiple of four, and so are the dense operands' offsets.
// Rate: 8-10 GB/s on a software adapter of two cores.
//! include "common.wgsl"

//! op
alias Value = f32;
fn compute(x0: f32, x1: f32) -> Value { return x0 * x1; }
const OPERANDS = 3u;  // the result, and the inputs
const NUMBERS = 1u;   // vec4s of numbers that come with the parameters
@group(0) @binding(2) var<storage, read> in0: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> in1: array<f32>;
fn value4(at: array<u32, OPERANDS>) -> vec4<Value> {
  let x0 = in0[at[1]];
  let x1 = in1[at[2]];
  return vec4<Value>(compute(x0.x, x1), compute(x0.y, x1), compute(x0.z, x1), compute(x0.w, x1));
}
//! end

struct Params {
  size: vec4u,                         // vec4s
  operands: array<vec4u, OPERANDS>,    // offset, stride: of dense ones in vec4s
  numbers: array<vec4f, NUMBERS>,
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<vec4<Value>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    var at: array<u32, OPERANDS>;
    for (var k = 0u; k < OPERANDS; k++) { at[k] = P.operands[k].x + i * P.operands[k].y; }
    result[at[0]] = value4(at);
  }
}
