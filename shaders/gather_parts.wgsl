// The same function of stretches of operands, one after another, into stretches of a result: small parts of a
// concatenation, which would each cost a launch by themselves.
// Layout: an invocation an element. It looks for its part from the last one backwards, among as many as one call takes.
//! include "common.wgsl"

//! op
alias Value = f32;
const NUMBERS = 1u;   // vec4s of numbers that come with the parameters
@group(0) @binding(2) var<storage, read> in0: array<f32>;
@group(0) @binding(3) var<storage, read> in1: array<f32>;
fn element(operand: u32, at: u32) -> f32 {
  switch operand {
    case 1u: { return in1[at]; }
    default: { return in0[at]; }
  }
}
fn value(operands: vec4u, at: vec4u) -> Value { return element(operands.x, at.x) + element(operands.y, at.y); }
//! end

const PARTS = 16u;
struct Params {
  size: vec4u,                   // elements of all parts
  last: vec4u,                   // the number of the last part
  parts: array<vec4u, PARTS>,    // the first element among those of all parts, where it is written to, by bit the operands that are more than one value
  operands: array<vec4u, PARTS>, // which they are
  begins: array<vec4u, PARTS>,   // from where on they are read
  numbers: array<vec4f, NUMBERS>,
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<Value>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  nothing = P.size.yzw;
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    var k = P.last.x;
    while (i < P.parts[k].x) { k--; }
    let part = P.parts[k];
    let strides = (vec4u(part.z) >> vec4u(0u, 1u, 2u, 3u)) & vec4u(1u);
    result[part.y + i - part.x] = value(P.operands[k], P.begins[k] + (i - part.x) * strides);
  }
}
