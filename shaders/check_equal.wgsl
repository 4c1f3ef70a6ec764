// Compares what a kernel has stored with what it should have: equal, or for floats no further apart than `factor` times
// an allowance of their own. NaN may stand for infinity, since 0 times infinity is NaN and some kernels multiply with
// the zeros of a border; nothing else may for what is not finite.
// Layout: a grid-stride loop over a region of the result, whose index is taken apart axis by axis. Launched twice: the
// second time the element that was found first is put into the report.
//! include "common.wgsl"

struct Params {
  size: vec4u,                  // elements to look at; number of the check; axes; 1 for floats
  extents: array<vec4u, 2>,     // innermost first
  strides: array<vec4u, 2>,
  place: vec4u,                 // where the region begins; the factor's bits; 1 at the second time
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> report: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read> got: array<u32>;
@group(0) @binding(3) var<storage, read> wanted: array<u32>;
@group(0) @binding(4) var<storage, read> allowed: array<f32>;

fn agree(at: u32) -> bool {
  if (got[at] == wanted[at]) { return true; }
  if (P.size.w == 0u) { return false; }
  let a = bitcast<f32>(got[at]);
  let b = bitcast<f32>(wanted[at]);
  if (!is_finite(a) || !is_finite(b)) { return is_nan(a) && !is_finite(b); }
  let most = bitcast<f32>(P.place.y) * abs(allowed[at]);
  // Where the allowance has no bound, nothing can be said.
  return abs(a - b) <= most || !is_finite(most);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < P.size.x; i += groups.x * 64u) {
    var rest = i;
    var at = P.place.x;
    for (var axis = 0u; axis < P.size.z; axis++) {
      let above = quotient(rest, P.extents[axis / 4u][axis % 4u]);
      at += (rest - above * P.extents[axis / 4u][axis % 4u]) * P.strides[axis / 4u][axis % 4u];
      rest = above;
    }
    if (agree(at)) { continue; }
    let own = 4u * P.size.y;
    if (P.place.z == 0u) { atomicMin(&report[own], at); }
    else if (atomicLoad(&report[own]) == at) {
      atomicStore(&report[own + 1u], got[at]);
      atomicStore(&report[own + 2u], wanted[at]);
    }
  }
}
