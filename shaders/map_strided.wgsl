// One value of the result from one value of each operand, each operand a view with strides of its own: broadcasts,
// transposes, slices, and results written into a region of a larger tensor.
//
// Layout: as map.wgsl; an element's index is taken apart axis by axis, innermost first. Divisions are dear,
// so the axes that all operands walk as one were merged before.
//! include "common.wgsl"

//! op
alias Value = f32;
const OPERANDS = 3u;  // the result, and the inputs
const NUMBERS = 1u;   // vec4s of numbers that come with the parameters
@group(0) @binding(2) var<storage, read> in0: array<f32>;
@group(0) @binding(3) var<storage, read> in1: array<f32>;
alias Result = Value;
fn value(at: array<u32, OPERANDS>) -> Result {
  let a = in0[at[1]];
  let b = in1[at[2]];
  return a * b;
}
//! end

// Axes, a constant: the loop over them is unrolled, and every address in the uniform is known.
override RANK = 3u;

struct Operand {
  strides: array<vec4u, 2>,
  offset: vec4u,
}
struct Params {
  size: vec4u,                           // elements
  extents: array<vec4u, 2>,
  operands: array<Operand, OPERANDS>,
  numbers: array<vec4f, NUMBERS>,
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<Value>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  nothing = P.size.yzw;
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    var at: array<u32, OPERANDS>;
    for (var k = 0u; k < OPERANDS; k++) { at[k] = P.operands[k].offset.x; }
    var rest = i;
    for (var axis = 0u; axis < RANK; axis++) {
      var index = rest;
      if (axis + 1u < RANK) {
        let extent = P.extents[axis / 4u][axis % 4u];
        let above = quotient(rest, extent);
        index = rest - above * extent;
        rest = above;
      }
      for (var k = 0u; k < OPERANDS; k++) { at[k] += index * P.operands[k].strides[axis / 4u][axis % 4u]; }
    }
    result[at[0]] = value(at);
  }
}
