// A fold over some axes of what is computed from the operands at each index: result[o] = combine over r of value(kept(o) + reduced(r)).
//
// Layout: `lanes` invocations of a workgroup share a result. Each folds every lanes-th turn, then a tree of fixed shape folds the lanes: the order
// never varies, and sums keep more digits than one long chain. One lane where there is little to fold.
// The plain version: it needs no subgroups, but each level of the tree is a barrier, and a software adapter takes a workgroup with barriers in turns.
// For GPUs long folds into few results are cut into parts (src/kernels/variants/folds.ts), since a workgroup a result would leave them idle.
//! include "fold.wgsl"

var<workgroup> partial: array<Value, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32, @builtin(num_workgroups) groups: vec3u) {
  nothing = P.operands[0].reduced.xyz;
  let lanes = P.size.z;
  let lane = local & (lanes - 1u);
  let per_group = quotient(64u, lanes);
  let mine = quotient(local, lanes);
  // All invocations of a workgroup take the same turns, so that the barriers are met by all.
  for (var first = group.x * per_group; first < P.size.x; first += groups.x * per_group) {
    let o = first + mine;
    let at = start(min(o, P.size.x - 1u));
    var sum = folded(at, lane, lanes);
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
    if (lane == 0u && o < P.size.x) { store(o, at, sum); }
  }
}
