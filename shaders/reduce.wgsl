// A fold over some axes of what is computed from the operands at each index: result[o] = combine over r of
// value(kept(o) + reduced(r)).
//
// Layout: `lanes` invocations of a workgroup share a result. Each folds every lanes-th turn, then a tree of fixed shape
// folds the lanes: the order never varies, and sums keep more digits than one long chain. One lane where there is
// little to fold.
// The plain version: it needs no subgroups, but each level of the tree is a barrier, and a software adapter takes a
// workgroup with barriers in turns. On GPUs a workgroup of up to 256 lanes takes a fold, and longer ones into few
// results are cut into parts (src/kernels/variants/folds.ts). Measured on an H200 with 65,536 elements a result, 16
// results: 18 us by one workgroup of 256 lanes each, 7 by 16, and then the parts have to be added up in another call.
//! include "fold.wgsl"

override SIZE = 64u;
var<workgroup> partial: array<Value, SIZE>;

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32, @builtin(num_workgroups) groups: vec3u) {
  nothing = P.operands[0].reduced.xyz;
  let lanes = P.size.z;
  let lane = local & (lanes - 1u);
  let per_group = quotient(SIZE, lanes);
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
