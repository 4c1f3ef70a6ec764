// map_strided.wgsl by rows: where a row lies is computed once, what repeats one value along it is loaded once, and
// along it operands only move on. By vec4 where every operand is dense or repeats one value along the rows, in units of
// vec4.
//
// Layout: some invocations of a workgroup share a row. For a software adapter few, with several turns each, so that
// memory is read in its order and what is computed once a row counts little; for a GPU many, so that neighbours load
// side by side. By vec4 the innermost extent is a multiple of four, and so are the offsets and outer strides of the
// operands that are dense along it.
// Rate: by vec4 18 GB/s on a software adapter of two cores (batch norm applied to 4 MB); map_strided.wgsl reaches 1.
//! include "common.wgsl"

//! op
alias Value = f32;
fn compute(x0: f32, x1: f32) -> Value { return x0 * x1; }
const OPERANDS = 3u;  // the result, and the inputs
const NUMBERS = 1u;   // vec4s of numbers that come with the parameters
@group(0) @binding(2) var<storage, read> in0: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> in1: array<f32>;
struct Fixed { none: u32, x1: f32 }  // what is the same along a row
fn fixed(at: array<u32, OPERANDS>) -> Fixed { return Fixed(0u, in1[at[2]]); }
alias Result = vec4<Value>;          // of a turn: a value, or four
fn value(at: array<u32, OPERANDS>, before: Fixed) -> Result {
  let x0 = in0[at[1]];
  let x1 = before.x1;
  return vec4<Value>(compute(x0.x, x1), compute(x0.y, x1), compute(x0.z, x1), compute(x0.w, x1));
}
//! end

override OUTER = 2u;   // axes around the rows

struct Operand {
  strides: array<vec4u, 2>,  // of the outer axes, innermost first; of operands dense along a row in vec4s
  offset: vec4u,             // offset, stride along a row
}
struct Params {
  size: vec4u,               // rows, turns of a row, invocations that share one (a power of two, at most 64)
  extents: array<vec4u, 2>,
  operands: array<Operand, OPERANDS>,
  numbers: array<vec4f, NUMBERS>,
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<Result>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32, @builtin(num_workgroups) groups: vec3u) {
  nothing = vec3u(P.size.w, P.operands[0].offset.zw);
  let lanes = P.size.z;
  let per_group = quotient(64u, lanes);
  for (var row = group.x * per_group + quotient(local, lanes); row < P.size.x; row += groups.x * per_group) {
    var at: array<u32, OPERANDS>;
    for (var k = 0u; k < OPERANDS; k++) { at[k] = P.operands[k].offset.x; }
    var rest = row;
    for (var axis = 0u; axis < OUTER; axis++) {
      var index = rest;
      if (axis + 1u < OUTER) {
        let extent = P.extents[axis / 4u][axis % 4u];
        let above = quotient(rest, extent);
        index = rest - above * extent;
        rest = above;
      }
      for (var k = 0u; k < OPERANDS; k++) { at[k] += index * P.operands[k].strides[axis / 4u][axis % 4u]; }
    }
    let before = fixed(at);
    let lane = local & (lanes - 1u);
    let turns = P.size.y;
    var onward: array<u32, OPERANDS>;
    for (var k = 0u; k < OPERANDS; k++) {
      at[k] += lane * P.operands[k].offset.y;
      onward[k] = lanes * P.operands[k].offset.y;
    }
    for (var i = lane; i < turns; i += lanes) {
      result[at[0]] = value(at, before);
      for (var k = 0u; k < OPERANDS; k++) { at[k] += onward[k]; }
    }
  }
}
